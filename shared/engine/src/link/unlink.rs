//! The end of a link at an administrator's request.

use jiff::{SignedDuration, Timestamp};

use super::{Closing, Ended, LinkRow, LinkState, Phase, key, take_lease};
use crate::activity::{Activity, Note};
use crate::folders;
use crate::notify::{self, AlertKey};
use crate::safety::pending_approval;
use domain::ids::{DirectoryId, TeamId, TenantId};
use store::table::{Store, StoreError, from_item, never};

/// Duration of the lease for it.
const UNLINK_LEASE: SignedDuration = SignedDuration::from_secs(30);

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

/// Ends a link at the request of an administrator with the name `by`. Team and group stay.
pub async fn unlink(
    store: &dyn Store,
    tenant: TenantId,
    directory: DirectoryId,
    team: TeamId,
    by: String,
    now: Timestamp,
) -> Result<Unlinked, StoreError> {
    let Some(item) = store.get(&key(tenant, team)).await? else { return Ok(Unlinked::Gone) };
    if from_item::<LinkRow>(item)?.link.state() == LinkState::Ended {
        return Ok(Unlinked::Gone);
    }
    let until = now + UNLINK_LEASE;
    let Some((lease, row)) = take_lease(store, tenant, team, now, until).await? else {
        return Ok(Unlinked::Busy);
    };
    let closing = Closing { synced_at: now, ..Closing::unread(&row, never()) };
    let mut link = row.link;
    let mut writes = Activity::by_administrator(now, Note::LinkEnded { by }).puts(tenant, team)?;
    if let Some(group) = link.group() {
        writes.push(super::release(directory, group));
    }
    if let Some(plan) = pending_approval::load(store, tenant, team).await? {
        writes.extend(plan.deletes(tenant, team));
    }
    if link.folders_since.take().is_some() {
        // A folder run purges what is stored of its folders.
        writes.extend(folders::request_sync(tenant, team, &folders::FolderRequest::All, now)?);
    }
    let alerts = link.alerts.iter().map(|alert| AlertKey::Link(team, *alert));
    writes.extend(alerts.map(|alert| notify::withdraw(tenant, alert)));
    (link.phase, link.held, link.failure) = (Phase::Ended { why: Ended::Declined }, None, None);
    link.alerts.clear();
    match lease.give_back(store, tenant, &link, closing, writes, now).await {
        Ok(()) => Ok(Unlinked::Done),
        Err(StoreError::ConditionFailed) => Ok(Unlinked::Busy),
        Err(error) => Err(error),
    }
}
