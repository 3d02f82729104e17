//! `/rooms`: lists of one's own; by id also for the organization's compliance officer.

use domain::ids::{RoomId, TeamId};
use serde_json::{Value, json};

use super::events::Change;
use super::seats::Standing;
use super::{Caller, Role, ids, not_found, page, refused};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

impl State {
    pub(super) fn room_json(&self, room: RoomId) -> Value {
        let Some(entry) = self.webex.rooms.get(&room) else { return Value::Null };
        let mut shown = json!({
            "id": self.webex.of_room(room),
            "title": entry.title,
            "type": if entry.direct { "direct" } else { "group" },
            "isLocked": entry.moderated(),
            "lastActivity": format!("{:.3}", entry.created),
            "creatorId": ids::of_person(entry.creator),
            "created": format!("{:.3}", entry.created),
            "ownerId": ids::of_org(entry.owner),
            "isPublic": false,
            "isReadOnly": entry.archived,
        });
        if let Some(team) = entry.team {
            shown["teamId"] = self.webex.team_of_room(team).into();
        }
        shown
    }

    pub(super) fn list_rooms(&self, caller: &Caller, call: &Request) -> Outcome {
        caller.needs(&["spark:rooms_read"])?;
        let team = call.query("teamId").map(|id| self.webex.team_named(id)).transpose()?;
        let kind = call.query("type");
        let own = self.webex.rooms.iter().filter(|(_, entry)| {
            entry.seats.contains_key(&caller.person)
                && team.is_none_or(|team| entry.team == Some(team))
                && kind.is_none_or(|kind| (kind == "direct") == entry.direct)
        });
        let items = own.map(|(room, _)| self.room_json(*room)).collect();
        Ok(page(call, &self.webex.settings, 100, items))
    }

    pub(super) fn get_room(&self, caller: &Caller, id: &str) -> Outcome {
        let room = self.webex.room_named(id)?;
        self.standing(caller, room, "spark:rooms_read", "spark-compliance:rooms_read")?;
        Ok(Answer::ok(self.room_json(room)))
    }

    pub(super) fn put_room(&mut self, caller: &Caller, id: &str, body: &Value) -> Outcome {
        let room = self.webex.room_named(id)?;
        let standing = self.standing(caller, room, "spark:rooms_write", "spark-compliance:rooms_read")?;
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        match standing {
            Standing::Inside(Role::Member) if entry.moderated() => {
                return Err(refused(403, "Only a moderator can change this space."));
            }
            Standing::Inside(_) => {}
            Standing::InTeam | Standing::Officer => {
                return Err(refused(403, "A title cannot be changed from outside the space."));
            }
        }
        if self.webex.teams.contains_key(&room.as_team()) {
            return Err(refused(403, "The General space bears the team's name."));
        }
        if let Some(team) = body["teamId"].as_str() {
            let team = self.webex.team_named(team)?;
            self.put_into_team(room, team)?;
        }
        let title = body["title"].as_str().filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| refused(400, "title is required."))?;
        if let Some(entry) = self.webex.rooms.get_mut(&room) {
            entry.title = title.into();
        }
        self.room_changed(Change::Updated, room, caller.person);
        Ok(Answer::ok(self.room_json(room)))
    }

    /// Moves a space into a team: its moderators have to be in the team already.
    pub(super) fn put_into_team(&mut self, room: RoomId, team: TeamId) -> Result<(), Answer> {
        let general = self.webex.rooms.get(&team.general_space()).ok_or_else(not_found)?;
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        if !entry.moderators().all(|moderator| general.seats.contains_key(&moderator)) {
            return Err(refused(403, "All moderators of the space must be members of the team."));
        }
        if let Some(entry) = self.webex.rooms.get_mut(&room) {
            entry.team = Some(team);
        }
        Ok(())
    }

    pub(super) fn delete_room(&mut self, caller: &Caller, id: &str) -> Outcome {
        let room = self.webex.room_named(id)?;
        match self.standing(caller, room, "spark:rooms_write", "spark-compliance:rooms_read")? {
            Standing::Inside(Role::Moderator) => {}
            Standing::Inside(Role::Member) | Standing::InTeam | Standing::Officer => {
                return Err(refused(403, "Only a moderator in the space can delete it."));
            }
        }
        let in_team = self.webex.rooms.get(&room).is_some_and(|entry| entry.team.is_some());
        if in_team {
            if let Some(entry) = self.webex.rooms.get_mut(&room) {
                entry.archived = true;
            }
        } else {
            self.webex.rooms.remove(&room);
        }
        Ok(Answer::empty(204))
    }
}
