//! Reads and writes of groups through three replicas, each with its own lag.

use domain::ids::{DirectoryId, GroupId};
use jiff::Timestamp;

use super::{App, delta, directories, drives, missing, record_foreign_access};
use crate::state::State;
use crate::state::groups::{Facts, GroupEntry, REPLICAS};
use crate::wire::Response;

fn lags(state: &mut State, most: std::time::Duration) -> [Timestamp; REPLICAS] {
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let now = state.now;
    std::array::from_fn(|_| now + std::time::Duration::from_millis(state.rng.u64(0..=most)))
}

pub(super) fn any_replica(state: &mut State) -> usize {
    state.rng.usize(0..REPLICAS)
}

pub(crate) fn insert_group(state: &mut State, directory: DirectoryId, id: GroupId, facts: Facts) {
    let settings = &state.microsoft.settings;
    let shown = lags(state, settings.replica_lag.max(settings.new_group_lag));
    delta::log_change(state, directory, id, None, Some(&facts));
    drives::add(state, directory, id, &facts);
    welcome(state, directory, &facts, facts.members.len());
    if let Some(entry) = state.microsoft.directories.get_mut(&directory) {
        entry.groups.insert(id, GroupEntry::new(facts, shown));
    }
}

/// Changes a group. A change without effect is not logged.
pub(crate) fn write_group(
    state: &mut State,
    directory: DirectoryId,
    id: GroupId,
    change: impl FnOnce(&mut Facts),
) {
    let entry = state.microsoft.directories.get(&directory).and_then(|entry| entry.groups.get(&id));
    let Some(before) = entry.map(|entry| entry.truth().clone()) else {
        return;
    };
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return;
    }
    let shown = lags(state, state.microsoft.settings.replica_lag);
    delta::log_change(state, directory, id, Some(&before), Some(&after));
    welcome(state, directory, &after, after.members.difference(&before.members).count());
    let (now, index_lag) = (state.now, state.microsoft.settings.index_lag);
    let entry =
        state.microsoft.directories.get_mut(&directory).and_then(|entry| entry.groups.get_mut(&id));
    if let Some(entry) = entry {
        entry.push(after, shown, index_lag, now);
    }
}

/// Counts the mails to added people, unless the group was created with `WelcomeEmailDisabled`.
fn welcome(state: &mut State, directory: DirectoryId, facts: &Facts, people: usize) {
    if let Some(entry) = state.microsoft.directories.get_mut(&directory)
        && !facts.behavior.iter().any(|option| option == "WelcomeEmailDisabled")
    {
        entry.welcome_mails += people;
    }
}

/// Returns the group as a random replica shows it.
pub(super) fn seen_group<'s>(
    state: &'s mut State,
    app: &App,
    id: &str,
) -> Result<(GroupId, &'s Facts), Response> {
    let replica = any_replica(state);
    seen_on(state, app, id, replica)
}

pub(super) fn seen_on<'s>(
    state: &'s mut State,
    app: &App,
    id: &str,
    replica: usize,
) -> Result<(GroupId, &'s Facts), Response> {
    seen_at(state, app, id, replica, state.now)
}

/// Returns the group as a replica showed it at that moment.
pub(super) fn seen_at<'s>(
    state: &'s mut State,
    app: &App,
    id: &str,
    replica: usize,
    at: Timestamp,
) -> Result<(GroupId, &'s Facts), Response> {
    let group = GroupId(id.parse().map_err(|_| missing(id))?);
    if !directories::find(state, app.directory)?.groups.contains_key(&group) {
        record_foreign_access(state, app, group.0);
    }
    let entry =
        directories::find(state, app.directory)?.groups.get(&group).ok_or_else(|| missing(id))?;
    let seen = entry.seen(replica, at).filter(|facts| facts.deleted.is_none());
    Ok((group, seen.ok_or_else(|| missing(id))?))
}

/// Finds a group for a write. A random replica has to know it, else the error is `not_replicated`.
pub(super) fn group_to_write(
    state: &mut State,
    app: &App,
    id: &str,
    not_replicated: Response,
) -> Result<GroupId, Response> {
    let replica = any_replica(state);
    let group = GroupId(id.parse().map_err(|_| missing(id))?);
    if !directories::find(state, app.directory)?.groups.contains_key(&group) {
        record_foreign_access(state, app, group.0);
    }
    let now = state.now;
    let entry =
        directories::find(state, app.directory)?.groups.get(&group).ok_or_else(|| missing(id))?;
    if entry.truth().deleted.is_some() {
        return Err(missing(id));
    }
    entry.seen(replica, now).map(|_| group).ok_or(not_replicated)
}

pub(crate) fn facts(
    state: &State,
    directory: DirectoryId,
    group: GroupId,
) -> Result<&Facts, Response> {
    let entry = directories::find(state, directory)?.groups.get(&group);
    entry.map(GroupEntry::truth).ok_or_else(|| missing(group))
}
