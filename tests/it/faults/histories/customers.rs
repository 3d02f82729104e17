//! Customers that live through a history, and the expected result for each person.

use std::collections::BTreeMap;

use domain::clock::Clock;
use domain::ids::{GroupId, TeamId, TenantId};
use domain::membership::{Side, Sides};
use domain::merge::PersonState;
use engine::decision::Decider;
use engine::link::{self, LinkPerson, LinkRow, Who};
use engine::safety::pending_approval::{self, ApprovalDecision};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sandbox::local_stack::{Backend, LocalStack};
use sim::{AdminRole, MembershipRole, Person, TenantHandle, World};
use store::message::{Job, Message, Trigger};
use store::queue::Queue;
use store::table::{Store, from_item};

use super::act::{Act, Step};
use super::lies::{LieKind, Untruth};
use crate::faults::outside::{Outside, Plan};
use crate::faults::{SETTLED, Scene, restart_on};
use crate::support::{DAY, MINUTE, every_team, start};

/// People per tenant. The first creates the team and stays; the next ones are its initial members.
pub(super) const PEOPLE: usize = 7;

const INITIAL_MEMBERS: usize = 4;

/// Within this time, a replica may show either of two acts.
const LAG: SignedDuration = SignedDuration::from_mins(16);

/// Within this time after a lie, a change that it delayed may still arrive.
const AFTERMATH: SignedDuration = SignedDuration::from_hours(3);

/// The expected state of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Present or absent on both sides.
    Is(bool),
    /// Either one: two acts conflicted, or the directory did not identify the person.
    Either,
}

#[derive(Clone)]
struct Customer {
    handle: TenantHandle,
    tenant: TenantId,
    people: Vec<Person>,
    team: TeamId,
    group: GroupId,
    expected: Vec<Expected>,
    last: Vec<Option<(Timestamp, Side)>>,
    /// Until then, a replica may show an earlier decision about the person.
    undecided_until: Vec<Timestamp>,
    /// The last change of a person's role, per side.
    role_changed_at: Vec<Sides<Option<Timestamp>>>,
    /// People whose directory entry was corrupted since the last repair.
    corrupted: Vec<bool>,
    /// Begin and end of the lies about this customer.
    lies: Vec<(Timestamp, Timestamp, LieKind)>,
    /// The people whose writes are lost for ever.
    lost: Vec<Untruth>,
}

pub(super) struct Customers {
    stack: LocalStack,
    both: Vec<Customer>,
    /// People whom the functions moved against the last human act, if only for a while.
    overruled: Vec<String>,
}

impl Scene for Customers {
    fn stack(&mut self) -> &mut LocalStack {
        &mut self.stack
    }

    fn with_stack(&self, stack: LocalStack) -> Self {
        Self { stack, both: self.both.clone(), overruled: self.overruled.clone() }
    }
}

pub(super) async fn settled() -> Customers {
    let backend = Backend::new(start(), 23);
    let mut stack = LocalStack::new(&backend).unwrap();
    let mut both = vec![];
    for name in ["Contoso", "Fabrikam"] {
        let handle = backend.world.add_tenant(name);
        let people: Vec<Person> = (0..PEOPLE)
            .map(|n| backend.world.add_person(&handle, &format!("{name} {n}")))
            .collect();
        let tenant = stack.sign_up(&handle, every_team()).await.unwrap();
        let team = backend.world.create_team(people[0].person, "Same");
        for person in &people[1..INITIAL_MEMBERS] {
            backend.world.add_to_team(team, person.person, MembershipRole::Member).unwrap();
        }
        stack.let_pass(SETTLED).await;
        let group = *backend.world.groups(handle.directory).keys().next().unwrap();
        let expected = (0..PEOPLE).map(|n| Expected::Is(n < INITIAL_MEMBERS)).collect();
        let (last, role_changed_at, corrupted) =
            (vec![None; PEOPLE], vec![Sides::default(); PEOPLE], vec![false; PEOPLE]);
        let undecided_until = vec![start(); PEOPLE];
        both.push(Customer {
            handle,
            tenant,
            people,
            team,
            group,
            expected,
            last,
            undecided_until,
            role_changed_at,
            corrupted,
            lies: vec![],
            lost: vec![],
        });
    }
    Customers { stack, both, overruled: vec![] }
}

