//! Roles of the apps in directories.

use std::collections::BTreeSet;

use domain::ids::{DirectoryId, ObjectId};

use super::directories;
use crate::state::State;
use crate::state::apps::{AppRegistration, DirectoryRole, Principal};
use crate::state::graph_settings::BeforeConsent;

/// Returns the roles of a token that is issued now; nothing if the consent is missing, or not yet
/// known.
pub(super) fn roles_in(
    state: &State,
    directory: DirectoryId,
    app: AppRegistration,
) -> Option<BTreeSet<String>> {
    let principal = state.microsoft.directories.get(&directory)?.apps.get(&app)?;
    if state.now < principal.settled {
        principal.before.clone()
    } else {
        Some(principal.roles.clone())
    }
}

pub(crate) fn give_directory_role(state: &mut State, user: ObjectId, role: DirectoryRole) {
    directories::change_user(state, user, |entry| {
        entry.roles.insert(role);
    });
}

/// Adds an app to a directory without roles, unless it is present.
pub(super) fn add_app(state: &mut State, app: AppRegistration, directory: DirectoryId) {
    let there = state
        .microsoft
        .directories
        .get(&directory)
        .is_some_and(|entry| entry.apps.contains_key(&app));
    if !there {
        set_roles(state, app, directory, BTreeSet::new());
    }
}

/// Sets the app's roles in the directory.
pub(crate) fn set_roles(
    state: &mut State,
    app: AppRegistration,
    directory: DirectoryId,
    roles: BTreeSet<String>,
) {
    let unheard = || match state.microsoft.settings.before_consent {
        BeforeConsent::AppUnknown => None,
        BeforeConsent::NoRoles => Some(BTreeSet::new()),
    };
    let before = roles_in(state, directory, app).or_else(unheard);
    let settled = state.now + state.microsoft.settings.consent_lag;
    if let Ok(directory) = directories::find_mut(state, directory) {
        directory.apps.insert(app, Principal { roles, before, settled });
    }
}
