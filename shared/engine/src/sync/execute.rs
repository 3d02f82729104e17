//! Executes a plan: creates the group if need be, takes the steps in order, and renames.

use std::collections::{BTreeMap, BTreeSet};

use super::create_group::create_group;
use super::maintain::is_archived;
use super::outcomes::{binds_of, refused};
use super::rename::rename;
use super::types::{Outcomes, Reading, Recorded, SyncRecord, SyncRun, Work};
use super::{Deps, SyncError};
use crate::link::Link;
use crate::people::PersonIndex;
use clients::graph::{Bind, BindOutcome, Bound, Relation, Unbound};
use clients::http::CallError;
use clients::webex::{Added, MembershipRole, Removal, WebexId};
use domain::ids::GroupId;
use domain::membership::{Aspect, Person, Role, Side};
use domain::merge::{DeferredBy, Plan, PlanStep, StepOutcome};

/// Executes what was decided. A step's refusal is that person's; any other error ends the work.
pub(super) async fn execute(
    deps: &Deps,
    run: &SyncRun<'_>,
    link: &Link,
    reading: &Reading,
    plan: &Plan,
    work: Work,
) -> Recorded<Outcomes> {
    let mut record = SyncRecord::of(link.clone());
    let result = async {
        let mut outcomes = Outcomes::default();
        if let Some(attempt) = work.creation {
            let created = create_group(deps, run, &record.link, reading, plan, attempt).await;
            outcomes = record.take(created)?;
        }
        // The group was not created, and the outcomes say why. There is nothing to write to.
        let Some(group) = record.link.group() else { return Ok(outcomes) };
        let target = Target { deps, run, link: &record.link, reading, group };
        outcomes = target.take_steps(plan, outcomes).await;
        // Webex refuses each change of an archived team. Asked only then, so that a team in sync
        // costs nothing.
        if outcomes.has_team_refusal() {
            let stopped = match is_archived(deps, run, link).await {
                Ok(false) => None,
                Ok(true) => Some(SyncError::Archived(link.team)),
                // Unknown: the refusals may be about the team, so no person is marked with one.
                Err(error) => Some(error),
            };
            if let Some(error) = stopped {
                outcomes.withdraw_team_refusals();
                outcomes.stop(error);
            }
        }
        if let (Some(write), None) = (work.rename, &outcomes.stopped) {
            let renamed = rename(deps, run, &record.link, reading, group, write).await;
            if let Err(error) = record.take(renamed) {
                outcomes.stop(error);
            }
        }
        Ok(outcomes)
    }
    .await;
    Recorded { record, result }
}

/// The team and group that steps write to.
struct Target<'a> {
    deps: &'a Deps,
    run: &'a SyncRun<'a>,
    link: &'a Link,
    reading: &'a Reading,
    group: GroupId,
}

