//! Teams created at the same moment get their groups.

use jiff::SignedDuration;
use sim::{MembershipRole, Person, TenantHandle, World};

use super::tally::{Tally, Usage};
use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{PATIENCE, assert_clean, backend, every_team};
use sandbox::local_stack::LocalStack;

/// The resolution at which progress is observed.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// The average number of teams of a person.
const TEAMS_PER_PERSON: usize = 10;

/// The size of a first sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Tenants.
    pub tenants: usize,
    /// Teams of each tenant.
    pub teams: usize,
    /// People of each team.
    pub people: usize,
}

/// The result of a first sync.
#[derive(Debug, Clone)]
pub struct FirstSync {
    /// The size.
    pub size: Size,
    /// Usage until all teams were in sync.
    pub usage: Usage,
    /// Progress: the first point is zero teams after zero seconds.
    pub progress: Vec<Progress>,
}

/// A point of a first sync's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Simulated seconds since the start.
    pub seconds: i64,
    /// Teams in sync.
    pub teams: usize,
}

/// Creates the teams of all tenants at one moment; waits until each has its group with all people.
///
/// # Errors
/// If that takes more than half a day, or a call breaks a rule.
pub async fn first_sync(size: Size) -> Result<FirstSync, BenchError> {
    let backend = backend()?;
    let mut stack = LocalStack::new(&backend)?;
    let mut tenants = vec![];
    for n in 0..size.tenants {
        let handle = backend.world.add_tenant(&format!("Tenant {n}"));
        let count = size.people + size.teams * size.people / TEAMS_PER_PERSON;
        let person = |n| backend.world.add_person(&handle, &format!("Person {n}"));
        let people: Vec<_> = (0..count).map(person).collect();
        stack.sign_up(&handle, every_team()).await?;
        tenants.push((handle, people));
    }
    for (_, people) in &tenants {
        for n in 0..size.teams {
            create_team(&backend.world, n, people, size.people)?;
        }
    }
    let handles: Vec<TenantHandle> = tenants.into_iter().map(|(handle, _)| handle).collect();
    let mut tally = Tally::begin(&backend, &handles);
    let mut in_sync = 0;
    let mut progress = vec![Progress { seconds: 0, teams: 0 }];
    let teams = size.tenants * size.teams;
    while in_sync < teams {
        if tally.seconds() > PATIENCE.as_secs() {
            return Err(unexpected(format!("{in_sync} of {teams} teams are in sync")));
        }
        stack.let_pass(STEP).await;
        tally.count();
        let complete = |handle: &TenantHandle| {
            backend.world.count_groups_of_size(handle.directory, size.people)
        };
        in_sync = handles.iter().map(complete).sum();
        progress.push(Progress { seconds: tally.seconds(), teams: in_sync });
    }
    let usage = tally.end();
    assert_clean(&backend)?;
    Ok(FirstSync { size, usage, progress })
}

/// Creates the n-th team of a tenant; teams take the tenant's people in turn.
fn create_team(world: &World, n: usize, all: &[Person], count: usize) -> Result<(), BenchError> {
    let mut people = all.iter().cycle().skip(n * count % all.len()).take(count);
    let Some(first) = people.next() else {
        return Ok(());
    };
    let team = world.create_team(first.person, &format!("Team {n}"));
    for person in people {
        world.add_to_team(team, person.person, MembershipRole::Member)?;
    }
    Ok(())
}
