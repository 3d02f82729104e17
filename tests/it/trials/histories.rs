//! Random histories of two tenants: people change their minds on both sides, replicas lag, services fail, directories have mishaps, and functions die. When all is well
//! again both sides are one, whoever was last put in or out by a person is, and was never moved the other way in between.

use std::collections::BTreeMap;

use domain::clock::Clock;
use domain::ids::{GroupId, TeamId, TenantId};
use domain::membership::{Side, Sides};
use domain::merge::Memory;
use engine::link::{self, Kept, Who};
use engine::safety::pending_approval::{self, Decision};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use sandbox::house::{Ground, House};
use sandbox::{AdminRole, Fault, Person, Role, Service, TenantHandle, World};
use store::message::{Ask, Cause, Message};
use store::queue::Queue;
use store::table::from_item;

use super::reach::{Outside, Plan};
use super::{SETTLED, Scene, on, say};
use crate::town::{DAY, MINUTE, every_team, start};

/// Of so many people of a tenant the first made the team and stays; the next ones are in it at first.
const PEOPLE: usize = 7;
const AT_FIRST: usize = 4;

/// Within this time a replica may show either of two acts.
const LAG: SignedDuration = SignedDuration::from_mins(16);

/// Who does what.
#[derive(Clone, Copy, Debug)]
enum Act {
    JoinTeam(usize),
    LeaveTeam(usize),
    Promote(usize),
    Demote(usize),
    JoinGroup(usize),
    LeaveGroup(usize),
    Own(usize),
    Disown(usize),
    RenameTeam(u8),
    RenameGroup(u8),
    ClearExternalId(usize),
    ClearAllExternalIds,
    SwapExternalIds(usize, usize),
    ShareExternalId(usize, usize),
    Deactivate(usize),
    DeleteUser(usize),
    DemoteOfficer,
    PutOfficerOut,
    Weather(Weather),
    MendEverything,
    Die(usize),
}

#[derive(Clone, Copy, Debug)]
enum Weather {
    Cut(Service),
    Failing(Service),
    Throttled(Service),
    Lagging,
    NothingIsDelivered,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    tenant: usize,
    act: Act,
    minutes: i64,
}

fn somebody() -> impl Strategy<Value = usize> {
    1..PEOPLE
}

fn service() -> impl Strategy<Value = Service> {
    prop_oneof![Just(Service::Webex), Just(Service::Graph), Just(Service::Entra)]
}

/// Replicas that lag are what readings have to be mistrusted for, and what the other acts fall into.
fn weather() -> impl Strategy<Value = Act> {
    let weather = prop_oneof![
        1 => service().prop_map(Weather::Cut),
        1 => service().prop_map(Weather::Failing),
        1 => service().prop_map(Weather::Throttled),
        6 => Just(Weather::Lagging),
        2 => Just(Weather::NothingIsDelivered),
    ];
    weather.prop_map(Act::Weather)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => somebody().prop_map(Act::JoinTeam),
        4 => somebody().prop_map(Act::LeaveTeam),
        2 => somebody().prop_map(Act::Promote),
        2 => somebody().prop_map(Act::Demote),
        4 => somebody().prop_map(Act::JoinGroup),
        4 => somebody().prop_map(Act::LeaveGroup),
        2 => somebody().prop_map(Act::Own),
        2 => somebody().prop_map(Act::Disown),
        1 => (0..4_u8).prop_map(Act::RenameTeam),
        1 => (0..4_u8).prop_map(Act::RenameGroup),
        1 => somebody().prop_map(Act::ClearExternalId),
        1 => Just(Act::ClearAllExternalIds),
        1 => (somebody(), somebody()).prop_map(|(a, b)| Act::SwapExternalIds(a, b)),
        1 => (somebody(), somebody()).prop_map(|(a, b)| Act::ShareExternalId(a, b)),
        1 => somebody().prop_map(Act::Deactivate),
        1 => somebody().prop_map(Act::DeleteUser),
        1 => Just(Act::DemoteOfficer),
        1 => Just(Act::PutOfficerOut),
        3 => weather(),
        2 => Just(Act::MendEverything),
        4 => (0..60_usize).prop_map(Act::Die),
    ]
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let step = |act| {
        let minutes = prop_oneof![0..3_i64, 0..30_i64, 0..300_i64];
        (0..2_usize, act, minutes).prop_map(|(tenant, act, minutes)| Step { tenant, act, minutes })
    };
    let first = prop::option::weighted(0.7, step(weather().boxed()));
    (first, prop::collection::vec(step(act().boxed()), 4..20))
        .prop_map(|(first, steps)| first.into_iter().chain(steps).collect())
}

