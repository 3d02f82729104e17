//! The end of a run: stores link, people and activity in one go, gives the lease back, and queues
//! what follows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::context::{Requeue, requeue};
use super::failing_people::unsent_people;
use super::folder_request::{FolderPlan, plan_folders};
use super::intents::write_under_lease;
use super::link_alerts::{AlertPlan, plan_alerts};
use super::schedule::{
    MESSAGE_LOSS_MARGIN, is_within_message_delay, last_full_sync, next_daily_moment, next_try,
};
use super::types::{
    LeasedLink, Next, RequeueReason, SyncDepth, SyncRecord, SyncReport, TenantContext,
};
use super::{Deps, SyncError};
use crate::activity::Activity;
use crate::codes::FailureReason;
use crate::folders;
use crate::link::{self, Closing, Link, LinkRow, Phase, SyncRequests};
use crate::safety::removal_counter;
use crate::tenant::{self, Running};
use domain::ids::{TeamId, TenantId};
use domain::membership::Side;
use store::table::{StoreError, Write, never};

/// Moments that follow a run, before requests that came meanwhile are known.
struct Schedule {
    /// Start of the last reading that both sides answered.
    synced_at: Timestamp,
    /// Start of the last full reading that both sides answered.
    full_synced_at: Timestamp,
    /// The moment when open state of people and names settles.
    settles_at: Option<Timestamp>,
    /// The moment when a question, a written value or an open write is due.
    check_at: Option<Timestamp>,
    /// The latest moment of the next sync.
    latest: Timestamp,
    /// The moment of the delayed message.
    delayed_until: Option<Timestamp>,
    /// A rate limiter put the run off: further tries leave room for other work.
    is_rate_limited: bool,
    /// The link takes further requests at once.
    state: Readiness,
}

/// Readiness of a link for requests that came while a run held it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// It waits for a moment or has ended.
    Waiting,
}

/// Stores how the run ended, gives the lease back, and queues what follows.
pub(super) async fn finish(
    deps: &Deps,
    leased: &LeasedLink<'_>,
    record: SyncRecord,
    next: Next,
    request_ids: Vec<String>,
) -> Result<(), SyncError> {
    let (tenant, now) = (leased.context.tenant.tenant, deps.clock.now());
    let directory = leased.context.tenant.directory;
    let SyncRecord { link, mut report } = record;
    let activity = Activity {
        id: leased.entry,
        changes: std::mem::take(&mut report.changes),
        notes: std::mem::take(&mut report.notes),
        request_ids,
        ..Activity::new(leased.started, leased.message.trigger)
    };
    measure(leased, &link, &activity, now);
    let is_done = matches!(next, Next::Done { .. });
    let preview_stored_at = link.preview_stored_at;
    let (mut link, mut schedule) = apply_next(leased, link, next, now);
    schedule.check_at = report.check_at;
    if report.unclear > 0 {
        // What the preview showed holds until every absence is clear.
        link.preview_stored_at = preview_stored_at;
    }
    if !report.failing.new.is_empty() {
        // Raised again, the alert replaces one that was not sent, whose people would go unnamed.
        report.failing.unsent = unsent_people(deps.store.as_ref(), tenant, link.team).await?;
    }
    let AlertPlan { alerts, writes } = plan_alerts(tenant, &link, &report.failing, now)?;
    link.alerts = alerts;
    report.writes.extend(writes);
    let FolderPlan { folders_since, request } = plan_folders(leased, &link, now);
    link.folders_since = folders_since;
    if let Some(request) = &request {
        report.writes.extend(folders::request_sync(tenant, link.team, request, now)?);
    }
    report.writes.extend(link::released(directory, &leased.row.link, &link));
    let given_back = std::mem::take(&mut report.given_back);
    let given_back = give_back_removals(tenant, &given_back)?;
    let row = close(deps, leased, &link, &schedule, now, || {
        Ok((writes_of(tenant, link.team, &report, &activity)?, given_back.clone()))
    })
    .await?;
    // A run without a failure proves that the services answer the tenant again.
    if is_done {
        for api in &leased.context.throttled_by {
            tenant::drop_refusals(deps.store.as_ref(), tenant, *api).await?;
        }
    }
    // After the table: a message that is faster than the stored request would find nothing to do.
    if request.is_some() {
        deps.queue_folder_sync(tenant, link.team, leased.message.trigger).await?;
    }
    queue_next(deps, leased, &link, &schedule, &row, now).await
}

