//! Connecting Microsoft, second half: the consent and its proof. Nothing in the return from
//! Microsoft is believed; only a token of our own that Graph accepts shows what was granted.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clients::graph::{AppToken, TokenErrorKind};
use clients::http::Access;
use domain::ids::DirectoryId;
use engine::credentials::registration::Registration;
use engine::credentials::tokens::{GrantedToken, TokensError};
use engine::decision::Decider;
use engine::reconcile;
use engine::tenant::files_consent::{self, FilesConsent};
use engine::tenant::organization::{self, Directory, Join};
use http::{StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::redirect_flow::{self, Callback};
use crate::auth::session::Session;
use crate::auth::types::{PendingConsent, Purpose};
use crate::connect::confirm::{self, ConfirmForm, Decision};
use crate::http::cookies::RequestCookies;
use crate::http::error::{Failure, Service};
use crate::http::extract::{Form, Query};
use crate::http::page_id::{Page, PageLink};
use crate::http::response::{self, ResponseExt, see_other};
use crate::view::layout::Shell;
use crate::view::phrases;
use crate::view::phrases::permissions::permissions;

/// A consent that is not known everywhere after this long counts as incomplete.
const REPLICATES_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Seconds until the waiting page reloads.
const RELOAD_AFTER: u32 = 10;

#[derive(Template)]
#[template(path = "consent-wait.html")]
struct WaitPage<'a> {
    shell: Shell<'a>,
    directory: &'a str,
    missing: Vec<&'static str>,
    seconds: u32,
}

#[derive(Template)]
#[template(path = "connected.html")]
struct ConnectedPage<'a> {
    shell: Shell<'a>,
    directory: &'a Directory,
}

/// The state of a consent.
enum Proof {
    /// Graph accepts a token that carries every permission.
    Complete,
    /// These permissions are not there, or not yet.
    Missing(Vec<&'static str>),
}

/// Takes the return from the consent page; without a query, checks the consent again.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
    uri: Uri,
    Query(callback): Query<Callback>,
) -> Result<Response, Failure> {
    // The waiting page reloads without the query, because its state works once.
    if uri.query().is_none() {
        return prove(&app, &admin).await;
    }
    let fits = |purpose: &Purpose| matches!(purpose, Purpose::Consent { .. });
    let session = Some(&admin.session);
    let (_, purpose) = redirect_flow::end(&app, &cookies, &callback, session, fits).await?;
    let Purpose::Consent { registration, directory } = purpose else {
        // `fits` let nothing else through.
        return Err(Failure::State);
    };
    let taken = take_consent(&app, &callback, &admin.session, registration, directory).await;
    taken.map_err(|failure| failure.of_consent_to(registration))
}

async fn take_consent(
    app: &App,
    callback: &Callback,
    session: &Session,
    registration: Registration,
    directory: DirectoryId,
) -> Result<Response, Failure> {
    // The error comes first: a refusal says "admin_consent=True", too.
    callback.check_granted(Service::Microsoft)?;
    let named = callback.tenant.as_ref().and_then(|tenant| tenant.parse().ok());
    let is_this = |pending: &&PendingConsent| {
        pending.registration == registration && pending.directory == directory
    };
    let pending = session.pending.as_ref().filter(is_this);
    // Anyone can write an address, so its directory has to be the one that signed in.
    let (Some(pending), true) = (pending, named == Some(directory)) else {
        return Err(Failure::ConsentForAnotherDirectory);
    };
    let consented = PendingConsent { consented_at: Some(app.clock.now()), ..pending.clone() };
    session.set_pending(app.store.as_ref(), Some(&consented)).await?;
    // The directory's cached token has the old permissions.
    app.tokens.purge_app(registration, directory);
    Ok(see_other(PageLink::Consent))
}

