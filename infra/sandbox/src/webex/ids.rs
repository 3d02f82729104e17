//! Webex's ids: base64url of `ciscospark://<region>/<KIND>/<uuid>`, without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{OrgId, PersonId, RoomId, TeamId};
use uuid::Uuid;

use super::{Spelling, TeamIdKind, Webex, not_found, refused};
use crate::wire::Answer;

pub(super) fn encode(region: &str, kind: &str, tail: impl std::fmt::Display) -> String {
    URL_SAFE_NO_PAD.encode(format!("ciscospark://{region}/{kind}/{tail}"))
}

/// Region, kind and tail of an id.
pub(super) fn decode(id: &str) -> Result<(String, String, String), Answer> {
    let bad = || refused(400, "The id is malformed.");
    let text = URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    let mut parts = text.strip_prefix("ciscospark://").ok_or_else(bad)?.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(region), Some(kind), Some(tail), None) => Ok((region.into(), kind.into(), tail.into())),
        _ => Err(bad()),
    }
}

/// The uuid of an id of this kind.
pub(super) fn uuid_of(id: &str, kind: &str) -> Result<Uuid, Answer> {
    let (_, found, tail) = decode(id)?;
    if found == kind { tail.parse().map_err(|_| not_found()) } else { Err(not_found()) }
}

pub(super) fn person(id: &str) -> Result<PersonId, Answer> {
    uuid_of(id, "PEOPLE").map(PersonId)
}

pub(super) fn of_person(person: PersonId) -> String {
    encode("us", "PEOPLE", person)
}

pub(super) fn of_org(org: OrgId) -> String {
    encode("us", "ORGANIZATION", org)
}

impl Webex {
    /// The region in which a room lives: its organization's, unless it was moved.
    fn region(&self, room: RoomId) -> &str {
        let Some(entry) = self.rooms.get(&room) else { return "us" };
        let of_org = || self.orgs.get(&entry.owner).map_or("us", |org| &org.region);
        entry.migrated.as_deref().unwrap_or_else(of_org)
    }

    pub(super) fn of_room(&self, room: RoomId) -> String {
        encode(self.region(room), "ROOM", room)
    }

    pub(super) fn of_team(&self, team: TeamId) -> String {
        encode(self.region(team.general_space()), "TEAM", team)
    }

    /// A room's `teamId`.
    pub(super) fn team_of_room(&self, team: TeamId) -> String {
        match self.settings.team_id_kind {
            TeamIdKind::Team => self.of_team(team),
            TeamIdKind::Room => self.of_room(team.general_space()),
        }
    }

    pub(super) fn of_seat(&self, person: PersonId, room: RoomId) -> String {
        encode(self.region(room), "MEMBERSHIP", format!("{person}:{room}"))
    }

    pub(super) fn of_team_seat(&self, person: PersonId, team: TeamId) -> String {
        encode(self.region(team.general_space()), "TEAM_MEMBERSHIP", format!("{person}:{team}"))
    }

    fn known(&self, region: &str, room: RoomId) -> Result<RoomId, Answer> {
        let right = self.settings.spelling == Spelling::AnyRegion || self.region(room) == region;
        if right && self.rooms.contains_key(&room) { Ok(room) } else { Err(not_found()) }
    }

    /// The room that an id names; its region has to be the room's.
    pub(super) fn room_named(&self, id: &str) -> Result<RoomId, Answer> {
        self.place_named(id, "ROOM")
    }

    /// The team that an id names.
    pub(super) fn team_named(&self, id: &str) -> Result<TeamId, Answer> {
        let team = self.place_named(id, "TEAM")?.as_team();
        if self.teams.contains_key(&team) { Ok(team) } else { Err(not_found()) }
    }

    fn place_named(&self, id: &str, kind: &str) -> Result<RoomId, Answer> {
        let (region, found, tail) = decode(id)?;
        let uuid = tail.parse().map_err(|_| not_found())?;
        if found == kind { self.known(&region, RoomId(uuid)) } else { Err(not_found()) }
    }

    /// Person and room of a membership's id, of which `kind` says what it is a membership of.
    pub(super) fn seat_named(&self, id: &str, kind: &str) -> Result<(PersonId, RoomId), Answer> {
        let (region, found, tail) = decode(id)?;
        let (person, room) = tail.split_once(':').filter(|_| found == kind).ok_or_else(not_found)?;
        let (person, room) = (person.parse().map_err(|_| not_found())?, room.parse().map_err(|_| not_found())?);
        let room = self.known(&region, room)?;
        let seated = self.rooms.get(&room).is_some_and(|room| room.seats.contains_key(&person));
        if seated { Ok((person, room)) } else { Err(not_found()) }
    }
}
