//! Large and many, in simulated time.

use std::time::{Duration, Instant};

use clients::http::Deadline;
use domain::clock::Clock;
use domain::ids::{GroupId, TeamId, TenantId};
use engine::tenant::{NewTeams, Settings};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::message::{Ask, Cause, Message};

use crate::costs::NotCounted;
use crate::house::{Ground, House};
use crate::{Call, Failure, Fault, Kind, Person, Role, Service, TenantHandle};

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How closely it is seen when something has come about.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// Longest that anything is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_hours(12);

const START: &str = "2026-11-23T08:00:00Z";

pub(crate) fn not_as_meant(why: impl std::fmt::Display) -> NotCounted {
    NotCounted::NotAsMeant(why.to_string())
}

fn start() -> Result<Timestamp, NotCounted> {
    START.parse().map_err(|error: jiff::Error| not_as_meant(error))
}

pub(crate) fn ground() -> Result<Ground, NotCounted> {
    Ok(Ground::new(start()?, 7))
}

/// Every new team gets a group.
pub fn every_team() -> Settings {
    Settings { switched_on_at: START.parse().ok(), new_teams: NewTeams::Every, ..Settings::default() }
}

/// A tenant with people, and the functions.
struct Scene {
    house: House,
    handle: TenantHandle,
    tenant: TenantId,
    people: Vec<Person>,
}

impl Scene {
    async fn with(people: usize) -> Result<Self, NotCounted> {
        let ground = ground()?;
        let handle = ground.world.add_tenant("Contoso");
        let people = (0..people).map(|n| ground.world.add_person(&handle, &format!("Person {n}"))).collect();
        let mut house = House::new(&ground)?;
        let tenant = house.sign_up(&handle, every_team()).await?;
        Ok(Self { house, handle, tenant, people })
    }

    fn create_team(&self, people: &[Person]) -> Result<TeamId, NotCounted> {
        let world = &self.house.ground().world;
        let team = world.create_team(people[0].person, "Load");
        people[1..].iter().try_for_each(|person| world.add_to_team(team, person.person, Role::Member))?;
        Ok(team)
    }

    fn group(&self) -> Option<(GroupId, usize)> {
        let groups = self.house.ground().world.groups(self.handle.directory);
        groups.into_iter().next().map(|(id, group)| (id, group.members.len()))
    }

    fn now(&self) -> Timestamp {
        self.house.ground().clock.now()
    }

    fn take_calls(&self) -> Vec<Call> {
        self.house.ground().world.take_calls()
    }

    /// Lets time pass until so many are in the group, and says how many seconds that took.
    async fn until_in_group(&mut self, people: usize) -> Result<i64, NotCounted> {
        let began = self.now();
        while self.group().is_none_or(|(_, there)| there < people) {
            if self.now().duration_since(began) > PATIENCE {
                return Err(not_as_meant(format!("{:?} of {people} are in the group after half a day", self.group())));
            }
            self.house.let_pass(STEP).await;
        }
        Ok(self.now().duration_since(began).as_secs())
    }

    /// That nobody was wronged, and every message dealt with.
    fn is_clean(&self) -> Result<(), NotCounted> {
        let (violations, dead) = (self.house.ground().world.violations(), self.house.ground().queue.dead_letters());
        let is_clean = violations.is_empty() && dead.is_empty();
        is_clean.then_some(()).ok_or_else(|| not_as_meant(format!("{violations:?}, and dead letters: {dead:?}")))
    }
}

/// Looks at teams, by the call that reads the group.
fn looks(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.service == Service::Graph && call.path.ends_with("$batch")).count()
}

/// Many people join one team at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// How many.
    pub people: usize,
    /// Webhooks that came of it.
    pub webhooks: u64,
    /// Looks until everybody is in the group.
    pub looks: usize,
    /// Calls of Graph that changed something.
    pub graph_writes: usize,
    /// After so many seconds everybody is in the group.
    pub seconds: i64,
}

/// Has so many people join a team of ten at once.
///
/// # Errors
/// If they are not in the group within half a day.
pub async fn burst(people: usize) -> Result<Burst, NotCounted> {
    let mut scene = Scene::with(people + 10).await?;
    let team = scene.create_team(&scene.people[..10])?;
    scene.house.let_pass(MINUTE * 60).await;
    let webhooks = scene.house.invocations().webhook;
    scene.take_calls();
    let world = scene.house.ground().world.clone();
    scene.people[10..].iter().try_for_each(|person| world.add_to_team(team, person.person, Role::Member))?;
    let seconds = scene.until_in_group(people + 10).await?;
    let calls = scene.take_calls();
    let writes = calls.iter().filter(|call| call.service == Service::Graph && call.kind == Kind::Write);
    scene.is_clean()?;
    Ok(Burst {
        people,
        webhooks: scene.house.invocations().webhook - webhooks,
        looks: looks(&calls),
        graph_writes: writes.count(),
        seconds,
    })
}

/// A team with many people gets its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeTeam {
    /// How many.
    pub people: usize,
    /// After so many seconds everybody is in the group.
    pub seconds: i64,
    /// Calls of Webex until then.
    pub webex: usize,
    /// Calls of Graph until then.
    pub graph: usize,
    /// Calls of a look at it in step.
    pub calls_of_a_look: usize,
    /// What such a look takes by the wall's clock, the simulated services' part included.
    pub time_of_a_look: Duration,
}