/// Checks if the consent is in force, and asks for a confirmation then. Can be repeated.
async fn prove(app: &App, admin: &Admin) -> Result<Response, Failure> {
    let now = app.clock.now();
    let Some((pending, consented_at)) = admin.consented(now) else {
        return match &admin.organization.directory {
            Some(directory) => connected(admin, directory),
            None => Ok(see_other(Page::Microsoft)),
        };
    };
    let stored = match proof(app, pending).await {
        Ok(Proof::Missing(missing)) => wait(admin, pending, missing, consented_at, now),
        Ok(Proof::Complete) => complete(app, admin, pending, now).await,
        Err(failure) => Err(failure),
    };
    stored.map_err(|failure| failure.of_consent_to(pending.registration))
}

/// Goes on with a consent that is in force. Joining a directory waits for a person's confirmation:
/// the browser may be in a session that another host has planted.
async fn complete(
    app: &App,
    admin: &Admin,
    pending: &PendingConsent,
    now: Timestamp,
) -> Result<Response, Failure> {
    // Another admin may have connected a directory while this one consented.
    if let Some(connected) = &admin.organization.directory
        && connected.id != pending.directory
    {
        return Err(Failure::AnotherDirectory { connected: connected.name.clone() });
    }
    let response = match (pending.registration, &admin.organization.directory) {
        // Without an end of the consent, because the confirmation still needs it.
        (Registration::Groups, None) => return confirm::show(app, admin, pending).await,
        (Registration::Groups, Some(directory)) => connected(admin, directory)?,
        // Another admin disconnected while this one consented.
        (Registration::Files, None) => return Err(Failure::NotConnected(Service::Microsoft)),
        (Registration::Files, Some(directory)) => {
            store_files_consent(app, admin, pending, directory.id, now).await?
        }
    };
    finish(app, admin).await?;
    Ok(response)
}

async fn store_files_consent(
    app: &App,
    admin: &Admin,
    pending: &PendingConsent,
    directory: DirectoryId,
    now: Timestamp,
) -> Result<Response, Failure> {
    let (store, org, tenant) = (app.store.as_ref(), admin.session.org, admin.tenant());
    let (by, by_name) = (pending.by, pending.by_name.clone());
    // A new consent ends the loss of an earlier one.
    let consent = FilesConsent { since: now, by, by_name, lost: None };
    let decider = Decider { actor: &admin.consenting(pending), now };
    files_consent::save(store, tenant, &consent, decider).await?;
    // Folders that waited for the consent are linked now.
    reconcile::request_sync_of_every_link(store, tenant, now).await?;
    tracing::info!(
        event = "files_consented", %org, %tenant, %directory, %by,
        "A directory consented to files."
    );
    Ok(see_other(format!("{}?authorized", Page::Folders)))
}

/// Ends the consent that was under way.
async fn finish(app: &App, admin: &Admin) -> Result<(), Failure> {
    let store = app.store.as_ref();
    // Only now: after a failure before, the waiting page proves the consent again.
    admin.session.set_pending(store, None).await?;
    // The full cycle creates webhooks and counts people, for which the admin waits.
    Ok(reconcile::request_full_cycle(store, admin.tenant()).await?)
}

/// Takes a decision of the page that confirms the connection.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    admin: Admin,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Failure> {
    let now = app.clock.now();
    let (pending, _) = admin.consented(now).ok_or(Failure::Changed(Page::Microsoft))?;
    // In another tab, the person may have signed in to another directory since.
    if form.directory() != Some(pending.directory) || pending.registration != Registration::Groups {
        return Err(Failure::Changed(Page::Microsoft));
    }
    match form.action() {
        // Otherwise the waiting page would show the confirmation again.
        Some(Decision::Decline) => {
            admin.session.set_pending(app.store.as_ref(), None).await?;
            Ok(see_other(Page::Microsoft))
        }
        Some(Decision::Release) => confirm::release(&app, &admin, pending, now).await,
        Some(Decision::Connect) => match proof(&app, pending).await? {
            Proof::Complete => {
                let response = join(&app, &admin, pending, now).await?;
                finish(&app, &admin).await?;
                Ok(response)
            }
            // It was withdrawn since the page was shown.
            Proof::Missing(_) => Ok(see_other(PageLink::Consent)),
        },
        None => Err(Failure::NotAForm),
    }
}

