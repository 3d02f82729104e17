//! Every sentence of these pages that is not in a template. Handlers pass codes and values.

pub(crate) mod activity;
pub(crate) mod adopt;
pub(crate) mod backfill;
pub(crate) mod decisions;
pub(crate) mod failures;
pub(crate) mod feedback;
pub(crate) mod folders;
pub(crate) mod people;
pub(crate) mod permissions;
pub(crate) mod prerequisites;
pub(crate) mod proofs;
pub(crate) mod receipt;
pub(crate) mod settings;
pub(crate) mod teams;
pub(crate) mod undo;

use engine::link::LinkCount;
use engine::people::PeopleCounts;
pub(crate) use engine::phrases::alerts::message as alert;
pub(crate) use engine::phrases::failures::suspension;
use jiff::Timestamp;

use crate::http::admin_role::AdminRole;

/// A number of people.
pub(crate) fn count_of_people(count: usize) -> String {
    if count == 1 { "1 person".into() } else { format!("{count} people") }
}

/// A number of links, which can be cut.
pub(crate) fn link_count(count: LinkCount) -> String {
    match count {
        LinkCount::Exactly(links) => links.to_string(),
        LinkCount::MoreThan(links) => format!("{links}+"),
    }
}

/// The number of excluded people.
pub(crate) fn excluded_of(counts: &PeopleCounts) -> String {
    format!("{} of {}", counts.people - counts.eligible, counts.people)
}

/// The sentence on each page about a role that changes nothing.
pub(crate) fn role_note(role: AdminRole) -> Option<&'static str> {
    match role {
        AdminRole::Full => None,
        AdminRole::ReadOnly => {
            Some("Your role is read-only administrator: you see everything and change nothing.")
        }
        AdminRole::Users => Some(
            "Your role is user administrator: you see people and activity, and change nothing.",
        ),
    }
}

/// The tile of excluded people.
pub(crate) const PEOPLE_EXCLUDED: &str = "People excluded";

/// Formats a time as pages show it.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
