//! Carrying over: from a reading to a plan, from a plan to writes, from their answers to what is known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::applied::{Applied, binds_of, refused};
use super::create::Creation;
use super::hold;
use super::look::{End, Look, Occasion, due};
use super::read::{Reading, standing_of};
use super::resolve::Everybody;
use super::{Sync, SyncError};
use crate::activity::{Activity, PersonChange};
use crate::link::{Because, Counts, OnLink, Phase, Who};
use crate::people::PersonIndex;
use crate::preview::{self, Of};
use crate::quota::Taken;
use crate::safety::pending_approval::{self, HeldPlan};
use crate::safety::removal_counter::{self, Leave};
use crate::tenant::Running;
use clients::graph::{self, Bind, BindOutcome, Relation, Unbound};
use clients::http::CallError;
use clients::webex::{Added, Removal, Role, WebexId};
use domain::ids::GroupId;
use domain::membership::{Participation, Person, Side, Sides, Standing, Truth};
use domain::merge::{
    Brake, Draft, Held, HeldFor, Instruction, Limits, Memory, NameWrite, OWNER_LIMIT, Outcome, OwedTo, Plan, RECENT,
    Step, Subject, Terms, Touched, see,
};

/// What follows from a reading.
pub(super) struct Weighed {
    pub(super) everybody: Everybody,
    pub(super) held_before: Option<HeldPlan>,
    pub(super) brake: Brake,
    pub(super) plan: Plan,
    pub(super) participation: BTreeMap<Person, Participation>,
    pub(super) rename: Option<NameWrite>,
}

impl Sync {
    /// Carries the differences of a reading over.
    pub(super) async fn carry_over(&self, look: &mut Look<'_>, reading: Reading) -> Result<End, SyncError> {
        let now = look.started;
        let Weighed { everybody, held_before, brake, mut plan, participation, rename } =
            self.weigh(look, &reading).await?;
        let counts = Counts {
            taking_part: participation.values().filter(|one| matches!(one, Participation::TakesPart { .. })).count(),
            left_out: everybody.left_out.len()
                + participation.values().filter(|one| matches!(one, Participation::LeftOut { .. })).count(),
            owners: reading.users.values().filter(|standing| **standing == Standing::Owner).count(),
        };
        let prepared = match self.prepare(look, &reading, &plan).await? {
            Creation::None => None,
            Creation::Prepared(prepared) => Some(prepared),
            Creation::End(end) => return Ok(end),
        };
        self.step_inside(look, &reading).await?;

        let mut applied = Applied::default();
        if !plan.is_empty() || rename.is_some() || prepared.is_some() {
            // A creation binds people as it is.
            let others = usize::from(rename.is_some()) + usize::from(prepared.is_some() && plan.is_empty());
            if let Taken::NotBefore(until) = self.afford_plan(look, &plan, others).await? {
                return Ok(self.waits_for_room(look, until));
            }
            self.intend(look, &reading, &mut plan, rename.as_ref()).await?;
            let made = match prepared {
                Some(prepared) => self.create(look, &reading, &plan, prepared, &mut applied).await?,
                None => look.link.group(),
            };
            if let Some(group) = made {
                self.apply(look, &reading, group, &plan, &mut applied).await;
            }
            if applied.has_refusal_of_the_team() && self.is_archived(look).await? {
                applied.withdraw_refusals();
                applied.stop(SyncError::Archived(look.link.team));
            }
            if let (Some(write), None, Some(group)) = (rename, &applied.stopped, made) {
                self.rename(look, &reading, group, write, &mut applied).await;
            }
        }
        self.keep_held(look, &plan, held_before.as_ref(), &applied)?;
        self.learn(look, &reading, &everybody, &participation, &mut plan, (&applied, &brake)).await?;
        let taken_in = self.take_in_owners(look, &reading, &plan, &participation, &mut applied).await?;
        look.report.more_memberships =
            i64::try_from(counts.taking_part).unwrap_or(0) - i64::try_from(look.link.counts.taking_part).unwrap_or(0);
        look.link.counts = counts;
        if look.occasion == Occasion::Thorough {
            look.link.daily_at = Some(now);
            self.renew_before_expiry(look, &reading).await?;
        }
        match applied.stopped {
            None if applied.is_cut_short() => Ok(End::Wait { until: self.clock.now() + SignedDuration::from_secs(30) }),
            None if everybody.unresolved > 0 => {
                Ok(End::Wait { until: self.clock.now() + SignedDuration::from_secs(5) })
            }
            // What an administrator decided about both sides goes on with the second.
            None if is_half_instructed(&plan) => {
                Ok(End::Wait { until: self.clock.now() + SignedDuration::from_secs(1) })
            }
            None if let Taken::NotBefore(until) = taken_in => Ok(self.waits_for_room(look, until)),
            None => {
                let open = due(plan.memories.values().map(|(memory, _)| memory), &look.link);
                Ok(End::Looked { due: open.max(returns_due(participation.values(), now)) })
            }
            Some(SyncError::Call(error)) if is_for_later(&error, look) => {
                Ok(End::Wait { until: self.clock.now() + SignedDuration::from_secs(10) })
            }
            Some(error) => self.failed(look.desk, &look.link, error).await,
        }
    }