/// Connects the directory with the organization.
async fn join(
    app: &App,
    admin: &Admin,
    pending: &PendingConsent,
    now: Timestamp,
) -> Result<Response, Failure> {
    let Admin { session, organization, .. } = admin;
    let directory = Directory { id: pending.directory, name: pending.name.clone(), since: now };
    let by = Decider { actor: &admin.consenting(pending), now };
    match organization::join(app.store.as_ref(), organization, &directory, by).await? {
        Join::Joined => {}
        Join::Elsewhere => {
            return Err(Failure::JoinedElsewhere { directory: directory.name });
        }
        // Another admin connected a directory, or removed the account, at the same time.
        Join::Changed => return Err(Failure::Changed(Page::Home)),
    }
    let (org, tenant, id) = (session.org, organization.tenant, directory.id);
    tracing::info!(
        event = "tenant_created", %org, %tenant, directory = %id,
        "A tenant was created."
    );
    connected(admin, &directory)
}

fn wait(
    admin: &Admin,
    pending: &PendingConsent,
    missing: Vec<&'static str>,
    consented_at: Timestamp,
    now: Timestamp,
) -> Result<Response, Failure> {
    if consented_at + REPLICATES_WITHIN <= now {
        return Err(Failure::RolesMissing { directory: pending.name.clone(), missing });
    }
    let shell = admin.shell(Page::of(pending.registration));
    let page = WaitPage { shell, directory: &pending.name, missing, seconds: RELOAD_AFTER };
    Ok(response::page(StatusCode::ACCEPTED, &page)?.reload_after(RELOAD_AFTER))
}

fn connected(admin: &Admin, directory: &Directory) -> Result<Response, Failure> {
    let page = ConnectedPage { shell: admin.shell(Page::Microsoft), directory };
    response::page(StatusCode::OK, &page)
}

async fn proof(app: &App, pending: &PendingConsent) -> Result<Proof, Failure> {
    let deadline = app.deadline();
    let all = || permissions(pending.registration).iter().map(|permission| permission.name);
    let granted = app.tokens.app_token(pending.registration, pending.directory, deadline).await;
    let GrantedToken { client_id, token } = match granted {
        Ok(granted) => granted,
        // Entra has not heard of the consent yet, or not at every place.
        Err(TokensError::Entra(error)) if error.kind == TokenErrorKind::ConsentGone => {
            return Ok(Proof::Missing(all().collect()));
        }
        Err(error) => return Err(error.into()),
    };
    let AppToken { access, roles, directory, app: token_app, .. } = token;
    // A token of another directory or app proves nothing about this consent.
    if directory != Some(pending.directory) || token_app.as_deref() != Some(client_id.as_str()) {
        return Err(Failure::ConsentForAnotherDirectory);
    }
    let missing: Vec<_> = all().filter(|name| !roles.iter().any(|role| role == name)).collect();
    if !missing.is_empty() {
        return Ok(Proof::Missing(missing));
    }
    // Graph can be behind Entra, so it has to accept the token itself.
    let access = Access::with_token(access, deadline);
    let refusal = match pending.registration {
        Registration::Groups => match app.graph.group_settings(&access).await {
            Ok(_) => None,
            Err(error) if matches!(error.status(), Some(401 | 403)) => Some(error),
            Err(error) => return Err(error.into()),
        },
        Registration::Files => app.graph.refusal_of_files(&access).await?,
    };
    // Without a name: Entra has granted all of them, and Graph will follow.
    Ok(refusal.map_or(Proof::Complete, |_| Proof::Missing(vec![])))
}
