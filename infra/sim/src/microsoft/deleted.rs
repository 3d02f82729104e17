//! Deletion that can be undone: soft-deleted groups for 30 days, and the expiration policy.

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::SignedDuration;
use serde_json::Value;

use super::{
    App, READ_GROUPS, WRITE_GROUPS, delta, directories, groups, missing, record_foreign_access,
    replicas, selected,
};
use crate::state::State;
use crate::state::groups::Relation;
use crate::wire::{Outcome, Request, Response};

const RESTORABLE: SignedDuration = SignedDuration::from_hours(30 * 24);
const DEFAULT: [&str; 10] = [
    "id",
    "deletedDateTime",
    "displayName",
    "description",
    "groupTypes",
    "mail",
    "mailEnabled",
    "mailNickname",
    "securityEnabled",
    "visibility",
];

fn find(state: &mut State, app: &App, id: &str) -> Result<GroupId, Response> {
    let group = GroupId(id.parse().map_err(|_| missing(id))?);
    let deleted =
        replicas::facts(state, app.directory, group).is_ok_and(|facts| facts.deleted.is_some());
    if deleted {
        return Ok(group);
    }
    if !directories::find(state, app.directory)?.groups.contains_key(&group) {
        record_foreign_access(state, app, group.0);
    }
    Err(missing(id))
}

fn json(state: &State, app: &App, group: GroupId, call: &Request) -> Result<Value, Response> {
    let facts = replicas::facts(state, app.directory, group)?;
    let mut shown = selected(groups::json(state, app, group, facts), call, &DEFAULT);
    shown["@odata.type"] = "#microsoft.graph.group".into();
    Ok(shown)
}

pub(super) fn list(state: &mut State, app: &App, call: &Request) -> Outcome {
    app.require(READ_GROUPS)?;
    let groups = directories::find(state, app.directory)?.groups.iter();
    let deleted = groups.filter(|(_, entry)| entry.truth().deleted.is_some()).map(|(id, _)| *id);
    let items = deleted
        .map(|id| Ok((id.0, json(state, app, id, call)?)))
        .collect::<Result<_, Response>>()?;
    groups::listing(state, call, items, 0, "groups")
}

pub(super) fn get(state: &mut State, app: &App, id: &str, call: &Request) -> Outcome {
    app.require(READ_GROUPS)?;
    let group = find(state, app, id)?;
    Ok(Response::ok(json(state, app, group, call)?))
}

pub(super) fn restore(state: &mut State, app: &App, id: &str, call: &Request) -> Outcome {
    app.require(WRITE_GROUPS)?;
    let group = find(state, app, id)?;
    restore_group(state, app.directory, group);
    Ok(Response::ok(json(state, app, group, call)?))
}

/// Restores a group, with a new lifetime.
pub(crate) fn restore_group(state: &mut State, directory: DirectoryId, group: GroupId) {
    let now = state.now;
    replicas::write_group(state, directory, group, |facts| {
        facts.deleted = None;
        facts.renewed = now;
    });
}

pub(super) fn purge(state: &mut State, app: &App, id: &str) -> Outcome {
    app.require(WRITE_GROUPS)?;
    let group = find(state, app, id)?;
    purge_group(state, app.directory, group);
    Ok(Response::empty(204))
}

fn purge_group(state: &mut State, directory: DirectoryId, group: GroupId) {
    let facts = replicas::facts(state, directory, group).ok().cloned();
    if let Some(facts) = facts {
        delta::log_change(state, directory, group, Some(&facts), None);
    }
    if let Some(entry) = state.microsoft.directories.get_mut(&directory) {
        entry.groups.remove(&group);
    }
}

/// Deletes groups by the expiration policy, and purges those that were deleted 30 days ago. Every
/// call passes here, so it works once a minute.
pub(crate) fn expire_groups(state: &mut State) {
    let now = state.now;
    if state.microsoft.swept.is_some_and(|swept| now < swept + SignedDuration::from_mins(1)) {
        return;
    }
    state.microsoft.swept = Some(now);
    let mut ended = Vec::new();
    for (directory, entry) in &state.microsoft.directories {
        for (group, versions) in &entry.groups {
            let facts = versions.truth();
            match (facts.deleted, entry.lifetime) {
                (Some(deleted), _) if deleted + RESTORABLE <= now => {
                    ended.push((*directory, *group, None))
                }
                // The policy deletes a group one day after its expiration.
                (None, Some(lifetime))
                    if facts.renewed + lifetime + SignedDuration::from_hours(24) <= now =>
                {
                    ended.push((*directory, *group, Some(now)));
                }
                _ => {}
            }
        }
    }
    for (directory, group, deleted) in ended {
        match deleted {
            Some(now) => {
                replicas::write_group(state, directory, group, |facts| facts.deleted = Some(now))
            }
            None => purge_group(state, directory, group),
        }
    }
}

/// Deletes a user, who leaves every group at once. A group may lose its last owner by that.
pub(crate) fn remove_user(state: &mut State, directory: DirectoryId, user: ObjectId) {
    let Ok(entry) = directories::find(state, directory) else {
        return;
    };
    let mut former_groups = Vec::new();
    for (group, versions) in &entry.groups {
        for relation in [Relation::Members, Relation::Owners] {
            if versions.truth().people(relation).contains(&user) {
                former_groups.push((*group, relation));
            }
        }
    }
    for (group, relation) in &former_groups {
        replicas::write_group(state, directory, *group, |facts| {
            facts.people_mut(*relation).remove(&user);
        });
    }
    let now = state.now;
    let entry = state
        .microsoft
        .directories
        .get_mut(&directory)
        .and_then(|entry| entry.users.get_mut(&user));
    if let Some(entry) = entry {
        (entry.deleted, entry.former_groups) = (Some(now), former_groups);
    }
}

/// Restores a user, who returns to the groups that still exist.
pub(crate) fn restore_user(state: &mut State, directory: DirectoryId, user: ObjectId) {
    let entry = state
        .microsoft
        .directories
        .get_mut(&directory)
        .and_then(|entry| entry.users.get_mut(&user));
    let Some(entry) = entry else { return };
    entry.deleted = None;
    for (group, relation) in std::mem::take(&mut entry.former_groups) {
        replicas::write_group(state, directory, group, |facts| {
            facts.people_mut(relation).insert(user);
        });
    }
}
