//! Connecting Webex: the service account that acts for the organization.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::http::{Access, CallError};
use clients::webex::{Prompt, ScimOrder};
use engine::decision::Decider;
use engine::offboard;
use engine::reconcile;
use engine::tenant::organization::{self, Organization, ServiceAccount};
use engine::tenant::settings::ServiceAccountMode;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use store::table::StoreError;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::login::{self, Grant};
use crate::auth::redirect_flow::{self, Begun, Reason, redirect_page};
use crate::auth::types::{ConnectMode, Purpose};
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::extract::Form;
use crate::http::page_id::Page;
use crate::http::response::{self, see_other};
use crate::view::layout::Shell;
use crate::view::phrases;

/// Scopes of every service account: reading events, managing memberships, reading people, asking
/// creators.
const ALWAYS: [&str; 11] = [
    "spark-compliance:events_read",
    "spark-compliance:teams_read",
    "spark-compliance:rooms_read",
    "spark-compliance:memberships_read",
    "spark-compliance:memberships_write",
    "spark-compliance:team_memberships_read",
    "identity:people_read",
    // Without it, Webex does not decrypt titles for us.
    "spark:kms",
    "spark:people_read",
    "spark:messages_read",
    "spark:messages_write",
];

/// Further scopes of a member of the teams: hearing of changes at once, renaming, linking folders.
const MEMBER: [&str; 7] = [
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:teams_read",
    "spark:teams_write",
    "spark:team_memberships_write",
];

/// Returns the scopes that a service account grants.
pub(crate) fn scopes(service_account_mode: ServiceAccountMode) -> Vec<&'static str> {
    let member = match service_account_mode {
        ServiceAccountMode::Member => &MEMBER[..],
        ServiceAccountMode::Observer => &[],
    };
    ALWAYS.into_iter().chain(member.iter().copied()).collect()
}

/// Returns the scopes that were not granted. If Webex did not say what it granted, there are none:
/// the probes decide then.
pub(crate) fn missing_scopes(
    service_account_mode: ServiceAccountMode,
    granted: &[String],
) -> Vec<String> {
    if granted.is_empty() {
        return vec![];
    }
    let granted: BTreeSet<&str> = granted.iter().map(String::as_str).collect();
    let missing = scopes(service_account_mode).into_iter().filter(|scope| !granted.contains(scope));
    missing.map(Into::into).collect()
}

#[derive(Template)]
#[template(path = "webex.html")]
struct ServiceAccountPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    account: Option<&'a ServiceAccount>,
    is_member: bool,
    /// The signed-in administrator uses their own account.
    is_own: bool,
}

/// Shows the connected account and the form to connect one.
pub(crate) async fn show(admin: Admin) -> Result<Response, Failure> {
    let account = admin.organization.service_account.as_ref();
    let page = ServiceAccountPage {
        shell: admin.shell(Page::Webex),
        csrf: admin.csrf(),
        account,
        is_member: account.is_none_or(|one| one.service_account_mode == ServiceAccountMode::Member),
        is_own: account.is_some_and(|one| one.person == admin.session.person),
    };
    response::page(StatusCode::OK, &page)
}

/// The form of the page.
#[derive(Deserialize)]
pub(crate) struct ConnectForm {
    account_mode: Option<String>,
    intent: Option<String>,
}

/// Sends the browser to Webex so that the service account grants its scopes.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
    Form(form): Form<ConnectForm>,
) -> Result<Response, Failure> {
    let service_account_mode = match form.account_mode.as_deref() {
        Some("outside") => ServiceAccountMode::Observer,
        // The default: an observer hears of changes later, renames no team and links no folder.
        _ => ServiceAccountMode::Member,
    };
    let mode = match form.intent.as_deref() {
        Some("replace") => ConnectMode::Replace,
        // A replacement must be said. Anything else renews the account that is there.
        _ => ConnectMode::Connect,
    };
    let purpose = Purpose::ServiceAccount { service_account_mode, mode };
    let begun = redirect_flow::begin(&app, &cookies, purpose, &admin.session).await?;
    let Begun { flow, cookie } = begun;
    let url = login::webex_url(&app, &flow, &scopes(service_account_mode), Prompt::Any).await?;
    redirect_page(&admin, Service::Webex, Reason::Grant, &url, &cookie)
}

