//! Step-up authentication: a fresh sign-in with Microsoft that says who is at the browser now.
//!
//! # Guarantees
//! The user belongs to the connected directory and authenticated within the last minutes, not
//! through a sign-in that Microsoft remembered. The result is valid for ten minutes, in the session
//! that asked for it. Nothing but the user's identity is asked for or stored.

use std::sync::Arc;

use axum::response::Response;
use domain::ids::DirectoryId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::MicrosoftApp;
use secrecy::SecretString;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::id_token::SignedIn;
use crate::auth::oidc::{self, Authorization, SignInKind};
use crate::auth::redirect_flow::{self, Begun, Callback, Flow, redirect_page};
use crate::auth::types::{DirectoryRole, Purpose, ReturnTo, StepUp};
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::page_id::Route;
use crate::http::response::see_other;

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
    redirect_page(admin, Service::Microsoft, &url, &cookie)
}

/// Stores who signed in, and returns to the page that asked.
pub(crate) async fn finish(
    app: &App,
    callback: &Callback,
    admin: &Admin,
    flow: &Flow,
    directory: DirectoryId,
    return_to: ReturnTo,
) -> Result<Response, Failure> {
    let kind = SignInKind::StepUp(directory);
    let MicrosoftUser { user, .. } = microsoft_user(app, callback, flow, kind).await?;
    let connected = admin.directory()?;
    // The organization may have connected another directory while the user signed in.
    if user.directory != connected.id || user.directory != directory {
        return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
    }
    let now = app.clock.now();
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
    admin.session.set_step_up(app.store.as_ref(), &step_up).await?;
    Ok(see_other(return_to.link()))
}
