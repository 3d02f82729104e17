//! Rules of the merge, one by one.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod changes;
mod order;
mod overlay;
mod overrides;
mod properties;
mod removal_limit;
mod unconfirmed;

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{ObjectId, PersonId};
use domain::membership::Role::{self, Member, Owner};
use domain::membership::{Aspect, Eligibility, ExclusionReason, Person, Side, Sides};
use domain::merge::{
    ApprovalReason, ApprovalState, Certainty, Deferred, DeferredBy, Direction, Dirty, Draft,
    LAG_WINDOW, LagEntry, OWNER_LIMIT, OverlaidReading, Override, OwnerLimits, PerAspect,
    PersonRemoval, PersonState, Plan, PlanStep, Proof, RemovalGuard, RemovalLimit, Retry,
    RuleRefusal, StepOutcome, Subject, Terms, Work, WriteIntent, apply_overlay,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const ALL: [Role; 3] = [Role::None, Member, Owner];
const ELIGIBLE: Eligibility = Eligibility::Eligible { returned: None };
const EXCLUDED: Eligibility = Eligibility::Excluded { reason: ExclusionReason::NotSynchronized };

fn minute(n: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * n).unwrap()
}

fn person(n: usize) -> Person {
    let id = Uuid::from_u128(n as u128);
    Person { object: ObjectId(id), person: PersonId(id) }
}

fn number(person: Person) -> usize {
    person.object.0.as_u128() as usize
}

fn both(role: Role) -> Sides<Role> {
    Sides { team: role, group: role }
}

/// Returns a reading in which every absence is proved.
fn believed(stored: &PersonState, read: Sides<Role>, now: Timestamp) -> OverlaidReading {
    let proofs = Sides::each(|side| Proof::AnsweredForDecided(read[side]));
    apply_overlay(stored, read, proofs, now)
}

fn baseline(team: Role, group: Role) -> PersonState {
    PersonState {
        baseline: Sides { team, group },
        been_equal: team == group && team.is_present(),
        before: group,
        ..PersonState::default()
    }
}

/// Stored states and readings of people, with the rules of one sync run. Terms and limits are the
/// defaults unless a test sets them.
#[derive(Clone, Debug)]
struct Case {
    people: Vec<(PersonState, Sides<Role>, Eligibility)>,
    terms: Terms,
    limits: Option<OwnerLimits>,
    guard: Option<RemovalGuard>,
}

/// Returns a link with one owner on both sides, person 0.
fn link() -> Case {
    let terms = Terms {
        direction: Direction::Both,
        last_word: Side::Group,
        now: minute(0),
        retry: Retry::OwnRules,
    };
    Case { people: vec![], terms, limits: None, guard: None }.with(
        baseline(Owner, Owner),
        Owner,
        Owner,
    )
}

impl Case {
    fn with(mut self, stored: PersonState, team: Role, group: Role) -> Self {
        self.people.push((stored, Sides { team, group }, ELIGIBLE));
        self
    }

    fn people(mut self, n: usize, stored: &PersonState, team: Role, group: Role) -> Self {
        self.people.extend((0..n).map(|_| (stored.clone(), Sides { team, group }, ELIGIBLE)));
        self
    }

    fn without_owner(mut self) -> Self {
        self.people.remove(0);
        self
    }

    fn direction(mut self, direction: Direction) -> Self {
        self.terms.direction = direction;
        self
    }

    fn at(mut self, now: Timestamp) -> Self {
        self.terms.now = now;
        self
    }

    fn daily(mut self) -> Self {
        self.terms.retry = Retry::Everything;
        self
    }

    fn limit_removals(mut self, guard: RemovalGuard) -> Self {
        self.guard = Some(RemovalGuard { people: self.people.len(), ..guard });
        self
    }

    fn owner_limit(mut self, group_owners: usize) -> Self {
        self.limits = Some(OwnerLimits { owners: Sides::default(), group_owners });
        self
    }

    fn draft(&self) -> (Draft, OwnerLimits) {
        let subjects: Vec<Subject> = self
            .people
            .iter()
            .enumerate()
            .map(|(n, (stored, read, eligibility))| Subject {
                person: person(n),
                stored: stored.clone(),
                seen: believed(stored, *read, self.terms.now),
                eligibility: *eligibility,
            })
            .collect();
        let owners =
            Sides::each(|side| subjects.iter().filter(|s| s.seen.roles[side] == Owner).count());
        let group_owners = self.limits.map_or(OWNER_LIMIT, |limits| limits.group_owners);
        (Draft::of(subjects, &self.terms), OwnerLimits { owners, group_owners })
    }

    fn plan(&self) -> Plan {
        let (mut draft, limits) = self.draft();
        if let Some(guard) = &self.guard {
            draft.limit_removals(guard);
        }
        draft.order(&limits, self.terms.now)
    }

    fn steps(&self) -> Vec<String> {
        self.plan().texts()
    }

    /// Returns the case after a run with these outcomes, with readings that show them.
    fn after(&self, outcome: impl Fn(usize) -> StepOutcome) -> Self {
        self.after_plan(self.plan(), outcome)
    }

    fn after_plan(&self, mut plan: Plan, outcome: impl Fn(usize) -> StepOutcome) -> Self {
        let _ = plan.intend(self.terms.now).count();
        let mut next = self.clone();
        let mut failed = BTreeSet::new();
        for (i, step) in plan.steps.clone().into_iter().enumerate() {
            let (state, _) = plan.states.get_mut(&step.person).unwrap();
            let outcome =
                if failed.contains(&step.person) { StepOutcome::NotTried } else { outcome(i) };
            if outcome != StepOutcome::Done {
                failed.insert(step.person);
            }
            *state = state.clone().after(&step, &outcome, self.terms.now);
            if outcome == StepOutcome::Done {
                next.people[number(step.person)].1[step.side] = step.to;
            }
        }
        for (who, (state, _)) in plan.states {
            next.people[number(who)].0 = state;
        }
        next
    }
}

trait PlanExt {
    fn texts(&self) -> Vec<String>;
    fn is_clean(&self) -> bool;
    fn state(&self, n: usize) -> &PersonState;
}

impl PlanExt for Plan {
    fn texts(&self) -> Vec<String> {
        let text = |step: &PlanStep| match (step.aspect, step.to) {
            (Aspect::Presence, Role::None) => "remove".to_owned(),
            (Aspect::Presence, to) => format!("add as {to}"),
            (Aspect::Ownership, Owner) => "promote".to_owned(),
            (Aspect::Ownership, _) => "demote".to_owned(),
        };
        self.steps
            .iter()
            .map(|step| format!("{}: {} {}", step.side, text(step), number(step.person)))
            .collect()
    }

    fn is_clean(&self) -> bool {
        self.states.values().all(|(_, dirty)| *dirty == Dirty::No)
    }

    fn state(&self, n: usize) -> &PersonState {
        &self.states[&person(n)].0
    }
}

fn deferred(side: Side, by: DeferredBy) -> Option<Deferred> {
    Some(Deferred { side, by, since: minute(-60), tried: None })
}

fn rule(refusal: RuleRefusal) -> DeferredBy {
    DeferredBy::Rule { refusal }
}

fn service() -> DeferredBy {
    DeferredBy::Service { said: "no".into() }
}

const NONE: [&str; 0] = [];

/// Returns the reason and number of pending removals.
fn held(plan: &Plan) -> Option<(ApprovalReason, usize)> {
    plan.held.as_ref().map(|(why, held)| (*why, held.len()))
}
