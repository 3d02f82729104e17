//! Folders of spaces in words.

pub(crate) use engine::phrases::folders::{blocker, blocker_remedy, status, status_remedy};

use engine::folders::SpaceStatus;
use engine::tenant::files_consent::Lost;
use engine::tenant::suspension::SuspensionReason;

/// The state of folders: the first thing that is missing, or what the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoldersState {
    /// This deployment has no registration for files.
    NotOffered,
    /// The two sides are not connected yet.
    NotConnected,
    /// The service account is an observer, which cannot link folders.
    Observer,
    /// The directory has not consented.
    NoConsent,
    /// The consent is no longer accepted.
    Lost(Lost),
    /// Everything is in place, and the settings want no folders.
    Off,
    /// Spaces get folders.
    On,
}

impl FoldersState {
    /// Explains the state in one sentence.
    pub(crate) fn line(&self) -> &'static str {
        match self {
            Self::NotOffered => "The operator of this service has not set it up for folders.",
            Self::NotConnected => "Both sides have to be connected first.",
            Self::Observer => "They need the connected account inside the teams; it is outside.",
            Self::NoConsent => {
                "Folders need a separate admin consent. People and names sync without it."
            }
            // The admin's consent is still there, so asking for it again would not help.
            Self::Lost(Lost { why: SuspensionReason::OwnCredential, .. }) => {
                "The integration's own sign-in for files is refused: the operator of this service \
                 has to renew its credentials. People and names still sync."
            }
            Self::Lost(_) => {
                "Microsoft 365 no longer accepts the integration for files: authorize it again. \
                 People and names still sync."
            }
            Self::Off => "The directory has consented; they are switched off.",
            Self::On => "Each space of a linked team gets one in the site of the team's group.",
        }
    }

    /// Returns `true` if a consent would be of use now.
    pub(crate) fn takes_consent(&self) -> bool {
        // An observer cannot link folders, whatever the directory consents to.
        matches!(self, Self::NoConsent | Self::Lost(_) | Self::Off | Self::On)
    }

    pub(crate) fn is_offered(&self) -> bool {
        *self != Self::NotOffered
    }

    pub(crate) fn is_on(&self) -> bool {
        *self == Self::On
    }

    /// Returns `true` if the consent is accepted.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self, Self::Off | Self::On)
    }

    pub(crate) fn heading(&self) -> &'static str {
        match self {
            Self::On => "Spaces get folders",
            Self::Off => "Folders are switched off",
            Self::NoConsent => "The directory has not consented to files",
            Self::Lost(_) => "Folders are paused",
            Self::NotOffered | Self::NotConnected | Self::Observer => {
                "Folders aren't available yet"
            }
        }
    }

    /// The style of the state's card.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Lost(_) => "warn",
            _ => "",
        }
    }
}

pub(crate) const GENERAL_SPACE: &str = "General";
pub(crate) const SPACE_WITHOUT_TITLE: &str = "A space without a title";

/// A reason with its remedy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason {
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
}

/// The settings want no folders.
pub(crate) const SWITCHED_OFF: Reason =
    Reason { why: "Folders are switched off.", remedy: "What was linked stays as it is." };

/// The directory's consent is missing or lost.
pub(crate) const NO_CONSENT: Reason = Reason {
    why: "Microsoft 365 does not let the integration work with files.",
    remedy: "An administrator of the directory has to authorize it. People and names still sync.",
};

/// The action that an administrator can take for the folder of a space.
pub(crate) fn offer(status: SpaceStatus) -> Option<&'static str> {
    match status {
        SpaceStatus::Unlinked | SpaceStatus::OtherFolder => Some("Link again"),
        status if status.state() == engine::folders::SpaceState::Failing => Some("Try again"),
        _ => None,
    }
}
