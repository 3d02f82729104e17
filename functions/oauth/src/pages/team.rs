//! One team: what an administrator sees and decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Side};
use engine::decision::Decider;
use engine::link::{self, LinkPerson, LinkRow, OverrideOutcome, OverrideProposal, Unlinked, Who};
use engine::safety::pending_approval::{self, ApprovalDecision};
use engine::tenant::settings::{self, Running};
use http::StatusCode;
use serde::Deserialize;
use store::message::{Job, Message, Trigger};
use store::table::{StoreError, from_item};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::Failure;
use crate::http::extract::{Form, Id, Path, Query};
use crate::http::response::see_other;
use crate::pages::team_page::{self, Did, TeamQuery};
use crate::pages::team_spaces;
use crate::view::phrases::feedback::Feedback;

/// Shows the team.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(Id(team)): Path<Id<TeamId>>,
    Query(query): Query<TeamQuery>,
) -> Result<Response, Failure> {
    team_page::render(&app, &admin, team, &query, StatusCode::OK, None).await
}

/// A decision about the team.
#[derive(Deserialize)]
pub(crate) struct TeamForm {
    action: Option<String>,
    hash: Option<String>,
    sure: Option<String>,
    person: Option<String>,
    #[serde(rename = "as")]
    as_in: Option<String>,
    pub(crate) room: Option<String>,
}

/// Carries out what an administrator decided.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(Id(team)): Path<Id<TeamId>>,
    Form(form): Form<TeamForm>,
) -> Result<Response, Failure> {
    let link_row = load_link(&app, &admin, team).await?;
    match form.action.as_deref() {
        Some("sync") => {}
        Some("apply") => {
            if !decide_pending(&app, &admin, team, &form, ApprovalDecision::Apply).await? {
                return refuse(&app, &admin, team, Feedback::OutOfDate).await;
            }
        }
        Some("discard") => {
            if !decide_pending(&app, &admin, team, &form, ApprovalDecision::Discard).await? {
                return refuse(&app, &admin, team, Feedback::OutOfDate).await;
            }
        }
        Some("equal") => return resolve_difference(&app, &admin, &link_row, &form).await,
        Some("folder") => return team_spaces::retry_folder(&app, &admin, team, &form).await,
        Some("unlink") => return unlink(&app, &admin, team, &form).await,
        _ => return Err(Failure::NotAForm),
    }
    // After the decision is stored, because the sync reads it.
    sync_soon(&app, admin.tenant(), &link_row).await?;
    Ok(see_other(Did::Asked.at(team, app.clock.now())))
}

/// Shows the team again, with the reason why nothing was changed.
pub(crate) async fn refuse(
    app: &App,
    admin: &Admin,
    team: TeamId,
    note: Feedback,
) -> Result<Response, Failure> {
    let query = TeamQuery::default();
    team_page::render(app, admin, team, &query, StatusCode::CONFLICT, Some(note)).await
}

/// Decides about the removals that wait for approval; `false` if they are not the ones that were
/// shown.
async fn decide_pending(
    app: &App,
    admin: &Admin,
    team: TeamId,
    form: &TeamForm,
    decision: ApprovalDecision,
) -> Result<bool, Failure> {
    let (tenant, person) = (admin.tenant(), admin.session.person);
    let hash = form.hash.as_deref().unwrap_or_default();
    let (store, now) = (app.store.as_ref(), app.clock.now());
    let by = Decider { actor: &admin.actor(now), now };
    match pending_approval::decide(store, tenant, team, hash, decision, by).await {
        // The sync stored another plan, or the other button was faster.
        Err(StoreError::ConditionFailed) => return Ok(false),
        decided => decided?,
    }
    tracing::info!(
        event = "removals_decided", %tenant, %team, %person, ?decision,
        "An administrator decided about pending removals."
    );
    Ok(true)
}

