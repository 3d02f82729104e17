//! Failures that keep a link out of sync.

use serde::{Deserialize, Serialize};

use domain::membership::{Person, Role, Side};

/// The kind of a sync failure, which decides the pause before the next sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A call failed; the next sync tries again.
    CallFailed,
    /// Nothing of the plan could be done.
    NoProgress,
    /// An administrator has to act.
    NeedsAdministrator,
    /// No eligible person can own the group.
    NoOwner,
    /// The team is not visible.
    TeamMissing,
    /// The group is not visible.
    GroupMissing,
    /// A team or group is not found, but its people are listed.
    Contradicted,
    /// The group with the team's unique name is not ours.
    GroupNotOurs,
    /// The directory does not allow users to create groups.
    CreationRestricted,
    /// The team is archived.
    Archived,
}

/// A step of a plan that could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckStep {
    /// The person.
    pub person: Person,
    /// The side to change.
    pub side: Side,
    /// The role that the person should get.
    pub to: Role,
}

/// The reason of a sync failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum FailureReason {
    /// A call failed.
    CallFailed {
        /// The error, with the service's request id.
        said: String,
    },
    /// A call failed in a way that only an administrator can change.
    NeedsAdministrator {
        /// The error, with the service's request id.
        said: String,
    },
    /// Nothing of the plan could be done.
    NoProgress {
        /// The first step that is left.
        first: Option<StuckStep>,
        /// The number of steps that are left.
        left: usize,
        /// The service's refusal, where there is one.
        said: Option<String>,
    },
    /// The team has no moderator to ask about a group.
    NoModerator,
    /// Webex accepted the card to the creator and does not show it.
    CardNotShown,
    /// No moderator is eligible, and there is no fallback owner.
    NoOwner,
    /// The team is not visible.
    TeamMissing,
    /// Webex lists the team's people, but does not find the team.
    TeamContradicted,
    /// Several teams were deleted within a day, so their groups stay.
    ManyTeamsDeleted,
    /// The group is not visible.
    GroupMissing,
    /// Microsoft 365 accepted the group or its restoration, and no reading shows it.
    GroupNotShown,
    /// The directory lists the group's people, but does not find the group.
    GroupContradicted,
    /// Several groups were deleted within a day, so nothing follows from it.
    ManyGroupsDeleted,
    /// The group with the team's unique name is not ours.
    GroupNotOurs,
    /// The directory does not allow users to create groups.
    CreationRestricted,
    /// The team is archived.
    Archived,
}

impl FailureReason {
    /// Returns the kind of failure that this reason belongs to.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::CallFailed { .. } | Self::CardNotShown => FailureKind::CallFailed,
            Self::NoProgress { .. } => FailureKind::NoProgress,
            Self::NeedsAdministrator { .. } => FailureKind::NeedsAdministrator,
            Self::NoModerator | Self::NoOwner => FailureKind::NoOwner,
            Self::TeamMissing | Self::ManyTeamsDeleted => FailureKind::TeamMissing,
            Self::GroupMissing | Self::GroupNotShown | Self::ManyGroupsDeleted => {
                FailureKind::GroupMissing
            }
            Self::TeamContradicted | Self::GroupContradicted => FailureKind::Contradicted,
            Self::GroupNotOurs => FailureKind::GroupNotOurs,
            Self::CreationRestricted => FailureKind::CreationRestricted,
            Self::Archived => FailureKind::Archived,
        }
    }
}
