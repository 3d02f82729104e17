//! The page about folders of spaces: what they need, their permission, and how far they are.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::credentials::registration::Registration;
use engine::tenant::TenantSnapshot;
use engine::tenant::files_consent::FilesConsent;
use engine::tenant::settings::{Folders, ServiceAccountMode};
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::connect::microsoft::start_consent;
use crate::http::cookies::RequestCookies;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::Page;
use crate::http::response;
use crate::view::layout::Shell;
use crate::view::phrases;
use crate::view::phrases::folders::FoldersState;
use crate::view::phrases::permissions::{Permission, permissions};

#[derive(Template)]
#[template(path = "folders.html")]
struct FoldersPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    state: FoldersState,
    consent: Option<FilesConsent>,
    permissions: &'static [Permission],
    /// The directory has just consented.
    is_authorized: bool,
}

/// Returns how far folders are for a tenant; without one, if this deployment offers them.
pub(crate) async fn folders_state(
    app: &App,
    context: Option<&TenantSnapshot>,
) -> Result<FoldersState, Failure> {
    let consent = context.and_then(|context| context.tenant.files.as_ref());
    // A consent says that the app exists, which saves reading its secret.
    if consent.is_none() && !app.tokens.has_app(Registration::Files).await? {
        return Ok(FoldersState::NotOffered);
    }
    let Some(TenantSnapshot { settings, .. }) = context else {
        return Ok(FoldersState::NotConnected);
    };
    Ok(match (settings.service_account_mode, consent, settings.folders) {
        // First, because no consent helps an account that cannot join a space.
        (ServiceAccountMode::Observer, ..) => FoldersState::Observer,
        (_, None, _) => FoldersState::NoConsent,
        (_, Some(FilesConsent { lost: Some(lost), .. }), _) => FoldersState::Lost(lost.clone()),
        (.., Folders::No) => FoldersState::Off,
        (.., Folders::EachSpace) => FoldersState::On,
    })
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct FoldersQuery {
    authorized: Option<String>,
}

/// Shows what folders need, and what will be asked for.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<FoldersQuery>,
) -> Result<Response, Failure> {
    let context = app.tenant_context(admin.tenant()).await?;
    let state = folders_state(&app, context.as_ref()).await?;
    let page = FoldersPage {
        shell: admin.shell(Page::Folders),
        csrf: admin.csrf(),
        // An address alone must not claim a success.
        is_authorized: query.authorized.is_some() && state.is_settled(),
        state,
        consent: context.and_then(|context| context.tenant.files),
        permissions: permissions(Registration::Files),
    };
    response::page(StatusCode::OK, &page)
}

/// Starts the consent to the app for files.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
) -> Result<Response, Failure> {
    let context = app.tenant_context(admin.tenant()).await?;
    if !folders_state(&app, context.as_ref()).await?.takes_consent() {
        return Err(Failure::Changed(Page::Folders));
    }
    start_consent(&app, &cookies, &admin, Registration::Files).await
}
