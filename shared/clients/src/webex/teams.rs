//! Teams. There is no list of all teams of an organization.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::wire::lenient;
use super::{Webex, WebexId};
use crate::http::{Access, Call, CallError};
use domain::ids::TeamId;

/// A team. Whose it is, its General space's owner says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// Its id, which its General space shares.
    pub id: WebexId<TeamId>,
    /// Its name, as it stands.
    pub name: String,
    /// What it is for, in its people's words.
    #[serde(default, deserialize_with = "lenient")]
    pub description: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "lenient")]
    pub created: Option<Timestamp>,
}

impl Webex {
    /// A team; `None` where there is none that this account may see.
    pub async fn team(&self, access: &Access, team: &WebexId<TeamId>) -> Result<Option<Team>, CallError> {
        let answer = self.find(access, Call::get(format!("/teams/{team}"))).await?;
        answer.map(|answer| answer.json()).transpose()
    }

    /// Gives a team another name. Reads the team first, so that its description is kept: whether a PUT without one clears it, Webex's page does not say.
    ///
    /// # Errors
    /// 403 for whoever is outside of the team or no moderator of it.
    pub async fn rename_team(&self, access: &Access, team: &WebexId<TeamId>, name: &str) -> Result<(), CallError> {
        let mut body = json!({ "name": name });
        if let Some(description) = self.team(access, team).await?.and_then(|team| team.description) {
            body["description"] = description.into();
        }
        self.0.call(access, Call::new(Method::PUT, format!("/teams/{team}")).json(&body)).await.map(drop)
    }
}
