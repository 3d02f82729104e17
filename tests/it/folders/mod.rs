//! Folders: each space of a team has its folder in the group's site.

mod creation;
mod exceptions;
mod repair;

use domain::ids::TeamId;
use sim::{Call, Service};

use crate::support::TwoTenants;

pub(crate) fn is_sharepoint_call(call: &Call) -> bool {
    call.service == Service::Graph
        && (call.path.starts_with("/v1.0/drives") || call.path.contains("/drive?"))
}

/// Asserts that people are in sync and no message is dead.
fn assert_people_in_sync(env: &TwoTenants, team: TeamId) {
    env.assert_in_sync(team);
}
