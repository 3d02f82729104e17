//! One activity entry as a whole, and restoring its people as they were before.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::TeamId;
use domain::membership::{Role, Side, Sides};
use engine::activity::{self, Activity, EntryId};
use engine::link::{self, LinkPerson, LinkRow, LinkState, OverrideProposal, Who};
use engine::tenant::settings::{self, Running};
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::{Form, Id, Path};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::pages::team::{load_link, override_people};
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::activity::{change_line, note as note_line, trigger};
use crate::view::phrases::date;
use crate::view::phrases::feedback::Feedback;
use crate::view::phrases::teams as words;

/// The most people that the page names; it counts the others.
const SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "activity-entry.html")]
struct EntryPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    link_row: &'a LinkRow,
    link: PageLink,
    team_link: PageLink,
    note: Option<Feedback>,
    at: String,
    trigger: &'static str,
    lines: Vec<String>,
    further_lines: usize,
    request_ids: Vec<String>,
    restore: Restore,
}

/// The effect that restoring would have.
struct Restore {
    hash: String,
    rows: Vec<RestoredPerson>,
    further: usize,
    total: usize,
    excluded: Vec<String>,
    possible: Possible,
}

/// A person who would be restored.
struct RestoredPerson {
    name: String,
    is: Sides<Role>,
    to: Role,
}

/// Says if anything can be restored now.
#[derive(PartialEq)]
enum Possible {
    Yes,
    Preview,
    NoGroup,
}

/// The path of the page.
#[derive(Deserialize)]
pub(crate) struct EntryPath {
    team: Id<TeamId>,
    entry: Id<EntryId>,
}

/// Shows the entry, and its people as they would be after restoring.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(EntryPath { team: Id(team), entry: Id(entry) }): Path<EntryPath>,
) -> Result<Response, Failure> {
    let link_row = load_link(&app, &admin, team).await?;
    render(&app, &admin, &link_row, entry, None).await
}

/// The confirmed proposal.
#[derive(Deserialize)]
pub(crate) struct RestoreForm {
    hash: Option<String>,
}

/// Restores people as they were before, if the proposal is still the one that was shown.
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(EntryPath { team: Id(team), entry: Id(entry) }): Path<EntryPath>,
    Form(form): Form<RestoreForm>,
) -> Result<Response, Failure> {
    let link_row = load_link(&app, &admin, team).await?;
    let activity = load(&app, &admin, team, entry).await?;
    // Proposed again from what is stored now; the hash says if it is what was shown.
    let propose =
        |people: &BTreeMap<Who, LinkPerson>| OverrideProposal::restore_members(&activity, people);
    let hash = form.hash.unwrap_or_default();
    match override_people(&app, &admin, &link_row, &hash, propose).await? {
        None => Ok(see_other(format!("{}?did=asked", PageLink::Team(team)))),
        Some(note) => render(&app, &admin, &link_row, entry, Some(note)).await,
    }
}

async fn load(app: &App, admin: &Admin, team: TeamId, entry: EntryId) -> Result<Activity, Failure> {
    let loaded = activity::entry(app.store.as_ref(), admin.tenant(), team, entry).await?;
    loaded.ok_or(Failure::NoSuchEntry)
}

/// Renders the page. A note says why nothing was restored.
async fn render(
    app: &App,
    admin: &Admin,
    link_row: &LinkRow,
    entry: EntryId,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let (store, tenant, team) = (app.store.as_ref(), admin.tenant(), link_row.link.team);
    let activity = load(app, admin, team, entry).await?;
    let proposal =
        OverrideProposal::restore_members(&activity, &link::people(store, tenant, team).await?);
    let people = activity.changes.iter().map(|change| Who::Person(change.person)).collect();
    let names = DisplayNames::load(app, &admin.organization, &people).await?;
    let possible = match settings::load(store, tenant).await?.0.running {
        // First, since without a group there is nothing to restore in any mode.
        _ if link_row.link.group().is_none() || link_row.link.state() == LinkState::Ended => {
            Possible::NoGroup
        }
        Running::Preview => Possible::Preview,
        Running::Live => Possible::Yes,
    };
    let changes = activity.changes.iter().take(SHOWN);
    let changes = changes.map(|change| change_line(change, &names.name(change.person)));
    let page = EntryPage {
        shell: admin.shell(Page::Teams),
        csrf: admin.csrf(),
        link_row,
        link: PageLink::ActivityEntry(team, entry),
        team_link: PageLink::Team(team),
        note,
        at: date(activity.at),
        trigger: trigger(activity.trigger),
        lines: activity.notes.iter().map(note_line).chain(changes).collect(),
        further_lines: activity.changes.len().saturating_sub(SHOWN),
        request_ids: activity.request_ids,
        restore: Restore::of(&proposal, &names, possible),
    };
    let status = if note.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    response::page(status, &page)
}

impl Restore {
    fn of(proposal: &OverrideProposal, names: &DisplayNames, possible: Possible) -> Self {
        let people = proposal.people.iter();
        let mut rows: Vec<RestoredPerson> = people
            .map(|(person, (is, to))| RestoredPerson {
                name: names.name(*person),
                is: *is,
                to: *to,
            })
            .collect();
        rows.sort_by_cached_key(|row| row.name.to_lowercase());
        rows.truncate(SHOWN);
        Self {
            hash: proposal.hash(),
            further: proposal.people.len() - rows.len(),
            total: proposal.people.len(),
            rows,
            excluded: proposal.excluded.iter().map(|person| names.name(*person)).collect(),
            possible,
        }
    }
}
