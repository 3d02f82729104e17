//! Many links: what their cycles cost, and how the work is spread.

use bench::scale::create_links;
use clients::http::Api;
use engine::reconcile::SYNCS_PER_CYCLE;
use engine::tenant;
use engine::tenant::settings::{ServiceAccountMode, Settings};
use jiff::SignedDuration;
use sim::{Call, MembershipRole, Service};

use crate::support::{MINUTE, TwoTenants, every_team};

/// Returns settings in which the service account joins no team.
fn observer_settings() -> Settings {
    Settings { service_account_mode: ServiceAccountMode::Observer, ..every_team() }
}

fn calls_of_tenant(env: &TwoTenants, calls: Vec<Call>) -> Vec<Call> {
    let theirs = [Some(env.handle.org.0), Some(env.handle.directory.0)];
    calls.into_iter().filter(|call| theirs.contains(&call.owner)).collect()
}

#[tokio::test]
async fn bulk_additions_are_not_read_repeatedly() {
    let mut env = TwoTenants::with_one_tenant(3_000, observer_settings()).await;
    env.let_pass(15 * MINUTE).await;
    env.world().take_calls();
    env.let_pass(60 * MINUTE).await;
    let calls = calls_of_tenant(&env, env.world().take_calls());
    let pages = calls.iter().filter(|call| call.path.starts_with("/v1/identity/scim")).count();
    assert_eq!(
        pages,
        12 * 2,
        "per cycle of five minutes: one page of changed people, and one of all"
    );
}

#[tokio::test]
async fn backoff_of_5000_links_ends_without_a_burst() {
    let mut env = TwoTenants::with_one_tenant(50, observer_settings()).await;
    let now = env.now();
    create_links(&env.stack, env.tenant(), &env.people, 5_000, |_, now| now).await.unwrap();
    let until = now + SignedDuration::from_mins(60);
    tenant::set_backoff(env.store(), env.tenant(), Api::Graph, until).await.unwrap();
    env.world().take_calls();
    let queue = env.stack.backend().queue.clone();
    queue.receive(usize::MAX).into_iter().for_each(|one| queue.delete(one.receipt));
    env.let_pass(58 * MINUTE).await;
    assert!(queue.len() <= 1, "{} messages wait", queue.len());
    assert_eq!(calls_of_tenant(&env, env.world().take_calls()).len(), 0, "nothing is called");
    let mut runs = 0;
    for _ in 0..30 {
        env.let_pass(MINUTE).await;
        let calls = calls_of_tenant(&env, env.world().take_calls());
        assert!(
            calls.iter().all(|call| call.status != Some(429)),
            "no more than the services bear"
        );
        let started = calls
            .iter()
            .filter(|call| call.service == Service::Graph && call.path.ends_with("$batch"))
            .count();
        assert!(started <= SYNCS_PER_CYCLE + 5, "{started} sync runs in a minute");
        runs += started;
    }
    assert!(runs > 1_500, "{runs} sync runs in half an hour");
    env.let_pass(90 * MINUTE).await;
    assert!(queue.dead_letters().is_empty());
}

#[tokio::test]
async fn first_sync_of_1000_teams_stays_within_the_quota() {
    let mut env = TwoTenants::with_one_tenant(300, every_team()).await;
    env.world().webex_settings(|settings| settings.deliveries_lost = 100);
    let mut random = fastrand::Rng::with_seed(1);
    for n in 0..1_000 {
        let team = env.world().create_team(env.people[n % 300].person, &format!("Team {n}"));
        let first = random.usize(0..300);
        for k in 0..49 {
            let person = env.people[(first + 1 + k) % 300];
            _ = env.world().add_to_team(team, person.person, MembershipRole::Member);
        }
    }
    env.world().take_calls();
    let (mut throttled, mut minutes) = (0, 0);
    while env.world().groups(env.handle.directory).len() < 1_000 && minutes < 120 {
        env.let_pass(5 * MINUTE).await;
        minutes += 5;
        throttled +=
            env.world().take_calls().iter().filter(|call| call.status == Some(429)).count();
    }
    env.let_pass(40 * MINUTE).await;
    println!(
        "a first sync of 1,000 teams of 50 took {minutes} minutes, with {throttled} answers of 429"
    );
    let groups = env.world().groups(env.handle.directory);
    assert_eq!(groups.len(), 1_000);
    let whole = groups.values().filter(|group| group.members.len() >= 49).count();
    assert_eq!(whole, 1_000, "everyone is in their group");
    assert!(throttled <= 5, "{throttled} calls were throttled");
    env.assert_clean();
}

#[tokio::test]
async fn steady_webhooks_end_with_a_sync_of_each_team() {
    let rate = bench::load::Rate { per_second: 200, seconds: 2, tenants: 3, teams: 10 };
    let found = bench::load::webhooks(rate).await.unwrap();
    assert_eq!((found.sent, found.taken, found.queued), (400, 400, 400));
    assert_eq!((found.lost, found.dead), (0, 0));
    assert!(found.sync_runs >= 30 && found.sync_runs <= 400, "{} looks", found.sync_runs);
}

#[tokio::test]
async fn bulk_changes_cost_one_call_per_twenty_people() {
    let burst = bench::load::burst(400).await.unwrap();
    assert_eq!(burst.graph_writes, 20);
    assert!(burst.webhooks >= 400 && burst.sync_runs <= 8, "{burst:?}");
    let large = bench::load::large_team(400).await.unwrap();
    assert!(large.graph <= 1 + 20 + 8 && large.calls_per_sync == 3, "{large:?}");
}

#[tokio::test]
async fn throttled_tenant_slows_no_other() {
    let found = bench::load::throttled(6).await.unwrap();
    assert_eq!(found.slowest, found.slowest_without);
    assert!(found.calls_meanwhile <= 2, "{found:?}");
}
