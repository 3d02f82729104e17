//! The answers, with the headers that every one of them has.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use http::HeaderValue;
use http::header::{self, HeaderName};

/// What a browser may do with a page of ours: show it with our own stylesheet, and send its forms to us. Signing in elsewhere is begun by a link, since a form's
/// destination is held against this along the whole way of redirects.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const ALWAYS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not "no-referrer": with it a browser would not say of our own forms that they are ours.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// How long an answer may be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Never,
    /// Its address changes with its content.
    ForEver,
}

/// An answer.
pub(crate) struct Answer {
    status: u16,
    body: String,
    kind: &'static str,
    keep: Keep,
    headers: Vec<(HeaderName, String)>,
}

impl Answer {
    /// A page.
    pub(crate) fn page(status: u16, html: String) -> Self {
        Self { status, body: html, kind: "text/html; charset=utf-8", keep: Keep::Never, headers: vec![] }
    }

    /// Nothing but a status.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: String::new(), kind: "text/plain; charset=utf-8", keep: Keep::Never, headers: vec![] }
    }

    /// A table to be saved under a name.
    pub(crate) fn table(name: &str, csv: String) -> Self {
        let answer = Self { body: csv, kind: "text/csv; charset=utf-8; header=present", ..Self::empty(200) };
        answer.with(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
    }

    /// Something that never changes at its address.
    pub(crate) fn asset(kind: &'static str, body: &str) -> Self {
        Self { status: 200, body: body.into(), kind, keep: Keep::ForEver, headers: vec![] }
    }

    /// On to another address, by GET. Whoever calls made that address: it never comes from outside.
    pub(crate) fn see(location: impl Into<String>) -> Self {
        Self::empty(303).with(header::LOCATION, location.into())
    }

    /// With a header.
    pub(crate) fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a cookie.
    pub(crate) fn cookie(self, cookie: String) -> Self {
        self.with(header::SET_COOKIE, cookie)
    }

    /// The browser goes there, or comes back here, by itself after so many seconds.
    pub(crate) fn refresh(self, seconds: u32, to: Option<&str>) -> Self {
        let value = to.map_or_else(|| seconds.to_string(), |to| format!("{seconds};url={to}"));
        self.with(header::REFRESH, value)
    }

    /// As API Gateway takes it.
    pub(crate) fn sealed(self) -> ApiGatewayV2httpResponse {
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = self.status.into();
        for (name, value) in ALWAYS {
            response.headers.insert(name, HeaderValue::from_static(value));
        }
        let keep = match self.keep {
            Keep::Never => "no-store",
            Keep::ForEver => "public, max-age=31536000, immutable",
        };
        response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        for (name, value) in self.headers {
            if name == header::SET_COOKIE {
                response.cookies.push(value);
            } else if let Ok(value) = HeaderValue::try_from(value) {
                response.headers.insert(name, value);
            }
        }
        response.body = Some(Body::Text(self.body));
        response
    }
}
