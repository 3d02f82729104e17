//! Many links: what their rounds cost, and that nothing comes all at once.

use clients::http::Api;
use engine::reconcile::LOOKS_PER_ROUND;
use engine::tenant;
use engine::tenant::settings::{OfficerStanding, Settings};
use jiff::SignedDuration;
use sandbox::scale::links;
use sandbox::{Call, Role, Service};

use crate::town::{MINUTE, Town, every_team};

/// Nobody steps into a team when it is first looked at.
fn outside() -> Settings {
    Settings { standing: OfficerStanding::Outside, ..every_team() }
}

fn of_the_tenant(town: &Town, calls: Vec<Call>) -> Vec<Call> {
    let theirs = [Some(town.handle.org.0), Some(town.handle.directory.0)];
    calls.into_iter().filter(|call| theirs.contains(&call.owner)).collect()
}

#[tokio::test]
async fn people_who_were_brought_in_together_are_not_read_over_and_over() {
    let mut town = Town::with_one_tenant(3_000, outside()).await;
    town.let_pass(15 * MINUTE).await;
    town.world().take_calls();
    town.let_pass(60 * MINUTE).await;
    let calls = of_the_tenant(&town, town.world().take_calls());
    let pages = calls.iter().filter(|call| call.path.starts_with("/v1/identity/scim")).count();
    assert_eq!(pages, 12 * 2, "in a round of five minutes one page of who changed, and one of everybody");
}

#[tokio::test]
async fn an_hours_gate_over_five_thousand_due_links_makes_no_storm() {
    let mut town = Town::with_one_tenant(50, outside()).await;
    let now = town.now();
    links(&town.house, town.tenant(), &town.people, 5_000, |_, now| now).await.unwrap();
    let until = now + SignedDuration::from_mins(60);
    tenant::shut_gate(town.store(), town.tenant(), Api::Graph, until).await.unwrap();
    town.world().take_calls();
    let queue = town.house.ground().queue.clone();
    queue.receive(usize::MAX).into_iter().for_each(|one| queue.delete(one.receipt));
    town.let_pass(58 * MINUTE).await;
    assert!(queue.len() <= 1, "{} messages wait", queue.len());
    assert_eq!(of_the_tenant(&town, town.world().take_calls()).len(), 0, "nothing is called");
    let mut looks = 0;
    for _ in 0..30 {
        town.let_pass(MINUTE).await;
        let calls = of_the_tenant(&town, town.world().take_calls());
        assert!(calls.iter().all(|call| call.status != Some(429)), "no more than the services bear");
        let looked =
            calls.iter().filter(|call| call.service == Service::Graph && call.path.ends_with("$batch")).count();
        assert!(looked <= LOOKS_PER_ROUND + 5, "{looked} looks in a minute");
        looks += looked;
    }
    assert!(looks > 1_500, "{looks} looks in half an hour: it goes on");
    town.let_pass(90 * MINUTE).await;
    assert!(queue.dead_letters().is_empty());
}

#[tokio::test]
async fn a_first_sync_of_a_thousand_teams_of_fifty_goes_on_near_the_quota_without_a_429_storm() {
    let mut town = Town::with_one_tenant(300, every_team()).await;
    town.world().webex_settings(|settings| settings.deliveries_lost = 100);
    let mut random = fastrand::Rng::with_seed(1);
    for n in 0..1_000 {
        let team = town.world().create_team(town.people[n % 300].person, &format!("Team {n}"));
        let first = random.usize(0..300);
        for k in 0..49 {
            let person = town.people[(first + 1 + k) % 300];
            _ = town.world().add_to_team(team, person.person, Role::Member);
        }
    }
    town.world().take_calls();
    let (mut throttled, mut minutes) = (0, 0);
    while town.world().groups(town.handle.directory).len() < 1_000 && minutes < 120 {
        town.let_pass(5 * MINUTE).await;
        minutes += 5;
        throttled += town.world().take_calls().iter().filter(|call| call.status == Some(429)).count();
    }
    town.let_pass(40 * MINUTE).await;
    println!("a first sync of 1,000 teams of 50 took {minutes} minutes, with {throttled} answers of 429");
    let groups = town.world().groups(town.handle.directory);
    assert_eq!(groups.len(), 1_000);
    let whole = groups.values().filter(|group| group.members.len() >= 49).count();
    assert_eq!(whole, 1_000, "everybody is in their group");
    assert!(throttled <= 5, "{throttled} calls were throttled");
    town.assert_clean();
}

#[tokio::test]
async fn webhooks_by_the_second_are_all_answered_and_each_team_is_looked_at_after_its_last() {
    let rate = sandbox::load::Rate { per_second: 200, seconds: 2, tenants: 3, teams: 10 };
    let found = sandbox::load::webhooks(rate).await.unwrap();
    assert_eq!((found.sent, found.taken, found.queued), (400, 400, 400));
    assert_eq!((found.lost, found.dead), (0, 0));
    assert!(found.looks >= 30 && found.looks <= 400, "{} looks", found.looks);
}

#[tokio::test]
async fn a_burst_and_a_large_team_cost_by_the_twenty_and_not_by_the_person() {
    let burst = sandbox::load::burst(400).await.unwrap();
    assert_eq!(burst.graph_writes, 20);
    assert!(burst.webhooks >= 400 && burst.looks <= 8, "{burst:?}");
    let large = sandbox::load::large_team(400).await.unwrap();
    assert!(large.graph <= 1 + 20 + 8 && large.calls_of_a_look == 3, "{large:?}");
}

#[tokio::test]
async fn a_tenant_that_is_throttled_slows_no_other() {
    let found = sandbox::load::throttled(6).await.unwrap();
    assert_eq!(found.slowest, found.slowest_without);
    assert!(found.calls_meanwhile <= 2, "{found:?}");
}
