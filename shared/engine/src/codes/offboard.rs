//! Codes of an offboarding.

use serde::{Deserialize, Serialize};

/// Choice for the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Groups {
    /// They stay as they are.
    Keep,
    /// They are deleted. For 30 days they can be restored.
    Delete,
}

/// Choice for the links and the stored people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Links {
    /// They are kept for 30 days. An organization that connects again in that time resumes them.
    Keep,
    /// They are deleted.
    Purge,
}

/// Work of an offboarding that could not be done. `said` is the service's error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum OffboardingFailure {
    /// The organization connected again before the end.
    ConnectedAgain,
    /// Webex's webhooks remain.
    Webhooks {
        /// Error.
        said: String,
    },
    /// Microsoft's subscription remains.
    Subscription {
        /// Error.
        said: String,
    },
    /// Some webhooks or subscriptions remain.
    Hooks {
        /// Error.
        said: String,
    },
    /// The service account remains in a team.
    Team {
        /// Title of the team.
        title: String,
        /// Error.
        said: String,
    },
    /// The service account remains in some teams.
    Teams {
        /// Error.
        said: String,
    },
    /// A group remains.
    Group {
        /// Title of the team.
        title: String,
        /// Error.
        said: String,
    },
    /// Some groups remain.
    Groups {
        /// Error.
        said: String,
    },
    /// Another step failed.
    Other {
        /// Error.
        said: String,
    },
}
