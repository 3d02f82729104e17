//! People and what they are on the two sides. No I/O.

use std::fmt;
use std::ops::{Index, IndexMut};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ObjectId, PersonId};

/// One of the two things that are kept as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The Webex team.
    Team,
    /// The Microsoft 365 group.
    Group,
}

impl Side {
    /// Both, the team first.
    pub const BOTH: [Self; 2] = [Self::Team, Self::Group];

    /// The other one.
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

/// Something that each side has one of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sides<T> {
    /// The team's.
    pub team: T,
    /// The group's.
    pub group: T,
}

impl<T> Sides<T> {
    /// Each side's, as `of` says.
    pub fn each(mut of: impl FnMut(Side) -> T) -> Self {
        Self { team: of(Side::Team), group: of(Side::Group) }
    }
}

impl<T: PartialEq> Sides<T> {
    /// Whether the two sides are the same.
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

/// What a person is on one side. Presence and role are two truth values; who is absent is no owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Not there.
    #[default]
    Absent,
    /// There, without a role.
    Member,
    /// A group's owner, a team's moderator.
    Owner,
}

/// One of the two truth values of a [`Standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// Whether the person is there.
    Presence,
    /// Whether the person is an owner.
    Role,
}

impl Truth {
    /// Both, presence first.
    pub const BOTH: [Self; 2] = [Self::Presence, Self::Role];
}

impl Standing {
    /// The value of one truth.
    pub fn says(self, truth: Truth) -> bool {
        match truth {
            Truth::Presence => self != Self::Absent,
            Truth::Role => self == Self::Owner,
        }
    }

    /// Whether the person is there.
    pub fn is_present(self) -> bool {
        self.says(Truth::Presence)
    }

    /// This standing with one truth made as it is in `other`.
    pub fn with(self, truth: Truth, other: Self) -> Self {
        match (truth, other.says(truth)) {
            (Truth::Presence, false) => Self::Absent,
            (Truth::Presence, true) => self.max(Self::Member),
            (Truth::Role, true) => Self::Owner,
            (Truth::Role, false) => self.min(Self::Member),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Member => "member",
            Self::Owner => "owner",
        })
    }
}

/// A human being on both sides: the pair of ids. Another partner is another person, with nothing agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// In Entra.
    pub object: ObjectId,
    /// In Webex.
    pub person: PersonId,
}

/// Whether a person can be on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Participation {
    /// The person takes part; `returned` is when, if it did not for a while.
    TakesPart {
        /// When the person came back from being left out; `None` for who always took part.
        returned: Option<Timestamp>,
    },
    /// The person is left out: never touched.
    LeftOut {
        /// Why.
        reason: LeftOut,
    },
}

/// Why somebody is left out. Each has a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOut {
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
    /// Not a user: the group has something else for a member.
    NotAUser,
}

impl LeftOut {
    /// Why, in words for an administrator.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::NotSynchronized => {
                "The Webex account has no externalId, so nobody can tell which Microsoft account is the same person's."
            }
            Self::NotSignedIn => "The person has not signed in to Webex yet.",
            Self::Inactive => "The Webex account is not active.",
            Self::OtherOrganization => "The account belongs to another Webex organization.",
            Self::NotAPerson => "This is a bot, a device or a service account.",
            Self::Guest => "The Microsoft account is a guest of the directory.",
            Self::NoEntraUser => "The account's externalId is not the object id of a user of the directory.",
            Self::NoWebexAccount => "The Microsoft user has no Webex account in the organization.",
            Self::SharedObjectId => "Two Webex accounts have the same externalId.",
            Self::MovedObjectId => {
                "Another Webex account had this externalId before, and the two accounts' names differ."
            }
            Self::NotAUser => "This member of the group is not a user.",
        }
    }

    /// What would change it, in words for an administrator.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NotSynchronized => {
                "Synchronize the person from Entra ID, so that the externalId becomes the object id."
            }
            Self::NotSignedIn => "Ask the person to sign in to Webex once.",
            Self::Inactive => "Activate the account in Control Hub.",
            Self::OtherOrganization | Self::NotAPerson | Self::Guest | Self::NotAUser => {
                "None is needed: the account is left as it is on its side."
            }
            Self::NoEntraUser => "Correct the externalId: it must be the object id of the person's user in Entra ID.",
            Self::NoWebexAccount => "Synchronize the person to Webex from Entra ID.",
            Self::SharedObjectId => "Correct the externalId of the wrong account.",
            Self::MovedObjectId => {
                "Confirm in the setup pages that both are the same person, or correct the externalId."
            }
        }
    }
}
