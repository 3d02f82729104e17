//! What large customers and many of them take, in sizes that are told quickly.

use domain::ids::{PersonId, TeamId};
use engine::quota::{Priority, Quota, Taken, Taker};
use jiff::SignedDuration;
use sandbox::scale::{Limit, Size, directory, first_sync, idle};
use sandbox::{Call, Fault, Refused, Role, Service, World};
use serde::Deserialize;
use store::table::{Key, Store, from_item};

use crate::town::{MINUTE, Town};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn what_many_tenants_begin_at_once_uses_what_graph_lets_the_app_write_and_meets_no_429() {
    let taken = first_sync(Size { tenants: 20, teams: 25, people: 100 }).await.unwrap().taken;
    let (limit, share) = taken.nearest();
    assert_eq!(limit, Limit::AllWrites, "{taken:?}");
    assert!(share > 0.85, "{taken:?}");
    assert_eq!(taken.throttled, 0, "{taken:?}");
    // Asked what it is, read once, stepped into, and read again when either side tells of what was done: hardly one is read in vain.
    assert!(taken.webex <= 500 * 9, "{taken:?}");
}

#[tokio::test]
async fn a_team_whose_group_could_not_be_written_yet_is_not_read_either() {
    let mut town = Town::of(2).await;
    let taker = Taker { priority: Priority::Awaited, now: town.now(), lot: 0 };
    // What runs out in 180 seconds.
    let taken = taker.take(town.store(), Quota::AllGraphWrites, 20_000, None).await.unwrap();
    assert_eq!(taken, Taken::Granted);
    let team = town.create_team("Lighthouse", &town.people);
    town.world().take_calls();
    town.let_pass(MINUTE * 2).await;
    let calls = town.world().take_calls();
    assert!(calls.iter().any(|call| call.path.starts_with("/v1/rooms/")), "it is known");
    let is_a_reading = |path: &str| path.starts_with("/v1/teams/") || path.starts_with("/v1/memberships");
    assert_eq!(calls.iter().filter(|call| is_a_reading(&call.path)).count(), 0);
    town.let_pass(MINUTE * 3).await;
    town.assert_in_step(team);
}

/// The writes to Graph among calls.
fn writes(calls: &[Call]) -> Vec<&Call> {
    let is_write =
        |call: &&Call| call.service == Service::Graph && call.method != "GET" && !call.path.ends_with("/$batch");
    calls.iter().filter(is_write).collect()
}

/// What has been taken of a tenant's write quota since these calls began, where nothing had been before.
async fn taken_since(town: &Town, calls: &[Call]) -> i64 {
    #[derive(Deserialize)]
    struct Bucket {
        dry_at: i64,
    }
    let key = Key::new(format!("TENANT#{}", town.tenant()), "BUDGET#graph");
    let Bucket { dry_at } = from_item(town.store().get(&key).await.unwrap().unwrap()).unwrap();
    // A unit runs out in 56 ms.
    (dry_at - writes(calls)[0].at.as_millisecond()) / 56
}

#[tokio::test]
async fn a_look_takes_of_the_write_quota_what_graph_charges_for_what_it_writes() {
    let mut town = Town::of(60).await;
    let (first, later) = (town.people[..20].to_vec(), town.people[20..].to_vec());
    let team = town.create_team("Lighthouse", &first);
    town.let_pass(HOUR).await;
    type Act = fn(&World, TeamId, PersonId) -> Result<(), Refused>;
    let join: Act = |world, team, person| world.add_to_team(team, person, Role::Member);
    for (what, act, people) in [
        ("join", join, &later[..]),
        ("are promoted", World::promote, &first[1..11]),
        ("are demoted", World::demote, &first[1..11]),
        ("leave", World::remove_from_team, &later[..12]),
    ] {
        let charged = town.world().write_units(town.handle.directory);
        town.world().take_calls();
        for person in people {
            act(town.world(), team, person.person).unwrap();
        }
        town.let_pass(MINUTE).await;
        let calls = town.world().take_calls();
        let charged = town.world().write_units(town.handle.directory) - charged;
        // So many are not counted by chance for others, too.
        assert!(charged > 9, "{what}: {charged}");
        assert_eq!(taken_since(&town, &calls).await, charged as i64, "{what}");
        town.let_pass(HOUR).await;
        town.assert_in_step(team);
    }
}

