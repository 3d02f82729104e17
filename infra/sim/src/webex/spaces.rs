//! Teams, spaces and their members: the changes, the same for REST calls and for acts of people.

use domain::ids::{OrgId, PersonId, RoomId, TeamId};
use serde_json::{Value, json};

use super::{already_there, error, events, ids, not_found};
use crate::state::State;
use crate::state::webex::{
    Change, Membership, MembershipRole, Origin, RoomEntry, TeamEntry, UserType,
};
use crate::wire::Response;

/// Adds a person to a room. A member already is 409, a person outside of the room's team 403.
pub(crate) fn add_person(
    state: &mut State,
    room: RoomId,
    person: PersonId,
    role: MembershipRole,
    actor: PersonId,
    origin: Origin,
) -> Result<(), Response> {
    if !state.webex.accounts.contains_key(&person) {
        return Err(error(404, "The person was not found."));
    }
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    if entry.has(person) {
        return Err(already_there());
    }
    if let Some(team) = entry.team.filter(|team| team.general_space() != room) {
        let general = state.webex.rooms.get(&team.general_space());
        if !general.is_some_and(|general| general.has(person)) {
            return Err(error(403, "Only people of the team can be added to its spaces."));
        }
    }
    let now = state.now;
    if let Some(entry) = state.webex.rooms.get_mut(&room) {
        entry.memberships.insert(person, Membership { role, created: now });
    }
    events::membership_changed(state, Change::Created, room, person, actor, origin);
    Ok(())
}

/// Changes a member's role. The team's last moderator cannot become a plain member.
pub(crate) fn set_role(
    state: &mut State,
    room: RoomId,
    person: PersonId,
    role: MembershipRole,
    actor: PersonId,
    origin: Origin,
) -> Result<(), Response> {
    let general = state.webex.teams.contains_key(&room.as_team());
    let entry = state.webex.rooms.get_mut(&room).ok_or_else(not_found)?;
    if general && role == MembershipRole::Member && entry.moderators().eq([person]) {
        return Err(error(403, "A team must have a moderator: promote another person first."));
    }
    let membership = entry.memberships.get_mut(&person).ok_or_else(not_found)?;
    if membership.role != role {
        membership.role = role;
        events::membership_changed(state, Change::Updated, room, person, actor, origin);
    }
    Ok(())
}

/// Removes a person from a room; from the General space means from the whole team. The team's last
/// moderator cannot be removed.
pub(crate) fn remove_person(
    state: &mut State,
    room: RoomId,
    person: PersonId,
    actor: PersonId,
    origin: Origin,
) -> Result<(), Response> {
    let team = Some(room.as_team()).filter(|team| state.webex.teams.contains_key(team));
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    if !entry.has(person) {
        return Err(not_found());
    }
    if team.is_some() && entry.moderators().eq([person]) {
        return Err(error(403, "The membership of the team's last moderator may not be deleted."));
    }
    let rooms: Vec<RoomId> = match team {
        Some(team) => {
            let of_team = state.webex.rooms.iter().filter(|(_, entry)| entry.team == Some(team));
            of_team.filter(|(_, entry)| entry.has(person)).map(|(id, _)| *id).collect()
        }
        None => vec![room],
    };
    for room in rooms {
        events::membership_changed(state, Change::Deleted, room, person, actor, origin);
        if let Some(entry) = state.webex.rooms.get_mut(&room) {
            entry.memberships.remove(&person);
        }
    }
    Ok(())
}

/// Returns a membership as `/memberships` shows it.
pub(super) fn membership_json(state: &State, room: RoomId, person: PersonId) -> Value {
    let Some((entry, membership)) =
        state.webex.rooms.get(&room).and_then(|e| Some((e, e.memberships.get(&person)?)))
    else {
        return Value::Null;
    };
    let account = state.webex.accounts.get(&person);
    json!({
        "id": state.webex.membership_id(person, room),
        "roomId": state.webex.room_id(room),
        "personId": ids::person_id(person),
        "personEmail": account.map(|account| &account.email),
        "personDisplayName": account.map(|account| &account.name),
        "personOrgId": account.map(|account| ids::org_id(account.org)),
        "isModerator": membership.role == MembershipRole::Moderator,
        "isRoomHidden": false,
        "roomType": if entry.direct { "direct" } else { "group" },
        "isMonitor": false,
        "created": format!("{:.3}", membership.created),
    })
}

pub(crate) fn new_team(state: &mut State, by: PersonId, name: &str) -> TeamId {
    let team = TeamId(state.uuid());
    state
        .webex
        .teams
        .insert(team, TeamEntry { name: name.into(), created: state.now, creator: by });
    new_room(state, team.general_space(), Some(team), by, name);
    team
}

pub(crate) fn new_room(
    state: &mut State,
    room: RoomId,
    team: Option<TeamId>,
    by: PersonId,
    title: &str,
) {
    let own = state.webex.accounts.get(&by).map_or(OrgId(uuid::Uuid::nil()), |account| account.org);
    // Only a locked space has its creator for a moderator, and a General space is one.
    let is_general = team.is_some_and(|team| team.general_space() == room);
    let role = if is_general { MembershipRole::Moderator } else { MembershipRole::Member };
    // A team's owner owns its spaces, no matter who creates them.
    let general = team.and_then(|team| state.webex.rooms.get(&team.general_space()));
    let entry = RoomEntry {
        title: title.into(),
        team,
        owner: general.map_or(own, |general| general.owner),
        creator: by,
        created: state.now,
        archived: false,
        migrated: None,
        direct: false,
        memberships: [(by, Membership { role, created: state.now })].into(),
    };
    state.webex.rooms.insert(room, entry);
    events::membership_changed(state, Change::Created, room, by, by, Origin::Room);
    events::room_changed(state, Change::Created, room, by);
}

/// Finds the person that a body names.
pub(super) fn person_named(state: &State, body: &Value) -> Result<PersonId, Response> {
    if let Some(id) = body["personId"].as_str() {
        return ids::parse_person(id);
    }
    let email = body["personEmail"]
        .as_str()
        .ok_or_else(|| error(400, "personId or personEmail is required."))?;
    let found = state.webex.accounts.iter().find(|(_, account)| {
        account.email.eq_ignore_ascii_case(email) && account.user_type != UserType::Room
    });
    found.map(|(person, _)| *person).ok_or_else(|| error(404, "The person was not found."))
}

/// Returns the role that a body asks for.
pub(super) fn requested_role(body: &Value) -> MembershipRole {
    if body["isModerator"].as_bool() == Some(true) {
        MembershipRole::Moderator
    } else {
        MembershipRole::Member
    }
}
