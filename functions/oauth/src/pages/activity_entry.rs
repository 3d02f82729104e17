//! One activity entry as a whole, and its undo.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::TeamId;
use engine::activity::{self, Activity, EntryId};
use engine::link::{self, LinkPerson, LinkRow, LinkState, OverrideProposal, UndoScope, Who};
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
use crate::pages::team_page::Did;
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::activity::change_line;
use crate::view::phrases::date;
use crate::view::phrases::decisions::{cause, note_lines, people_of};
use crate::view::phrases::feedback::Feedback;
use crate::view::phrases::undo as words;

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
    cause: String,
    lines: Vec<String>,
    further_lines: usize,
    request_ids: Vec<String>,
    undo: Undo,
}

/// The ways to undo the entry.
enum Undo {
    /// Nothing was changed that can be undone.
    Nothing,
    /// The link began with it: only ending the link undoes it.
    EndLink,
    /// Not now.
    NotNow(&'static str),
    /// These.
    Offers(Vec<UndoOffer>),
}

/// A way to undo the entry.
struct UndoOffer {
    scope: &'static str,
    hash: String,
    /// The act, with the number of people and their places.
    act: String,
    hint: &'static str,
    class: &'static str,
    lines: Vec<String>,
    further: usize,
    excluded: Vec<String>,
}

/// The path of the page.
#[derive(Deserialize)]
pub(crate) struct EntryPath {
    team: Id<TeamId>,
    entry: Id<EntryId>,
}

/// Shows the entry, and what its undo would do.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(EntryPath { team: Id(team), entry: Id(entry) }): Path<EntryPath>,
) -> Result<Response, Failure> {
    // First: it refuses teams of other organizations.
    let link_row = load_link(&app, &admin, team).await?;
    render(&app, &admin, &link_row, entry, None).await
}

/// The form of an undo: its scope, and the hash of what was shown.
#[derive(Deserialize)]
pub(crate) struct UndoForm {
    undo: Option<String>,
    hash: Option<String>,
}

/// Undoes the entry, if the proposal is still the one that was shown.
pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(EntryPath { team: Id(team), entry: Id(entry) }): Path<EntryPath>,
    Form(form): Form<UndoForm>,
) -> Result<Response, Failure> {
    let link_row = load_link(&app, &admin, team).await?;
    let activity = load(&app, &admin, team, entry).await?;
    let named = |scope: &UndoScope| form.undo.as_deref() == Some(words::name(*scope));
    // No default: a scope that was not said could change the other side, too.
    let scope = UndoScope::ALL.into_iter().find(named).ok_or(Failure::NotAForm)?;
    // Proposed again from what is stored now; the hash says if it is what was shown.
    let propose =
        |people: &BTreeMap<Who, LinkPerson>| OverrideProposal::undo(&activity, scope, people);
    let hash = form.hash.unwrap_or_default();
    match override_people(&app, &admin, &link_row, &hash, propose).await? {
        None => Ok(see_other(Did::Asked.at(team, app.clock.now()))),
        Some(note) => render(&app, &admin, &link_row, entry, Some(note)).await,
    }
}

async fn load(app: &App, admin: &Admin, team: TeamId, entry: EntryId) -> Result<Activity, Failure> {
    let loaded = activity::entry(app.store.as_ref(), admin.tenant(), team, entry).await?;
    loaded.ok_or(Failure::NoSuchEntry)
}

/// Renders the page. A note says why nothing was undone.
async fn render(
    app: &App,
    admin: &Admin,
    link_row: &LinkRow,
    entry: EntryId,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let (store, tenant, team) = (app.store.as_ref(), admin.tenant(), link_row.link.team);
    let activity = load(app, admin, team, entry).await?;
    let on_link = link::people(store, tenant, team).await?;
    let names = DisplayNames::load(app, &admin.organization, &people_of(&activity)).await?;
    let running = settings::load(store, tenant).await?.0.running;
    let changes = activity.changes.iter().take(SHOWN);
    let changes = changes.map(|change| change_line(change, &names.name(change.person)));
    let notes = activity.notes.iter().flat_map(|note| note_lines(note, &names));
    let page = EntryPage {
        shell: admin.shell(Page::Teams),
        csrf: admin.csrf(),
        link_row,
        link: PageLink::ActivityEntry(team, entry),
        team_link: PageLink::Team(team),
        note,
        at: date(activity.at),
        cause: cause(&activity),
        lines: notes.chain(changes).collect(),
        further_lines: activity.changes.len().saturating_sub(SHOWN),
        undo: Undo::of(&activity, link_row, running, &on_link, &names),
        request_ids: activity.request_ids,
    };
    let status = if note.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    response::page(status, &page)
}

impl Undo {
    fn of(
        activity: &Activity,
        link_row: &LinkRow,
        running: Running,
        on_link: &BTreeMap<Who, LinkPerson>,
        names: &DisplayNames,
    ) -> Self {
        let has_ended = link_row.link.state() == LinkState::Ended;
        let propose = |scope| OverrideProposal::undo(activity, scope, on_link);
        let exact = propose(UndoScope::ChangedSide);
        // Two buttons for the same act would look like a choice.
        let both = Some(propose(UndoScope::BothSides)).filter(|both| both.people != exact.people);
        let proposals = [(UndoScope::ChangedSide, Some(exact)), (UndoScope::BothSides, both)];
        let offers: Vec<UndoOffer> = proposals
            .into_iter()
            .filter_map(|(scope, proposal)| UndoOffer::of(scope, &proposal?, names))
            .collect();
        // Before the link, the two sides were not linked: there is no state to go back to.
        if activity.begins_link() && !has_ended {
            Self::EndLink
        } else if offers.is_empty() {
            Self::Nothing
        } else if link_row.link.group().is_none() || has_ended {
            // First, since without a group there is nothing to undo in any mode.
            Self::NotNow(words::NO_GROUP)
        } else if running == Running::Preview {
            Self::NotNow(words::PREVIEW)
        } else {
            Self::Offers(offers)
        }
    }
}

impl UndoOffer {
    fn of(scope: UndoScope, proposal: &OverrideProposal, names: &DisplayNames) -> Option<Self> {
        if proposal.people.is_empty() {
            return None;
        }
        let mut lines: Vec<String> = proposal
            .people
            .iter()
            .flat_map(|(person, roles)| words::lines(roles, &names.name(*person)))
            .collect();
        // The proposal's own order is by id, which no reader can follow.
        lines.sort_by_cached_key(|line| line.to_lowercase());
        let further = lines.len().saturating_sub(SHOWN);
        lines.truncate(SHOWN);
        Some(Self {
            scope: words::name(scope),
            hash: proposal.hash(),
            act: words::act(proposal),
            hint: words::hint(scope),
            class: if words::removes(proposal) { "danger" } else { "second" },
            lines,
            further,
            excluded: proposal.excluded.iter().map(|person| names.name(*person)).collect(),
        })
    }
}
