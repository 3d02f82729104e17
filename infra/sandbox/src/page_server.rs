//! Serves the page, and both services beside it; prints the log to standard output.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clients::http::TransportError;
use sandbox::page::{self, Entry, EntryKind, Playground, PlaygroundError};
use sim::serve_on;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::command_line::{StopSignal, behind};
use crate::report::Format;
use crate::setup_server::{self, addresses, ports_behind};
use crate::terminal::Terminal;

/// The interval at which the log is printed.
const INTERVAL: Duration = Duration::from_millis(300);

/// The reason why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageServerError {
    /// The playground did not start.
    #[error(transparent)]
    Playground(#[from] PlaygroundError),
    /// A port or the output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No token could be issued.
    #[error(transparent)]
    Token(#[from] TransportError),
}

/// The customers at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Two that have used the integration for half an hour.
    Connected,
    /// One that has not connected yet.
    Fresh,
}

/// Serves until it is stopped: the page on `port`, Webex, Entra, Graph and the setup pages on the
/// next four. Without a connected customer, the setup pages have `port`, and the page is the last.
///
/// 0 chooses free ports.
pub(crate) async fn serve(port: u16, start: Start) -> Result<(), PageServerError> {
    let mut stop = StopSignal::listen()?;
    let (mut playground, page_port, setup_port) = match start {
        Start::Connected => (Playground::start().await?, port, behind(port, 4)),
        Start::Fresh => (Playground::fresh()?, behind(port, 4), port),
    };
    let servers = serve_on(playground.world(), ports_behind(port)).await?;
    let listener = TcpListener::bind(("127.0.0.1", setup_port)).await?;
    let setup = format!("http://{}", listener.local_addr()?);
    let pages = playground.setup_pages(addresses(&servers, &setup), &servers).await?;
    let pages = setup_server::router(pages, setup.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
    let curl = page::curl(&playground, &servers).await?;
    let playground = Arc::new(Mutex::new(playground));
    let served = page::serve(playground.clone(), page_port, curl).await?;
    let mut terminal = Terminal::new(Format::Text);
    greet(&mut terminal, start, &served.address, &setup)?;
    // What happened before the page opened is no news.
    let last = playground.lock().await.entries_after(0).last().map(|entry| entry.n);
    let mut printed = last.unwrap_or(0);
    loop {
        tokio::select! {
            stopped = stop.received() => {
                serving.abort();
                return Ok(stopped?);
            }
            () = tokio::time::sleep(INTERVAL) => {}
        }
        for entry in playground.lock().await.entries_after(printed) {
            printed = entry.n;
            print(&mut terminal, entry)?;
        }
    }
}

fn greet(terminal: &mut Terminal, start: Start, page: &str, setup: &str) -> io::Result<()> {
    match start {
        Start::Connected => {
            terminal.good(&format!("\nThe sandbox is open: {page}"))?;
            terminal.line("Change either side and watch the other one follow.")?;
            terminal.line(&format!(
                "The setup pages of both customers: {setup} \
                 (full.administrator@contoso.example signs in)"
            ))?;
        }
        Start::Fresh => {
            terminal.good(&format!("\nThe setup pages: {setup}"))?;
            terminal.line("1. Sign in with Webex as Full Administrator.")?;
            terminal.line(
                "2. Connect Webex as Compliance Officer, and authorize at Microsoft as Full \
                 Administrator.",
            )?;
            terminal
                .line(&format!("3. Turn syncing on, and let Ada Arndt create a team: {page}"))?;
        }
    }
    terminal.line(&format!("What the page can do, curl can: {page}/curl"))?;
    terminal.line("Ctrl-C ends it.")
}

fn print(terminal: &mut Terminal, entry: &Entry) -> io::Result<()> {
    let line = |kind: &str| {
        let about = entry.about.as_deref().map(|about| format!("{about}: ")).unwrap_or_default();
        format!("{}  {kind:<9}  {about}{}", entry.at.strftime("%H:%M:%S"), entry.text)
    };
    match entry.kind {
        EntryKind::Action => terminal.line(&line("people")),
        EntryKind::Decision => terminal.good(&line("synced")),
        EntryKind::Warning | EntryKind::Disruption => terminal.bad(&line("warning")),
        EntryKind::Story => terminal.line(&line("story")),
        EntryKind::Time => terminal.line(&line("time")),
        EntryKind::Message
        | EntryKind::Refusal
        | EntryKind::Read
        | EntryKind::Write
        | EntryKind::Cycle => Ok(()),
    }
}
