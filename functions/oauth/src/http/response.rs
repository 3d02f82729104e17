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
    // The whole page, so that no place where a name is shown can be missed.
    response(status, "text/html; charset=utf-8", visible(&html))
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
    // 303, so that a reload does not send the form again.
    empty(StatusCode::SEE_OTHER).header(header::LOCATION, &location.to_string())
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Replaces characters that no one sees and that reorder or hide their neighbors: controls
/// other than white space, and the bidirectional embeddings, overrides and isolates.
/// <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>
pub(crate) fn visible(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\r' | '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(is_hidden, "\u{fffd}")
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
        // No redirect: browsers would hold its address against the policy for forms.
        self.header(header::REFRESH, &format!("0;url={url}"))
    }
}

impl ResponseExt for Response {
    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            // Added and not replaced, because one answer can set two cookies.
            self.headers_mut().append(name, value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible() {
        for hidden in ['\0', '\u{1b}', '\u{85}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert_eq!(visible(&format!("a{hidden}b")), "a\u{fffd}b");
        }
        for text in ["line\n\tand tab", "\u{5d0}\u{200f}\u{5d1}", "Chlo\u{e9}"] {
            assert_eq!(visible(text), text);
        }
    }
}
