//! Signing in with Webex. It says who an administrator is, and nothing more: the tokens are
//! discarded.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use clients::http::{Access, Deadline};
use clients::webex::{Account, AccountKind, CodeExchange, Prompt, SignIn, TokenPair, WebexId};
use domain::ids::{OrgId, TenantId};
use engine::activity::{Actor, Decision, SignInRefusal};
use engine::credentials::tokens::WebexApp;
use engine::decision::Decider;
use engine::tenant::organization::{self, Organization};
use http::header::HeaderName;
use secrecy::SecretString;
use serde::Deserialize;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::redirect_flow::{self, Begun, Callback, Flow};
use crate::auth::role;
use crate::auth::session::{Session, SignedInPerson};
use crate::http::admin_role::AdminRole;
use crate::http::cookies::{Lifetime, RequestCookies};
use crate::http::error::{Failure, Service};
use crate::http::extract::Query;
use crate::http::page_id::{Page, Route};
use crate::http::response::{ResponseExt, see_other};
use crate::http::source::SourceAddress;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The scopes of a sign-in: the account, its organization, its roles.
pub(crate) const SCOPES: [&str; 3] =
    ["spark:people_read", "identity:people_read", "identity:organizations_read"];

/// The page to open after a sign-in.
#[derive(Deserialize)]
pub(crate) struct To {
    to: Option<String>,
}

/// Sends the browser to Webex to sign in.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    Query(query): Query<To>,
) -> Result<Response, Failure> {
    // A page's name and never an address: no link may lead away through the sign-in.
    let to = Page::named(query.to.as_deref().unwrap_or_default());
    let Begun { flow, cookie } = redirect_flow::begin_sign_in(&app, &cookies, to)?;
    // A remembered session is enough here: destructive forms ask for a fresh sign-in.
    Ok(see_other(webex_url(&app, &flow, &SCOPES, Prompt::Any).await?).cookie(&cookie))
}

/// Returns the address at Webex where a flow continues.
pub(crate) async fn webex_url(
    app: &App,
    flow: &Flow,
    scopes: &[&str],
    prompt: Prompt,
) -> Result<String, Failure> {
    let WebexApp { client_id, .. } = app.tokens.cached_webex_app().await?;
    Ok(app.webex.authorize_url(&SignIn {
        client_id: &client_id,
        redirect_uri: &app.url(Route::WebexCallback.pattern()),
        scopes,
        state: &flow.state,
        code_challenge: Some(&flow.challenge()),
        prompt,
    }))
}

/// Tokens of an account, and the account that they belong to.
pub(crate) struct Grant {
    pub(crate) pair: TokenPair,
    pub(crate) account: Account,
    pub(crate) deadline: Deadline,
}

/// Exchanges the code for tokens and asks whose they are.
pub(crate) async fn exchange(
    app: &App,
    callback: &Callback,
    flow: &Flow,
) -> Result<Grant, Failure> {
    // Before the code is looked for: an error comes without one.
    callback.check_granted(Service::Webex)?;
    let deadline = app.deadline();
    let WebexApp { client_id, client_secret } = app.tokens.cached_webex_app().await?;
    let code = SecretString::from(callback.code()?);
    let exchange = CodeExchange {
        client_id: &client_id,
        client_secret: &client_secret,
        code: &code,
        redirect_uri: &app.url(Route::WebexCallback.pattern()),
        code_verifier: Some(&flow.verifier()),
    };
    let pair = app.webex.exchange_code(&exchange, deadline).await;
    let pair = pair.map_err(|error| Failure::of_exchange(error, Service::Webex))?;
    // Webex's answer to a code does not say whose tokens it has given.
    let account = app.webex.me(&Access::with_token(pair.access.clone(), deadline)).await?;
    Ok(Grant { pair, account, deadline })
}

