//! The administrators' pages: signing in with Webex, connecting Webex and Microsoft,
//! prerequisites, settings, teams, people, activity, disconnecting.
//!
//! # Guarantees
//! - Only a full administrator of an organization gets in, and sees and changes that organization's
//!   tenant: every page takes it from the session, none from an address.
//! - Signing in and connecting are two flows. A sign-in's tokens are discarded; the service
//!   account's tokens are stored only after Webex has shown that it can do its work.
//! - Each route declares the proof that it needs, from a session to a fresh sign-in with Microsoft.
//!   Every change needs the role at that moment.
//! - Every form needs the session's CSRF token. A return from Webex or Microsoft works once, in the
//!   browser and session that it started in.
//! - A directory is connected only after one of its administrators has signed in, and only to one
//!   organization.
//! - Every answer has the security headers. Every failure is a page with an error ID that the log
//!   has, too.

mod app;
mod auth;
mod backfill;
mod connect;
mod http;
mod pages;
mod proofs;
mod router;
mod view;

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::ALLOW;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::Router;
use axum::response::{IntoResponse, Response};
use clients::http::InvalidBaseUrl;
use tower::ServiceExt;
use tracing::{Instrument, field};
use uuid::Uuid;

pub use crate::app::Deps;
pub use crate::auth::id_token;
pub use crate::http::gateway::LARGEST_BODY;
pub use engine::tenant::allowed::Allowed;

use crate::app::App;
use crate::http::error::Failure;
use crate::http::gateway;
use crate::http::response::{ResponseExt, empty, html, see_other};
use crate::view::layout;

/// The function: API Gateway's events in, pages out.
pub struct Oauth {
    app: Arc<App>,
    router: Router,
}

impl Oauth {
    /// Builds the function over its dependencies.
    ///
    /// # Errors
    /// A login address that is neither https nor on this machine.
    pub fn new(deps: Deps) -> Result<Self, InvalidBaseUrl> {
        let app = Arc::new(App::new(deps)?);
        Ok(Self { router: router::router(&app), app })
    }

    /// Answers one request of API Gateway (HTTP API, payload format 2.0).
    pub async fn handle(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let request_id = event.request_context.request_id.clone().unwrap_or_default();
        let source = event.request_context.http.source_ip.clone().unwrap_or_default();
        // The guard of the route adds the rest, so every line of a request says whose it is.
        let span = tracing::info_span!(
            "request",
            request_id,
            source,
            route = field::Empty,
            org = field::Empty,
            person = field::Empty,
        );
        self.respond(event).instrument(span).await
    }

    async fn respond(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let response = match gateway::request(event) {
            Ok(request) => match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(impossible) => match impossible {},
            },
            Err(failure) => failure.into_response(),
        };
        gateway::answer(self.worded(response)).await
    }

    /// Turns a failure that a handler returned into its page, and logs it.
    fn worded(&self, mut response: Response) -> Response {
        let Some(failure) = response.extensions_mut().remove::<Arc<Failure>>() else {
            return response;
        };
        // Not worth a failure's page: the admin only has to sign in again.
        if let Failure::NoSession(page) = *failure {
            let cookie = self.app.cookies.clear(self.app.cookies.session());
            return see_other(format!("/?to={}", page.name())).cookie(&cookie);
        }
        let error_id = Uuid::now_v7().simple().to_string();
        let status = failure.status();
        let code = status.as_u16();
        if status.is_server_error() {
            tracing::error!(event = "page_failed", error_id, code, %failure, "A page failed.");
        } else {
            tracing::warn!(event = "page_refused", error_id, code, %failure, "A page was refused.");
        }
        let page = match layout::failure_page(&failure, &error_id) {
            Ok(page) => html(status, page),
            // Even if the page of a failure fails, its status is right.
            Err(_) => empty(status),
        };
        // The browser would send a cookie that opens nothing any longer.
        let page = if failure.ends_session() {
            page.cookie(&self.app.cookies.clear(self.app.cookies.session()))
        } else {
            page
        };
        match allowed_methods(&response) {
            Some(allowed) if status == StatusCode::METHOD_NOT_ALLOWED => {
                page.header(ALLOW, &allowed)
            }
            _ => page,
        }
    }
}

/// Returns the methods that axum says a route takes. `HEAD` is answered as `GET`.
fn allowed_methods(response: &Response) -> Option<String> {
    let allowed = response.headers().get(ALLOW)?.to_str().ok()?;
    let methods: Vec<&str> = allowed.split(',').filter(|method| *method != "HEAD").collect();
    Some(methods.join(", "))
}

/// Returns the patterns of all routes, and for each if it has forms.
pub fn routes() -> impl Iterator<Item = (&'static str, Forms)> {
    http::page_id::Route::all().map(|route| {
        let forms = proofs::form(route).map_or(Forms::None, |_| Forms::WithProof);
        (route.pattern(), forms)
    })
}

/// Says if a route has forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// It has none.
    None,
    /// It has forms, and declares the proof that they need.
    WithProof,
}
