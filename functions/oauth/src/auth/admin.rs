//! The signed-in administrator: the middleware that every protected route goes through, and the
//! extractor for its handlers.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::ids::TenantId;
use engine::tenant::organization::{Directory, Organization};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded;

use crate::app::App;
use crate::auth::random;
use crate::auth::session::Session;
use crate::auth::types::StepUp;
use crate::http::cookies::RequestCookies;
use crate::http::error::Failure;
use crate::http::gateway::LARGEST_BODY;
use crate::http::page_id::Page;
use crate::view::layout::{Shell, User};

/// Validity of step-up authentication.
const STEP_UP_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// A signed-in administrator and their organization.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) session: Session,
    pub(crate) organization: Organization,
}

impl Admin {
    /// Returns the organization, which has nothing to show until both sides are connected.
    pub(crate) fn connected(&self) -> Result<&Organization, Failure> {
        self.directory().map(|_| &self.organization)
    }

    pub(crate) fn directory(&self) -> Result<&Directory, Failure> {
        self.organization.directory.as_ref().ok_or(Failure::NotConnected)
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.organization.tenant
    }

    pub(crate) fn csrf(&self) -> &str {
        &self.session.csrf
    }

    /// Returns the session's step-up authentication if it is recent and in the directory that is
    /// connected now.
    pub(crate) fn step_up(&self, now: Timestamp) -> Option<&StepUp> {
        let directory = self.organization.directory.as_ref()?.id;
        let step_up = self.session.step_up.as_ref()?;
        // The organization may have connected another directory since the sign-in.
        let is_valid = step_up.directory == directory && step_up.at + STEP_UP_LASTS > now;
        is_valid.then_some(step_up)
    }

    /// Returns the frame of a page.
    pub(crate) fn shell(&self, here: Page) -> Shell<'_> {
        Shell { user: Some(User { name: &self.session.name, csrf: &self.session.csrf }), here }
    }

    async fn load(app: &App, cookies: &RequestCookies) -> Result<Option<Self>, Failure> {
        let Some(token) = cookies.get(app.cookies.session()) else {
            return Ok(None);
        };
        let loaded = Session::load(app.store.as_ref(), token, app.clock.now()).await?;
        // An organization that may no longer sign up is out at once.
        let loaded = loaded.filter(|(session, _)| app.allowed.includes(session.org));
        Ok(loaded.map(|(session, organization)| Self { session, organization }))
    }
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
        Self::load(app, &cookies).await
    }
}

/// The state of [`require`] for one route.
#[derive(Clone)]
pub(crate) struct RouteGuard {
    pub(crate) app: Arc<App>,
    /// The page to open after a new sign-in.
    pub(crate) page: Page,
}

/// Lets a request pass if it has a session and, for POST, the session's CSRF token.
pub(crate) async fn require(
    State(guard): State<RouteGuard>,
    cookies: RequestCookies,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let admin = Admin::load(&guard.app, &cookies).await?;
    let admin = admin.ok_or(Failure::NoSession(guard.page))?;
    let (mut parts, mut body) = request.into_parts();
    // Only a POST changes a tenant; a return by GET carries the state of a flow.
    if parts.method == Method::POST {
        let form = to_bytes(body, LARGEST_BODY).await.map_err(|_| Failure::TooLarge)?;
        if !is_from_our_page(&parts.headers, &form, admin.csrf()) {
            return Err(Failure::NotFromOurPage);
        }
        // The handler's extractor reads the same form again.
        body = Body::from(form);
    }
    parts.extensions.insert(admin);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn is_from_our_page(headers: &HeaderMap, form: &Bytes, csrf: &str) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = header("sec-fetch-site");
    // Older browsers do not send the header; the token alone decides for them.
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let kind = header(CONTENT_TYPE.as_str()).and_then(|kind| kind.split(';').next());
    let is_form = kind
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let carried = form_urlencoded::parse(form).find(|(name, _)| is_form && name == "csrf");
    random::are_equal(&carried.map(|(_, value)| value).unwrap_or_default(), csrf)
}