    /// Says what follows from a reading. Nothing is written outside.
    pub(super) async fn weigh(&self, look: &mut Look<'_>, reading: &Reading) -> Result<Weighed, SyncError> {
        let everybody = self.resolve(look, reading).await?;
        let subjects = self.subjects(look, reading, &everybody).await?;
        let held_before = match look.link.held {
            Some(_) => pending_approval::load(self.store.as_ref(), look.desk.tenant.tenant, look.link.team).await?,
            None => None,
        };
        let shown = match (look.link.shown_at, look.desk.settings.running) {
            (Some(_), Running::Live) => {
                preview::load(self.store.as_ref(), look.desk.tenant.tenant, look.link.team, Of::Look).await?
            }
            _ => None,
        };
        let brake = hold::brake(look, reading, (held_before.as_ref(), shown.as_ref()), &subjects);
        let (plan, participation) = self.plan(look, reading, &everybody, subjects, &brake).await?;
        let rename = self.rename_due(look, reading).await?;
        Ok(Weighed { everybody, held_before, brake, plan, participation, rename })
    }

    /// Everybody with what is stored and seen. Only those who differ are asked about: whoever is in step costs nothing.
    async fn subjects(
        &self,
        look: &Look<'_>,
        reading: &Reading,
        everybody: &Everybody,
    ) -> Result<Vec<Subject>, SyncError> {
        let mut subjects = Vec::with_capacity(everybody.people.len());
        let mut asked = Vec::new();
        for (&person, &participation) in &everybody.people {
            let on_link = reading.stored.get(&Who::Person(person));
            let read = reading.of(person);
            let is_united = look.link.is_first_union() && Side::BOTH.iter().all(|&side| read[side].is_present());
            let stored = match on_link {
                Some(on_link) => on_link.memory.clone(),
                None if is_united && !read.are_equal() => Memory::of_a_member_of_both(),
                None => Memory::default(),
            };
            let seen = see(&stored, read, look.started);
            let is_known = on_link.is_some();
            let differs = seen.standing != seen.memory.agreed
                || seen.memory.owed.presence.is_some()
                || seen.memory.owed.role.is_some()
                || seen.memory.instruction.is_some();
            if is_known && (differs || on_link.is_some_and(|on_link| on_link.left_out.is_some())) {
                asked.push(person);
            }
            subjects.push(Subject { person, stored, seen, participation });
        }
        let participation = self.participation_of(look, &asked).await?;
        for subject in &mut subjects {
            if let Some(now) = participation.get(&subject.person) {
                subject.participation = *now;
            }
        }
        Ok(subjects)
    }

