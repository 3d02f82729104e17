//! One run of a linked team: takes the lease, syncs the team, and finishes. Requests that cannot
//! run now are left where a later run sees them.

use std::sync::atomic::AtomicUsize;

use jiff::{SignedDuration, Timestamp};

use super::card::ask_creator;
use super::context::{Requeue, load_link, requeue};
use super::finish::finish;
use super::memory::MemoryPlace;
use super::missing::find_again;
use super::next::next_after_error;
use super::preview::preview_team;
use super::quota::{reading_calls, write_wait};
use super::schedule::{
    MESSAGE_LOSS_MARGIN, is_within_message_delay, last_full_sync, next_daily_moment,
};
use super::types::{
    ApiAccess, LeasedLink, Next, Recorded, SyncDepth, SyncRecord, SyncRun, TenantContext,
};
use super::{Deps, SyncError, sync_team};
use crate::activity::EntryId;
use crate::link::{self, Lease, Link, LinkRow, Phase, Schedule, SyncRequests};
use crate::quota::Acquire;
use crate::tenant::Running;
use clients::http::{CALL_TIMEOUT, Urgency};
use domain::ids::TeamId;
use domain::merge::LAG_WINDOW;
use store::lease::{FirstLease, LeaseTerms};
use store::message::Message;
use store::table::{StoreError, StoreErrorClass, never};

/// Time for which an ended link is not asked about again because of an event.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Attempts to take a lease that other runs take, too. Each of their leases ends, so few suffice.
const LEASE_ATTEMPTS: usize = 8;

/// Time within which a run that comes anyway answers an event.
const SOON: SignedDuration = SignedDuration::from_secs(30);

/// Pause of a large link while other large links of the same function are in memory.
const MEMORY_FULL: SignedDuration = SignedDuration::from_secs(45);

/// Result of an attempt to start a run.
enum Start<'a> {
    /// The lease is taken.
    Leased { lease: Box<Lease>, row: Box<LinkRow>, place: MemoryPlace<'a> },
    /// Nothing is left to do for this message.
    Settled,
    /// The row changed meanwhile, and must be read again.
    RowChanged,
}

/// Syncs a linked team now, or leaves the request for a later run.
pub(super) async fn run_sync(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    mut row: LinkRow,
) -> Result<(), SyncError> {
    let team = row.link.team;
    for _ in 0..LEASE_ATTEMPTS {
        match try_start(deps, context, message, &row).await? {
            Start::Leased { lease, row, place } => {
                // Boxed, like the stages below: together they are too large for a thread's stack.
                let run = Box::pin(run_leased(deps, context, message, &lease, &row));
                let finished = run.await;
                drop(place);
                return finished;
            }
            Start::Settled => return Ok(()),
            Start::RowChanged => {}
        }
        row = match load_link(deps, context.tenant.tenant, team).await? {
            Some(row) => row,
            None => return Ok(()),
        };
    }
    Err(StoreError::Busy(format!("the link of team {team} changes too fast")).into())
}

/// Syncs a team if it has a link.
pub(super) async fn run_known(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    team: Option<TeamId>,
) -> Result<(), SyncError> {
    let Some(team) = team else { return Ok(()) };
    match load_link(deps, context.tenant.tenant, team).await? {
        Some(row) => run_sync(deps, context, message, row).await,
        None => Ok(()),
    }
}

