//! What became of a plan's steps.

use super::SyncError;
use clients::graph::{Bind, Relation};
use clients::http::{CallError, Class};
use domain::membership::{Side, Standing, Truth};
use domain::merge::{Outcome, OwedTo, Step};

/// What was done of a plan.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) outcomes: Vec<(Step, Outcome)>,
    /// What ended the work before its end.
    pub(super) stopped: Option<SyncError>,
}

impl Applied {
    pub(super) fn done(&mut self, step: Step) {
        self.outcomes.push((step, Outcome::Done));
    }

    /// Whether steps are left that nobody knows to be done.
    pub(super) fn is_cut_short(&self) -> bool {
        self.outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Unknown | Outcome::NotTried))
    }

    pub(super) fn stop(&mut self, error: impl Into<SyncError>) {
        self.stopped.get_or_insert(error.into());
    }

    /// Takes the refusals of a team that takes no change at all for steps that were not tried.
    pub(super) fn withdraw_refusals(&mut self) {
        for (step, outcome) in &mut self.outcomes {
            if step.side == Side::Team && matches!(outcome, Outcome::Refused(_)) {
                *outcome = Outcome::NotTried;
            }
        }
    }

    /// Whether the team refused a step.
    pub(super) fn has_refusal_of_the_team(&self) -> bool {
        self.outcomes.iter().any(|(step, outcome)| step.side == Side::Team && matches!(outcome, Outcome::Refused(_)))
    }

    /// Whether the step would make somebody an owner whose addition, a step before, was not done.
    pub(super) fn has_failed_to_add(&self, step: &Step) -> bool {
        let is_addition = |one: &Step| one.person == step.person && one.truth == Truth::Presence;
        let mut additions = self.outcomes.iter().filter(|(one, _)| is_addition(one));
        step.truth == Truth::Role && additions.next().is_some_and(|(_, outcome)| *outcome != Outcome::Done)
    }

    /// Takes in an answer: a refusal is this person's, everything else ends the work.
    pub(super) fn take(&mut self, step: Step, answer: Result<Outcome, CallError>) {
        let outcome = match answer {
            Ok(outcome) => outcome,
            Err(error) if error.class() == Class::Permanent => refused(error.to_string()),
            Err(error) => {
                let outcome = if error.had_no_effect() { Outcome::NotTried } else { Outcome::Unknown };
                self.stop(error);
                outcome
            }
        };
        self.outcomes.push((step, outcome));
    }
}

/// A refusal by the service.
pub(super) fn refused(said: impl Into<String>) -> Outcome {
    Outcome::Refused(OwedTo::Service { said: said.into() })
}

/// The relations that a step makes; owners are members, too.
pub(super) fn binds_of(step: &Step) -> Vec<Bind> {
    let person = step.person.object;
    let member = (step.truth == Truth::Presence).then_some(Bind { person, relation: Relation::Member });
    let owner = (step.to == Standing::Owner).then_some(Bind { person, relation: Relation::Owner });
    member.into_iter().chain(owner).collect()
}
