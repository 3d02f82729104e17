//! The end of a link at an administrator's request.

use super::{ACTION_LEASE, Begun, Ended, FollowUp, Link, LinkAction, Phase, released};
use crate::codes::Decision;
use crate::decision::Decider;
use crate::folders;
use crate::notify::{self, AlertKey};
use crate::safety::pending_approval;
use domain::ids::{DirectoryId, TeamId, TenantId};
use store::table::{Store, StoreError, never};

/// The outcome of ending a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// The link has ended.
    Done,
    /// A sync is under way: try again later.
    Busy,
    /// There is no such link, or it had ended before.
    Gone,
}

/// Ends a link. Team and group stay.
pub async fn unlink(
    store: &dyn Store,
    tenant: TenantId,
    directory: DirectoryId,
    team: TeamId,
    by: Decider<'_>,
) -> Result<Unlinked, StoreError> {
    let action = match LinkAction::begin(store, tenant, team, by.now, ACTION_LEASE).await? {
        Begun::Held(action) if !action.row.link.is_over() => action,
        Begun::Held(action) => return action.leave().await.map(|()| Unlinked::Gone),
        Begun::Busy => return Ok(Unlinked::Busy),
        Begun::Gone => return Ok(Unlinked::Gone),
    };
    let before = &action.row.link;
    // As declined, so that no later event gives the team a group again.
    let mut link = Link { phase: Phase::ended(Ended::Declined), ..before.clone() };
    // No admin can approve or mend anything of a link that has ended.
    (link.held, link.failure) = (None, None);
    let mut writes = by.of_team(tenant, team, Decision::LinkEnded)?;
    writes.extend(released(directory, before, &link));
    if let Some(plan) = pending_approval::load(store, tenant, team).await? {
        writes.extend(plan.deletes(tenant, team));
    }
    if link.folders_since.take().is_some() {
        // A folder run purges what is stored of its folders.
        writes.extend(folders::request_sync(tenant, team, &folders::FolderRequest::All, by.now)?);
    }
    let alerts = before.alerts.iter().map(|alert| AlertKey::Link(team, *alert));
    writes.extend(alerts.map(|alert| notify::withdraw(tenant, alert)));
    link.alerts.clear();
    match action.end(&link, FollowUp::At(never()), writes).await {
        Ok(()) => Ok(Unlinked::Done),
        Err(StoreError::ConditionFailed) => Ok(Unlinked::Busy),
        Err(error) => Err(error),
    }
}
