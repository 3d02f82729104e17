//! `sandbox story` tells a story of a team and its group, in simulated time. `sandbox` alone tells it, too, and then keeps both services open on 127.0.0.1 and in
//! step, in real time. `sandbox --fresh` serves the setup pages for an organization that is not connected yet.

mod cast;
mod fresh;
mod live;
mod show;
mod story;

use std::io;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::story::{Stopped, Story};

const USAGE: &str = "usage: sandbox [story | --fresh]\n\n  \
    story    tell the story and end; the exit code says whether both sides were one\n           \
    (alone)  tell the story, then serve both sides on 127.0.0.1 until Ctrl-C\n  \
    --fresh  serve the setup pages and both sides on 127.0.0.1, for an organization that is not connected yet\n\n\
    RUST_LOG=debug shows every call on standard error.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ending = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ending::Serve,
        ["story"] => Ending::Verdict,
        ["--fresh"] => Ending::Fresh,
        _ => {
            anstream::eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().init();
    if ending == Ending::Fresh {
        return match fresh::serve().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                anstream::eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    match run(ending).await {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What comes after the story.
#[derive(PartialEq)]
enum Ending {
    Verdict,
    Serve,
    Fresh,
}

async fn run(ending: Ending) -> Result<ExitCode, Stopped> {
    let mut story = Story::begin().await?;
    let code = if story.tell().await?.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if ending == Ending::Serve {
        live::serve(story).await?;
    }
    Ok(code)
}
