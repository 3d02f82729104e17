//! HTTP for both clients: a [`Transport`] that sends requests, and a [`Caller`] that adds base URL,
//! token, deadline and retries.
//!
//! # Guarantees
//! - A bearer token goes to the configured host only, even for links from the service.
//! - A token that is refused before its end is renewed once, and the call repeated.
//! - A refusal without the service's own body says nothing but to try again.
//! - No call starts that cannot end before its deadline.
//! - A call sleeps at most a few seconds. A longer wait is an error of class
//!   [`ErrorClass::ThrottledUntil`].

mod access;
mod answer;
mod call;
mod caller;
mod error;
mod net;
mod retry_after;

pub use access::{Access, Deadline, Renewal, RenewalError, Urgency};
pub use answer::Answer;
pub(crate) use answer::UnreadableItem;
pub use call::{Call, Repeat};
pub use caller::{Caller, InvalidBaseUrl};
pub use error::{CallError, CallFailure, ErrorClass};
pub use net::Net;
pub use retry_after::retry_after;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Maximum duration of one call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of an answer, in bytes: a few times the largest page. A function with 256 MB reads
/// several answers at once.
pub const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Sends one HTTP request, over the network or to a router in the same process.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` once and reads the whole answer within `timeout`. Follows no redirects and
    /// retries nothing.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError>;
}

/// Reason for a missing answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection was made. The service has not seen the request.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The connection broke or the answer was late. The request may have taken effect.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer exceeds [`ANSWER_LIMIT`] and was not read to its end. The request may have taken
    /// effect. A retry ends the same way.
    #[error("the answer is longer than {ANSWER_LIMIT} bytes")]
    TooLong,
}

/// Called services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// REST API of Webex.
    Webex,
    /// Microsoft Graph.
    Graph,
    /// Token endpoint of Entra.
    Entra,
    /// SharePoint through Microsoft Graph: the same host with separate limits.
    SharePoint,
}

impl Api {
    /// Returns the names of the metrics that count calls and throttled calls.
    pub(crate) fn metrics(self) -> (&'static str, &'static str) {
        match self {
            Self::Webex => ("WebexCalls", "WebexThrottled"),
            Self::Graph => ("GraphCalls", "GraphThrottled"),
            Self::Entra => ("EntraCalls", "EntraThrottled"),
            Self::SharePoint => ("SharePointCalls", "SharePointThrottled"),
        }
    }

    /// Returns the pause after a 429 without `Retry-After`. Webex and SharePoint count per minute,
    /// Graph's write quota per 150 seconds.
    pub(crate) fn default_pause(self) -> Duration {
        match self {
            Self::Webex | Self::SharePoint => Duration::from_secs(60),
            Self::Graph | Self::Entra => Duration::from_secs(150),
        }
    }

    /// Returns the header that carries the service's request id.
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
        // These words are parts of stored keys, so they stay as they are.
        f.write_str(match self {
            Self::Webex => "webex",
            Self::Graph => "graph",
            Self::Entra => "entra",
            Self::SharePoint => "sharepoint",
        })
    }
}
