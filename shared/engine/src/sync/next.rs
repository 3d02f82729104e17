//! Says what follows a run: after its steps, or after an error.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::quota::{room_for_repair, wait_for_quota};
use super::types::{Next, Outcomes, Progress, RequeueReason, SyncRun, TenantContext};
use super::{Deps, SyncError};
use crate::codes::{FailureReason, StuckStep};
use crate::link::Link;
use crate::quota::Acquire;
use crate::tenant;
use clients::graph;
use clients::http::{Api, CallError, CallFailure, ErrorClass};
use domain::membership::{Eligibility, Person};
use domain::merge::{LAG_WINDOW, NameState, Plan, PlanStep, StepOutcome};

/// Pause after steps that were not tried.
const STEPS_LEFT: SignedDuration = SignedDuration::from_secs(30);

/// Time that others have after a backoff, before the one that was throttled twice goes on. A cycle
/// comes within it, and shows if the service answers others.
pub(super) const YIELD: SignedDuration = SignedDuration::from_secs(70);

/// Pause after a call that no time was left for, or that a new group refused.
const NOT_YET: SignedDuration = SignedDuration::from_secs(10);

/// Pause before the next portion of people is looked up.
pub(super) const PEOPLE_UNRESOLVED: SignedDuration = SignedDuration::from_secs(5);

/// Pause before an administrator's override goes on with the other side.
const OVERRIDE_INCOMPLETE: SignedDuration = SignedDuration::from_secs(1);

/// Knowledge of a run after its steps.
pub(super) struct SyncState<'a> {
    pub(super) plan: &'a Plan,
    /// Number of people who were looked up or asked about.
    pub(super) lookups: usize,
    /// Number of people still to be looked up or asked about.
    pub(super) unresolved: usize,
    /// The refusal that left a removal without proof.
    pub(super) unproven: Option<String>,
    pub(super) eligibility: &'a BTreeMap<Person, Eligibility>,
    /// The quota's answer for owners who are to become members.
    pub(super) quota: Acquire,
}

/// Says what follows the steps of a run. The first reason to come back decides.
pub(super) async fn next_after_steps(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    state: SyncState<'_>,
    outcomes: Outcomes,
) -> Result<Next, SyncError> {
    // A step without an answer waits for its own time.
    let is_cut_short = outcomes.has_untried();
    let progress = Progress::of(outcomes.settled() + state.lookups);
    let after = |pause, why| Next::RequeueAt { moment: deps.clock.now() + pause, why };
    let unfinished = match outcomes.stopped {
        // Replicas that do not know the group yet refuse writes to it. The link has not failed.
        Some(SyncError::Call(error)) if is_new_group(run, link, &error) => {
            return Ok(after(NOT_YET, RequeueReason::GroupNotVisibleYet));
        }
        // After some progress it just goes on. Without any, the pause grows.
        Some(SyncError::Call(error)) if is_out_of_time(&error) && progress.is_some() => {
            Some(Unfinished::OutOfTime)
        }
        Some(error) => return next_after_error(deps, run.context, link, error).await,
        None if !state.plan.later.is_empty() => Some(Unfinished::Plan),
        None if is_cut_short => Some(Unfinished::Steps),
        None if state.unresolved > 0 => Some(Unfinished::People),
        None if is_override_incomplete(state.plan) => Some(Unfinished::Override),
        None => None,
    };
    Ok(match (unfinished, progress) {
        // A run that leaves work and does none would come back at once, for ever.
        (Some(_), None) => Next::Failed { reason: no_progress(&state, &outcomes.steps) },
        (Some(Unfinished::OutOfTime), Some(progress)) => {
            after(NOT_YET, RequeueReason::StepsLeft(progress))
        }
        (Some(Unfinished::Plan), Some(progress)) => {
            let moment = room_for_repair(deps, run, link).await?;
            Next::RequeueAt { moment, why: RequeueReason::NextPortion(progress) }
        }
        (Some(Unfinished::Steps), Some(progress)) => {
            after(STEPS_LEFT, RequeueReason::StepsLeft(progress))
        }
        (Some(Unfinished::People), Some(progress)) => {
            after(PEOPLE_UNRESOLVED, RequeueReason::PeopleUnresolved(progress))
        }
        (Some(Unfinished::Override), Some(progress)) => {
            after(OVERRIDE_INCOMPLETE, RequeueReason::OverrideIncomplete(progress))
        }
        (None, _) if let Acquire::RetryAt(until) = state.quota => {
            wait_for_quota(deps, run, link, until)
        }
        (None, _) => {
            let settles_at = settles_at(state.plan, link, run.started);
            let returns_at = returns_at(state.eligibility, run.started);
            Next::Done { settles_at: settles_at.max(returns_at) }
        }
    })
}

/// Work that a run leaves to the next one.
enum Unfinished {
    /// No time was left for a call.
    OutOfTime,
    /// Steps beyond what one run can finish.
    Plan,
    /// Steps that were not tried, or whose outcome is unknown.
    Steps,
    /// People who are still to be looked up.
    People,
    /// The other side of an administrator's override.
    Override,
}

