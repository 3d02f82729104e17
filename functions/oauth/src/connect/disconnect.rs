//! Disconnecting, and the receipt of what was undone.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::ids::TenantId;
use engine::decision::Decider;
use engine::offboard::{self, Groups, GroupsDecision, Links, OffboardingChoice, OffboardingStage};
use engine::phrases;
use engine::tenant::Tenant;
use engine::tenant::organization::{self, Directory};
use http::StatusCode;
use serde::Deserialize;
use store::keys;
use store::table::{StoreError, from_item};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::http::error::{Failure, Service};
use crate::http::extract::Form;
use crate::http::page_id::Page;
use crate::http::response::{self, ResponseExt, see_other};
use crate::view::layout::Shell;
use crate::view::phrases::date;
use crate::view::phrases::receipt::{Line, lines};

/// Seconds until the receipt of a clean-up that still runs reloads.
const RELOAD: u32 = 5;

#[derive(Template)]
#[template(path = "disconnect.html")]
struct DisconnectPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    directory: Option<&'a Directory>,
    has_account: bool,
    is_unconfirmed: bool,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    at: String,
    lines: Vec<Line>,
    failures: Vec<String>,
    /// The number of groups whose deletion waits for approval.
    held: Option<usize>,
    is_done: bool,
}

/// Shows what disconnecting does.
pub(crate) async fn show(admin: Admin) -> Result<Response, Failure> {
    form(&admin, StatusCode::OK)
}

fn form(admin: &Admin, status: StatusCode) -> Result<Response, Failure> {
    let page = DisconnectPage {
        shell: admin.shell(Page::Disconnect),
        csrf: admin.csrf(),
        directory: admin.organization.directory.as_ref(),
        has_account: admin.organization.service_account.is_some(),
        is_unconfirmed: status != StatusCode::OK,
    };
    response::page(status, &page)
}

/// The form of the page.
#[derive(Deserialize)]
pub(crate) struct DisconnectForm {
    sure: Option<String>,
    groups: Option<String>,
    links: Option<String>,
}

/// Starts the offboarding, once it is confirmed.
pub(crate) async fn disconnect(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(sent): Form<DisconnectForm>,
) -> Result<Response, Failure> {
    if sent.sure.as_deref() != Some("yes") {
        return form(&admin, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let Admin { session, organization, .. } = &admin;
    let (store, id) = (app.store.as_ref(), organization.tenant);
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    if organization.directory.is_none() {
        // Only Webex is connected, so there is nothing to offboard but the account.
        if organization.service_account.is_some() {
            // First: it fails if a directory was joined meanwhile, which needs the tokens.
            organization::remove_service_account(store, organization, by).await?;
            app.tokens.discard(id).await?;
        }
        return Ok(see_other(Page::Home));
    }
    let tenant = load_tenant(&app, id).await?;
    let groups = match sent.groups.as_deref() {
        Some("delete") => Groups::Delete,
        // A deletion has to be said clearly; anything else keeps the groups.
        _ => Groups::Keep,
    };
    let links = match sent.links.as_deref() {
        Some("purge") => Links::Purge,
        _ => Links::Keep,
    };
    let options = OffboardingChoice { groups, links };
    match offboard::begin(store, &tenant, options, by).await {
        // Another admin disconnected at the same time.
        Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Page::Disconnect)),
        begun => begun?,
    }
    let org = session.org;
    tracing::info!(
        event = "disconnected", %org, tenant = %id, ?groups, ?links,
        "A tenant disconnected."
    );
    continue_offboarding(&app, id).await;
    Ok(see_other(Page::Receipt))
}

/// Loads a tenant's row.
pub(crate) async fn load_tenant(app: &App, tenant: TenantId) -> Result<Tenant, Failure> {
    let item = app.store.get(&keys::tenant(tenant)).await?;
    Ok(from_item(item.ok_or(Failure::NotConnected(Service::Microsoft))?)?)
}

/// Does as much as it can at once; reconciliation cycles do the rest.
pub(crate) async fn continue_offboarding(app: &App, tenant: TenantId) {
    // The decision is stored already, so an error here does not fail the request.
    if let Err(error) = offboard::advance(&app.offboarding(), tenant).await {
        tracing::warn!(
            event = "offboarding_paused", %tenant, %error,
            "The next cycle continues the offboarding."
        );
    }
}

/// Shows how far the last offboarding is.
pub(crate) async fn receipt(
    State(app): State<Arc<App>>,
    admin: Admin,
) -> Result<Response, Failure> {
    // The organization may have another tenant id by now.
    let left = admin.organization.offboarded.ok_or(Failure::NoReceipt)?;
    let offboarding = offboard::load(app.store.as_ref(), left).await?.ok_or(Failure::NoReceipt)?;
    // What is retained only waits for its time.
    let is_done =
        matches!(offboarding.stage, OffboardingStage::Done | OffboardingStage::Retaining { .. });
    let page = ReceiptPage {
        shell: admin.shell(Page::Receipt),
        csrf: admin.csrf(),
        at: date(offboarding.at),
        lines: lines(&offboarding),
        failures: offboarding.receipt.failures.iter().map(phrases::offboard::failure).collect(),
        held: match offboarding.stage {
            OffboardingStage::PendingApproval { groups } => Some(groups),
            _ => None,
        },
        is_done,
    };
    let is_under_way = !is_done && page.held.is_none();
    let page = response::page(StatusCode::OK, &page)?;
    Ok(if is_under_way { page.reload_after(RELOAD) } else { page })
}

/// The decision about groups whose deletion waits for approval.
#[derive(Deserialize)]
pub(crate) struct GroupsForm {
    groups: Option<String>,
    count: Option<String>,
}

/// Deletes or keeps the groups, as decided.
pub(crate) async fn decide_groups(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<GroupsForm>,
) -> Result<Response, Failure> {
    let left = admin.organization.offboarded.ok_or(Failure::NoReceipt)?;
    let count = form.count.and_then(|count| count.parse().ok());
    let word = match (form.groups.as_deref(), count) {
        // Only as many as the admin saw: with another number of groups nothing is deleted.
        (Some("delete"), Some(groups)) => GroupsDecision::Delete { groups },
        (Some("keep"), _) => GroupsDecision::Keep,
        _ => return Err(Failure::Changed(Page::Receipt)),
    };
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    match offboard::decide(app.store.as_ref(), left, word, by).await {
        // Another admin decided, or the number of groups is another by now.
        Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Page::Receipt)),
        decided => decided?,
    }
    continue_offboarding(&app, left).await;
    Ok(see_other(Page::Receipt))
}
