//! Decisions in words, with the people and settings that they name.

use std::collections::BTreeSet;

use domain::membership::{Person, Side};
use domain::merge::PersonRemoval;
use engine::activity::{Activity, Actor, DecidedRoles, Decision, Note};
use engine::link::Who;
use engine::phrases::decisions::{actor, decision};
use engine::tenant::settings::Settings;
use serde::Deserialize;

use crate::view::names::DisplayNames;
use crate::view::phrases::activity::{CHANGES_SHOWN, note, planned_removal, role_line, trigger};
use crate::view::phrases::settings::differences;

/// The actor of an entry, or its trigger.
pub(crate) fn cause(activity: &Activity) -> String {
    match &activity.actor {
        Some(by) => actor(by).to_owned(),
        None => trigger(activity.trigger).to_owned(),
    }
}

/// The people that a decision names.
fn decided_people(decision: &Decision) -> Vec<Person> {
    match decision {
        Decision::RemovalsApproved { removals, .. }
        | Decision::RemovalsRejected { removals, .. } => {
            removals.iter().map(|removal| removal.person).collect()
        }
        Decision::RolesDecided { people, .. } => people.iter().map(|one| one.person).collect(),
        Decision::PersonConfirmed { pair, .. } | Decision::ConfirmationRevoked { pair } => {
            vec![*pair]
        }
        Decision::ExternalIdsWritten { people, .. } => people.clone(),
        _ => vec![],
    }
}

/// The decision of an entry, if it is one.
pub(crate) fn decision_of(activity: &Activity) -> Option<&Decision> {
    activity.notes.iter().find_map(|note| match note {
        Note::Decided { decision } => Some(&**decision),
        _ => None,
    })
}

/// All people that an entry names.
pub(crate) fn people_of(activity: &Activity) -> BTreeSet<Who> {
    let changed = activity.changes.iter().map(|change| change.person);
    let decided = decision_of(activity).map(decided_people).unwrap_or_default();
    changed.chain(decided).map(Who::Person).collect()
}

/// The sentences of a note, with the names of the people.
pub(crate) fn note_lines(one: &Note, names: &DisplayNames) -> Vec<String> {
    let Note::Decided { decision: decided } = one else { return vec![note(one)] };
    let mut lines = vec![decision(decided)];
    let (details, total) = match &**decided {
        Decision::SettingsChanged { from, to } => (setting_lines(from, to), 0),
        Decision::RemovalsApproved { removals, total }
        | Decision::RemovalsRejected { removals, total } => {
            (removals.iter().map(|one| removal_line(one, names)).collect(), *total)
        }
        Decision::RolesDecided { people, total } => {
            (people.iter().flat_map(|one| role_lines(one, names)).collect(), *total)
        }
        Decision::ExternalIdsWritten { people, total } => {
            (people.iter().map(|one| account_line(*one, names)).collect(), *total)
        }
        _ => (vec![], 0),
    };
    let shown = details.len().min(CHANGES_SHOWN);
    // A decision names at most so many people, and counts all.
    let further = total.max(details.len()) - shown;
    lines.extend(details.into_iter().take(CHANGES_SHOWN));
    if further > 0 {
        lines.push(format!("and {further} more"));
    }
    lines
}

fn removal_line(removal: &PersonRemoval, names: &DisplayNames) -> String {
    planned_removal(removal.side, &names.name(removal.person))
}

fn account_line(pair: Person, names: &DisplayNames) -> String {
    format!("{}: none → {}", names.name(pair), pair.object)
}

fn role_lines(one: &DecidedRoles, names: &DisplayNames) -> Vec<String> {
    let name = names.name(one.person);
    // A role that stays would look like a change.
    let changed = Side::BOTH.into_iter().filter(|side| one.from[*side] != one.to[*side]);
    changed.map(|side| role_line(side, one.from[side], one.to[side], &name)).collect()
}

/// Both values hold only what differs, so all other settings are the defaults on both sides.
fn setting_lines(from: &serde_json::Value, to: &serde_json::Value) -> Vec<String> {
    let settings = |values: &serde_json::Value| Settings::deserialize(values).ok();
    let (Some(from), Some(to)) = (settings(from), settings(to)) else { return vec![] };
    let changed = differences(&from, &to).into_iter();
    changed.map(|one| format!("{}: {} → {}", one.label, one.stored, one.requested)).collect()
}

/// The cells of the file about an actor: name, account, organization, address, Microsoft user.
pub(crate) fn actor_cells(by: Option<&Actor>) -> [String; 5] {
    let Some(by) = by else { return Default::default() };
    let admin = by.admin();
    [
        actor(by).to_owned(),
        by.person().map(|person| person.to_string()).unwrap_or_default(),
        admin.map(|admin| admin.organization.to_string()).unwrap_or_default(),
        admin.map(|admin| admin.address.clone()).unwrap_or_default(),
        by.microsoft().map(|user| format!("{} ({})", user.name, user.user)).unwrap_or_default(),
    ]
}
