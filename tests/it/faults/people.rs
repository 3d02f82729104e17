//! People and names under faults.

use std::time::Duration;

use domain::ids::TeamId;
use sim::{MembershipRole, Person};

use super::{AT_ONCE, SETTLED, Story, story_tests};
use crate::support::{PROVED, TwoTenants, every_team};

story_tests! {
    creation: super::Creation,
    join: super::Join,
    leave_in_webex: super::LeaveInWebex,
    leave_in_microsoft_365: super::LeaveInMicrosoft,
    join_and_leave: super::JoinAndLeave,
    leave_and_return: super::LeaveAndReturn,
    rename: super::Rename,
}

/// Returns a linked team of four, and one more person.
async fn settled() -> (TwoTenants, TeamId) {
    let mut env = TwoTenants::with_one_tenant(5, every_team()).await;
    let team = env.create_team("Crash", &env.people[..4]);
    env.let_pass(SETTLED).await;
    (env, team)
}

/// Asserts people, the single owner and the name of both sides, and that no write is open.
async fn assert_there_are(
    env: &TwoTenants,
    team: TeamId,
    expected: &[Person],
    title: &str,
    case: &str,
) {
    let (_, group) = env.group();
    let seen = env.world().team(team).unwrap();
    assert!(
        expected.iter().all(|person| seen.people.contains_key(&person.person)),
        "{case}: everyone is in the team"
    );
    let service_account = usize::from(seen.people.contains_key(&env.handle.service_account));
    assert_eq!(
        seen.people.len(),
        expected.len() + service_account,
        "{case}: no one else is in the team"
    );
    assert_eq!(
        group.members,
        expected.iter().map(|person| person.object).collect(),
        "{case}: members"
    );
    assert_eq!(group.owners, [expected[0].object].into(), "{case}: owners");
    assert_eq!(
        (seen.title.as_str(), group.display_name.trim_start_matches("GRP_")),
        (title, title),
        "{case}"
    );
    assert_nothing_open(env, team, case).await;
}

/// Asserts that every write has a known outcome.
pub(super) async fn assert_nothing_open(env: &TwoTenants, team: TeamId, case: &str) {
    for (who, on_link) in env.people_on_link(team).await {
        assert!(on_link.state.intents.is_empty(), "{case}: {who:?} has open intents");
    }
}

fn without(people: &[Person], index: usize) -> Vec<Person> {
    people.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, person)| *person).collect()
}

struct Creation;

impl Story for Creation {
    type Scene = TwoTenants;
    const NAME: &'static str = "creation of a team of 45";
    async fn before() -> (TwoTenants, Self) {
        (TwoTenants::with_one_tenant(45, every_team()).await, Self)
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.create_team("Crash", &env.people);
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        let [team] = env.world().teams(env.handle.org)[..] else { panic!("{case}: not one team") };
        assert_there_are(env, team, &env.people, "Crash", case).await;
    }
}

struct Join(TeamId);

impl Story for Join {
    type Scene = TwoTenants;
    const NAME: &'static str = "join";
    async fn before() -> (TwoTenants, Self) {
        let (env, team) = settled().await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.world().add_to_team(self.0, env.people[4].person, MembershipRole::Member).unwrap();
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_there_are(env, self.0, &env.people, "Crash", case).await;
    }
}

struct LeaveInWebex(TeamId);

impl Story for LeaveInWebex {
    type Scene = TwoTenants;
    const NAME: &'static str = "leave in Webex";
    async fn before() -> (TwoTenants, Self) {
        let (env, team) = settled().await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.world().remove_from_team(self.0, env.people[2].person).unwrap();
        env.let_pass(PROVED).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_there_are(env, self.0, &without(&env.people[..4], 2), "Crash", case).await;
    }
}

struct LeaveInMicrosoft(TeamId);

impl Story for LeaveInMicrosoft {
    type Scene = TwoTenants;
    const NAME: &'static str = "leave in Microsoft 365";
    async fn before() -> (TwoTenants, Self) {
        let (env, team) = settled().await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        let (group, _) = env.group();
        env.world().remove_member(group, env.people[1].object);
        env.notify_change(group).await;
        env.let_pass(PROVED).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_there_are(env, self.0, &without(&env.people[..4], 1), "Crash", case).await;
    }
}

/// A person who leaves before the next sync run stays out: the group has them by our own write.
struct JoinAndLeave(Join);

impl Story for JoinAndLeave {
    type Scene = TwoTenants;
    const NAME: &'static str = "join, and a leave afterwards";
    async fn before() -> (TwoTenants, Self) {
        let (env, join) = Join::before().await;
        (env, Self(join))
    }
    async fn act(&self, env: &mut TwoTenants) {
        self.0.act(env).await;
    }
    async fn meanwhile(&self, env: &mut TwoTenants) {
        env.world().remove_from_team(self.0.0, env.people[4].person).unwrap();
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_there_are(env, self.0.0, &env.people[..4], "Crash", case).await;
    }
}

/// A person who is added again before the next sync run stays: the team lacks them by our own
/// write.
struct LeaveAndReturn(LeaveInMicrosoft);

impl Story for LeaveAndReturn {
    type Scene = TwoTenants;
    const NAME: &'static str = "leave in Microsoft 365, and a return afterwards";
    async fn before() -> (TwoTenants, Self) {
        let (env, leave) = LeaveInMicrosoft::before().await;
        (env, Self(leave))
    }
    async fn act(&self, env: &mut TwoTenants) {
        self.0.act(env).await;
    }
    async fn meanwhile(&self, env: &mut TwoTenants) {
        let (group, _) = env.group();
        // After the lag window, the later act is known to be later.
        env.stack.backend().clock.advance(Duration::from_secs(16 * 60));
        env.world().add_member(group, env.people[1].object);
        env.notify_change(group).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_there_are(env, self.0.0, &env.people[..4], "Crash", case).await;
    }
}

struct Rename(TeamId);

impl Story for Rename {
    type Scene = TwoTenants;
    const NAME: &'static str = "rename";
    async fn before() -> (TwoTenants, Self) {
        let (mut env, team) = settled().await;
        env.world().set_group_setting(
            env.handle.directory,
            "PrefixSuffixNamingRequirement",
            "GRP_[GroupName]",
        );
        env.let_pass(SETTLED).await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.world().rename_team(self.0, "Renamed");
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_there_are(env, self.0, &env.people[..4], "Renamed", case).await;
    }
}
