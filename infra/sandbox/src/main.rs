//! `sandbox` serves a page on 127.0.0.1 that shows both sides and the functions between them.
//!
//! `sandbox story` plays a story in simulated time and exits. `sandbox --fresh` serves the setup
//! pages for an organization that is not connected yet.

mod cast;
mod page_server;
mod setup_server;
mod story;
mod story_run;
mod terminal;

use std::io;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::story_run::{StoryError, StoryRun};

const USAGE: &str = "usage: sandbox [story | --fresh | --port PORT]

  (none)       serve the page on http://127.0.0.1:8080, and both services, until Ctrl-C
  --port PORT  the same on this port; Webex, Entra and Graph use the next three ports.
               0 chooses free ports
  --fresh      serve the setup pages and both services, for an organization that is not
               connected yet
  story        play the story and exit; the exit code is 0 if both sides are in sync

RUST_LOG=debug logs every call to standard error.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(command) = Command::parse(&arguments) else {
        anstream::eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    // Standard output belongs to the story and to the page's log.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.without_time().init();
    let done = |()| ExitCode::SUCCESS;
    let ended = match command {
        Command::Page(port) => {
            page_server::serve(port).await.map(done).map_err(|error| error.to_string())
        }
        Command::Setup => setup_server::serve().await.map(done).map_err(|error| error.to_string()),
        Command::Story => play_story().await.map_err(|error| error.to_string()),
    };
    ended.unwrap_or_else(|error| {
        anstream::eprintln!("{error}");
        ExitCode::FAILURE
    })
}

/// A command of the command line.
enum Command {
    /// Serves the page on this port.
    Page(u16),
    /// Serves the setup pages.
    Setup,
    /// Plays the story.
    Story,
}

impl Command {
    fn parse(arguments: &[String]) -> Option<Self> {
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Some(Self::Page(page_server::PORT)),
            ["story"] => Some(Self::Story),
            ["--fresh"] => Some(Self::Setup),
            ["--port", port] => port.parse().ok().map(Self::Page),
            _ => None,
        }
    }
}

async fn play_story() -> Result<ExitCode, StoryError> {
    let mut run = StoryRun::start().await?;
    story::play(&mut run).await?;
    let is_success = run.problems().is_empty();
    Ok(if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
