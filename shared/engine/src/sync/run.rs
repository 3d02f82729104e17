//! One run of a linked team: takes the lease, syncs the team, and finishes. Requests that cannot
//! run now are left where a later run sees them.

use jiff::{SignedDuration, Timestamp};

use super::card::ask_creator;
use super::context::{Requeue, load_link, requeue};
use super::finish::finish;
use super::next::next_after_error;
use super::preview::preview_team;
use super::quota::write_wait;
use super::schedule::{
    MESSAGE_LOSS_MARGIN, is_from_microsoft, is_within_message_delay, last_full_sync,
    next_daily_moment,
};
use super::types::{
    ApiAccess, LeasedLink, Next, Recorded, SyncDepth, SyncRecord, SyncRun, TenantContext,
};
use super::{Deps, SyncError, sync_team};
use crate::activity::EntryId;
use crate::link::{self, Handover, Lease, Link, LinkRow, Phase};
use crate::quota::Acquire;
use crate::tenant::Running;
use clients::http::{CALL_TIMEOUT, Urgency};
use domain::ids::TeamId;
use domain::merge::LAG_WINDOW;
use store::message::{Message, Trigger};
use store::table::{Change, StoreError, moment, never};

/// Attempts to take a lease that other runs take, too. Each of their leases ends, so few suffice.
const LEASE_ATTEMPTS: usize = 8;

