//! The two cookies.

use jiff::SignedDuration;
use url::Url;

/// How cookies are spelt: a browser keeps those with the prefix to this very host, and to https.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cookies {
    /// Over https.
    Host,
    /// Over http, which is for one's own machine only.
    Plain,
}

impl Cookies {
    /// For pages at this address.
    pub(crate) fn at(public: &Url) -> Self {
        if public.scheme() == "https" { Self::Host } else { Self::Plain }
    }

    /// The session's.
    pub(crate) fn session(self) -> &'static str {
        match self {
            Self::Host => "__Host-session",
            Self::Plain => "session",
        }
    }

    /// The one that ties a way to another service to the browser.
    pub(crate) fn flow(self) -> &'static str {
        match self {
            Self::Host => "__Host-flow",
            Self::Plain => "flow",
        }
    }

    /// Sets a cookie. `Lax`: the way back from Webex and Microsoft comes from another site.
    pub(crate) fn set(self, name: &str, value: &str, lasts: SignedDuration) -> String {
        let secure = match self {
            Self::Host => "; Secure",
            Self::Plain => "",
        };
        format!("{name}={value}; Path=/; Max-Age={}; HttpOnly{secure}; SameSite=Lax", lasts.as_secs())
    }

    /// Takes a cookie away.
    pub(crate) fn clear(self, name: &str) -> String {
        self.set(name, "", SignedDuration::ZERO)
    }
}