async fn unlink(
    app: &App,
    admin: &Admin,
    team: TeamId,
    form: &TeamForm,
) -> Result<Response, Failure> {
    let (tenant, directory) = (admin.tenant(), admin.directory()?.id);
    let query = TeamQuery::default();
    if form.sure.as_deref() != Some("yes") {
        let (status, note) = (StatusCode::UNPROCESSABLE_ENTITY, Feedback::UnlinkNotConfirmed);
        return team_page::render(app, admin, team, &query, status, Some(note)).await;
    }
    let (store, now) = (app.store.as_ref(), app.clock.now());
    let by = Decider { actor: &admin.actor(now), now };
    match link::unlink(store, tenant, directory, team, by).await? {
        Unlinked::Done => {}
        // A sync has the lease, and only its holder may write the link.
        Unlinked::Busy => return refuse(app, admin, team, Feedback::Busy).await,
        Unlinked::Gone => {
            let status = StatusCode::CONFLICT;
            // Another admin unlinked it: the page shows that without a note.
            return team_page::render(app, admin, team, &query, status, None).await;
        }
    }
    let person = admin.session.person;
    tracing::info!(event = "unlinked", %tenant, %team, %person, "A team was unlinked.");
    Ok(see_other(Did::Unlinked.at(team, now)))
}

/// Makes a person equal on both sides, as one of them has it.
async fn resolve_difference(
    app: &App,
    admin: &Admin,
    link_row: &LinkRow,
    form: &TeamForm,
) -> Result<Response, Failure> {
    let ids = form.person.as_deref().and_then(|ids| ids.split_once('/'));
    let (object, person) = ids.ok_or(Failure::NotAForm)?;
    // Both ids, because a person is a pair: another pair is another person.
    let (Ok(object), Ok(person)) = (object.parse(), person.parse()) else {
        return Err(Failure::NotAForm);
    };
    let person = Person { object, person };
    let as_in = match form.as_in.as_deref() {
        Some("team") => Side::Team,
        Some("group") => Side::Group,
        _ => return Err(Failure::NotAForm),
    };
    let propose = |people: &BTreeMap<Who, LinkPerson>| {
        OverrideProposal::resolve_difference(person, as_in, people)
    };
    let hash = form.hash.as_deref().unwrap_or_default();
    let team = link_row.link.team;
    match override_people(app, admin, link_row, hash, propose).await? {
        None => Ok(see_other(Did::Asked.at(team, app.clock.now()))),
        Some(note) => refuse(app, admin, team, note).await,
    }
}

/// Stores a proposal as an override and requests a sync, if it is the one that was shown. Returns
/// the reason if it was not stored.
pub(crate) async fn override_people(
    app: &App,
    admin: &Admin,
    link_row: &LinkRow,
    hash: &str,
    propose: impl Fn(&BTreeMap<Who, LinkPerson>) -> OverrideProposal,
) -> Result<Option<Feedback>, Failure> {
    let (store, tenant, team) = (app.store.as_ref(), admin.tenant(), link_row.link.team);
    // An override is valid for 24 hours, so it would take effect when preview mode ends.
    if settings::load(store, tenant).await?.0.running == Running::Preview {
        return Ok(Some(Feedback::PreviewMode));
    }
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    let stored = link::request_override(store, tenant, team, hash, propose, by).await?;
    Ok(match stored {
        OverrideOutcome::Accepted => {
            let person = admin.session.person;
            tracing::info!(
                event = "people_overridden", %tenant, %team, %person, hash,
                "An administrator decided about people of a team."
            );
            sync_soon(app, tenant, link_row).await?;
            None
        }
        OverrideOutcome::Busy => Some(Feedback::Busy),
        OverrideOutcome::Changed => Some(Feedback::OutOfDate),
        OverrideOutcome::Gone => Some(Feedback::NoGroup),
    })
}

/// Loads the link of one of the organization's own teams; other teams do not exist here.
pub(crate) async fn load_link(app: &App, admin: &Admin, team: TeamId) -> Result<LinkRow, Failure> {
    let tenant = admin.connected()?.tenant;
    let item = app.store.get(&link::key(tenant, team)).await?;
    Ok(from_item(item.ok_or(Failure::NoSuchTeam)?)?)
}

/// Queues a sync of the team.
pub(crate) async fn sync_soon(
    app: &App,
    tenant: TenantId,
    link_row: &LinkRow,
) -> Result<(), Failure> {
    // The region saves the sync a search for the team's address.
    let job = Job::Team { team: link_row.link.team, region: Some(link_row.link.region.clone()) };
    let (at, trigger) = (app.clock.now(), Trigger::Administrator);
    let message = Message { v: Default::default(), tenant, at, trigger, job };
    Ok(app.queue.send(&message, Duration::ZERO).await?)
}
