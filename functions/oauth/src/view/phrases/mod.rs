//! Every sentence of these pages that is not in a template. Handlers pass codes and values.

pub(crate) mod activity;
pub(crate) mod adopt;
pub(crate) mod backfill;
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

pub(crate) use engine::phrases::alerts::message as alert;
pub(crate) use engine::phrases::failures::suspension;
use jiff::Timestamp;

/// A number of people.
pub(crate) fn count_of_people(count: usize) -> String {
    if count == 1 { "1 person".into() } else { format!("{count} people") }
}

/// Formats a time as pages show it.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
