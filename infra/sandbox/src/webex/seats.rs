//! Who sits where: the changes themselves, the same for REST calls and for people, and who may make them.

use domain::ids::{OrgId, PersonId, RoomId, TeamId};
use serde_json::{Value, json};

use super::events::Change;
use super::{AdminRole, Caller, Role, RoomEntry, Seat, TeamEntry, UserType, ids, not_found, refused};
use crate::wire::Answer;
use crate::world::State;

/// How a membership came about: the webhook's data differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    Room,
    Team,
}

/// From where somebody looks at a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// In it.
    Inside(Role),
    /// In the team, but not in this space of it.
    InTeam,
    /// Compliance officer of the organization that owns it.
    Officer,
}

impl State {
    /// From where the caller looks at the room. 404 where it is not visible, 403 where the token lacks the scope for it.
    pub(super) fn standing(
        &self,
        caller: &Caller,
        room: RoomId,
        own: &str,
        officers: &str,
    ) -> Result<Standing, Answer> {
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        let officer = self.webex.is(caller.person, AdminRole::ComplianceOfficer)
            && entry.owner == caller.org
            && caller.has(officers);
        let in_team = || {
            let team = entry.team.and_then(|team| self.webex.rooms.get(&team.general_space()));
            team.is_some_and(|general| general.seats.contains_key(&caller.person))
        };
        match entry.seats.get(&caller.person) {
            Some(seat) if caller.has(own) => Ok(Standing::Inside(seat.role)),
            Some(_) if !officer => Err(refused(403, &format!("The access token lacks the scope {own}."))),
            _ if officer => Ok(Standing::Officer),
            _ if in_team() && caller.has(own) => Ok(Standing::InTeam),
            _ => Err(not_found()),
        }
    }

    /// Whether the caller may change who is in the room.
    pub(super) fn may_manage(&mut self, caller: &Caller, room: RoomId) -> Result<Standing, Answer> {
        let foreign = self
            .webex
            .rooms
            .get(&room)
            .is_some_and(|entry| entry.owner != caller.org && !entry.seats.contains_key(&caller.person));
        if foreign {
            self.trespass(&self.webex.of_room(room));
        }
        let standing = self.standing(caller, room, "spark:memberships_write", "spark-compliance:memberships_write")?;
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        if entry.archived {
            return Err(refused(403, "The space is archived."));
        }
        match standing {
            Standing::Inside(Role::Member) if entry.moderated() => {
                Err(refused(403, "Only a moderator can change who is in this space."))
            }
            Standing::InTeam => Err(refused(403, "You are not in this space.")),
            standing => Ok(standing),
        }
    }

    fn trespass(&mut self, path: &str) {
        let violation = crate::Violation::OtherTenant { service: crate::Service::Webex, path: path.into() };
        self.violations.push(violation);
    }

    pub(super) fn trespassed_org(&mut self, org: OrgId, path: &str) {
        if self.webex.orgs.contains_key(&org) {
            self.trespass(path);
        }
    }

    /// Puts somebody into a room. 409 if already there, 403 if the room's team has to come first.
    pub(super) fn seat(
        &mut self,
        room: RoomId,
        person: PersonId,
        role: Role,
        actor: PersonId,
        via: Via,
    ) -> Result<(), Answer> {
        if !self.webex.accounts.contains_key(&person) {
            return Err(refused(404, "The person was not found."));
        }
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        if entry.seats.contains_key(&person) {
            return Err(refused(409, "User is already a participant of the room."));
        }
        if let Some(team) = entry.team.filter(|team| team.general_space() != room) {
            let general = self.webex.rooms.get(&team.general_space());
            if !general.is_some_and(|general| general.seats.contains_key(&person)) {
                return Err(refused(403, "Only people of the team can be added to its spaces."));
            }
        }
        let now = self.now;
        if let Some(entry) = self.webex.rooms.get_mut(&room) {
            entry.seats.insert(person, Seat { role, created: now });
        }
        self.seat_changed(Change::Created, room, person, actor, via);
        Ok(())
    }

    /// Makes somebody a moderator or a mere member. The team's last moderator stays one.
    pub(super) fn set_role(
        &mut self,
        room: RoomId,
        person: PersonId,
        role: Role,
        actor: PersonId,
        via: Via,
    ) -> Result<(), Answer> {
        let general = self.webex.teams.contains_key(&room.as_team());
        let entry = self.webex.rooms.get_mut(&room).ok_or_else(not_found)?;
        if general && role == Role::Member && entry.moderators().eq([person]) {
            return Err(refused(403, "A team must have a moderator: promote another person first."));
        }
        let seat = entry.seats.get_mut(&person).ok_or_else(not_found)?;
        if seat.role != role {
            seat.role = role;
            self.seat_changed(Change::Updated, room, person, actor, via);
        }
        Ok(())
    }

