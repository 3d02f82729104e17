//! The search for existing teams, and selecting those that get a group.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::TeamId;
use engine::adopt;
use engine::backfill::UpdateOutcome;
use engine::backfill::candidate::{self, CandidateWithLink, TeamState};
use engine::backfill::run::{self, BackfillRun, Chooser, SelectionSource};
use engine::backfill::search::{self, BackfillCommand, Search, SearchStage};
use engine::people;
use engine::tenant::settings::{self, Settings};
use http::StatusCode;
use serde::Deserialize;
use store::table::Cursor;
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::{Form, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, ResponseExt, see_other};
use crate::view::layout::Shell;
use crate::view::phrases::backfill as words;
use crate::view::phrases::date;

/// Teams on a page.
const SHOWN: usize = 50;

/// Pages of a source that are selected at once; reconciliation cycles select the others.
const PAGES: usize = 3;

/// Seconds until a page that shows progress reloads.
pub(crate) const RELOAD_AFTER: u32 = 10;

#[derive(Template)]
#[template(path = "backfill.html")]
struct BackfillPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    is_on: bool,
    search: Option<SearchShown>,
    run: BackfillRun,
    title: &'a str,
    rows: Vec<FoundTeam>,
    next: Option<String>,
}

/// A search as the page shows it.
struct SearchShown {
    stage: SearchStage,
    people: usize,
    /// The number of people, as last counted.
    of: usize,
    teams: usize,
    hidden: usize,
    began: String,
    ended: Option<String>,
}

impl SearchShown {
    fn of(search: Search, counted: usize) -> Self {
        Self {
            people: search.people,
            // People can have come since the count; the progress must not pass its end.
            of: counted.max(search.people),
            teams: search.teams,
            hidden: search.hidden,
            began: date(search.began),
            ended: search.ended.map(date),
            stage: search.stage,
        }
    }

    fn is_going(&self) -> bool {
        self.stage == SearchStage::Running
    }

    fn is_paused(&self) -> bool {
        self.stage == SearchStage::Paused
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, SearchStage::Stopped | SearchStage::Done)
    }

    fn words(&self) -> String {
        let ended = self.ended.as_deref().unwrap_or_default();
        words::search(&self.stage, &self.began, ended)
    }
}

/// A team that was found.
struct FoundTeam {
    team: TeamId,
    title: String,
    created: Option<String>,
    people: usize,
    owners: usize,
    excluded: usize,
    blocker: Option<&'static str>,
    has_link: bool,
    /// An existing group can be adopted for it.
    can_adopt: bool,
}

impl FoundTeam {
    fn of(chooser: &Chooser<'_>, one: &CandidateWithLink) -> Self {
        let (found, link) = one;
        let title = &found.title;
        let link_blocker =
            link.as_ref().map(|link_row| adopt::AdoptionBlocker::of_link(&link_row.link));
        Self {
            team: found.team,
            // Webex cannot decrypt every title.
            title: if title.is_empty() { found.team.to_string() } else { title.clone() },
            created: found.created.map(date),
            people: found.outlook.people,
            owners: found.outlook.owners,
            excluded: found.outlook.excluded_count() + found.outlook.unresolved,
            blocker: chooser.blocker(one).map(engine::phrases::backfill::blocker),
            has_link: link.is_some(),
            // People here can be members of another organization's team, which is not ours to link.
            can_adopt: found.owner == Some(chooser.org)
                && found.state == TeamState::Active
                && link_blocker.flatten().is_none(),
        }
    }

    fn link(&self) -> PageLink {
        PageLink::Team(self.team)
    }

    fn adopt(&self) -> PageLink {
        PageLink::Adopt(self.team)
    }
}

/// Reads an order from the button that was pressed.
pub(crate) fn order(action: &str) -> Option<BackfillCommand> {
    match action {
        "pause" => Some(BackfillCommand::Pause),
        "go-on" => Some(BackfillCommand::Resume),
        "stop" => Some(BackfillCommand::Stop),
        _ => None,
    }
}

fn address(title: &str, from: &Cursor) -> String {
    let mut query = Serializer::new(String::new());
    if !title.is_empty() {
        query.append_pair("title", title);
    }
    query.append_pair("from", &from.0);
    format!("{}?{}", Page::Backfill, query.finish())
}

