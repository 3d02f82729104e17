//! Errors of tokens.

use clients::graph::TokenError;
use clients::http::{Api, CallError, CallFailure, ErrorClass};
use store::secrets::SecretsError;
use store::table::StoreError;

use crate::credentials::federation::FederationError;
use crate::credentials::registration::Registration;

/// The reason why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The secrets are out of reach.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A secret that must exist does not, or has the wrong content.
    #[error("the secret {name} {why}")]
    Secret {
        /// The secret's name.
        name: String,
        /// The fault.
        why: String,
    },
    /// The deployment has no such app registration. Without the one for files there are no folders.
    #[error("the secret of the app registration for {0} does not exist")]
    NoApp(Registration),
    /// There are no tokens of the service account: Webex is not connected.
    #[error("the tenant has no tokens of its service account")]
    NotConnected,
    /// The stored tokens are another account's, stored at the same time.
    #[error("the stored tokens are not the service account's")]
    AnotherAccount,
    /// Another process is refreshing the tokens now.
    #[error("the service account's tokens are being refreshed")]
    BeingRefreshed,
    /// The service account's tokens could not be refreshed.
    #[error("the service account's tokens could not be refreshed: {0}")]
    Refresh(CallError),
    /// The federated credential is out of reach or refused.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// Entra gives no token.
    #[error(transparent)]
    Entra(#[from] TokenError),
    /// The table is out of reach.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokensError {
    /// Returns `true` if the tenant's side refuses, so that only one of its administrators helps.
    /// An outage, and the deployment's own credential, are no refusal.
    pub fn is_refusal(&self) -> bool {
        let needs_person =
            |class| matches!(class, ErrorClass::NeedsAdministrator | ErrorClass::Permanent);
        match self {
            Self::NotConnected | Self::AnotherAccount => true,
            Self::Refresh(call) => needs_person(call.class()),
            Self::Entra(error) => !error.kind.is_our_own() && needs_person(error.class()),
            Self::Secrets(_)
            | Self::Secret { .. }
            | Self::NoApp(_)
            | Self::BeingRefreshed
            | Self::Federation(_)
            | Self::Store(_) => false,
        }
    }

    /// Returns the reason for a missing token behind an error of a call, or the call's own error.
    pub fn of_call(error: CallError) -> Result<Self, CallError> {
        match error.failure {
            // A renewal fails at the service that gives tokens, not at the one that was called.
            CallFailure::NotRenewed(renewal) if renewal.api == Api::Entra => {
                Ok(Self::Entra((*renewal).into()))
            }
            CallFailure::NotRenewed(renewal) => Ok(Self::Refresh(*renewal)),
            _ => Err(error),
        }
    }
}