/// Applies the end of a run to the link, and says when the next one is due.
fn apply_next(
    leased: &LeasedLink<'_>,
    mut link: Link,
    next: Next,
    now: Timestamp,
) -> (Link, Schedule) {
    let (context, started) = (leased.context, leased.started);
    let last_full = last_full_sync(context, &link).unwrap_or(started);
    let mut schedule = Schedule {
        synced_at: leased.row.synced_at,
        full_synced_at: leased.row.full_synced_at,
        settles_at: None,
        check_at: None,
        latest: next_daily_moment(link.team, last_full),
        delayed_until: None,
        is_rate_limited: false,
        state: Readiness::Ready,
    };
    match next {
        Next::Done { settles_at } => {
            (link.failure, link.throttled_since) = (None, None);
            (schedule.synced_at, schedule.settles_at) = (started, settles_at);
            if leased.depth == SyncDepth::Full {
                schedule.full_synced_at = started;
            }
            // This run followed the preview. Later removals are not compared with it.
            if context.settings.running == Running::Live {
                link.preview_stored_at = None;
            }
        }
        Next::RequeueAt { moment, why } => {
            schedule.delayed_until = Some(moment);
            if why == RequeueReason::Backoff {
                // From the second one in a row on, the link gives way to others.
                link.throttled_since.get_or_insert(now);
            }
            schedule.is_rate_limited =
                matches!(why, RequeueReason::RateLimited | RequeueReason::NextPortion(_));
        }
        // It is asked about once a day, whatever comes in between.
        Next::Failed { .. } | Next::Throttled { .. }
            if matches!(link.phase, Phase::Ended { .. }) => {}
        Next::Failed { reason } => {
            schedule.delayed_until = Some(fail(context, &mut link, reason, now));
        }
        Next::Throttled { until, said } => {
            let again = fail(context, &mut link, FailureReason::CallFailed { said }, now);
            // Not before the service allows it, however short the pause of the failure is.
            schedule.delayed_until = Some(again.max(until));
        }
    }
    if let Some(until) = schedule.delayed_until {
        // The table's moment only matters if the delayed message is lost, or cannot wait so long.
        let by_message = is_within_message_delay(until, now);
        schedule.latest = if by_message { until + MESSAGE_LOSS_MARGIN } else { until };
    }
    if let Phase::Ended { way_back, .. } = &link.phase {
        let asked_again = next_daily_moment(link.team, started);
        schedule.latest = if way_back.is_some() { asked_again } else { never() };
        // The side that is left goes on having events, which no reading will ever answer.
        (schedule.synced_at, schedule.full_synced_at) = (started, started);
        schedule.settles_at = None;
        (schedule.delayed_until, schedule.state) = (None, Readiness::Waiting);
    } else if schedule.delayed_until.is_some() {
        schedule.state = Readiness::Waiting;
    }
    schedule.delayed_until =
        schedule.delayed_until.filter(|until| is_within_message_delay(*until, now));
    (link, schedule)
}

/// Stores a failure in the link, and returns the time of the next try.
fn fail(
    context: &TenantContext,
    link: &mut Link,
    reason: FailureReason,
    now: Timestamp,
) -> Timestamp {
    let kind = reason.kind();
    link.record_failure(reason.clone(), now);
    let again = next_try(link, now);
    let group = link.group().map(|group| group.to_string());
    tracing::warn!(
        event = "link_sync_failed", tenant = %context.tenant.tenant, team = %link.team,
        group, ?kind, ?reason, %again, "The sync of a team failed."
    );
    metrics::counter!("FailedSyncs").increment(1);
    again
}

