//! Quota of the services that a run acquires before it calls them.

use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::Deps;
use super::outcomes::binds_of;
use super::types::{ApiAccess, Next, Outcomes, RequeueReason, SyncRun, TenantContext, Work};
use crate::link::{Link, LinkRow, Phase};
use crate::quota::{self, Acquire, Priority, Quota, RateLimiter, Share};
use crate::tenant::Running;
use clients::graph::RELATIONS_PER_CALL;
use domain::ids::{PersonId, TeamId};
use domain::membership::{Aspect, Role, Side};
use domain::merge::{Plan, PlanStep, StepOutcome};
use store::table::StoreError;
use uuid::Uuid;

/// Webex calls that read a small team: the team, and a page of its people.
pub(super) const SMALL_READING: usize = 2;

/// People in a page of a team's memberships.
const PER_PAGE: usize = 1_000;

/// Shortest pause before the next portion of a plan.
const NEXT_PORTION: SignedDuration = SignedDuration::from_secs(1);

/// Binds that one unit of Graph's write quota pays for, as Microsoft told others who asked.
const BINDS_PER_UNIT: usize = 3;

impl Deps {
    /// Acquires the quota for so many Webex calls that read a team.
    pub(super) async fn acquire_reading(
        &self,
        context: &TenantContext,
        priority: Priority,
        team: TeamId,
        calls: usize,
    ) -> Result<Acquire, StoreError> {
        let quota = Quota::Webex(context.tenant.tenant);
        let limiter = self.limiter(priority, team);
        limiter.take(self.store.as_ref(), quota, calls, context.webex_calls).await
    }

    /// Acquires the quota for the Webex call that lists a person's spaces. Many people can become
    /// eligible at once, and no one waits for one of them.
    pub(super) async fn acquire_listing_of(
        &self,
        context: &TenantContext,
        person: PersonId,
    ) -> Result<Acquire, StoreError> {
        let quota = Quota::Webex(context.tenant.tenant);
        let limiter = self.limiter_for(Priority::Repair, person.0);
        limiter.take(self.store.as_ref(), quota, 1, context.webex_calls).await
    }

    /// Counts the Webex calls of a run that it did not acquire before it made them, such as
    /// look-ups, and gives back those that it did not make.
    pub(super) async fn settle_calls(
        &self,
        context: &TenantContext,
        priority: Priority,
        team: TeamId,
        access: &ApiAccess,
    ) -> Result<(), StoreError> {
        let made = access.webex.calls();
        let acquired = access.webex_acquired.swap(made, Ordering::Relaxed);
        let (store, quota) = (self.store.as_ref(), Quota::Webex(context.tenant.tenant));
        let limiter = self.limiter(priority, team);
        match made.checked_sub(acquired) {
            Some(0) => Ok(()),
            Some(more) => limiter.add(store, quota, more, context.webex_calls).await,
            None => limiter.give_back(store, quota, acquired - made).await,
        }
    }

    /// The rate limiter of one team's run. Repair leaves room for what people wait for.
    pub(super) fn limiter(&self, priority: Priority, team: TeamId) -> RateLimiter {
        self.limiter_for(priority, team.0)
    }

    fn limiter_for(&self, priority: Priority, id: Uuid) -> RateLimiter {
        let now = self.clock.now();
        // With the id alone, the same teams would always count for the others, and the rest never.
        let milliseconds = now.as_millisecond().unsigned_abs() as u128;
        RateLimiter { priority, now, jitter_seed: id.as_u128() ^ milliseconds }
    }
}

/// Webex calls that read a team of its last known size.
pub(super) fn reading_calls(link: &Link) -> usize {
    let people = link.counts.eligible + link.counts.excluded;
    // The number is a guess by the last run: what a team that grew costs more is settled after it.
    SMALL_READING - 1 + people.div_ceil(PER_PAGE).max(1)
}

/// The moment for a run that is known to write and finds no room for it; `None` if it can start.
///
/// What such a run read now, it could not apply.
pub(super) fn write_wait(
    deps: &Deps,
    context: &TenantContext,
    priority: Priority,
    row: &LinkRow,
) -> Option<Timestamp> {
    let was_delayed = row.delayed_until > row.synced_at;
    let is_writing = was_delayed || matches!(row.link.phase, Phase::Creating { .. });
    // A preview writes nothing, so it need not wait for room.
    if !is_writing || context.settings.running == Running::Preview {
        return None;
    }
    let limiter = deps.limiter(priority, row.link.team);
    let tenant = context.tenant.tenant;
    let share = share_of_writes(context, limiter.now);
    let buckets = [
        (Quota::GraphWrites(tenant), Share::Whole, context.graph_writes),
        (Quota::AllGraphWrites, share, context.all_graph_writes),
    ];
    let full = buckets.into_iter().filter_map(|(quota, share, bucket)| {
        bucket?.share_full_until(quota, limiter.priority, share, limiter.now)
    });
    full.max().map(|until| limiter.with_jitter(until))
}

