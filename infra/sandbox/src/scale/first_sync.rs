//! Teams that are all made at once get their groups.

use jiff::SignedDuration;

use super::tally::{Taken, Tally};
use crate::costs::NotCounted;
use crate::house::House;
use crate::load::{every_team, ground, not_as_meant};
use crate::{Person, Role, TenantHandle};

/// How closely it is seen what has come about.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// Longest that anything is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_hours(12);

/// In so many teams each person of a tenant is on average.
const TEAMS_OF_A_PERSON: usize = 10;

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Tenants.
    pub tenants: usize,
    /// Teams of each.
    pub teams: usize,
    /// People of each team.
    pub people: usize,
}

/// How the teams came to be in step.
#[derive(Debug, Clone)]
pub struct FirstSync {
    /// How much there was to do.
    pub size: Size,
    /// What it took until all were in step.
    pub taken: Taken,
    /// How many teams were in step after so many seconds.
    pub in_step: Vec<(i64, usize)>,
}

/// Makes the teams of all tenants at one moment, and waits until each has its group with all of its people.
///
/// # Errors
/// If they have not after half a day, or somebody was wronged on the way.
pub async fn first_sync(size: Size) -> Result<FirstSync, NotCounted> {
    let ground = ground()?;
    let mut house = House::new(&ground)?;
    let mut tenants = vec![];
    for n in 0..size.tenants {
        let handle = ground.world.add_tenant(&format!("Tenant {n}"));
        let count = size.people + size.teams * size.people / TEAMS_OF_A_PERSON;
        let people: Vec<_> = (0..count).map(|n| ground.world.add_person(&handle, &format!("Person {n}"))).collect();
        house.sign_up(&handle, every_team()).await?;
        tenants.push((handle, people));
    }
    for (_, people) in &tenants {
        (0..size.teams).try_for_each(|n| create_team(&house, n, people, size.people))?;
    }
    let handles: Vec<TenantHandle> = tenants.into_iter().map(|(handle, _)| handle).collect();
    let mut tally = Tally::begin(&ground, &handles);
    let mut in_step = vec![(0, 0)];
    let teams = size.tenants * size.teams;
    while in_step.last().is_some_and(|(_, count)| *count < teams) {
        if tally.seconds() > PATIENCE.as_secs() {
            return Err(not_as_meant(format!("{:?} of {teams} teams are in step after half a day", in_step.last())));
        }
        house.let_pass(STEP).await;
        tally.count();
        let whole = handles.iter().map(|handle| ground.world.groups_of(handle.directory, size.people));
        in_step.push((tally.seconds(), whole.sum()));
    }
    let taken = tally.end();
    let (violations, dead) = (ground.world.violations(), ground.queue.dead_letters());
    if !violations.is_empty() || !dead.is_empty() {
        return Err(not_as_meant(format!("{violations:?}, and dead letters: {dead:?}")));
    }
    Ok(FirstSync { size, taken, in_step })
}

/// The teams go through the people of a tenant in their order, and begin anew at the end.
fn create_team(house: &House, place: usize, all: &[Person], count: usize) -> Result<(), NotCounted> {
    let world = &house.ground().world;
    let mut people = all.iter().cycle().skip(place * count % all.len()).take(count);
    let Some(first) = people.next() else { return Ok(()) };
    let team = world.create_team(first.person, &format!("Team {place}"));
    Ok(people.try_for_each(|person| world.add_to_team(team, person.person, Role::Member))?)
}
