//! Membership events, which only a compliance officer can read.

use jiff::Timestamp;
use serde::Deserialize;

use super::paging::{PAGE, readable};
use super::{SpaceClue, Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError};
use crate::wire::lenient;
use domain::ids::{PersonId, RoomId};

/// Kind of a membership event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A person was added.
    Created,
    /// A person's role changed.
    Updated,
    /// A person was removed.
    Deleted,
}

/// Change of a membership. It is a hint to read the space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipEvent {
    /// Unique id of the event.
    pub id: String,
    /// Kind. `None` for an unknown kind.
    pub kind: Option<EventKind>,
    /// Space of the membership.
    pub room: WebexId<RoomId>,
    /// Clue about the space.
    pub clue: SpaceClue,
    /// Person of the membership, if the event names one.
    pub person: Option<PersonId>,
    /// Time of the event.
    pub created: Option<Timestamp>,
}

/// Start of the events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsFrom {
    /// The first page of a window.
    Window {
        /// Beginning of the window.
        from: Timestamp,
        /// End of the window.
        to: Timestamp,
    },
    /// The link of an earlier page.
    Link(String),
}

/// A page of events, unordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPage {
    /// The events.
    pub events: Vec<MembershipEvent>,
    /// Link to the next page. An empty page can have one.
    pub next: Option<String>,
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
    room_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    is_moderator: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    person_id: Option<WebexId<PersonId>>,
}

impl EventAsSent {
    /// Reads an event. One without a space is no hint, and must not block all later events.
    fn read(self) -> Result<Option<MembershipEvent>, &'static str> {
        let Some(Data { room_id: Some(room), room_type, is_moderator, person_id }) = self.data
        else {
            return Err("an event without a space");
        };
        Ok(Some(MembershipEvent {
            // The id only finds repetitions. An event without one is handled twice at most.
            id: self.id.unwrap_or_default(),
            kind: self.kind,
            room,
            clue: SpaceClue::of_membership(room_type.as_deref(), is_moderator),
            person: person_id.map(|id| id.id),
            created: self.created,
        }))
    }
}

impl Webex {
    /// Returns one page of the membership events of a window, of all kinds.
    ///
    /// # Errors
    /// As [`membership_events`](Self::membership_events).
    pub async fn membership_events_page(
        &self,
        access: &Access,
        from: EventsFrom,
    ) -> Result<EventsPage, CallError> {
        let call = match from {
            // All kinds in one reading: each is the same hint to read the space.
            EventsFrom::Window { from, to } => window(None, from, to),
            EventsFrom::Link(link) => Call::page(link, "/events"),
        };
        let (_, events, next) = self.page(access, call, &readable(EventAsSent::read)).await?;
        Ok(EventsPage { events, next })
    }

    /// Returns the membership events between two times, unordered. A `kind` of `None` returns all
    /// kinds. Events appear with a small delay, so windows should overlap.
    ///
    /// # Errors
    /// Fails if `to` is in the future, or without Webex's Pro Pack if `from` is over 90 days ago.
    pub async fn membership_events(
        &self,
        access: &Access,
        kind: Option<EventKind>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Complete<Vec<MembershipEvent>>, CallError> {
        let items = readable(EventAsSent::read);
        self.list(access, window(kind, from, to), &items).await
    }
}

/// Returns the call for the first page of a window.
fn window(kind: Option<EventKind>, from: Timestamp, to: Timestamp) -> Call {
    // Messages and their like would be most events, and are no hint about people.
    let mut call = Call::get("/events").query("resource", "memberships");
    if let Some(kind) = kind {
        call = call.query("type", kind.as_str());
    }
    call.query("from", format!("{from:.3}")).query("to", format!("{to:.3}")).query("max", PAGE)
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
