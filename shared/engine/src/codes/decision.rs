//! Decisions of people about a tenant and its teams.

use domain::ids::{DirectoryId, ObjectId, PersonId};
use domain::membership::{Person, Role, Sides};
use domain::merge::PersonRemoval;
use serde::{Deserialize, Serialize};

use super::{BackfillCommand, Groups, Links};

/// A decision of a person, the operator or the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Decision {
    /// The team's creator, or a moderator, answered the card.
    CardAnswered {
        /// The answer.
        answer: CardAnswer,
    },
    /// The link was ended.
    LinkEnded,
    /// A group was adopted.
    GroupAdopted {
        /// The group's name.
        group: String,
        /// The Microsoft user who signed in for it.
        user: ObjectId,
        /// The right of that user.
        right: AdoptionRight,
    },
    /// An administrator signed in.
    SignedIn,
    /// An administrator signed out.
    SignedOut,
    /// A sign-in was refused, or a session ended because its role did.
    SignInRefused {
        /// The reason.
        why: SignInRefusal,
    },
    /// A session of an administrator was ended.
    SessionEnded {
        /// The name of that administrator.
        name: String,
    },
    /// All sessions of the organization were ended.
    SessionsEnded,
    /// The service account was connected, or replaced.
    ServiceAccountConnected {
        /// The account.
        account: PersonId,
        /// The account's name.
        name: String,
        /// The account that it replaced.
        replaced: Option<PersonId>,
    },
    /// The service account was removed before a directory was joined.
    ServiceAccountRemoved,
    /// A directory was joined, by the consent of one of its administrators.
    DirectoryJoined {
        /// The directory.
        directory: DirectoryId,
        /// The directory's name.
        name: String,
    },
    /// A directory was released from another organization, which had joined it.
    DirectoryReleased {
        /// The directory.
        directory: DirectoryId,
    },
    /// A directory consented to files.
    FilesConsented {
        /// The administrator of the directory.
        by: ObjectId,
        /// That administrator's sign-in name.
        by_name: String,
    },
    /// Settings were changed. Each value holds only the settings that differ.
    SettingsChanged {
        /// The values before.
        from: serde_json::Value,
        /// The values after.
        to: serde_json::Value,
    },
    /// Removals that waited were approved.
    RemovalsApproved {
        /// The removals, or the first of very many.
        removals: Vec<PersonRemoval>,
        /// Their number.
        total: usize,
    },
    /// Removals that waited were rejected.
    RemovalsRejected {
        /// The removals, or the first of very many.
        removals: Vec<PersonRemoval>,
        /// Their number.
        total: usize,
    },
    /// The roles of people were decided on: an undo, or a difference that was resolved.
    RolesDecided {
        /// The people, or the first of very many, with their roles before and after.
        people: Vec<DecidedRoles>,
        /// Their number.
        total: usize,
    },
    /// An account was confirmed to be a user of the directory.
    PersonConfirmed {
        /// The account and the user.
        pair: Person,
        /// The account that was eligible with the user's id before, if there was one.
        before: Option<PersonId>,
    },
    /// The confirmation of an account was revoked.
    ConfirmationRevoked {
        /// The account and the user.
        pair: Person,
    },
    /// Object ids were written to accounts that had none.
    ExternalIdsWritten {
        /// The accounts with their ids, or the first of very many.
        people: Vec<Person>,
        /// Their number.
        total: usize,
    },
    /// Groups were ordered for existing teams.
    BackfillStarted {
        /// The number of teams.
        teams: usize,
    },
    /// The creation of those groups was paused, resumed or stopped.
    BackfillOrdered {
        /// The order.
        order: BackfillCommand,
    },
    /// The tenant was disconnected.
    Disconnected {
        /// The choice for the groups.
        groups: Groups,
        /// The choice for the links.
        links: Links,
    },
    /// The number of groups to delete after a disconnect was decided on.
    GroupDeletionDecided {
        /// The choice.
        groups: Groups,
    },
    /// The tenant was stopped, to be moved or erased.
    TenantRetired,
    /// The tenant was started again.
    TenantResumed,
    /// The tenant was moved here from another deployment.
    TenantImported,
    /// Everything stored of the tenant was erased.
    TenantErased,
}

impl Decision {
    /// The most people that a decision names.
    pub const MOST_NAMED: usize = 500;

    /// Returns `true` if the tenant's recipient of alerts is notified of it.
    pub fn is_notified(&self) -> bool {
        !matches!(
            self,
            Self::SignedIn
                | Self::SignedOut
                | Self::SignInRefused { .. }
                | Self::CardAnswered { .. }
                | Self::TenantErased
        )
    }

    /// Returns the names in the decision, of any length.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::GroupAdopted { group: name, .. }
            | Self::SessionEnded { name }
            | Self::ServiceAccountConnected { name, .. }
            | Self::DirectoryJoined { name, .. }
            | Self::FilesConsented { by_name: name, .. } => vec![name],
            _ => vec![],
        }
    }
}

/// An answer to a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardAnswer {
    /// The team is to have a group.
    Yes,
    /// It is not.
    No,
}

/// The reason why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInRefusal {
    /// The account has no role in the organization that these pages know.
    NotAnAdministrator,
    /// The account is no longer one, so its session ended.
    RoleEnded,
    /// The organization may not sign up.
    OrganizationNotAllowed,
}

/// The right by which a Microsoft user adopts a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdoptionRight {
    /// An administrator of the directory.
    DirectoryAdministrator,
    /// An owner of the group.
    GroupOwner,
}

/// The roles of a person before and after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedRoles {
    /// The person.
    pub person: Person,
    /// The roles before.
    pub from: Sides<Role>,
    /// The roles after.
    pub to: Sides<Role>,
}
