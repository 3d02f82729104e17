//! `/teams` and `/team/memberships`: for those who are in the team. A compliance officer outside can read a team by its id, nothing else.

use domain::ids::{PersonId, TeamId};
use serde_json::{Value, json};

use super::events::Change;
use super::seats::{Standing, Via, role_of};
use super::{Caller, Role, ids, not_found, page, refused};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

impl State {
    fn team_json(&self, team: TeamId) -> Value {
        let Some(entry) = self.webex.teams.get(&team) else { return Value::Null };
        json!({
            "id": self.webex.of_team(team),
            "name": entry.name,
            "created": format!("{:.3}", entry.created),
            "creatorId": ids::of_person(entry.creator),
        })
    }

    pub(super) fn list_teams(&self, caller: &Caller, call: &Request) -> Outcome {
        caller.needs(&["spark:teams_read"])?;
        let own = self.webex.teams.keys().filter(|team| {
            let general = self.webex.rooms.get(&team.general_space());
            general.is_some_and(|general| general.seats.contains_key(&caller.person))
        });
        let items = own.map(|team| self.team_json(*team)).collect();
        Ok(page(call, &self.webex.settings, 100, items))
    }

    pub(super) fn get_team(&self, caller: &Caller, id: &str) -> Outcome {
        let team = self.webex.team_named(id)?;
        self.standing(caller, team.general_space(), "spark:teams_read", "spark-compliance:teams_read")?;
        Ok(Answer::ok(self.team_json(team)))
    }

    pub(super) fn post_team(&mut self, caller: &Caller, body: &Value) -> Outcome {
        caller.needs(&["spark:teams_write"])?;
        let name = body["name"].as_str().filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| refused(400, "name is required."))?;
        let team = self.new_team(caller.person, name);
        Ok(Answer::ok(self.team_json(team)))
    }

    pub(super) fn put_team(&mut self, caller: &Caller, id: &str, body: &Value) -> Outcome {
        let team = self.webex.team_named(id)?;
        self.inside_as_moderator(caller, team, "spark:teams_write")?;
        let name = body["name"].as_str().filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| refused(400, "name is required."))?;
        self.name_team(team, name, caller.person);
        Ok(Answer::ok(self.team_json(team)))
    }

    /// Names the team and its General space.
    pub(super) fn name_team(&mut self, team: TeamId, name: &str, by: PersonId) {
        if let Some(entry) = self.webex.teams.get_mut(&team) {
            entry.name = name.into();
        }
        if let Some(general) = self.webex.rooms.get_mut(&team.general_space()) {
            general.title = name.into();
        }
        self.room_changed(Change::Updated, team.general_space(), by);
    }

    /// Refuses everybody but the team's moderators; for a compliance officer outside this is 403, for others 404.
    fn inside_as_moderator(&self, caller: &Caller, team: TeamId, scope: &str) -> Result<(), Answer> {
        let room = team.general_space();
        match self.standing(caller, room, scope, "spark-compliance:teams_read")? {
            Standing::Inside(Role::Moderator) => {}
            Standing::Inside(Role::Member) => return Err(refused(403, "Only a moderator of the team can do this.")),
            Standing::InTeam | Standing::Officer => return Err(refused(403, "You are not a member of the team.")),
        }
        if self.webex.rooms.get(&room).is_some_and(|general| general.archived) {
            return Err(refused(403, "The team is archived."));
        }
        Ok(())
    }

    fn team_seat_json(&self, team: TeamId, person: PersonId) -> Value {
        let mut seat = self.seat_json(team.general_space(), person);
        if let Some(seat) = seat.as_object_mut() {
            seat.retain(|key, _| !["roomId", "roomType", "isRoomHidden", "isMonitor"].contains(&key.as_str()));
            seat.insert("id".into(), self.webex.of_team_seat(person, team).into());
            seat.insert("teamId".into(), self.webex.of_team(team).into());
        }
        seat
    }

    pub(super) fn list_team_memberships(&self, caller: &Caller, call: &Request) -> Outcome {
        let team = self.webex.team_named(call.query("teamId").ok_or_else(|| refused(400, "teamId is required."))?)?;
        caller.needs(&["spark:team_memberships_read", "spark-compliance:team_memberships_read"])?;
        let general = self.webex.rooms.get(&team.general_space()).ok_or_else(not_found)?;
        if !general.seats.contains_key(&caller.person) {
            return Err(refused(403, "You are not a member of the team."));
        }
        let items = general.seats.keys().map(|person| self.team_seat_json(team, *person)).collect();
        Ok(page(call, &self.webex.settings, 100, items))
    }

    pub(super) fn post_team_membership(&mut self, caller: &Caller, body: &Value) -> Outcome {
        let team = self.webex.team_named(body["teamId"].as_str().unwrap_or_default())?;
        let person = self.person_of(body)?;
        self.inside_as_moderator(caller, team, "spark:team_memberships_write")?;
        self.seat(team.general_space(), person, role_of(body), caller.person, Via::Team)?;
        Ok(Answer::ok(self.team_seat_json(team, person)))
    }

    pub(super) fn put_team_membership(&mut self, caller: &Caller, id: &str, body: &Value) -> Outcome {
        let (person, room) = self.webex.seat_named(id, "TEAM_MEMBERSHIP")?;
        self.inside_as_moderator(caller, room.as_team(), "spark:team_memberships_write")?;
        self.set_role(room, person, role_of(body), caller.person, Via::Team)?;
        Ok(Answer::ok(self.team_seat_json(room.as_team(), person)))
    }

    pub(super) fn delete_team_membership(&mut self, caller: &Caller, id: &str) -> Outcome {
        let (person, room) = self.webex.seat_named(id, "TEAM_MEMBERSHIP")?;
        self.inside_as_moderator(caller, room.as_team(), "spark:team_memberships_write")?;
        self.unseat(room, person, caller.person, Via::Team)?;
        Ok(Answer::empty(204))
    }
}
