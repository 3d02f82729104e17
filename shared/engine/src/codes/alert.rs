//! The content of alerts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decision, FailureKind, FailureReason, FolderBlocker, SpaceStatus, SuspensionReason};
use clients::http::Api;
use domain::membership::{Person, Side};
use domain::merge::PersonFailure;

/// A provider of services that a tenant uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Webex.
    Webex,
    /// Microsoft 365, with its sign-in.
    Microsoft,
}

impl Provider {
    /// Returns the provider of an API.
    pub fn of(api: Api) -> Self {
        match api {
            Api::Webex => Self::Webex,
            Api::Graph | Api::Entra | Api::SharePoint => Self::Microsoft,
        }
    }
}

/// A person who is not in sync, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingPerson {
    /// The person.
    pub person: Person,
    /// The cause.
    pub failure: PersonFailure,
}

/// The content of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum AlertMessage {
    /// The tenant is suspended.
    Suspended {
        /// The reason.
        reason: SuspensionReason,
        /// The beginning of the suspension.
        since: Timestamp,
    },
    /// The tenant's suspension is over.
    Resumed {
        /// The beginning of the suspension.
        since: Timestamp,
    },
    /// A service fails for the tenant as a whole.
    ServiceFailing {
        /// The service.
        provider: Provider,
        /// The beginning.
        since: Timestamp,
        /// The end, if it is over.
        until: Option<Timestamp>,
        /// The service's last answer.
        said: String,
    },
    /// The service account's tokens end soon.
    ServiceAccountTokensEnd {
        /// The end.
        at: Timestamp,
    },
    /// Microsoft no longer accepts the app registration for files.
    FilesConsentLost,
    /// A person decided something. It is notified, and no condition that lasts.
    Decided {
        /// The actor.
        by: String,
        /// The decision.
        decision: Box<Decision>,
    },
    /// Removals of a link wait for approval.
    RemovalsPending {
        /// The team's title.
        team: String,
    },
    /// A link has failed for an hour.
    LinkFailing {
        /// The team's title.
        team: String,
        /// The beginning of the failure.
        since: Timestamp,
        /// The reason.
        reason: FailureReason,
    },
    /// People of a link are not in sync: their writes are refused, are lost or have no answer, or
    /// a listing lacks them.
    PeopleFailing {
        /// The team's title.
        team: String,
        /// The number of people.
        people: usize,
        /// Some of the people, the latest first.
        #[serde(default)]
        named: Vec<FailingPerson>,
    },
    /// A rename was acknowledged several times and lost.
    RenameLost {
        /// The team's title.
        team: String,
        /// The side that lost it.
        side: Side,
    },
    /// A rename was refused.
    RenameRefused {
        /// The team's title.
        team: String,
        /// The side to rename.
        side: Side,
        /// The refused name.
        to: String,
        /// The service's answer.
        said: String,
    },
    /// A link ended because its team did not answer.
    TeamDeleted {
        /// The team's title.
        team: String,
    },
    /// A link ended because its group did not answer.
    GroupDeleted {
        /// The team's title.
        team: String,
    },
    /// A link that had ended is back.
    LinkReturned {
        /// The team's title.
        team: String,
    },
    /// A group has nearly as many owners as it can have.
    NearOwnerLimit {
        /// The team's title.
        team: String,
        /// The number of owners.
        owners: usize,
        /// Most owners of a group.
        limit: usize,
    },
    /// A group expires soon although it was renewed.
    NearExpiry {
        /// The team's title.
        team: String,
    },
    /// All folders of a team wait.
    FoldersBlocked {
        /// The team's title.
        team: String,
        /// The obstacle.
        blocker: FolderBlocker,
        /// The beginning.
        since: Timestamp,
    },
    /// The folder of a space fails.
    FolderFailing {
        /// The team's title.
        team: String,
        /// The space's title.
        space: String,
        /// The state of the space.
        status: SpaceStatus,
        /// The beginning.
        since: Timestamp,
        /// The service's answer.
        said: Option<String>,
    },
}

/// The order in which alerts are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It concerns all teams of the tenant.
    Tenant,
    /// A link waits for a decision, or has ended.
    Decision,
    /// It concerns one link.
    Link,
}

impl AlertMessage {
    /// Returns how soon admins should know.
    pub fn urgency(&self) -> Urgency {
        match self {
            Self::Suspended { .. }
            | Self::Resumed { .. }
            | Self::ServiceFailing { .. }
            | Self::ServiceAccountTokensEnd { .. }
            | Self::FilesConsentLost => Urgency::Tenant,
            Self::RemovalsPending { .. } | Self::TeamDeleted { .. } | Self::GroupDeleted { .. } => {
                Urgency::Decision
            }
            _ => Urgency::Link,
        }
    }

    /// Returns the names and answers in the alert, of any length.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Suspended { .. }
            | Self::Resumed { .. }
            | Self::ServiceAccountTokensEnd { .. }
            | Self::FilesConsentLost => vec![],
            Self::Decided { by, decision } => {
                [by].into_iter().chain(decision.texts_mut()).collect()
            }
            Self::ServiceFailing { said, .. } => vec![said],
            Self::RemovalsPending { team }
            | Self::LinkFailing { team, .. }
            | Self::RenameLost { team, .. }
            | Self::TeamDeleted { team }
            | Self::GroupDeleted { team }
            | Self::LinkReturned { team }
            | Self::NearOwnerLimit { team, .. }
            | Self::NearExpiry { team }
            | Self::FoldersBlocked { team, .. } => vec![team],
            Self::PeopleFailing { team, named, .. } => {
                let said = named.iter_mut().filter_map(|one| one.failure.said_mut());
                [team].into_iter().chain(said).collect()
            }
            Self::RenameRefused { team, to, said, .. } => vec![team, to, said],
            Self::FolderFailing { team, space, said, .. } => {
                [team, space].into_iter().chain(said.as_mut()).collect()
            }
        }
    }

    /// Returns `true` for a link or people that fail because their calls do.
    pub fn is_failed_call(&self) -> bool {
        match self {
            Self::LinkFailing { reason, .. } => reason.kind() == FailureKind::CallFailed,
            Self::PeopleFailing { named, .. } => {
                let has_no_answer =
                    |one: &FailingPerson| matches!(one.failure, PersonFailure::NoAnswer { .. });
                !named.is_empty() && named.iter().all(has_no_answer)
            }
            _ => false,
        }
    }
}
