//! Ending a link at an administrator's wish.

use jiff::{SignedDuration, Timestamp};

use super::{Closing, Ended, Kept, Phase, State, key, take_lease};
use crate::activity::Activity;
use crate::folders;
use crate::notify::{self, Matter};
use crate::safety::pending_approval;
use domain::ids::{DirectoryId, TeamId, TenantId};
use store::message::Cause;
use store::table::{Store, StoreError, from_item};

/// For how long the link is held for it.
const ENDS_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// What became of ending a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// It is over.
    Over,
    /// A look is under way: try again when it is through.
    Busy,
    /// There is no such link, or it was over before.
    Gone,
}

/// Ends a link at an administrator's wish: team and group stay as they are. `words` are kept as what was done.
pub async fn unlink(
    store: &dyn Store,
    (tenant, directory): (TenantId, DirectoryId),
    team: TeamId,
    words: String,
    now: Timestamp,
) -> Result<Unlinked, StoreError> {
    let Some(item) = store.get(&key(tenant, team)).await? else { return Ok(Unlinked::Gone) };
    if from_item::<Kept>(item)?.link.state() == State::Ended {
        return Ok(Unlinked::Gone);
    }
    let Some((lease, kept)) = take_lease(store, tenant, team, now, now + ENDS_WITHIN).await? else {
        return Ok(Unlinked::Busy);
    };
    let mut link = kept.link;
    let activity = Activity { notes: vec![words], ..Activity::new(now, Cause::Administrator) };
    let mut writes = activity.puts(tenant, team)?;
    if let Some(group) = link.group() {
        writes.push(super::release(directory, group));
    }
    if let Some(plan) = pending_approval::load(store, tenant, team).await? {
        writes.extend(plan.deletes(tenant, team));
    }
    if link.folders_since.take().is_some() {
        // A look of their own forgets what is known of its folders.
        writes.extend(folders::want(tenant, team, &folders::Wish::Everything, now)?);
    }
    writes.extend(link.notices.iter().map(|notice| notify::withdraw(tenant, Matter::Link(team, *notice))));
    (link.phase, link.held, link.trouble) = (Phase::Ended { why: Ended::NotWanted }, None, None);
    link.notices.clear();
    let closing =
        Closing { looked: now, wanted: kept.wanted, hinted: kept.hinted, next_look: super::never(), delayed: None };
    match lease.give_back(store, (tenant, &link), closing, (writes, now)).await {
        Ok(()) => Ok(Unlinked::Over),
        Err(StoreError::ConditionFailed) => Ok(Unlinked::Busy),
        Err(error) => Err(error),
    }
}
