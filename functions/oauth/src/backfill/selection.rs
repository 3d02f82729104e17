//! The selected teams: what would be created, the progress, and what failed.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::webex::WebexId;
use domain::ids::TeamId;
use engine::backfill::UpdateOutcome;
use engine::backfill::candidate::Outlook;
use engine::backfill::run::{
    self, BackfillRun, BackfillStage, Chooser, ChosenState, ChosenTeam, SelectionSource,
};
use engine::decision::Decider;
use engine::link;
use engine::tenant::settings::{self, Running};
use http::StatusCode;
use serde::Deserialize;
use store::table::{Cursor, Key};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::backfill::search::{RELOAD_AFTER, choose_all, chooser, order};
use crate::connect::disconnect::load_tenant;
use crate::http::error::Failure;
use crate::http::extract::{Form, ListQuery, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, ResponseExt, see_other};
use crate::view::layout::Shell;
use crate::view::phrases::backfill as words;
use crate::view::phrases::date;
use crate::view::phrases::feedback::Feedback;

/// Teams on a page.
const SHOWN: usize = 50;

/// A selection of at most this many teams is read again before anything begins. Of a larger one,
/// each team is read when its turn comes.
const READ_AGAIN: usize = 20;

#[derive(Template)]
#[template(path = "selection.html")]
struct SelectionPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    note: Option<Feedback>,
    is_on: bool,
    is_preview: bool,
    run: BackfillRun,
    hash: String,
    began: Option<String>,
    rows: Vec<SelectedTeam>,
    next: Option<String>,
}

impl SelectionPage<'_> {
    /// Returns `true` until the selection is confirmed.
    fn is_choice(&self) -> bool {
        matches!(self.run.stage, BackfillStage::Choosing | BackfillStage::Selecting { .. })
    }

    fn is_gathering(&self) -> bool {
        matches!(self.run.stage, BackfillStage::Selecting { .. })
    }

    fn is_going(&self) -> bool {
        self.run.stage == BackfillStage::Running
    }

    fn is_paused(&self) -> bool {
        self.run.stage == BackfillStage::Paused
    }

    fn heading(&self) -> &'static str {
        words::run(&self.run.stage)
    }

    fn ended(&self) -> usize {
        self.run.counts.done + self.run.counts.failed
    }
}

/// A selected team.
struct SelectedTeam {
    team: TeamId,
    title: String,
    people: usize,
    owners: usize,
    excluded: Vec<String>,
    read: String,
    why: String,
    has_link: bool,
}

impl SelectedTeam {
    fn of(chosen: ChosenTeam, links: &BTreeSet<TeamId>) -> Self {
        let Outlook { people, owners, excluded, unresolved } = chosen.outlook;
        let excluded = excluded.into_iter().map(|(reason, count)| words::excluded(count, reason));
        let unknown = (unresolved > 0).then(|| words::unresolved(unresolved));
        let title = chosen.title;
        Self {
            has_link: links.contains(&chosen.team),
            team: chosen.team,
            title: if title.is_empty() { chosen.team.to_string() } else { title },
            people,
            owners,
            excluded: excluded.chain(unknown).collect(),
            read: date(chosen.read_at),
            why: chosen.why.as_ref().map(engine::phrases::backfill::failure).unwrap_or_default(),
        }
    }

    fn link(&self) -> PageLink {
        PageLink::Team(self.team)
    }
}

/// Shows the selection and its progress.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    render(&app, &admin, &query, None).await
}

/// Renders the page. A note says why nothing began.
async fn render(
    app: &App,
    admin: &Admin,
    query: &ListQuery,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.connected()?.tenant);
    let (settings, _) = settings::load(store, tenant).await?;
    let run = run::load(store, tenant).await?;
    // Once confirmed, only what failed needs an admin.
    let listed = match run.stage {
        BackfillStage::Choosing | BackfillStage::Selecting { .. } => ChosenState::Waiting,
        _ => ChosenState::Failed,
    };
    let from = query.from.clone().map(Cursor);
    let page = run::page(store, tenant, &run, listed, SHOWN, from.as_ref()).await;
    let page = page.map_err(|error| Failure::of_list(error, query.from.as_deref()));
    let (mut chosen, next) = page?;
    chosen.sort_by_cached_key(|one| one.title.to_lowercase());
    let keys: Vec<Key> = chosen.iter().map(|one| link::key(tenant, one.team)).collect();
    let links = store.get_many(&keys).await?;
    // Only the keys: a link that cannot be read has a page, too.
    let links = links.iter().filter_map(|item| Key::of(item)?.sk.parse().ok()).collect();
    let is_gathering = matches!(run.stage, BackfillStage::Selecting { .. });
    // A paused run still ends the teams that it has begun.
    let is_moving = is_gathering || run.stage == BackfillStage::Running || run.counts.started > 0;
    let page = SelectionPage {
        shell: admin.shell(Page::Selection),
        csrf: admin.csrf(),
        note,
        is_on: settings.switched_on_at.is_some(),
        is_preview: settings.running == Running::Preview,
        hash: run.hash(),
        began: run.began.map(date),
        run,
        rows: chosen.into_iter().map(|one| SelectedTeam::of(one, &links)).collect(),
        next: next.map(|next| format!("{}?from={}", Page::Selection, next.0)),
    };
    // Without a reload, which would take the note away.
    if note.is_some() {
        return response::page(StatusCode::CONFLICT, &page);
    }
    let response = response::page(StatusCode::OK, &page)?;
    Ok(if is_moving { response.reload_after(RELOAD_AFTER) } else { response })
}

