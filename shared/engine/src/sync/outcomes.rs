//! Outcomes of a plan's steps, and what they make known of people.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::SyncError;
use super::subjects::report_excluded;
use super::types::{
    Outcomes, Reading, Recorded, ResolvedPeople, SyncDepth, SyncRecord, SyncReport, SyncRun,
};
use crate::activity::{ChangeReason, PersonChange, Refusal};
use crate::codes::FailingPerson;
use crate::link::{CountedRemoval, LastChange, Link, LinkPerson, Who};
use clients::graph::{Bind, Relation};
use clients::http::{CallError, ErrorClass};
use domain::membership::{Aspect, Eligibility, ExclusionReason, Person, Role, Side};
use domain::merge::{DeferredBy, Dirty, Override, PersonState, Plan, PlanStep, StepOutcome};

impl Outcomes {
    /// The answer to one step: a refusal is this person's, any other error ends the work.
    pub(super) fn of_answer(step: PlanStep, answer: Result<StepOutcome, CallError>) -> Self {
        match answer {
            Ok(outcome) => Self::of_step(step, outcome),
            // The service refuses this person for good. The others of the plan go on.
            Err(error) if error.class() == ErrorClass::Permanent => {
                Self::of_step(step, refused(error.to_string()))
            }
            Err(error) => {
                // Without effect, the next run just takes the step. With an unknown one, it waits.
                let is_untried = error.had_no_effect();
                let outcome = if is_untried { StepOutcome::NotTried } else { StepOutcome::Unknown };
                Self { steps: vec![(step, outcome)], stopped: Some(error.into()) }
            }
        }
    }

    pub(super) fn of_step(step: PlanStep, outcome: StepOutcome) -> Self {
        Self { steps: vec![(step, outcome)], stopped: None }
    }

    /// Appends later outcomes. The first error stays.
    pub(super) fn extend(&mut self, later: Self) {
        self.steps.extend(later.steps);
        if let Some(error) = later.stopped {
            self.stop(error);
        }
    }

    pub(super) fn stop(&mut self, error: impl Into<SyncError>) {
        // The first error is the cause, and later ones follow from it.
        self.stopped.get_or_insert(error.into());
    }

    /// Returns `true` if the outcome of any step is unknown, or it was not tried.
    pub(super) fn is_cut_short(&self) -> bool {
        self.steps
            .iter()
            .any(|(_, outcome)| matches!(outcome, StepOutcome::Unknown | StepOutcome::NotTried))
    }

    /// Returns the number of steps that the next run need not take again.
    pub(super) fn settled(&self) -> usize {
        let is_open =
            |outcome: &StepOutcome| matches!(outcome, StepOutcome::Unknown | StepOutcome::NotTried);
        self.steps.iter().filter(|(_, outcome)| !is_open(outcome)).count()
    }

    /// Returns `true` if any step was not tried.
    pub(super) fn has_untried(&self) -> bool {
        self.steps.iter().any(|(_, outcome)| *outcome == StepOutcome::NotTried)
    }

    /// Turns refusals of a team that accepts no change at all into steps that were not tried.
    pub(super) fn withdraw_team_refusals(&mut self) {
        for (step, outcome) in &mut self.steps {
            // The refusals were about the account, not about the people.
            if step.side == Side::Team && matches!(outcome, StepOutcome::Refused(_)) {
                *outcome = StepOutcome::NotTried;
            }
        }
    }

    /// Returns `true` if the team refused a step.
    pub(super) fn has_team_refusal(&self) -> bool {
        self.steps.iter().any(|(step, outcome)| {
            step.side == Side::Team && matches!(outcome, StepOutcome::Refused(_))
        })
    }

    /// Returns `true` if the step promotes a person whose addition, a step before, was not done.
    pub(super) fn has_failed_to_add(&self, step: &PlanStep) -> bool {
        let is_addition =
            |one: &PlanStep| one.person == step.person && one.aspect == Aspect::Presence;
        let mut additions = self.steps.iter().filter(|(one, _)| is_addition(one));
        step.aspect == Aspect::Ownership
            && additions.next().is_some_and(|(_, outcome)| *outcome != StepOutcome::Done)
    }
}

/// A refusal by the service.
pub(super) fn refused(said: impl Into<String>) -> StepOutcome {
    StepOutcome::Refused(DeferredBy::Service { said: said.into() })
}

/// The relations that a step makes. Owners are members, too.
pub(super) fn binds_of(step: &PlanStep) -> Vec<Bind> {
    let person = step.person.object;
    let is_new = step.aspect == Aspect::Presence;
    let member = is_new.then_some(Bind { person, relation: Relation::Member });
    let is_owner = step.to == Role::Owner;
    let owner = is_owner.then_some(Bind { person, relation: Relation::Owner });
    member.into_iter().chain(owner).collect()
}

/// Knowledge of a run about its people.
pub(super) struct People<'a> {
    pub(super) resolved: &'a ResolvedPeople,
    pub(super) eligibility: &'a BTreeMap<Person, Eligibility>,
    /// Removals of this run that count against the limits.
    pub(super) counted: &'a BTreeMap<Person, CountedRemoval>,
    /// Writes that readings showed to be lost.
    pub(super) lost: &'a [PersonChange],
}

impl People<'_> {
    fn excluded(&self, person: Person) -> Option<ExclusionReason> {
        match self.eligibility.get(&person) {
            Some(Eligibility::Excluded { reason }) => Some(*reason),
            _ => None,
        }
    }

    /// Counts the eligible people who are not the same on both sides.
    fn count_differing(&self, plan: &Plan) -> usize {
        let differs = |(person, (state, _)): &(&Person, &(PersonState, Dirty))| {
            self.excluded(**person).is_none() && !state.last_read().are_equal()
        };
        plan.states.iter().filter(differs).count()
    }
}

