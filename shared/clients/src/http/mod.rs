//! One way out of the program: a [`Transport`] that carries a request and brings its answer, and on it [`Caller`], which both clients call through: base URL, bearer
//! token, deadline, retries, and errors that say whether another try helps.
//!
//! # Guarantees
//! A bearer token goes to the configured host only, also when a link of the service's is followed. No call starts that cannot end before its deadline. Nothing waits
//! longer than a few seconds: a longer wait is an error of class [`Class::ThrottledUntil`].

mod call;
mod error;
mod net;
mod retry_after;

pub use call::{Access, Answer, Call, Caller, Deadline, InvalidBaseUrl, Repeat, Urgency};
pub use error::{CallError, Class, Failure};
pub use net::Net;
pub use retry_after::retry_after;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Longest that one call takes.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes: some times the largest page that is asked for. A function with 256 MB reads several answers at once.
pub const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Carries one HTTP request: over the net, or to a router in the same process.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` once and reads the whole answer within `timeout`. Follows no redirect and retries nothing.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection came about: the service has seen nothing of the request.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The connection broke or the answer did not arrive in time: the request may have taken effect.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer is longer than [`ANSWER_LIMIT`], and was not read to its end: the request may have taken effect, and another try would end the same way.
    #[error("the answer is longer than {ANSWER_LIMIT} bytes")]
    TooLong,
}

/// The services that we call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Webex's REST API.
    Webex,
    /// Microsoft Graph.
    Graph,
    /// Entra's token endpoint.
    Entra,
    /// SharePoint through Microsoft Graph: the same host, with limits of its own.
    SharePoint,
}

impl Api {
    /// The metrics of its calls, and of those that it throttled.
    pub(crate) fn metrics(self) -> (&'static str, &'static str) {
        match self {
            Self::Webex => ("WebexCalls", "WebexThrottled"),
            Self::Graph => ("GraphCalls", "GraphThrottled"),
            Self::Entra => ("EntraCalls", "EntraThrottled"),
            Self::SharePoint => ("SharePointCalls", "SharePointThrottled"),
        }
    }

    /// How long to wait after a 429 that does not say: Webex and SharePoint count by the minute, Graph's write quota by 150 seconds.
    pub(crate) fn default_pause(self) -> Duration {
        match self {
            Self::Webex | Self::SharePoint => Duration::from_secs(60),
            Self::Graph | Self::Entra => Duration::from_secs(150),
        }
    }

    /// The header with which the service names a request.
    fn request_id_header(self) -> &'static str {
        match self {
            Self::Webex => "trackingid",
            Self::Graph | Self::SharePoint => "request-id",
            Self::Entra => "x-ms-request-id",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Webex => "webex",
            Self::Graph => "graph",
            Self::Entra => "entra",
            Self::SharePoint => "sharepoint",
        })
    }
}