/// Begins a session for an administrator. Only a full one signs an organization up.
pub(crate) async fn begin_session(
    app: &App,
    cookies: &RequestCookies,
    source: &SourceAddress,
    grant: Grant,
    to: Page,
) -> Result<Response, Failure> {
    let Grant { pair, account, deadline } = grant;
    let store = app.store.as_ref();
    let org = account.org.ok_or(Failure::NotAWebexAdministrator)?;
    let person = account.id.id;
    let name = account.name.as_ref().or_else(|| account.emails.first());
    let name = name.cloned().unwrap_or_default();
    let actor = Actor::Admin(engine::activity::Admin {
        person,
        name: name.clone(),
        organization: org,
        address: source.into(),
        microsoft: None,
    });
    let by = Decider { actor: &actor, now: app.clock.now() };
    let role = check_welcome(app, &account, org, by).await?;
    let organization = organization::sign_up(store, org).await?;
    let access = Access::with_token(pair.access, deadline);
    let id = WebexId::new(account.id.region, org);
    // For pages only: each names the organization, with its id in any case.
    let org_name = app.webex.organization_name(&access, &id).await.unwrap_or_default();
    let who = SignedInPerson { person, name, role, org_name };
    // A new token each time: one that was planted in the browser never becomes a session.
    let token = Session::begin(store, &organization, who, app.clock.now()).await?;
    // The browser forgets the earlier token, so no one could end that session any longer.
    if let Some(old) = cookies.get(app.cookies.session()) {
        Session::end_of_token(store, old).await?;
    }
    by.record(store, organization.tenant, Decision::SignedIn).await?;
    tracing::info!(event = "signed_in", %org, %person, "An administrator signed in.");
    let session = app.cookies.set(app.cookies.session(), &token, Lifetime::Browser);
    // The browser's part of the flow is used up.
    let flow = app.cookies.clear(app.cookies.flow());
    Ok(see_other(to).cookie(&session).cookie(&flow))
}

/// Returns the role. Refuses an account without one, and one of an organization that may not sign
/// up.
async fn check_welcome(
    app: &App,
    account: &Account,
    org: OrgId,
    by: Decider<'_>,
) -> Result<AdminRole, Failure> {
    // Only here: an odd kind in a later answer ends no session.
    let role = role::of(account).filter(|_| account.kind == AccountKind::Person);
    let is_full = role == Some(AdminRole::Full);
    if is_full && app.allowed.includes(org) {
        return Ok(AdminRole::Full);
    }
    let known = organization::load(app.store.as_ref(), org).await?;
    // One that was closed later may still see, switch off and disconnect.
    let has_connected = known.as_ref().is_some_and(Organization::has_connected);
    // A lesser role sees what is there, and signs no organization up.
    if let Some(role) = role.filter(|_| has_connected) {
        return Ok(role);
    }
    let (why, failure) = if is_full {
        (SignInRefusal::OrganizationNotAllowed, Failure::OrganizationNotAllowed)
    } else {
        (SignInRefusal::NotAnAdministrator, Failure::NotAWebexAdministrator)
    };
    // Nothing may be stored about an organization that never signed up.
    if let Some(known) = known {
        record_refusal(app, known.tenant, why, by).await;
    }
    Err(failure)
}

/// Records a refusal. The refusal itself does not depend on the table.
pub(crate) async fn record_refusal(
    app: &App,
    tenant: TenantId,
    why: SignInRefusal,
    by: Decider<'_>,
) {
    let recorded = by.record(app.store.as_ref(), tenant, Decision::SignInRefused { why }).await;
    if let Err(error) = recorded {
        tracing::error!(
            event = "refusal_not_recorded", %tenant, %error,
            "A refusal could not be recorded."
        );
    }
}

/// Ends this session.
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    admin: Admin,
) -> Result<Response, Failure> {
    // In the table, because a copy of the cookie would outlive the one in the browser.
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    let record = by.of_tenant(admin.tenant(), Decision::SignedOut)?;
    admin.session.end(app.store.as_ref(), record).await?;
    Ok(signed_out(&app))
}

/// Ends all sessions of the organization's administrators, including this one.
pub(crate) async fn sign_out_everywhere(
    State(app): State<Arc<App>>,
    admin: Admin,
) -> Result<Response, Failure> {
    let org = admin.session.org;
    let now = app.clock.now();
    let by = Decider { actor: &admin.actor(now), now };
    organization::end_sessions(app.store.as_ref(), &admin.organization, by).await?;
    tracing::info!(event = "sessions_ended", %org, "All sessions were ended.");
    Ok(signed_out(&app))
}

fn signed_out(app: &App) -> Response {
    let signed_out = see_other("/?signed-out");
    // Not "cookies": that would sign the browser out of all hosts of the domain.
    let signed_out = signed_out.header(CLEAR_SITE_DATA, "\"cache\", \"storage\"");
    let names = [app.cookies.session(), app.cookies.flow()];
    names.iter().fold(signed_out, |answer, name| answer.cookie(&app.cookies.clear(name)))
}
