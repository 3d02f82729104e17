//! The changes that syncs would make to all teams, as preview mode found them; and going live.
//!
//! # Guarantees
//! Going live succeeds only if nothing has changed since the page was shown. A removal that was not
//! shown waits for approval.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::{TeamId, TenantId};
use engine::decision::Decider;
use engine::link::{Link, LinkRow, LinkState};
use engine::preview::{self, Changes, GroupOutlook, Preview, PreviewKind, Totals};
use engine::reconcile;
use engine::tenant::settings::{self, Running, Settings};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde::Deserialize;
use store::table::{Store, StoreError};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::{Form, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::pages::link_list::LinkList;
use crate::view::layout::Shell;
use crate::view::phrases::feedback::Feedback;
use crate::view::phrases::teams as words;

/// The most teams whose previews one page reads.
const READ: usize = 1000;

/// Previews that are read at the same time.
const AT_ONCE: usize = 20;

/// The states of links that a sync could change.
const STATES: [LinkState; 6] = [
    LinkState::PendingApproval,
    LinkState::Failing,
    LinkState::Differing,
    LinkState::Creating,
    LinkState::Asked,
    LinkState::Active,
];

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    note: Option<Feedback>,
    is_on: bool,
    /// The previews that all pages show.
    seen: Changes,
    rows: Vec<ChangedTeam>,
    totals: Totals,
    /// Teams that were read.
    read: usize,
    /// Teams of these that no sync in preview mode has seen yet.
    unseen: usize,
    next: Option<String>,
}

/// A team that a sync would change.
struct ChangedTeam {
    link: PageLink,
    title: String,
    totals: Totals,
    blocked: Option<String>,
}

/// The query of the page.
#[derive(Default, Deserialize)]
pub(crate) struct PreviewQuery {
    seen: Option<String>,
    from: Option<String>,
}

/// Shows what would be done.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, Failure> {
    render(&app, &admin, &query, None).await
}

/// The previews that were shown.
#[derive(Deserialize)]
pub(crate) struct GoLiveForm {
    seen: Option<String>,
}

/// Turns preview mode off, if what would be done is still what was shown.
pub(crate) async fn go_live(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<GoLiveForm>,
) -> Result<Response, Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.connected()?.tenant);
    let seen: Option<Changes> = form.seen.and_then(|seen| seen.parse().ok());
    let seen = seen.ok_or(Failure::NotAForm)?;
    let (settings, version) = settings::load(store, tenant).await?;
    // Another admin went live, or switched the integration off.
    if !is_on(&settings) {
        return Err(Failure::Changed(Page::Preview));
    }
    // No one may let through what they have not seen.
    if preview::changes(store, tenant).await? != seen {
        let query = PreviewQuery::default();
        return render(&app, &admin, &query, Some(Feedback::PreviewOutOfDate)).await;
    }
    let live = Settings { running: Running::Live, ..settings.clone() };
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    match settings::save(store, tenant, &live, (&settings, version), by).await {
        Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Page::Preview)),
        saved => saved?,
    }
    // Only now: a sync before the save would still only show what it would do.
    reconcile::request_sync_of_every_link(store, tenant, app.clock.now()).await?;
    reconcile::request_full_cycle(store, tenant).await?;
    let person = admin.session.person;
    tracing::info!(event = "went_live", %tenant, %person, "An administrator went live.");
    Ok(see_other(Page::Teams))
}

/// Renders the page. A note says why nothing was done.
async fn render(
    app: &App,
    admin: &Admin,
    query: &PreviewQuery,
    note: Option<Feedback>,
) -> Result<Response, Failure> {
    let (store, tenant) = (app.store.as_ref(), admin.connected()?.tenant);
    let (settings, _) = settings::load(store, tenant).await?;
    // Of several pages, the state when the first one was read counts.
    let seen = match query.seen.as_ref().and_then(|seen| seen.parse().ok()) {
        Some(seen) => seen,
        None => preview::changes(store, tenant).await?,
    };
    let mut page = PreviewPage {
        shell: admin.shell(Page::Preview),
        csrf: admin.csrf(),
        note,
        is_on: is_on(&settings),
        seen,
        rows: vec![],
        totals: Totals::default(),
        read: 0,
        unseen: 0,
        next: None,
    };
    let filled = page.fill(store, tenant, query.from.as_deref()).await;
    filled.map_err(|error| Failure::of_list(error, query.from.as_deref()))?;
    let status = if note.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    response::page(status, &page)
}

/// Returns `true` if syncs only show what they would do.
fn is_on(settings: &Settings) -> bool {
    settings.switched_on_at.is_some() && settings.running == Running::Preview
}

impl PreviewPage<'_> {
    /// Returns `true` if everything was shown, so that the administrator can go live.
    fn is_whole(&self) -> bool {
        self.is_on && self.unseen == 0 && self.next.is_none()
    }

    /// Reads teams, state by state, until there are enough or no more.
    async fn fill(
        &mut self,
        store: &dyn Store,
        tenant: TenantId,
        from: Option<&str>,
    ) -> Result<(), StoreError> {
        let list = LinkList { tenant, states: &STATES, title: "" };
        let from = from.and_then(|from| from.parse().ok());
        let (links, next) = list.read(store, READ, from).await?;
        let load = |link_row: LinkRow| async move {
            let team = link_row.link.team;
            let found = preview::load(store, tenant, team, PreviewKind::SyncRun).await?;
            Ok::<_, StoreError>((link_row.link, found))
        };
        // In the order of the list, which is the order of the page.
        let found = stream::iter(links).map(load).buffered(AT_ONCE);
        let found: Vec<_> = found.try_collect().await?;
        found.into_iter().for_each(|(link, found)| self.add(link, found));
        let (path, seen) = (Page::Preview, &self.seen);
        self.next = next.map(|position| format!("{path}?seen={seen}&from={position}"));
        Ok(())
    }

    fn add(&mut self, link: Link, found: Option<Preview>) {
        self.read += 1;
        // Without its preview no one knows what a sync would do, which stops going live.
        let Some(found) = found else {
            self.unseen += 1;
            return;
        };
        let totals = found.totals();
        self.totals += totals;
        let blocked = match found.group {
            GroupOutlook::Blocked { reason } => Some(words::failure(&reason)),
            GroupOutlook::Exists | GroupOutlook::Created { .. } => None,
        };
        // Teams without changes are only counted, so that the others stand out.
        if totals != Totals::default() || blocked.is_some() {
            let team: TeamId = link.team;
            let row =
                ChangedTeam { link: PageLink::Team(team), title: link.title, totals, blocked };
            self.rows.push(row);
        }
    }
}
