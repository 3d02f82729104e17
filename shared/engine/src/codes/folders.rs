//! The state of a team's folders, and of one space's folder.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An obstacle to all folders of a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderBlocker {
    /// The group has no site yet.
    NoSite,
    /// The service account is not in the team, so it cannot link folders there.
    ServiceAccountOutside,
    /// The team is archived.
    Archived,
    /// A call failed.
    CallFailed,
}

/// The state of a space's folder, as the pages group it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceState {
    /// Something has to come first.
    Waiting,
    /// The folder exists, and the space is linked to it.
    Linked,
    /// Something failed; it is tried again.
    Failing,
    /// Nothing is changed.
    Left,
}

impl fmt::Display for SpaceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Linked => "linked",
            Self::Failing => "failing",
            Self::Left => "left alone",
        })
    }
}

/// The state of a space's folder, with its reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceStatus {
    /// No folder run has read the space yet.
    #[default]
    New,
    /// The folder exists, and the space is linked to it.
    Linked,
    /// The space is archived.
    Archived,
    /// A call failed.
    CallFailed,
    /// Webex accepted the link but does not show it.
    LinkNotConfirmed,
    /// Microsoft 365 accepted the folder or its name but does not show it.
    FolderNotConfirmed,
    /// The service account joined to make the link, and is still in the space.
    NotLeft,
    /// Webex shows no title.
    Untitled,
    /// Webex does not show the owning organization.
    OwnerUnknown,
    /// Every possible name of the folder is taken.
    NoName,
    /// The space has left the team.
    LeftTeam,
    /// The space was deleted or is not visible.
    NotVisible,
    /// The space belongs to another organization.
    OtherOrganization,
    /// The space is linked to a folder of another site.
    OtherFolder,
    /// A person removed the link.
    Unlinked,
}

impl SpaceStatus {
    /// Returns the state that this status belongs to.
    pub fn state(self) -> SpaceState {
        match self {
            Self::New | Self::Archived => SpaceState::Waiting,
            Self::Linked => SpaceState::Linked,
            Self::CallFailed
            | Self::LinkNotConfirmed
            | Self::FolderNotConfirmed
            | Self::NotLeft
            | Self::Untitled
            | Self::OwnerUnknown
            | Self::NoName => SpaceState::Failing,
            Self::LeftTeam
            | Self::NotVisible
            | Self::OtherOrganization
            | Self::OtherFolder
            | Self::Unlinked => SpaceState::Left,
        }
    }
}