/// Writes everything and gives the lease back. Returns the row as it was known at that moment.
///
/// Requests can come in until the last moment. Closing fails then, and is tried again with them.
async fn close(
    deps: &Deps,
    leased: &LeasedLink<'_>,
    link: &Link,
    schedule: &Schedule,
    now: Timestamp,
    writes: impl Fn() -> Result<(Vec<Write>, Vec<Write>), StoreError>,
) -> Result<LinkRow, SyncError> {
    let lease = leased.lease;
    let mut known = leased.row.clone();
    loop {
        let closing = schedule.closing(leased, &known, now);
        let close = lease.close(leased.context.tenant.tenant, link, &closing)?;
        // What is added to numbers comes in the transaction that ends the lease: exactly once.
        let (writes, added) = writes()?;
        match write_under_lease(deps, lease, writes, [close, added].concat()).await {
            Ok(()) => return Ok(known),
            Err(StoreError::ConditionFailed) => {
                let row = lease.read(deps.store.as_ref()).await?;
                let row = row.filter(|row| row.is_leased(now));
                // Without a new request the condition failed because the lease is gone.
                let row = row.filter(|row| row.requests() != known.requests());
                known = row.ok_or(SyncError::LeaseLost(link.team))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Schedule {
    /// Compares what is requested with what this run answers.
    fn closing(&self, leased: &LeasedLink<'_>, known: &LinkRow, now: Timestamp) -> Closing {
        let mut requests = known.requests();
        // They had their larger share. The rest is repair, unless a new request came meanwhile.
        if self.is_rate_limited && requests.awaited == leased.row.awaited_at {
            requests.awaited = Timestamp::UNIX_EPOCH;
        }
        let next_sync_at = match self.state {
            Readiness::Ready if self.has_request(known) => now,
            // What settles without a write can wait for the confirmation: one run does both.
            Readiness::Ready => {
                let due = self.settles_at.max(requests.confirm_at(self.synced_at));
                due.into_iter().chain(self.check_at).fold(self.latest, Timestamp::min)
            }
            // A link that pauses confirms when it goes on.
            Readiness::Waiting => self.latest,
        };
        Closing {
            synced_at: self.synced_at,
            full_synced_at: self.full_synced_at,
            requests,
            next_sync_at,
            delayed_until: self.delayed_until,
        }
    }

    /// Returns `true` if a request came that the reading does not answer.
    fn has_request(&self, known: &LinkRow) -> bool {
        let SyncRequests { sync, full, .. } = known.requests();
        self.state == Readiness::Ready && (sync > self.synced_at || full > self.full_synced_at)
    }
}

/// Queues the delayed message, or a run for requests that came meanwhile.
async fn queue_next(
    deps: &Deps,
    leased: &LeasedLink<'_>,
    link: &Link,
    schedule: &Schedule,
    known: &LinkRow,
    now: Timestamp,
) -> Result<(), SyncError> {
    // A delayed message that is still on its way answers this run, too.
    let delayed_until = schedule.delayed_until.filter(|_| leased.row.delayed_until <= now);
    let request = if let Some(not_before) = delayed_until {
        Requeue { requested_at: leased.message.at, not_before }
    } else if schedule.has_request(known) {
        Requeue { requested_at: known.requested_at, not_before: now }
    } else {
        return Ok(());
    };
    Ok(requeue(deps, leased.context.tenant.tenant, link, request).await?)
}

/// Gives back removals that never happened, with one write for those of an hour.
fn give_back_removals(tenant: TenantId, moments: &[Timestamp]) -> Result<Vec<Write>, StoreError> {
    // One transaction cannot write the item of an hour twice.
    let mut by_hour = BTreeMap::<i64, (Timestamp, usize)>::new();
    for at in moments {
        let hour = at.as_second().div_euclid(3_600);
        by_hour.entry(hour).or_insert((*at, 0)).1 += 1;
    }
    by_hour.into_values().map(|(at, n)| removal_counter::give_back(tenant, at, n)).collect()
}

/// All writes of a report and its activity.
fn writes_of(
    tenant: TenantId,
    team: TeamId,
    report: &SyncReport,
    activity: &Activity,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = report.writes.clone();
    for (who, on_link) in &report.people {
        writes.push(match on_link {
            Some(on_link) => link::put_person(tenant, team, *who, on_link)?,
            None => link::delete_person(tenant, team, *who),
        });
    }
    if !activity.is_empty() {
        writes.extend(activity.puts(tenant, team)?);
    }
    Ok(writes)
}

/// Logs the run and counts its metrics. Excluded people count once a day, in the full run.
fn measure(leased: &LeasedLink<'_>, link: &Link, activity: &Activity, now: Timestamp) {
    let Activity { trigger, changes, request_ids, .. } = activity;
    tracing::info!(
        event = "team_synced", tenant = %leased.context.tenant.tenant, team = %link.team,
        ?trigger, changes = changes.len(), ?request_ids, "A team was synced."
    );
    let mut has_changed = false;
    for change in changes.iter().filter(|change| change.refused.is_none()) {
        has_changed = true;
        let name = match (change.side, change.from.is_present(), change.to.is_present()) {
            (Side::Team, false, true) => "PeopleAddedToTeams",
            (Side::Team, true, false) => "PeopleRemovedFromTeams",
            (Side::Group, false, true) => "PeopleAddedToGroups",
            (Side::Group, true, false) => "PeopleRemovedFromGroups",
            _ => "RolesChanged",
        };
        metrics::counter!(name).increment(1);
    }
    if has_changed {
        let milliseconds = now.duration_since(leased.message.at).as_millis();
        let milliseconds = u32::try_from(milliseconds).unwrap_or(u32::MAX);
        metrics::histogram!("SyncDelay").record(f64::from(milliseconds));
    }
    metrics::counter!("SyncRuns").increment(1);
    metrics::counter!("PendingApprovals").increment(u64::from(link.held.is_some()));
    if link.full_sync_at == Some(leased.started) {
        metrics::counter!("ExcludedPeople").increment(link.counts.excluded as u64);
    }
}