/// Makes a team of so many people.
///
/// # Errors
/// If they are not in the group within half a day.
pub async fn large_team(people: usize) -> Result<LargeTeam, NotCounted> {
    let mut scene = Scene::with(people).await?;
    scene.house.let_pass(MINUTE * 30).await;
    scene.take_calls();
    let team = scene.create_team(&scene.people)?;
    let seconds = scene.until_in_group(people).await?;
    let calls = scene.take_calls();
    let of = |service| calls.iter().filter(|call| call.service == service).count();
    scene.house.let_pass(MINUTE * 60).await;
    scene.take_calls();
    let ask = Ask::Team { team, region: None };
    let message =
        Message { v: Default::default(), tenant: scene.tenant, at: scene.now(), cause: Cause::Administrator, ask };
    let began = Instant::now();
    scene.house.sync().handle(&message, Deadline(scene.now() + MINUTE)).await?;
    let time_of_a_look = began.elapsed();
    let calls_of_a_look = scene.take_calls().iter().filter(|call| call.service != Service::Entra).count();
    scene.is_clean()?;
    Ok(LargeTeam {
        people,
        seconds,
        webex: of(Service::Webex),
        graph: of(Service::Graph),
        calls_of_a_look,
        time_of_a_look,
    })
}

/// One tenant of many is throttled for an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// All of them.
    pub tenants: usize,
    /// In the other tenants somebody who joins is in the group after so many seconds at most.
    pub slowest: i64,
    /// The same where nobody is throttled.
    pub slowest_without: i64,
    /// Calls of Graph for the throttled one while it is.
    pub calls_meanwhile: usize,
    /// So many seconds after the hour, it is in step.
    pub in_step_after: i64,
}

/// Throttles one of so many tenants for an hour, during which people join teams of all of them.
///
/// # Errors
/// If somebody is not in a group within half a day.
pub async fn throttled(tenants: usize) -> Result<Throttled, NotCounted> {
    let (slowest_without, ..) = an_hour_of_joins(tenants, false).await?;
    let (slowest, calls_meanwhile, in_step_after) = an_hour_of_joins(tenants, true).await?;
    Ok(Throttled { tenants, slowest, slowest_without, calls_meanwhile, in_step_after })
}

/// Teams of the tenant that is throttled; the others have one.
const TEAMS_OF_THE_THROTTLED: usize = 50;

/// Six times in an hour somebody joins in each tenant.
const JOINS: usize = 6;

async fn an_hour_of_joins(tenants: usize, is_throttled: bool) -> Result<(i64, usize, i64), NotCounted> {
    let ground = ground()?;
    let world = ground.world.clone();
    let mut house = House::new(&ground)?;
    let mut all = vec![];
    for n in 0..tenants {
        let handle = world.add_tenant(&format!("Tenant {n}"));
        let people: Vec<_> =
            (0..JOINS + 1).map(|person| world.add_person(&handle, &format!("Person {person}"))).collect();
        house.sign_up(&handle, every_team()).await?;
        let count = if n == 0 { TEAMS_OF_THE_THROTTLED } else { 1 };
        let teams: Vec<_> = (0..count).map(|n| world.create_team(people[0].person, &format!("Team {n}"))).collect();
        all.push((handle, people, teams));
    }
    house.let_pass(MINUTE * 90).await;
    world.take_calls();
    let of_the_first = |calls: Vec<Call>, directory| {
        calls.iter().filter(|call| call.service == Service::Graph && call.owner == Some(directory)).count()
    };
    let directory = all.first().ok_or_else(|| not_as_meant("no tenant"))?.0.directory;
    if is_throttled {
        let groups = world.groups(directory);
        let body = json!({"error": {"code": "TooManyRequests", "message": "Please retry again later."}});
        for group in groups.keys() {
            let answer = Failure::BatchItem(429, vec![("Retry-After".into(), "3600".into())], body.clone());
            world.fault(Fault::new(answer).path(&group.to_string()));
        }
    }
    let began = ground.clock.now();
    let is_in = |(handle, people, teams): &(TenantHandle, Vec<Person>, Vec<TeamId>), joined: usize| {
        let groups = world.groups(handle.directory);
        groups.len() == teams.len()
            && groups.values().all(|group| people[..=joined].iter().all(|one| group.members.contains(&one.object)))
    };
    let (mut slowest, mut calls_meanwhile) = (0, 0);
    for joined in 1..=JOINS {
        let at = ground.clock.now();
        for (_, people, teams) in &all {
            teams.iter().try_for_each(|team| world.add_to_team(*team, people[joined].person, Role::Member))?;
        }
        let mut waiting: Vec<_> = all.iter().skip(1).collect();
        while !waiting.is_empty() && ground.clock.now().duration_since(at) < MINUTE * 10 {
            house.let_pass(STEP).await;
            waiting.retain(|tenant| !is_in(tenant, joined));
            let is_late = ground.clock.now().duration_since(at).as_secs();
            slowest = slowest.max(if waiting.is_empty() { is_late } else { is_late + 1 });
        }
        if !waiting.is_empty() {
            return Err(not_as_meant(format!("{} tenants are not in step after ten minutes", waiting.len())));
        }
        house.let_pass(MINUTE * 10 - ground.clock.now().duration_since(at)).await;
        calls_meanwhile += of_the_first(world.take_calls(), directory.0);
    }
    world.clear_faults();
    let hour = began + MINUTE * 60;
    while !all.first().is_some_and(|tenant| is_in(tenant, JOINS)) {
        if ground.clock.now().duration_since(began) > PATIENCE {
            return Err(not_as_meant("the throttled tenant never comes to be in step"));
        }
        house.let_pass(STEP).await;
    }
    if !ground.queue.dead_letters().is_empty() || !world.violations().is_empty() {
        return Err(not_as_meant(format!("{:?}, {:?}", ground.queue.dead_letters(), world.violations())));
    }
    Ok((slowest, calls_meanwhile, ground.clock.now().duration_since(hour).as_secs().max(0)))
}