async fn try_start<'a>(
    deps: &'a Deps,
    context: &TenantContext,
    message: &Message,
    row: &LinkRow,
) -> Result<Start<'a>, SyncError> {
    let (store, tenant, now) = (deps.store.as_ref(), context.tenant.tenant, deps.clock.now());
    let requests = SyncRequests::of(message);
    let priority = row.requests().raised_by(requests).priority(row.synced_at);
    let mut later = row.schedule();
    if row.link.is_over() {
        // An earlier plan can still list it.
        later.next_sync_at = never();
        return raise(deps, context, row, SyncRequests::default(), later).await;
    }
    // The side that is left goes on having events. The link is asked about once a day anyway.
    let is_ended = matches!(row.link.phase, Phase::Ended { .. });
    let is_soon = now < row.next_sync_at && now.duration_since(row.synced_at) < ASKED_AGAIN_AFTER;
    if is_ended && is_soon && requests.urgency(row.synced_at) != Urgency::High {
        return Ok(Start::Settled);
    }
    if row.has_answered(requests) {
        // The reading is newer than the event, but may come from a replica that lags.
        let unconfirmed = SyncRequests { event: requests.event, ..SyncRequests::default() };
        if unconfirmed.event > row.last_event_at {
            later.next_sync_at = later.next_sync_at.min(unconfirmed.event + LAG_WINDOW);
        }
        return raise(deps, context, row, unconfirmed, later).await;
    }
    if row.is_leased(now) {
        // The holder sees the request when it gives the lease back. If it is cut off, the link
        // comes back when its lease ends.
        later.next_sync_at = later.next_sync_at.min(row.lease_until);
        return raise(deps, context, row, requests, later).await;
    }
    if requests.full <= row.full_requested_at && is_coming(row, now) {
        // Its reading answers everything but the confirmation after the lag window.
        let event = SyncRequests { event: requests.event, ..SyncRequests::default() };
        return raise(deps, context, row, event, later).await;
    }
    if let Some(until) = context.throttled_until {
        return postpone_run(deps, context, message, row, until).await;
    }
    if let Some(until) = write_wait(deps, context, priority, row) {
        return postpone_run(deps, context, message, row, until).await;
    }
    let people = row.link.counts.eligible + row.link.counts.excluded;
    // Memory comes before quota: calls that were acquired and not made would be lost to others.
    let Some(place) = deps.people_in_memory.take(people) else {
        return postpone_run(deps, context, message, row, now + MEMORY_FULL).await;
    };
    let calls = reading_calls(&row.link);
    let acquired = deps.acquire_reading(context, priority, row.link.team, calls).await?;
    if let Acquire::RetryAt(until) = acquired {
        // No message is sent: a reconciliation cycle queues as many as there is room for.
        later.next_sync_at = until;
        return raise(deps, context, row, requests, later).await;
    }
    // The last call can start at the deadline, so the lease outlives it by one call.
    let margin = SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
    let terms = LeaseTerms::new(now, context.deadline.0 + margin, FirstLease::Prepared);
    let taken = link::take_for(store, tenant, row, requests, terms).await?;
    Ok(match taken {
        Some((lease, row)) => Start::Leased { lease: Box::new(lease), row: Box::new(row), place },
        None => Start::RowChanged,
    })
}

/// Returns `true` if the delayed message comes so soon that its run answers an event.
fn is_coming(row: &LinkRow, now: Timestamp) -> bool {
    row.delayed_until > now && row.delayed_until <= now + SOON
}

/// Leaves the requests where a later run answers them.
async fn raise(
    deps: &Deps,
    context: &TenantContext,
    row: &LinkRow,
    requests: SyncRequests,
    schedule: Schedule,
) -> Result<Start<'static>, SyncError> {
    let (store, tenant) = (deps.store.as_ref(), context.tenant.tenant);
    let is_raised = link::raise(store, tenant, row, requests, schedule).await?;
    Ok(if is_raised { Start::Settled } else { Start::RowChanged })
}

/// Plans the run for later.
///
/// One delayed message per link answers all requests. The link's next sync comes shortly after it,
/// in case that the message is lost.
async fn postpone_run(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    row: &LinkRow,
    not_before: Timestamp,
) -> Result<Start<'static>, SyncError> {
    let now = deps.clock.now();
    let (requests, mut later) = (SyncRequests::of(message), row.schedule());
    let is_on_its_way = row.delayed_until > now;
    let by_message = !is_on_its_way && is_within_message_delay(not_before, now);
    if by_message {
        later.delayed_until = not_before;
        later.next_sync_at = not_before + MESSAGE_LOSS_MARGIN;
    } else if !is_on_its_way {
        // The queue holds no message so long: a reconciliation cycle finds the link instead.
        later.next_sync_at = not_before;
    }
    let start = raise(deps, context, row, requests, later).await?;
    // Only the one who stored the moment sends, so two messages at once leave one behind.
    if matches!(start, Start::Settled) && by_message {
        let request = Requeue { requested_at: message.at, not_before };
        requeue(deps, context.tenant.tenant, &row.link, request).await?;
    }
    Ok(start)
}

