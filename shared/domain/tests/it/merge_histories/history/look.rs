//! The look, made of the real functions: messages, leases, crashes, proof, brake, writes and the record.

use std::collections::BTreeSet;

use domain::membership::{LeftOut, Participation, Person, Side, Sides, Standing, Truth};
use domain::merge::{
    Brake, BrakeLimit, Direction, Draft, Held, Holding, Limits, Memory, Outcome, OwedTo, Plan, Refusal, Retry, Step,
    Subject, Terms, Touched, see,
};

use super::super::misreading::Misreading;
use super::super::world::{
    Binding, HOUR, MINUTE, Membership, Ms, No, Part, SECOND, letters, number, person, timestamp,
};
use super::super::{Start, Trouble};
use super::{Act, Cause, Event, History, RECENT, Written};

/// What the brake is told to have been removed already, so that a link of a few people may lose one a day.
const REMOVED_BEFORE: usize = 4;

/// A look between two of its writes.
pub(super) struct Look {
    cause: Cause,
    started: Ms,
    crashes_at: Option<usize>,
    points: usize,
    plan: Plan,
    next: usize,
    direction: Direction,
    /// Whether the group was seen to have all the owners that it may have.
    full: bool,
    approved: BTreeSet<Held>,
    unbraked: bool,
    /// Whether something is to be tried again soon.
    is_open: bool,
    /// Who had a step that was not done: no later one is tried.
    failed: BTreeSet<Person>,
}

