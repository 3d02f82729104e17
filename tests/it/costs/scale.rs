//! Large and many customers, at sizes that run quickly.

use bench::scale::{Limit, Size, directory, first_sync, idle};
use domain::ids::{PersonId, TeamId};
use engine::quota::{Acquire, Priority, Quota, RateLimiter};
use jiff::SignedDuration;
use serde::Deserialize;
use sim::{Call, Fault, MembershipRole, Refused, Service, World};
use store::table::{Key, Store, from_item};

use crate::support::{MINUTE, PROVED, TwoTenants};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn many_first_syncs_use_the_write_quota_without_429() {
    let taken = first_sync(Size { tenants: 20, teams: 25, people: 100 }).await.unwrap().usage;
    let (limit, share) = taken.nearest();
    assert_eq!(limit, Limit::AllWrites, "{taken:?}");
    assert!(share > 0.85, "{taken:?}");
    assert_eq!(taken.throttled, 0, "{taken:?}");
    // Per team: resolve the room, read once, join, and read again after the events of both sides
    // and to confirm what was written.
    assert!(taken.webex <= 500 * 12, "{taken:?}");
}

#[tokio::test]
async fn team_waiting_for_quota_is_not_read() {
    let mut env = TwoTenants::with_people(2).await;
    let limiter = RateLimiter { priority: Priority::Awaited, now: env.now(), jitter_seed: 0 };
    // Lasts 180 seconds.
    let taken = limiter.take(env.store(), Quota::AllGraphWrites, 20_000, None).await.unwrap();
    assert_eq!(taken, Acquire::Acquired);
    let team = env.create_team("Lighthouse", &env.people);
    env.world().take_calls();
    env.let_pass(MINUTE * 2).await;
    let calls = env.world().take_calls();
    assert!(calls.iter().any(|call| call.path.starts_with("/v1/rooms/")), "it is known");
    let is_a_reading =
        |path: &str| path.starts_with("/v1/teams/") || path.starts_with("/v1/memberships");
    assert_eq!(calls.iter().filter(|call| is_a_reading(&call.path)).count(), 0);
    env.let_pass(MINUTE * 3).await;
    env.assert_in_sync(team);
}

/// Returns the Graph writes among the calls.
fn writes(calls: &[Call]) -> Vec<&Call> {
    let is_write = |call: &&Call| {
        call.service == Service::Graph && call.method != "GET" && !call.path.ends_with("/$batch")
    };
    calls.iter().filter(is_write).collect()
}

/// Returns how much of a tenant's write quota these calls took, if the quota was full before.
async fn quota_used_since(env: &TwoTenants, calls: &[Call]) -> i64 {
    #[derive(Deserialize)]
    struct Bucket {
        drained_at: i64,
    }
    let key = Key::new(format!("TENANT#{}", env.tenant()), "RATE#graph");
    let Bucket { drained_at } = from_item(env.store().get(&key).await.unwrap().unwrap()).unwrap();
    // One unit lasts 56 ms.
    (drained_at - writes(calls)[0].at.as_millisecond()) / 56
}

#[tokio::test]
async fn sync_takes_the_quota_that_graph_charges() {
    let mut env = TwoTenants::with_people(60).await;
    let (first, later) = (env.people[..20].to_vec(), env.people[20..].to_vec());
    let team = env.create_team("Lighthouse", &first);
    env.let_pass(HOUR).await;
    type Act = fn(&World, TeamId, PersonId) -> Result<(), Refused>;
    let join: Act = |world, team, person| world.add_to_team(team, person, MembershipRole::Member);
    for (what, act, people) in [
        ("join", join, &later[..]),
        ("are promoted", World::promote, &first[1..11]),
        ("are demoted", World::demote, &first[1..11]),
        ("leave", World::remove_from_team, &later[..12]),
    ] {
        let charged = env.world().write_units(env.handle.directory);
        env.world().take_calls();
        for person in people {
            act(env.world(), team, person.person).unwrap();
        }
        env.let_pass(PROVED).await;
        let calls = env.world().take_calls();
        let charged = env.world().write_units(env.handle.directory) - charged;
        // A number this large is no coincidence.
        assert!(charged > 9, "{what}: {charged}");
        assert_eq!(quota_used_since(&env, &calls).await, charged as i64, "{what}");
        env.let_pass(HOUR).await;
        env.assert_in_sync(team);
    }
}

