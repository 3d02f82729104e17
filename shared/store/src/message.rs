//! What is said between the functions: never what happened, only where to look.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use domain::ids::{GroupId, ObjectId, PersonId, RoomId, TeamId, TenantId};

/// What can wait in a queue: something that is somebody's.
pub trait Queued: Serialize + Clone + Send + Sync + 'static {
    /// Whose it is.
    fn tenant(&self) -> TenantId;
}

/// A message of the sync queue. Everything that happens anywhere becomes one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Version of this form; others are refused.
    pub v: Version,
    /// Whose it is.
    pub tenant: TenantId,
    /// When the wish for a look arose, which may be long before it is delivered. Only what a look read after this moment answers it.
    pub at: Timestamp,
    /// What gave rise to it; for people and logs, never a decision.
    pub cause: Cause,
    /// What is asked for.
    #[serde(flatten)]
    pub ask: Ask,
}

impl Queued for Message {
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// A message of the reconcile queue: a tenant's round has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Version of this form; others are refused.
    pub v: Version,
    /// Whose round.
    pub tenant: TenantId,
    /// When it was asked for. A round that began after this moment answers it.
    pub at: Timestamp,
}

impl Queued for Turn {
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Version 1 of [`Message`] and [`Turn`], as a number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(serde::de::Error::custom(format!("message version {other} is not 1"))),
        }
    }
}

/// Where the wish for a look came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A Webex webhook.
    WebexWebhook,
    /// A Webex webhook about the space itself: it may have moved into a team, or out of one.
    SpaceWebhook,
    /// The Webex events of a round.
    WebexEvent,
    /// A Graph change notification.
    GraphNotification,
    /// The groups delta of a round.
    GraphDelta,
    /// The link's own next look had come.
    Due,
    /// An administrator asked.
    Administrator,
    /// A person's state changed in the directory.
    Person,
    /// A look that could not begin or end asks for another.
    Again,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// Look at a team. `region` is the one of the ids it was seen with, needed where the team is not known yet.
    Team {
        /// The team.
        team: TeamId,
        /// Where its ids live, if the sender knew.
        region: Option<clients::webex::Region>,
    },
    /// Look at the team of a space.
    Room {
        /// The space.
        room: RoomId,
        /// Where its ids live.
        region: clients::webex::Region,
    },
    /// Look at the team of a group.
    Group {
        /// The group.
        group: GroupId,
    },
    /// Look at the folders of a team's spaces. What is wanted is stored with them.
    Folders {
        /// The team.
        team: TeamId,
    },
    /// Look at the teams of somebody who can take part now.
    Person {
        /// The Webex account.
        person: PersonId,
        /// The Entra user.
        object: ObjectId,
    },
    /// Somebody answered a card.
    CardAnswered {
        /// Webex's id of the attachment action.
        action: String,
    },
    /// Microsoft says that the tenant's subscription needs attention.
    SubscriptionLifecycle {
        /// Microsoft's id of the subscription.
        subscription: String,
    },
}
