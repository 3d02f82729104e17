//! `sandbox story` tells a story of a team and its group, in simulated time. `sandbox` alone opens a page on 127.0.0.1 on which both sides, and the functions between
//! them, can be watched and played with. `sandbox costs` counts what everything costs, and
//! `sandbox load` measures what the functions bear, and `sandbox scale` what large customers and many of them take. `sandbox --fresh` serves the setup pages for an organization that is not connected yet.

mod cast;
mod fresh;
mod live;
mod show;
mod story;

use std::io;
use std::process::ExitCode;

use sandbox::costs::{self, NotCounted};
use tracing_subscriber::EnvFilter;

use crate::story::{Stopped, Story};

const USAGE: &str = "usage: sandbox [story | costs | load | scale | --fresh | --port PORT]\n\n  \
    story        tell the story and end; the exit code says whether both sides were one\n  \
    costs        count what each situation costs, and work out a month's bill, as tables in Markdown\n  \
    load         measure what the functions bear, as a table in Markdown; takes minutes, and a release build\n  \
    scale        count what first syncs, idle links and a large directory take, as a table in Markdown and a plot\n  \
    (alone)      serve the page on http://127.0.0.1:8080 until Ctrl-C, and both sides behind it\n  \
    --port PORT  the same on this port, and Webex, Entra and Graph on the three after it; 0 is any free ones\n  \
    --fresh      serve the setup pages and both sides, for an organization that is not connected yet\n\n\
    RUST_LOG=debug shows every call on standard error.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wish = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(Wish::Page(live::PORT)),
        ["story"] => Some(Wish::Story),
        ["costs"] => Some(Wish::Costs),
        ["load"] => Some(Wish::Load),
        ["scale"] => Some(Wish::Scale),
        ["--fresh"] => Some(Wish::Fresh),
        ["--port", port] => port.parse().ok().map(Wish::Page),
        _ => None,
    };
    let Some(wish) = wish else {
        anstream::eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().init();
    let ended = match wish {
        Wish::Page(port) => live::serve(port).await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string()),
        Wish::Story => tell().await.map_err(|error| error.to_string()),
        Wish::Costs => count().await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string()),
        Wish::Load => load().await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string()),
        Wish::Scale => scale().await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string()),
        Wish::Fresh => fresh::serve().await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string()),
    };
    ended.unwrap_or_else(|error| {
        anstream::eprintln!("{error}");
        ExitCode::FAILURE
    })
}

/// What is wanted.
enum Wish {
    /// The page, on this port.
    Page(u16),
    /// The story alone.
    Story,
    /// What everything costs.
    Costs,
    /// What the functions bear.
    Load,
    /// What large customers and many of them take.
    Scale,
    /// The setup pages.
    Fresh,
}

async fn tell() -> Result<ExitCode, Stopped> {
    let mut story = Story::begin().await?;
    Ok(if story.tell().await?.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn count() -> Result<(), NotCounted> {
    anstream::println!("{}\n{}", costs::Table(&costs::situations().await?), costs::bill().await?);
    Ok(())
}

async fn load() -> Result<(), NotCounted> {
    anstream::println!("{}", sandbox::load::load().await?);
    Ok(())
}

/// Where the plot is kept that the README shows.
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scale.svg");

async fn scale() -> Result<(), NotCounted> {
    let found = sandbox::scale::scale().await?;
    let plot = sandbox::scale::plot(&found)?;
    std::fs::write(PLOT, plot).map_err(|error| NotCounted::NotAsMeant(format!("{PLOT}: {error}")))?;
    anstream::println!("{found}");
    Ok(())
}
