//! The prerequisites in words: each line of the list is built here from what a check found.

pub(crate) mod microsoft;
pub(crate) mod webex;

/// The administration of Webex.
const CONTROL_HUB: &str = "https://admin.webex.com";

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    NotMet,
    /// The tenant may decide either way; only folders need it.
    Open,
    /// True of some people only.
    Partly,
    /// The side that it needs is not connected yet.
    Later,
    Unknown,
}

impl Verdict {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Met => "In place",
            Self::NotMet => "Missing",
            Self::Open => "Not yet",
            Self::Partly => "Partly",
            Self::Later => "Not checked yet",
            Self::Unknown => "Could not check",
        }
    }

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::Open | Self::Partly => "open",
            Self::Later => "later",
            Self::Unknown => "unknown",
        }
    }
}

/// A link below a check.
pub(crate) struct CheckLink {
    pub(crate) text: &'static str,
    pub(crate) url: String,
}

/// A line of the list.
pub(crate) struct Check {
    pub(crate) title: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) text: String,
    pub(crate) more: Vec<String>,
    pub(crate) links: Vec<CheckLink>,
}

impl Check {
    pub(super) fn new(title: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self { title, verdict, text: text.into(), more: vec![], links: vec![] }
    }

    pub(super) fn more(mut self, more: impl Into<String>) -> Self {
        self.more.push(more.into());
        self
    }

    pub(super) fn link(mut self, text: &'static str, url: impl Into<String>) -> Self {
        self.links.push(CheckLink { text, url: url.into() });
        self
    }
}

/// The result of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Accepted,
    Refused,
    /// The service did not answer.
    Failed,
}
