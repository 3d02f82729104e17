//! `bench COMMAND` measures the functions and prints a Markdown table.

use std::io;
use std::process::ExitCode;

use bench::{BenchError, costs, load, machine, release, scale};
use tracing_subscriber::EnvFilter;

const USAGE: &str = "usage: bench COMMAND

  costs      count what each situation costs, and work out a month's bill; --json prints data
  load       measure webhooks per second, bursts, a large team and throttling; takes minutes,
             and needs a release build
  scale      count what first syncs, idle links and a large directory take, and draw a plot;
             takes minutes
  start      measure the start-up of each function
  webhooks   measure webhooks per second through one instance; npx downloads the load generator
  syncs      measure team syncs per second through one instance, 50 ms from both services

start and webhooks run the functions of target/release: cargo build --release --bins builds them.";

/// The plot that the documents show.
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scale.svg");

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = match arguments[..] {
        ["costs"] => costs().await,
        ["costs", "--json"] => costs_as_json().await,
        ["load"] => load::load().await.map(|load| load.to_string()),
        ["scale"] => scale().await,
        ["start"] => release::start().await.map(dated),
        ["webhooks"] => release::webhooks().await.map(dated),
        ["syncs"] => release::syncs().await.map(dated),
        // A process that `start` starts.
        ["connect", endpoint] => release::connect(endpoint).await,
        ["--help" | "-h" | "help"] => Ok(USAGE.to_owned()),
        _ => {
            anstream::eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match output {
        Ok(output) => {
            anstream::println!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn dated(table: String) -> String {
    format!("Measured {}.\n\n{table}", machine::where_and_when())
}

async fn costs() -> Result<String, BenchError> {
    let situations = costs::situations().await?;
    Ok(format!("{}\n{}", costs::Table(&situations), costs::bill().await?))
}

async fn costs_as_json() -> Result<String, BenchError> {
    let situations = costs::situations().await?;
    Ok(format!("{:#}", costs::json(&situations, &costs::bill().await?)))
}

async fn scale() -> Result<String, BenchError> {
    let found = scale::scale().await?;
    std::fs::write(PLOT, scale::plot(&found)?)?;
    Ok(found.to_string())
}
