//! Teams. Webex has no list of all teams of an organization.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use crate::wire::lenient;
use domain::ids::TeamId;

/// A team. Its owner is the owner of its General space.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// Id, which the General space shares.
    pub id: WebexId<TeamId>,
    /// Current name.
    pub name: String,
    /// Description by its members.
    #[serde(default, deserialize_with = "lenient")]
    pub description: Option<String>,
    /// Time of creation.
    #[serde(default, deserialize_with = "lenient")]
    pub created: Option<Timestamp>,
}

impl Webex {
    /// Returns a team, if this account can see it.
    pub async fn team(
        &self,
        access: &Access,
        team: &WebexId<TeamId>,
    ) -> Result<Option<Team>, CallError> {
        let answer = self.find(access, Call::get(format!("/teams/{team}"))).await?;
        let Some(answer) = answer else { return Ok(None) };
        let found: Team = answer.json()?;
        if found.id.id == team.id {
            Ok(Some(found))
        } else {
            // A cache in between answered for someone else.
            Err(answer.unreadable("another team"))
        }
    }

    /// Renames a team. Reads the team first to keep its description, since a PUT without one might
    /// clear it.
    ///
    /// # Errors
    /// 403 for accounts that are not a moderator of the team.
    pub async fn rename_team(
        &self,
        access: &Access,
        team: &WebexId<TeamId>,
        name: &str,
    ) -> Result<(), CallError> {
        let mut body = json!({ "name": name });
        if let Some(description) = self.team(access, team).await?.and_then(|team| team.description)
        {
            body["description"] = description.into();
        }
        self.0
            .call(access, Call::new(Method::PUT, format!("/teams/{team}")).json(&body))
            .await
            .map(drop)
    }
}
