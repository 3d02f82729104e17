//! Prerequisites in Microsoft 365, and those that only folders need.

use clients::graph::{GroupCreation, GroupSettings};

use super::{CONTROL_HUB, Check, Probe, Verdict};
use crate::http::page_id::Page;
use crate::view::phrases::folders::FoldersState;

const ENTRA: &str = "https://entra.microsoft.com";

const GROUPS: &str = "Microsoft 365 groups";
const CONSENT: &str = "Consent";
const CONSENT_TO_FILES: &str = "Consent to files";
const CHECKED_LATER: &str = "This can be checked once a directory is connected.";

/// The cloud that Microsoft's sign-in belongs to.
pub(crate) fn cloud(login: &str) -> Check {
    let title = "Microsoft cloud";
    // Webex documents its integration for this cloud only.
    if login.contains("login.microsoftonline.com") {
        let text = "Worldwide (Global), the one that Webex works with.";
        return Check::new(title, Verdict::Met, text);
    }
    Check::new(title, Verdict::Unknown, format!("This service signs in at {login}."))
}

pub(crate) fn groups_later() -> Check {
    Check::new(GROUPS, Verdict::Later, CHECKED_LATER)
}

pub(crate) fn consent_lost(directory: &str) -> Check {
    let text = format!("{directory} no longer gives this application a token.");
    Check::new(CONSENT, Verdict::NotMet, text)
        .more("Authorize it again; nothing is lost by that.")
        .link("Enterprise applications in Entra", ENTRA)
}

pub(crate) fn consent_unknown() -> Check {
    let text = "The directory's consent could not be checked. Try again in a minute.";
    Check::new(CONSENT, Verdict::Unknown, text)
}

pub(crate) fn consent(directory: &str) -> Check {
    Check::new(CONSENT, Verdict::Met, format!("{directory} grants Microsoft 365 access."))
}

/// The directory's settings for groups could not be read.
pub(crate) fn groups_unread(probe: Probe) -> Check {
    match probe {
        Probe::Refused => Check::new(
            GROUPS,
            Verdict::NotMet,
            "Microsoft does not let this application read the directory's settings for groups: a \
             permission is missing.",
        )
        .link("Enterprise applications in Entra", ENTRA),
        _ => Check::new(GROUPS, Verdict::Unknown, "Microsoft did not answer."),
    }
}

pub(crate) fn groups(settings: &GroupSettings) -> Check {
    let check = Check::new(GROUPS, Verdict::Met, "Groups can be read and made.");
    let check = match &settings.naming_requirement {
        Some(policy) => {
            check.more(format!("Naming policy: {policy}. Groups get it; teams keep the bare name."))
        }
        None => check.more("Naming policy: none."),
    };
    match settings.blocked_words.len() {
        0 => check.more("Blocked words: none."),
        n => check.more(format!(
            "Blocked words: {n}. A team whose name has one gets its group under a name that is \
             accepted."
        )),
    }
}

pub(crate) fn group_creation(creation: &GroupCreation) -> Check {
    let title = "Who may create groups";
    match creation {
        GroupCreation::Allowed => Check::new(title, Verdict::Met, "Everyone may."),
        GroupCreation::Restricted => Check::new(
            title,
            Verdict::NotMet,
            "The directory lets only some people create groups (EnableGroupCreation is false). \
             This is honoured: new teams get no group automatically.",
        )
        .more("Select teams yourself, or allow creation in the directory's settings for groups.")
        .link("Settings for groups in Entra", ENTRA),
    }
}

pub(crate) fn linked_folders() -> Check {
    let text = "This can't be checked through Webex's API. In Control Hub, under Messaging, \
                Content management, Edit settings: Microsoft has to be chosen, with linked \
                folders on.";
    Check::new("Linked folders", Verdict::Unknown, text)
        .more(
            "Enter the directory's name there, too: then no one links a folder of another \
             directory. A change takes up to a day to be seen in Webex.",
        )
        .link("See content management in Control Hub", CONTROL_HUB)
}

const ACCOUNT_IN_TEAMS: &str = "Account inside the teams";

pub(crate) fn account_is_member() -> Check {
    Check::new(ACCOUNT_IN_TEAMS, Verdict::Met, "It can join a space to link its folder.")
}

pub(crate) fn account_is_observer() -> Check {
    Check::new(ACCOUNT_IN_TEAMS, Verdict::Open, FoldersState::Observer.line())
        .link("Change the account's visibility", format!("{}#account_mode", Page::Settings))
}

pub(crate) fn files_later() -> Check {
    Check::new(CONSENT_TO_FILES, Verdict::Later, CHECKED_LATER)
}

pub(crate) fn files_not_granted() -> Check {
    Check::new(CONSENT_TO_FILES, Verdict::Open, FoldersState::NoConsent.line())
        .link("Read what is asked for", Page::Folders.path())
}

/// The directory's consent to files, as Microsoft showed it just now.
pub(crate) fn files(directory: &str, probe: Probe) -> Check {
    match probe {
        Probe::Accepted => {
            let text = format!("{directory} lets this application access files.");
            Check::new(CONSENT_TO_FILES, Verdict::Met, text)
        }
        Probe::Refused => {
            let text = format!("{directory} no longer lets this application access files.");
            Check::new(CONSENT_TO_FILES, Verdict::NotMet, text)
                .more("Authorize it again; nothing is lost by that. People and names still sync.")
                .link("Authorize it again", Page::Folders.path())
        }
        Probe::Failed => {
            Check::new(CONSENT_TO_FILES, Verdict::Unknown, "Microsoft did not answer.")
        }
    }
}
