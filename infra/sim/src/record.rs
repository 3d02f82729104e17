//! The record of calls, and of what an integration must never do.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use crate::wire::Request;

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// `webexapis.com`.
    Webex,
    /// `login.microsoftonline.com`.
    Entra,
    /// `graph.microsoft.com`.
    Graph,
}

/// Possible effect of a call. A `$batch` is a write if one of its items is; getting a token is a
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It changed nothing.
    Read,
    /// It may have changed something.
    Write,
}

/// One HTTP call. A `$batch` is one call, with its [items](Item).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Moment of the call.
    pub at: Timestamp,
    /// Service that was called.
    pub service: Service,
    /// The HTTP method.
    pub method: String,
    /// Path and query, decoded.
    pub path: String,
    /// Status of the response; `None` if the connection was cut.
    pub status: Option<u16>,
    /// Directory or Webex organization of the token.
    pub owner: Option<Uuid>,
    /// Read or write.
    pub kind: Kind,
    /// Items of a `$batch`.
    pub items: Vec<Item>,
}

/// One request within a `$batch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The HTTP method.
    pub method: String,
    /// Path and query relative to the version, decoded.
    pub path: String,
    /// Status of the item.
    pub status: u16,
    /// Read or write.
    pub kind: Kind,
}

/// Something that a correct integration never does, under any fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// `DELETE /groups/{id}/members/{id}` without `/$ref`: with enough permission it deletes the
    /// person's account.
    UserDeleted {
        /// Path of the call.
        path: String,
    },
    /// A token of one tenant was used for something that belongs to another.
    OtherTenant {
        /// Service that was called.
        service: Service,
        /// Path of the call, or the foreign id.
        path: String,
    },
    /// An access token was sent to a host that is none of the three.
    TokenSentTo {
        /// The host.
        host: String,
    },
}

/// Returns the possible effect of a call, by its method and path.
pub(crate) fn kind(service: Service, call: &Request) -> Kind {
    let reading = [
        "$batch",
        "getByIds",
        "checkMemberGroups",
        "validateProperties",
        "access_token",
        "authorize",
    ];
    let is_read = call.method == http::Method::GET
        || call.segments.last().is_some_and(|last| reading.contains(&&**last));
    if is_read || service == Service::Entra { Kind::Read } else { Kind::Write }
}
