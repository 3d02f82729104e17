//! Spaces, which the API calls rooms.

use jiff::Timestamp;
use serde::Deserialize;

use super::paging::PAGE;
use super::wire::lenient;
use super::{Webex, WebexId};
use crate::complete::Complete;
use crate::http::{Access, Call, CallError};
use domain::ids::{OrgId, PersonId, RoomId, TeamId};

/// A space.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RoomAsSent")]
pub struct Room {
    /// Its id.
    pub id: WebexId<RoomId>,
    /// Its title; missing where it could not be decrypted.
    pub title: Option<String>,
    /// The team that it belongs to now: a space can be moved into a team and out of it.
    pub team: Option<WebexId<TeamId>>,
    /// What kind of space it is.
    pub kind: RoomKind,
    /// The organization that owns it; missing where that cannot be told.
    pub owner: Option<OrgId>,
    /// Who made it.
    pub creator: Option<PersonId>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether nobody can write in it any more: its team is archived.
    pub is_read_only: bool,
}

/// What kind of space it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// One for several people.
    Group,
    /// One between two people.
    Direct,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoomAsSent {
    id: WebexId<RoomId>,
    #[serde(default, deserialize_with = "lenient")]
    title: Option<String>,
    #[serde(default)]
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
            is_read_only: sent.is_read_only.unwrap_or_default(),
        }
    }
}

impl Webex {
    /// A space; `None` where there is none that this account may see.
    pub async fn room(&self, access: &Access, room: &WebexId<RoomId>) -> Result<Option<Room>, CallError> {
        let answer = self.find(access, Call::get(format!("/rooms/{room}"))).await?;
        answer.map(|answer| answer.json()).transpose()
    }

    /// The team's spaces that this account is in, its General space among them; it takes being inside to see any.
    pub async fn rooms_of_team(
        &self,
        access: &Access,
        team: &WebexId<TeamId>,
    ) -> Result<Complete<Vec<Room>>, CallError> {
        let call = Call::get("/rooms").query("teamId", team.to_string()).query("type", "group").query("max", PAGE);
        self.list(access, call, |room: Room| Ok(Some(room))).await
    }
}
