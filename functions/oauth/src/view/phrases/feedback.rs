//! Notes at the top of a page: what was just done, or why it was not.

use std::fmt;

/// The note that the settings send to a new recipient of notifications.
pub(crate) const FIRST_NOTIFICATION: &str =
    "From now on, notifications of the Microsoft 365 Groups integration are sent here.";

/// A note at the top of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feedback {
    SyncRequested,
    Synced,
    FolderRequested,
    GroupAdopted,
    GroupMerged,
    Unlinked,
    /// The page was out of date, so no decision was taken.
    OutOfDate,
    UnlinkNotConfirmed,
    Busy,
    PreviewMode,
    NoGroup,
    IntegrationOff,
    AdoptionOutOfDate,
    AdoptionNotAllowed,
    AdoptionBusy,
    PersonConfirmed,
    ConfirmationOutOfDate,
    ConfirmationRevoked,
    RevocationOutOfDate,
    PreviewOutOfDate,
    SelectionOutOfDate,
}

impl Feedback {
    /// Returns `true` for a note about what is still going on.
    pub(crate) fn is_under_way(self) -> bool {
        matches!(self, Self::SyncRequested | Self::FolderRequested | Self::GroupAdopted)
    }

    /// Returns `true` for a note about what is done.
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::Synced | Self::GroupMerged | Self::Unlinked | Self::PersonConfirmed)
    }

    fn text(self) -> &'static str {
        match self {
            Self::SyncRequested => "The team is being synced. This page reloads automatically.",
            Self::Synced => "The team was synced.",
            Self::FolderRequested => "The space is being checked. This page reloads automatically.",
            Self::GroupAdopted => {
                "The group is adopted. The two lists are being merged. This page reloads \
                 automatically."
            }
            Self::GroupMerged => "The group is adopted, and the two lists are merged.",
            Self::Unlinked => "The team is unlinked. Team and group stay as they are.",
            Self::OutOfDate => {
                "This page was out of date, so nothing was changed. Here is the current state."
            }
            Self::UnlinkNotConfirmed => {
                "Nothing was changed: confirm that you want to end the link."
            }
            Self::Busy => {
                "The team is being synced right now, so nothing was changed. Try again in a minute."
            }
            Self::PreviewMode => "Preview mode is on: nothing is changed on either side.",
            Self::NoGroup => "The team has no group to sync with, so nothing was changed.",
            Self::IntegrationOff => {
                "The integration is off, so no group was adopted. Switch it on first."
            }
            Self::AdoptionOutOfDate => {
                "This page was out of date, so no group was adopted. Here is the current state."
            }
            Self::AdoptionNotAllowed => {
                "No group was adopted: the user who signed in with Microsoft neither owns the \
                 group nor administers the directory."
            }
            Self::AdoptionBusy => {
                "The team is being synced right now, so no group was adopted. Try again in a \
                 minute."
            }
            Self::PersonConfirmed => {
                "Confirmed: the person is eligible, and their teams are being synced."
            }
            Self::ConfirmationOutOfDate => {
                "This page was out of date, so nothing was confirmed. Here is the current state."
            }
            Self::ConfirmationRevoked => {
                "Revoked: only the names count now. Team and group stay as they are."
            }
            Self::RevocationOutOfDate => {
                "There is no confirmation of this account any longer, so nothing was revoked."
            }
            Self::PreviewOutOfDate => {
                "This page was out of date, so nothing was started. Here is what would be done now."
            }
            Self::SelectionOutOfDate => {
                "This page was out of date, so nothing was started. Here is the current state."
            }
        }
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
