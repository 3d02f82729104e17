//! Sync run by the real functions: messages, leases, crashes, proof, removal limit, writes and
//! record.

use std::collections::BTreeSet;

use domain::membership::{Aspect, Eligibility, Person, Role, Side, Sides};
use domain::merge::{
    ApprovalState, Certainty, DeferredBy, Direction, Dirty, Draft, OwnerLimits, PersonRemoval,
    PersonState, Plan, PlanStep, RemovalGuard, RemovalLimit, Retry, RuleRefusal, StepOutcome,
    Subject, Terms,
};
use jiff::Timestamp;

use super::super::lies::Answer;
use super::super::misreading::Misreading;
use super::super::world::{
    Binding, Demotion, HOUR, MINUTE, Membership, Ms, Part, Refusal, SECOND, letters, number,
    person, timestamp,
};
use super::super::{AccountFault, Start};
use super::{Act, Event, History, LAG_WINDOW, Trigger, Written};

/// Earlier removals that count against the limit, so that a small link can lose one person a day.
const REMOVED_BEFORE: usize = 4;

/// Sync run between two of its writes.
pub(super) struct SyncRun {
    trigger: Trigger,
    started: Ms,
    crashes_at: Option<usize>,
    points: usize,
    plan: Plan,
    next: usize,
    direction: Direction,
    /// `true` if the reading showed the maximum number of owners.
    full: bool,
    approved: BTreeSet<PersonRemoval>,
    nothing_held: bool,
    /// `true` if a retry is due soon.
    is_open: bool,
    /// People with a failed step. Their later steps are not tried.
    failed: BTreeSet<Person>,
}

