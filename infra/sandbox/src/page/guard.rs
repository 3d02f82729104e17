//! Who may ask: only this machine, and of the pages in its browser only our own.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Refusal;

/// What the page may load, and who may show it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Refuses requests by another name than a loopback one, and writes that another page could have made; adds the headers that every answer has.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut answer = match refusal(request.method(), request.headers()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn refusal(method: &Method, headers: &HeaderMap) -> Option<Refusal> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let forbidden = |why: &str| Some(Refusal::new(StatusCode::FORBIDDEN, why));
    let host = text(header::HOST).unwrap_or_default();
    // Another name could be one that somebody elsewhere points at this machine.
    if !is_loopback(host) {
        return forbidden("Ask for 127.0.0.1 or localhost.");
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let own = format!("http://{host}");
    if text(header::ORIGIN).is_some_and(|origin| !origin.eq_ignore_ascii_case(&own)) {
        return forbidden("Only this page itself may do that.");
    }
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return forbidden("Only this page itself may do that.");
    }
    let media = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Some(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send JSON, as application/json."));
    }
    None
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    ["127.0.0.1", "localhost", "::1"].iter().any(|known| name.eq_ignore_ascii_case(known))
}
