//! `/events`: changes of memberships, slightly late, with unique ids.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{PersonId, RoomId};
use jiff::Timestamp;
use serde_json::json;

use super::{Caller, error, ids, page, people, rooms, spaces, webhooks};
use crate::state::State;
use crate::state::webex::{AdminRole, Change, Event, Origin};
use crate::wire::{Outcome, Request};

/// Records an event for a changed membership and notifies webhooks, while the membership exists.
pub(crate) fn membership_changed(
    state: &mut State,
    change: Change,
    room: RoomId,
    person: PersonId,
    actor: PersonId,
    origin: Origin,
) {
    let data = spaces::membership_json(state, room, person);
    let owner = state.webex.rooms.get(&room).map(|entry| entry.owner);
    let home = state.webex.accounts.get(&person).map(|account| account.org);
    let id = state.uuid();
    let event =
        Event { id, change, actor, seen_by: [owner, home], at: state.now, data: data.clone() };
    state.webex.events.push(event);
    let mut data = data;
    if let (Origin::Team, Some(data)) = (origin, data.as_object_mut()) {
        data.remove("roomType");
        data.remove("isRoomHidden");
    }
    webhooks::announce(state, "memberships", change, room, actor, data);
}

/// Notifies webhooks that a room changed; there are no events of this.
pub(crate) fn room_changed(state: &mut State, change: Change, room: RoomId, actor: PersonId) {
    let mut data = rooms::json(state, room);
    if let Some(data) = data.as_object_mut() {
        data.remove("title");
    }
    webhooks::announce(state, "rooms", change, room, actor, data);
}

pub(super) fn list(state: &State, caller: &Caller, call: &Request) -> Outcome {
    caller.require(&["spark-compliance:events_read"])?;
    people::require_role(state, caller, &[AdminRole::ComplianceOfficer])?;
    let moment = |name: &str| -> Result<Option<Timestamp>, _> {
        let parsed = call.query(name).map(str::parse::<Timestamp>).transpose();
        parsed.map_err(|_| error(400, "from and to are dates in RFC 3339."))
    };
    let (from, to) = (moment("from")?, moment("to")?);
    if to.is_some_and(|to| to > state.now) {
        return Err(error(400, "to cannot be in the future."));
    }
    if from.is_some_and(|from| from < state.now - jiff::SignedDuration::from_hours(90 * 24)) {
        return Err(error(403, "Events of more than 90 days ago need Pro Pack."));
    }
    let delay = state.webex.settings.event_delay;
    let candidates = state
        .webex
        .events
        .iter()
        .rev()
        .take_while(|event| from.is_none_or(|from| event.at >= from));
    let seen = candidates.filter(|event| {
        event.seen_by.contains(&Some(caller.org))
            && event.at + delay <= state.now
            && to.is_none_or(|to| event.at < to)
            && call.query("resource").is_none_or(|resource| resource == "memberships")
            && call.query("type").is_none_or(|requested| requested == event.change.name())
            && call
                .query("actorId")
                .is_none_or(|actor| ids::parse_person(actor).is_ok_and(|id| id == event.actor))
    });
    let items = seen.map(|event| {
        json!({
            "id": ids::encode("us", "EVENT", event.id),
            "resource": "memberships",
            "type": event.change.name(),
            "appId": "null",
            "actorId": ids::person_id(event.actor),
            "orgId": URL_SAFE_NO_PAD.encode(caller.org.to_string()),
            "created": format!("{:.3}", event.at),
            "data": event.data,
        })
    });
    Ok(page(call, &state.webex.settings, 100, items.collect()))
}
