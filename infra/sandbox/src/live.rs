//! The page on 127.0.0.1, and both services beside it for anybody with curl; what happens is told on standard output, too.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clients::http::TransportError;
use sandbox::page::{self, EntryKind, Play, PlayError};
use sandbox::{Ports, serve_on};
use tokio::sync::Mutex;

use crate::show::Page;

/// Where the page is, unless something else is there; the services are on the three ports behind it.
pub(crate) const PORT: u16 = 8080;

/// How often what happened is told.
const TELLING: Duration = Duration::from_millis(300);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPage {
    /// What it shows could not be set up.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// No port, or no output.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A token could not be had.
    #[error(transparent)]
    Token(#[from] TransportError),
}

/// Serves until Ctrl-C: the page on `port`, Webex, Entra and Graph on the three behind it. 0 stands for any free ones.
pub(crate) async fn serve(port: u16) -> Result<(), NoPage> {
    let play = Play::begin().await?;
    let behind = |n: u16| if port == 0 { 0 } else { port.saturating_add(n) };
    let ports = Ports { webex: behind(1), login: behind(2), graph: behind(3) };
    let servers = serve_on(play.world(), ports).await?;
    let curl = play.curl(&servers).await?;
    let play = Arc::new(Mutex::new(play));
    let served = page::serve(play.clone(), port, curl.clone()).await?;
    let mut out = Page::new();
    out.good(&format!("\nThe sandbox is open: {}", served.address))?;
    out.line("Change either side there and watch the other one follow. Ctrl-C ends it.")?;
    out.line(&format!("From a shell (also at {}/curl):\n\n{curl}", served.address))?;
    let mut told = play.lock().await.entries_after(0).last().map_or(0, |entry| entry.n);
    let mut stop = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = &mut stop => return Ok(()),
            () = tokio::time::sleep(TELLING) => {}
        }
        let play = play.lock().await;
        for entry in play.entries_after(told) {
            told = entry.n;
            let line = |what: &str| {
                let about = entry.about.as_deref().map(|about| format!("{about}: ")).unwrap_or_default();
                format!("{}  {what}  {about}{}", entry.at.strftime("%H:%M:%S"), entry.text)
            };
            match entry.kind {
                EntryKind::Act => out.line(&line("people   "))?,
                EntryKind::Decision => out.good(&line("carried  "))?,
                EntryKind::Caution | EntryKind::Trouble => out.bad(&line("trouble  "))?,
                EntryKind::Story => out.line(&line("story    "))?,
                EntryKind::Message | EntryKind::Refusal | EntryKind::Read | EntryKind::Write | EntryKind::Round => {}
            }
        }
    }
}
