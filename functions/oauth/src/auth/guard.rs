//! The guard of all routes: it asks for the proof that the route declares, and gives handlers the
//! signed-in administrator.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use engine::tenant::settings;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, Uri};
use tracing::Span;
use url::form_urlencoded;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::proof::{Fields, FormProof, Proof};
use crate::auth::random;
use crate::auth::role::{self, Access};
use crate::auth::session::Session;
use crate::auth::step_up;
use crate::auth::types::{ReturnTo, SavedForm};
use crate::http::admin_role::AdminRole;
use crate::http::cookies::RequestCookies;
use crate::http::error::Failure;
use crate::http::gateway::LARGEST_BODY;
use crate::http::page_id::{Page, Route};
use crate::http::source::SourceAddress;

/// The name of the field with the CSRF token.
const CSRF: &str = "csrf";

/// The guard of one route.
#[derive(Clone)]
pub(crate) struct RouteGuard {
    pub(crate) app: Arc<App>,
    pub(crate) route: Route,
    /// The proof that every request of the route needs.
    pub(crate) proof: Proof,
    /// The proof that its forms need besides; `None` for a route without forms.
    pub(crate) form: Option<FormProof>,
}

/// Lets a request pass if it has the proof that its route declares and, for POST, the session's
/// CSRF token. A proof that is missing is asked for, and the form waits for it.
pub(crate) async fn require(
    State(guard): State<RouteGuard>,
    cookies: RequestCookies,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let RouteGuard { app, route, proof, .. } = &guard;
    Span::current().record("route", route.pattern());
    // Anyone can open these, so nothing is read for them here.
    if *proof == Proof::Nothing {
        return Ok(next.run(request).await);
    }
    let (mut parts, mut body) = request.into_parts();
    let admin = load(app, &cookies, SourceAddress::of(&parts)).await?;
    let admin = admin.ok_or(Failure::NoSession(route.page()))?;
    // Only a POST changes a tenant; a return by GET carries the state of a flow.
    if parts.method == Method::POST {
        let form = to_bytes(body, LARGEST_BODY).await.map_err(|_| Failure::TooLarge)?;
        if let Some(asks) = guard.check_form(&cookies, &admin, &parts, &form).await? {
            return Ok(asks);
        }
        // The handler's extractor reads the same form again.
        body = Body::from(form);
    } else {
        role::check(app, &admin, Access::Read, proof.role()).await?;
    }
    parts.extensions.insert(admin);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

impl RouteGuard {
    /// Checks a form; returns the page that asks for a proof, if one is missing.
    async fn check_form(
        &self,
        cookies: &RequestCookies,
        admin: &Admin,
        parts: &Parts,
        form: &Bytes,
    ) -> Result<Option<Response>, Failure> {
        let app = &self.app;
        // First: a stranger's form must not even begin a proof.
        if !is_from_our_page(&parts.headers, form, admin.csrf()) {
            return Err(Failure::NotFromOurPage);
        }
        let is_served = app.allowed.includes(admin.session.org);
        if !is_served && !self.route.is_open_to_closed() {
            return Err(Failure::OrganizationNotAllowed);
        }
        let fields = Fields(form_urlencoded::parse(form).into_owned().collect());
        let proof = self.form_proof(admin, &fields).await?;
        // A person without the role must still be able to sign out.
        if proof < Proof::Role {
            return Ok(None);
        }
        role::check(app, admin, Access::Change, proof.role()).await?;
        if admin.has_proof(proof, app.clock.now()) {
            return Ok(None);
        }
        let saved = || saved(self.route.page(), proof, &parts.uri, fields);
        match proof {
            // The consent that the form is about has ended, and no proof brings it back.
            Proof::ConnectingAdministrator => Err(Failure::Changed(Page::Microsoft)),
            Proof::MicrosoftSignIn | Proof::DirectoryAdministrator => {
                step_up::start(app, cookies, admin, ReturnTo::Form(saved())).await.map(Some)
            }
            Proof::WebexSignIn => {
                step_up::start_webex(app, cookies, admin, saved()).await.map(Some)
            }
            // `has_proof` is always true for these.
            Proof::Nothing | Proof::Session | Proof::Reader | Proof::Role => Ok(None),
        }
    }

    async fn form_proof(&self, admin: &Admin, fields: &Fields) -> Result<Proof, Failure> {
        let proof = match self.form {
            // A route that declares no proof takes no form, even if it had a handler for one.
            None => return Err(Failure::WrongMethod),
            Some(FormProof::Always(proof)) => proof,
            Some(FormProof::ByFields(of)) => of(fields),
            // Compared with what is stored now, because the page can be older.
            Some(FormProof::BySettings(of)) => {
                let stored = settings::load(self.app.store.as_ref(), admin.tenant()).await?;
                of(&stored.0, fields)
            }
        };
        let has_directory = admin.organization.directory.is_some();
        // No user of a directory can sign in before there is one, and none is harmed.
        let needs_directory = proof >= Proof::MicrosoftSignIn && !has_directory;
        Ok(if needs_directory { Proof::WebexSignIn } else { proof })
    }
}

/// Keeps a form until the proof is there. The token stays out: the page that offers the form again
/// has its own.
fn saved(page: Page, proof: Proof, uri: &Uri, fields: Fields) -> SavedForm {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let fields = fields.0.into_iter().filter(|(name, _)| name != CSRF).collect();
    SavedForm { page, proof, path, fields }
}

async fn load(
    app: &App,
    cookies: &RequestCookies,
    address: SourceAddress,
) -> Result<Option<Admin>, Failure> {
    let Some(token) = cookies.get(app.cookies.session()) else {
        return Ok(None);
    };
    let loaded = Session::load(app.store.as_ref(), token, app.clock.now()).await?;
    // An organization that may no longer sign up is out at once, if it has nothing to end here.
    let loaded = loaded.filter(|(session, organization)| {
        app.allowed.includes(session.org) || organization.has_connected()
    });
    Ok(loaded.map(|(session, organization)| {
        let span = Span::current();
        span.record("org", tracing::field::display(session.org));
        span.record("person", tracing::field::display(session.person));
        Admin { session, organization, address }
    }))
}

/// Inserted by [`require`]; a route without that middleware answers with a failure.
impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Failure> {
        parts.extensions.remove::<Self>().ok_or(Failure::NoSession(Page::Home))
    }
}

/// Serves routes that a browser without a session may open.
impl OptionalFromRequestParts<Arc<App>> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Option<Self>, Failure> {
        let cookies = parts.extensions.get::<RequestCookies>().cloned().unwrap_or_default();
        let Some(admin) = load(app, &cookies, SourceAddress::of(parts)).await? else {
            return Ok(None);
        };
        match role::check(app, &admin, Access::Read, AdminRole::Users).await {
            Ok(()) => Ok(Some(admin)),
            // The session has ended, and the route serves browsers without one.
            Err(Failure::RoleEnded) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

fn is_from_our_page(headers: &HeaderMap, form: &Bytes, csrf: &str) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = header("sec-fetch-site");
    // Older browsers do not send the header; the token alone decides for them.
    // A browser says "none" where the person acts on it, as with a reload.
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let kind = header(CONTENT_TYPE.as_str()).and_then(|kind| kind.split(';').next());
    let is_form = kind
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let carried = form_urlencoded::parse(form).find(|(name, _)| is_form && name == CSRF);
    random::are_equal(&carried.map(|(_, value)| value).unwrap_or_default(), csrf)
}
