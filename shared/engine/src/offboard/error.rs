//! The error of an offboarding step.

use jiff::Timestamp;

use crate::credentials::tokens::TokensError;
use clients::http::{Api, CallError, ErrorClass};
use domain::ids::TeamId;
use store::table::StoreError;

/// Error that ends a pass early. The next pass tries again.
#[derive(Debug, thiserror::Error)]
pub enum OffboardingError {
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no token.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A call failed.
    #[error(transparent)]
    Call(CallError),
    /// A sync of the team began before the end, or was interrupted. Its lease ends within a minute.
    #[error("a sync of the team {0} is running")]
    SyncUnderWay(TeamId),
    /// A service accepted a removal, and no reading shows it yet.
    #[error("the service accepted this, but does not show it")]
    NotConfirmed,
}

impl From<CallError> for OffboardingError {
    fn from(error: CallError) -> Self {
        TokensError::of_call(error).map_or_else(Self::Call, Self::Tokens)
    }
}

impl OffboardingError {
    /// Returns `true` if no later pass can succeed: a permission that it needs was withdrawn.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Store(_)
            | Self::SyncUnderWay(_)
            | Self::NotConfirmed
            | Self::Tokens(
                TokensError::Store(_)
                | TokensError::Secrets(_)
                | TokensError::BeingRefreshed
                | TokensError::Federation(_),
            ) => false,
            Self::Tokens(
                TokensError::Secret { .. }
                | TokensError::NoApp(_)
                | TokensError::NotConnected
                | TokensError::AnotherAccount,
            ) => true,
            Self::Tokens(TokensError::Refresh(error)) | Self::Call(error) => {
                matches!(error.class(), ErrorClass::Permanent | ErrorClass::NeedsAdministrator)
            }
            // A wrong credential is this deployment's to repair: the tenant's groups wait for it.
            // Any other refusal is the directory's, and leaves nothing to do.
            Self::Tokens(TokensError::Entra(error)) => {
                error.class() == ErrorClass::NeedsAdministrator && !error.kind.is_our_own()
            }
        }
    }

    /// Returns the backoff that the error asks for.
    pub(super) fn backoff(&self) -> Option<(Api, Timestamp)> {
        let error = match self {
            Self::Call(error) | Self::Tokens(TokensError::Refresh(error)) => error,
            Self::Tokens(TokensError::Entra(error)) => &error.call,
            _ => return None,
        };
        match error.class() {
            ErrorClass::ThrottledUntil(until) => Some((error.api, until)),
            _ => None,
        }
    }
}
