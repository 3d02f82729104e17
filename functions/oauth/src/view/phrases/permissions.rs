//! The permissions that our app registrations ask a directory for.

use engine::credentials::registration::Registration;

/// A permission that the directory grants to the application itself.
pub(crate) struct Permission {
    /// The name in the token.
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// The actions that the permission allows.
    pub(crate) power: &'static str,
}

const GROUPS: [Permission; 3] = [
    Permission {
        name: "Group.ReadWrite.All",
        reason: "To create the group of a team, to keep its people, owners and name equal to the \
                 team's, and to restore it if it was deleted. To delete a group that was created \
                 for a team, only if you choose so in the settings or when you disconnect.",
        power: "Create and delete groups, and read and change every group of the directory: its \
                name, its people, its owners, and its content. Used only for groups that belong \
                to a team; content is never read or changed.",
    },
    Permission {
        name: "User.Read.All",
        reason: "To find out which person of the directory is which person in Webex, and to skip \
                 guests.",
        power: "Read the profiles of all people of the directory. It changes nothing.",
    },
    Permission {
        name: "GroupSettings.Read.All",
        reason: "To respect the directory's rules for groups: its naming policy, blocked words, \
                 and who may create groups.",
        power: "Read these settings. It changes nothing.",
    },
];

const FILES: [Permission; 1] = [Permission {
    name: "Files.ReadWrite.All",
    reason: "To make a folder for each space of a linked team in the site of the team's group, to \
             give it the space's new name, and to find it again after it was renamed or moved. \
             Microsoft has no lesser permission with which that can be done in sites created \
             automatically.",
    power: "Read, change and delete every file of the directory: in all sites, and in everyone's \
            OneDrive. Used only for the folders of spaces, in the sites of groups that belong to \
            a team. It opens no file and deletes none.",
}];

/// The permissions of a registration.
pub(crate) fn permissions(of: Registration) -> &'static [Permission] {
    match of {
        Registration::Groups => &GROUPS,
        Registration::Files => &FILES,
    }
}
