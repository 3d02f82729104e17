//! Requests that cannot run at once: each is answered by a run that does what was asked.

use domain::ids::TeamId;
use engine::link;
use engine::quota::{Priority, Quota, RateLimiter};
use sim::{Fault, MembershipRole, Person, Service};
use store::message::{Job, Message, Trigger};

use crate::support::{MINUTE, TwoTenants};

/// Returns a settled team with a person who is eligible since a moment ago, as the index knows.
///
/// Only a full run believes it: other runs keep the stored reason.
async fn with_newly_eligible() -> (TwoTenants, TeamId, Person) {
    let mut env = TwoTenants::with_people(3).await;
    let pending = env.world().add_pending(&env.handle, "Pending");
    let team = env.create_team("Starters", &env.people);
    env.world().add_to_team(team, pending.person, MembershipRole::Member).unwrap();
    env.let_pass(40 * MINUTE).await;
    assert_eq!(env.excluded(team).await.len(), 1);
    env.world().activate(pending.person);
    env.stack.scan_people(env.tenant()).await.unwrap();
    env.advance_clock(MINUTE / 60);
    (env, team, pending)
}

fn request(env: &TwoTenants, team: TeamId, trigger: Trigger) -> Message {
    env.message(Job::Team { team, region: None }, trigger)
}

/// Begins a backoff of Graph, as a run meets it.
async fn begin_backoff(env: &TwoTenants, team: TeamId, seconds: &str) {
    env.world().inject(Fault::throttled(seconds).on(Service::Graph).path("$batch"));
    env.handle_message(&request(env, team, Trigger::WebexWebhook)).await;
    env.advance_clock(MINUTE / 60);
}

async fn assert_answered(env: &mut TwoTenants, team: TeamId, person: Person, case: &str) {
    env.let_pass(4 * MINUTE).await;
    assert!(env.group().1.members.contains(&person.object), "{case}: a full run came");
    env.people.push(person);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn full_request_survives_a_backoff() {
    for trigger in [Trigger::Administrator, Trigger::Person] {
        let (mut env, team, person) = with_newly_eligible().await;
        begin_backoff(&env, team, "30").await;
        env.handle_message(&request(&env, team, trigger)).await;
        assert_answered(&mut env, team, person, &format!("{trigger:?}")).await;
    }
}

#[tokio::test]
async fn quick_run_does_not_answer_a_full_request() {
    for trigger in [Trigger::Administrator, Trigger::Person] {
        let (mut env, team, person) = with_newly_eligible().await;
        let requested = request(&env, team, trigger);
        env.advance_clock(MINUTE / 60);
        env.handle_message(&request(&env, team, Trigger::WebexWebhook)).await;
        env.handle_message(&requested).await;
        assert_answered(&mut env, team, person, &format!("{trigger:?}")).await;
    }
}

#[tokio::test]
async fn full_request_survives_a_holder_that_is_cut_off() {
    for trigger in [Trigger::Administrator, Trigger::Person] {
        let (mut env, team, person) = with_newly_eligible().await;
        let (now, tenant) = (env.now(), env.tenant());
        let taken = link::take_lease(env.store(), tenant, team, now, now + MINUTE / 2).await;
        assert!(taken.unwrap().is_some());
        env.handle_message(&request(&env, team, trigger)).await;
        let row = env.link_row(team).await.unwrap();
        assert_eq!(row.next_sync_at, row.lease_until, "the link comes back without its holder");
        assert_answered(&mut env, team, person, &format!("{trigger:?}")).await;
    }
}

#[tokio::test]
async fn full_request_survives_a_full_rate_limiter() {
    let (mut env, team, person) = with_newly_eligible().await;
    let limiter = RateLimiter { priority: Priority::Awaited, now: env.now(), jitter_seed: 1 };
    for _ in 0..3 {
        limiter.take(env.store(), Quota::Webex(env.tenant()), 100, None).await.unwrap();
    }
    env.handle_message(&request(&env, team, Trigger::Person)).await;
    let row = env.link_row(team).await.unwrap();
    assert!(row.full_requested_at > row.full_synced_at, "it waits");
    assert_answered(&mut env, team, person, "a full rate limiter").await;
}

#[tokio::test]
async fn full_request_is_answered_once() {
    let (mut env, team, person) = with_newly_eligible().await;
    env.handle_message(&request(&env, team, Trigger::Administrator)).await;
    assert_answered(&mut env, team, person, "at once").await;
    let row = env.link_row(team).await.unwrap();
    assert!(row.full_synced_at >= row.full_requested_at);
    let full = row.full_synced_at;
    env.advance_clock(MINUTE);
    env.handle_message(&request(&env, team, Trigger::WebexWebhook)).await;
    assert_eq!(env.link_row(team).await.unwrap().full_synced_at, full, "the next run is quick");
}

fn count_syncs(env: &TwoTenants, team: TeamId) -> usize {
    let path = format!("/v1/teams/{}", env.world().team_id(team));
    env.world().take_calls().iter().filter(|call| call.path == path).count()
}

/// Returns the number of syncs at the end of the lag window of a hint of just now.
async fn count_confirmations(env: &mut TwoTenants, team: TeamId) -> usize {
    env.let_pass(13 * MINUTE).await;
    env.world().take_calls();
    env.let_pass(5 * MINUTE).await;
    count_syncs(env, team)
}

#[tokio::test]
async fn notification_during_a_backoff_is_confirmed() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Hints", &env.people);
    env.let_pass(60 * MINUTE).await;
    begin_backoff(&env, team, "30").await;
    env.handle_message(&request(&env, team, Trigger::GraphNotification)).await;
    assert_eq!(count_confirmations(&mut env, team).await, 1);
}

#[tokio::test]
async fn notification_that_meets_a_lease_is_confirmed() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Hints", &env.people);
    env.let_pass(60 * MINUTE).await;
    let (now, tenant) = (env.now(), env.tenant());
    link::take_lease(env.store(), tenant, team, now, now + MINUTE / 2).await.unwrap().unwrap();
    env.handle_message(&request(&env, team, Trigger::GraphNotification)).await;
    assert_eq!(count_confirmations(&mut env, team).await, 1);
}

#[tokio::test]
async fn notification_that_a_run_overtook_is_confirmed() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Hints", &env.people);
    env.let_pass(60 * MINUTE).await;
    let hint = request(&env, team, Trigger::GraphNotification);
    env.advance_clock(MINUTE / 60);
    env.handle_message(&request(&env, team, Trigger::WebexWebhook)).await;
    env.handle_message(&hint).await;
    assert_eq!(count_confirmations(&mut env, team).await, 1);
}
