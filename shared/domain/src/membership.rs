//! People, their roles on both sides, and who is eligible. No I/O.

use std::fmt;
use std::ops::{Index, IndexMut};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ObjectId, PersonId};

/// One of the two sides of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The Webex team.
    Team,
    /// The Microsoft 365 group.
    Group,
}

impl Side {
    /// Both sides, the team first.
    pub const BOTH: [Self; 2] = [Self::Team, Self::Group];

    /// Returns the other side.
    pub fn other(self) -> Self {
        match self {
            Self::Team => Self::Group,
            Self::Group => Self::Team,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Team => "team",
            Self::Group => "group",
        })
    }
}

/// One value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sides<T> {
    /// Value of the team.
    pub team: T,
    /// Value of the group.
    pub group: T,
}

impl<T> Sides<T> {
    /// Builds the value of each side with `of`.
    pub fn each(mut of: impl FnMut(Side) -> T) -> Self {
        Self { team: of(Side::Team), group: of(Side::Group) }
    }
}

impl<T: PartialEq> Sides<T> {
    /// Returns `true` if both sides have the same value.
    pub fn are_equal(&self) -> bool {
        self.team == self.group
    }
}

impl<T> Index<Side> for Sides<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Team => &self.team,
            Side::Group => &self.group,
        }
    }
}

impl<T> IndexMut<Side> for Sides<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Team => &mut self.team,
            Side::Group => &mut self.group,
        }
    }
}

/// Role of a person on one side. It combines two aspects: presence and ownership.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Not a member.
    #[default]
    None,
    /// Member without further rights.
    Member,
    /// Owner of a group, or moderator of a team.
    Owner,
}

/// One of the two independent aspects of a [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// The person is on this side.
    Presence,
    /// The person is an owner on this side.
    Ownership,
}

impl Aspect {
    /// Both aspects, presence first.
    pub const BOTH: [Self; 2] = [Self::Presence, Self::Ownership];
}

impl Role {
    /// Returns the role that two aspects make. Without presence there is no ownership.
    pub(crate) fn of(present: bool, owner: bool) -> Self {
        match (present, owner) {
            (false, _) => Self::None,
            (true, false) => Self::Member,
            (true, true) => Self::Owner,
        }
    }

    /// Returns the value of one aspect.
    pub fn says(self, aspect: Aspect) -> bool {
        match aspect {
            Aspect::Presence => self != Self::None,
            Aspect::Ownership => self == Self::Owner,
        }
    }

    /// Returns `true` for members and owners.
    pub fn is_present(self) -> bool {
        self.says(Aspect::Presence)
    }

    /// Returns this role with one aspect taken from `other`.
    pub fn with(self, aspect: Aspect, other: Self) -> Self {
        match (aspect, other.says(aspect)) {
            (Aspect::Presence, false) => Self::None,
            // Never less, because presence says nothing about ownership.
            (Aspect::Presence, true) => self.max(Self::Member),
            (Aspect::Ownership, true) => Self::Owner,
            (Aspect::Ownership, false) => self.min(Self::Member),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "absent",
            Self::Member => "member",
            Self::Owner => "owner",
        })
    }
}

/// A person on both sides, as the pair of their ids. A different pair is a different person,
/// without a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Id of the Entra user.
    pub object: ObjectId,
    /// Id of the Webex person.
    pub person: PersonId,
}

/// Eligibility of a person to be on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Eligibility {
    /// The person can be on both sides.
    Eligible {
        /// Time of return after an exclusion. `None` if the person was never excluded.
        returned: Option<Timestamp>,
    },
    /// The person cannot be on both sides. Sync never touches them.
    Excluded {
        /// Reason for the exclusion.
        reason: ExclusionReason,
    },
}

/// Reason for an exclusion. Each has a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExclusionReason {
    /// The Webex account has no externalId.
    NotSynchronized,
    /// The person has never signed in to Webex.
    NotSignedIn,
    /// The Webex account is switched off.
    Inactive,
    /// The account belongs to another Webex organization.
    OtherOrganization,
    /// A bot, a device or a service account.
    NotAPerson,
    /// The Entra user is a guest.
    Guest,
    /// The externalId is no user of the directory.
    NoEntraUser,
    /// The Entra user has no Webex account in the organization.
    NoWebexAccount,
    /// Two Webex accounts have the same externalId.
    SharedObjectId,
    /// Another Webex account had this externalId before, and the names differ.
    MovedObjectId,
    /// The Webex account's name is none of the Entra user's, and no admin confirmed the two.
    NamesDiffer,
    /// Another Webex account has the Entra user's name.
    NameTaken,
    /// The group's member is not a user.
    NotAUser,
    /// The account, or its Entra user, is the tenant's service account.
    ServiceAccount,
    /// Webex says that the person is in the team, and nothing more that can be read.
    MembershipUnreadable,
}
