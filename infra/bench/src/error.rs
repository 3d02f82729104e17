//! Errors of the measurements.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use clients::http::TransportError;
use engine::credentials::webhook_keys::WebhookKeysError;
use engine::sync::SyncError;
use sandbox::local_stack::LocalStackError;
use sim::Refused;

/// The reason why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The local stack failed.
    #[error(transparent)]
    LocalStack(#[from] LocalStackError),
    /// A simulated service refused a person's action.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A team sync failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A call failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A result that a measurement builds on is not there.
    #[error("unexpected result: {0}")]
    Unexpected(String),
    /// A function's release build is missing.
    #[error("{0}: {1}; cargo build --release --bins builds it")]
    NoBinary(PathBuf, io::Error),
    /// A function did not respond.
    #[error("the function did not respond within 20 seconds")]
    Silent,
    /// A function reported an error.
    #[error("the function failed: {0}")]
    FunctionFailed(String),
    /// A TLS connection failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The load generator failed.
    #[error("load generator: {0}")]
    LoadGenerator(String),
    /// An input or output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A certificate could not be created.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// The webhook keys could not be read.
    #[error(transparent)]
    WebhookKeys(#[from] WebhookKeysError),
}

/// An error about a result that differs from what the measurement builds on.
pub(crate) fn unexpected(why: impl Display) -> BenchError {
    BenchError::Unexpected(why.to_string())
}