    async fn plan(
        &self,
        look: &Look<'_>,
        reading: &Reading,
        everybody: &Everybody,
        subjects: Vec<Subject>,
        brake: &Brake,
    ) -> Result<(Plan, BTreeMap<Person, Participation>), SyncError> {
        let now = look.started;
        let settings = &look.desk.settings;
        let participation = subjects.iter().map(|subject| (subject.person, subject.participation)).collect();
        let limits = limits(reading, everybody, &subjects);
        let retry = look.retry();
        let terms = Terms { direction: settings.direction, last_word: settings.last_word, now, retry };
        let mut draft = Draft::of(subjects, &terms);
        if look.link.group_is_young(now) {
            // A replica that does not know the group's people yet proves nothing.
            for removal in draft.removals().filter(|removal| removal.side == Side::Team).collect::<Vec<_>>() {
                draft.leave_out(removal.person);
            }
        }
        draft.brake(brake);
        self.prove(look, &mut draft).await?;
        let unasked = draft.removals().filter(|removal| !brake.approved.contains(removal)).count();
        let limit = settings.brake.of_the_tenant();
        let (store, tenant) = (self.store.as_ref(), look.desk.tenant.tenant);
        let leave = match settings.running {
            _ if unasked == 0 => Leave::Granted,
            Running::Live => removal_counter::ask_to_remove(store, tenant, unasked, limit, now).await?,
            Running::Preview => removal_counter::would_let_go(store, tenant, unasked, limit, now).await?,
        };
        if leave == Leave::Refused {
            draft.hold(HeldFor::TenantLimit, brake);
        }
        Ok((draft.order(&limits, now), participation))
    }

    /// Stores what is going to be written, before it is.
    async fn intend(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        plan: &mut Plan,
        rename: Option<&NameWrite>,
    ) -> Result<(), SyncError> {
        let (tenant, team) = (look.desk.tenant.tenant, look.link.team);
        let mut writes = Vec::new();
        for (person, memory) in plan.intend(look.started) {
            let who = Who::Person(person);
            let on_link = OnLink { memory: memory.clone(), ..reading.stored.get(&who).cloned().unwrap_or_default() };
            writes.push(crate::link::put_person(tenant, team, who, &on_link)?);
        }
        if let Some(write) = rename {
            look.link.names = look.link.names.take().map(|names| names.intend(write, look.started));
        }
        let is_about_the_link = rename.is_some() || matches!(look.link.phase, Phase::Creating { .. });
        let last = is_about_the_link.then(|| look.lease.keep(&look.link)).transpose()?;
        self.write_all(look.lease, writes, last).await.map_err(|error| match error {
            store::table::StoreError::ConditionFailed => SyncError::LeaseLost(team),
            error => error.into(),
        })
    }

    /// Takes the steps of a plan, in order, until something stops it.
    async fn apply(&self, look: &Look<'_>, reading: &Reading, group: GroupId, plan: &Plan, applied: &mut Applied) {
        let done: BTreeSet<(Person, Truth)> =
            applied.outcomes.iter().map(|(step, _)| (step.person, step.truth)).collect();
        let mut steps = plan.steps.iter().filter(|step| !done.contains(&(step.person, step.truth))).copied().peekable();
        while let Some(step) = steps.next() {
            if applied.stopped.is_some() || applied.has_failed_to_add(&step) {
                applied.outcomes.push((step, Outcome::NotTried));
                continue;
            }
            match (step.side, step.to) {
                (Side::Team, _) => self.apply_to_team(look, reading, step, applied).await,
                (Side::Group, Standing::Absent) => self.remove_from_group(look, group, step, applied).await,
                (Side::Group, Standing::Member) if step.truth == Truth::Role => {
                    self.demote_in_group(look, group, step, applied).await
                }
                (Side::Group, _) => {
                    let mut together = vec![step];
                    let is_of_another = |next: &Step| together.iter().all(|one| one.person != next.person);
                    let mut further = vec![];
                    while let Some(next) = steps.next_if(|next| is_bind(next) && is_of_another(next)) {
                        further.push(next);
                    }
                    together.extend(further);
                    self.bind(look, group, together, applied).await;
                }
            }
        }
    }