impl History<'_> {
    /// A message, received at `first` before if it was given back.
    pub(super) fn arrives(&mut self, cause: Cause, first: Option<Ms>) {
        let at = first.unwrap_or(self.now);
        if cause == Cause::GroupHint && first.is_none() && !self.misreads(Misreading::NoLookAfterRecent) {
            let confirm = self.now + RECENT + SECOND;
            self.link.confirm = Some(confirm);
            self.put(confirm, Event::Confirm(confirm));
        }
        let is_answered = self.link.looked >= at
            && (self.link.wanted <= self.link.looked || self.misreads(Misreading::WantedForgottenByTheDead));
        if is_answered && (first.is_some() || cause != Cause::Daily) {
            return;
        }
        if self.holder.is_some() {
            self.link.wanted = self.link.wanted.max(self.now);
        } else if self.now < self.link.leased {
            self.link.wanted = self.link.wanted.max(self.now);
            let event = Event::Redelivery(cause, at);
            self.put(self.link.leased + 1, event);
        } else {
            self.look(cause);
        }
    }

    /// A point where the function can die.
    fn dies(&mut self, look: &mut Look) -> bool {
        look.points += 1;
        if look.crashes_at != Some(look.points) {
            return false;
        }
        self.say(format_args!("   CRASH"));
        let begun = look.plan.steps[..look.next].iter().map(|step| (number(step.person), self.now));
        self.unrecorded.extend(begun);
        self.link.leased = self.now + MINUTE;
        self.put(self.link.leased + SECOND, Event::Redelivery(look.cause, look.started));
        true
    }

    fn subjects(&mut self, group: &[Standing]) -> Vec<Subject> {
        let now = timestamp(self.now);
        let persons: BTreeSet<Person> = (0..self.config.people)
            .map(|p| person(p, self.accounts[p]))
            .chain(self.link.stored.keys().copied())
            .collect();
        persons
            .into_iter()
            .map(|who| {
                let p = number(who);
                let is_current = who == person(p, self.accounts[p]);
                let team = if is_current { self.world.team[p] } else { Standing::Absent };
                let read = Sides { team, group: group[p] };
                let stored = self.link.stored.get(&who).cloned().unwrap_or_default();
                let seen = match self.config.misreading {
                    Some(how) => how.see(&stored, read, now),
                    None => see(&stored, read, now),
                };
                let participation = match self.participation[p] {
                    _ if !is_current => Participation::LeftOut { reason: LeftOut::NoWebexAccount },
                    _ if self.misreads(Misreading::EverybodyTakesPart) => Participation::TakesPart { returned: None },
                    Participation::TakesPart { .. }
                        if self.misreads(Misreading::ReturnedMergedAtOnce)
                            || self.misreads(Misreading::ReturnedOnlyNotRemoved) =>
                    {
                        Participation::TakesPart { returned: None }
                    }
                    as_known => as_known,
                };
                Subject { person: who, stored, seen, participation }
            })
            .collect()
    }

    fn look(&mut self, cause: Cause) {
        let misreading = self.config.misreading;
        let crashes_at = self.rng.percent(self.config.crash).then(|| 1 + self.rng.below(8));
        let group = self.world.read_group(&mut self.rng, self.now, misreading);
        let subjects = self.subjects(&group);
        let retry = if cause == Cause::Daily && !self.misreads(Misreading::ServiceNeverAskedAgain) {
            Retry::Everything
        } else {
            Retry::OwnRules
        };
        let now = timestamp(self.now);
        let terms = Terms { direction: self.direction, last_word: Side::Group, now, retry };
        let current = |s: &Subject| s.person == person(number(s.person), self.accounts[number(s.person)]);
        let standings: Vec<Sides<Standing>> = subjects.iter().filter(|s| current(s)).map(|s| s.seen.standing).collect();
        if self.trace.is_some() {
            let (team, seen) = (letters(standings.iter().map(|s| s.team)), letters(standings.iter().map(|s| s.group)));
            let truth = letters((0..self.config.people).map(|p| self.world.group(p)));
            let raw = letters(group.iter().copied());
            self.say(format_args!("look ({cause:?}) team {team}, group read {raw}, seen {seen}, in truth {truth}"));
        }
        let owners = Sides::each(|side| standings.iter().filter(|s| s[side] == Standing::Owner).count());
        let mut draft = Draft::of(subjects.iter().cloned(), &terms);
        self.prove(&mut draft);
        let mut look = Look {
            cause,
            started: self.now,
            crashes_at,
            points: 0,
            plan: Plan::default(),
            next: 0,
            direction: self.direction,
            full: owners.group >= self.config.owner_limit,
            approved: BTreeSet::new(),
            unbraked: self.link.held.is_empty(),
            is_open: false,
            failed: BTreeSet::new(),
        };
        if self.config.brake {
            let removals: Vec<Held> = draft.removals().collect();
            for decided in [&mut self.link.approved, &mut self.link.discarded] {
                decided.retain(|held| removals.contains(held));
            }
            look.approved = self.link.approved.clone();
            let brake = self.brake(&removals);
            draft.brake(&brake);
        }
        let limits = Limits { owners, group_owners: self.config.owner_limit };
        look.plan = draft.order(&limits, now);
        if let Some(how) = misreading {
            how.tamper_with_plan(&mut look.plan, &subjects, &terms);
        }
        for step in &look.plan.steps {
            let p = number(step.person);
            if !matches!(self.participation[p], Participation::TakesPart { .. }) && misreading.is_none() {
                self.bad.insert("somebody left out is in a step", 1);
            }
        }
        if self.dies(&mut look) {
            return;
        }
        let intended: Vec<(Person, Memory)> =
            look.plan.intend(now).map(|(who, memory)| (who, memory.clone())).collect();
        if !self.misreads(Misreading::IntentsNotStored) {
            self.link.stored.extend(intended);
        }
        if self.dies(&mut look) {
            return;
        }
        self.schedule(look);
    }

    /// Whoever a removal would meet is asked for as a person first.
    fn prove(&mut self, draft: &mut Draft) {
        if self.misreads(Misreading::RemovedWithoutProof) || self.misreads(Misreading::EverybodyTakesPart) {
            return;
        }
        let waits = |p: usize| {
            let since = match self.participation[p] {
                Participation::TakesPart { returned } => returned,
                Participation::LeftOut { .. } => None,
            };
            since.is_some_and(|at| timestamp(self.now).duration_since(at) < domain::merge::RECENT)
        };
        let unproven: Vec<Person> = draft
            .removals()
            .map(|held| held.person)
            .filter(|who| {
                let p = number(*who);
                !self.exists[p] || self.misreads(Misreading::ReturnedOnlyNotRemoved) && waits(p)
            })
            .collect();
        for who in unproven {
            draft.leave_out(who);
        }
    }

    fn brake(&mut self, removals: &[Held]) -> Brake {
        let now = self.now;
        self.link.removed.retain(|at| now - at < 24 * HOUR);
        let holding = match self.link.held.is_empty() || self.misreads(Misreading::HoldingForgotten) {
            true => Holding::Nothing,
            false => Holding::Plan,
        };
        let brake = Brake {
            limit: BrakeLimit::OF_A_LINK,
            removed: REMOVED_BEFORE + self.link.removed.len(),
            people: self.config.people,
            holding,
            approved: self.link.approved.clone(),
            discarded: self.link.discarded.clone(),
            shown: None,
        };
        match self.config.misreading {
            Some(how) => how.tamper_with_brake(brake, removals),
            None => brake,
        }
    }

    /// A call takes its time, and so does the record.
    fn schedule(&mut self, look: Look) {
        self.holder = Some(look);
        let pause = self.rng.between(SECOND / 5, 2 * SECOND) * self.config.slow;
        self.put(self.now + pause, Event::Continue);
    }

    pub(super) fn go_on(&mut self) {
        let Some(mut look) = self.holder.take() else { return };
        if self.dies(&mut look) {
            return;
        }
        let Some(step) = look.plan.steps.get(look.next).copied() else { return self.record(look) };
        look.next += 1;
        let outcome = if look.failed.contains(&step.person) {
            Outcome::NotTried
        } else {
            let Some(outcome) = self.write(&mut look, &step) else { return };
            outcome
        };
        if !matches!(outcome, Outcome::Done) {
            look.failed.insert(step.person);
        }
        if self.dies(&mut look) {
            return;
        }
        if let Some((memory, touched)) = look.plan.memories.get_mut(&step.person) {
            let before = memory.clone();
            *memory = memory.clone().after(&step, &outcome, timestamp(self.now));
            *touched = Touched::Yes;
            look.is_open |= matches!(outcome, Outcome::Unknown | Outcome::NotTried);
            if let Some(how) = self.config.misreading {
                how.tamper_with_outcome(memory, &before, &outcome);
            }
        }
        self.schedule(look);
    }

    /// Takes a step outside; `None` if the function died half way.
    fn write(&mut self, look: &mut Look, step: &Step) -> Option<Outcome> {
        let (p, side) = (number(step.person), step.side);
        let was = self.world.is(p, side);
        let is_lost = self.rng.percent(self.config.crash / 6);
        if is_lost {
            self.unrecorded.push((p, self.now));
        }
        if is_lost && self.rng.percent(50) {
            self.say(format_args!("   lost on its way: {side} {p} -> {}", step.to));
            return Some(Outcome::Unknown);
        }
        let is_refused = was != step.to && self.now < self.end && self.rng.percent(self.config.refusals);
        let answer = if is_refused { Ok(Some("no")) } else { self.call(look, step)?.map(|()| None) };
        let is = self.world.is(p, side);
        if was != is {
            self.has_written(look, step, was, is);
        }
        let makes_room =
            |step: &Step| step.side == Side::Group && step.truth == Truth::Role && step.to == Standing::Member;
        if answer == Err(No::OwnerLimit) && look.full && look.plan.steps[look.next..].iter().any(makes_room) {
            self.is_bad("refused for want of the room that a later step makes");
        }
        let rule = |refusal| OwedTo::Rule { refusal };
        let outcome = match answer {
            _ if is_lost => Outcome::Unknown,
            Ok(None) => Outcome::Done,
            Ok(Some(said)) => Outcome::Refused(OwedTo::Service { said: said.into() }),
            Err(No::NotThere) => Outcome::NotTried,
            Err(No::LastOwner) => Outcome::Refused(rule(Refusal::LastOwner)),
            Err(No::OwnerLimit) if step.truth == Truth::Presence => {
                let _ = self.world.add(p, side, Standing::Member, &mut self.rng, self.now);
                let is = self.world.is(p, side);
                self.has_written(look, step, was, is);
                Outcome::WithoutRole(rule(Refusal::OwnerLimit))
            }
            Err(No::OwnerLimit) => Outcome::Refused(rule(Refusal::OwnerLimit)),
        };
        if outcome != Outcome::Done {
            self.say(format_args!("   {side} {p} -> {}: {outcome:?}", step.to));
        }
        Some(outcome)
    }

    fn call(&mut self, look: &mut Look, step: &Step) -> Option<Result<(), No>> {
        let (p, side, now) = (number(step.person), step.side, self.now);
        Some(match (step.truth, step.to) {
            (Truth::Presence, Standing::Absent) => {
                // Two calls: the owner goes first.
                let begun = self.world.remove(p, side, Part::Role, &mut self.rng, now);
                if begun.is_ok() && side == Side::Group && self.dies(look) {
                    return None;
                }
                begun.and_then(|()| self.world.remove(p, side, Part::Whole, &mut self.rng, now))
            }
            (Truth::Presence, to) => self.world.add(p, side, to, &mut self.rng, now),
            (Truth::Role, to) => {
                let is_taken = self.rng.percent(self.config.teams_bug);
                let membership = if is_taken { Membership::IsTakenAlong } else { Membership::Stays };
                let is_forgotten = self.misreads(Misreading::DemotedWithoutBinding);
                let binding = if is_forgotten { Binding::Forgotten } else { Binding::Made };
                self.world.change_role(p, side, to, (membership, binding), &mut self.rng, now)
            }
        })
    }

    fn has_written(&mut self, look: &Look, step: &Step, was: Standing, is: Standing) {
        let (p, side) = (number(step.person), step.side);
        self.written.push(Written { at: self.now, read: look.started, p });
        self.say(format_args!("   WE {side} {p}: {was} -> {is}"));
        if is == Standing::Absent {
            if !self.removed_by_people.contains(&p) {
                self.is_bad("removed whom no human removed");
            }
            let held = Held { person: step.person, side };
            if self.config.brake && !look.approved.contains(&held) {
                self.link.removed.push(self.now);
                self.brake_has_held(look, held);
            }
        }
        if side == Side::Group && self.uncarried.contains(&p) {
            self.is_bad("carried after all what the direction does not carry");
        }
        let is_explained = self.acts.iter().any(|act| act.p == p && act.side != side)
            || self.config.start == Start::Unlinked
            || self.config.trouble == Trouble::Rehired
            || self.config.trouble == Trouble::Restored;
        if !is_explained {
            let near_crash = self.unrecorded.iter().any(|(who, at)| *who == p && self.now - at <= 2 * RECENT);
            self.is_bad(if near_crash {
                "(written near a crash, although nobody changed the other side)"
            } else {
                "written although nobody changed the other side"
            });
        }
        self.hint(side, SECOND / 2, 20 * SECOND);
    }

    fn brake_has_held(&mut self, look: &Look, held: Held) {
        let now = self.now;
        if self.link.removed.iter().filter(|at| now - **at < 24 * HOUR).count() > 5 - REMOVED_BEFORE {
            self.is_bad("more removals than the brake lets pass");
        }
        if !look.unbraked {
            self.is_bad("removed while a plan is held");
        }
        let is_fresh = |act: &Act| act.p == number(held.person) && now - act.at < 3 * HOUR;
        if self.ever_held.contains(&held) && !self.acts.iter().any(is_fresh) {
            self.is_bad("held, then removed without being applied");
        }
    }

    fn record(&mut self, mut look: Look) {
        for (who, (memory, touched)) in &mut look.plan.memories {
            if memory.owed.presence.is_some() || memory.owed.role.is_some() {
                self.refused.insert(number(*who));
            }
            if let Some(how) = self.config.misreading {
                how.tamper_with_record(memory);
                *touched = Touched::Yes;
            }
            if *touched == Touched::Yes {
                self.link.stored.insert(*who, memory.clone());
            } else if self.link.stored.get(who).is_some_and(|stored| stored != memory) {
                self.bad.insert("untouched, yet different", 1);
            }
        }
        let is_instructed = |step: &Step| look.plan.memories[&step.person].0.instruction.is_some();
        look.is_open |= look.plan.steps.iter().any(is_instructed);
        let done = &look.plan.steps;
        for decided in [&mut self.link.approved, &mut self.link.discarded] {
            decided.retain(|held| !done.iter().any(|step| step.person == held.person));
        }
        if self.config.brake {
            self.link.held = look.plan.held.as_ref().map_or(vec![], |(_, held)| held.clone());
            self.ever_held.extend(self.link.held.iter().copied());
            if !self.link.held.is_empty() {
                let held: Vec<usize> = self.link.held.iter().map(|held| number(held.person)).collect();
                self.say(format_args!("   held {held:?}"));
            }
        }
        if look.direction == Direction::Microsoft {
            let has_been_equal = |p: usize| self.link.stored[&person(p, self.accounts[p])].been_equal;
            let before = self.acts.iter().filter(|act| act.side == Side::Team && act.at < look.started);
            let last = before.map(|act| act.p).filter(|&p| has_been_equal(p));
            let settled: Vec<usize> =
                last.filter(|&p| !self.acts.iter().any(|act| act.p == p && act.at >= look.started)).collect();
            self.uncarried.extend(settled);
        }
        (self.link.looked, self.link.leased) = (look.started, -1);
        let ends = self.link.stored.values().filter_map(Memory::due).map(|at| {
            let due = at.as_millisecond() - timestamp(0).as_millisecond();
            due.max(self.now + 1)
        });
        self.link.due = if self.seed.is_multiple_of(2) { ends.max() } else { ends.min() };
        if let Some(due) = self.link.due {
            self.put(due, Event::Due(due));
        }
        if look.is_open {
            self.put(self.now + MINUTE, Event::Message(Cause::Timer));
        }
        if self.link.wanted > self.link.looked {
            if look.crashes_at == Some(8) && self.misreads(Misreading::WantedForgottenByTheDead) {
                self.say(format_args!("   CRASH after the record"));
                return;
            }
            self.put(self.now + SECOND, Event::Message(Cause::TeamHint));
        }
    }
}
