//! Errors of calls, and the remedy for each.

use std::fmt;

use jiff::Timestamp;

use super::{Api, TransportError};

/// Failed call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    /// Called service.
    pub api: Api,
    /// HTTP method.
    pub method: http::Method,
    /// Path, without query and host.
    pub path: String,
    /// The service's id of this request, for its support.
    pub request_id: Option<String>,
    /// Failure of the last try.
    pub failure: CallFailure,
    /// `true` if an earlier try of the same call may have taken effect.
    pub in_doubt: bool,
}

/// Cause of a failed call.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallFailure {
    /// The service did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The call could not end before the deadline. Nothing was sent.
    #[error("no time is left for this call")]
    NoTime,
    /// A link led to a host that is not the service's. Nothing was sent.
    #[error("a link leads to {0}, which is not the service's host")]
    ForeignHost(String),
    /// A link led to another list than the one that was read. Nothing was sent.
    #[error("a link leads to {0}, which is another list")]
    ForeignList(String),
    /// The token was refused before its end, and the service granted no other one.
    #[error("the token was refused, and another one was not granted: {0}")]
    NotRenewed(Box<CallError>),
    /// The token was refused before its end, and no other one can be had for now.
    #[error("the token was refused, and there is no other one for now: {0}")]
    NoToken(String),
    /// The service throttles.
    #[error("{status}: throttled until {until}")]
    Throttled {
        /// 429, or 423 and 503 with a long `Retry-After`.
        status: u16,
        /// Time of the next try.
        until: Timestamp,
    },
    /// The service answered with an error.
    #[error("{status} {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The service's own code. Empty for Webex, which has none.
        code: String,
        /// The service's own message, at most 300 characters.
        message: String,
    },
    /// The answer does not match the API's documentation. Built by [`CallFailure::unreadable`].
    #[error("{status}: unreadable answer: {why}")]
    Unreadable {
        /// HTTP status.
        status: u16,
        /// Reason, at most 300 characters.
        why: String,
    },
}

/// Maximum length of a service's message, in characters. It fits into a log line and a stored item.
pub(super) const MAX_MESSAGE: usize = 300;

impl CallFailure {
    /// Returns the failure of an answer that does not match the API's documentation. `why` can
    /// contain the whole answer, so it is truncated.
    pub fn unreadable(status: u16, why: impl fmt::Display) -> Self {
        Self::Unreadable { status, why: one_line(&why.to_string(), MAX_MESSAGE) }
    }
}

/// Returns the words of a text in one line of at most `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    // A line break in a message would begin another line in the log.
    let words =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words
        .flat_map(|word| word.chars().chain([' ']))
        .take(max)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// Remedy for an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// A retry soon helps. A write may have taken effect.
    Transient,
    /// A retry before this time makes it worse.
    ThrottledUntil(Timestamp),
    /// The same call fails again.
    Permanent,
    /// The service no longer accepts us. An admin must act.
    NeedsAdministrator,
}

impl CallError {
    /// Returns the remedy for this error.
    pub fn class(&self) -> ErrorClass {
        match &self.failure {
            CallFailure::Transport(_)
            | CallFailure::NoTime
            | CallFailure::NoToken(_)
            // One page that leads elsewhere can be a mistake. The reading begins again.
            | CallFailure::ForeignList(_)
            | CallFailure::Unreadable { .. } => ErrorClass::Transient,
            CallFailure::NotRenewed(error) => match error.class() {
                // A refresh token that was refused is replaced by a sign-in only.
                ErrorClass::Permanent => ErrorClass::NeedsAdministrator,
                class => class,
            },
            CallFailure::Throttled { until, .. } => ErrorClass::ThrottledUntil(*until),
            // A repetition would follow the same link.
            CallFailure::ForeignHost(_) => ErrorClass::Permanent,
            // The caller has tried another token before, if there is one.
            CallFailure::Refused { status: 401, .. } => ErrorClass::NeedsAdministrator,
            CallFailure::Refused { status: 408 | 423 | 500..=599, .. } => ErrorClass::Transient,
            CallFailure::Refused { status: 409, code, .. }
                if code == "Directory_ConcurrencyViolation" =>
            {
                ErrorClass::Transient
            }
            // Graph says so of a batch whose parts were throttled.
            CallFailure::Refused { status: 424, .. } => ErrorClass::Transient,
            CallFailure::Refused { status: 403, message, .. } if is_consent_lost(message) => {
                ErrorClass::NeedsAdministrator
            }
            // Entra answers about consent and credentials, which only a person can mend.
            CallFailure::Refused { .. } if self.api == Api::Entra => ErrorClass::NeedsAdministrator,
            CallFailure::Refused { .. } => ErrorClass::Permanent,
        }
    }

    /// Turns a "not found" into a transient error, because another call finds the same thing.
    /// Replicas differ for a while.
    pub(crate) fn contradicted(self) -> Self {
        let status = self.answered().unwrap_or_default();
        Self {
            failure: CallFailure::unreadable(status, "another call finds what this one does not"),
            ..self
        }
    }

    /// Returns the status of the service's own refusal. An unreadable answer can be a
    /// proxy's, and nothing follows from its status.
    pub fn status(&self) -> Option<u16> {
        match self.failure {
            CallFailure::Throttled { status, .. } | CallFailure::Refused { status, .. } => {
                Some(status)
            }
            _ => None,
        }
    }

    /// Returns the status of the answer, also of an unreadable one.
    pub fn answered(&self) -> Option<u16> {
        match self.failure {
            CallFailure::Unreadable { status, .. } => Some(status),
            _ => self.status(),
        }
    }

    /// Returns status, code and message if the service refused.
    pub fn refusal(&self) -> Option<(u16, &str, &str)> {
        match &self.failure {
            CallFailure::Refused { status, code, message } => Some((*status, code, message)),
            _ => None,
        }
    }

    /// Returns `true` if the call certainly had no effect: each try was unsent or refused.
    pub fn had_no_effect(&self) -> bool {
        let last_had_none = match &self.failure {
            CallFailure::Transport(TransportError::NoAnswer(_) | TransportError::TooLong)
            | CallFailure::Unreadable { .. } => false,
            CallFailure::Refused { status, .. } | CallFailure::Throttled { status, .. } => {
                // A server that fails or gives up waiting can have written before.
                *status < 500 && *status != 408
            }
            _ => true,
        };
        last_had_none && !self.in_doubt
    }
}

/// Returns `true` for Graph's messages to an app that lost its permissions.
fn is_consent_lost(message: &str) -> bool {
    // Only the words tell a lost consent from a protected object: both are 403.
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