impl Customer {
    /// Returns if a person is in the team, and in the group.
    fn is_in(&self, world: &World, n: usize) -> (bool, bool) {
        let team = world.team(self.team).unwrap();
        let group = world.group(self.group).unwrap();
        (
            team.people.contains_key(&self.people[n].person),
            [group.members, group.owners]
                .iter()
                .any(|people| people.contains(&self.people[n].object)),
        )
    }

    /// Adds a person to one side, or removes them.
    fn change_membership(
        &mut self,
        world: &World,
        now: Timestamp,
        (n, side, is): (usize, Side, bool),
        act: impl FnOnce(&Self),
    ) {
        let (in_team, in_group) = self.is_in(world, n);
        let here = if side == Side::Team { in_team } else { in_group };
        if here == is {
            return;
        }
        act(self);
        let (in_team_after, in_group_after) = self.is_in(world, n);
        if (in_team, in_group) == (in_team_after, in_group_after) {
            return;
        }
        let is_lately = |at: Timestamp| self.is_open(at, now);
        // The earlier change is still in progress, or just arrived.
        let is_undecided = in_team != in_group || self.last[n].is_some_and(|(at, _)| is_lately(at));
        let meets_another = self.role_changed_at[n][side.other()].is_some_and(is_lately)
            || self.last[n].is_some_and(|(at, where_to)| {
                let is_other = where_to != side || self.reorders_writes();
                is_other && (in_team != in_group || is_lately(at))
            });
        if is_undecided {
            self.undecided_until[n] = self.lies_end().max(now) + LAG;
        }
        self.expected[n] = if meets_another || self.corrupted[n] || self.is_lost(n) {
            Expected::Either
        } else {
            Expected::Is(is)
        };
        self.last[n] = Some((now, side));
    }

    /// Returns `true` if our answer to an act at that moment may still be on its way.
    fn is_open(&self, at: Timestamp, now: Timestamp) -> bool {
        let delays = |(begin, end, kind): &(Timestamp, Timestamp, LieKind)| {
            kind.delays_changes() && at > *begin - LAG && at < *end && now < *end + AFTERMATH
        };
        now.duration_since(at) < LAG || self.lies.iter().any(delays)
    }

    fn lies_end(&self) -> Timestamp {
        let ends = self.lies.iter().map(|(_, end, _)| *end + AFTERMATH);
        ends.max().unwrap_or(Timestamp::MIN)
    }

    fn reorders_writes(&self) -> bool {
        self.lies.iter().any(|(.., kind)| kind.reorders_writes())
    }

    /// Returns `true` if the service loses every write about the person.
    fn is_lost(&self, n: usize) -> bool {
        self.lost.iter().any(|untruth| untruth.person == n)
    }

    fn deceive(&mut self, world: &World, now: Timestamp, untruth: Untruth) {
        untruth.begin(world, &self.handle, self.people[untruth.person]);
        if untruth.kind == LieKind::LostForOne {
            self.lost.push(untruth);
            self.expected[untruth.person] = Expected::Either;
        } else {
            self.lies.push((now, now + untruth.lasts(), untruth.kind));
        }
    }

    /// Changes a person's role on one side; this presumes that they are there.
    fn change_role(&mut self, now: Timestamp, n: usize, side: Side) {
        if self.last[n].is_some_and(|(at, where_to)| where_to != side && self.is_open(at, now)) {
            self.expected[n] = Expected::Either;
        }
        self.role_changed_at[n][side] = Some(now);
    }

