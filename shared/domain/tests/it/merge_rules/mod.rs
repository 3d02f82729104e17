//! The rules of the merge, one by one.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod always;
mod brake;
mod comparing;
mod instructed;
mod limits;
mod readings;

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{ObjectId, PersonId};
use domain::membership::Standing::{self, Absent, Member, Owner};
use domain::membership::{LeftOut, Participation, Person, Side, Sides, Truth};
use domain::merge::{
    Brake, BrakeLimit, Direction, Draft, Held, HeldFor, Holding, Instruction, Intent, Limits, Memory, OWNER_LIMIT,
    Outcome, Owed, OwedTo, PerTruth, Plan, RECENT, Recent, Refusal, Retry, Step, Subject, Terms, Touched, see,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const ALL: [Standing; 3] = [Absent, Member, Owner];
const HERE: Participation = Participation::TakesPart { returned: None };
const AWAY: Participation = Participation::LeftOut { reason: LeftOut::NotSynchronized };

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

fn both(standing: Standing) -> Sides<Standing> {
    Sides { team: standing, group: standing }
}

fn agreed(team: Standing, group: Standing) -> Memory {
    Memory {
        agreed: Sides { team, group },
        been_equal: team == group && team.is_present(),
        before: group,
        ..Memory::default()
    }
}

/// People as they are stored and read, and the rules of one look. Terms and limits are the usual ones unless a test says otherwise.
#[derive(Clone, Debug)]
struct Case {
    people: Vec<(Memory, Sides<Standing>, Participation)>,
    terms: Terms,
    limits: Option<Limits>,
    brake: Option<Brake>,
}

/// A link with one more owner on both sides, who is number 0.
fn link() -> Case {
    let terms = Terms { direction: Direction::Both, last_word: Side::Group, now: minute(0), retry: Retry::OwnRules };
    Case { people: vec![], terms, limits: None, brake: None }.with(agreed(Owner, Owner), Owner, Owner)
}

impl Case {
    fn with(mut self, stored: Memory, team: Standing, group: Standing) -> Self {
        self.people.push((stored, Sides { team, group }, HERE));
        self
    }

    fn people(mut self, n: usize, stored: &Memory, team: Standing, group: Standing) -> Self {
        self.people.extend((0..n).map(|_| (stored.clone(), Sides { team, group }, HERE)));
        self
    }

    fn alone(mut self) -> Self {
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

    fn brake(mut self, brake: Brake) -> Self {
        self.brake = Some(Brake { people: self.people.len(), ..brake });
        self
    }

    fn owner_limit(mut self, group_owners: usize) -> Self {
        self.limits = Some(Limits { owners: Sides::default(), group_owners });
        self
    }

    fn draft(&self) -> (Draft, Limits) {
        let subjects: Vec<Subject> = self
            .people
            .iter()
            .enumerate()
            .map(|(n, (stored, read, participation))| Subject {
                person: person(n),
                stored: stored.clone(),
                seen: see(stored, *read, self.terms.now),
                participation: *participation,
            })
            .collect();
        let owners = Sides::each(|side| subjects.iter().filter(|s| s.seen.standing[side] == Owner).count());
        let group_owners = self.limits.map_or(OWNER_LIMIT, |limits| limits.group_owners);
        (Draft::of(subjects, &self.terms), Limits { owners, group_owners })
    }

    fn look(&self) -> Plan {
        let (mut draft, limits) = self.draft();
        if let Some(brake) = &self.brake {
            draft.brake(brake);
        }
        draft.order(&limits, self.terms.now)
    }

    fn steps(&self) -> Vec<String> {
        self.look().shown()
    }

    /// The case after a look whose steps had these outcomes, with readings that show them.
    fn after(&self, outcome: impl Fn(usize) -> Outcome) -> Self {
        let mut plan = self.look();
        let _ = plan.intend(self.terms.now).count();
        let mut next = self.clone();
        let mut failed = BTreeSet::new();
        for (i, step) in plan.steps.clone().into_iter().enumerate() {
            let (memory, _) = plan.memories.get_mut(&step.person).unwrap();
            let outcome = if failed.contains(&step.person) { Outcome::NotTried } else { outcome(i) };
            if outcome != Outcome::Done {
                failed.insert(step.person);
            }
            *memory = memory.clone().after(&step, &outcome, self.terms.now);
            if outcome == Outcome::Done {
                next.people[number(step.person)].1[step.side] = step.to;
            }
        }
        for (who, (memory, _)) in plan.memories {
            next.people[number(who)].0 = memory;
        }
        next
    }
}

trait Shown {
    fn shown(&self) -> Vec<String>;
    fn untouched(&self) -> bool;
    fn memory(&self, n: usize) -> &Memory;
}

impl Shown for Plan {
    fn shown(&self) -> Vec<String> {
        let word = |step: &Step| match (step.truth, step.to) {
            (Truth::Presence, Absent) => "remove".to_owned(),
            (Truth::Presence, to) => format!("add as {to}"),
            (Truth::Role, Owner) => "promote".to_owned(),
            (Truth::Role, _) => "demote".to_owned(),
        };
        self.steps.iter().map(|step| format!("{}: {} {}", step.side, word(step), number(step.person))).collect()
    }

    fn untouched(&self) -> bool {
        self.memories.values().all(|(_, touched)| *touched == Touched::No)
    }

    fn memory(&self, n: usize) -> &Memory {
        &self.memories[&person(n)].0
    }
}

fn owed(side: Side, by: OwedTo) -> Option<Owed> {
    Some(Owed { side, by, since: minute(-60) })
}

fn rule(refusal: Refusal) -> OwedTo {
    OwedTo::Rule { refusal }
}

fn service() -> OwedTo {
    OwedTo::Service { said: "no".into() }
}

const NONE: [&str; 0] = [];

/// Why removals wait, and how many.
fn held(plan: &Plan) -> Option<(HeldFor, usize)> {
    plan.held.as_ref().map(|(why, held)| (*why, held.len()))
}
