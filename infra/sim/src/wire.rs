//! Requests and responses, decoded from HTTP.

use bytes::Bytes;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A call as a service sees it.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Segments of the path, decoded after splitting.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Scheme and authority of the request, for links in responses.
    pub(crate) base: String,
    /// Path and query, decoded, for faults and records.
    pub(crate) target: String,
}

impl Request {
    pub(crate) fn new(request: http::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let host = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let base = match (parts.uri.scheme_str(), parts.uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => format!("http://{}", host.unwrap_or("127.0.0.1")),
        };
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Self::relative(parts.method, target, parts.headers, body);
        request.base = base;
        request
    }

    /// Builds a call without a host, such as an item of a batch.
    pub(crate) fn relative(method: Method, target: &str, headers: HeaderMap, body: Bytes) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self {
            method,
            segments: path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers,
            body,
            base: String::new(),
            target: decode(target),
        }
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Returns the body as JSON, else `Null`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn form(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A response of a service.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    /// HTML for a browser.
    pub(crate) page: Option<String>,
}

/// Refusals are responses, too: `?` ends a call with one.
pub(crate) type Outcome = Result<Response, Response>;

impl Response {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { body: Some(body), ..Self::empty(status) }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, page: None }
    }

    pub(crate) fn page(status: u16, html: String) -> Self {
        Self { page: Some(html), ..Self::empty(status) }
            .with("Content-Type", "text/html; charset=utf-8")
            // No form-action: browsers would block the redirect after a form by it.
            .with(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            )
            .with("Cache-Control", "no-store")
            .with("Referrer-Policy", "no-referrer")
    }

    /// Redirects the browser to `target`, with these parameters added to its query.
    pub(crate) fn redirect(target: &url::Url, parameters: &[(&str, Option<&str>)]) -> Self {
        let mut target = target.clone();
        target
            .query_pairs_mut()
            .extend_pairs(parameters.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        Self::empty(302).with("Location", target).with("Cache-Control", "no-store")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a header in place of those of the same name.
    pub(crate) fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }

    pub(crate) fn into_http(self) -> http::Response<Bytes> {
        let mut response = http::Response::builder().status(self.status);
        let is_typed =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
        if self.body.is_some() && !is_typed {
            response =
                response.header(http::header::CONTENT_TYPE, "application/json;charset=UTF-8");
        }
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let json = self.body.map(|body| body.to_string());
        let body = Bytes::from(json.or(self.page).unwrap_or_default());
        response.body(body).unwrap_or_else(|_| {
            let mut response =
                http::Response::new(Bytes::from_static(b"unusable header in an ordered fault"));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}