/// Result of an attempt to start a run.
enum Start {
    /// The lease is taken.
    Leased { lease: Box<Lease>, row: Box<LinkRow> },
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
            Start::Leased { lease, row } => {
                return run_leased(deps, context, message, &lease, &row).await;
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

async fn try_start(
    deps: &Deps,
    context: &TenantContext,
    message: &Message,
    row: &LinkRow,
) -> Result<Start, SyncError> {
    let (store, tenant, now) = (deps.store.as_ref(), context.tenant.tenant, deps.clock.now());
    let event_at = is_from_microsoft(message.trigger).then_some(message.at);
    let is_settled = if matches!(row.link.phase, Phase::Ended { .. }) {
        clear_next_sync(deps, context, row).await?;
        true
    } else if row.has_answered(message.at) {
        confirm_later(deps, context, row, event_at).await?;
        true
    } else if row.is_leased(now) {
        // The holder compares requests with what it read before it gives the lease back.
        link::request_sync(store, tenant, row, message.at, event_at).await? == Handover::Accepted
    } else if let Some(until) = context.throttled_until {
        postpone_run(deps, context, row, postponed(message, Trigger::Retry, until)).await?
    } else if let Some(until) = write_wait(deps, context, message.trigger, row) {
        postpone_run(deps, context, row, postponed(message, Trigger::Due, until)).await?
    } else if let Acquire::RetryAt(until) =
        deps.acquire_reading(context, message.trigger, row.link.team).await?
    {
        // No message is sent: a reconciliation cycle queues as many as there is room for.
        let changes = vec![Change::Set("gsi1sk", moment(until))];
        link::postpone(store, tenant, row, changes).await?
    } else {
        // The last call can start at the deadline, so the lease outlives it by one call.
        let margin = SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
        let lease_until = context.deadline.0 + margin;
        let taken = link::take_lease(store, tenant, row.link.team, now, lease_until).await?;
        return Ok(match taken {
            Some((lease, row)) => Start::Leased { lease: Box::new(lease), row: Box::new(row) },
            None => Start::RowChanged,
        });
    };
    Ok(if is_settled { Start::Settled } else { Start::RowChanged })
}

fn postponed(message: &Message, trigger: Trigger, not_before: Timestamp) -> Requeue {
    Requeue { requested_at: message.at, trigger, not_before }
}

/// Takes an ended link off the list of due links, where an earlier plan still lists it.
async fn clear_next_sync(
    deps: &Deps,
    context: &TenantContext,
    row: &LinkRow,
) -> Result<(), SyncError> {
    if row.next_sync_at < never() {
        let changes = vec![Change::Set("gsi1sk", moment(never()))];
        link::postpone(deps.store.as_ref(), context.tenant.tenant, row, changes).await?;
    }
    Ok(())
}

/// Plans one run after the lag window for an event that came late or twice.
///
/// The last reading is newer than the event, but may come from a replica that lags.
async fn confirm_later(
    deps: &Deps,
    context: &TenantContext,
    row: &LinkRow,
    event_at: Option<Timestamp>,
) -> Result<(), SyncError> {
    let Some(event_at) = event_at.filter(|at| *at > row.last_event_at) else { return Ok(()) };
    let next_sync_at = row.next_sync_at.min(event_at + LAG_WINDOW);
    let changes = vec![
        Change::Set("last_event_at", moment(event_at)),
        Change::Set("gsi1sk", moment(next_sync_at)),
    ];
    link::postpone(deps.store.as_ref(), context.tenant.tenant, row, changes).await?;
    Ok(())
}

/// Plans the run for later. Returns `false` if the row changed meanwhile.
///
/// One delayed message per link answers all requests. The link's next sync comes shortly after it,
/// in case that the message is lost.
async fn postpone_run(
    deps: &Deps,
    context: &TenantContext,
    row: &LinkRow,
    request: Requeue,
) -> Result<bool, SyncError> {
    let (now, until) = (deps.clock.now(), request.not_before);
    if row.delayed_until > now {
        return Ok(true);
    }
    let by_message = is_within_message_delay(until, now);
    let next_sync_at = if by_message { until + MESSAGE_LOSS_MARGIN } else { until };
    let mut changes = vec![Change::Set("gsi1sk", moment(next_sync_at))];
    if by_message {
        changes.push(Change::Set("delayed_until", moment(until)));
    }
    let (store, tenant) = (deps.store.as_ref(), context.tenant.tenant);
    let is_moved = link::postpone(store, tenant, row, changes).await?;
    if is_moved && by_message {
        requeue(deps, tenant, &row.link, request).await?;
    }
    Ok(is_moved)
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
    let leased = LeasedLink { context, message, lease, row, started, entry };
    let access = match deps.api_access(context).await {
        Ok(ApiAccess { webex, graph }) => {
            ApiAccess { webex, graph: graph.urgent(urgency(message.trigger)) }
        }
        Err(error) => {
            let next = next_after_error(deps, context, &row.link, error).await?;
            return finish(deps, &leased, SyncRecord::of(row.link.clone()), next, vec![]).await;
        }
    };
    let depth = depth_of(context, &row.link, message.trigger, started);
    let trigger = message.trigger;
    let run = SyncRun { context, lease, access: &access, depth, trigger, started, entry };
    let Recorded { record, result } = run_phase(deps, &run, row.link.clone()).await;
    let next = match result {
        Ok(next) => next,
        Err(error) => next_after_error(deps, context, &record.link, error).await?,
    };
    let request_ids =
        [access.webex.written_request_ids(), access.graph.written_request_ids()].concat();
    finish(deps, &leased, record, next, request_ids).await
}

/// Runs what the link's phase needs. In preview mode nothing but the preview is written.
async fn run_phase(deps: &Deps, run: &SyncRun<'_>, link: Link) -> Recorded<Next> {
    match link.phase {
        Phase::Ended { .. } => {
            let next = Next::Done { settles_at: None };
            Recorded { record: SyncRecord::of(link), result: Ok(next) }
        }
        _ if run.context.settings.running == Running::Preview => {
            preview_team(deps, run, link).await
        }
        Phase::Asked { .. } => {
            let mut record = SyncRecord::of(link);
            let asked = ask_creator(deps, run, &record.link).await;
            let result = asked.map(|ending| record.end(ending));
            Recorded { record, result }
        }
        Phase::Creating { .. } | Phase::Linked { .. } => sync_team(deps, run, link).await,
    }
}

fn depth_of(
    context: &TenantContext,
    link: &Link,
    trigger: Trigger,
    started: Timestamp,
) -> SyncDepth {
    let last = last_full_sync(context, link);
    let is_daily = last.is_none_or(|at| started >= next_daily_moment(link.team, at));
    // Excluded people can have become eligible, which only a full run looks up.
    let is_requested = matches!(trigger, Trigger::Administrator | Trigger::Person);
    if is_daily || is_requested { SyncDepth::Full } else { SyncDepth::Quick }
}

/// An administrator waits for the page; no one waits for what a cycle found due.
fn urgency(trigger: Trigger) -> Urgency {
    match trigger {
        Trigger::Administrator => Urgency::High,
        Trigger::Due | Trigger::Person => Urgency::Low,
        _ => Urgency::Usual,
    }
}