impl Target<'_> {
    /// Takes the steps that the creation has not done, until an error ends the work.
    async fn take_steps(&self, plan: &Plan, mut outcomes: Outcomes) -> Outcomes {
        let done: BTreeSet<(Person, Aspect)> =
            outcomes.steps.iter().map(|(step, _)| (step.person, step.aspect)).collect();
        let is_left = |step: &&PlanStep| !done.contains(&(step.person, step.aspect));
        let mut steps = plan.steps.iter().filter(is_left).copied().peekable();
        while let Some(step) = steps.next() {
            if outcomes.stopped.is_some() || outcomes.has_failed_to_add(&step) {
                outcomes.extend(Outcomes::of_step(step, StepOutcome::NotTried));
                continue;
            }
            outcomes.extend(match (step.side, step.to) {
                (Side::Team, _) => self.write_to_team(step).await,
                (Side::Group, Role::None) => self.remove_from_group(step).await,
                (Side::Group, Role::Member) if step.aspect == Aspect::Ownership => {
                    self.demote_in_group(step).await
                }
                (Side::Group, _) => {
                    // Binds share a call; two of one person cannot.
                    let mut together = vec![step];
                    while let Some(next) = steps.next_if(|next| {
                        is_bind(next) && together.iter().all(|one| one.person != next.person)
                    }) {
                        together.push(next);
                    }
                    self.bind(together).await
                }
            });
        }
        outcomes
    }

    async fn write_to_team(&self, step: PlanStep) -> Outcomes {
        let (webex, access) = (&self.deps.webex, &self.run.access.webex);
        let is_moderator = step.to == Role::Owner;
        let role = if is_moderator { MembershipRole::Moderator } else { MembershipRole::Member };
        let answer = match (step.to, self.reading.membership(step.person.person)) {
            (Role::None, Some(membership)) => {
                // Also where it is "not there": no answer is a reading, so this is unconfirmed.
                let removed = webex.remove_membership(access, membership).await;
                removed.map(|(Removal::Removed | Removal::NotFound)| StepOutcome::Done)
            }
            // Not listed, which is no more than an answer: it is unconfirmed like the others.
            (Role::None, None) => Ok(StepOutcome::Done),
            (_, Some(membership)) => {
                webex.set_role(access, membership, role).await.map(|()| StepOutcome::Done)
            }
            (_, None) => self.add_to_team(step, role).await,
        };
        Outcomes::of_answer(step, answer)
    }

    async fn add_to_team(
        &self,
        step: PlanStep,
        role: MembershipRole,
    ) -> Result<StepOutcome, CallError> {
        let (webex, access) = (&self.deps.webex, &self.run.access.webex);
        let space = WebexId::new(self.link.region.clone(), self.link.team.general_space());
        let region = self.run.context.tenant.region.clone();
        let person = WebexId::new(region, step.person.person);
        let added = webex.add_membership(access, &space, &person, role).await?;
        let Added::Conflict { said } = added else { return Ok(StepOutcome::Done) };
        // The conflict can be with a rule of the service: only the membership itself tells. Also
        // then it is an answer, and no answer is a reading: the value is unconfirmed.
        Ok(match webex.membership_in(access, &space, &person).await? {
            Some(_) => StepOutcome::Done,
            None => refused(said),
        })
    }

    async fn remove_from_group(&self, step: PlanStep) -> Outcomes {
        let (graph, access) = (&self.deps.graph, &self.run.access.graph);
        let object = step.person.object;
        // As an owner first: where the service keeps the last owner, the membership stays, too.
        if step.read.group == Role::Owner {
            match graph.remove_owner(access, self.group, object).await {
                Ok(Unbound::Removed | Unbound::NotThere) => {}
                Ok(Unbound::LastOwner) => return Outcomes::of_step(step, last_owner_stays()),
                Err(error) => return Outcomes::of_answer(step, Err(error)),
            }
        }
        // Gone already, or a replica's mistake: the next readings tell.
        let removed = graph.remove_member(access, self.group, object).await;
        Outcomes::of_answer(step, removed.map(|_| StepOutcome::Done))
    }

    /// Demotes an owner. Removing an owner can take the membership along, so the person is bound
    /// as a member again within the same step.
    async fn demote_in_group(&self, step: PlanStep) -> Outcomes {
        let (graph, access) = (&self.deps.graph, &self.run.access.graph);
        let person = step.person.object;
        match graph.remove_owner(access, self.group, person).await {
            Ok(Unbound::LastOwner) => return Outcomes::of_step(step, last_owner_stays()),
            Err(error) => return Outcomes::of_answer(step, Err(error)),
            Ok(Unbound::Removed | Unbound::NotThere) => {}
        }
        let membership = Bind { person, relation: Relation::Member };
        let bound = graph.bind(access, self.group, &[membership]).await;
        let is_bound = matches!(
            bound.outcomes.as_slice(),
            [(_, BindOutcome::Done | BindOutcome::AlreadyThere)]
        );
        // The owner is gone, and the membership may be. Only a reading can say.
        let outcome = if is_bound { StepOutcome::Done } else { StepOutcome::Unknown };
        Outcomes { steps: vec![(step, outcome)], stopped: bound.stopped.map(Into::into) }
    }

    async fn bind(&self, steps: Vec<PlanStep>) -> Outcomes {
        let (graph, access) = (&self.deps.graph, &self.run.access.graph);
        // A person who left the group before it showed would become an owner without membership.
        for step in steps.iter().filter(|step| step.aspect == Aspect::Ownership) {
            let membership = Bind { person: step.person.object, relation: Relation::Member };
            let bound = graph.bind(access, self.group, &[membership]).await;
            if let Some(error) = bound.stopped {
                let untried = steps.into_iter().map(|step| (step, StepOutcome::NotTried));
                return Outcomes { steps: untried.collect(), stopped: Some(error.into()) };
            }
        }
        let binds: Vec<Bind> = steps.iter().flat_map(binds_of).collect();
        let bound = graph.bind(access, self.group, &binds).await;
        let mut outcomes = Outcomes::default();
        for step in steps {
            let is_unknown_user = bound.outcomes.iter().any(|(bind, outcome)| {
                bind.person == step.person.object && matches!(outcome, BindOutcome::NoSuchUser)
            });
            // The index learns it at once, so that no other team plans to add them.
            if is_unknown_user {
                let index = PersonIndex::new(self.deps.store.as_ref(), self.run.tenant());
                let now = self.deps.clock.now();
                if let Err(error) = index.observe_user(step.person.object, None, now).await {
                    outcomes.stop(error);
                }
            }
            outcomes.steps.push((step, outcome_of_binds(&step, &bound)));
        }
        if let Some(error) = bound.stopped {
            outcomes.stop(error);
        }
        outcomes
    }
}

