//! Large plans: each run does a portion, all of it ends, and other teams do not wait for it.

use domain::ids::{GroupId, TeamId};
use domain::merge::ApprovalReason;
use engine::safety::pending_approval;
use jiff::SignedDuration;
use sim::{MembershipRole, Person};

use crate::support::{DAY, MINUTE, TwoTenants};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A large team, and a small one beside it in the same tenant.
struct Scene {
    env: TwoTenants,
    large: Pair,
    small: Pair,
    /// People of the small team who have not joined yet.
    waiting: Vec<Person>,
    /// Seconds in which a join of the small team takes effect while nothing else happens.
    usual: i64,
}

#[derive(Clone, Copy)]
struct Pair {
    team: TeamId,
    group: GroupId,
}

impl Scene {
    async fn with_team_of(members: usize) -> Self {
        let mut env = TwoTenants::with_people(members + 30).await;
        let (people, mut waiting) = (env.people.clone(), env.people[members..].to_vec());
        let large = env.create_team("Large", &people[..members]);
        let small = env.create_team("Small", &waiting.split_off(25));
        env.let_pass(DAY + 6 * 60 * MINUTE).await;
        let pair = |team| {
            let title = env.world().team(team).unwrap().title;
            let groups = env.world().groups(env.handle.directory);
            let group = groups.iter().find(|(_, group)| group.display_name == title).unwrap();
            Pair { team, group: *group.0 }
        };
        let (large, small) = (pair(large), pair(small));
        assert_eq!(env.world().group(large.group).unwrap().members.len(), members);
        let mut scene = Self { env, large, small, waiting, usual: 0 };
        scene.usual = scene.seconds_of_a_join().await;
        scene.env.let_pass(30 * MINUTE).await;
        scene
    }

    /// Lets a person join the small team, and returns the seconds until they are in its group.
    async fn seconds_of_a_join(&mut self) -> i64 {
        let person = self.waiting.pop().unwrap();
        let Pair { team, group } = self.small;
        let start = self.env.now();
        self.env.world().add_to_team(team, person.person, MembershipRole::Member).unwrap();
        while !self.env.world().group(group).unwrap().members.contains(&person.object) {
            self.env.let_pass(SECOND).await;
            assert!(self.env.now().duration_since(start) < 60 * MINUTE, "the join is lost");
        }
        self.env.now().duration_since(start).as_secs()
    }

    /// Lets time pass until `is_done`, with a join in the small team every few minutes. Returns
    /// the minutes, and asserts that each of these joins takes at most ten seconds longer.
    async fn minutes_until(&mut self, is_done: impl Fn(&sim::World, Pair) -> bool) -> i64 {
        let start = self.env.now();
        while !is_done(self.env.world(), self.large) {
            if !self.waiting.is_empty() {
                let seconds = self.seconds_of_a_join().await;
                assert!(seconds <= self.usual + 10, "{seconds} instead of {} s", self.usual);
            }
            self.env.let_pass(2 * MINUTE).await;
            let minutes = self.env.now().duration_since(start).as_mins();
            assert!(minutes < 24 * 60, "it does not end");
        }
        self.env.now().duration_since(start).as_mins()
    }

    async fn assert_all_ends(mut self) {
        self.env.let_pass(30 * MINUTE).await;
        let calls = self.env.world().take_calls();
        let throttled = calls.iter().filter(|call| call.status == Some(429)).count();
        assert_eq!(throttled, 0, "calls beyond the quota");
        let Pair { team, .. } = self.large;
        let row = self.env.link_row(team).await.unwrap();
        assert_eq!((row.link.held, row.link.failure), (None, None));
        let (store, tenant) = (self.env.store(), self.env.tenant());
        assert_eq!(pending_approval::load(store, tenant, team).await.unwrap(), None);
        self.env.assert_clean();
    }
}

#[tokio::test]
async fn approved_removals_from_a_large_group_end() {
    let mut scene = Scene::with_team_of(2_000).await;
    let Pair { team, .. } = scene.large;
    let people = scene.env.people.clone();
    for person in &people[1_500..1_900] {
        scene.env.world().remove_from_team(team, person.person).unwrap();
    }
    // Each of them is asked about, twice and by portions, before it waits for approval.
    scene.env.let_pass(20 * MINUTE).await;
    let (store, tenant) = (scene.env.store(), scene.env.tenant());
    let pending = pending_approval::load(store, tenant, team).await.unwrap().unwrap();
    assert_eq!(pending.removals.len(), 400);
    let held = scene.env.link_row(team).await.unwrap().link.held;
    assert_eq!(held, Some(ApprovalReason::TenantLimit));
    scene.env.world().take_calls();
    scene.env.approve_pending(team).await;
    let minutes = scene
        .minutes_until(|world, large| world.group(large.group).unwrap().members.len() == 1_600)
        .await;
    println!("400 approved removals took {minutes} minutes");
    assert!(minutes <= 30, "{minutes} minutes");
    scene.assert_all_ends().await;
}

#[tokio::test]
async fn approved_removals_from_a_large_team_end() {
    let mut scene = Scene::with_team_of(800).await;
    let Pair { team, group } = scene.large;
    let people = scene.env.people.clone();
    for person in &people[100..700] {
        scene.env.world().remove_member(group, person.object);
    }
    scene.env.notify_change(group).await;
    scene.env.let_pass(5 * MINUTE).await;
    assert!(scene.env.link_row(team).await.unwrap().link.held.is_some());
    scene.env.world().take_calls();
    scene.env.approve_pending(team).await;
    let minutes = scene
        .minutes_until(|world, large| world.team(large.team).unwrap().people.len() == 201)
        .await;
    println!("600 removals in the team took {minutes} minutes");
    assert!(minutes <= 40, "{minutes} minutes");
    scene.assert_all_ends().await;
}

/// Lets people join a large team, and returns the minutes until all are in the group.
async fn minutes_of_additions(additions: usize) -> i64 {
    let mut scene = Scene::with_team_of(10).await;
    let handle = scene.env.handle.clone();
    let world = scene.env.world();
    let people: Vec<Person> =
        (0..additions).map(|n| world.add_person(&handle, &format!("Joining {n:05}"))).collect();
    // The people scan finds them before they join.
    scene.env.stack.scan_people(scene.env.tenant()).await.unwrap();
    scene.env.let_pass(10 * MINUTE).await;
    scene.env.world().take_calls();
    let Pair { team, .. } = scene.large;
    for person in &people {
        let world = scene.env.world();
        world.add_to_team(team, person.person, MembershipRole::Member).unwrap();
    }
    let all = additions + 10;
    let minutes = scene
        .minutes_until(|world, large| world.group(large.group).unwrap().members.len() == all)
        .await;
    println!("{additions} additions took {minutes} minutes");
    scene.assert_all_ends().await;
    minutes
}

#[tokio::test]
async fn thousands_of_additions_end() {
    let minutes = minutes_of_additions(3_000).await;
    assert!(minutes <= 30, "{minutes} minutes");
}

#[tokio::test]
#[ignore = "takes minutes of real time"]
async fn additions_of_the_largest_team_end() {
    let minutes = minutes_of_additions(25_000).await;
    assert!(minutes <= 120, "{minutes} minutes");
}
