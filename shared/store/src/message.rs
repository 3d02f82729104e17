//! Messages between the functions. They never say what happened, only what to sync.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use domain::ids::{GroupId, ObjectId, PersonId, RoomId, TeamId, TenantId};

/// A message that can wait in a queue for one tenant.
pub trait Queued: Serialize + Clone + Send + Sync + 'static {
    /// Returns the tenant that the message belongs to.
    fn tenant(&self) -> TenantId;
}

/// Message of the sync queue. Every event becomes one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Version of this format. Others are refused.
    pub v: MessageVersion,
    /// Tenant that the message belongs to.
    pub tenant: TenantId,
    /// Time of the request, which can be long before the delivery. Only a sync that read both sides
    /// after this time answers it.
    pub at: Timestamp,
    /// Trigger of the request, for people and logs. It says what is requested; what is stored of
    /// that decides.
    pub trigger: Trigger,
    /// Requested work.
    #[serde(flatten)]
    pub job: Job,
}

impl Queued for Message {
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Message of the reconcile queue: a tenant's cycle is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRequest {
    /// Version of this format. Others are refused.
    pub v: MessageVersion,
    /// Tenant that the message belongs to.
    pub tenant: TenantId,
    /// Time of the request. A cycle that started after this time answers it.
    pub at: Timestamp,
}

impl Queued for ReconcileRequest {
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Version 1 of [`Message`] and [`ReconcileRequest`], a number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageVersion;

impl Serialize for MessageVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for MessageVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self),
            // It returns to the queue, where a newer program can find it.
            other => Err(serde::de::Error::custom(format!("message version {other} is not 1"))),
        }
    }
}

/// Origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A Webex webhook.
    WebexWebhook,
    /// A Webex webhook about the space itself. It may have moved into or out of a team.
    SpaceWebhook,
    /// The Webex events of a cycle.
    WebexEvent,
    /// A Graph change notification.
    GraphNotification,
    /// The groups delta of a cycle.
    GraphDelta,
    /// The link's next sync was due.
    Due,
    /// An admin.
    Administrator,
    /// A change of a person in the directory.
    Person,
    /// An earlier run that could not start or finish.
    Retry,
}

/// Requested work of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub enum Job {
    /// Sync a team. `region` is that of the ids in the event, and is needed for a team that is not
    /// linked yet.
    Team {
        /// The team.
        team: TeamId,
        /// Region of its ids, if the sender knew it.
        region: Option<clients::webex::Region>,
    },
    /// Sync the team of a space.
    Room {
        /// The space.
        room: RoomId,
        /// Region of its ids.
        region: clients::webex::Region,
        /// Clue of the event about the space.
        #[serde(default)]
        // Messages that an earlier program queued have none.
        clue: clients::webex::SpaceClue,
    },
    /// Sync the team of a group.
    Group {
        /// The group.
        group: GroupId,
    },
    /// Sync the folders of a team's spaces. The table says what is requested.
    Folders {
        /// The team.
        team: TeamId,
    },
    /// Sync the teams of a person who became eligible.
    Person {
        /// The Webex account.
        person: PersonId,
        /// The Entra user.
        object: ObjectId,
    },
    /// Handle the answer to a card.
    CardAnswered {
        /// Id of the attachment action in Webex.
        action: String,
    },
    /// Handle Microsoft's message that the tenant's subscription needs attention.
    SubscriptionLifecycle {
        /// Id of the subscription in Graph.
        subscription: String,
    },
    /// Work off the tenant's messages that wait in the table.
    Waiting,
}
