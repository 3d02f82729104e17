//! Directories, found by id or by what is in them.

use domain::ids::{DirectoryId, GroupId, ObjectId};

use super::{missing, registration, replicas};
use crate::generate::slug;
use crate::state::State;
use crate::state::apps::AppRegistration;
use crate::state::groups::Facts;
use crate::state::microsoft::{Directory, UserEntry};
use crate::wire::Response;

pub(crate) fn of_group(state: &State, group: GroupId) -> Option<DirectoryId> {
    let found =
        state.microsoft.directories.iter().find(|(_, entry)| entry.groups.contains_key(&group));
    found.map(|(id, _)| *id)
}

pub(crate) fn of_user(state: &State, user: ObjectId) -> Option<DirectoryId> {
    let found =
        state.microsoft.directories.iter().find(|(_, entry)| entry.users.contains_key(&user));
    found.map(|(id, _)| *id)
}

pub(crate) fn change_group(state: &mut State, group: GroupId, change: impl FnOnce(&mut Facts)) {
    if let Some(directory) = of_group(state, group) {
        replicas::write_group(state, directory, group, change);
    }
}

pub(crate) fn change_user(state: &mut State, user: ObjectId, change: impl FnOnce(&mut UserEntry)) {
    let mut entries = state.microsoft.directories.values_mut();
    if let Some(entry) = entries.find_map(|directory| directory.users.get_mut(&user)) {
        change(entry);
    }
}

/// Adds a directory in which the app for groups is consented with these roles.
pub(crate) fn add(state: &mut State, name: &str, roles: &[&str]) -> DirectoryId {
    let id = DirectoryId(state.uuid());
    let directory = Directory::new(name, format!("{}.example", slug(name).replace('.', "-")));
    state.microsoft.directories.insert(id, directory);
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    registration::set_roles(state, AppRegistration::Groups, id, roles);
    id
}

pub(super) fn find(state: &State, id: DirectoryId) -> Result<&Directory, Response> {
    state.microsoft.directories.get(&id).ok_or_else(|| missing(id))
}

pub(crate) fn find_mut(state: &mut State, id: DirectoryId) -> Result<&mut Directory, Response> {
    state.microsoft.directories.get_mut(&id).ok_or_else(|| missing(id))
}
