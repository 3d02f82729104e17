//! Spaces, which the API calls rooms.

use jiff::Timestamp;
use serde::Deserialize;

use super::paging::{PAGE, readable};
use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use crate::wire::lenient;
use domain::ids::{OrgId, PersonId, RoomId, TeamId};

/// A space.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RoomAsSent")]
pub struct Room {
    /// Id of the space.
    pub id: WebexId<RoomId>,
    /// Title. `None` if Webex could not decrypt it.
    pub title: Option<String>,
    /// Current team. A space can move into a team and out of it.
    pub team: Option<WebexId<TeamId>>,
    /// Kind of space.
    pub kind: RoomKind,
    /// Organization that owns the space, if Webex shows it.
    pub owner: Option<OrgId>,
    /// Person who created the space.
    pub creator: Option<PersonId>,
    /// Time of creation.
    pub created: Option<Timestamp>,
    /// `true` once the team is archived, so that no one can post.
    pub is_read_only: bool,
}

/// Kind of space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Space for several people.
    Group,
    /// Space of two people.
    Direct,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoomAsSent {
    id: WebexId<RoomId>,
    #[serde(default, deserialize_with = "lenient")]
    title: Option<String>,
    #[serde(default)]
    // Strict: with an unreadable team, the space would count as one without a team for days.
    team_id: Option<WebexId<TeamId>>,
    #[serde(rename = "type")]
    kind: RoomKind,
    #[serde(default, deserialize_with = "lenient")]
    owner_id: Option<WebexId<OrgId>>,
    #[serde(default, deserialize_with = "lenient")]
    creator_id: Option<WebexId<PersonId>>,
    #[serde(default, deserialize_with = "lenient")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    is_read_only: Option<bool>,
}

impl From<RoomAsSent> for Room {
    fn from(sent: RoomAsSent) -> Self {
        Self {
            id: sent.id,
            title: sent.title,
            team: sent.team_id,
            kind: sent.kind,
            owner: sent.owner_id.map(|id| id.id),
            creator: sent.creator_id.map(|id| id.id),
            created: sent.created,
            // Only an archive that Webex states pauses a link.
            is_read_only: sent.is_read_only.unwrap_or_default(),
        }
    }
}

impl Webex {
    /// Returns a space, if this account can see it.
    pub async fn room(
        &self,
        access: &Access,
        room: &WebexId<RoomId>,
    ) -> Result<Option<Room>, CallError> {
        let answer = self.find(access, Call::get(format!("/rooms/{room}"))).await?;
        let Some(answer) = answer else { return Ok(None) };
        let found: Room = answer.json()?;
        if found.id.id == room.id {
            Ok(Some(found))
        } else {
            // A cache in between answered for someone else.
            Err(answer.unreadable("another space"))
        }
    }

    /// Returns the team's spaces that this account is in, including the General space. Observers
    /// see none. Skips unreadable ones and those of other teams, so it proves no absence.
    pub async fn rooms_of_team(
        &self,
        access: &Access,
        team: &WebexId<TeamId>,
    ) -> Result<Vec<Room>, CallError> {
        let call = Call::get("/rooms")
            .query("teamId", team.to_string())
            .query("type", "group")
            .query("max", PAGE);
        let of_team = |room: Room| match &room.team {
            // If Webex ignored the filter, spaces of strangers would get folders here.
            Some(found) if found.id != team.id => Err("a space of another team"),
            _ => Ok(Some(room)),
        };
        Ok(self.list(access, call, &readable(of_team)).await?.into_inner())
    }
}
