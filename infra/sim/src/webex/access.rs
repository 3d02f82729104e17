//! Access to spaces: who sees one, and who may change its members.

use domain::ids::{OrgId, RoomId};

use super::{Caller, error, not_found};
use crate::record::Service;
use crate::state::State;
use crate::state::webex::{AdminRole, MembershipRole};
use crate::wire::Response;

/// Access of a caller to a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpaceAccess {
    /// Is in it.
    Participant(MembershipRole),
    /// Is in its team, but not in it.
    TeamMember,
    /// Compliance officer of the organization that owns it.
    ComplianceOfficer,
}

/// Scopes that give access to a space.
pub(super) struct Scopes {
    /// Scope for spaces that the caller is in.
    pub(super) own: &'static str,
    /// Scope for all spaces of the organization.
    pub(super) compliance: &'static str,
}

pub(super) const MANAGE: Scopes =
    Scopes { own: "spark:memberships_write", compliance: "spark-compliance:memberships_write" };

/// Returns the caller's access to a space. A space out of sight is 404, a missing scope 403.
pub(super) fn access(
    state: &State,
    caller: &Caller,
    room: RoomId,
    scopes: &Scopes,
) -> Result<SpaceAccess, Response> {
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    let is_compliance_officer = state.webex.has_role(caller.person, AdminRole::ComplianceOfficer)
        && entry.owner == caller.org
        && caller.has(scopes.compliance);
    let is_in_team = || {
        let team = entry.team.and_then(|team| state.webex.rooms.get(&team.general_space()));
        team.is_some_and(|general| general.has(caller.person))
    };
    let has_scope = caller.has(scopes.own);
    match entry.memberships.get(&caller.person) {
        Some(membership) if has_scope => Ok(SpaceAccess::Participant(membership.role)),
        Some(_) if !is_compliance_officer => {
            Err(error(403, &format!("The access token lacks the scope {}.", scopes.own)))
        }
        _ if is_compliance_officer => Ok(SpaceAccess::ComplianceOfficer),
        _ if is_in_team() && has_scope => Ok(SpaceAccess::TeamMember),
        _ => Err(not_found()),
    }
}

/// Refuses a caller who may not change the members of a space.
pub(super) fn require_manager(
    state: &mut State,
    caller: &Caller,
    room: RoomId,
) -> Result<SpaceAccess, Response> {
    let is_foreign = state
        .webex
        .rooms
        .get(&room)
        .is_some_and(|entry| entry.owner != caller.org && !entry.has(caller.person));
    if is_foreign {
        let id = state.webex.room_id(room);
        state.record_other_tenant(Service::Webex, id);
    }
    let access = access(state, caller, room, &MANAGE)?;
    let entry = state.webex.rooms.get(&room).ok_or_else(not_found)?;
    if entry.archived {
        return Err(error(403, "The space is archived."));
    }
    match access {
        SpaceAccess::Participant(MembershipRole::Member) if entry.is_moderated() => {
            Err(error(403, "Only a moderator can change who is in this space."))
        }
        SpaceAccess::TeamMember => Err(error(403, "You are not in this space.")),
        access => Ok(access),
    }
}

/// Records a violation if another organization exists with this id.
pub(super) fn record_foreign_org(state: &mut State, org: OrgId, path: &str) {
    if state.webex.orgs.contains_key(&org) {
        state.record_other_tenant(Service::Webex, path.into());
    }
}