    fn corrupt(&mut self, world: &World, n: usize) {
        self.corrupted[n] = true;
        let (in_team, in_group) = self.is_in(world, n);
        if in_team != in_group {
            self.expected[n] = Expected::Either;
        }
    }

    /// Applies an act of people in the team or the group.
    fn change(&mut self, world: &World, now: Timestamp, act: Act) {
        let (team, group) = (self.team, self.group);
        match act {
            Act::JoinTeam(n) => {
                self.change_membership(world, now, (n, Side::Team, true), |customer| {
                    _ = world.add_to_team(team, customer.people[n].person, MembershipRole::Member);
                });
            }
            Act::LeaveTeam(n) => {
                self.change_membership(world, now, (n, Side::Team, false), |customer| {
                    _ = world.remove_from_team(team, customer.people[n].person);
                });
            }
            Act::JoinGroup(n) => {
                self.change_membership(world, now, (n, Side::Group, true), |customer| {
                    world.add_member(group, customer.people[n].object);
                });
            }
            Act::LeaveGroup(n) => {
                self.change_membership(world, now, (n, Side::Group, false), |customer| {
                    let person = customer.people[n].object;
                    if !world.group(group).unwrap().owners.contains(&person) {
                        world.remove_member(group, person);
                    }
                });
            }
            Act::Promote(n) if self.is_in(world, n).0 => {
                self.change_role(now, n, Side::Team);
                _ = world.promote(team, self.people[n].person);
            }
            Act::Demote(n) if self.is_in(world, n).0 => {
                self.change_role(now, n, Side::Team);
                _ = world.demote(team, self.people[n].person);
            }
            Act::AddOwner(n) if self.is_in(world, n).1 => {
                self.change_role(now, n, Side::Group);
                world.add_owner(group, self.people[n].object);
            }
            Act::RemoveOwner(n) => {
                self.change_role(now, n, Side::Group);
                _ = world.remove_owner(group, self.people[n].object);
            }
            Act::RenameTeam(n) => world.rename_team(team, NAMES[usize::from(n)]),
            Act::RenameGroup(n) => {
                world.rename_group(group, self.people[0].object, NAMES[usize::from(n)]);
            }
            Act::RemoveAccount => _ = world.remove_from_team(team, self.handle.service_account),
            _ => {}
        }
    }

    /// Applies an act that breaks external ids, accounts or the service account's role.
    fn break_directory(&mut self, world: &World, act: Act) {
        let corrupted: Vec<usize> = match act {
            Act::ClearAllExternalIds => (0..PEOPLE).collect(),
            Act::ClearExternalId(n) | Act::Deactivate(n) | Act::DeleteUser(n) => vec![n],
            Act::SwapExternalIds(a, b) | Act::ShareExternalId(a, b) => vec![a, b],
            _ => vec![],
        };
        corrupted.into_iter().for_each(|n| self.corrupt(world, n));
        let set = |n: usize, id: Option<usize>| {
            let id = id.map(|n| self.people[n].object);
            world.set_external_id(self.people[n].person, id);
        };
        match act {
            Act::ClearExternalId(n) => set(n, None),
            Act::ClearAllExternalIds => _ = world.clear_external_ids(self.handle.org),
            Act::SwapExternalIds(a, b) => {
                set(a, Some(b));
                set(b, Some(a));
            }
            Act::ShareExternalId(a, b) => set(b, Some(a)),
            Act::Deactivate(n) => world.deactivate(self.people[n].person),
            Act::DeleteUser(n) => world.delete_user(self.people[n].object),
            Act::RevokeAccountRole => {
                world.take_role(self.handle.service_account, AdminRole::ComplianceOfficer);
            }
            _ => {}
        }
    }

