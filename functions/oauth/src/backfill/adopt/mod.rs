//! Adopting an existing group for a team: who may, and the decision.
//!
//! Without a further proof, a Webex administrator could add themselves to any group. So a user has
//! to sign in with Microsoft at that moment who owns the group, as the directory says then, or who
//! administers the directory.

mod search_page;
mod union_page;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::ids::{GroupId, TeamId};
use engine::activity::{AdoptionRight, Decision};
use engine::adopt::{self, AdoptableTeam, AdoptionBlocker, AdoptionOutcome, AdoptionPreview};
use engine::decision::Decider;
use engine::tenant::settings;
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::step_up;
use crate::auth::types::{DirectoryRole, ReturnTo, StepUp};
use crate::connect::disconnect::load_tenant;
use crate::http::cookies::RequestCookies;
use crate::http::error::Failure;
use crate::http::extract::{Form, Id, Path, Query};
use crate::http::response::see_other;
use crate::pages::team::{load_link, sync_soon};
use crate::pages::team_page::Did;
use crate::view::phrases::feedback::Feedback;

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct AdoptQuery {
    group: Option<String>,
    /// The beginning of the group's name.
    name: Option<String>,
}

/// Returns `true` if a user may adopt the group.
fn may_adopt(step_up: &StepUp, union: &AdoptionPreview) -> bool {
    step_up.role == DirectoryRole::Administrator || union.owners.contains(&step_up.person)
}

/// Shows the search for a group, or both sides as they would be with a group that was found.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(Id(team)): Path<Id<TeamId>>,
    Query(query): Query<AdoptQuery>,
) -> Result<Response, Failure> {
    let candidate = load_candidate(&app, &admin, team).await?;
    let Some(group) = &query.group else {
        let beginning = query.name.as_deref().unwrap_or_default();
        return search_page::render(&app, &admin, &candidate, beginning).await;
    };
    let group = group.parse().map_err(|_| Failure::NoSuchPage)?;
    let tenant = admin.tenant();
    let found = app.sync.preview_adoption(tenant, &candidate, group, app.deadline()).await?;
    let status = match found {
        Ok(_) => StatusCode::OK,
        Err(AdoptionBlocker::GroupMissing) => StatusCode::NOT_FOUND,
        Err(AdoptionBlocker::Throttled) => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::CONFLICT,
    };
    let page = Adoption { candidate, group };
    union_page::render(&app, &admin, &page, found, status, None).await
}

/// A team and the group that it would adopt.
struct Adoption {
    candidate: AdoptableTeam,
    group: GroupId,
}

/// A decision about the adoption.
#[derive(Deserialize)]
pub(crate) struct AdoptForm {
    action: Option<String>,
    hash: Option<String>,
}

/// Starts step-up authentication, or adopts the group that was shown.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
    Path(Id(team)): Path<Id<TeamId>>,
    Query(query): Query<AdoptQuery>,
    Form(form): Form<AdoptForm>,
) -> Result<Response, Failure> {
    let group: Option<GroupId> = query.group.as_ref().and_then(|group| group.parse().ok());
    let group = group.ok_or(Failure::NotAForm)?;
    // Also for the sign-in: an unknown team must not send the browser to Microsoft.
    let candidate = load_candidate(&app, &admin, team).await?;
    match form.action.as_deref() {
        Some("sign-in") => {
            step_up::start(&app, &cookies, &admin, ReturnTo::Adopt(team, group)).await
        }
        Some("adopt") => {
            let hash = form.hash.unwrap_or_default();
            adopt(&app, &admin, Adoption { candidate, group }, &hash).await
        }
        _ => Err(Failure::NotAForm),
    }
}

