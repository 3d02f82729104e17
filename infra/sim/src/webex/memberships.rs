//! `/memberships`: of the caller's spaces; for a compliance officer, of all spaces that the
//! organization owns.

use domain::ids::{OrgId, PersonId, RoomId};
use serde_json::Value;

use super::access::{MANAGE, Scopes, SpaceAccess, access, require_manager};
use super::spaces::{self, requested_role};
use super::{Caller, error, ids, not_found, page};
use crate::state::State;
use crate::state::webex::{AdminRole, MembershipRole, Origin};
use crate::wire::{Outcome, Request, Response};

const READ: Scopes =
    Scopes { own: "spark:memberships_read", compliance: "spark-compliance:memberships_read" };

pub(super) fn list(state: &State, caller: &Caller, call: &Request) -> Outcome {
    let person = match (call.query("personId"), call.query("personEmail")) {
        (Some(id), _) => Some(ids::parse_person(id)?),
        (None, Some(email)) => {
            Some(spaces::person_named(state, &serde_json::json!({ "personEmail": email }))?)
        }
        (None, None) => None,
    };
    let memberships = match (call.query("roomId"), person) {
        (Some(room), person) => {
            let room = state.webex.room_named(room)?;
            let mut memberships = visible(state, caller, room)?;
            memberships.retain(|(_, member)| person.is_none_or(|person| person == *member));
            memberships
        }
        (None, Some(person)) => of_person(state, caller, person)?,
        (None, None) => {
            caller.require(&[READ.own])?;
            matching(state, |_, member| member == caller.person)
        }
    };
    let items = memberships
        .into_iter()
        .map(|(room, person)| spaces::membership_json(state, room, person))
        .collect();
    Ok(page(call, &state.webex.settings, 100, items))
}

fn visible(
    state: &State,
    caller: &Caller,
    room: RoomId,
) -> Result<Vec<(RoomId, PersonId)>, Response> {
    let access = access(state, caller, room, &READ)?;
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    let moderators_only = access == SpaceAccess::TeamMember && entry.is_moderated();
    let shown = entry
        .memberships
        .iter()
        .filter(|(_, membership)| !moderators_only || membership.role == MembershipRole::Moderator);
    Ok(shown.map(|(person, _)| (room, *person)).collect())
}

/// Returns a person's memberships in the organization's spaces, for its compliance officer.
fn of_person(
    state: &State,
    caller: &Caller,
    person: PersonId,
) -> Result<Vec<(RoomId, PersonId)>, Response> {
    if !state.webex.has_role(caller.person, AdminRole::ComplianceOfficer) {
        return Err(error(400, "roomId is required."));
    }
    caller.require(&[READ.compliance])?;
    Ok(matching(state, |owner, member| member == person && owner == caller.org))
}

fn matching(state: &State, requested: impl Fn(OrgId, PersonId) -> bool) -> Vec<(RoomId, PersonId)> {
    let all = state.webex.rooms.iter();
    all.flat_map(|(room, entry)| {
        entry.memberships.keys().map(move |person| (*room, entry.owner, *person))
    })
    .filter(|(_, owner, person)| requested(*owner, *person))
    .map(|(room, _, person)| (room, person))
    .collect()
}

pub(super) fn get(state: &State, caller: &Caller, id: &str) -> Outcome {
    let (person, room) = state.webex.membership_named(id, "MEMBERSHIP")?;
    access(state, caller, room, &READ)?;
    Ok(Response::ok(spaces::membership_json(state, room, person)))
}

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    let room = body["roomId"].as_str().ok_or_else(|| error(400, "roomId is required."))?;
    let room = state.webex.room_named(room)?;
    let person = spaces::person_named(state, body)?;
    let access = require_manager(state, caller, room)?;
    let empty = state.webex.rooms.get(&room).is_some_and(|entry| entry.memberships.is_empty());
    if access == SpaceAccess::ComplianceOfficer && empty {
        return Err(error(403, "A compliance officer cannot add people to empty spaces."));
    }
    spaces::add_person(state, room, person, requested_role(body), caller.person, Origin::Room)?;
    Ok(Response::ok(spaces::membership_json(state, room, person)))
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, body: &Value) -> Outcome {
    let (person, room) = state.webex.membership_named(id, "MEMBERSHIP")?;
    require_manager(state, caller, room)?;
    spaces::set_role(state, room, person, requested_role(body), caller.person, Origin::Room)?;
    Ok(Response::ok(spaces::membership_json(state, room, person)))
}

pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    let (person, room) = state.webex.membership_named(id, "MEMBERSHIP")?;
    // Every member may leave a space.
    if person == caller.person {
        access(state, caller, room, &MANAGE)?;
    } else {
        require_manager(state, caller, room)?;
    }
    spaces::remove_person(state, room, person, caller.person, Origin::Room)?;
    Ok(Response::empty(204))
}
