//! Passes the requests of a browser on to the setup pages.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use clients::http::{CALL_TIMEOUT, Transport};
use http::StatusCode;
use sandbox::local_stack::Addresses;
use sim::{Ports, Servers};

use crate::command_line::behind;

/// The maximum size of a request body.
const MAX_BODY: usize = 1024 * 1024;

/// The ports of the services.
pub(crate) fn ports_behind(port: u16) -> Ports {
    Ports { webex: behind(port, 1), login: behind(port, 2), graph: behind(port, 3) }
}

/// The addresses for a browser.
pub(crate) fn addresses(servers: &Servers, functions: &str) -> Addresses {
    Addresses {
        webex: format!("{}/v1", servers.webex),
        login: servers.login.clone(),
        functions: functions.to_owned(),
    }
}

/// The setup pages at an address, as a router.
pub(crate) fn router(pages: Arc<dyn Transport>, address: String) -> Router {
    Router::new().fallback(pass_on).with_state((pages, address))
}

/// Passes a browser's request on to the function.
async fn pass_on(
    State((pages, functions)): State<(Arc<dyn Transport>, String)>,
    request: Request,
) -> http::Response<Body> {
    let refused = |status: StatusCode| {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = status;
        response
    };
    let (mut parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let path = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let Ok(uri) = format!("{functions}{path}").parse() else {
        return refused(StatusCode::BAD_REQUEST);
    };
    parts.uri = uri;
    match pages.send(http::Request::from_parts(parts, body), CALL_TIMEOUT).await {
        Ok(response) => response.map(Body::from),
        Err(_) => refused(StatusCode::BAD_GATEWAY),
    }
}
