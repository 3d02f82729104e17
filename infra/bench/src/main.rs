//! `bench start` starts each function's release build afresh, many times, under a Runtime API. `bench webhooks` has a load generator send webhooks to one instance of the
//! webhook function. `bench looks` counts how many looks one instance of the sync function gets through while both services are 50 ms away. `cargo bench -p bench` measures
//! the hot paths. Each prints a table in Markdown.

mod aws;
mod connection;
mod lambda;
mod looks;
mod start;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;

use engine::credentials::webhook_keys::WebhookKeysError;
use sandbox::costs::NotCounted;
use sandbox::house::HouseError;

const USAGE: &str = "usage: bench start | webhooks | looks\n\n  \
    start      from the start of each function to its first answer\n  \
    webhooks   webhooks a second through one instance; has npx fetch the load generator\n  \
    looks      looks a second through one instance, 50 ms away from both services\n\n\
    The functions are those of target/release: cargo build --release --bins builds them.";

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
enum NotMeasured {
    #[error("{0}: {1}; cargo build --release --bins builds it")]
    NoBinary(PathBuf, std::io::Error),
    #[error("the function gave no sign within 20 seconds")]
    Silent,
    #[error("the function failed: {0}")]
    Refused(String),
    #[error("the answer is not as meant: {0}")]
    NotAsMeant(String),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("the load generator: {0}")]
    Generator(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Keys(#[from] WebhookKeysError),
    #[error(transparent)]
    House(#[from] HouseError),
    #[error(transparent)]
    Scene(#[from] NotCounted),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let wish: Vec<_> = std::env::args().skip(1).collect();
    let table = match wish.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["start"] => start::table().await,
        ["webhooks"] => webhooks::table().await,
        ["looks"] => looks::table().await,
        // A process that `start` starts.
        ["connect", endpoint] => return ended(connection::connect(endpoint).await),
        _ => {
            anstream::eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    ended(table.map(|table| format!("Measured {}.\n\n{table}", sandbox::load::where_and_when())))
}

fn ended(said: Result<String, NotMeasured>) -> ExitCode {
    match said {
        Ok(said) => {
            anstream::println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Of durations in order, the one within which so many of a hundred are.
fn within(sorted: &[std::time::Duration], of_a_hundred: usize) -> std::time::Duration {
    sorted.get(sorted.len().saturating_sub(1) * of_a_hundred / 100).copied().unwrap_or_default()
}

fn milliseconds(time: std::time::Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
