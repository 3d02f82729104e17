//! The spaces of a team and their folders, on the team's page.

use std::time::Duration;

use domain::ids::{RoomId, TeamId};
use engine::folders::{self, Hindrance, Space, Standing, State, Wish};
use engine::link::Kept;
use engine::tenant;
use engine::tenant::settings::{Folders, OfficerStanding};
use store::message::{Ask, Cause, Message};
use store::table::{StoreError, from_item};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::place::Place;
use crate::team::MOVED;
use crate::{Administrator, Oauth};

/// Spaces on a page.
const SPACES_SHOWN: usize = 100;

/// The spaces of a team and their folders.
pub(crate) struct SpacesTable {
    /// What keeps all of them waiting, and what can be done.
    pub(crate) waiting: Option<Waiting>,
    pub(crate) rows: Vec<Row>,
    /// How many more there are.
    pub(crate) further: usize,
}

pub(crate) struct Waiting {
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) since: Option<String>,
    pub(crate) said: Option<String>,
}

/// One space.
pub(crate) struct Row {
    pub(crate) room: RoomId,
    pub(crate) title: String,
    pub(crate) folder: Option<LinkTo>,
    pub(crate) state: State,
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) said: Option<String>,
    pub(crate) offer: Option<&'static str>,
}

pub(crate) struct LinkTo {
    pub(crate) name: String,
    pub(crate) url: Option<String>,
}

impl Row {
    fn of(room: RoomId, space: Space, kept: &Kept) -> Self {
        let is_general = room == kept.link.team.general_space();
        let title = match space.title {
            _ if is_general => "General".to_owned(),
            Some(title) => title,
            None => "A space without a title".to_owned(),
        };
        let folder = space.folder.map(|folder| LinkTo {
            name: folder.name,
            // Whatever the service says: a page leads to no other kind of address.
            url: Some(folder.url).filter(|url| url.starts_with("https://")),
        });
        let offer = match space.standing {
            Standing::Unlinked | Standing::OtherFolder => Some("Link again"),
            standing if standing.state() == State::Failing => Some("Try again"),
            _ => None,
        };
        let (why, remedy) = (space.standing.explanation(), space.standing.remedy());
        Self { room, title, folder, state: space.standing.state(), why, remedy, said: space.said, offer }
    }

    /// Those first that want somebody.
    fn order(&self) -> (u8, String) {
        let state = match self.state {
            State::Failing => 0,
            State::Left => 1,
            State::Waiting => 2,
            State::Linked => 3,
        };
        (state, self.title.to_lowercase())
    }
}

impl Oauth {
    /// The spaces of a team; `None` where there is nothing to be said of folders.
    pub(crate) async fn spaces_table(
        &self,
        administrator: &Administrator,
        kept: &Kept,
    ) -> Result<Option<SpacesTable>, StoreError> {
        let (store, id, team) = (self.store.as_ref(), administrator.organization.tenant, kept.link.team);
        let key = folders::key(id, team);
        let Some((at_hand, others)) = tenant::at_hand(store, id, &[key], self.clock.now()).await? else {
            return Ok(None);
        };
        let known = others.into_iter().next().map(from_item::<folders::Kept>).transpose()?;
        if known.is_none() && at_hand.settings.folders == Folders::No {
            return Ok(None);
        }
        let mut rows: Vec<Row> = folders::spaces(store, id, team)
            .await?
            .into_iter()
            .map(|(room, space)| Row::of(room, space, kept))
            .collect();
        rows.sort_by_cached_key(Row::order);
        let further = rows.len().saturating_sub(SPACES_SHOWN);
        rows.truncate(SPACES_SHOWN);
        let by = |by: Hindrance| Waiting { why: by.explanation(), remedy: by.remedy(), since: None, said: None };
        let has_consent = at_hand.tenant.files.as_ref().is_some_and(|consent| consent.lost.is_none());
        let waiting = if at_hand.settings.folders == Folders::No {
            let (why, remedy) = ("Folders are switched off.", "What was linked stays as it is.");
            Some(Waiting { why, remedy, since: None, said: None })
        } else if at_hand.settings.standing == OfficerStanding::Outside {
            Some(by(Hindrance::OfficerOutside))
        } else if !has_consent {
            let why = "Microsoft 365 does not let the integration work with files.";
            let remedy = "An administrator of the directory has to authorize it. People and names go on.";
            Some(Waiting { why, remedy, since: None, said: None })
        } else {
            known.and_then(|known| known.folders.hindrance).map(|hindered| Waiting {
                since: Some(date(hindered.since)),
                said: hindered.said.clone(),
                ..by(hindered.by)
            })
        };
        Ok(Some(SpacesTable { waiting, rows, further }))
    }

    /// An administrator wants the folder of a space tried again, or linked again.
    pub(crate) async fn link_folder_again(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
        team: TeamId,
    ) -> Result<Answer, Failure> {
        let tenant = administrator.organization.tenant;
        let room: RoomId = incoming.field("room").and_then(|room| room.parse().ok()).ok_or(Failure::NotAForm)?;
        let now = self.clock.now();
        match self.store.write(folders::want(tenant, team, &Wish::Again(room), now)?).await {
            Err(StoreError::ConditionFailed) => {
                return self.team_page(incoming, administrator, team, (409, Some(MOVED))).await;
            }
            written => written?,
        }
        tracing::info!(%tenant, %team, space = %room, person = %administrator.session.person, "a folder is to be linked again");
        let ask = Ask::Folders { team };
        let look = Message { v: Default::default(), tenant, at: now, cause: Cause::Administrator, ask };
        self.queue.send(&look, Duration::ZERO).await?;
        Ok(Answer::see(format!("{}/{team}?did=folder", Place::Teams.path())))
    }
}
