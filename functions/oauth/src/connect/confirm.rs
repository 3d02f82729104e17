//! The confirmation between a consent and the connection: a page of our own that names both sides,
//! so that no one connects a directory with an organization that they do not mean. It also releases
//! a directory from another organization.

use askama::Template;
use axum::response::Response;
use domain::ids::{DirectoryId, OrgId, TenantId};
use engine::decision::Decider;
use engine::offboard;
use engine::tenant::Tenant;
use engine::tenant::organization;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use store::keys;
use store::table::{StoreError, from_item};

use crate::app::App;
use crate::auth::admin::{Admin, identity};
use crate::auth::types::PendingConsent;
use crate::connect::disconnect::continue_offboarding;
use crate::http::error::Failure;
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, see_other};
use crate::view::layout::Shell;

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    pending: &'a PendingConsent,
    org: OrgId,
    org_name: &'a str,
    /// The organization that has the directory.
    elsewhere: Option<OrgId>,
}

/// The form of the page.
#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    action: Option<String>,
    directory: Option<String>,
}

/// The decision about the connection.
pub(crate) enum Decision {
    /// Connect both sides.
    Connect,
    /// Connect nothing.
    Decline,
    /// Release the directory from the organization that has it.
    Release,
}

impl ConfirmForm {
    pub(crate) fn action(&self) -> Option<Decision> {
        match self.action.as_deref()? {
            "connect" => Some(Decision::Connect),
            "decline" => Some(Decision::Decline),
            "release" => Some(Decision::Release),
            _ => None,
        }
    }

    /// The directory that the page named.
    pub(crate) fn directory(&self) -> Option<DirectoryId> {
        self.directory.as_ref()?.parse().ok()
    }
}

/// Shows both sides, and asks.
pub(crate) async fn show(
    app: &App,
    admin: &Admin,
    pending: &PendingConsent,
) -> Result<Response, Failure> {
    let elsewhere = tenant_elsewhere(app, admin, pending.directory).await?;
    let page = ConfirmPage {
        shell: admin.shell(Page::Microsoft),
        csrf: admin.csrf(),
        pending,
        org: admin.session.org,
        org_name: &admin.session.org_name,
        elsewhere: elsewhere.map(|tenant| tenant.org),
    };
    response::page(StatusCode::OK, &page)
}

/// Returns the tenant of another organization that the directory is joined to.
async fn tenant_elsewhere(
    app: &App,
    admin: &Admin,
    directory: DirectoryId,
) -> Result<Option<Tenant>, Failure> {
    let store = app.store.as_ref();
    // A claim of the own tenant is no obstacle.
    let is_other = |tenant: &TenantId| *tenant != admin.tenant();
    let Some(tenant) = organization::tenant_of(store, directory).await?.filter(is_other) else {
        return Ok(None);
    };
    Ok(store.get(&keys::tenant(tenant)).await?.map(from_item).transpose()?)
}

/// Releases the directory from the other organization, whose tenant ends. Its administrator has
/// just signed in with Microsoft.
pub(crate) async fn release(
    app: &App,
    admin: &Admin,
    pending: &PendingConsent,
    now: Timestamp,
) -> Result<Response, Failure> {
    let Some(other) = tenant_elsewhere(app, admin, pending.directory).await? else {
        // Released or disconnected since the page was shown, so the connection can go on.
        return Ok(see_other(PageLink::Consent));
    };
    let by = Decider { actor: &admin.consenting(pending), now };
    let (store, user) = (app.store.as_ref(), identity(pending));
    match offboard::release(store, &other, &user, admin.tenant(), by).await {
        // Its own admin disconnected it at the same time.
        Err(StoreError::ConditionFailed) => return Ok(see_other(PageLink::Consent)),
        released => released?,
    }
    let (org, from, tenant) = (admin.session.org, other.org, other.tenant);
    let (directory, person, user) = (pending.directory, admin.session.person, pending.by);
    tracing::info!(
        event = "directory_released", %org, %from, %tenant, %directory, %person, %user,
        "An administrator released their directory from an organization."
    );
    continue_offboarding(app, tenant).await;
    Ok(see_other(PageLink::Consent))
}
