//! Says what follows a run: after its steps, or after an error.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::quota::{room_for_repair, wait_for_quota};
use super::types::{Next, Outcomes, RequeueReason, SyncRun, TenantContext};
use super::{Deps, SyncError};
use crate::codes::FailureReason;
use crate::link::Link;
use crate::quota::Acquire;
use crate::tenant;
use clients::graph;
use clients::http::{CallError, CallFailure, ErrorClass};
use domain::membership::{Eligibility, Person};
use domain::merge::{LAG_WINDOW, NameState, PersonState, Plan, PlanStep};

/// Pause after steps that were not tried or whose outcome is unknown.
const STEPS_LEFT: SignedDuration = SignedDuration::from_secs(30);

/// Pause after a call that no time was left for, or that a new group refused.
const NOT_YET: SignedDuration = SignedDuration::from_secs(10);

/// Pause before the next portion of people is looked up.
pub(super) const PEOPLE_UNRESOLVED: SignedDuration = SignedDuration::from_secs(5);

/// Pause before an administrator's override goes on with the other side.
const OVERRIDE_INCOMPLETE: SignedDuration = SignedDuration::from_secs(1);

/// Knowledge of a run after its steps.
pub(super) struct SyncState<'a> {
    pub(super) plan: &'a Plan,
    /// Number of people still to be looked up.
    pub(super) unresolved: usize,
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
    let is_cut_short = outcomes.is_cut_short();
    let after = |pause, why| Next::RequeueAt { moment: deps.clock.now() + pause, why };
    Ok(match outcomes.stopped {
        Some(SyncError::Call(error)) if is_for_later(run, link, &error) => {
            after(NOT_YET, RequeueReason::StepsLeft)
        }
        Some(error) => return next_after_error(deps, run.context, link, error).await,
        None if !state.plan.later.is_empty() => {
            let moment = room_for_repair(deps, run, link).await?;
            Next::RequeueAt { moment, why: RequeueReason::NextPortion }
        }
        None if is_cut_short => after(STEPS_LEFT, RequeueReason::StepsLeft),
        None if state.unresolved > 0 => after(PEOPLE_UNRESOLVED, RequeueReason::PeopleUnresolved),
        None if is_override_incomplete(state.plan) => {
            after(OVERRIDE_INCOMPLETE, RequeueReason::OverrideIncomplete)
        }
        None if let Acquire::RetryAt(until) = state.quota => wait_for_quota(deps, run, link, until),
        None => {
            let settles_at = settles_at(state.plan, link);
            let returns_at = returns_at(state.eligibility, run.started);
            Next::Done { settles_at: settles_at.max(returns_at) }
        }
    })
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
        (SyncError::GroupNotOurs(_), _) => FailureReason::GroupNotOurs,
        (SyncError::Archived(_), _) => FailureReason::Archived,
        (_, None) => return Err(error),
        (_, Some(ErrorClass::ThrottledUntil(moment))) => {
            let (store, now) = (deps.store.as_ref(), deps.clock.now());
            let moment = tenant::back_off(store, tenant, error.api(), moment, now).await?;
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

/// Returns `true` for errors that are no failure: no time was left, or the group is new.
fn is_for_later(run: &SyncRun<'_>, link: &Link, error: &CallError) -> bool {
    matches!(error.failure, CallFailure::NoTime)
        || link.group_is_new(run.started) && graph::is_not_replicated(error)
}

/// Returns `true` if a person with a step needs another one on the other side.
fn is_override_incomplete(plan: &Plan) -> bool {
    let is_open = |step: &PlanStep| {
        plan.states.get(&step.person).is_some_and(|(state, _)| state.role_override.is_some())
    };
    plan.steps.iter().any(is_open)
}

/// The moment when the last open state of a link's people, names and owners settles.
fn settles_at(plan: &Plan, link: &Link) -> Option<Timestamp> {
    let people = plan.states.values().filter_map(|(state, _)| PersonState::due(state)).max();
    let names = link.names.as_ref().and_then(NameState::due);
    let owners = link.owners_without_membership.values();
    let owners = owners.filter_map(|since| since.checked_add(LAG_WINDOW).ok()).max();
    // A second more, so that the run does not come a moment too early.
    let with_margin = |at: Timestamp| at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at);
    people.max(names).max(owners).map(with_margin)
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
