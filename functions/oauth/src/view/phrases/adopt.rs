//! The adoption of an existing group in words.

use domain::membership::Side;
use engine::adopt::{AdoptionBlocker, AdoptionPreview};
use engine::link::Who;
use engine::preview::Rename;
use engine::tenant::settings::{NameSync, Settings};

/// Replaces the names of people.
pub(crate) const NAMES_NEED_PROOF: &str = "Who they are is shown once an owner of the group, or an \
                                           administrator of the directory, has signed in with \
                                           Microsoft below.";

pub(crate) const ADDED_TO_TEAM: &str = "Added to the Webex team";
pub(crate) const ADDED_TO_GROUP: &str = "Added to the Microsoft 365 group";
pub(crate) const ROLES_CHANGED: &str = "Roles that change";

/// The reason why a group cannot be adopted.
pub(crate) fn blocker(blocker: &AdoptionBlocker) -> &'static str {
    blocker.words()
}

/// The side that an excluded person is on.
pub(crate) fn side_of(who: Who) -> &'static str {
    match who {
        Who::Webex(_) => "The team",
        Who::Entra(_) => "The group",
        Who::Person(_) => "Either side",
    }
}

/// The name that stays, and the reason.
pub(crate) fn names(settings: &Settings, union: &AdoptionPreview) -> String {
    let (title, group) = (&union.title, &union.group.display_name);
    let last_word = match settings.last_word {
        Side::Team => "in your settings Webex has the last word.",
        Side::Group => "in your settings Microsoft 365 has the last word.",
    };
    match &union.preview.rename {
        Some(Rename { side: Side::Team, from, to }) => {
            format!("The team “{from}” is renamed to “{to}”: {last_word}")
        }
        Some(Rename { side: Side::Group, from, to }) => {
            format!("The group “{from}” is renamed to “{to}”: {last_word}")
        }
        None if title == group => format!("Both are called “{title}”."),
        None if settings.names == NameSync::No => format!(
            "The team stays “{title}” and the group “{group}”: your settings do not sync names."
        ),
        None => format!(
            "The team stays “{title}” and the group “{group}”, until one of them is renamed."
        ),
    }
}
