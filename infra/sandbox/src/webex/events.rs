//! Events for compliance officers, a moment late, with ids that are unique.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{OrgId, PersonId, RoomId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::seats::Via;
use super::{AdminRole, Caller, ids, page, refused};
use crate::wire::{Outcome, Request};
use crate::world::State;

/// What happened to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Created,
    Updated,
    Deleted,
    /// Moved to another geography; of rooms only, and never an event.
    Migrated,
}

impl Change {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Migrated => "migrated",
        }
    }
}

#[derive(Clone)]
pub(super) struct Event {
    id: Uuid,
    change: Change,
    actor: PersonId,
    /// Whose officers see it: the space's owner and the person's organization.
    seen_by: [Option<OrgId>; 2],
    at: Timestamp,
    data: Value,
}

impl State {
    /// Tells everybody who may know that a membership changed. To be called while it exists.
    pub(super) fn seat_changed(&mut self, change: Change, room: RoomId, person: PersonId, actor: PersonId, via: Via) {
        let data = self.seat_json(room, person);
        let owner = self.webex.rooms.get(&room).map(|entry| entry.owner);
        let home = self.webex.accounts.get(&person).map(|account| account.org);
        let id = self.uuid();
        let event = Event { id, change, actor, seen_by: [owner, home], at: self.now, data: data.clone() };
        self.webex.events.push(event);
        let mut data = data;
        if let (Via::Team, Some(data)) = (via, data.as_object_mut()) {
            data.remove("roomType");
            data.remove("isRoomHidden");
        }
        self.announce("memberships", change, room, actor, data);
    }

    /// Tells webhooks that a room was made or named; events have nothing of this.
    pub(super) fn room_changed(&mut self, change: Change, room: RoomId, actor: PersonId) {
        let mut data = self.room_json(room);
        if let Some(data) = data.as_object_mut() {
            data.remove("title");
        }
        self.announce("rooms", change, room, actor, data);
    }

    pub(super) fn list_events(&self, caller: &Caller, call: &Request) -> Outcome {
        caller.needs(&["spark-compliance:events_read"])?;
        self.needs_role(caller, &[AdminRole::ComplianceOfficer])?;
        let moment = |name: &str| -> Result<Option<Timestamp>, _> {
            let parsed = call.query(name).map(str::parse::<Timestamp>).transpose();
            parsed.map_err(|_| refused(400, "from and to are dates in RFC 3339."))
        };
        let (from, to) = (moment("from")?, moment("to")?);
        if to.is_some_and(|to| to > self.now) {
            return Err(refused(400, "to cannot be in the future."));
        }
        if from.is_some_and(|from| from < self.now - jiff::SignedDuration::from_hours(90 * 24)) {
            return Err(refused(403, "Events of more than 90 days ago need Pro Pack."));
        }
        let delay = self.webex.settings.event_delay;
        let recent = self.webex.events.iter().rev().take_while(|event| from.is_none_or(|from| event.at >= from));
        let seen = recent.filter(|event| {
            event.seen_by.contains(&Some(caller.org))
                && event.at + delay <= self.now
                && to.is_none_or(|to| event.at < to)
                && call.query("resource").is_none_or(|resource| resource == "memberships")
                && call.query("type").is_none_or(|wanted| wanted == event.change.name())
                && call.query("actorId").is_none_or(|actor| ids::person(actor).is_ok_and(|id| id == event.actor))
        });
        let items = seen.map(|event| {
            json!({
                "id": ids::encode("us", "EVENT", event.id),
                "resource": "memberships",
                "type": event.change.name(),
                "appId": "null",
                "actorId": ids::of_person(event.actor),
                "orgId": URL_SAFE_NO_PAD.encode(caller.org.to_string()),
                "created": format!("{:.3}", event.at),
                "data": event.data,
            })
        });
        Ok(page(call, &self.webex.settings, 100, items.collect()))
    }
}