    async fn apply_to_team(&self, look: &Look<'_>, reading: &Reading, step: Step, applied: &mut Applied) {
        let space = WebexId::new(look.link.region.clone(), look.link.team.general_space());
        let person = WebexId::new(look.desk.tenant.region.clone(), step.person.person);
        let role = if step.to == Standing::Owner { Role::Moderator } else { Role::Member };
        let access = &look.calls.webex;
        let answer = match (step.to, reading.membership(step.person.person)) {
            (Standing::Absent, Some(membership)) => match self.webex.remove_membership(access, membership).await {
                Ok(Removal::Removed) => Ok(Outcome::Done),
                // Gone, or not visible: the next reading tells.
                Ok(Removal::NotFound) => Ok(Outcome::Unknown),
                Err(error) => Err(error),
            },
            (Standing::Absent, None) => Ok(Outcome::Done),
            (_, Some(membership)) => self.webex.set_role(access, membership, role).await.map(|()| Outcome::Done),
            (_, None) => match self.webex.add_membership(access, &space, &person, role).await {
                Ok(Added::Added) => Ok(Outcome::Done),
                // Added meanwhile, with a role that the next reading tells.
                Ok(Added::AlreadyThere) => Ok(Outcome::Unknown),
                Err(error) => Err(error),
            },
        };
        applied.take(step, answer);
    }

    async fn remove_from_group(&self, look: &Look<'_>, group: GroupId, step: Step, applied: &mut Applied) {
        if step.read.group == Standing::Owner {
            match self.graph.remove_owner(&look.calls.graph, group, step.person.object).await {
                Ok(Unbound::Removed | Unbound::NotThere) => {}
                Ok(Unbound::LastOwner) => return applied.take(step, Ok(refused("the service keeps the last owner"))),
                Err(error) => return applied.take(step, Err(error)),
            }
        }
        let answer = match self.graph.remove_member(&look.calls.graph, group, step.person.object).await {
            // Gone already, or a replica's mistake: the next reading tells.
            Ok(Unbound::NotThere) => Ok(Outcome::Unknown),
            answer => answer.map(|_| Outcome::Done),
        };
        applied.take(step, answer);
    }

    /// Removing an owner can take the membership along: the person is bound as a member again, as part of the same step.
    async fn demote_in_group(&self, look: &Look<'_>, group: GroupId, step: Step, applied: &mut Applied) {
        let object = step.person.object;
        match self.graph.remove_owner(&look.calls.graph, group, object).await {
            Ok(Unbound::LastOwner) => applied.take(step, Ok(refused("the service keeps the last owner"))),
            Err(error) => applied.take(step, Err(error)),
            Ok(Unbound::Removed | Unbound::NotThere) => {
                let bound = self
                    .graph
                    .bind(&look.calls.graph, group, &[Bind { person: object, relation: Relation::Member }])
                    .await;
                let is_bound =
                    matches!(bound.outcomes.as_slice(), [(_, BindOutcome::Done | BindOutcome::AlreadyThere)]);
                applied.outcomes.push((step, if is_bound { Outcome::Done } else { Outcome::Unknown }));
                applied.stopped = bound.stopped.map(Into::into);
            }
        }
    }

    async fn bind(&self, look: &Look<'_>, group: GroupId, steps: Vec<Step>, applied: &mut Applied) {
        // Whoever left the group before it showed would be its owner without being in it.
        for step in steps.iter().filter(|step| step.truth == Truth::Role) {
            let membership = Bind { person: step.person.object, relation: Relation::Member };
            let bound = self.graph.bind(&look.calls.graph, group, &[membership]).await;
            if let Some(error) = bound.stopped {
                applied.stop(error);
                applied.outcomes.extend(steps.into_iter().map(|step| (step, Outcome::NotTried)));
                return;
            }
        }
        let binds: Vec<Bind> = steps.iter().flat_map(binds_of).collect();
        let bound = self.graph.bind(&look.calls.graph, group, &binds).await;
        let became: BTreeMap<Bind, &BindOutcome> =
            bound.outcomes.iter().map(|(bind, became)| (*bind, became)).collect();
        for step in steps {
            let outcomes: Vec<_> = binds_of(&step).iter().map(|bind| became.get(bind).copied()).collect();
            let is_unknown = binds_of(&step).iter().any(|bind| bound.unknown.contains(bind));
            let outcome = match (outcomes.first().copied().flatten(), outcomes.last().copied().flatten()) {
                _ if is_unknown => Outcome::Unknown,
                (Some(first), Some(last)) => bind_outcome(&step, first, last),
                (Some(BindOutcome::Done | BindOutcome::AlreadyThere), None) => Outcome::Unknown,
                (_, _) => Outcome::NotTried,
            };
            if outcomes.contains(&Some(&BindOutcome::NoSuchUser)) {
                let index = PersonIndex::new(self.store.as_ref(), look.desk.tenant.tenant);
                if let Err(error) = index.observe_user(step.person.object, None, self.clock.now()).await {
                    applied.stopped.get_or_insert(error.into());
                }
            }
            applied.outcomes.push((step, outcome));
        }
        if let Some(error) = bound.stopped {
            applied.stopped.get_or_insert(error.into());
        }
    }

