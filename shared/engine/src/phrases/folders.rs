//! Sentences about folders.

use crate::codes::{FolderBlocker, SpaceStatus};

/// Returns what keeps all folders of a team waiting.
pub fn blocker(blocker: FolderBlocker) -> &'static str {
    match blocker {
        FolderBlocker::NoSite => "The group's SharePoint site does not exist yet.",
        FolderBlocker::ServiceAccountOutside => {
            "Only members of the team can link folders, and the service account is not one."
        }
        FolderBlocker::Archived => "The team is archived.",
        FolderBlocker::CallFailed => "Folders could not be read.",
    }
}

/// Returns what to do about it.
pub fn blocker_remedy(blocker: FolderBlocker) -> &'static str {
    match blocker {
        FolderBlocker::NoSite => {
            "Microsoft creates it within minutes, seldom hours. It comes at once when you open \
             the group's files in Outlook or Teams."
        }
        FolderBlocker::ServiceAccountOutside => {
            "Add the service account to the team as a moderator, or make it a member of all teams \
             in the settings."
        }
        FolderBlocker::Archived => "Folders continue when the team is restored.",
        FolderBlocker::CallFailed => "The next run tries again.",
    }
}

/// Returns the state of a space's folder.
pub fn status(status: SpaceStatus) -> &'static str {
    match status {
        SpaceStatus::New => "It was not checked yet.",
        SpaceStatus::Linked => "Files shared in the space are stored in this folder.",
        SpaceStatus::Archived => "The space is archived.",
        SpaceStatus::CallFailed => "A call failed.",
        SpaceStatus::LinkNotConfirmed => "Webex accepted the link but does not show it.",
        SpaceStatus::FolderNotConfirmed => {
            "Microsoft 365 accepted the folder or its name, but does not show it."
        }
        SpaceStatus::NotLeft => {
            "The service account joined the space to link the folder, and is still in it."
        }
        SpaceStatus::Untitled => "Webex does not show the space's title.",
        SpaceStatus::OwnerUnknown => "Webex does not show which organization owns the space.",
        SpaceStatus::NoName => {
            "Files or folders of other spaces have every name that the folder could have."
        }
        SpaceStatus::LeftTeam => "The space has left the team. Its folder and its link stay.",
        SpaceStatus::NotVisible => "The space was deleted or is not visible. Its folder stays.",
        SpaceStatus::OtherOrganization => "The space belongs to another organization.",
        SpaceStatus::OtherFolder => "The space is linked to a folder of another site.",
        SpaceStatus::Unlinked => "Someone removed the link. The folder stays.",
    }
}

/// Returns what to do about it; empty where nothing is needed.
pub fn status_remedy(status: SpaceStatus) -> &'static str {
    match status {
        SpaceStatus::New
        | SpaceStatus::CallFailed
        | SpaceStatus::LinkNotConfirmed
        | SpaceStatus::FolderNotConfirmed
        | SpaceStatus::NotLeft
        | SpaceStatus::Untitled
        | SpaceStatus::OwnerUnknown => "The next run tries again.",
        SpaceStatus::Linked | SpaceStatus::NotVisible => "",
        SpaceStatus::Archived => "It continues when the space is restored.",
        SpaceStatus::NoName => "Rename the item with the space's title in the group's library.",
        SpaceStatus::LeftTeam => "Move it back into the team, or link another folder in Webex.",
        SpaceStatus::OtherOrganization => "Such spaces are never linked.",
        SpaceStatus::OtherFolder => "Remove that link in Webex to use the group's site.",
        SpaceStatus::Unlinked => "“Link again” links it to its folder.",
    }
}
