//! The spaces of a team and their folders, on the team's page.

use std::time::Duration;

use axum::response::Response;
use domain::ids::{RoomId, TeamId, TenantId};
use engine::folders::{self, FolderBlocker, FolderRequest, Space, SpaceState};
use engine::link::LinkRow;
use engine::tenant::settings::{Folders, ServiceAccountMode};
use engine::tenant::{self, TenantSnapshot};
use store::message::{Job, Message, Trigger};
use store::table::{StoreError, from_item};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::response::see_other;
use crate::pages::team::{TeamForm, refuse};
use crate::pages::team_page::Did;
use crate::view::phrases::date;
use crate::view::phrases::feedback::Feedback;
use crate::view::phrases::folders as words;

/// Spaces on a page.
const SPACES_SHOWN: usize = 100;

/// The spaces of a team and their folders.
pub(crate) struct SpacesTable {
    /// The reason why all of them wait.
    pub(crate) waiting: Option<FoldersWait>,
    pub(crate) rows: Vec<SpaceRow>,
    pub(crate) further: usize,
}

/// The reason why the folders of a team wait.
pub(crate) struct FoldersWait {
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) since: Option<String>,
    pub(crate) said: Option<String>,
}

/// One space.
pub(crate) struct SpaceRow {
    pub(crate) room: RoomId,
    pub(crate) title: String,
    pub(crate) folder: Option<FolderLink>,
    pub(crate) state: SpaceState,
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) said: Option<String>,
    /// The button's text, if an administrator can do something.
    pub(crate) offer: Option<&'static str>,
}

/// A folder, with its address if it is safe to link to.
pub(crate) struct FolderLink {
    pub(crate) name: String,
    pub(crate) url: Option<String>,
}

impl SpaceRow {
    fn of(room: RoomId, space: Space, link_row: &LinkRow) -> Self {
        let is_general = room == link_row.link.team.general_space();
        let title = match space.title {
            // Webex gives the General space the team's title, which would mislead here.
            _ if is_general => words::GENERAL_SPACE.to_owned(),
            Some(title) => title,
            None => words::SPACE_WITHOUT_TITLE.to_owned(),
        };
        let folder = space.folder.map(|folder| FolderLink {
            name: folder.name,
            // Whatever the service says, a page links to no other kind of address.
            url: Some(folder.url).filter(|url| url.starts_with("https://")),
        });
        let status = space.status;
        Self {
            room,
            title,
            folder,
            state: status.state(),
            why: words::status(status),
            remedy: words::status_remedy(status),
            said: space.said,
            offer: words::offer(status),
        }
    }

    /// Orders spaces first that need attention.
    fn order(&self) -> (u8, String) {
        let state = match self.state {
            SpaceState::Failing => 0,
            SpaceState::Left => 1,
            SpaceState::Waiting => 2,
            SpaceState::Linked => 3,
        };
        (state, self.title.to_lowercase())
    }
}

impl SpacesTable {
    /// Loads the spaces of a team; `None` if there is nothing to say about folders.
    pub(crate) async fn load(
        app: &App,
        tenant: TenantId,
        link_row: &LinkRow,
    ) -> Result<Option<Self>, StoreError> {
        let (store, team) = (app.store.as_ref(), link_row.link.team);
        let key = folders::key(tenant, team);
        let loaded = tenant::load_snapshot(store, tenant, &[key], app.clock.now()).await?;
        let Some((context, others)) = loaded else {
            return Ok(None);
        };
        let known = others.into_iter().next().map(from_item::<folders::FolderRow>).transpose()?;
        // Folders that were linked before the setting changed are still listed.
        if known.is_none() && context.settings.folders == Folders::No {
            return Ok(None);
        }
        let spaces = folders::spaces(store, tenant, team).await?.into_iter();
        let mut rows: Vec<SpaceRow> =
            spaces.map(|(room, space)| SpaceRow::of(room, space, link_row)).collect();
        rows.sort_by_cached_key(SpaceRow::order);
        let further = rows.len().saturating_sub(SPACES_SHOWN);
        rows.truncate(SPACES_SHOWN);
        Ok(Some(Self { waiting: waiting(&context, known.as_ref()), rows, further }))
    }
}

/// Returns the first thing that all folders of the team wait for.
fn waiting(context: &TenantSnapshot, known: Option<&folders::FolderRow>) -> Option<FoldersWait> {
    let because = |reason: words::Reason| {
        let words::Reason { why, remedy } = reason;
        Some(FoldersWait { why, remedy, since: None, said: None })
    };
    let blocked = |by: FolderBlocker| words::Reason {
        why: words::blocker(by),
        remedy: words::blocker_remedy(by),
    };
    let consent = context.tenant.files.as_ref();
    if context.settings.folders == Folders::No {
        return because(words::SWITCHED_OFF);
    }
    if context.settings.service_account_mode == ServiceAccountMode::Observer {
        return because(blocked(FolderBlocker::ServiceAccountOutside));
    }
    if consent.is_none_or(|consent| consent.lost.is_some()) {
        return because(words::NO_CONSENT);
    }
    // Without a row, no sync of the folders has found a reason yet.
    let blocker = known?.folders.blocker.as_ref()?;
    let words::Reason { why, remedy } = blocked(blocker.by);
    let (since, said) = (Some(date(blocker.since)), blocker.said.clone());
    Some(FoldersWait { why, remedy, since, said })
}

/// Requests another try for the folder of a space.
pub(crate) async fn retry_folder(
    app: &App,
    admin: &Admin,
    team: TeamId,
    form: &TeamForm,
) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let room: Option<RoomId> = form.room.as_ref().and_then(|room| room.parse().ok());
    let room = room.ok_or(Failure::NotAForm)?;
    let now = app.clock.now();
    match app
        .store
        .write(folders::request_sync(tenant, team, &FolderRequest::Relink(room), now)?)
        .await
    {
        Err(StoreError::ConditionFailed) => {
            return refuse(app, admin, team, Feedback::OutOfDate).await;
        }
        written => written?,
    }
    let person = admin.session.person;
    tracing::info!(
        event = "folder_requested", %tenant, %team, space = %room, %person,
        "An administrator requested the folder of a space."
    );
    // After the write, because the message only says that a request is stored.
    let (job, trigger) = (Job::Folders { team }, Trigger::Administrator);
    let message = Message { v: Default::default(), tenant, at: now, trigger, job };
    app.queue.send(&message, Duration::ZERO).await?;
    Ok(see_other(Did::Folder.at(team, app.clock.now())))
}
