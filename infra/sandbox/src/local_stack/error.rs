//! Errors of the local stack.

use engine::credentials::tokens::TokensError;
use engine::sync::SyncError;

/// The reason why the local stack failed.
#[derive(Debug, thiserror::Error)]
pub enum LocalStackError {
    /// A token could not be stored or loaded.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A sync or a reconciliation cycle failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The setup failed.
    #[error("{0}")]
    Setup(String),
}

/// A setup error with this cause.
pub(super) fn setup_error(cause: impl std::fmt::Display) -> LocalStackError {
    LocalStackError::Setup(cause.to_string())
}
