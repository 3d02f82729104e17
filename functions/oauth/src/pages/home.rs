//! The overview: the state of the integration, and the next step. Without a session, the sign-in.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::{PersonId, TeamId};
use engine::link::{self, LinkState};
use engine::notify::{self, Alert};
use engine::offboard::{self, Offboarding, OffboardingStage};
use engine::people::PersonIndex;
use engine::reconcile;
use engine::tenant::organization::Organization;
use engine::tenant::settings::Running;
use engine::tenant::suspension::Suspension;
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::connect::folders::folders_state;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::{Page, PageLink};
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::phrases::folders::FoldersState;
use crate::view::phrases::{self, date};

/// The most teams that are named whose creators were asked.
const ASKED_SHOWN: usize = 20;

/// The most alerts that are shown.
const ALERTS_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    shell: Shell<'static>,
    sign_in: PageLink,
    has_ended: bool,
    signed_out: bool,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    organization: &'a Organization,
    on_since: Option<String>,
    is_preview: bool,
    is_complete: bool,
    asked: Vec<Asked>,
    offboarding: Option<Offboarding>,
    suspension: Option<Suspension>,
    alerts: Vec<Alert>,
    further_alerts: usize,
    /// The start of the last reconciliation cycle.
    checked: Option<String>,
    folders: FoldersState,
}

/// A team whose creator was asked and has not answered.
struct Asked {
    team: TeamId,
    title: String,
    creator: String,
    at: String,
}

impl Asked {
    fn link(&self) -> PageLink {
        PageLink::Team(self.team)
    }
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct HomeQuery {
    to: Option<String>,
    #[serde(rename = "signed-out")]
    signed_out: Option<String>,
}

/// Shows the overview, or the sign-in.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Option<Admin>,
    Query(query): Query<HomeQuery>,
) -> Result<Response, Failure> {
    match admin {
        Some(admin) => overview(&app, &admin).await,
        None => welcome(&query),
    }
}

fn welcome(query: &HomeQuery) -> Result<Response, Failure> {
    let to = query.to.as_deref().map(Page::named);
    let page = WelcomePage {
        shell: Shell::PUBLIC,
        sign_in: PageLink::SignIn(to.unwrap_or_default()),
        // Only a session that has ended leads here with a page to return to.
        has_ended: to.is_some_and(|to| to != Page::Home),
        signed_out: query.signed_out.is_some(),
    };
    response::page(StatusCode::OK, &page)
}

async fn overview(app: &App, admin: &Admin) -> Result<Response, Failure> {
    let organization = &admin.organization;
    let is_complete = organization.directory.is_some();
    let (store, tenant) = (app.store.as_ref(), organization.tenant);
    let offboarding = match organization.offboarded {
        Some(left) => offboard::load(store, left).await?,
        None => None,
    };
    let context = app.tenant_context(tenant).await?;
    let folders = folders_state(app, context.as_ref()).await?;
    let (mut asked, mut alerts, mut checked) = (vec![], vec![], None);
    // A tenant without a directory has no cycles and no links yet.
    if is_complete {
        asked = asked_creators(app, organization).await?;
        // The suspension has a separate card.
        alerts = notify::except_suspension(store, tenant).await?;
        checked = reconcile::last_report(store, tenant).await?.map(|report| date(report.began));
    }
    let (settings, suspension) =
        context.map(|context| (context.settings, context.suspension)).unwrap_or_default();
    alerts.sort_by_key(|alert| Reverse(alert.since));
    let further_alerts = alerts.len().saturating_sub(ALERTS_SHOWN);
    alerts.truncate(ALERTS_SHOWN);
    let page = HomePage {
        shell: admin.shell(Page::Home),
        csrf: admin.csrf(),
        organization,
        on_since: settings.switched_on_at.map(date),
        is_preview: settings.running == Running::Preview,
        is_complete,
        asked,
        offboarding: offboarding
            // Once connected again, an earlier offboarding is history.
            .filter(|offboarding| offboarding.stage != OffboardingStage::Done && !is_complete),
        suspension,
        alerts,
        further_alerts,
        checked,
        folders,
    };
    response::page(StatusCode::OK, &page)
}

async fn asked_creators(app: &App, organization: &Organization) -> Result<Vec<Asked>, Failure> {
    let (store, tenant) = (app.store.as_ref(), organization.tenant);
    let (links, _) = link::page(store, tenant, LinkState::Asked, "", ASKED_SHOWN, None).await?;
    let asked = links.into_iter().map(|link_row| link_row.link);
    let asked = asked.filter_map(|link| Some((link.team, link.title, link.asked?)));
    let asked: Vec<_> = asked.collect();
    let people = asked.iter().map(|(.., asked)| asked.person);
    let known = PersonIndex::new(store, tenant).people(people).await?;
    let name = |person: PersonId| {
        known.get(&person).map_or_else(|| person.to_string(), |known| known.name.clone())
    };
    let shown = asked.into_iter().map(|(team, title, asked)| Asked {
        team,
        title,
        creator: name(asked.person),
        at: date(asked.at),
    });
    Ok(shown.collect())
}
