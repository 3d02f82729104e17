//! Acts on a link, and reasons of role changes.

use domain::membership::{Role, Side};
use domain::merge::{DeferredBy, RuleRefusal};
use serde::{Deserialize, Serialize};

use super::Decision;

/// An act on a link that concerns no single person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Note {
    /// The team's creator was asked, by card, about a group.
    CreatorAsked,
    /// The creator did not answer in time.
    CreatorDidNotAnswer,
    /// The group was created.
    GroupCreated {
        /// The group's name.
        group: String,
    },
    /// The first sync put the people of each side on the other.
    FirstSync,
    /// Removals wait for an administrator.
    RemovalsPending {
        /// The number of removals.
        removals: usize,
    },
    /// Owners without membership became members.
    OwnersMadeMembers {
        /// The number of owners.
        owners: usize,
    },
    /// The team was deleted; the group stays.
    TeamDeleted,
    /// The team was deleted, and the group with it.
    TeamAndGroupDeleted,
    /// The group was deleted, which ended the link.
    GroupDeleted,
    /// The team or group of an ended link answers again: the link is back.
    LinkReturned,
    /// The team or group of an ended link did not come back in time: the link is over.
    WayBackEnded,
    /// The group was deleted and restored.
    GroupRestored,
    /// The group was renewed before it expired.
    GroupRenewed,
    /// One side was renamed.
    Renamed {
        /// The side that was renamed.
        side: Side,
        /// The new name.
        to: String,
    },
    /// The service refused a rename.
    RenameRefused {
        /// The side to rename.
        side: Side,
        /// The refused name.
        to: String,
        /// The service's answer.
        said: String,
    },
    /// The service account could not join the team.
    ServiceAccountNotAdded {
        /// The service's answer.
        said: String,
    },
    /// A replaced service account could not be removed from the team.
    FormerAccountNotRemoved {
        /// The service's answer.
        said: String,
    },
    /// A person decided something.
    Decided {
        /// The decision.
        decision: Box<Decision>,
    },
    /// A folder was created for a space.
    FolderCreated {
        /// The folder's name.
        folder: String,
        /// The space's title.
        space: String,
    },
    /// A folder that existed became a space's folder.
    FolderAdopted {
        /// The folder's name.
        folder: String,
        /// The space's title.
        space: String,
    },
    /// A folder was renamed after its space.
    FolderRenamed {
        /// The former name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A space was linked to its folder.
    FolderLinked {
        /// The folder's name.
        folder: String,
        /// The space's title.
        space: String,
    },
    /// A space was found linked to a folder, which became its own.
    FolderFoundLinked {
        /// The folder's name.
        folder: String,
        /// The space's title.
        space: String,
    },
}

/// The reason for a person's change of role on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum ChangeReason {
    /// An administrator's override.
    Override {
        /// The side that changed.
        side: Side,
        /// The new role.
        to: Role,
    },
    /// The person's role on the other side.
    OtherSide {
        /// The side that changed.
        side: Side,
        /// The role on the other side.
        other: Role,
        /// The new role.
        to: Role,
    },
}

/// The reason why a change of role was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Refusal {
    /// Our own rule.
    Rule {
        /// The rule.
        refusal: RuleRefusal,
    },
    /// The service.
    Service {
        /// The service's answer.
        said: String,
    },
    /// The service acknowledged the change, and readings show the old value.
    Lost {
        /// Number of lost writes.
        tries: u32,
    },
    /// An override that another change, or the rule for last owners, overtook.
    Overtaken,
}

impl From<DeferredBy> for Refusal {
    fn from(by: DeferredBy) -> Self {
        match by {
            DeferredBy::Rule { refusal } => Self::Rule { refusal },
            DeferredBy::Service { said } => Self::Service { said },
            DeferredBy::Lost { tries } => Self::Lost { tries },
        }
    }
}