/// A decision about the selection.
#[derive(Deserialize)]
pub(crate) struct SelectionForm {
    action: Option<String>,
    hash: Option<String>,
    team: Option<String>,
}

/// Confirms, changes, pauses or stops the selection.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<SelectionForm>,
) -> Result<Response, Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.connected()?.tenant);
    let (settings, _) = settings::load(store, tenant).await?;
    let chooser = chooser(&app, &admin, &settings)?;
    let by = Decider { actor: &admin.actor(chooser.now), now: chooser.now };
    let action = form.action.as_deref().ok_or(Failure::NotAForm)?;
    let outcome = match action {
        // The integration was switched off after the page was shown.
        "create" if settings.switched_on_at.is_none() => UpdateOutcome::Stale,
        "create" => {
            // Before the hashes are compared, so that a change refuses the confirmation.
            read_again(&app, &admin, &chooser).await?;
            chooser.confirm(form.hash.as_deref().unwrap_or_default(), by).await?
        }
        "leave-out" => {
            let team = form.team.as_ref().and_then(|team| team.parse().ok());
            chooser.exclude(Some(team.ok_or(Failure::NotAForm)?)).await?
        }
        "choose-none" => chooser.exclude(None).await?,
        "again" => {
            // The teams that failed belong to the run that is shown.
            let number = run::load(store, tenant).await?.number;
            choose_all(&chooser, SelectionSource::Failed { number }).await?
        }
        other => chooser.order(order(other).ok_or(Failure::NotAForm)?, by).await?,
    };
    let person = admin.session.person;
    tracing::info!(
        event = "backfill_selection", %tenant, %person, action, ?outcome,
        "An administrator decided about groups for existing teams."
    );
    match (outcome, action) {
        (UpdateOutcome::Done, _) => Ok(see_other(Page::Selection)),
        // The new totals are shown beside the reason, because they are what to decide about.
        (UpdateOutcome::Stale, "create") => {
            render(&app, &admin, &ListQuery::default(), Some(Feedback::SelectionOutOfDate)).await
        }
        (UpdateOutcome::Stale, _) => Err(Failure::Changed(Page::Selection)),
    }
}

/// Reads the members of a small selection again, so that what changed is shown before anything
/// begins.
async fn read_again(app: &App, admin: &Admin, chooser: &Chooser<'_>) -> Result<(), Failure> {
    let Chooser { store, tenant, .. } = *chooser;
    let mut run = run::load(store, tenant).await?;
    // A request of the page has to end in time.
    if run.stage != BackfillStage::Choosing || run.counts.waiting > READ_AGAIN {
        return Ok(());
    }
    let row = load_tenant(app, tenant).await?;
    let access = app.tokens.webex(tenant, row.service_account, app.deadline()).await?;
    let waiting = ChosenState::Waiting;
    let (chosen, _) = run::page(store, tenant, &run, waiting, READ_AGAIN, None).await?;
    for one in chosen {
        let space = WebexId::new(one.region.clone(), one.team.general_space());
        let people = app.webex.memberships(&access, &space).await?;
        let outlook = Outlook::of(store, &row, &people.get().members).await?;
        let has_changed = outlook != one.outlook;
        // Another request changed the selection; the comparison of hashes refuses this one.
        if has_changed && chooser.correct(&mut run, &one, outlook).await? == UpdateOutcome::Stale {
            break;
        }
    }
    let person = admin.session.person;
    tracing::debug!(event = "selection_read_again", %tenant, %person, "Teams were read again.");
    Ok(())
}
