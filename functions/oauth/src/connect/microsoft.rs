//! Connecting Microsoft, first half: the permissions, and the sign-in of a directory's
//! administrator.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
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
use crate::auth::redirect_flow::{self, Begun, Callback, Flow, redirect_page};
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
    redirect_page(admin, Service::Microsoft, &url, &cookie)
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
    if !user.is_administrator() {
        return Err(Failure::NotAMicrosoftAdministrator);
    }
    if let Some(connected) = &admin.organization.directory
        && connected.id != user.directory
    {
        return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
    }
    let name = directory_name(app, user.directory, token).await;
    // The name is for pages only, so a failed call is no reason to stop.
    let name = name.or_else(|| Some(user.name.split_once('@')?.1.to_owned()));
    let directory = user.directory;
    let pending = PendingConsent {
        registration,
        directory,
        name: name.unwrap_or_else(|| directory.to_string()),
        by: user.person,
        by_name: user.name,
        signed_in_at: app.clock.now(),
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

/// Returns the directory's display name. It is for pages only: the id_token has said which
/// directory it is.
async fn directory_name(
    app: &App,
    directory: DirectoryId,
    token: Option<SecretString>,
) -> Option<String> {
    let access = Access::with_token(token?, app.deadline());
    let organization = app.graph.directory_profile(&access).await.ok().flatten();
    organization.filter(|one| one.id == directory)?.display_name
}