/// Records outcomes in the states of people. Returns the plan with the states after its steps.
pub(super) fn record_outcomes(
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    people: &People<'_>,
    mut plan: Plan,
    outcomes: &Outcomes,
    now: Timestamp,
) -> Recorded<Plan> {
    let mut record = SyncRecord::of(link.clone());
    let mut last_changes = BTreeMap::new();
    for change in people.lost {
        last_changes.insert(change.person, lost_change(run, reading, change));
        record.report.changes.push(change.clone());
    }
    for (step, outcome) in &outcomes.steps {
        let mut role_override = None;
        if let Some((state, dirty)) = plan.states.get_mut(&step.person) {
            role_override = state.role_override;
            (*state, *dirty) = (std::mem::take(state).after(step, outcome, now), Dirty::Yes);
        }
        let refusal = match outcome {
            // No activity tells of what may not have happened.
            StepOutcome::Unknown | StepOutcome::NotTried => continue,
            StepOutcome::Done => None,
            StepOutcome::Refused(by) | StepOutcome::WithoutOwnership(by) => {
                Some(Refusal::from(by.clone()))
            }
        };
        let change = last_change_of(run, step, role_override, refusal.clone());
        last_changes.insert(step.person, change);
        record.report.changes.push(PersonChange {
            person: step.person,
            side: step.side,
            from: step.read[step.side],
            to: step.to,
            refused: refusal,
        });
    }
    let is_changed = |person| last_changes.contains_key(&person);
    record.report.changes.extend(lapsed_overrides(reading, &plan, is_changed));
    record.report.extend(report_people(run, reading, people, &plan, last_changes, now));
    record.link.failing_people = record.report.failing.count;
    record.link.differing_people = people.count_differing(&plan);
    record.report.extend(report_excluded(reading, people.resolved));
    Recorded { record, result: Ok(plan) }
}

/// Says which rows of people change after the steps, and which of the people fail.
fn report_people(
    run: &SyncRun<'_>,
    reading: &Reading,
    people: &People<'_>,
    plan: &Plan,
    mut last_changes: BTreeMap<Person, LastChange>,
    now: Timestamp,
) -> SyncReport {
    let mut report = SyncReport::default();
    for (&person, (state, dirty)) in &plan.states {
        let who = Who::Person(person);
        let stored = reading.stored.get(&who);
        let before = stored.cloned().unwrap_or_default();
        let excluded = people.excluded(person);
        // A removal is counted once, however often it is tried.
        let mark = people.counted.get(&person).copied().or(before.counted);
        let counted =
            mark.filter(|mark| mark.is_within_a_day(now) && mark.may_have_happened(state));
        let never_happened = mark.filter(|mark| mark.is_within_a_day(now) && counted.is_none());
        report.given_back.extend(never_happened.map(|mark| mark.at));
        // An excluded person is in no step: the reason of that is shown instead.
        let failure = state.failure(run.started).filter(|_| excluded.is_none());
        let is_failing = failure.is_some();
        report.failing.count += usize::from(is_failing);
        let new = failure.filter(|_| !before.is_failing);
        report.failing.new.extend(new.map(|failure| FailingPerson { person, failure }));
        // Who left both sides is as good as new, once nothing counts them.
        let is_over = run.depth == SyncDepth::Full && counted.is_none() && state.is_over();
        if is_over && stored.is_some() && excluded.is_none() {
            report.people.insert(who, None);
        // Rows that stay the same are not written: a team in sync costs no write.
        } else if *dirty == Dirty::Yes
            || (before.excluded, before.is_failing) != (excluded, is_failing)
            || mark != counted
        {
            let last_change = last_changes.remove(&person).or(before.last_change);
            let state = state.clone();
            let on_link = LinkPerson { state, excluded, last_change, counted, is_failing };
            report.people.insert(who, Some(on_link));
        }
    }
    report
}

fn last_change_of(
    run: &SyncRun<'_>,
    step: &PlanStep,
    role_override: Option<Override>,
    refused: Option<Refusal>,
) -> LastChange {
    let (side, to) = (step.side, step.to);
    let reason = match role_override {
        Some(_) => ChangeReason::Override { side, to },
        None => ChangeReason::OtherSide { side, other: step.read[side.other()], to },
    };
    LastChange { reason, refused, trigger: run.trigger, at: run.started, entry: run.entry }
}

fn lost_change(run: &SyncRun<'_>, reading: &Reading, lost: &PersonChange) -> LastChange {
    let PersonChange { side, to, refused, .. } = lost.clone();
    let other = reading.of(lost.person)[side.other()];
    let reason = ChangeReason::OtherSide { side, other, to };
    LastChange { reason, refused, trigger: run.trigger, at: run.started, entry: run.entry }
}

/// Overrides that ended without a step of this run, and without the role that they asked for.
fn lapsed_overrides(
    reading: &Reading,
    plan: &Plan,
    is_changed: impl Fn(Person) -> bool,
) -> Vec<PersonChange> {
    let mut changes = vec![];
    for (&person, (state, _)) in &plan.states {
        let before = reading.stored.get(&Who::Person(person));
        let before = before.and_then(|before| before.state.role_override);
        let is_over = state.role_override.is_none() && !is_changed(person);
        let Some(Override { to, .. }) = before.filter(|_| is_over) else { continue };
        let differing = Side::BOTH.into_iter().find(|&side| state.baseline[side] != to[side]);
        if let Some(side) = differing {
            let refused = Some(Refusal::Overtaken);
            let (from, to) = (state.baseline[side], to[side]);
            changes.push(PersonChange { person, side, from, to, refused });
        }
    }
    changes
}
