//! `sandbox` serves a page on 127.0.0.1 that shows both sides and the functions between them.
//!
//! `sandbox --fresh` serves the setup pages beside it, for an organization that is not connected
//! yet.
//! `sandbox story` plays a story in simulated time and exits.

mod cast;
mod command_line;
mod page_server;
mod report;
mod setup_server;
mod story;
mod story_run;
mod terminal;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::command_line::{Arguments, Command};
use crate::page_server::Start;
use crate::report::Format;
use crate::story_run::{StoryError, StoryRun};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    // Standard output belongs to the story and to the page's log.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.without_time().init();
    run(&arguments).await.unwrap_or_else(|error| {
        // The reader of a pipe can stop early, as `head` does.
        if is_broken_pipe(error.as_ref()) {
            return ExitCode::SUCCESS;
        }
        anstream::eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    match arguments.command {
        Some(Command::Story { json }) => {
            Ok(play_story(if json { Format::Json } else { Format::Text }).await?)
        }
        None if arguments.fresh => {
            page_server::serve(arguments.free_port()?, Start::Fresh).await?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            page_server::serve(arguments.free_port()?, Start::Connected).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let as_io =
        |error: &(dyn Error + 'static)| error.downcast_ref::<io::Error>().map(io::Error::kind);
    let of_story = error.downcast_ref::<StoryError>().and_then(|error| match error {
        StoryError::Output(error) => Some(error.kind()),
        _ => None,
    });
    as_io(error).or(of_story) == Some(io::ErrorKind::BrokenPipe)
}

async fn play_story(format: Format) -> Result<ExitCode, StoryError> {
    let mut run = StoryRun::start(format).await?;
    story::play(&mut run).await?;
    if format == Format::Json {
        // Not with println, which panics when the reader of a pipe stops early.
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(run.report())?)?;
    }
    let is_success = run.problems().is_empty();
    Ok(if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
