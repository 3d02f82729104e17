//! `/rooms`: listings for members; single rooms also for the organization's compliance officer.

use domain::ids::{RoomId, TeamId};
use serde_json::{Value, json};

use super::access::{Scopes, SpaceAccess, access};
use super::{Caller, error, events, ids, not_found, page};
use crate::state::State;
use crate::state::webex::{Change, MembershipRole};
use crate::wire::{Outcome, Request, Response};

const READ: Scopes = Scopes { own: "spark:rooms_read", compliance: "spark-compliance:rooms_read" };
const WRITE: Scopes =
    Scopes { own: "spark:rooms_write", compliance: "spark-compliance:rooms_read" };

pub(super) fn json(state: &State, room: RoomId) -> Value {
    let Some(entry) = state.webex.rooms.get(&room) else {
        return Value::Null;
    };
    let mut shown = json!({
        "id": state.webex.room_id(room),
        "title": entry.title,
        "type": if entry.direct { "direct" } else { "group" },
        "isLocked": entry.is_moderated(),
        "lastActivity": format!("{:.3}", entry.created),
        "creatorId": ids::person_id(entry.creator),
        "created": format!("{:.3}", entry.created),
        "ownerId": ids::org_id(entry.owner),
        "isPublic": false,
        "isReadOnly": entry.archived,
    });
    if let Some(team) = entry.team {
        shown["teamId"] = state.webex.room_team_id(team).into();
    }
    shown
}

pub(super) fn list(state: &State, caller: &Caller, call: &Request) -> Outcome {
    caller.require(&["spark:rooms_read"])?;
    let team = call.query("teamId").map(|id| state.webex.team_named(id)).transpose()?;
    let kind = call.query("type");
    let own = state.webex.rooms.iter().filter(|(_, entry)| {
        entry.has(caller.person)
            && team.is_none_or(|team| entry.team == Some(team))
            && kind.is_none_or(|kind| (kind == "direct") == entry.direct)
    });
    let items = own.map(|(room, _)| json(state, *room)).collect();
    Ok(page(call, &state.webex.settings, 100, items))
}

pub(super) fn get(state: &State, caller: &Caller, id: &str) -> Outcome {
    let room = state.webex.room_named(id)?;
    access(state, caller, room, &READ)?;
    Ok(Response::ok(json(state, room)))
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, body: &Value) -> Outcome {
    let room = state.webex.room_named(id)?;
    let access = access(state, caller, room, &WRITE)?;
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    match access {
        SpaceAccess::Participant(MembershipRole::Member) if entry.is_moderated() => {
            return Err(error(403, "Only a moderator can change this space."));
        }
        SpaceAccess::Participant(_) => {}
        SpaceAccess::TeamMember | SpaceAccess::ComplianceOfficer => {
            return Err(error(403, "A title cannot be changed from outside the space."));
        }
    }
    if state.webex.teams.contains_key(&room.as_team()) {
        return Err(error(403, "The General space has the team's name."));
    }
    if let Some(team) = body["teamId"].as_str() {
        let team = state.webex.team_named(team)?;
        move_into_team(state, room, team)?;
    }
    let title = body["title"].as_str().filter(|title| !title.trim().is_empty());
    let title = title.ok_or_else(|| error(400, "title is required."))?;
    if let Some(entry) = state.webex.rooms.get_mut(&room) {
        entry.title = title.into();
    }
    events::room_changed(state, Change::Updated, room, caller.person);
    Ok(Response::ok(json(state, room)))
}

/// Moves a space into a team. All of its moderators have to be in the team.
pub(crate) fn move_into_team(
    state: &mut State,
    room: RoomId,
    team: TeamId,
) -> Result<(), Response> {
    let general = state.webex.rooms.get(&team.general_space()).ok_or_else(not_found)?;
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    if !entry.moderators().all(|moderator| general.has(moderator)) {
        return Err(error(403, "All moderators of the space must be members of the team."));
    }
    if let Some(entry) = state.webex.rooms.get_mut(&room) {
        entry.team = Some(team);
    }
    Ok(())
}

pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    let room = state.webex.room_named(id)?;
    match access(state, caller, room, &WRITE)? {
        SpaceAccess::Participant(MembershipRole::Moderator) => {}
        SpaceAccess::Participant(MembershipRole::Member)
        | SpaceAccess::TeamMember
        | SpaceAccess::ComplianceOfficer => {
            return Err(error(403, "Only a moderator in the space can delete it."));
        }
    }
    let in_team = state.webex.rooms.get(&room).is_some_and(|entry| entry.team.is_some());
    if in_team {
        if let Some(entry) = state.webex.rooms.get_mut(&room) {
            entry.archived = true;
        }
    } else {
        state.webex.rooms.remove(&room);
    }
    Ok(Response::empty(204))
}