/// What should become of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// In, or out, on both sides.
    Is(bool),
    /// Either: two acts met, or the directory did not say who it is.
    Either,
}

#[derive(Clone)]
struct Customer {
    handle: TenantHandle,
    tenant: TenantId,
    people: Vec<Person>,
    team: TeamId,
    group: GroupId,
    fates: Vec<Fate>,
    last: Vec<Option<(Timestamp, Side)>>,
    /// Until when a replica may show what somebody wanted before he changed his mind.
    wavering_until: Vec<Timestamp>,
    /// When somebody's role was last decided on each side.
    judged: Vec<Sides<Option<Timestamp>>>,
    /// Whom the directory has wronged since all was well.
    wronged: Vec<bool>,
}

struct Customers {
    house: House,
    both: Vec<Customer>,
    /// Whom the functions moved against the last word of people, whether or not they moved them back.
    overruled: Vec<String>,
}

impl Scene for Customers {
    fn house(&mut self) -> &mut House {
        &mut self.house
    }

    fn around(&self, house: House) -> Self {
        Self { house, both: self.both.clone(), overruled: self.overruled.clone() }
    }
}

async fn settled() -> Customers {
    let ground = Ground::new(start(), 23);
    let mut house = House::new(&ground).unwrap();
    let mut both = vec![];
    for name in ["Contoso", "Fabrikam"] {
        let handle = ground.world.add_tenant(name);
        let people: Vec<Person> =
            (0..PEOPLE).map(|n| ground.world.add_person(&handle, &format!("{name} {n}"))).collect();
        let tenant = house.sign_up(&handle, every_team()).await.unwrap();
        let team = ground.world.create_team(people[0].person, "Same");
        for person in &people[1..AT_FIRST] {
            ground.world.add_to_team(team, person.person, Role::Member).unwrap();
        }
        house.let_pass(SETTLED).await;
        let group = *ground.world.groups(handle.directory).keys().next().unwrap();
        let fates = (0..PEOPLE).map(|n| Fate::Is(n < AT_FIRST)).collect();
        let (last, judged, wronged) = (vec![None; PEOPLE], vec![Sides::default(); PEOPLE], vec![false; PEOPLE]);
        let wavering_until = vec![start(); PEOPLE];
        both.push(Customer { handle, tenant, people, team, group, fates, last, wavering_until, judged, wronged });
    }
    Customers { house, both, overruled: vec![] }
}

impl Customer {
    /// Where somebody is: in the team, in the group.
    fn is_in(&self, world: &World, n: usize) -> (bool, bool) {
        let team = world.team(self.team).unwrap();
        let group = world.group(self.group).unwrap();
        (
            team.people.contains_key(&self.people[n].person),
            [group.members, group.owners].iter().any(|people| people.contains(&self.people[n].object)),
        )
    }

    /// A person puts somebody in, or out, on one side.
    fn decide(&mut self, world: &World, now: Timestamp, (n, side, is): (usize, Side, bool), act: impl FnOnce(&Self)) {
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
        let is_lately = |at: Timestamp| now.duration_since(at) < LAG;
        // What he wanted before is still under way, or just arrived.
        if in_team != in_group || self.last[n].is_some_and(|(at, _)| is_lately(at)) {
            self.wavering_until[n] = now + LAG;
        }
        let meets_another = self.judged[n][side.other()].is_some_and(is_lately)
            || self.last[n].is_some_and(|(at, where_to)| where_to != side && (in_team != in_group || is_lately(at)));
        self.fates[n] = if meets_another || self.wronged[n] { Fate::Either } else { Fate::Is(is) };
        self.last[n] = Some((now, side));
    }

    /// A person gives somebody a role on one side, or takes it: whoever does so takes it that he is there.
    fn judge(&mut self, now: Timestamp, (n, side): (usize, Side)) {
        if self.last[n].is_some_and(|(at, where_to)| where_to != side && now.duration_since(at) < LAG) {
            self.fates[n] = Fate::Either;
        }
        self.judged[n][side] = Some(now);
    }