fn is_bind(step: &PlanStep) -> bool {
    let is_addition = step.to == Role::Member && step.aspect == Aspect::Presence;
    step.side == Side::Group && (step.to == Role::Owner || is_addition)
}

fn last_owner_stays() -> StepOutcome {
    refused("the service keeps the last owner")
}

/// The outcome of a step whose relations were bound in one call with others.
fn outcome_of_binds(step: &PlanStep, bound: &Bound) -> StepOutcome {
    let binds = binds_of(step);
    let by_bind: BTreeMap<Bind, &BindOutcome> =
        bound.outcomes.iter().map(|(bind, outcome)| (*bind, outcome)).collect();
    let outcome = |bind: Option<&Bind>| bind.and_then(|bind| by_bind.get(bind).copied());
    let is_there =
        |outcome: &BindOutcome| matches!(outcome, BindOutcome::Done | BindOutcome::AlreadyThere);
    match (outcome(binds.first()), outcome(binds.last())) {
        _ if binds.iter().any(|bind| bound.unknown.contains(bind)) => StepOutcome::Unknown,
        (Some(first), Some(last)) => match (is_there(first), is_there(last)) {
            (true, true) => StepOutcome::Done,
            // They are in the group. Only their role is deferred.
            (true, false) if step.aspect == Aspect::Presence => {
                StepOutcome::WithoutOwnership(refusal_of(last))
            }
            (true, false) => StepOutcome::Refused(refusal_of(last)),
            (false, _) => StepOutcome::Refused(refusal_of(first)),
        },
        // The call broke off between the two relations of this person.
        (Some(first), None) if is_there(first) => StepOutcome::Unknown,
        (_, _) => StepOutcome::NotTried,
    }
}

fn refusal_of(outcome: &BindOutcome) -> DeferredBy {
    let said = match outcome {
        BindOutcome::NoSuchUser => "the directory has no such user".into(),
        BindOutcome::OwnerLimit => "the service has no room for a further owner".into(),
        BindOutcome::Refused(error) => error.to_string(),
        BindOutcome::Done | BindOutcome::AlreadyThere => String::new(),
    };
    DeferredBy::Service { said }
}
