//! The kinds of answers.

use std::fmt::Display;

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};

use crate::http::error::Failure;

/// Renders a page.
///
/// # Errors
/// A template that fails.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Failure> {
    Ok(html(status, template.render()?))
}

/// A page that is rendered already.
pub(crate) fn html(status: StatusCode, html: String) -> Response {
    response(status, "text/html; charset=utf-8", html)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    response(status, "text/plain; charset=utf-8", String::new())
}

/// A CSV file to save under a name.
pub(crate) fn csv(name: &str, csv: String) -> Response {
    response(StatusCode::OK, "text/csv; charset=utf-8; header=present", csv)
        .header(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""))
}

/// A file that never changes at its address.
pub(crate) fn asset(kind: &'static str, body: &str) -> Response {
    response(StatusCode::OK, kind, body.to_owned())
        .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
}

/// Redirects by GET. The address is one that we made; it never comes from outside.
pub(crate) fn see_other(location: impl Display) -> Response {
    empty(StatusCode::SEE_OTHER).header(header::LOCATION, &location.to_string())
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Headers that some answers have besides.
pub(crate) trait ResponseExt: Sized {
    /// Adds a header. A value that no header can carry is dropped.
    fn header(self, name: HeaderName, value: &str) -> Self;

    /// Adds a `Set-Cookie` header.
    fn cookie(self, cookie: &str) -> Self {
        self.header(header::SET_COOKIE, cookie)
    }

    /// Makes the browser reload the page after so many seconds.
    fn reload_after(self, seconds: u32) -> Self {
        self.header(header::REFRESH, &seconds.to_string())
    }

    /// Makes the browser open an address at once.
    fn open(self, url: &str) -> Self {
        self.header(header::REFRESH, &format!("0;url={url}"))
    }
}

impl ResponseExt for Response {
    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers_mut().append(name, value);
        }
        self
    }
}
