//! The two cookies of these pages, and our own reader of what a browser sent.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::extract::FromRequestParts;
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
    pub(crate) fn set(self, name: &str, value: &str, max_age: SignedDuration) -> String {
        let secure = match self {
            Self::Host => "; Secure",
            Self::Plain => "",
        };
        let max_age = max_age.as_secs();
        // `Lax`, because Webex and Microsoft return browsers from another site.
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly{secure}; SameSite=Lax")
    }

    /// Returns a `Set-Cookie` value that removes a cookie.
    pub(crate) fn clear(self, name: &str) -> String {
        self.set(name, "", SignedDuration::ZERO)
    }
}

/// The cookies of a request, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestCookies(Vec<(String, String)>);

impl RequestCookies {
    /// Reads the cookies from the event's own list and from the header.
    pub(crate) fn read(event: &ApiGatewayV2httpRequest) -> Self {
        let listed = event.cookies.iter().flatten().map(String::as_str);
        // Behind another gateway, the cookies are still in the header.
        let headers = event.headers.get_all(COOKIE).iter();
        let headers = headers.filter_map(|cookie| cookie.to_str().ok());
        let pairs = listed.chain(headers).flat_map(|cookies| cookies.split(';'));
        let pairs = pairs.filter_map(|cookie| cookie.trim().split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Returns the first cookie with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestCookies {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
