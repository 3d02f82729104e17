//! The reasons why differences between a team and its group are open, and until when.

use domain::membership::{Aspect, Role, Side, Sides};
use domain::merge::{DeferredBy, GroupName, LAG_WINDOW, NameState, PersonState};
use engine::phrases::{differences, failures};
use jiff::Timestamp;
use serde::Serialize;

use super::comparison::Comparison;

/// Differences that are open for the same reason.
#[derive(Serialize)]
pub(super) struct OpenView {
    /// The people; none for the name.
    names: Vec<String>,
    #[serde(flatten)]
    reason: Reason,
}

/// The reason of a difference.
#[derive(Serialize, PartialEq, Eq)]
struct Reason {
    why: String,
    /// The time until which it is open at least.
    until: Option<Timestamp>,
    outlook: Outlook,
}

/// The end of a difference.
#[derive(Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Outlook {
    /// It ends automatically.
    Passes,
    /// It stays until a person does something.
    Stays,
}

impl OpenView {
    /// The number of differences that stay until a person does something.
    pub(super) fn staying(open: &[Self]) -> usize {
        let stays = open.iter().filter(|one| one.reason.outlook == Outlook::Stays);
        stays.map(|one| one.names.len().max(1)).sum()
    }
}

/// The reasons of all differences that have one.
pub(super) fn open(
    comparison: &Comparison<'_>,
    names: Option<&NameState>,
    now: Timestamp,
) -> Vec<OpenView> {
    let mut found: Vec<OpenView> = Vec::new();
    for (account, roles) in comparison.differing_people() {
        let Some(reason) =
            comparison.state_of(account).and_then(|state| of_person(state, roles, now))
        else {
            continue;
        };
        match found.iter_mut().find(|known| known.reason == reason) {
            Some(known) => known.names.push(account.name.clone()),
            None => found.push(OpenView { names: vec![account.name.clone()], reason }),
        }
    }
    let name = comparison.differing_name().zip(names);
    let name = name.and_then(|(shown, names)| of_name(names, shown, now));
    found.extend(name.map(|reason| OpenView { names: vec![], reason }));
    found
}

fn of_person(state: &PersonState, roles: Sides<Role>, now: Timestamp) -> Option<Reason> {
    if let Some(failure) = state.failure(now) {
        return Some(stays(failures::person_failure(&failure)));
    }
    let deferred = [&state.deferred.presence, &state.deferred.ownership];
    if let Some(deferred) = deferred.into_iter().flatten().next() {
        let why = differences::deferred(deferred.side, &deferred.by);
        // Only a lost write is made again without a person's or an administrator's act.
        return Some(match deferred.by {
            DeferredBy::Lost { .. } => passes(why, state.check_at(now)),
            DeferredBy::Rule { .. } | DeferredBy::Service { .. } => stays(why),
        });
    }
    if let Some(until) = believed_at(state, roles.group, now) {
        return Some(passes(differences::LATE_READING.into(), Some(until)));
    }
    if let Some(side) = Side::BOTH.into_iter().find(|side| state.absent_since(*side).is_some()) {
        return Some(passes(differences::missing(side), state.check_at(now)));
    }
    state.unanswered.map(|one| passes(differences::NO_ANSWER.into(), Some(one.next)))
}

/// The time at which a role in the group counts that differs from the one of the lag window.
fn believed_at(state: &PersonState, role: Role, now: Timestamp) -> Option<Timestamp> {
    let contradicts = |aspect: &Aspect| {
        state.lag[*aspect].is_some_and(|lag| lag.is_active(now) && lag.value != role.says(*aspect))
    };
    let since = Aspect::BOTH.into_iter().filter(contradicts);
    since.filter_map(|aspect| Some(after_window(state.lag[aspect]?.at))).max()
}

fn of_name(names: &NameState, shown: &str, now: Timestamp) -> Option<Reason> {
    if let Some(deferred) = &names.deferred {
        return Some(stays(differences::rename(deferred)));
    }
    let former = names.former.as_ref().filter(|former| former.names.contains(shown));
    let replaced = match &names.group {
        GroupName::Ours(ours) if ours.before.contains(shown) => Some(ours.at),
        _ => None,
    };
    let until = former.map(|former| former.at).max(replaced).map(after_window);
    let until = until.filter(|until| *until > now)?;
    Some(passes(differences::LATE_READING.into(), Some(until)))
}

fn after_window(at: Timestamp) -> Timestamp {
    at.checked_add(LAG_WINDOW).unwrap_or(Timestamp::MAX)
}

fn stays(why: String) -> Reason {
    Reason { why, until: None, outlook: Outlook::Stays }
}

fn passes(why: String, until: Option<Timestamp>) -> Reason {
    Reason { why, until, outlook: Outlook::Passes }
}
