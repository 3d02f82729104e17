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

/// Serves until it is stopped: the page on `port`, Webex, Entra, Graph and the setup pages of the
/// first customer on the next four.
///
/// 0 chooses free ports.
pub(crate) async fn serve(port: u16) -> Result<(), PageServerError> {
    let mut stop = StopSignal::listen()?;
    let mut playground = Playground::start().await?;
    let servers = serve_on(playground.world(), ports_behind(port)).await?;
    let listener = TcpListener::bind(("127.0.0.1", behind(port, 4))).await?;
    let setup = format!("http://{}", listener.local_addr()?);
    let pages = playground.setup_pages(addresses(&servers, &setup), &servers).await?;
    let pages = setup_server::router(pages, setup.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
    let curl = page::curl(&playground, &servers).await?;
    let playground = Arc::new(Mutex::new(playground));
    let served = page::serve(playground.clone(), port, curl).await?;
    let mut terminal = Terminal::new(Format::Text);
    terminal.good(&format!("\nThe sandbox is open: {}", served.address))?;
    terminal.line("Change either side and watch the other one follow. Ctrl-C ends it.")?;
    terminal.line(&format!(
        "The setup pages of both customers: {setup} (full.administrator@contoso.example signs in)"
    ))?;
    terminal.line(&format!("What the page can do, curl can: {}/curl", served.address))?;
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