    /// Takes what became of the steps into what is known of people.
    async fn learn(
        &self,
        look: &mut Look<'_>,
        reading: &Reading,
        everybody: &Everybody,
        participation: &BTreeMap<Person, Participation>,
        plan: &mut Plan,
        (applied, brake): (&Applied, &Brake),
    ) -> Result<(), SyncError> {
        let now = self.clock.now();
        let mut causes = BTreeMap::new();
        let mut removed = 0;
        for (step, outcome) in &applied.outcomes {
            let mut instruction = None;
            if let Some((memory, touched)) = plan.memories.get_mut(&step.person) {
                instruction = memory.instruction;
                (*memory, *touched) = (std::mem::take(memory).after(step, outcome, now), Touched::Yes);
            }
            let counts =
                step.to == Standing::Absent && !brake.approved.contains(&Held { person: step.person, side: step.side });
            removed += usize::from(counts && *outcome == Outcome::Done);
            let refused = match outcome {
                Outcome::Done | Outcome::Unknown | Outcome::NotTried => None,
                Outcome::Refused(by) | Outcome::WithoutRole(by) => Some(in_words(by)),
            };
            if matches!(outcome, Outcome::Unknown | Outcome::NotTried) {
                continue;
            }
            let Activity { id: entry, cause: event, at, .. } = look.report.activity;
            let words = words(step, instruction, refused.as_deref());
            causes.insert(step.person, Because { words, event, at, entry });
            look.report.change(PersonChange {
                person: step.person,
                side: step.side,
                from: step.read[step.side],
                to: step.to,
                refused,
            });
        }
        if removed > 0 {
            look.link.count_removals(removed, now);
        }
        for (&person, (memory, _)) in &plan.memories {
            let before = reading.stored.get(&Who::Person(person)).and_then(|before| before.memory.instruction);
            let is_over = memory.instruction.is_none() && !causes.contains_key(&person);
            let Some(instruction) = before.filter(|_| is_over) else { continue };
            if let Some(side) = Side::BOTH.into_iter().find(|&side| memory.agreed[side] != instruction.to) {
                let (from, to) = (memory.agreed[side], instruction.to);
                let refused = Some("somebody changed it meanwhile, or a last owner would go".to_owned());
                look.report.change(PersonChange { person, side, from, to, refused });
            }
        }
        for (&person, (memory, touched)) in &plan.memories {
            let who = Who::Person(person);
            let before = reading.stored.get(&who);
            let left_out = match participation.get(&person) {
                Some(Participation::LeftOut { reason }) => Some(*reason),
                _ => None,
            };
            if *touched == Touched::Yes || before.and_then(|before| before.left_out) != left_out {
                let because = causes.remove(&person).or_else(|| before.and_then(|before| before.because.clone()));
                look.report.people.insert(who, Some(OnLink { memory: memory.clone(), left_out, because }));
            }
        }
        keep_left_out(look, reading, everybody);
        Ok(())
    }
}