impl History<'_> {
    /// Receives a message, first delivered at `first` if it was returned.
    pub(super) fn receive(&mut self, trigger: Trigger, first: Option<Ms>) {
        let at = first.unwrap_or(self.now);
        if trigger == Trigger::GroupHint
            && first.is_none()
            && !self.misreads(Misreading::NoRunAfterLagWindow)
        {
            let confirm = self.now + LAG_WINDOW + SECOND;
            self.link.confirm = Some(confirm);
            self.put(confirm, Event::Confirm(confirm));
        }
        let is_answered = self.link.synced_at >= at
            && (self.link.requested_at <= self.link.synced_at
                || self.misreads(Misreading::RequestLostByCrash));
        if is_answered && (first.is_some() || trigger != Trigger::Daily) {
            return;
        }
        if self.active_run.is_some() {
            self.link.requested_at = self.link.requested_at.max(self.now);
        } else if self.now < self.link.leased_until {
            self.link.requested_at = self.link.requested_at.max(self.now);
            let event = Event::Redelivery(trigger, at);
            self.put(self.link.leased_until + 1, event);
        } else {
            self.sync(trigger);
        }
    }

    /// Returns `true` if the function crashes at this point.
    fn crashes(&mut self, run: &mut SyncRun) -> bool {
        run.points += 1;
        if run.crashes_at != Some(run.points) {
            return false;
        }
        self.log(format_args!("   CRASH"));
        let begun = run.plan.steps[..run.next].iter().map(|step| (number(step.person), self.now));
        self.unrecorded.extend(begun);
        self.link.leased_until = self.now + MINUTE;
        self.put(self.link.leased_until + SECOND, Event::Redelivery(run.trigger, run.started));
        true
    }

    fn sync(&mut self, trigger: Trigger) {
        let misreading = self.config.misreading;
        let crashes_at = self.rng.percent(self.config.crash).then(|| 1 + self.rng.below(8));
        let group = self.world.read_group(&mut self.rng, self.now, misreading);
        let retry = if trigger == Trigger::Daily && !self.misreads(Misreading::ServiceNeverRetried)
        {
            Retry::Everything
        } else {
            Retry::OwnRules
        };
        let now = timestamp(self.now);
        let terms = Terms { direction: self.direction, last_word: Side::Group, now, retry };
        let subjects = self.subjects(&group, &terms);
        let current =
            |s: &Subject| s.person == person(number(s.person), self.accounts[number(s.person)]);
        let roles: Vec<Sides<Role>> =
            subjects.iter().filter(|s| current(s)).map(|s| s.seen.roles).collect();
        self.log_readings(trigger, &roles, &group);
        let owners = Sides::each(|side| roles.iter().filter(|s| s[side] == Role::Owner).count());
        let mut draft = Draft::of(subjects.iter().cloned(), &terms);
        self.prove(&mut draft);
        let mut run = SyncRun {
            trigger,
            started: self.now,
            crashes_at,
            points: 0,
            plan: Plan::default(),
            next: 0,
            direction: self.direction,
            full: owners.group >= self.config.owner_limit,
            approved: BTreeSet::new(),
            nothing_held: self.link.held.is_empty(),
            is_open: false,
            failed: BTreeSet::new(),
        };
        if self.config.guard {
            let unclear = subjects
                .iter()
                .filter(|subject| subject.seen.certainty == Certainty::Unclear)
                .map(|subject| subject.person)
                .collect();
            self.limit_removals(&mut draft, &unclear);
            run.approved = self.link.approved.clone();
        }
        let limits = OwnerLimits { owners, group_owners: self.config.owner_limit };
        run.plan = draft.order(&limits, now);
        if let Some(how) = misreading {
            how.tamper_with_plan(&mut run.plan, &subjects, &terms);
        }
        self.check_eligibility(&run.plan);
        if self.crashes(&mut run) {
            return;
        }
        let intended: Vec<(Person, PersonState)> =
            run.plan.intend(now).map(|(who, state)| (who, state.clone())).collect();
        if !self.misreads(Misreading::IntentsNotStored) {
            self.link.stored.extend(intended);
        }
        if self.crashes(&mut run) {
            return;
        }
        self.resume_later(run);
    }

    fn log_readings(&mut self, trigger: Trigger, roles: &[Sides<Role>], group: &[Role]) {
        if self.trace.is_none() {
            return;
        }
        let team = letters(roles.iter().map(|role| role.team));
        let seen = letters(roles.iter().map(|role| role.group));
        let actual = letters((0..self.config.people).map(|p| self.world.group(p)));
        let raw = letters(group.iter().copied());
        self.log(format_args!(
            "sync run ({trigger:?}) team {team}, group read {raw}, seen {seen}, actual {actual}"
        ));
    }

    fn check_eligibility(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let eligibility = self.eligibility[number(step.person)];
            let is_excluded = matches!(eligibility, Eligibility::Excluded { .. });
            if is_excluded && self.config.misreading.is_none() {
                self.bad.insert("an excluded person is in a step", 1);
            }
        }
    }

    /// Drops removals of people whom a read does not find.
    fn prove(&mut self, draft: &mut Draft) {
        if self.misreads(Misreading::RemovedWithoutProof) || self.misreads(Misreading::AllEligible)
        {
            return;
        }
        let waits = |p: usize| {
            let since = match self.eligibility[p] {
                Eligibility::Eligible { returned } => returned,
                Eligibility::Excluded { .. } => None,
            };
            since.is_some_and(|at| {
                timestamp(self.now).duration_since(at) < domain::merge::LAG_WINDOW
            })
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
            draft.exclude(who);
        }
    }

    fn limit_removals(&mut self, draft: &mut Draft, unclear: &BTreeSet<Person>) {
        let removals: Vec<PersonRemoval> = draft.removals().collect();
        for decided in [&mut self.link.approved, &mut self.link.discarded] {
            decided.retain(|held| removals.contains(held) || unclear.contains(&held.person));
        }
        let guard = self.guard();
        draft.limit_removals(&match self.config.misreading {
            Some(how) => how.tamper_with_limit(guard, &removals),
            None => guard,
        });
    }

    /// Returns the removal guard of the link.
    pub(super) fn guard(&mut self) -> RemovalGuard {
        let now = self.now;
        self.link.removed.retain(|at| now - at < 24 * HOUR);
        let approval = match self.link.held.is_empty() || self.misreads(Misreading::PendingIgnored)
        {
            true => ApprovalState::Clear,
            false => ApprovalState::Pending,
        };
        RemovalGuard {
            limit: RemovalLimit::PER_LINK,
            removed: REMOVED_BEFORE + self.link.removed.len(),
            people: self.config.people,
            approval,
            pending: self.link.held.iter().copied().collect(),
            approved: self.link.approved.clone(),
            discarded: self.link.discarded.clone(),
            shown: None,
        }
    }

    /// Continues later, because calls and the record take time.
    fn resume_later(&mut self, run: SyncRun) {
        self.active_run = Some(run);
        let pause = self.rng.between(SECOND / 5, 2 * SECOND) * self.config.slow;
        self.put(self.now + pause, Event::Continue);
    }

    pub(super) fn proceed(&mut self) {
        let Some(mut run) = self.active_run.take() else {
            return;
        };
        if self.crashes(&mut run) {
            return;
        }
        let Some(step) = run.plan.steps.get(run.next).copied() else {
            return self.record(run);
        };
        run.next += 1;
        let outcome = if run.failed.contains(&step.person) {
            StepOutcome::NotTried
        } else {
            let Some(outcome) = self.write(&mut run, &step) else {
                return;
            };
            outcome
        };
        if !matches!(outcome, StepOutcome::Done) {
            run.failed.insert(step.person);
        }
        if self.crashes(&mut run) {
            return;
        }
        if let Some((state, dirty)) = run.plan.states.get_mut(&step.person) {
            let before = state.clone();
            *state = state.clone().after(&step, &outcome, timestamp(self.now));
            *dirty = Dirty::Yes;
            run.is_open |= outcome == StepOutcome::NotTried;
            if let Some(how) = self.config.misreading {
                how.tamper_with_outcome(state, &before, &outcome);
            }
        }
        self.resume_later(run);
    }

    /// Makes the call of a step. Returns `None` if the function crashed in it.
    fn write(&mut self, run: &mut SyncRun, step: &PlanStep) -> Option<StepOutcome> {
        let (p, side) = (number(step.person), step.side);
        let was = self.world.is(p, side);
        let is_lost = self.rng.percent(self.config.crash / 6);
        if is_lost {
            self.unrecorded.push((p, self.now));
        }
        if is_lost && self.rng.percent(50) {
            self.log(format_args!("   lost: {side} {p} -> {}", step.to));
            return Some(StepOutcome::Unknown);
        }
        match self.lies.answer(side, p, self.now) {
            Some(Answer::Lost) => {
                self.tried.push((p, self.now));
                self.log(format_args!("   acknowledged and lost: {side} {p} -> {}", step.to));
                return Some(StepOutcome::Done);
            }
            Some(Answer::SilentLost) => {
                self.tried.push((p, self.now));
                self.log(format_args!("   no answer: {side} {p} -> {}", step.to));
                return Some(StepOutcome::Unknown);
            }
            Some(Answer::SilentDone) => {
                self.call(run, step)?.ok();
                let is = self.world.is(p, side);
                if was != is {
                    self.record_write(run, step, was, is);
                }
                return Some(StepOutcome::Unknown);
            }
            None => {}
        }
        let is_refused =
            was != step.to && self.now < self.end && self.rng.percent(self.config.refusals);
        let answer = if is_refused { Ok(Some("no")) } else { self.call(run, step)?.map(|()| None) };
        let is = self.world.is(p, side);
        if was != is {
            self.record_write(run, step, was, is);
        }
        let makes_room = |step: &PlanStep| {
            step.side == Side::Group && step.aspect == Aspect::Ownership && step.to == Role::Member
        };
        if answer == Err(Refusal::OwnerLimit)
            && run.full
            && run.plan.steps[run.next..].iter().any(makes_room)
        {
            self.report("refused although a later step makes room");
        }
        let rule = |refusal| DeferredBy::Rule { refusal };
        let outcome = match answer {
            _ if is_lost => StepOutcome::Unknown,
            Ok(None) => StepOutcome::Done,
            Ok(Some(message)) => StepOutcome::Refused(DeferredBy::Service { said: message.into() }),
            Err(Refusal::NotThere) => StepOutcome::NotTried,
            Err(Refusal::LastOwner) => StepOutcome::Refused(rule(RuleRefusal::LastOwner)),
            Err(Refusal::OwnerLimit) if step.aspect == Aspect::Presence => {
                let _ = self.world.add(p, side, Role::Member, &mut self.rng, self.now);
                let is = self.world.is(p, side);
                self.record_write(run, step, was, is);
                StepOutcome::WithoutOwnership(rule(RuleRefusal::OwnerLimit))
            }
            Err(Refusal::OwnerLimit) => StepOutcome::Refused(rule(RuleRefusal::OwnerLimit)),
        };
        if outcome != StepOutcome::Done {
            self.log(format_args!("   {side} {p} -> {}: {outcome:?}", step.to));
        }
        Some(outcome)
    }

    fn call(&mut self, run: &mut SyncRun, step: &PlanStep) -> Option<Result<(), Refusal>> {
        let (p, side, now) = (number(step.person), step.side, self.now);
        Some(match (step.aspect, step.to) {
            (Aspect::Presence, Role::None) => {
                // Two calls: the ownership goes first.
                let begun = self.world.remove(p, side, Part::Role, &mut self.rng, now);
                if begun.is_ok() && side == Side::Group && self.crashes(run) {
                    return None;
                }
                begun.and_then(|()| self.world.remove(p, side, Part::Whole, &mut self.rng, now))
            }
            (Aspect::Presence, to) => self.world.add(p, side, to, &mut self.rng, now),
            (Aspect::Ownership, to) => {
                let is_ended = self.rng.percent(self.config.teams_bug);
                let membership = if is_ended { Membership::Ends } else { Membership::Stays };
                let is_missing = self.misreads(Misreading::DemotedWithoutBinding);
                let binding = if is_missing { Binding::Missing } else { Binding::Made };
                self.world.change_role(
                    p,
                    side,
                    to,
                    Demotion { membership, binding },
                    &mut self.rng,
                    now,
                )
            }
        })
    }

    fn record_write(&mut self, run: &SyncRun, step: &PlanStep, was: Role, is: Role) {
        let (p, side) = (number(step.person), step.side);
        self.written.push(Written { at: self.now, read: run.started, p });
        self.tried.push((p, self.now));
        self.log(format_args!("   WRITE {side} {p}: {was} -> {is}"));
        if is == Role::None {
            if !self.removed_by_people.contains(&p) {
                self.report("removed without an act of a person");
            }
            let held = PersonRemoval { person: step.person, side };
            if self.config.guard && !run.approved.contains(&held) {
                self.link.removed.push(self.now);
                self.check_removal(run, held);
            }
        }
        if side == Side::Group && self.unsynced.contains(&p) {
            self.report("synced against the direction");
        }
        let is_explained = self.acts.iter().any(|act| act.p == p && act.side != side)
            || self.config.start == Start::Unlinked
            || self.config.account_fault == AccountFault::Rehired
            || self.config.account_fault == AccountFault::Restored;
        if !is_explained {
            let near_crash = self
                .unrecorded
                .iter()
                .any(|(who, at)| *who == p && self.now - at <= 3 * LAG_WINDOW);
            // Our lost write that a person's contrary act crossed looks like a change.
            let is_crossed = !self.config.lies.is_empty()
                && self.acts.iter().any(|act| act.p == p && act.is_crossed);
            self.report(if near_crash || is_crossed {
                "(written near a crash, without a change on the other side)"
            } else {
                "written without a change on the other side"
            });
        }
        self.hint(side, SECOND / 2, 20 * SECOND);
    }

    fn check_removal(&mut self, run: &SyncRun, held: PersonRemoval) {
        let now = self.now;
        if self.link.removed.iter().filter(|at| now - **at < 24 * HOUR).count() > 5 - REMOVED_BEFORE
        {
            self.report("more removals than the limit allows");
        }
        if !run.nothing_held {
            self.report("removed while removals are pending");
        }
        let is_fresh = |act: &Act| act.p == number(held.person) && now - act.at < 3 * HOUR;
        if self.ever_held.contains(&held) && !self.acts.iter().any(is_fresh) {
            self.report("held, then removed without approval");
        }
    }

    fn record(&mut self, mut run: SyncRun) {
        for (who, (state, dirty)) in &mut run.plan.states {
            if state.deferred.presence.is_some() || state.deferred.ownership.is_some() {
                self.refused.insert(number(*who));
            }
            if let Some(how) = self.config.misreading {
                how.tamper_with_record(state);
                *dirty = Dirty::Yes;
            }
            if *dirty == Dirty::Yes {
                self.link.stored.insert(*who, state.clone());
            } else if self.link.stored.get(who).is_some_and(|stored| stored != state) {
                self.bad.insert("clean, yet different", 1);
            }
        }
        let is_overridden =
            |step: &PlanStep| run.plan.states[&step.person].0.role_override.is_some();
        run.is_open |= run.plan.steps.iter().any(is_overridden);
        let done = &run.plan.steps;
        for decided in [&mut self.link.approved, &mut self.link.discarded] {
            decided.retain(|held| !done.iter().any(|step| step.person == held.person));
        }
        if self.config.guard {
            self.link.held = run.plan.held.as_ref().map_or(vec![], |(_, held)| held.clone());
            self.ever_held.extend(self.link.held.iter().copied());
            if !self.link.held.is_empty() {
                let held: Vec<usize> =
                    self.link.held.iter().map(|held| number(held.person)).collect();
                self.log(format_args!("   held {held:?}"));
            }
        }
        if run.direction == Direction::Microsoft {
            self.note_unsynced(&run);
        }
        (self.link.synced_at, self.link.leased_until) = (run.started, -1);
        self.plan_due(run.started);
        if run.is_open {
            self.put(self.now + MINUTE, Event::Message(Trigger::Timer));
        }
        if self.link.requested_at > self.link.synced_at {
            if run.crashes_at == Some(8) && self.misreads(Misreading::RequestLostByCrash) {
                self.log(format_args!("   CRASH after the record"));
                return;
            }
            self.put(self.now + SECOND, Event::Message(Trigger::TeamHint));
        }
    }

    /// Notes the people whose last act on the team is not synced.
    fn note_unsynced(&mut self, run: &SyncRun) {
        let has_been_equal = |p: usize| self.link.stored[&person(p, self.accounts[p])].been_equal;
        let before = self.acts.iter().filter(|act| act.side == Side::Team && act.at < run.started);
        let last = before.map(|act| act.p).filter(|&p| has_been_equal(p));
        let settled: Vec<usize> = last
            .filter(|&p| !self.acts.iter().any(|act| act.p == p && act.at >= run.started))
            // Not believed yet: the direction of the run that believes it counts.
            .filter(|&p| {
                let state = &self.link.stored[&person(p, self.accounts[p])];
                state.absences.team == domain::merge::PerAspect::default()
            })
            .collect();
        self.unsynced.extend(settled);
    }

    /// Plans the runs that the stored states ask for, as of the reading.
    fn plan_due(&mut self, started: Ms) {
        // A time between the reading and now is past, and still due.
        let read = timestamp(started);
        let from_start = |at: Timestamp| at.as_millisecond() - timestamp(0).as_millisecond();
        let states = self.link.stored.values();
        let check = states.filter_map(|state| state.check_at(read)).min().map(from_start);
        let ends = self.link.stored.values().filter_map(|state| state.due(read)).map(from_start);
        self.link.due = if self.seed.is_multiple_of(2) { ends.max() } else { ends.min() };
        self.link.due = self.link.due.map(|at| at.max(self.now + 1));
        if let Some(due) = self.link.due {
            self.put(due, Event::Due(due));
        }
        self.link.check = check.map(|at| (at + SECOND).max(self.now + 1));
        if let Some(check) = self.link.check {
            self.put(check, Event::CheckState(check));
        }
    }
}