/// Acquires the quota for a plan and the work beside it.
pub(super) async fn acquire_work(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    plan: &Plan,
    work: &Work,
) -> Result<Acquire, StoreError> {
    let in_team = plan.steps.iter().filter(|step| step.side == Side::Team).count();
    if in_team > 0 {
        let (store, quota) = (deps.store.as_ref(), Quota::Webex(run.tenant()));
        let limiter = after_reading(deps, run, link);
        let acquired = limiter.take(store, quota, in_team, run.context.webex_calls).await?;
        if acquired != Acquire::Acquired {
            return Ok(acquired);
        }
        // Noted at once: whatever happens next, the end of the run gives back what it did not use.
        run.access.webex_acquired.fetch_add(in_team, Ordering::Relaxed);
    }
    // A creation binds people in the same call.
    let is_bare_creation = work.creation.is_some() && plan.is_empty();
    let others = usize::from(work.rename.is_some()) + usize::from(is_bare_creation);
    acquire_writes(deps, run, link, write_units(&plan.steps) + others).await
}

/// Acquires units of both write quotas of Graph: the tenant's, and that of all tenants.
pub(super) async fn acquire_writes(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    units: usize,
) -> Result<Acquire, StoreError> {
    if units == 0 {
        return Ok(Acquire::Acquired);
    }
    let (store, context) = (deps.store.as_ref(), run.context);
    let limiter = after_reading(deps, run, link);
    let own = Quota::GraphWrites(run.tenant());
    // The tenant's comes first: one without room must not use up what all tenants share.
    match limiter.take(store, own, units, context.graph_writes).await? {
        Acquire::Acquired => {
            let (quota, share) = (Quota::AllGraphWrites, share_of_writes(context, limiter.now));
            limiter.take_share(store, quota, share, units, context.all_graph_writes).await
        }
        refused => Ok(refused),
    }
}

/// The share of the writes in all directories that the tenant can use.
fn share_of_writes(context: &TenantContext, now: Timestamp) -> Share {
    Share::of(Quota::GraphWrites(context.tenant.tenant), context.graph_writes, now)
}

/// The rate limiter of a run that has read both sides. Repair waited before it read: to wait again
/// would waste the reading.
fn after_reading(deps: &Deps, run: &SyncRun<'_>, link: &Link) -> RateLimiter {
    RateLimiter { priority: Priority::Awaited, ..deps.limiter(run.priority, link.team) }
}

/// Gives back what was acquired for steps in the group that were not tried.
pub(super) async fn give_back_writes(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    outcomes: &Outcomes,
) -> Result<(), StoreError> {
    let not_tried = outcomes.steps.iter().filter(|(_, outcome)| *outcome == StepOutcome::NotTried);
    let steps: Vec<PlanStep> = not_tried.map(|(step, _)| *step).collect();
    let units = write_units(&steps);
    let limiter = deps.limiter(run.priority, link.team);
    for quota in [Quota::GraphWrites(run.tenant()), Quota::AllGraphWrites] {
        limiter.give_back(deps.store.as_ref(), quota, units).await?;
    }
    Ok(())
}

/// The moment from which the rate limiters have room for the next portion of a plan.
pub(super) async fn room_for_repair(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
) -> Result<Timestamp, StoreError> {
    // The bucket must hold the calls of this run before it is read.
    deps.settle_calls(run.context, run.priority, link.team, run.access).await?;
    let now = deps.clock.now();
    let mut moment = now + NEXT_PORTION;
    for quota in [Quota::Webex(run.tenant()), Quota::GraphWrites(run.tenant())] {
        let bucket = quota::read(deps.store.as_ref(), quota).await?;
        let until = bucket.and_then(|bucket| bucket.full_until(quota, Priority::Repair, now));
        moment = until.map_or(moment, |until| moment.max(until));
    }
    Ok(moment)
}

/// The end of a run that found no room for its writes.
pub(super) fn wait_for_quota(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    until: Timestamp,
) -> Next {
    let moment = deps.limiter(run.priority, link.team).with_jitter(until);
    Next::RequeueAt { moment, why: RequeueReason::RateLimited }
}

/// Units of Graph's write quota for steps in the group. Binds share calls, everything else has one.
fn write_units(steps: &[PlanStep]) -> usize {
    let (mut binds, mut single) = (0, 0);
    for step in steps.iter().filter(|step| step.side == Side::Group) {
        match (step.to, step.aspect) {
            // An owner leaves both listings.
            (Role::None, _) if step.read.group == Role::Owner => single += 2,
            (Role::None, _) => single += 1,
            // Removed as owner, and bound as member again.
            (Role::Member, Aspect::Ownership) => single += 2,
            (Role::Owner, Aspect::Ownership) => (single, binds) = (single + 1, binds + 1),
            (_, Aspect::Presence) => binds += binds_of(step).len(),
        }
    }
    bind_units(binds) + single
}

/// Units of Graph's write quota for binds, with as many in a call as it takes.
pub(super) fn bind_units(binds: usize) -> usize {
    let (calls, rest) = (binds / RELATIONS_PER_CALL, binds % RELATIONS_PER_CALL);
    calls * RELATIONS_PER_CALL.div_ceil(BINDS_PER_UNIT) + rest.div_ceil(BINDS_PER_UNIT)
}
