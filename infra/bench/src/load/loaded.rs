//! A tenant with people and the functions around it.

use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use jiff::{SignedDuration, Timestamp};
use sandbox::local_stack::LocalStack;
use sim::{Call, MembershipRole, Person, Service, TenantHandle};

use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{self, PATIENCE, backend, every_team};

/// The resolution at which results are observed.
pub(super) const STEP: SignedDuration = SignedDuration::from_secs(1);

/// A signed-up tenant with people.
pub(super) struct Loaded {
    pub(super) stack: LocalStack,
    handle: TenantHandle,
    pub(super) tenant: TenantId,
    pub(super) people: Vec<Person>,
}

impl Loaded {
    pub(super) async fn with(people: usize) -> Result<Self, BenchError> {
        let backend = backend()?;
        let handle = backend.world.add_tenant("Contoso");
        let person = |n| backend.world.add_person(&handle, &format!("Person {n}"));
        let people = (0..people).map(person).collect();
        let mut stack = LocalStack::new(&backend)?;
        let tenant = stack.sign_up(&handle, every_team()).await?;
        Ok(Self { stack, handle, tenant, people })
    }

    /// Creates a team whose first person is its moderator.
    pub(super) fn create_team(&self, people: &[Person]) -> Result<TeamId, BenchError> {
        let world = &self.stack.backend().world;
        let team = world.create_team(people[0].person, "Load");
        for person in &people[1..] {
            world.add_to_team(team, person.person, MembershipRole::Member)?;
        }
        Ok(team)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stack.backend().clock.now()
    }

    pub(super) fn take_calls(&self) -> Vec<Call> {
        self.stack.backend().world.take_calls()
    }

    /// Lets time pass until this many people are in the group; returns the seconds it took.
    pub(super) async fn until_in_group(&mut self, people: usize) -> Result<i64, BenchError> {
        let began = self.now();
        while self.members_of_group() < people {
            if self.now().duration_since(began) > PATIENCE {
                let found = self.members_of_group();
                return Err(unexpected(format!("{found} of {people} are in the group")));
            }
            self.stack.let_pass(STEP).await;
        }
        Ok(self.now().duration_since(began).as_secs())
    }

    pub(super) fn assert_clean(&self) -> Result<(), BenchError> {
        setup::assert_clean(self.stack.backend())
    }

    fn members_of_group(&self) -> usize {
        let groups = self.stack.backend().world.groups(self.handle.directory);
        groups.values().next().map_or(0, |group| group.members.len())
    }
}

/// The number of team syncs, by the call that reads the group.
pub(super) fn sync_runs(calls: &[Call]) -> usize {
    let reads_group =
        |call: &&Call| call.service == Service::Graph && call.path.ends_with("$batch");
    calls.iter().filter(reads_group).count()
}
