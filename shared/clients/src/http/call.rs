//! Requests, as the clients build them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use url::Url;

use super::error::{MAX_MESSAGE, one_line};

/// Rule for repeating a call whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The second call has no further effect.
    Safe,
    /// The second call can do something twice.
    Unsafe,
}

/// Request, as the clients build it.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) repeat: Repeat,
    pub(super) accepted: &'static [u16],
}

#[derive(Debug, Clone)]
pub(super) enum Target {
    /// Path below the base URL. Each segment is percent-encoded.
    Path(String),
    /// Whole URL that the service returned.
    Link {
        /// URL as returned.
        link: String,
        /// Path that the URL must have, below the base URL.
        list: Option<String>,
    },
}

impl Call {
    /// Returns a call to a path below the base URL, such as `/teams/x`. The caller percent-encodes
    /// segments that come from outside.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        // A POST creates. If its answer is lost, a second one could create twice.
        let repeat = if method == Method::POST { Repeat::Unsafe } else { Repeat::Safe };
        Self {
            method,
            target: Target::Path(path.into()),
            query: vec![],
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat,
            accepted: &[],
        }
    }

    /// Returns a GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Returns a GET of a link from the service.
    pub fn follow(link: impl Into<String>) -> Self {
        let target = Target::Link { link: link.into(), list: None };
        Self { target, ..Self::new(Method::GET, "") }
    }

    /// Returns a GET of a link from the service to another page of `list`, a path as in
    /// [`Call::new`].
    pub fn page(link: impl Into<String>, list: impl Into<String>) -> Self {
        let target = Target::Link { link: link.into(), list: Some(list.into()) };
        Self { target, ..Self::new(Method::GET, "") }
    }

    /// Returns a GET of another page of the list that this call reads.
    pub(crate) fn next_page(&self, link: impl Into<String>) -> Self {
        let list = match &self.target {
            Target::Path(list) => Some(list.clone()),
            Target::Link { list, .. } => list.clone(),
        };
        Self { target: Target::Link { link: link.into(), list }, ..Self::new(Method::GET, "") }
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// Adds a header whose value comes from the service, such as an eTag. Skips a value that no
    /// header can have.
    pub fn header_value(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sets a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        // Our own types are maps with text keys, which always serialize.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// Sets a form as the body.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let encoded =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = encoded.into();
        self.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        self
    }

    /// Sets the repeat rule. By default everything but a POST is safe.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Returns these statuses as answers instead of errors, because the caller needs their bodies.
    pub fn accept(mut self, statuses: &'static [u16]) -> Self {
        self.accepted = statuses;
        self
    }

    /// Returns the path for logs and errors, without query and names.
    pub(super) fn path(&self) -> String {
        match &self.target {
            // Names that people gave follow `root:`. No log and no error may contain them.
            Target::Path(path) => match path.split_once("/root:/") {
                Some((drive, _)) => format!("{drive}/root:"),
                None => path.split('?').next().unwrap_or_default().into(),
            },
            Target::Link { list: Some(list), .. } => list.clone(),
            // The query of a link is the service's own, and can hold anything.
            Target::Link { link, list: None } => Url::parse(link)
                .map_or_else(|_| "a link".into(), |url| one_line(url.path(), MAX_MESSAGE)),
        }
    }
}
