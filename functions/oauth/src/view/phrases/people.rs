//! People in words.

use domain::membership::ExclusionReason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::view::phrases::date;

/// A reason that the list can be narrowed to.
#[derive(Clone, Copy)]
pub(crate) struct ReasonFilter {
    pub(crate) reason: ExclusionReason,
    /// The filter's name in the address.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

const fn filter(reason: ExclusionReason, name: &'static str, text: &'static str) -> ReasonFilter {
    ReasonFilter { reason, name, text }
}

// All reasons of the index but that of rooms and devices, which no admin can change.
pub(crate) const REASONS: [ReasonFilter; 9] = [
    filter(ExclusionReason::NotSynchronized, "not-synchronized", "No externalId"),
    filter(ExclusionReason::NoEntraUser, "no-entra-user", "Not found in Entra"),
    filter(ExclusionReason::NotSignedIn, "not-signed-in", "Never signed in"),
    filter(ExclusionReason::Inactive, "inactive", "Not active"),
    filter(ExclusionReason::Guest, "guest", "Guests"),
    filter(ExclusionReason::SharedObjectId, "shared", "The same externalId twice"),
    filter(ExclusionReason::MovedObjectId, "moved", "The externalId moved"),
    filter(ExclusionReason::NamesDiffer, "names-differ", "The names differ"),
    filter(ExclusionReason::NameTaken, "name-taken", "Another account has the name"),
];

/// Says how many of the chosen accounts were confirmed.
pub(crate) fn confirmed_in_bulk(done: usize, of: usize) -> String {
    let rest =
        if done < of { " The others changed meanwhile: here is the current state." } else { "" };
    format!("{done} of {of} confirmed.{rest}")
}

/// The outcome of writing one externalId.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WriteOutcome {
    Written,
    /// The account had the right externalId already.
    AlreadyThere,
    /// The account no longer exists.
    Gone,
    /// The account has another externalId by now.
    Another,
    /// The account is no longer active.
    Inactive,
    /// There is no user, or a guest, or a user with another user principal name.
    OtherUser,
    /// Another account has the id.
    Taken,
    /// Webex refused.
    Refused {
        said: String,
        tracking: Option<String>,
    },
    /// Unknown, because the answer was lost.
    InDoubt {
        tracking: Option<String>,
    },
    /// It was not tried.
    NotTried {
        reason: NotTried,
    },
}

/// The reason why an externalId was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotTried {
    /// Something else did not answer.
    Unavailable,
    NoTime,
    /// Webex throttles until this moment.
    Throttled(Timestamp),
    GrantRefused,
}

impl WriteOutcome {
    pub(crate) fn has_external_id(&self) -> bool {
        matches!(self, Self::Written | Self::AlreadyThere)
    }

    /// Returns `true` if another try can help.
    pub(crate) fn can_retry(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::InDoubt { .. } | Self::NotTried { .. })
    }

    /// The tracking id for Webex's support.
    pub(crate) fn tracking(&self) -> Option<&str> {
        match self {
            Self::Refused { tracking, .. } | Self::InDoubt { tracking } => tracking.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Written => "Written. The person is eligible from now on.".into(),
            Self::AlreadyThere => "It was there already.".into(),
            Self::Gone => "Nothing was written: the Webex account no longer exists.".into(),
            Self::Another => {
                "Nothing was written: the account has another externalId by now.".into()
            }
            Self::Inactive => "Nothing was written: the account is no longer active.".into(),
            Self::OtherUser => {
                "Nothing was written: no member of the directory has the account’s userName.".into()
            }
            Self::Taken => "Nothing was written: another Webex account has this ID.".into(),
            Self::Refused { said, .. } => format!("Webex refused: {said}"),
            Self::InDoubt { .. } => "Webex did not answer, so it is not certain whether it was \
                                     written. The list shows it within some minutes."
                .into(),
            Self::NotTried { reason } => format!("Not done: {}", reason.text()),
        }
    }
}

impl NotTried {
    fn text(self) -> String {
        match self {
            Self::Unavailable => {
                "something that is needed for it did not answer. Try again in a minute.".into()
            }
            Self::NoTime => "there was no time left. Continue with the others.".into(),
            Self::Throttled(until) => {
                format!("Webex wants fewer calls. Continue after {}.", date(until))
            }
            Self::GrantRefused => "Webex no longer accepted the grant.".into(),
        }
    }
}