    /// Checks that both sides are equal and as expected, and that no write is open.
    async fn check(&self, world: &World, store: &dyn Store) -> Result<(), TestCaseError> {
        let name = &self.handle.name;
        let row = store.get(&link::key(self.tenant, self.team)).await;
        let row: LinkRow = from_item(row.unwrap().unwrap()).unwrap();
        prop_assert!(row.link.failure.is_none(), "{}: {:?}", name, row.link.failure);
        let on_link: BTreeMap<_, _> = link::people(store, self.tenant, self.team).await.unwrap();
        for n in 0..PEOPLE {
            self.check_person(world, &on_link, n)?;
        }
        let (team, group) = (world.team(self.team).unwrap(), world.group(self.group).unwrap());
        let is_deferred = row.link.names.is_some_and(|names| names.deferred.is_some());
        prop_assert!(
            is_deferred || team.title == group.display_name,
            "{}: {} {}",
            name,
            team.title,
            group.display_name
        );
        Ok(())
    }

    fn check_person(
        &self,
        world: &World,
        on_link: &BTreeMap<Who, LinkPerson>,
        n: usize,
    ) -> Result<(), TestCaseError> {
        let (name, person) = (&self.handle.name, self.people[n]);
        let pair = domain::membership::Person { object: person.object, person: person.person };
        let one = on_link.get(&Who::Person(pair));
        let state = one.map(|one| &one.state);
        let is_open =
            |state: &PersonState| !state.intents.is_empty() || state.lag != Default::default();
        prop_assert!(self.is_lost(n) || !state.is_some_and(is_open), "{} {}: {:?}", name, n, state);
        let is_reported = one
            .is_some_and(|one| one.excluded.is_some() || one.state.deferred != Default::default());
        let team = world.team(self.team).unwrap();
        let group = world.group(self.group).unwrap();
        let in_team = team.people.get(&person.person);
        let in_team = in_team.map(|role| *role == MembershipRole::Moderator);
        let in_group = group.members.contains(&person.object);
        let in_group = in_group.then(|| group.owners.contains(&person.object));
        prop_assert!(
            in_team == in_group || is_reported,
            "{name} {n}: {in_team:?} in the team, {in_group:?} in the group"
        );
        if let Expected::Is(is) = self.expected[n] {
            prop_assert_eq!(in_team.is_some(), is, "{} {}: in the team", name, n);
            prop_assert_eq!(in_group.is_some(), is, "{} {}: in the group", name, n);
        }
        Ok(())
    }
}

const NAMES: [&str; 4] = ["Alpha", "Beta", "Gamma", "Delta"];

impl Customers {
    fn world(&self) -> World {
        self.stack.backend().world.clone()
    }

    async fn apply(&mut self, step: Step) {
        let (world, now) = (self.world(), self.stack.backend().clock.now());
        let customer = &mut self.both[step.tenant];
        match step.act {
            Act::Disturbance(disturbance) => disturbance.begin(&world),
            Act::Lie(untruth) => customer.deceive(&world, now, untruth),
            Act::RepairAll => self.repair(),
            act => {
                customer.change(&world, now, act);
                customer.break_directory(&world, act);
            }
        }
        let span = MINUTE * i32::try_from(step.minutes).unwrap();
        match step.act {
            Act::Crash(at) => self.crash(at, span).await,
            _ => self.let_pass(span).await,
        }
    }

    /// Lets `span` pass, and checks what the functions do in it.
    async fn let_pass(&mut self, span: SignedDuration) {
        let end = self.stack.backend().clock.now() + span;
        let mut is_running = true;
        while is_running {
            let before = self.memberships();
            is_running = self.stack.step(end).await;
            self.watch(&before);
        }
    }

    fn memberships(&self) -> Vec<Vec<(bool, bool)>> {
        let world = self.world();
        self.both
            .iter()
            .map(|customer| (0..PEOPLE).map(|n| customer.is_in(&world, n)).collect())
            .collect()
    }

