//! Errors of sync runs, and what follows from each.

use crate::credentials::federation::FederationError;
use crate::credentials::tokens::TokensError;
use crate::credentials::webhook_keys::WebhookKeysError;
use crate::tenant::suspension::SuspensionReason;
use clients::http::{Api, CallError, ErrorClass};
use clients::webex::InvalidWebexId;
use domain::ids::TeamId;
use store::queue::QueueError;
use store::table::{StoreError, StoreErrorClass};

/// Reason why a message could not be handled.
///
/// The message returns to the queue, or the link stores the failure where the link is known.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// No access token could be obtained.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The signing keys of webhooks could not be read.
    #[error(transparent)]
    Keys(#[from] WebhookKeysError),
    /// A call to a service failed.
    #[error(transparent)]
    Call(CallError),
    /// Webex sent an invalid id.
    #[error(transparent)]
    Id(#[from] InvalidWebexId),
    /// Another group has the team's unique name: it is older than our request, or another team's.
    #[error("a group with the unique name of team {0} exists already, and it is not ours")]
    GroupNotOurs(TeamId),
    /// The team is archived and accepts no change.
    #[error("the team {0} is archived: its link is paused")]
    Archived(TeamId),
    /// Graph refused every form of the request for a new group.
    #[error("the group for team {0} was refused in every form")]
    CreationRefused(TeamId),
    /// The group exists, but the replica that answered does not show it yet.
    #[error("the new group cannot be read yet")]
    GroupNotFoundYet,
    /// Other removals of the tenant were counted since this run compared with the limit.
    #[error("other teams used up the tenant's removal limit: team {0} is compared with it again")]
    RemovalsCountedMeanwhile(TeamId),
    /// Another run holds the lease, so nothing of this run may be stored.
    #[error("the lease of team {0} is lost")]
    LeaseLost(TeamId),
}

impl From<CallError> for SyncError {
    fn from(error: CallError) -> Self {
        TokensError::of_call(error).map_or_else(Self::Call, Self::Tokens)
    }
}

impl SyncError {
    /// Returns how to react; `None` where only another delivery of the message helps.
    pub fn class(&self) -> Option<ErrorClass> {
        match self {
            Self::Store(error) | Self::Tokens(TokensError::Store(error)) => match error.class() {
                StoreErrorClass::Table => None,
                StoreErrorClass::Item => Some(ErrorClass::Permanent),
            },
            // The link of a lost lease is another run's: nothing can be stored about it.
            Self::Queue(QueueError::Busy(_)) | Self::LeaseLost(_) => None,
            Self::Queue(QueueError::Refused(_)) => Some(ErrorClass::Permanent),
            Self::Call(error) => Some(error.class()),
            // A refused refresh token never works again.
            Self::Tokens(TokensError::Refresh(error)) => Some(match error.class() {
                ErrorClass::Permanent => ErrorClass::NeedsAdministrator,
                other => other,
            }),
            Self::Tokens(TokensError::Entra(error)) => Some(error.class()),
            Self::Tokens(
                TokensError::Secrets(_)
                | TokensError::BeingRefreshed
                | TokensError::Federation(FederationError::Busy(_)),
            ) => Some(ErrorClass::Transient),
            Self::Tokens(
                TokensError::Secret { .. }
                | TokensError::NoApp(_)
                | TokensError::NotConnected
                | TokensError::AnotherAccount
                | TokensError::Federation(FederationError::Refused(_)),
            ) => Some(ErrorClass::NeedsAdministrator),
            Self::GroupNotFoundYet | Self::RemovalsCountedMeanwhile(_) | Self::Keys(_) => {
                Some(ErrorClass::Transient)
            }
            Self::Id(_) | Self::GroupNotOurs(_) | Self::Archived(_) | Self::CreationRefused(_) => {
                Some(ErrorClass::Permanent)
            }
        }
    }

    /// Returns why the tenant must be suspended; `None` where the error may pass or is not about
    /// the tenant.
    ///
    /// # Assumptions
    /// The calls of a reconciliation cycle (events, people, groups) are refused with 403 only
    /// because of a lost role or consent. A refused token of Webex is renewed: only a refused
    /// refresh token means that the account is signed out.
    pub fn suspension_reason(&self) -> Option<SuspensionReason> {
        match self {
            Self::Tokens(TokensError::Refresh(call)) => {
                let is_final =
                    matches!(call.class(), ErrorClass::Permanent | ErrorClass::NeedsAdministrator);
                is_final.then_some(SuspensionReason::ServiceAccountSignedOut)
            }
            Self::Tokens(TokensError::Entra(error)) => {
                let is_final = error.class() == ErrorClass::NeedsAdministrator;
                is_final.then_some(match error.kind.is_our_own() {
                    true => SuspensionReason::OwnCredential,
                    false => SuspensionReason::ConsentLost,
                })
            }
            Self::Tokens(TokensError::NotConnected | TokensError::AnotherAccount) => {
                Some(SuspensionReason::ServiceAccountSignedOut)
            }
            Self::Tokens(
                TokensError::Secret { .. }
                | TokensError::NoApp(_)
                | TokensError::Federation(FederationError::Refused(_)),
            ) => Some(SuspensionReason::OwnCredential),
            Self::Call(call) => match (call.api, call.status()) {
                (Api::Graph, Some(401 | 403)) => Some(SuspensionReason::ConsentLost),
                // Only the directory of people needs the administrator role; events need the
                // compliance role.
                (Api::Webex, Some(403)) if call.path.starts_with("/identity/") => {
                    Some(SuspensionReason::AdministratorRoleLost)
                }
                (Api::Webex, Some(403)) => Some(SuspensionReason::ComplianceRoleLost),
                _ => None,
            },
            _ => None,
        }
    }

    /// The service that a backoff after this error belongs to.
    pub(crate) fn api(&self) -> Api {
        match self {
            Self::Call(error) => error.api,
            Self::Tokens(TokensError::Refresh(_)) => Api::Webex,
            // Tokens of Entra are for Graph, so both pause together.
            _ => Api::Graph,
        }
    }
}