    fn wrong(&mut self, world: &World, n: usize) {
        self.wronged[n] = true;
        let (in_team, in_group) = self.is_in(world, n);
        if in_team != in_group {
            self.fates[n] = Fate::Either;
        }
    }
}

const NAMES: [&str; 4] = ["Alpha", "Beta", "Gamma", "Delta"];

impl Customers {
    fn world(&self) -> World {
        self.house.ground().world.clone()
    }

    async fn take(&mut self, step: Step) {
        let (world, now) = (self.world(), self.house.ground().clock.now());
        let customer = &mut self.both[step.tenant];
        let (team, group) = (customer.team, customer.group);
        let person = |customer: &Customer, n: usize| customer.people[n];
        match step.act {
            Act::JoinTeam(n) => customer.decide(&world, now, (n, Side::Team, true), |customer| {
                _ = world.add_to_team(team, person(customer, n).person, Role::Member);
            }),
            Act::LeaveTeam(n) => customer.decide(&world, now, (n, Side::Team, false), |customer| {
                _ = world.remove_from_team(team, person(customer, n).person);
            }),
            Act::JoinGroup(n) => customer.decide(&world, now, (n, Side::Group, true), |customer| {
                world.add_member(group, person(customer, n).object);
            }),
            Act::LeaveGroup(n) => customer.decide(&world, now, (n, Side::Group, false), |customer| {
                if !world.group(group).unwrap().owners.contains(&person(customer, n).object) {
                    world.remove_member(group, person(customer, n).object);
                }
            }),
            Act::Promote(n) if customer.is_in(&world, n).0 => {
                customer.judge(now, (n, Side::Team));
                _ = world.promote(team, person(customer, n).person);
            }
            Act::Demote(n) if customer.is_in(&world, n).0 => {
                customer.judge(now, (n, Side::Team));
                _ = world.demote(team, person(customer, n).person);
            }
            Act::Own(n) if customer.is_in(&world, n).1 => {
                customer.judge(now, (n, Side::Group));
                world.add_owner(group, person(customer, n).object);
            }
            Act::Disown(n) => {
                customer.judge(now, (n, Side::Group));
                _ = world.remove_owner(group, person(customer, n).object);
            }
            Act::RenameTeam(n) => world.rename_team(team, NAMES[usize::from(n)]),
            Act::RenameGroup(n) => world.rename_group(group, person(customer, 0).object, NAMES[usize::from(n)]),
            Act::ClearExternalId(n) => {
                customer.wrong(&world, n);
                world.set_external_id(person(customer, n).person, None);
            }
            Act::ClearAllExternalIds => {
                (0..PEOPLE).for_each(|n| customer.wrong(&world, n));
                world.clear_external_ids(customer.handle.org);
            }
            Act::SwapExternalIds(a, b) => {
                [a, b].into_iter().for_each(|n| customer.wrong(&world, n));
                world.set_external_id(person(customer, a).person, Some(person(customer, b).object));
                world.set_external_id(person(customer, b).person, Some(person(customer, a).object));
            }
            Act::ShareExternalId(a, b) => {
                [a, b].into_iter().for_each(|n| customer.wrong(&world, n));
                world.set_external_id(person(customer, b).person, Some(person(customer, a).object));
            }
            Act::Deactivate(n) => {
                customer.wrong(&world, n);
                world.deactivate(person(customer, n).person);
            }
            Act::DeleteUser(n) => {
                customer.wrong(&world, n);
                world.delete_user(person(customer, n).object);
            }
            Act::DemoteOfficer => world.take_role(customer.handle.officer, AdminRole::ComplianceOfficer),
            Act::PutOfficerOut => _ = world.remove_from_team(team, customer.handle.officer),
            Act::Weather(weather) => weather.begin(&world),
            Act::MendEverything => self.mend(),
            Act::Die(_) | Act::Promote(_) | Act::Demote(_) | Act::Own(_) => {}
        }
        let span = MINUTE * i32::try_from(step.minutes).unwrap();
        match step.act {
            Act::Die(at) => self.die(at, span).await,
            _ => self.let_pass(span).await,
        }
    }

    /// Lets `span` pass, and watches what the functions do in it.
    async fn let_pass(&mut self, span: SignedDuration) {
        let end = self.house.ground().clock.now() + span;
        let mut goes_on = true;
        while goes_on {
            let before = self.places();
            goes_on = self.house.step(end).await;
            self.watch(&before);
        }
    }