/// Stores the service account's tokens, if it belongs to this organization and can do the work.
pub(crate) async fn store_account(
    app: &App,
    admin: &Admin,
    service_account_mode: ServiceAccountMode,
    mode: ConnectMode,
    grant: Grant,
) -> Result<Response, Failure> {
    let organization = &admin.organization;
    let tenant = organization.tenant;
    let Grant { pair, account, deadline } = grant;
    check_account(organization, &account, mode)?;
    let granted: Vec<String> = pair.scope.split_whitespace().map(Into::into).collect();
    let missing = missing_scopes(service_account_mode, &granted);
    if !missing.is_empty() {
        return Err(Failure::ScopesMissing { missing });
    }
    // A scope without the role gives nothing, so the account's calls have to show the roles.
    probe_roles(app, &Access::with_token(pair.access.clone(), deadline), organization).await?;
    let service_account = ServiceAccount {
        person: account.id.id,
        region: account.id.region,
        name: account.name.or_else(|| account.emails.into_iter().next()).unwrap_or_default(),
        scopes: granted,
        service_account_mode,
        since: app.clock.now(),
    };
    let store = app.store.as_ref();
    // What is left of an earlier offboarding must not delete the new tokens.
    offboard::stop(store, tenant).await.map_err(changed)?;
    // Before the account: a cycle that finds the account must find its tokens.
    app.tokens.save(tenant, service_account.person, pair).await?;
    let now = service_account.since;
    let by = Decider { actor: &admin.actor(now), now };
    organization::set_service_account(store, organization, &service_account, by)
        .await
        .map_err(changed)?;
    reconcile::request_full_cycle(store, tenant).await?;
    let before = organization.service_account.as_ref();
    let is_replaced = before.is_some_and(|before| before.person != service_account.person);
    // Each team needs the new account as a moderator, which its next sync sees to.
    if organization.directory.is_some() && is_replaced {
        reconcile::request_sync_of_every_link(store, tenant, service_account.since).await?;
    }
    let (org, account) = (organization.org, service_account.person);
    tracing::info!(event = "webex_connected", %org, %tenant, %account, "Webex was connected.");
    Ok(see_other(Page::Home))
}

fn check_account(
    organization: &Organization,
    account: &clients::webex::Account,
    mode: ConnectMode,
) -> Result<(), Failure> {
    if account.org != Some(organization.org) {
        return Err(Failure::AccountOfAnotherOrganization);
    }
    match &organization.service_account {
        // A browser may still be signed in at Webex with another account, which grants then.
        Some(connected) if connected.person != account.id.id && mode == ConnectMode::Connect => {
            Err(Failure::AnotherAccount { connected: connected.name.clone() })
        }
        _ => Ok(()),
    }
}

fn changed(error: StoreError) -> Failure {
    match error {
        StoreError::ConditionFailed => Failure::Changed(Page::Webex),
        error => error.into(),
    }
}

/// Lets Webex show that the account has both roles: it reads the organization's events, and a page
/// of its people.
async fn probe_roles(
    app: &App,
    access: &Access,
    organization: &Organization,
) -> Result<(), Failure> {
    let people = app.webex.scim_page(access, organization.org, 1, 1, ScimOrder::ById);
    let (events, people) = futures::join!(probe_events(app, access), people);
    // Before other errors: a refusal names the role that is missing.
    if is_refused(&events) {
        return Err(Failure::NotAComplianceOfficer);
    }
    if is_refused(&people) {
        return Err(Failure::NotAReadOnlyAdministrator);
    }
    events?;
    people?;
    Ok(())
}

/// Reads the organization's events of the last minute.
pub(crate) async fn probe_events(app: &App, access: &Access) -> Result<(), CallError> {
    let now = app.clock.now();
    // The answer shows the role, whatever happened in that time.
    let window = SignedDuration::from_mins(1);
    app.webex.membership_events(access, None, now - window, now).await.map(drop)
}

/// Returns `true` if the service says that the account may not.
pub(crate) fn is_refused<T>(answer: &Result<T, CallError>) -> bool {
    // Webex also answers 404 for what the account may not see.
    matches!(answer, Err(error) if matches!(error.status(), Some(401 | 403 | 404)))
}