    /// Takes somebody out of a room; out of the General space means out of the whole team. The team's last moderator stays in.
    pub(super) fn unseat(&mut self, room: RoomId, person: PersonId, actor: PersonId, via: Via) -> Result<(), Answer> {
        let team = Some(room.as_team()).filter(|team| self.webex.teams.contains_key(team));
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        if !entry.seats.contains_key(&person) {
            return Err(not_found());
        }
        if team.is_some() && entry.moderators().eq([person]) {
            return Err(refused(403, "The membership of the team's last moderator may not be deleted."));
        }
        let rooms: Vec<RoomId> = match team {
            Some(team) => {
                let of_team = self.webex.rooms.iter().filter(|(_, entry)| entry.team == Some(team));
                of_team.filter(|(_, entry)| entry.seats.contains_key(&person)).map(|(id, _)| *id).collect()
            }
            None => vec![room],
        };
        for room in rooms {
            self.seat_changed(Change::Deleted, room, person, actor, via);
            if let Some(entry) = self.webex.rooms.get_mut(&room) {
                entry.seats.remove(&person);
            }
        }
        Ok(())
    }

    /// A membership as `/memberships` shows it.
    pub(super) fn seat_json(&self, room: RoomId, person: PersonId) -> Value {
        let Some((entry, seat)) = self.webex.rooms.get(&room).and_then(|e| Some((e, e.seats.get(&person)?))) else {
            return Value::Null;
        };
        let account = self.webex.accounts.get(&person);
        json!({
            "id": self.webex.of_seat(person, room),
            "roomId": self.webex.of_room(room),
            "personId": ids::of_person(person),
            "personEmail": account.map(|account| &account.email),
            "personDisplayName": account.map(|account| &account.name),
            "personOrgId": account.map(|account| ids::of_org(account.org)),
            "isModerator": seat.role == Role::Moderator,
            "isRoomHidden": false,
            "roomType": if entry.direct { "direct" } else { "group" },
            "isMonitor": false,
            "created": format!("{:.3}", seat.created),
        })
    }

    pub(super) fn new_team(&mut self, by: PersonId, name: &str) -> TeamId {
        let team = TeamId(self.uuid());
        self.webex.teams.insert(team, TeamEntry { name: name.into(), created: self.now, creator: by });
        self.new_room(team.general_space(), Some(team), by, name);
        team
    }

    pub(super) fn new_room(&mut self, room: RoomId, team: Option<TeamId>, by: PersonId, title: &str) {
        let own = self.webex.accounts.get(&by).map_or(OrgId(uuid::Uuid::nil()), |account| account.org);
        // A team's spaces belong to whom the team belongs to, whoever makes them.
        let general = team.and_then(|team| self.webex.rooms.get(&team.general_space()));
        let entry = RoomEntry {
            title: title.into(),
            team,
            owner: general.map_or(own, |general| general.owner),
            creator: by,
            created: self.now,
            archived: false,
            migrated: None,
            direct: false,
            seats: [(by, Seat { role: Role::Moderator, created: self.now })].into(),
        };
        self.webex.rooms.insert(room, entry);
        self.seat_changed(Change::Created, room, by, by, Via::Room);
        self.room_changed(Change::Created, room, by);
    }

    /// Whether this account can be found by people who add others: it was not deleted.
    pub(super) fn person_of(&self, body: &Value) -> Result<PersonId, Answer> {
        if let Some(id) = body["personId"].as_str() {
            return ids::person(id);
        }
        let email = body["personEmail"].as_str().ok_or_else(|| refused(400, "personId or personEmail is required."))?;
        let found = self
            .webex
            .accounts
            .iter()
            .find(|(_, account)| account.email.eq_ignore_ascii_case(email) && account.user_type != UserType::Room);
        found.map(|(person, _)| *person).ok_or_else(|| refused(404, "The person was not found."))
    }
}

/// The role that a body asks for.
pub(super) fn role_of(body: &Value) -> Role {
    if body["isModerator"].as_bool() == Some(true) { Role::Moderator } else { Role::Member }
}