/// Keeps who is on one side only and left out, so that nobody is looked up again for it.
pub(super) fn keep_left_out(look: &mut Look<'_>, reading: &Reading, everybody: &Everybody) {
    for (&who, &reason) in &everybody.left_out {
        if reading.stored.get(&who).and_then(|before| before.left_out) != Some(reason) {
            look.report.people.insert(who, Some(OnLink { left_out: Some(reason), ..OnLink::default() }));
        }
    }
    for &who in
        reading.stored.keys().filter(|who| !matches!(who, Who::Person(_)) && !everybody.left_out.contains_key(who))
    {
        look.report.people.insert(who, None);
    }
}

fn is_bind(step: &Step) -> bool {
    step.side == Side::Group
        && (step.to == Standing::Owner || step.to == Standing::Member && step.truth == Truth::Presence)
}

fn bind_outcome(step: &Step, first: &BindOutcome, last: &BindOutcome) -> Outcome {
    let said = |outcome: &BindOutcome| match outcome {
        BindOutcome::NoSuchUser => OwedTo::Service { said: "the directory has no such user".into() },
        BindOutcome::OwnerLimit => OwedTo::Service { said: "the service has no room for a further owner".into() },
        BindOutcome::Refused(error) => OwedTo::Service { said: error.to_string() },
        BindOutcome::Done | BindOutcome::AlreadyThere => OwedTo::Service { said: String::new() },
    };
    let is_there = |outcome: &BindOutcome| matches!(outcome, BindOutcome::Done | BindOutcome::AlreadyThere);
    match (is_there(first), is_there(last)) {
        (true, true) => Outcome::Done,
        (true, false) if step.truth == Truth::Presence => Outcome::WithoutRole(said(last)),
        (true, false) => Outcome::Refused(said(last)),
        (false, _) => Outcome::Refused(said(first)),
    }
}

/// Whether somebody who had a step is to have another, on the other side.
fn is_half_instructed(plan: &Plan) -> bool {
    let is_open = |step: &Step| plan.memories.get(&step.person).is_some_and(|(memory, _)| memory.instruction.is_some());
    plan.steps.iter().any(is_open)
}

/// A group that is young, or no time: neither is trouble.
fn is_for_later(error: &CallError, look: &Look<'_>) -> bool {
    matches!(error.failure, clients::http::Failure::NoTime)
        || look.link.group_is_young(look.started) && graph::is_young(error)
}

/// When the last of those who came back, and are not merged yet, can be.
pub(super) fn returns_due<'a>(people: impl Iterator<Item = &'a Participation>, now: Timestamp) -> Option<Timestamp> {
    let returned = people.filter_map(|one| match one {
        Participation::TakesPart { returned } => returned.filter(|at| now.duration_since(*at) < RECENT),
        Participation::LeftOut { .. } => None,
    });
    returned.max().map(|at| at + RECENT + SignedDuration::from_secs(1))
}

/// Owners as they are seen, those who are left out included.
fn limits(reading: &Reading, everybody: &Everybody, subjects: &[Subject]) -> Limits {
    let seen = |side| subjects.iter().filter(|subject| subject.seen.standing[side] == Standing::Owner).count();
    let left_out = |side: Side| {
        let standing = |who: &Who| match (side, who) {
            (Side::Team, Who::Webex(person)) => reading.memberships.get(person).map(standing_of),
            (Side::Group, Who::Entra(object)) => reading.users.get(object).copied(),
            _ => None,
        };
        everybody.left_out.keys().filter(|who| standing(who) == Some(Standing::Owner)).count()
    };
    Limits { owners: Sides::each(|side| seen(side) + left_out(side)), group_owners: OWNER_LIMIT }
}

fn in_words(by: &OwedTo) -> String {
    match by {
        OwedTo::Rule { refusal } => format!("{refusal:?}"),
        OwedTo::Service { said } => said.clone(),
    }
}

fn words(step: &Step, instruction: Option<Instruction>, refused: Option<&str>) -> String {
    let what = match instruction {
        Some(_) => format!("An administrator wants: {} in the {}", step.to, step.side),
        None => {
            let (source, there) = (step.side.other(), step.side);
            format!("{} in the {source}, so {} in the {there}", step.read[source], step.to)
        }
    };
    refused.map_or_else(|| what.clone(), |why| format!("{what}: refused, {why}"))
}
