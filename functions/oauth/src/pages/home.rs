//! The overview: the state of the integration, and the next step. Without a session, the sign-in.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::{PersonId, TeamId, TenantId};
use engine::activity::{self, Listed};
use engine::link::{self, LinkCount, LinkState};
use engine::notify::{self, Alert};
use engine::offboard::{self, Offboarding, OffboardingStage};
use engine::people::{self, PersonIndex};
use engine::reconcile;
use engine::tenant::organization::Organization;
use engine::tenant::settings::Running;
use engine::tenant::suspension::Suspension;
use http::StatusCode;
use serde::Deserialize;
use store::table::StoreError;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::connect::folders::folders_state;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::pages::activity::titles;
use crate::view::layout::Shell;
use crate::view::names::DisplayNames;
use crate::view::phrases::activity::Entry;
use crate::view::phrases::decisions::people_of;
use crate::view::phrases::folders::FoldersState;
use crate::view::phrases::{self, date, teams};

/// The most teams that are named whose creators were asked.
const ASKED_SHOWN: usize = 20;

/// The most links that are counted in one state.
const COUNTED: usize = 100;

/// The last changes that are shown.
const CHANGES_SHOWN: usize = 5;

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
    /// Numbers that lead to their lists. Empty until both sides are connected.
    tiles: Vec<Tile>,
    activity: Vec<Entry>,
    asked: Vec<Asked>,
    offboarding: Option<Offboarding>,
    suspension: Option<Suspension>,
    alerts: Vec<Alert>,
    further_alerts: usize,
    /// The start of the last reconciliation cycle.
    checked: Option<String>,
    folders: FoldersState,
}

/// A number that leads to its list.
struct Tile {
    number: String,
    text: &'static str,
    address: String,
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
        // It names teams, which user administrators do not see.
        Some(admin) if !admin.session.role.sees(Page::Home) => Ok(see_other(Page::People)),
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
    // A tenant without a directory has no cycles and no links yet.
    let Numbers { tiles, activity, asked, mut alerts, checked } =
        if is_complete { numbers(app, organization).await? } else { Numbers::default() };
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
        tiles,
        activity,
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

/// Numbers and lists of a connected tenant.
#[derive(Default)]
struct Numbers {
    tiles: Vec<Tile>,
    activity: Vec<Entry>,
    asked: Vec<Asked>,
    alerts: Vec<Alert>,
    checked: Option<String>,
}

async fn numbers(app: &App, organization: &Organization) -> Result<Numbers, Failure> {
    let (store, tenant) = (app.store.as_ref(), organization.tenant);
    let report = async { Ok(reconcile::last_report(store, tenant).await?) };
    // The suspension has a separate card.
    let alerts = async { Ok(notify::except_suspension(store, tenant).await?) };
    let (tiles, activity, asked, alerts, report) = futures::try_join!(
        tiles(app, tenant),
        last_changes(app, organization),
        asked_creators(app, organization),
        alerts,
        report,
    )?;
    let checked = report.map(|report| date(report.began));
    Ok(Numbers { tiles, activity, asked, alerts, checked })
}

/// Counts the links by state, and the excluded people.
async fn tiles(app: &App, tenant: TenantId) -> Result<Vec<Tile>, Failure> {
    let store = app.store.as_ref();
    let count = |state| async move {
        let count = link::count(store, tenant, state, COUNTED).await?;
        Ok::<_, StoreError>((state, count))
    };
    let (counts, people) = futures::try_join!(
        futures::future::try_join_all(LinkState::ALL.map(count)),
        people::people_counts(store, tenant),
    )?;
    // A state without a team is of interest only if it is the one that all should have.
    let is_shown = |(state, count): &(LinkState, LinkCount)| {
        *state == LinkState::Active || *count != LinkCount::Exactly(0)
    };
    let teams = counts.into_iter().filter(is_shown).map(|(state, count)| Tile {
        number: phrases::link_count(count),
        text: teams::tile(state),
        address: match state {
            LinkState::PendingApproval => Page::Approvals.path().into(),
            state => format!("{}?state={state}", Page::Teams),
        },
    });
    let people = people.map(|counted| Tile {
        number: phrases::excluded_of(&counted.people_counts),
        text: phrases::PEOPLE_EXCLUDED,
        address: Page::People.path().into(),
    });
    Ok(teams.chain(people).collect())
}

/// Loads the last changes of all teams.
async fn last_changes(app: &App, organization: &Organization) -> Result<Vec<Entry>, Failure> {
    let (store, tenant) = (app.store.as_ref(), organization.tenant);
    let (entries, _) = activity::page_of_all(store, tenant, CHANGES_SHOWN, None).await?;
    let people = entries.iter().flat_map(|listed| people_of(&listed.activity)).collect();
    let teams = entries.iter().filter_map(|listed| listed.team).collect();
    let names = DisplayNames::load(app, organization, &people).await?;
    let titles = titles(app, tenant, teams).await?;
    let entry = |Listed { team, activity }: &Listed| {
        let title = team.and_then(|team| titles.get(&team).cloned());
        Entry::of(activity, *team, title, &names)
    };
    Ok(entries.iter().map(entry).collect())
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