async fn adopt(
    app: &App,
    admin: &Admin,
    adoption: Adoption,
    hash: &str,
) -> Result<Response, Failure> {
    let (tenant, team, group) = (admin.tenant(), adoption.candidate.team.id, adoption.group);
    let done = || see_other(Did::Adopted.at(team, app.clock.now()));
    let before = adoption.candidate.before.as_ref();
    // The button was pressed twice.
    if before.is_some_and(|link_row| link_row.link.group() == Some(group)) {
        return Ok(done());
    }
    let refuse = async |found: Result<AdoptionPreview, AdoptionBlocker>,
                        status: StatusCode,
                        note: Feedback| {
        union_page::render(app, admin, &adoption, found, status, Some(note)).await
    };
    let candidate = &adoption.candidate;
    // Both sides may have changed since the page was shown.
    let union = match app.sync.preview_adoption(tenant, candidate, group, app.deadline()).await? {
        Ok(union) => union,
        blocked => return refuse(blocked, StatusCode::CONFLICT, Feedback::AdoptionOutOfDate).await,
    };
    let step_up = match check(app, admin, &union, hash).await? {
        Ok(step_up) => step_up,
        Err((status, note)) => return refuse(Ok(union), status, note).await,
    };
    let row = load_tenant(app, tenant).await?;
    let right = match step_up.role {
        DirectoryRole::Administrator => AdoptionRight::DirectoryAdministrator,
        DirectoryRole::User => AdoptionRight::GroupOwner,
    };
    let decision = Decision::GroupAdopted {
        group: union.group.display_name.clone(),
        user: step_up.person,
        right,
    };
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    match adopt::adopt(app.store.as_ref(), &row, &union, decision, by).await? {
        AdoptionOutcome::Linked => {}
        AdoptionOutcome::Busy => {
            return refuse(Ok(union), StatusCode::CONFLICT, Feedback::AdoptionBusy).await;
        }
        // Another request claimed the group, or linked the team, since the check above.
        AdoptionOutcome::Blocked(blocker) => {
            let (status, note) = (StatusCode::CONFLICT, Feedback::AdoptionOutOfDate);
            return refuse(Err(blocker), status, note).await;
        }
    }
    let (person, microsoft, role) = (admin.session.person, step_up.person, step_up.role);
    tracing::info!(
        event = "group_adopted", %tenant, %team, %group, %person, %microsoft, ?role,
        "An existing group was adopted."
    );
    // Read only now, because the adoption may have created the link.
    let link_row = load_link(app, admin, team).await?;
    // The adoption only links the two. The sync unites their people.
    sync_soon(app, tenant, &link_row).await?;
    Ok(done())
}

/// Returns the step-up authentication that allows the adoption, or why it is refused.
async fn check<'a>(
    app: &App,
    admin: &'a Admin,
    union: &AdoptionPreview,
    hash: &str,
) -> Result<Result<&'a StepUp, (StatusCode, Feedback)>, Failure> {
    let (settings, _) = settings::load(app.store.as_ref(), admin.tenant()).await?;
    // A link that is made now would write nothing until the integration is on.
    if settings.switched_on_at.is_none() {
        return Ok(Err((StatusCode::CONFLICT, Feedback::IntegrationOff)));
    }
    // The guard has asked for it, and it can have ended since.
    let step_up = admin.step_up(app.clock.now()).ok_or(Failure::NotFresh)?;
    if !may_adopt(step_up, union) {
        return Ok(Err((StatusCode::FORBIDDEN, Feedback::AdoptionNotAllowed)));
    }
    // The admin confirms exactly what they saw, and all of it.
    if !union.is_complete() || union.hash() != hash {
        return Ok(Err((StatusCode::CONFLICT, Feedback::AdoptionOutOfDate)));
    }
    Ok(Ok(step_up))
}

/// Loads a team of this organization that has a link or was found; other teams do not exist here.
async fn load_candidate(app: &App, admin: &Admin, team: TeamId) -> Result<AdoptableTeam, Failure> {
    let tenant = admin.connected()?.tenant;
    let candidate = AdoptableTeam::load(app.store.as_ref(), tenant, team).await?;
    candidate.ok_or(Failure::NoSuchTeam)
}