/// Returns a synced team of two whose group has forty owners who are not members; they have just
/// joined the team.
async fn with_forty_owners_only() -> (TwoTenants, TeamId) {
    let mut env = TwoTenants::with_people(42).await;
    let team = env.create_team("Lighthouse", &env.people[..2]);
    env.let_pass(HOUR).await;
    let (group, _) = env.group();
    for owner in &env.people[2..] {
        env.world().add_owner(group, owner.object);
    }
    env.notify_change_and_wait(group).await;
    env.let_pass(MINUTE * 5).await;
    assert_eq!(
        (env.world().team(team).unwrap().people.len(), env.group().1.members.len()),
        (43, 2),
        "the service account too"
    );
    env.world().take_calls();
    (env, team)
}

#[tokio::test]
async fn owners_become_members_in_one_batch() {
    let (mut env, team) = with_forty_owners_only().await;
    let charged = env.world().write_units(env.handle.directory);
    env.let_pass(HOUR).await;
    env.assert_in_sync(team);
    assert_eq!(env.group().1.members.len(), 42);
    let calls = env.world().take_calls();
    assert_eq!(writes(&calls).len(), 2, "twenty in a call");
    assert_eq!(env.world().write_units(env.handle.directory) - charged, 14);
    assert_eq!(quota_used_since(&env, &calls).await, 14);
}

#[tokio::test]
async fn owners_wait_for_the_write_quota() {
    let (mut env, team) = with_forty_owners_only().await;
    let limiter = RateLimiter { priority: Priority::Awaited, now: env.now(), jitter_seed: 0 };
    // Lasts one hour.
    let taken =
        limiter.take(env.store(), Quota::GraphWrites(env.tenant()), 64_286, None).await.unwrap();
    assert_eq!(taken, Acquire::Acquired);
    env.let_pass(MINUTE * 55).await;
    let calls = env.world().take_calls();
    assert!(writes(&calls).is_empty());
    let is_a_reading = |call: &&Call| call.path.starts_with("/v1/memberships");
    assert!(calls.iter().filter(is_a_reading).count() < 5, "few useless sync runs");
    env.let_pass(MINUTE * 10).await;
    assert_eq!(env.group().1.members.len(), 42);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn failed_batch_of_owners_waits_for_the_lag_once() {
    let (mut env, _) = with_forty_owners_only().await;
    env.world()
        .inject(Fault::throttled("60").on(Service::Graph).method("PATCH").path("/groups/").skip(1));
    env.let_pass(MINUTE * 15).await;
    assert!(
        env.world().calls().iter().any(|call| call.method == "PATCH" && call.status == Some(429))
    );
    assert_eq!(env.group().1.members.len(), 42, "the lag window passes only once");
}

#[tokio::test]
async fn cycles_over_10000_idle_links_stay_under_120_calls() {
    let idle = idle(10_000).await.unwrap();
    // On a daily average: each link has a random time of day, and some hours have more of them.
    assert!(idle.calls.average < 120, "{idle:?}");
    assert_eq!(idle.usage.throttled, 0);
}

#[tokio::test]
async fn large_directory_is_read_page_by_page() {
    let (small, large) = (directory(1_500).await.unwrap(), directory(3_000).await.unwrap());
    for found in [small, large] {
        assert_eq!((found.in_an_answer, found.in_a_request), (500, 500), "{found:?}");
        assert_eq!(found.usage.throttled, 0, "{found:?}");
    }
}