    fn places(&self) -> Vec<Vec<(bool, bool)>> {
        let world = self.world();
        self.both.iter().map(|customer| (0..PEOPLE).map(|n| customer.is_in(&world, n)).collect()).collect()
    }

    fn watch(&mut self, before: &[Vec<(bool, bool)>]) {
        let now = self.house.ground().clock.now();
        for ((customer, before), after) in self.both.iter().zip(before).zip(self.places()) {
            for n in (0..PEOPLE).filter(|n| !customer.wronged[*n] && customer.wavering_until[*n] <= now) {
                let Fate::Is(is) = customer.fates[n] else { continue };
                let ((team, group), (team_now, group_now)) = (before[n], after[n]);
                if (team == is && team_now != is) || (group == is && group_now != is) {
                    let name = &customer.handle.name;
                    self.overruled.push(format!("{name} {n} at {now}: {:?} became {:?}", before[n], after[n]));
                }
            }
        }
    }

    /// The functions die at a call, and new ones go on.
    async fn die(&mut self, at: usize, span: SignedDuration) {
        let ground = self.house.ground().clone();
        let outside = Outside::new(&ground, Plan::Die { at });
        let mut doomed = House::reaching_out(&ground, outside.reach()).unwrap();
        doomed.take_over(self.house.tenants());
        let before = self.places();
        tokio::select! {
            () = doomed.let_pass(span) => {}
            () = outside.death() => {}
        }
        drop(doomed);
        self.watch(&before);
        *self = on(self, &ground);
    }

    fn mend(&mut self) {
        let world = self.world();
        world.clear_faults();
        world.graph_settings(|settings| {
            (settings.replica_lag, settings.notifications_lost) = (std::time::Duration::ZERO, 0);
        });
        world.webex_settings(|settings| settings.deliveries_lost = 0);
        for customer in &mut self.both {
            world.give_role(customer.handle.officer, AdminRole::ComplianceOfficer);
            for (n, person) in customer.people.iter().enumerate() {
                if customer.wronged[n] {
                    world.restore_user(person.object);
                    world.activate(person.person);
                    world.set_external_id(person.person, Some(person.object));
                }
            }
        }
    }

    /// Until nothing is recent any more; what an administrator is asked he grants.
    async fn settle(&mut self) {
        self.mend();
        for _ in 0..3 {
            self.let_pass(SETTLED).await;
            let ground = self.house.ground().clone();
            for Customer { tenant, team, .. } in &self.both {
                if let Some(plan) = pending_approval::load(ground.store.as_ref(), *tenant, *team).await.unwrap() {
                    pending_approval::decide(ground.store.as_ref(), *tenant, *team, &plan.hash(), Decision::Apply)
                        .await
                        .unwrap();
                }
                let ask = Ask::Team { team: *team, region: None };
                let (at, cause) = (ground.clock.now(), Cause::Administrator);
                let message = Message { v: Default::default(), tenant: *tenant, at, cause, ask };
                ground.queue.send_all(&[message]).await.unwrap();
            }
            self.let_pass(SETTLED).await;
            ground.clock.advance(DAY.unsigned_abs());
        }
        self.let_pass(SETTLED).await;
    }

    /// A copy of them has this history.
    async fn live_through(&mut self, history: &[Step]) -> Result<(), TestCaseError> {
        let ground = self.house.ground().copy();
        let mut customers = on(self, &ground);
        for step in history {
            customers.take(*step).await;
        }
        customers.settle().await;
        customers.verdict().await
    }

