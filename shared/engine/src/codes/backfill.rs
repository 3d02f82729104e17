//! Codes of the backfill of teams.

use serde::{Deserialize, Serialize};

use super::FailureReason;

/// Reason why a team cannot get a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackfillBlocker {
    /// It has a link that has not ended.
    Linked,
    /// Its creator has an unanswered card.
    CreatorAsked,
    /// It is archived.
    Archived,
    /// Another organization owns it, or its owner is unknown.
    OtherOrganization,
    /// No moderator is eligible, and the settings name no fallback owner.
    NoOwner,
}

/// Reason why a chosen team failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum BackfillFailure {
    /// Its link no longer exists.
    LinkMissing,
    /// Its link ended with the team.
    TeamDeleted,
    /// Its link ended with the group.
    GroupDeleted,
    /// An admin or the creator ended its link.
    Unlinked,
    /// Its creator did not answer.
    CreatorSilent,
    /// Its link could not be synced.
    SyncFailed {
        /// Failure of the link.
        reason: FailureReason,
    },
    /// Webex does not show the team.
    TeamHidden,
    /// Its people are no longer those that the admin confirmed.
    PeopleChanged,
    /// It cannot get a group.
    Blocked {
        /// Reason.
        blocker: BackfillBlocker,
    },
}

/// An admin's command to a search or a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackfillCommand {
    /// Pause it.
    Pause,
    /// Resume it.
    Resume,
    /// End it, and keep what it found or created.
    Stop,
}
