//! Step-up authentication: a fresh sign-in with Microsoft or Webex that says who is at the browser
//! now.
//!
//! # Guarantees
//! A user of Microsoft belongs to the connected directory and authenticated within the last
//! minutes, not through a sign-in that Microsoft remembered. A person of Webex is the one of the
//! session, and still a full administrator. The result is valid for ten minutes, in the session
//! that asked for it. Nothing but the identity is asked for or stored.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use clients::webex::Prompt;
use domain::ids::DirectoryId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::MicrosoftApp;
use http::StatusCode;
use secrecy::SecretString;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::id_token::SignedIn;
use crate::auth::login::{self, Grant};
use crate::auth::oidc::{self, Authorization, SignInKind};
use crate::auth::proof::Proof;
use crate::auth::redirect_flow::{self, Begun, Callback, Flow, Reason, redirect_page};
use crate::auth::role;
use crate::auth::types::{DirectoryRole, Purpose, ReturnTo, SavedForm, StepUp};
use crate::http::admin_role::AdminRole;
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::page_id::{Page, Route};
use crate::http::response::{self, see_other};
use crate::view::layout::Shell;
use crate::view::phrases::proofs::act;

/// Returns the address at Microsoft where a flow signs in.
pub(crate) fn microsoft_url(app: &App, client_id: &str, flow: &Flow, kind: SignInKind) -> String {
    let redirect_uri = app.url(Route::MicrosoftCallback.pattern());
    let authorization = Authorization { client_id, redirect_uri: &redirect_uri, flow };
    oidc::authorize_url(&app.sign_in, &authorization, kind)
}

/// A user who signed in with Microsoft.
pub(crate) struct MicrosoftUser {
    pub(crate) user: SignedIn,
    /// A token for Graph in the user's name.
    pub(crate) token: Option<SecretString>,
}

/// Returns the user who signed in, if the callback proves it.
pub(crate) async fn microsoft_user(
    app: &App,
    callback: &Callback,
    flow: &Flow,
    kind: SignInKind,
) -> Result<MicrosoftUser, Failure> {
    callback.check_granted(Service::Microsoft)?;
    let MicrosoftApp { client_id, credential } =
        app.tokens.microsoft_app(Registration::Groups).await?;
    let (code, deadline) = (callback.code()?, app.deadline());
    let redirect_uri = app.url(Route::MicrosoftCallback.pattern());
    let authorization = Authorization { client_id: &client_id, redirect_uri: &redirect_uri, flow };
    let exchange = oidc::Exchange { kind, credential: &credential, code, deadline };
    let exchanged = oidc::exchange(&app.sign_in, &authorization, exchange).await;
    let exchanged = exchanged.map_err(|error| Failure::of_exchange(error, Service::Microsoft))?;
    let user = oidc::validate(&app.sign_in, &exchanged.id_token, &authorization, deadline).await?;
    let user = user.map_err(|fault| Failure::IdToken(fault.to_string()))?;
    Ok(MicrosoftUser { user, token: exchanged.access_token })
}

/// Sends the browser to Microsoft to sign in as a user of the connected directory, and back to the
/// page that asked.
pub(crate) async fn start(
    app: &Arc<App>,
    cookies: &RequestCookies,
    admin: &Admin,
    return_to: ReturnTo,
) -> Result<Response, Failure> {
    let directory = admin.directory()?.id;
    let MicrosoftApp { client_id, .. } = app.tokens.microsoft_app(Registration::Groups).await?;
    let purpose = Purpose::StepUp { directory, return_to };
    let begun = redirect_flow::begin(app, cookies, purpose, &admin.session).await?;
    let Begun { flow, cookie } = begun;
    let url = microsoft_url(app, &client_id, &flow, SignInKind::StepUp(directory));
    redirect_page(admin, Service::Microsoft, Reason::Proof, &url, &cookie)
}

/// Sends the browser to Webex to sign in again, and back to the form.
pub(crate) async fn start_webex(
    app: &Arc<App>,
    cookies: &RequestCookies,
    admin: &Admin,
    form: SavedForm,
) -> Result<Response, Failure> {
    let purpose = Purpose::WebexStepUp { form };
    let begun = redirect_flow::begin(app, cookies, purpose, &admin.session).await?;
    let Begun { flow, cookie } = begun;
    let url = login::webex_url(app, &flow, &login::SCOPES, Prompt::Login).await?;
    redirect_page(admin, Service::Webex, Reason::Proof, &url, &cookie)
}

/// Stores who signed in with Microsoft, and returns to the page that asked.
pub(crate) async fn finish(
    app: &App,
    callback: &Callback,
    admin: &Admin,
    flow: &Flow,
    directory: DirectoryId,
    return_to: &ReturnTo,
) -> Result<Response, Failure> {
    let kind = SignInKind::StepUp(directory);
    let MicrosoftUser { user, .. } = microsoft_user(app, callback, flow, kind).await?;
    let connected = admin.directory()?;
    // The organization may have connected another directory while the user signed in.
    if user.directory != connected.id || user.directory != directory {
        return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
    }
    let now = app.clock.now();
    // A browser can drop what asks for a fresh sign-in from the address, so the claim decides.
    if !user.is_fresh(now) {
        return Err(Failure::NotFresh);
    }
    let is_administrator = user.is_administrator();
    let role = if is_administrator { DirectoryRole::Administrator } else { DirectoryRole::User };
    let SignedIn { directory, person, name, .. } = user;
    let org = admin.session.org;
    tracing::info!(
        event = "stepped_up", %org, %directory, %person, ?role,
        "A user signed in again."
    );
    let step_up = StepUp { directory, person, name, role, at: now };
    // Also without the role: an owner of a group needs no more than this.
    admin.session.set_step_up(app.store.as_ref(), &step_up).await?;
    match return_to.link() {
        Ok(link) => Ok(see_other(link)),
        // The form would only ask for the same sign-in again.
        Err(form) if form.proof == Proof::DirectoryAdministrator && !is_administrator => {
            Err(Failure::NotAMicrosoftAdministrator)
        }
        Err(form) => offer(admin, form),
    }
}

/// Stores that the session's person signed in again with Webex, and offers the form.
pub(crate) async fn finish_webex(
    app: &App,
    admin: &Admin,
    form: &SavedForm,
    grant: Grant,
) -> Result<Response, Failure> {
    let (session, account) = (&admin.session, grant.account);
    // Webex can sign in another account that the browser remembers.
    if account.id.id != session.person || account.org != Some(session.org) {
        return Err(Failure::AnotherPerson);
    }
    let Some(role) = role::of(&account) else {
        role::end(app, admin).await?;
        return Err(Failure::RoleEnded);
    };
    // No form that waits for this sign-in needs less.
    role.check(AdminRole::Full)?;
    session.set_proven(app.store.as_ref(), app.clock.now()).await?;
    let (org, person) = (session.org, session.person);
    tracing::info!(event = "proven", %org, %person, "An administrator signed in again.");
    offer(admin, form)
}

#[derive(Template)]
#[template(path = "proven.html")]
struct ProvenPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    form: &'a SavedForm,
    act: &'static str,
}

/// Offers a form again. A return from another service must change nothing.
fn offer(admin: &Admin, form: &SavedForm) -> Result<Response, Failure> {
    let (shell, csrf) = (admin.shell(form.page), admin.csrf());
    let page = ProvenPage { shell, csrf, form, act: act(form.page) };
    response::page(StatusCode::OK, &page)
}
