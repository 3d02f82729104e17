//! `/memberships`: of one's own spaces, and for a compliance officer of all spaces that the organization owns.

use domain::ids::{PersonId, RoomId};
use serde_json::Value;

use super::seats::{Standing, Via, role_of};
use super::{AdminRole, Caller, Role, ids, not_found, page, refused};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

const READ: (&str, &str) = ("spark:memberships_read", "spark-compliance:memberships_read");

impl State {
    pub(super) fn list_memberships(&self, caller: &Caller, call: &Request) -> Outcome {
        let person = match (call.query("personId"), call.query("personEmail")) {
            (Some(id), _) => Some(ids::person(id)?),
            (None, Some(email)) => Some(self.person_of(&serde_json::json!({ "personEmail": email }))?),
            (None, None) => None,
        };
        let seats = match (call.query("roomId"), person) {
            (Some(room), person) => {
                let room = self.webex.room_named(room)?;
                let mut seats = self.visible_seats(caller, room)?;
                seats.retain(|(_, seated)| person.is_none_or(|person| person == *seated));
                seats
            }
            (None, Some(person)) => self.seats_of(caller, person)?,
            (None, None) => {
                caller.needs(&[READ.0])?;
                self.seats_where(|_, seated| seated == caller.person)
            }
        };
        let items = seats.into_iter().map(|(room, person)| self.seat_json(room, person)).collect();
        Ok(page(call, &self.webex.settings, 100, items))
    }

    fn visible_seats(&self, caller: &Caller, room: RoomId) -> Result<Vec<(RoomId, PersonId)>, Answer> {
        let standing = self.standing(caller, room, READ.0, READ.1)?;
        let entry = self.webex.rooms.get(&room).ok_or_else(not_found)?;
        let moderators_only = standing == Standing::InTeam && entry.moderated();
        let shown = entry.seats.iter().filter(|(_, seat)| !moderators_only || seat.role == Role::Moderator);
        Ok(shown.map(|(person, _)| (room, *person)).collect())
    }

    /// All memberships of one person in the organization's spaces: for its compliance officer only.
    fn seats_of(&self, caller: &Caller, person: PersonId) -> Result<Vec<(RoomId, PersonId)>, Answer> {
        if !self.webex.is(caller.person, AdminRole::ComplianceOfficer) {
            return Err(refused(400, "roomId is required."));
        }
        caller.needs(&[READ.1])?;
        Ok(self.seats_where(|owner, seated| seated == person && owner == caller.org))
    }

    fn seats_where(&self, wanted: impl Fn(domain::ids::OrgId, PersonId) -> bool) -> Vec<(RoomId, PersonId)> {
        let all = self.webex.rooms.iter();
        all.flat_map(|(room, entry)| entry.seats.keys().map(move |person| (*room, entry.owner, *person)))
            .filter(|(_, owner, person)| wanted(*owner, *person))
            .map(|(room, _, person)| (room, person))
            .collect()
    }

    pub(super) fn get_membership(&self, caller: &Caller, id: &str) -> Outcome {
        let (person, room) = self.webex.seat_named(id, "MEMBERSHIP")?;
        self.standing(caller, room, READ.0, READ.1)?;
        Ok(Answer::ok(self.seat_json(room, person)))
    }

    pub(super) fn post_membership(&mut self, caller: &Caller, body: &Value) -> Outcome {
        let room = body["roomId"].as_str().ok_or_else(|| refused(400, "roomId is required."))?;
        let room = self.webex.room_named(room)?;
        let person = self.person_of(body)?;
        let standing = self.may_manage(caller, room)?;
        let empty = self.webex.rooms.get(&room).is_some_and(|entry| entry.seats.is_empty());
        if standing == Standing::Officer && empty {
            return Err(refused(403, "Compliance officers cannot add people to empty spaces."));
        }
        self.seat(room, person, role_of(body), caller.person, Via::Room)?;
        Ok(Answer::ok(self.seat_json(room, person)))
    }

    pub(super) fn put_membership(&mut self, caller: &Caller, id: &str, body: &Value) -> Outcome {
        let (person, room) = self.webex.seat_named(id, "MEMBERSHIP")?;
        self.may_manage(caller, room)?;
        self.set_role(room, person, role_of(body), caller.person, Via::Room)?;
        Ok(Answer::ok(self.seat_json(room, person)))
    }

    pub(super) fn delete_membership(&mut self, caller: &Caller, id: &str) -> Outcome {
        let (person, room) = self.webex.seat_named(id, "MEMBERSHIP")?;
        // Whoever is in a space may leave it.
        if person == caller.person {
            self.standing(caller, room, "spark:memberships_write", "spark-compliance:memberships_write")?;
        } else {
            self.may_manage(caller, room)?;
        }
        self.unseat(room, person, caller.person, Via::Room)?;
        Ok(Answer::empty(204))
    }
}
