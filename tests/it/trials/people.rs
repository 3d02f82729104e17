//! Teams, people and names.

use std::time::Duration;

use domain::ids::TeamId;
use sandbox::{Person, Role};

use super::{AT_ONCE, SETTLED, Story, trials};
use crate::town::{Town, every_team};

trials! {
    creation: super::Creation,
    join: super::Join,
    leave_in_webex: super::LeaveInWebex,
    leave_in_microsoft_365: super::LeaveInMicrosoft,
    join_and_leave: super::JoinAndLeave,
    leave_and_return: super::LeaveAndReturn,
    rename: super::Rename,
}

/// A team of four that is linked, and one person more.
async fn settled() -> (Town, TeamId) {
    let mut town = Town::with_one_tenant(5, every_team()).await;
    let team = town.create_team("Crash", &town.people[..4]);
    town.let_pass(SETTLED).await;
    (town, team)
}

/// These are on both sides, the first alone is owner, nothing is open, and both are called so.
async fn assert_there_are(town: &Town, team: TeamId, expected: &[Person], title: &str, told: &str) {
    let (_, group) = town.group();
    let seen = town.world().team(team).unwrap();
    assert!(expected.iter().all(|person| seen.people.contains_key(&person.person)), "{told}: everybody in the team");
    let officer = usize::from(seen.people.contains_key(&town.handle.officer));
    assert_eq!(seen.people.len(), expected.len() + officer, "{told}: nobody else in the team");
    assert_eq!(group.members, expected.iter().map(|person| person.object).collect(), "{told}: members");
    assert_eq!(group.owners, [expected[0].object].into(), "{told}: owners");
    assert_eq!((seen.title.as_str(), group.display_name.trim_start_matches("GRP_")), (title, title), "{told}");
    assert_nothing_open(town, team, told).await;
}

/// No write is left whose end nobody knows.
pub(super) async fn assert_nothing_open(town: &Town, team: TeamId, told: &str) {
    for (who, on_link) in town.on_link(team).await {
        assert!(on_link.memory.intents.is_empty(), "{told}: {who:?} has open intents");
    }
}

fn without(people: &[Person], index: usize) -> Vec<Person> {
    people.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, person)| *person).collect()
}

struct Creation;
impl Story for Creation {
    type Scene = Town;
    const NAME: &'static str = "creation of a team of 45";
    async fn before() -> (Town, Self) {
        (Town::with_one_tenant(45, every_team()).await, Self)
    }
    async fn act(&self, town: &mut Town) {
        town.create_team("Crash", &town.people);
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        let [team] = town.world().teams(town.handle.org)[..] else { panic!("{told}: not one team") };
        assert_there_are(town, team, &town.people, "Crash", told).await;
    }
}

struct Join(TeamId);
impl Story for Join {
    type Scene = Town;
    const NAME: &'static str = "join";
    async fn before() -> (Town, Self) {
        let (town, team) = settled().await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        town.world().add_to_team(self.0, town.people[4].person, Role::Member).unwrap();
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_there_are(town, self.0, &town.people, "Crash", told).await;
    }
}

struct LeaveInWebex(TeamId);
impl Story for LeaveInWebex {
    type Scene = Town;
    const NAME: &'static str = "leave in Webex";
    async fn before() -> (Town, Self) {
        let (town, team) = settled().await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        town.world().remove_from_team(self.0, town.people[2].person).unwrap();
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_there_are(town, self.0, &without(&town.people[..4], 2), "Crash", told).await;
    }
}

struct LeaveInMicrosoft(TeamId);
impl Story for LeaveInMicrosoft {
    type Scene = Town;
    const NAME: &'static str = "leave in Microsoft 365";
    async fn before() -> (Town, Self) {
        let (town, team) = settled().await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        let (group, _) = town.group();
        town.world().remove_member(group, town.people[1].object);
        town.notify(group).await;
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_there_are(town, self.0, &without(&town.people[..4], 1), "Crash", told).await;
    }
}

/// Whoever left again before the next look stays out: that the group has the person is our own doing, not an addition.
struct JoinAndLeave(Join);
impl Story for JoinAndLeave {
    type Scene = Town;
    const NAME: &'static str = "join, and a leave afterwards";
    async fn before() -> (Town, Self) {
        let (town, join) = Join::before().await;
        (town, Self(join))
    }
    async fn act(&self, town: &mut Town) {
        self.0.act(town).await;
    }
    async fn meanwhile(&self, town: &mut Town) {
        town.world().remove_from_team(self.0.0, town.people[4].person).unwrap();
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_there_are(town, self.0.0, &town.people[..4], "Crash", told).await;
    }
}

/// Whoever was put back before the next look stays in: that the team lacks the person is our own doing, not a leave.
struct LeaveAndReturn(LeaveInMicrosoft);
impl Story for LeaveAndReturn {
    type Scene = Town;
    const NAME: &'static str = "leave in Microsoft 365, and a return afterwards";
    async fn before() -> (Town, Self) {
        let (town, leave) = LeaveInMicrosoft::before().await;
        (town, Self(leave))
    }
    async fn act(&self, town: &mut Town) {
        self.0.act(town).await;
    }
    async fn meanwhile(&self, town: &mut Town) {
        let (group, _) = town.group();
        // After the lag, so that the later act is known to be the later one.
        town.house.ground().clock.advance(Duration::from_secs(16 * 60));
        town.world().add_member(group, town.people[1].object);
        town.notify(group).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_there_are(town, self.0.0, &town.people[..4], "Crash", told).await;
    }
}

struct Rename(TeamId);
impl Story for Rename {
    type Scene = Town;
    const NAME: &'static str = "rename";
    async fn before() -> (Town, Self) {
        let (mut town, team) = settled().await;
        town.world().set_group_setting(town.handle.directory, "PrefixSuffixNamingRequirement", "GRP_[GroupName]");
        town.let_pass(SETTLED).await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        town.world().rename_team(self.0, "Renamed");
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_there_are(town, self.0, &town.people[..4], "Renamed", told).await;
    }
}