/// Syncs the team under the lease, and finishes also where the run failed.
async fn run_leased(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    lease: &Lease,
    row: &LinkRow,
) -> Result<(), SyncError> {
    let started = deps.clock.now();
    let entry = EntryId::new(started);
    let depth = depth_of(context, row, started);
    let leased = LeasedLink { context, message, lease, row, depth, started, entry };
    let (priority, urgency) =
        (row.requests().priority(row.synced_at), row.requests().urgency(row.synced_at));
    let access = match deps.api_access(context).await {
        Ok(access) => ApiAccess {
            graph: access.graph.urgent(urgency),
            webex_acquired: AtomicUsize::new(reading_calls(&row.link)),
            webex: access.webex,
        },
        Err(error) => {
            // Without tokens nothing was read. The link still says why.
            let next = next_after_error(deps, context, &row.link, error).await?;
            return finish(deps, &leased, SyncRecord::of(row.link.clone()), next, vec![]).await;
        }
    };
    let (access, trigger) = (&access, message.trigger);
    let full_since = full_since(context, row, started);
    let run =
        SyncRun { context, lease, access, depth, priority, trigger, started, full_since, entry };
    let Recorded { record, result } = Box::pin(run_phase(deps, &run, row.link.clone())).await;
    let next = match result {
        Ok(next) => next,
        Err(error) => next_after_error(deps, context, &record.link, error).await?,
    };
    let request_ids =
        [access.webex.written_request_ids(), access.graph.written_request_ids()].concat();
    let finished = match finish(deps, &leased, record, next, request_ids).await {
        Err(SyncError::Store(error)) if error.class() == StoreErrorClass::Item => {
            // What was done shows in the next readings. The link says why it is not stored.
            let Some(row) = lease.read(deps.store.as_ref()).await? else {
                return Err(SyncError::LeaseLost(row.link.team));
            };
            let next = next_after_error(deps, context, &row.link, error.into()).await?;
            finish(deps, &leased, SyncRecord::of(row.link), next, vec![]).await
        }
        finished => finished,
    };
    finished?;
    // The run is stored by now: a count that fails loses nothing of it.
    Ok(deps.settle_calls(context, priority, row.link.team, access).await?)
}

/// Runs what the link's phase needs. In preview mode nothing but the preview is written.
async fn run_phase(deps: &Deps, run: &SyncRun<'_>, link: Link) -> Recorded<Next> {
    match link.phase.clone() {
        Phase::Ended { why, way_back: Some(way_back) }
            if run.context.settings.running == Running::Live =>
        {
            find_again(deps, run, link, why, *way_back).await
        }
        // A link that comes back is synced with writes, which preview mode must not make.
        Phase::Ended { .. } => {
            let next = Next::Done { settles_at: None };
            Recorded { record: SyncRecord::of(link), result: Ok(next) }
        }
        _ if run.context.settings.running == Running::Preview => {
            Box::pin(preview_team(deps, run, link)).await
        }
        Phase::Asked { .. } => {
            let mut record = SyncRecord::of(link);
            let asked = ask_creator(deps, run, &record.link).await;
            let result = asked.map(|ending| record.end(ending));
            Recorded { record, result }
        }
        Phase::Creating { .. } | Phase::Linked { .. } => Box::pin(sync_team(deps, run, link)).await,
    }
}

fn depth_of(context: &TenantContext, row: &LinkRow, started: Timestamp) -> SyncDepth {
    let is_requested = row.full_requested_at > row.full_synced_at;
    let is_due = is_requested || daily_moment(context, row) <= started;
    if is_due { SyncDepth::Full } else { SyncDepth::Quick }
}

/// The moment since which a full sync is due or requested, as of `started`.
fn full_since(context: &TenantContext, row: &LinkRow, started: Timestamp) -> Timestamp {
    let daily = Some(daily_moment(context, row)).filter(|at| *at <= started);
    daily.map_or(row.full_requested_at, |daily| daily.max(row.full_requested_at))
}

/// The moment of the next daily run. The epoch where there was none yet.
fn daily_moment(context: &TenantContext, row: &LinkRow) -> Timestamp {
    let last = last_full_sync(context, &row.link);
    last.map_or(Timestamp::UNIX_EPOCH, |at| next_daily_moment(row.link.team, at))
}
