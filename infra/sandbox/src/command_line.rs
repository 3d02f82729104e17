//! The command line.

use std::io;
use std::net::TcpListener;

use clap::{Parser, Subcommand, value_parser};

/// The port of the page, unless it is in use. Three services and the setup pages use the next four.
const PORT: u16 = 8080;

/// Both services and the functions between them, on 127.0.0.1.
///
/// Serves a page that shows both sides, and the setup pages, unless a command says otherwise.
/// RUST_LOG=debug logs every call to standard error.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Start with an organization that is not connected yet, and its setup pages on the port.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// The port of the page; Webex, Entra, Graph and the setup pages use the next four. 0 chooses
    /// free ports [default: 8080, or free ones if it is in use].
    #[arg(long, value_parser = value_parser!(u16).range(..=i64::from(u16::MAX) - 4))]
    pub(crate) port: Option<u16>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Play the story in simulated time and exit; the exit code is 0 if both sides are in sync.
    Story {
        /// Print one JSON object at the end, instead of the steps.
        #[arg(long)]
        json: bool,
    },
}

/// A port that was asked for is in use, or cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("port {port} of 127.0.0.1 cannot be used: {error}. --port 0 chooses free ports")]
pub(crate) struct PortError {
    port: u16,
    error: io::Error,
}

impl Arguments {
    /// Returns the port of the pages, with the four behind it free; 0 for any free ports.
    pub(crate) fn free_port(&self) -> Result<u16, PortError> {
        match self.port {
            Some(0) => Ok(0),
            Some(port) => require_free(port).map(|()| port),
            None => Ok(require_free(PORT).map(|()| PORT).unwrap_or_else(|taken| {
                anstream::println!("Port {} is in use, so free ones are chosen.", taken.port);
                0
            })),
        }
    }
}

/// Returns the port `n` places behind this one; of 0, any free port.
pub(crate) fn behind(port: u16, n: u16) -> u16 {
    if port == 0 { 0 } else { port + n }
}

fn require_free(first: u16) -> Result<(), PortError> {
    for port in first..=behind(first, 4) {
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| PortError { port, error })?;
    }
    Ok(())
}

/// The signals that end a server: Ctrl-C, and the one with which containers end a process.
pub(crate) struct StopSignal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    /// Takes the signals over, before the first line of output invites anyone to send one.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// Waits for a signal.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) async fn received(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        {
            tokio::select! {
                stopped = tokio::signal::ctrl_c() => stopped,
                _ = self.terminate.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["sandbox"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn options_are_combined_in_any_order() {
        for line in ["--fresh --port 21320", "--port=21320 --fresh"] {
            let parsed = parse(line).unwrap();
            assert!(parsed.fresh && parsed.port == Some(21320), "{line}");
        }
        let command = |line| parse(line).unwrap().command;
        assert!(matches!(command("story"), Some(Command::Story { json: false })));
        assert!(matches!(command("story --json"), Some(Command::Story { json: true })));
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        for (line, named) in [
            ("storyy", "'storyy'"),
            ("story extra", "'extra'"),
            ("--port abc", "'abc'"),
            ("--port 65533", "65533 is not in 0..=65531"),
            ("story --fresh", "--fresh"),
        ] {
            let error = parse(line).err().unwrap();
            assert!(error.to_string().contains(named), "{line}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
        for line in ["--help", "-h", "--version", "-V", "help"] {
            assert_eq!(parse(line).err().unwrap().exit_code(), 0, "{line}");
        }
    }

    #[test]
    fn a_port_that_was_asked_for_is_not_replaced() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port().min(u16::MAX - 4);
        let arguments = |port| Arguments { command: None, fresh: false, port: Some(port) };
        let error = arguments(port).free_port().unwrap_err();
        assert!(error.to_string().starts_with(&format!("port {port} of")), "{error}");
        assert_eq!(arguments(0).free_port().unwrap(), 0);
    }
}