/// A team of two in step, and forty whom somebody made owners of its group and not members: they have just come into the team.
async fn with_forty_owners_who_are_no_members() -> (Town, TeamId) {
    let mut town = Town::of(42).await;
    let team = town.create_team("Lighthouse", &town.people[..2]);
    town.let_pass(HOUR).await;
    let (group, _) = town.group();
    for owner in &town.people[2..] {
        town.world().add_owner(group, owner.object);
    }
    town.notify_and_wait(group).await;
    town.let_pass(MINUTE * 5).await;
    assert_eq!(
        (town.world().team(team).unwrap().people.len(), town.group().1.members.len()),
        (43, 2),
        "the officer, too"
    );
    town.world().take_calls();
    (town, team)
}

#[tokio::test]
async fn owners_who_are_no_members_become_members_together_and_are_counted() {
    let (mut town, team) = with_forty_owners_who_are_no_members().await;
    let charged = town.world().write_units(town.handle.directory);
    town.let_pass(HOUR).await;
    town.assert_in_step(team);
    assert_eq!(town.group().1.members.len(), 42);
    let calls = town.world().take_calls();
    assert_eq!(writes(&calls).len(), 2, "twenty in a call");
    assert_eq!(town.world().write_units(town.handle.directory) - charged, 14);
    assert_eq!(taken_since(&town, &calls).await, 14);
}

#[tokio::test]
async fn owners_who_are_no_members_wait_while_nothing_may_be_written() {
    let (mut town, team) = with_forty_owners_who_are_no_members().await;
    let taker = Taker { priority: Priority::Awaited, now: town.now(), lot: 0 };
    // What runs out in an hour.
    let taken = taker.take(town.store(), Quota::GraphWrites(town.tenant()), 64_286, None).await.unwrap();
    assert_eq!(taken, Taken::Granted);
    town.let_pass(MINUTE * 55).await;
    let calls = town.world().take_calls();
    assert!(writes(&calls).is_empty());
    let is_a_reading = |call: &&Call| call.path.starts_with("/v1/memberships");
    assert!(calls.iter().filter(is_a_reading).count() < 5, "nobody looks in vain again and again");
    town.let_pass(MINUTE * 10).await;
    assert_eq!(town.group().1.members.len(), 42);
    town.assert_in_step(team);
}

#[tokio::test]
async fn owners_who_are_no_members_have_shown_to_be_none_also_where_their_call_failed() {
    let (mut town, _) = with_forty_owners_who_are_no_members().await;
    town.world().fault(Fault::throttled("60").on(Service::Graph).method("PATCH").path("/groups/").skip(1));
    town.let_pass(MINUTE * 15).await;
    assert!(town.world().calls().iter().any(|call| call.method == "PATCH" && call.status == Some(429)));
    assert_eq!(town.group().1.members.len(), 42, "nobody waits for the lag of replicas twice");
}

#[tokio::test]
async fn five_minutes_of_rounds_over_ten_thousand_idle_links_are_under_120_calls() {
    let idle = idle(10_000).await.unwrap();
    // On a day's average: each link has its moment by chance, and some hours have more of them.
    assert!(idle.calls.0 < 120, "{idle:?}");
    assert_eq!(idle.taken.throttled, 0);
}

#[tokio::test]
async fn a_directory_is_taken_in_page_by_page_however_large_it_is() {
    let (small, large) = (directory(1_500).await.unwrap(), directory(3_000).await.unwrap());
    for found in [small, large] {
        assert_eq!((found.in_an_answer, found.in_a_request), (500, 500), "{found:?}");
        assert_eq!(found.taken.throttled, 0, "{found:?}");
    }
}
