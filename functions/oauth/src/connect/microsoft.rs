//! Connecting Microsoft, first half: the permissions, and the sign-in of a directory's
//! administrator.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::graph::DirectoryProfile;
use clients::http::Access;
use domain::ids::DirectoryId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::MicrosoftApp;
use engine::tenant::organization::Directory;
use http::StatusCode;
use secrecy::SecretString;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::oidc::{self, Authorization, SignInKind};
use crate::auth::redirect_flow::{self, Begun, Callback, Flow, Reason, redirect_page};
use crate::auth::step_up::{MicrosoftUser, microsoft_url, microsoft_user};
use crate::auth::types::{PendingConsent, Purpose};
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::page_id::{Page, Route};
use crate::http::response::{self, ResponseExt, see_other};
use crate::view::layout::Shell;
use crate::view::phrases;
use crate::view::phrases::permissions::{Permission, permissions};

#[derive(Template)]
#[template(path = "microsoft.html")]
struct PermissionsPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    permissions: &'static [Permission],
    has_account: bool,
    directory: Option<&'a Directory>,
}

/// Shows the permissions that will be asked for, with their reasons.
pub(crate) async fn show(admin: Admin) -> Result<Response, Failure> {
    let page = PermissionsPage {
        shell: admin.shell(Page::Microsoft),
        csrf: admin.csrf(),
        permissions: permissions(Registration::Groups),
        has_account: admin.organization.service_account.is_some(),
        directory: admin.organization.directory.as_ref(),
    };
    response::page(StatusCode::OK, &page)
}

/// Starts the consent to the app for groups.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
) -> Result<Response, Failure> {
    // A tenant begins with its directory, and its cycles need the account from then on.
    if admin.organization.service_account.is_none() {
        return Err(Failure::WebexFirst);
    }
    start_consent(&app, &cookies, &admin, Registration::Groups).await
}

/// Sends the browser to Microsoft so that an administrator of a directory signs in, to consent to
/// an app.
pub(crate) async fn start_consent(
    app: &App,
    cookies: &RequestCookies,
    admin: &Admin,
    registration: Registration,
) -> Result<Response, Failure> {
    // Sign-ins use the app for groups, whichever app is consented to afterwards.
    let MicrosoftApp { client_id, .. } = app.tokens.microsoft_app(Registration::Groups).await?;
    let purpose = Purpose::Microsoft { registration };
    let begun = redirect_flow::begin(app, cookies, purpose, &admin.session).await?;
    let Begun { flow, cookie } = begun;
    let url = microsoft_url(app, &client_id, &flow, SignInKind::Connect);
    redirect_page(admin, Service::Microsoft, Reason::Grant, &url, &cookie)
}

/// Continues from the sign-in to the consent of the administrator's own directory.
pub(crate) async fn continue_to_consent(
    app: &App,
    cookies: &RequestCookies,
    callback: &Callback,
    admin: &Admin,
    flow: &Flow,
    registration: Registration,
) -> Result<Response, Failure> {
    let session = &admin.session;
    let MicrosoftUser { user, token } =
        microsoft_user(app, callback, flow, SignInKind::Connect).await?;
    let now = app.clock.now();
    // Before the role: a sign-in that the browser remembers can be someone else's.
    if !user.is_fresh(now) {
        return Err(Failure::NotFresh);
    }
    if !user.is_administrator() {
        return Err(Failure::NotAMicrosoftAdministrator);
    }
    // Before the consent, which these pages could not take back.
    if let Some(connected) = &admin.organization.directory
        && connected.id != user.directory
    {
        return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
    }
    let directory = user.directory;
    // Names are for pages only, so a failed call is no reason to stop.
    let profile = directory_profile(app, directory, token).await;
    let mut domains = profile.iter().flat_map(|profile| &profile.verified_domains);
    let domain = domains.find(|domain| domain.is_default).map(|domain| domain.name.clone());
    let of_user = || user.name.split_once('@').map(|(_, domain)| domain.to_owned());
    let domain = domain.or_else(of_user).unwrap_or_default();
    let name = profile.and_then(|profile| profile.display_name);
    let pending = PendingConsent {
        registration,
        directory,
        name: name.unwrap_or_else(|| domain.clone()),
        domain,
        by: user.person,
        by_name: user.name,
        signed_in_at: now,
        consented_at: None,
    };
    session.set_pending(app.store.as_ref(), Some(&pending)).await?;
    let (org, person) = (session.org, user.person);
    tracing::info!(
        event = "microsoft_administrator_signed_in", %org, %directory, %person,
        "An administrator signed in with Microsoft."
    );
    let MicrosoftApp { client_id, .. } = app.tokens.microsoft_app(registration).await?;
    let purpose = Purpose::Consent { registration, directory };
    let begun = redirect_flow::begin(app, cookies, purpose, session).await?;
    let Begun { flow, cookie } = begun;
    let redirect_uri = app.url(Route::Consent.pattern());
    let authorization =
        Authorization { client_id: &client_id, redirect_uri: &redirect_uri, flow: &flow };
    let url = oidc::consent_url(&app.sign_in, &authorization, directory);
    // No form led here, so the content policy lets the answer redirect to Microsoft.
    Ok(see_other(url).cookie(&cookie))
}

/// Returns the directory's names. They are for pages only: the id_token has said which directory
/// it is.
async fn directory_profile(
    app: &App,
    directory: DirectoryId,
    token: Option<SecretString>,
) -> Option<DirectoryProfile> {
    let access = Access::with_token(token?, app.deadline());
    let profile = app.graph.directory_profile(&access).await.ok().flatten();
    // This token was not validated, so its answer must be about the directory of the one that was.
    profile.filter(|one| one.id == directory)
}
