//! What was asked of the services, and what never should have been.

use jiff::Timestamp;
use uuid::Uuid;

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// `webexapis.com`.
    Webex,
    /// `login.microsoftonline.com`.
    Entra,
    /// `graph.microsoft.com`.
    Graph,
}

/// Whether a call could change something. A `$batch` is a write if one of its items is; getting a token is a read.
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
    /// When.
    pub at: Timestamp,
    /// Who was asked.
    pub service: Service,
    /// The HTTP method.
    pub method: String,
    /// Path and query, decoded.
    pub path: String,
    /// The answer's status; `None` where the connection was cut.
    pub status: Option<u16>,
    /// The directory or the Webex organization whose token it bore.
    pub owner: Option<Uuid>,
    /// Read or write.
    pub kind: Kind,
    /// What was in it, if it was a `$batch`.
    pub items: Vec<Item>,
}

/// One request within a `$batch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The HTTP method.
    pub method: String,
    /// Path and query relative to the version, decoded.
    pub path: String,
    /// The item's status.
    pub status: u16,
    /// Read or write.
    pub kind: Kind,
}

/// Something that a correct integration never does, whatever happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// `DELETE /groups/{id}/members/{id}` without `/$ref`: with enough permission it deletes the person's account.
    UserDeleted {
        /// What was called.
        path: String,
    },
    /// A token of one tenant was used for something that belongs to another.
    OtherTenant {
        /// Which service was asked.
        service: Service,
        /// What was called.
        path: String,
    },
    /// A bearer token was sent to a host that is none of the three.
    BearerSentTo {
        /// The host.
        host: String,
    },
}
