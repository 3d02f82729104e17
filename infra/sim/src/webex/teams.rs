//! `/teams` and `/team/memberships`, for members. A compliance officer outside can only read a team
//! by its id.

use domain::ids::{PersonId, TeamId};
use serde_json::{Value, json};

use super::access::{Scopes, SpaceAccess, access};
use super::spaces::{self, requested_role};
use super::{Caller, error, events, ids, not_found, page};
use crate::state::State;
use crate::state::webex::{Change, MembershipRole, Origin};
use crate::wire::{Outcome, Request, Response};

const READ: Scopes = Scopes { own: "spark:teams_read", compliance: "spark-compliance:teams_read" };

fn json(state: &State, team: TeamId) -> Value {
    let Some(entry) = state.webex.teams.get(&team) else {
        return Value::Null;
    };
    json!({
        "id": state.webex.team_id(team),
        "name": entry.name,
        "created": format!("{:.3}", entry.created),
        "creatorId": ids::person_id(entry.creator),
    })
}

pub(super) fn list(state: &State, caller: &Caller, call: &Request) -> Outcome {
    caller.require(&["spark:teams_read"])?;
    let own = state.webex.teams.keys().filter(|team| {
        let general = state.webex.rooms.get(&team.general_space());
        general.is_some_and(|general| general.has(caller.person))
    });
    let items = own.map(|team| json(state, *team)).collect();
    Ok(page(call, &state.webex.settings, 100, items))
}

pub(super) fn get(state: &State, caller: &Caller, id: &str) -> Outcome {
    let team = state.webex.team_named(id)?;
    access(state, caller, team.general_space(), &READ)?;
    Ok(Response::ok(json(state, team)))
}

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    caller.require(&["spark:teams_write"])?;
    let name = body["name"].as_str().filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| error(400, "name is required."))?;
    let team = spaces::new_team(state, caller.person, name);
    Ok(Response::ok(json(state, team)))
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, body: &Value) -> Outcome {
    let team = state.webex.team_named(id)?;
    require_moderator(state, caller, team, "spark:teams_write")?;
    let name = body["name"].as_str().filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| error(400, "name is required."))?;
    rename(state, team, name, caller.person);
    Ok(Response::ok(json(state, team)))
}

/// Renames the team and its General space.
pub(crate) fn rename(state: &mut State, team: TeamId, name: &str, by: PersonId) {
    if let Some(entry) = state.webex.teams.get_mut(&team) {
        entry.name = name.into();
    }
    if let Some(general) = state.webex.rooms.get_mut(&team.general_space()) {
        general.title = name.into();
    }
    events::room_changed(state, Change::Updated, team.general_space(), by);
}

/// Refuses everyone but the team's moderators: with 403 if they see the team, else with 404.
fn require_moderator(
    state: &State,
    caller: &Caller,
    team: TeamId,
    own: &'static str,
) -> Result<(), Response> {
    let room = team.general_space();
    match access(state, caller, room, &Scopes { own, ..READ })? {
        SpaceAccess::Participant(MembershipRole::Moderator) => {}
        SpaceAccess::Participant(MembershipRole::Member) => {
            return Err(error(403, "Only a moderator of the team can do this."));
        }
        SpaceAccess::TeamMember | SpaceAccess::ComplianceOfficer => {
            return Err(error(403, "You are not a member of the team."));
        }
    }
    if state.webex.rooms.get(&room).is_some_and(|general| general.archived) {
        return Err(error(403, "The team is archived."));
    }
    Ok(())
}

fn membership_json(state: &State, team: TeamId, person: PersonId) -> Value {
    let mut membership = spaces::membership_json(state, team.general_space(), person);
    if let Some(membership) = membership.as_object_mut() {
        membership.retain(|key, _| {
            !["roomId", "roomType", "isRoomHidden", "isMonitor"].contains(&key.as_str())
        });
        membership.insert("id".into(), state.webex.team_membership_id(person, team).into());
        membership.insert("teamId".into(), state.webex.team_id(team).into());
    }
    membership
}

pub(super) fn list_memberships(state: &State, caller: &Caller, call: &Request) -> Outcome {
    let team = state
        .webex
        .team_named(call.query("teamId").ok_or_else(|| error(400, "teamId is required."))?)?;
    caller.require(&["spark:team_memberships_read", "spark-compliance:team_memberships_read"])?;
    let general = state.webex.rooms.get(&team.general_space()).ok_or_else(not_found)?;
    if !general.has(caller.person) {
        return Err(error(403, "You are not a member of the team."));
    }
    let items =
        general.memberships.keys().map(|person| membership_json(state, team, *person)).collect();
    Ok(page(call, &state.webex.settings, 100, items))
}

pub(super) fn create_membership(state: &mut State, caller: &Caller, body: &Value) -> Outcome {
    let team = state.webex.team_named(body["teamId"].as_str().unwrap_or_default())?;
    let person = spaces::person_named(state, body)?;
    require_moderator(state, caller, team, "spark:team_memberships_write")?;
    spaces::add_person(
        state,
        team.general_space(),
        person,
        requested_role(body),
        caller.person,
        Origin::Team,
    )?;
    Ok(Response::ok(membership_json(state, team, person)))
}

pub(super) fn update_membership(
    state: &mut State,
    caller: &Caller,
    id: &str,
    body: &Value,
) -> Outcome {
    let (person, room) = state.webex.membership_named(id, "TEAM_MEMBERSHIP")?;
    require_moderator(state, caller, room.as_team(), "spark:team_memberships_write")?;
    spaces::set_role(state, room, person, requested_role(body), caller.person, Origin::Team)?;
    Ok(Response::ok(membership_json(state, room.as_team(), person)))
}

pub(super) fn delete_membership(state: &mut State, caller: &Caller, id: &str) -> Outcome {
    let (person, room) = state.webex.membership_named(id, "TEAM_MEMBERSHIP")?;
    require_moderator(state, caller, room.as_team(), "spark:team_memberships_write")?;
    spaces::remove_person(state, room, person, caller.person, Origin::Team)?;
    Ok(Response::empty(204))
}
