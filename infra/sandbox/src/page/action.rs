//! Actions of people on either side, as data.

use domain::ids::{GroupId, RoomId, TeamId};
use engine::safety::pending_approval::ApprovalDecision;
use serde::Deserialize;
use uuid::Uuid;

/// The team or the group that an action changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A Webex team.
    Team(TeamId),
    /// A Microsoft 365 group.
    Group(GroupId),
}

/// An action of a person. People are named by their object id, or by Webex's uuid without one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Creates a team.
    CreateTeam {
        /// Its name.
        name: String,
        /// The creator, who is its moderator.
        by: Uuid,
        /// Further members.
        #[serde(default)]
        people: Vec<Uuid>,
    },
    /// Creates a group without a team.
    CreateGroup {
        /// Its name.
        name: String,
        /// The creator, who is its owner.
        by: Uuid,
    },
    /// Adds a person.
    Add(Membership),
    /// Removes a person.
    Remove(Membership),
    /// Makes a person moderator or owner.
    Promote(Membership),
    /// Makes a moderator or owner a plain member.
    Demote(Membership),
    /// Renames a team or group.
    Rename {
        /// The team or group.
        #[serde(flatten)]
        on: Target,
        /// Its new name.
        name: String,
    },
    /// Deletes a team or group.
    Delete {
        /// The team or group.
        #[serde(flatten)]
        on: Target,
    },
    /// Restores a deleted group.
    Restore {
        /// The group.
        group: GroupId,
    },
    /// Archives a team, after which its members cannot change.
    Archive {
        /// The team.
        team: TeamId,
    },
    /// Restores an archived team.
    Unarchive {
        /// The team.
        team: TeamId,
    },
    /// Makes a group one of another kind, as an administrator.
    ChangeGroup {
        /// The group.
        group: GroupId,
        /// The new kind.
        kind: GroupKind,
    },
    /// Changes a person's account, as an administrator.
    ChangeAccount {
        /// The person.
        person: Uuid,
        /// The change.
        change: AccountChange,
    },
    /// Changes a space of a team, or its folder.
    Space(SpaceChange),
    /// Presses a button of a card in a message of the integration.
    AnswerCard {
        /// The person who got the message.
        person: Uuid,
        /// The message.
        message: Uuid,
        /// The button, from 0.
        button: usize,
    },
    /// Requests a sync of a team and all its folders, as an administrator.
    SyncNow {
        /// The team.
        team: TeamId,
    },
    /// Decides about removals that wait for approval, as an administrator.
    Decide {
        /// The team of the link.
        team: TeamId,
        /// The decision.
        decision: ApprovalDecision,
    },
}

/// A person in a team or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Membership {
    /// The team or group.
    #[serde(flatten)]
    pub on: Target,
    /// The person.
    pub person: Uuid,
}

/// A kind of group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// An ordinary group.
    Assigned,
    /// Its members follow a rule.
    Dynamic,
    /// It is synchronized from on premises.
    OnPremises,
    /// Roles can be assigned to it.
    RoleAssignable,
    /// It shows its members to no one.
    Hidden,
    /// It is a security group.
    Security,
    /// It has a sensitivity label.
    Labelled,
    /// It has no sensitivity label.
    Unlabelled,
}

/// A change of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountChange {
    /// Makes the user a guest.
    Guest,
    /// Makes the user a member.
    Member,
    /// Invites the user's outside account in place of the own one.
    External,
    /// Makes the user's account one of the directory.
    Internal,
    /// Deletes the Microsoft account, and creates another one with the same address.
    RecreateMicrosoft,
    /// Deletes the Webex account, and creates another one with the same address.
    RecreateWebex,
    /// Moves the Webex account to another organization.
    MoveWebex,
    /// Writes the Microsoft account's id to the Webex account, as directory synchronization does.
    SyncId,
}

/// A change of a space or its folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SpaceChange {
    /// The team.
    pub team: TeamId,
    /// The space; none for a new one.
    #[serde(default)]
    pub space: Option<RoomId>,
    /// The kind of change.
    #[serde(rename = "what")]
    pub kind: SpaceAction,
    /// The new title or name.
    #[serde(default)]
    pub name: Option<String>,
}

/// An action on a space or its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceAction {
    /// Creates a space in the team.
    Create,
    /// Renames the space.
    Rename,
    /// Deletes the space.
    Delete,
    /// Removes the space from its team.
    TakeOut,
    /// Renames the folder, in SharePoint.
    RenameFolder,
    /// Deletes the folder, in SharePoint.
    DeleteFolder,
    /// Removes the link to the folder, in Webex.
    Unlink,
}