/// The failure of a run that left work and did none.
fn no_progress(state: &SyncState<'_>, steps: &[(PlanStep, StepOutcome)]) -> FailureReason {
    let later = &state.plan.later;
    let first = steps.iter().map(|(step, _)| step).chain(later).next();
    let first =
        first.map(|step| StuckStep { person: step.person, side: step.side, to: step.target });
    let (left, said) = (steps.len() + later.len(), state.unproven.clone());
    FailureReason::NoProgress { first, left, said }
}

/// Says what an error means for the link.
///
/// # Errors
/// Errors that only another delivery of the message can answer.
pub(super) async fn next_after_error(
    deps: &Deps,
    context: &TenantContext,
    link: &Link,
    error: SyncError,
) -> Result<Next, SyncError> {
    let tenant = context.tenant.tenant;
    let said = error.to_string();
    let reason = match (&error, error.class()) {
        // Both are permanent errors, too, but only a person can mend them: their pauses are longer.
        (SyncError::GroupNotOurs(_), _) => FailureReason::GroupNotOurs,
        (SyncError::Archived(_), _) => FailureReason::Archived,
        (_, None) => return Err(error),
        (_, Some(ErrorClass::ThrottledUntil(until)))
            if is_throttled_alone(context, link, error.api()) =>
        {
            return Ok(Next::Throttled { until, said });
        }
        (_, Some(ErrorClass::ThrottledUntil(moment))) => {
            let (store, now) = (deps.store.as_ref(), deps.clock.now());
            let mut moment = tenant::back_off(store, tenant, error.api(), moment, now).await?;
            // The others go first, and show if the service throttles this link alone.
            if link.throttled_since.is_some() {
                moment += YIELD;
            }
            return Ok(Next::RequeueAt { moment, why: RequeueReason::Backoff });
        }
        (_, Some(ErrorClass::Transient | ErrorClass::Permanent)) => {
            FailureReason::CallFailed { said }
        }
        (_, Some(ErrorClass::NeedsAdministrator)) => {
            deps.tokens.purge(tenant, context.tenant.directory);
            // A token can end early: the next run tries a new one before an administrator is
            // called.
            match link.failure {
                None => FailureReason::CallFailed { said },
                Some(_) => FailureReason::NeedsAdministrator { said },
            }
        }
    };
    Ok(Next::Failed { reason })
}

/// Returns `true` if the service throttled an earlier run of this link, and has answered others
/// since.
fn is_throttled_alone(context: &TenantContext, link: &Link, api: Api) -> bool {
    link.throttled_since.is_some() && !context.throttled_by.contains(&api)
}

fn is_out_of_time(error: &CallError) -> bool {
    matches!(error.failure, CallFailure::NoTime)
}

/// Returns `true` for an error of a new group, which ends with the lag window.
fn is_new_group(run: &SyncRun<'_>, link: &Link, error: &CallError) -> bool {
    link.group_is_new(run.started) && graph::is_not_replicated(error)
}

/// Returns `true` if a person with a step needs another one on the other side.
fn is_override_incomplete(plan: &Plan) -> bool {
    let is_open = |step: &PlanStep| {
        plan.states.get(&step.person).is_some_and(|(state, _)| state.role_override.is_some())
    };
    plan.steps.iter().any(is_open)
}

/// The moment when the last open state of a link's people, names and owners settles.
fn settles_at(plan: &Plan, link: &Link, now: Timestamp) -> Option<Timestamp> {
    let people = plan.states.values().filter_map(|(state, _)| state.due(now)).max();
    let names = link.names.as_ref().and_then(NameState::due);
    let owners = link.owners_without_membership.values();
    let owners = owners.filter_map(|since| since.checked_add(LAG_WINDOW).ok()).max();
    // One run after the last of them settles all.
    people.max(names).max(owners).map(with_margin)
}

/// The next moment when a question, a written value or an open write of a person is due.
pub(super) fn check_at(plan: &Plan, link: &Link, now: Timestamp) -> Option<Timestamp> {
    let people = plan.states.values().filter_map(|(state, _)| state.check_at(now)).min();
    let names = link.names.as_ref().and_then(|names| names.check_at(now));
    people.into_iter().chain(names).min().map(with_margin)
}

/// A second more, so that the run does not come a moment too early.
fn with_margin(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at)
}

/// The moment from which the last person who came back is compared again.
pub(super) fn returns_at(
    people: &BTreeMap<Person, Eligibility>,
    now: Timestamp,
) -> Option<Timestamp> {
    let returned = people.values().filter_map(|one| match one {
        Eligibility::Eligible { returned } => {
            returned.filter(|at| now.duration_since(*at) < LAG_WINDOW)
        }
        Eligibility::Excluded { .. } => None,
    });
    returned.max().map(|at| at + LAG_WINDOW + SignedDuration::from_secs(1))
}
