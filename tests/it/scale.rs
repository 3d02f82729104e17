//! What large customers and many of them take, in sizes that are told quickly.

use sandbox::scale::{Limit, Size, directory, first_sync, idle};
use shared::budget::{Priority, Quota, Taken, Taker};

use crate::town::{MINUTE, Town};

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
