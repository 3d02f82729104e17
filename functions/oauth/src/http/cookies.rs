//! The two cookies of these pages, and our own reader of what a browser sent.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::header::COOKIE;
use http::request::Parts;
use jiff::SignedDuration;
use url::Url;

use crate::http::error::Failure;

/// The spelling of cookie names. Browsers keep cookies with the prefix to this host and to https.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CookieNames {
    /// Cookie over https.
    Host,
    /// Cookie over http, which is only for a local machine.
    Plain,
}

/// The time for which a browser keeps a cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lifetime {
    /// Until the browser is closed.
    Browser,
    /// Until this time has passed.
    For(SignedDuration),
}

impl CookieNames {
    /// Returns the names for pages at this address.
    pub(crate) fn at(public: &Url) -> Self {
        if public.scheme() == "https" { Self::Host } else { Self::Plain }
    }

    pub(crate) fn session(self) -> &'static str {
        match self {
            Self::Host => "__Host-session",
            Self::Plain => "session",
        }
    }

    /// The cookie that ties a redirect flow to the browser.
    pub(crate) fn flow(self) -> &'static str {
        match self {
            Self::Host => "__Host-flow",
            Self::Plain => "flow",
        }
    }

    /// Returns a `Set-Cookie` value.
    pub(crate) fn set(self, name: &str, value: &str, lifetime: Lifetime) -> String {
        let secure = match self {
            Self::Host => "; Secure",
            // Not every browser keeps a `Secure` cookie of a page over http.
            Self::Plain => "",
        };
        let max_age = match lifetime {
            Lifetime::Browser => String::new(),
            Lifetime::For(time) => format!("; Max-Age={}", time.as_secs()),
        };
        // `Lax`, because Webex and Microsoft return browsers from another site.
        format!("{name}={value}; Path=/{max_age}; HttpOnly{secure}; SameSite=Lax")
    }

    /// Returns a `Set-Cookie` value that removes a cookie.
    pub(crate) fn clear(self, name: &str) -> String {
        self.set(name, "", Lifetime::For(SignedDuration::ZERO))
    }
}

/// The cookies of a request, as bytes: a name that only looks like ours is another name.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestCookies(Vec<(Vec<u8>, Vec<u8>)>);

impl RequestCookies {
    /// Reads the cookies from the event's own list or, behind another gateway, from the header.
    pub(crate) fn read(event: &ApiGatewayV2httpRequest) -> Self {
        let lines: Vec<&[u8]> = match event.cookies.as_deref() {
            // Never from both: a cookie that is in both would occur twice.
            Some(listed) if !listed.is_empty() => listed.iter().map(String::as_bytes).collect(),
            _ => event.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect(),
        };
        let cookies = lines.iter().flat_map(|line| line.split(|byte| *byte == b';'));
        Self(cookies.filter_map(|cookie| pair(stripped(cookie))).collect())
    }

    /// Returns the value of the cookie with this very name, if it occurs once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name.as_bytes());
        let (_, value) = values.next()?;
        // Another host may have set one of the two, and no order says which.
        if values.next().is_some() {
            return None;
        }
        str::from_utf8(value).ok()
    }
}

fn pair(cookie: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = cookie.iter().position(|byte| *byte == b'=')?;
    Some((cookie[..at].to_vec(), cookie[at + 1..].to_vec()))
}

/// Strips spaces and tabs only. Browsers keep the prefix of a name to us, but they know no other
/// spaces: with one before it, any host of the domain may set the name.
fn stripped(mut cookie: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = cookie {
        cookie = rest;
    }
    cookie
}

impl<S: Send + Sync> FromRequestParts<S> for RequestCookies {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
