//! One tenant of many is throttled for an hour, in simulated time.

use domain::clock::Clock;
use domain::ids::TeamId;
use sandbox::local_stack::{Backend, LocalStack};
use serde_json::json;
use sim::{Call, Failure, Fault, MembershipRole, Person, Service, TenantHandle, World};

use super::loaded::STEP;
use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{MINUTE, PATIENCE, assert_clean, backend, every_team};

/// One tenant of many is throttled for an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// All tenants.
    pub tenants: usize,
    /// Maximum seconds from a join in another tenant until the person is in the group.
    pub slowest: i64,
    /// The same without throttling.
    pub slowest_without: i64,
    /// Calls to Graph for the throttled tenant within the hour.
    pub calls_meanwhile: usize,
    /// Seconds from the end of the hour until the throttled tenant is in sync.
    pub in_sync_after: i64,
}

/// Throttles one of several tenants for an hour in which people join teams of all of them.
///
/// # Errors
/// If a person is not in a group within half a day.
pub async fn throttled(tenants: usize) -> Result<Throttled, BenchError> {
    let without = hour_of_joins(tenants, Throttling::Off).await?;
    let with = hour_of_joins(tenants, Throttling::On).await?;
    Ok(Throttled {
        tenants,
        slowest: with.slowest,
        slowest_without: without.slowest,
        calls_meanwhile: with.calls_to_first,
        in_sync_after: with.first_in_sync_after,
    })
}

/// Teams of the throttled tenant; the others have one.
const TEAMS_OF_FIRST: usize = 50;

/// Joins in each tenant within the hour.
const JOINS: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Throttling {
    On,
    Off,
}

/// The result of an hour in which people join teams of all tenants.
struct Hour {
    /// Maximum seconds until a join arrives, in all tenants but the first.
    slowest: i64,
    calls_to_first: usize,
    /// Seconds after the hour.
    first_in_sync_after: i64,
}

struct Tenant {
    handle: TenantHandle,
    people: Vec<Person>,
    teams: Vec<TeamId>,
}

impl Tenant {
    fn create(world: &World, n: usize) -> Self {
        let handle = world.add_tenant(&format!("Tenant {n}"));
        let person = |n| world.add_person(&handle, &format!("Person {n}"));
        let people = (0..JOINS + 1).map(person).collect();
        Self { handle, people, teams: vec![] }
    }

    fn create_teams(&mut self, world: &World, count: usize) {
        let creator = self.people[0].person;
        self.teams = (0..count).map(|n| world.create_team(creator, &format!("Team {n}"))).collect();
    }

    /// Returns `true` if every team has a group with the first people, up to this one.
    fn has_joined(&self, world: &World, last: usize) -> bool {
        let groups = world.groups(self.handle.directory);
        let has_all = |members: &dyn Fn(&Person) -> bool| self.people[..=last].iter().all(members);
        groups.len() == self.teams.len()
            && groups.values().all(|group| has_all(&|one| group.members.contains(&one.object)))
    }
}

async fn hour_of_joins(tenants: usize, throttling: Throttling) -> Result<Hour, BenchError> {
    let backend = backend()?;
    let world = backend.world.clone();
    let mut stack = LocalStack::new(&backend)?;
    let mut all = vec![];
    for n in 0..tenants {
        let mut tenant = Tenant::create(&world, n);
        stack.sign_up(&tenant.handle, every_team()).await?;
        tenant.create_teams(&world, if n == 0 { TEAMS_OF_FIRST } else { 1 });
        all.push(tenant);
    }
    stack.let_pass(MINUTE * 90).await;
    world.take_calls();
    let (first, others) = all.split_first().ok_or_else(|| unexpected("no tenant"))?;
    if throttling == Throttling::On {
        throttle(&world, first);
    }
    let began = backend.clock.now();
    let (mut slowest, mut calls_to_first) = (0, 0);
    for joined in 1..=JOINS {
        let at = backend.clock.now();
        for tenant in &all {
            for team in &tenant.teams {
                world.add_to_team(*team, tenant.people[joined].person, MembershipRole::Member)?;
            }
        }
        slowest = slowest.max(until_joined(&mut stack, &backend, others, joined).await?);
        stack.let_pass(MINUTE * 10 - backend.clock.now().duration_since(at)).await;
        calls_to_first += graph_calls_of(&world.take_calls(), first);
    }
    world.clear_faults();
    let hour = began + MINUTE * 60;
    while !first.has_joined(&world, JOINS) {
        if backend.clock.now().duration_since(began) > PATIENCE {
            return Err(unexpected("the throttled tenant never gets in sync"));
        }
        stack.let_pass(STEP).await;
    }
    assert_clean(&backend)?;
    let first_in_sync_after = backend.clock.now().duration_since(hour).as_secs().max(0);
    Ok(Hour { slowest, calls_to_first, first_in_sync_after })
}

/// Graph answers every batch item about a group of this tenant with 429.
fn throttle(world: &World, tenant: &Tenant) {
    let error = json!({"code": "TooManyRequests", "message": "Please retry again later."});
    for group in world.groups(tenant.handle.directory).keys() {
        let headers = vec![("Retry-After".into(), "3600".into())];
        let answer = Failure::BatchItem(429, headers, json!({"error": error}));
        world.inject(Fault::new(answer).path(&group.to_string()));
    }
}

/// Lets time pass until the join has arrived in all tenants; returns the seconds it took.
async fn until_joined(
    stack: &mut LocalStack,
    backend: &Backend,
    tenants: &[Tenant],
    joined: usize,
) -> Result<i64, BenchError> {
    let at = backend.clock.now();
    let elapsed = || backend.clock.now().duration_since(at);
    let mut waiting: Vec<_> = tenants.iter().collect();
    while !waiting.is_empty() {
        if elapsed() >= MINUTE * 10 {
            let count = waiting.len();
            return Err(unexpected(format!("{count} tenants are not in sync after 10 minutes")));
        }
        stack.let_pass(STEP).await;
        waiting.retain(|tenant| !tenant.has_joined(&backend.world, joined));
    }
    Ok(elapsed().as_secs())
}

fn graph_calls_of(calls: &[Call], tenant: &Tenant) -> usize {
    let directory = Some(tenant.handle.directory.0);
    let is_theirs = |call: &&Call| call.service == Service::Graph && call.owner == directory;
    calls.iter().filter(is_theirs).count()
}
