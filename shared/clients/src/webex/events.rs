//! The compliance officer's view of what happened.

use jiff::Timestamp;
use serde::Deserialize;

use super::paging::PAGE;
use super::wire::lenient;
use super::{Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError};
use domain::ids::{PersonId, RoomId};

/// What happened to a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Somebody came in.
    Created,
    /// Somebody's role changed.
    Updated,
    /// Somebody went out.
    Deleted,
}

/// Something that happened to a membership: a hint to look at the space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipEvent {
    /// The event's own id; no two have the same.
    pub id: String,
    /// What happened; missing if it is none of the known.
    pub kind: Option<EventKind>,
    /// In which space.
    pub room: WebexId<RoomId>,
    /// To whom; missing where that is not said.
    pub person: Option<PersonId>,
    /// When.
    pub created: Option<Timestamp>,
}

#[derive(Deserialize)]
struct EventAsSent {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<EventKind>,
    #[serde(default, deserialize_with = "lenient")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default, deserialize_with = "lenient")]
    room_id: Option<WebexId<RoomId>>,
    #[serde(default, deserialize_with = "lenient")]
    person_id: Option<WebexId<PersonId>>,
}

impl EventAsSent {
    /// An event that names no space hints at nothing, and must not keep all later ones from being read.
    fn read(self) -> Result<Option<MembershipEvent>, &'static str> {
        let Some(Data { room_id: Some(room), person_id }) = self.data else {
            tracing::warn!(event = self.id, "an event that names no space");
            return Ok(None);
        };
        let person = person_id.map(|id| id.id);
        Ok(Some(MembershipEvent {
            id: self.id.unwrap_or_default(),
            kind: self.kind,
            room,
            person,
            created: self.created,
        }))
    }
}

impl Webex {
    /// What happened to memberships between two moments, in no order to rely on. `None` is every kind. Events appear with a small delay: let windows overlap.
    ///
    /// # Errors
    /// `to` must not be in the future; before 90 days ago, Webex's Pro Pack is needed.
    pub async fn membership_events(
        &self,
        access: &Access,
        kind: Option<EventKind>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Complete<Vec<MembershipEvent>>, CallError> {
        let mut call = Call::get("/events").query("resource", "memberships");
        if let Some(kind) = kind {
            call = call.query("type", kind.as_str());
        }
        let call = call.query("from", format!("{from:.3}")).query("to", format!("{to:.3}")).query("max", PAGE);
        self.list(access, call, EventAsSent::read).await
    }
}

impl EventKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}