/// Returns what selects teams for the organization.
pub(crate) fn chooser<'a>(
    app: &'a App,
    admin: &Admin,
    settings: &'a Settings,
) -> Result<Chooser<'a>, Failure> {
    let organization = admin.connected()?;
    let (store, now) = (app.store.as_ref(), app.clock.now());
    Ok(Chooser { store, tenant: organization.tenant, org: organization.org, settings, now })
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct SearchQuery {
    title: Option<String>,
    from: Option<String>,
}

/// Shows the search, and the teams that it found.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.connected()?.tenant);
    let (settings, _) = settings::load(store, tenant).await?;
    let title = query.title.as_deref().unwrap_or_default().trim();
    let from = query.from.clone().map(Cursor);
    let found = candidate::page(store, tenant, title, SHOWN, from.as_ref()).await;
    let found = found.map_err(|error| Failure::of_list(error, query.from.as_deref()));
    let (found, next) = found?;
    let counted =
        // Before the first count, the people who were asked are all that is known.
        people::people_counts(store, tenant).await?.map_or(0, |of| of.people_counts.eligible);
    let chooser = chooser(&app, &admin, &settings)?;
    let search = search::load(store, tenant).await?;
    let is_running = search.as_ref().is_some_and(|search| {
        matches!(search.stage, SearchStage::Running | SearchStage::Sweeping { .. })
    });
    let page = BackfillPage {
        shell: admin.shell(Page::Backfill),
        csrf: admin.csrf(),
        is_on: settings.switched_on_at.is_some(),
        search: search.map(|search| SearchShown::of(search, counted)),
        run: run::load(store, tenant).await?,
        title,
        rows: found.iter().map(|one| FoundTeam::of(&chooser, one)).collect(),
        next: next.map(|next| address(title, &next)),
    };
    // With rows there are ticks, which a reload would clear.
    let reloads = is_running && page.is_on && page.rows.is_empty();
    let response = response::page(StatusCode::OK, &page)?;
    Ok(if reloads { response.reload_after(RELOAD_AFTER) } else { response })
}

/// Controls the search, or selects teams that it found.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let (store, tenant, now) = (app.store.as_ref(), admin.connected()?.tenant, app.clock.now());
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let (settings, _) = settings::load(store, tenant).await?;
    let chooser = chooser(&app, &admin, &settings)?;
    let action = field("action").ok_or(Failure::NotAForm)?;
    let (outcome, page) = match action {
        "find" => (search::begin(store, tenant, now).await?, Page::Backfill),
        "choose" => {
            let teams = form.iter().filter(|(name, _)| name == "team");
            // All or none: a team that is dropped silently would get no group.
            let teams = teams.map(|(_, id)| id.parse()).collect::<Result<Vec<TeamId>, _>>();
            let teams = teams.map_err(|_| Failure::NotAForm)?;
            (chooser.choose(teams).await?, Page::Selection)
        }
        "choose-all" => {
            // Teams are found by their lower-case titles.
            let title = field("title").unwrap_or_default().trim().to_lowercase();
            (choose_all(&chooser, SelectionSource::Candidate { title }).await?, Page::Selection)
        }
        other => {
            let order = order(other).ok_or(Failure::NotAForm)?;
            (search::order(store, tenant, order, now).await?, Page::Backfill)
        }
    };
    let person = admin.session.person;
    tracing::info!(
        event = "backfill_search", %tenant, %person, action, ?outcome,
        "An administrator controlled the search for existing teams."
    );
    match outcome {
        UpdateOutcome::Done => Ok(see_other(page)),
        UpdateOutcome::Stale => Err(Failure::Changed(page)),
    }
}

/// Begins to select all teams of a source: a few at once, the others by reconciliation cycles.
pub(crate) async fn choose_all(
    chooser: &Chooser<'_>,
    source: SelectionSource,
) -> Result<UpdateOutcome, Failure> {
    let outcome = chooser.choose_all(source).await?;
    if outcome == UpdateOutcome::Done {
        let mut run = run::load(chooser.store, chooser.tenant).await?;
        // Some at once, so that the next page shows teams already.
        for _ in 0..PAGES {
            run = chooser.continue_selection(run).await?;
        }
    }
    Ok(outcome)
}
