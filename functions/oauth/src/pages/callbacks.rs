//! Returns from Webex and Microsoft. The flow's purpose says which page continues.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::auth::admin::Admin;
use crate::auth::redirect_flow::{self, Callback};
use crate::auth::types::Purpose;
use crate::auth::{login, step_up};
use crate::connect;
use crate::http::cookies::RequestCookies;
use crate::http::error::Failure;
use crate::http::extract::Query;
use crate::http::page_id::Page;
use crate::http::source::SourceAddress;
use crate::pages::external_ids;

/// Returns from Webex: after a sign-in, or with a grant.
pub(crate) async fn webex(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    source: SourceAddress,
    admin: Option<Admin>,
    Query(callback): Query<Callback>,
) -> Result<Response, Failure> {
    // Also from a browser that has a session, which the new one replaces.
    if let Some((flow, to)) = redirect_flow::end_sign_in(&app, &cookies, &callback) {
        let grant = login::exchange(&app, &callback, &flow).await?;
        return login::begin_session(&app, &cookies, &source, grant, to).await;
    }
    let session = admin.as_ref().map(|admin| &admin.session);
    let fits = |purpose: &Purpose| {
        matches!(
            purpose,
            Purpose::ServiceAccount { .. }
                | Purpose::ExternalIds { .. }
                | Purpose::WebexStepUp { .. }
        )
    };
    let (flow, purpose) = redirect_flow::end(&app, &cookies, &callback, session, fits).await?;
    // Not an error yet: each purpose leads back to another page.
    let grant = login::exchange(&app, &callback, &flow).await;
    match (purpose, admin) {
        // Its failures lead back to the people, not to connecting Webex.
        (Purpose::ExternalIds { pairs }, Some(admin)) => {
            let written = match grant {
                Ok(grant) => external_ids::finish(&app, &admin, &pairs, grant).await,
                Err(failure) => Err(failure),
            };
            written.map_err(|failure| failure.returning_to(Page::People))
        }
        (Purpose::ServiceAccount { service_account_mode, mode }, Some(admin)) => {
            connect::webex::store_account(&app, &admin, service_account_mode, mode, grant?).await
        }
        (Purpose::WebexStepUp { form }, Some(admin)) => {
            let proven = match grant {
                Ok(grant) => step_up::finish_webex(&app, &admin, &form, grant).await,
                Err(failure) => Err(failure),
            };
            proven.map_err(|failure| failure.returning_to(form.page))
        }
        // The session ended while the browser was at Webex.
        _ => Err(grant.err().unwrap_or(Failure::State)),
    }
}

/// Returns from a sign-in with Microsoft: to connect a directory, or for step-up authentication.
pub(crate) async fn microsoft(
    State(app): State<Arc<App>>,
    cookies: RequestCookies,
    admin: Admin,
    Query(callback): Query<Callback>,
) -> Result<Response, Failure> {
    let fits =
        |purpose: &Purpose| matches!(purpose, Purpose::Microsoft { .. } | Purpose::StepUp { .. });
    let session = Some(&admin.session);
    match redirect_flow::end(&app, &cookies, &callback, session, fits).await? {
        (flow, Purpose::StepUp { directory, return_to }) => {
            let done = step_up::finish(&app, &callback, &admin, &flow, directory, &return_to).await;
            done.map_err(|failure| failure.returning_to(return_to.page()))
        }
        (flow, Purpose::Microsoft { registration }) => {
            let next = connect::microsoft::continue_to_consent(
                &app,
                &cookies,
                &callback,
                &admin,
                &flow,
                registration,
            );
            next.await.map_err(|failure| failure.of_consent_to(registration))
        }
        // `fits` lets nothing else through.
        _ => Err(Failure::State),
    }
}