    fn watch(&mut self, before: &[Vec<(bool, bool)>]) {
        let now = self.stack.backend().clock.now();
        for ((customer, before), after) in self.both.iter().zip(before).zip(self.memberships()) {
            for n in (0..PEOPLE)
                .filter(|n| !customer.corrupted[*n] && customer.undecided_until[*n] <= now)
            {
                let Expected::Is(is) = customer.expected[n] else {
                    continue;
                };
                let ((team, group), (team_now, group_now)) = (before[n], after[n]);
                if (team == is && team_now != is) || (group == is && group_now != is) {
                    let name = &customer.handle.name;
                    self.overruled.push(format!(
                        "{name} {n} at {now}: {:?} became {:?}",
                        before[n], after[n]
                    ));
                }
            }
        }
    }

    /// Crashes the functions at a call, and starts new ones.
    async fn crash(&mut self, at: usize, span: SignedDuration) {
        let backend = self.stack.backend().clone();
        let outside = Outside::new(&backend, Plan::Crash { at });
        let mut crashing = LocalStack::with_connections(&backend, outside.connections()).unwrap();
        crashing.set_tenants(self.stack.tenants());
        let before = self.memberships();
        tokio::select! {
            () = crashing.let_pass(span) => {}
            () = outside.crashed() => {}
        }
        drop(crashing);
        self.watch(&before);
        *self = restart_on(self, &backend);
    }

    fn repair(&mut self) {
        let world = self.world();
        world.clear_faults();
        world.graph_settings(|settings| {
            (settings.replica_lag, settings.notifications_lost) = (std::time::Duration::ZERO, 0);
        });
        world.webex_settings(|settings| settings.deliveries_lost = 0);
        let now = self.stack.backend().clock.now();
        for customer in &mut self.both {
            for untruth in &customer.lost {
                untruth.begin(&world, &customer.handle, customer.people[untruth.person]);
            }
            for (_, end, _) in &mut customer.lies {
                *end = now.min(*end);
            }
            world.give_role(customer.handle.service_account, AdminRole::ComplianceOfficer);
            for (n, person) in customer.people.iter().enumerate() {
                if customer.corrupted[n] {
                    world.restore_user(person.object);
                    world.activate(person.person);
                    world.set_external_id(person.person, Some(person.object));
                }
            }
        }
    }

    /// Runs until all lag windows have passed; approves every pending removal.
    async fn settle(&mut self) {
        self.repair();
        for _ in 0..3 {
            self.let_pass(SETTLED).await;
            let backend = self.stack.backend().clone();
            for Customer { tenant, team, .. } in &self.both {
                if let Some(plan) =
                    pending_approval::load(backend.store.as_ref(), *tenant, *team).await.unwrap()
                {
                    pending_approval::decide(
                        backend.store.as_ref(),
                        *tenant,
                        *team,
                        &plan.hash(),
                        ApprovalDecision::Apply,
                        Decider::operator(backend.clock.now()),
                    )
                    .await
                    .unwrap();
                }
                let job = Job::Team { team: *team, region: None };
                let (at, trigger) = (backend.clock.now(), Trigger::Administrator);
                let message = Message { v: Default::default(), tenant: *tenant, at, trigger, job };
                backend.queue.send_all(&[message]).await.unwrap();
            }
            self.let_pass(SETTLED).await;
            backend.clock.advance(DAY.unsigned_abs());
        }
        self.let_pass(SETTLED).await;
    }

    /// Applies a history to a copy.
    pub(super) async fn replay(&mut self, history: &[Step]) -> Result<(), TestCaseError> {
        let backend = self.stack.backend().snapshot();
        let mut customers = restart_on(self, &backend);
        for step in history {
            customers.apply(*step).await;
        }
        customers.settle().await;
        customers.check().await
    }

    async fn check(&self) -> Result<(), TestCaseError> {
        let (world, backend) = (self.world(), self.stack.backend());
        prop_assert_eq!(world.violations(), []);
        prop_assert_eq!(backend.queue.dead_letters(), []);
        prop_assert!(self.overruled.is_empty(), "overruled: {:#?}", self.overruled);
        for customer in &self.both {
            customer.check(&world, backend.store.as_ref()).await?;
        }
        Ok(())
    }
}
