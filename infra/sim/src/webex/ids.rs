//! Ids of Webex: base64url of `ciscospark://<region>/<KIND>/<uuid>`, without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{OrgId, PersonId, RoomId, TeamId};
use uuid::Uuid;

use super::{error, not_found};
use crate::state::webex::Webex;
use crate::state::webex_settings::{IdMatching, TeamIdKind};
use crate::wire::Response;

pub(super) fn encode(region: &str, kind: &str, tail: impl std::fmt::Display) -> String {
    URL_SAFE_NO_PAD.encode(format!("ciscospark://{region}/{kind}/{tail}"))
}

/// Returns region, kind and tail of an id.
pub(super) fn decode(id: &str) -> Result<(String, String, String), Response> {
    let bad = || error(400, "The id is malformed.");
    let text = URL_SAFE_NO_PAD
        .decode(id)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(bad)?;
    let mut parts = text.strip_prefix("ciscospark://").ok_or_else(bad)?.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(region), Some(kind), Some(tail), None) => {
            Ok((region.into(), kind.into(), tail.into()))
        }
        _ => Err(bad()),
    }
}

/// Returns the uuid of an id of this kind.
pub(super) fn uuid_of(id: &str, kind: &str) -> Result<Uuid, Response> {
    let (_, found, tail) = decode(id)?;
    if found == kind { tail.parse().map_err(|_| not_found()) } else { Err(not_found()) }
}

pub(super) fn parse_person(id: &str) -> Result<PersonId, Response> {
    uuid_of(id, "PEOPLE").map(PersonId)
}

pub(super) fn person_id(person: PersonId) -> String {
    encode("us", "PEOPLE", person)
}

pub(super) fn org_id(org: OrgId) -> String {
    encode("us", "ORGANIZATION", org)
}

impl Webex {
    /// Returns the region of a room: its organization's, unless it was moved.
    fn region(&self, room: RoomId) -> &str {
        let Some(entry) = self.rooms.get(&room) else {
            return "us";
        };
        let of_org = || self.orgs.get(&entry.owner).map_or("us", |org| &org.region);
        entry.migrated.as_deref().unwrap_or_else(of_org)
    }

    pub(crate) fn room_id(&self, room: RoomId) -> String {
        encode(self.region(room), "ROOM", room)
    }

    pub(crate) fn team_id(&self, team: TeamId) -> String {
        encode(self.region(team.general_space()), "TEAM", team)
    }

    /// Returns a room's `teamId`.
    pub(super) fn room_team_id(&self, team: TeamId) -> String {
        match self.settings.team_id_kind {
            TeamIdKind::Team => self.team_id(team),
            TeamIdKind::Room => self.room_id(team.general_space()),
        }
    }

    pub(super) fn membership_id(&self, person: PersonId, room: RoomId) -> String {
        encode(self.region(room), "MEMBERSHIP", format!("{person}:{room}"))
    }

    pub(super) fn team_membership_id(&self, person: PersonId, team: TeamId) -> String {
        encode(self.region(team.general_space()), "TEAM_MEMBERSHIP", format!("{person}:{team}"))
    }

    fn known(&self, region: &str, room: RoomId) -> Result<RoomId, Response> {
        let right =
            self.settings.id_matching == IdMatching::AnyRegion || self.region(room) == region;
        if right && self.rooms.contains_key(&room) { Ok(room) } else { Err(not_found()) }
    }

    /// Finds a room by id; the region has to match.
    pub(super) fn room_named(&self, id: &str) -> Result<RoomId, Response> {
        self.named(id, "ROOM")
    }

    /// Finds a team by id; the region has to match.
    pub(super) fn team_named(&self, id: &str) -> Result<TeamId, Response> {
        let team = self.named(id, "TEAM")?.as_team();
        if self.teams.contains_key(&team) { Ok(team) } else { Err(not_found()) }
    }

    fn named(&self, id: &str, kind: &str) -> Result<RoomId, Response> {
        let (region, found, tail) = decode(id)?;
        let uuid = tail.parse().map_err(|_| not_found())?;
        if found == kind { self.known(&region, RoomId(uuid)) } else { Err(not_found()) }
    }

    /// Finds a membership by id; `kind` distinguishes rooms and teams.
    pub(super) fn membership_named(
        &self,
        id: &str,
        kind: &str,
    ) -> Result<(PersonId, RoomId), Response> {
        let (region, found, tail) = decode(id)?;
        let (person, room) =
            tail.split_once(':').filter(|_| found == kind).ok_or_else(not_found)?;
        let (person, room) =
            (person.parse().map_err(|_| not_found())?, room.parse().map_err(|_| not_found())?);
        let room = self.known(&region, room)?;
        let member = self.rooms.get(&room).is_some_and(|room| room.has(person));
        if member { Ok((person, room)) } else { Err(not_found()) }
    }
}
