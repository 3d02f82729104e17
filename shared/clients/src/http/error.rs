//! What went wrong with a call, and whether another try helps.

use std::fmt;

use jiff::Timestamp;

use super::{Api, TransportError};

/// A call that did not bring what it was made for.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    /// Which service.
    pub api: Api,
    /// The method.
    pub method: http::Method,
    /// The path, without query and host.
    pub path: String,
    /// What the service calls this request, for its support.
    pub request_id: Option<String>,
    /// What happened, at the last try.
    pub failure: Failure,
    /// An earlier try of the same call may have taken effect.
    pub in_doubt: bool,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The deadline would have passed before the answer could come; nothing was sent.
    #[error("no time is left for this call")]
    NoTime,
    /// A link led to a host that is not the service's; nothing was sent.
    #[error("a link leads to {0}, which is not the service's host")]
    ForeignHost(String),
    /// The service wants fewer calls.
    #[error("{status}: throttled until {until}")]
    Throttled {
        /// 429, or 423 and 503 with a long `Retry-After`.
        status: u16,
        /// When to try again.
        until: Timestamp,
    },
    /// The service answered with an error.
    #[error("{status} {code}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// The service's own code; empty where it has none (Webex).
        code: String,
        /// The service's own message, at most 300 characters.
        message: String,
    },
    /// The answer is not what the API's page says; made by [`Failure::unreadable`].
    #[error("{status}: an answer that cannot be understood: {why}")]
    Unreadable {
        /// The status.
        status: u16,
        /// What is wrong with it, at most 300 characters.
        why: String,
    },
}

/// As much as is kept of what a service says in a sentence.
pub(super) const LONGEST_WHY: usize = 300;

impl Failure {
    /// An answer that is not what the API's page says. `why` can hold all of the answer: as much of it is kept as fits into a line of a log and an item of the table.
    pub fn unreadable(status: u16, why: impl fmt::Display) -> Self {
        Self::Unreadable { status, why: one_line(&why.to_string(), LONGEST_WHY) }
    }
}

/// The words of a text in one line, so many characters of it at most.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.flat_map(|word| word.chars().chain([' '])).take(longest).collect::<String>().trim_end().to_owned()
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Trying again soon helps. A write may have taken effect.
    Transient,
    /// Trying again before this moment makes it worse.
    ThrottledUntil(Timestamp),
    /// The same call will fail again.
    Permanent,
    /// The service no longer accepts us: somebody has to act.
    NeedsAdministrator,
}

impl CallError {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match &self.failure {
            Failure::Transport(_) | Failure::NoTime | Failure::Unreadable { .. } => Class::Transient,
            Failure::Throttled { until, .. } => Class::ThrottledUntil(*until),
            Failure::ForeignHost(_) => Class::Permanent,
            Failure::Refused { status: 401, .. } => Class::NeedsAdministrator,
            Failure::Refused { status: 408 | 423 | 500..=599, .. } => Class::Transient,
            Failure::Refused { status: 409, code, .. } if code == "Directory_ConcurrencyViolation" => Class::Transient,
            Failure::Refused { status: 424, .. } => Class::Transient,
            Failure::Refused { status: 403, message, .. } if is_consent_lost(message) => Class::NeedsAdministrator,
            Failure::Refused { .. } if self.api == Api::Entra => Class::NeedsAdministrator,
            Failure::Refused { .. } => Class::Permanent,
        }
    }

    /// The same call, which did not find what another call finds: a replica's mistake, which passes.
    pub(crate) fn contradicted(self) -> Self {
        let status = self.status().unwrap_or_default();
        Self { failure: Failure::unreadable(status, "another call finds what this one does not"), ..self }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self.failure {
            Failure::Throttled { status, .. }
            | Failure::Refused { status, .. }
            | Failure::Unreadable { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The service's own code and message, if it refused.
    pub fn refusal(&self) -> Option<(u16, &str, &str)> {
        match &self.failure {
            Failure::Refused { status, code, message } => Some((*status, code, message)),
            _ => None,
        }
    }

    /// Whether the call certainly had no effect: no try of it was sent, or the service refused each one.
    pub fn had_no_effect(&self) -> bool {
        let last_had_none = match &self.failure {
            Failure::Transport(TransportError::NoAnswer(_) | TransportError::TooLong) | Failure::Unreadable { .. } => {
                false
            }
            Failure::Refused { status, .. } | Failure::Throttled { status, .. } => *status < 500 && *status != 408,
            _ => true,
        };
        last_had_none && !self.in_doubt
    }
}

/// Graph's words for an app that has no permission any more.
fn is_consent_lost(message: &str) -> bool {
    message.contains("Required roles claim values are not provided")
        || message.contains("identity of the calling application could not be established")
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.api, self.method, self.path, self.failure)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CallError {}