    async fn verdict(&self) -> Result<(), TestCaseError> {
        let (world, ground) = (self.world(), self.house.ground());
        prop_assert_eq!(world.violations(), []);
        prop_assert_eq!(ground.queue.dead_letters(), []);
        prop_assert!(self.overruled.is_empty(), "overruled: {:#?}", self.overruled);
        for customer in &self.both {
            let Customer { tenant, team, people, .. } = customer;
            let name = &customer.handle.name;
            let store = ground.store.as_ref();
            let kept: Kept =
                from_item(store::table::Store::get(store, &link::key(*tenant, *team)).await.unwrap().unwrap()).unwrap();
            prop_assert!(kept.link.trouble.is_none(), "{}: {:?}", name, kept.link.trouble);
            let on_link: BTreeMap<_, _> = link::people(store, *tenant, *team).await.unwrap();
            let (there, group) = (world.team(*team).unwrap(), world.group(customer.group).unwrap());
            for (n, person) in people.iter().enumerate() {
                let pair = domain::membership::Person { object: person.object, person: person.person };
                let one = on_link.get(&Who::Person(pair));
                let memory = one.map(|one| &one.memory);
                let is_open = |memory: &Memory| !memory.intents.is_empty() || memory.recent != Default::default();
                prop_assert!(!memory.is_some_and(is_open), "{} {}: {:?}", name, n, memory);
                let is_told = one.is_some_and(|one| one.left_out.is_some() || one.memory.owed != Default::default());
                let role = there.people.get(&person.person).map(|role| *role == Role::Moderator);
                let standing = group.members.contains(&person.object).then(|| group.owners.contains(&person.object));
                prop_assert!(
                    role == standing || is_told,
                    "{name} {n}: {role:?} in the team, {standing:?} in the group"
                );
                if let Fate::Is(is) = customer.fates[n] {
                    prop_assert_eq!(role.is_some(), is, "{} {}: in the team", name, n);
                    prop_assert_eq!(standing.is_some(), is, "{} {}: in the group", name, n);
                }
            }
            let is_owed = kept.link.names.is_some_and(|names| names.owed.is_some());
            prop_assert!(
                is_owed || there.title == group.display_name,
                "{}: {} {}",
                name,
                there.title,
                group.display_name
            );
        }
        Ok(())
    }
}

impl Weather {
    fn begin(self, world: &World) {
        match self {
            Self::Cut(service) => world.fault(Fault::cut_before().on(service).times(u32::MAX)),
            Self::Failing(service) => world.fault(Fault::status(503).on(service).times(u32::MAX)),
            Self::Throttled(service) => world.fault(Fault::throttled("120").on(service).times(u32::MAX)),
            Self::Lagging => {
                world.graph_settings(|settings| settings.replica_lag = std::time::Duration::from_secs(600));
            }
            Self::NothingIsDelivered => {
                world.webex_settings(|settings| settings.deliveries_lost = 100);
                world.graph_settings(|settings| settings.notifications_lost = 100);
            }
        }
    }
}

fn of_the_environment(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

/// `HISTORIES` says how many, and `SEED` which; a failing one is shrunk to the shortest that fails, and printed.
#[test]
fn when_all_is_well_again_both_sides_are_one_and_the_last_word_of_people_holds() {
    let (histories, seed) = (of_the_environment("HISTORIES", 60), of_the_environment("SEED", 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settled = std::cell::RefCell::new(runtime.block_on(settled()));
    let config = Config { cases: histories, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng)
        .run(&history(), |history| runtime.block_on(settled.borrow_mut().live_through(&history)));
    if let Err(error) = outcome {
        panic!("of seed {seed}: {error}");
    }
    say(&format!("{histories} random histories of two tenants (seed {seed}) end well"));
}

/// Whoever promotes somebody in the team has not heard yet that he left the group.
#[tokio::test]
async fn whoever_left_the_group_and_was_promoted_in_the_team_before_it_shows_is_on_both_sides_or_on_neither() {
    let step = |tenant, act| Step { tenant, act, minutes: 0 };
    let history = [
        step(0, Act::Weather(Weather::Lagging)),
        step(0, Act::DeleteUser(1)),
        step(0, Act::JoinGroup(4)),
        step(1, Act::LeaveGroup(1)),
        step(1, Act::Promote(1)),
    ];
    settled().await.live_through(&history).await.unwrap();
}

/// Whoever takes somebody out of the team has not heard yet that he owns the group.
#[tokio::test]
async fn whoever_was_made_an_owner_and_left_the_team_before_it_shows_is_on_both_sides_or_on_neither() {
    let history = [
        Step { tenant: 0, act: Act::Weather(Weather::Lagging), minutes: 46 },
        Step { tenant: 0, act: Act::JoinTeam(1), minutes: 12 },
        Step { tenant: 0, act: Act::JoinTeam(4), minutes: 2 },
        Step { tenant: 1, act: Act::Own(2), minutes: 0 },
        Step { tenant: 1, act: Act::LeaveTeam(2), minutes: 0 },
    ];
    settled().await.live_through(&history).await.unwrap();
}
