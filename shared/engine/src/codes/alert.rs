//! The content of alerts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FailureReason, FolderBlocker, SpaceStatus, SuspensionReason};
use crate::credentials::registration::Registration;

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
    /// The service account's tokens end soon.
    ServiceAccountTokensEnd {
        /// The end.
        at: Timestamp,
    },
    /// The secret of an app registration ends soon.
    SecretEnds {
        /// The app registration.
        registration: Registration,
        /// The end.
        at: Timestamp,
    },
    /// Microsoft no longer accepts the app registration for files.
    FilesConsentLost,
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
