//! Spaces that nothing is known of: many at once, and most of them in no team.

use std::time::Duration;

use clients::http::Api;
use clients::webex::SpaceClue;
use domain::ids::RoomId;
use engine::tenant;
use jiff::SignedDuration;
use sim::{Fault, Service};
use store::message::{Job, Message, Trigger};
use store::queue::Queue;
use uuid::Uuid;

use crate::support::{DAY, MINUTE, TwoTenants, every_team};

/// A twelfth of a minute.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// Messages that the queue may carry for each hint, with all that follows from it.
const MESSAGES_PER_HINT: f64 = 1.1;

/// Readings of one event: windows overlap by two minutes.
const READINGS: f64 = 3.0;

/// The result of ten minutes in which people create spaces outside of teams.
#[derive(Debug)]
struct Flood {
    spaces: usize,
    messages: u64,
    /// Time from the creation of a team in the sixth minute until its group is there.
    new_team: SignedDuration,
    /// Time from the end of the ten minutes until every space is known.
    backlog: SignedDuration,
}

fn has_group(env: &TwoTenants, title: &str) -> bool {
    let groups = env.world().groups(env.handle.directory);
    groups.values().any(|group| group.display_name == title)
}

/// Lets time pass until nothing waits, and returns the time it took.
async fn until_idle(env: &mut TwoTenants) -> SignedDuration {
    let began = env.now();
    while !env.stack.backend().queue.is_empty() || env.waiting_messages().await > 0 {
        env.let_pass(MINUTE).await;
        let waited = env.now().duration_since(began);
        assert!(waited < MINUTE * 300, "the backlog does not end");
    }
    env.now().duration_since(began)
}

/// Creates so many spaces a minute for ten minutes, and a team among them.
async fn flood(per_minute: usize) -> Flood {
    let mut env = TwoTenants::with_one_tenant(5, every_team()).await;
    env.let_pass(15 * MINUTE).await;
    let before = env.stack.backend().queue.sent();
    let (mut created, mut found_at) = (None, None);
    for step in 0..120 {
        for n in 0..per_minute / 12 {
            env.world().create_room(env.people[n % 5].person, "Space", None);
        }
        if step == 66 {
            env.create_team("Lighthouse", &env.people[..3]);
            created = Some(env.now());
        }
        env.let_pass(STEP).await;
        if found_at.is_none() && has_group(&env, "Lighthouse") {
            found_at = Some(env.now());
        }
    }
    let ended = env.now();
    while !has_group(&env, "Lighthouse") && env.now().duration_since(ended) < MINUTE * 90 {
        env.let_pass(STEP).await;
    }
    let new_team = found_at.unwrap_or(env.now()).duration_since(created.unwrap());
    until_idle(&mut env).await;
    let backlog = env.now().duration_since(ended);
    env.assert_clean();
    let messages = env.stack.backend().queue.sent() - before;
    Flood { spaces: per_minute / 12 * 120, messages, new_team, backlog }
}

async fn assert_new_team_does_not_wait(per_minute: usize) {
    let found = flood(per_minute).await;
    println!("{found:?}");
    assert!(found.new_team <= MINUTE * 2, "{found:?}");
    assert!(found.backlog <= MINUTE * 30, "{found:?}");
    let hints = READINGS * found.spaces as f64;
    assert!(found.messages as f64 <= MESSAGES_PER_HINT * hints, "{found:?}");
}

#[tokio::test]
async fn new_team_does_not_wait_for_300_spaces_a_minute() {
    assert_new_team_does_not_wait(300).await;
}

#[tokio::test]
async fn new_team_does_not_wait_for_600_spaces_a_minute() {
    assert_new_team_does_not_wait(600).await;
}

fn hints(env: &TwoTenants, clue: SpaceClue, count: usize) -> Vec<Message> {
    let mut random = fastrand::Rng::with_seed(1);
    let hint = |_| {
        let room = RoomId(Uuid::from_u128(random.u128(..)));
        let job = Job::Room { room, region: Default::default(), clue };
        env.message(job, Trigger::WebexWebhook)
    };
    (0..count).map(hint).collect()
}

#[tokio::test]
async fn hints_about_nothing_cost_few_messages_each() {
    let mut costs = vec![];
    for (count, clue) in
        [(1_000, SpaceClue::Unclear), (10_000, SpaceClue::Unclear), (10_000, SpaceClue::LikelyTeam)]
    {
        let mut env = TwoTenants::with_one_tenant(3, every_team()).await;
        env.let_pass(15 * MINUTE).await;
        let before = env.stack.backend().queue.sent();
        env.stack.backend().queue.send_all(&hints(&env, clue, count)).await.unwrap();
        let waited = until_idle(&mut env).await;
        env.assert_clean();
        let messages = env.stack.backend().queue.sent() - before;
        let runs = env.stack.invocations().sync;
        println!("{count} hints: {messages} messages, {runs} invocations, {waited:#}");
        costs.push(messages as f64 / count as f64);
    }
    assert!(costs.iter().all(|cost| *cost <= MESSAGES_PER_HINT), "{costs:?}");
    assert!(costs[1] <= costs[0] * 1.1, "no more for each if they are many: {costs:?}");
}

/// Returns a tenant that hears nothing from Webex, so that a hint is all it has.
async fn with_silent_webex() -> TwoTenants {
    let mut env = TwoTenants::with_one_tenant(3, every_team()).await;
    env.world().webex_settings(|settings| {
        settings.deliveries_lost = 100;
        settings.event_delay = Duration::from_secs(7 * 24 * 60 * 60);
    });
    env.let_pass(15 * MINUTE).await;
    env
}

#[tokio::test]
async fn team_without_a_clue_is_found_among_6000_spaces() {
    let mut env = with_silent_webex().await;
    let mut hints = hints(&env, SpaceClue::Unclear, 6_000);
    let team = env.create_team("Lighthouse", &env.people[..3]);
    let (room, region) = (team.general_space(), Default::default());
    let job = Job::Room { room, region, clue: SpaceClue::Unclear };
    hints.insert(3_000, env.message(job, Trigger::WebexEvent));
    env.stack.backend().queue.send_all(&hints).await.unwrap();
    until_idle(&mut env).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn refused_hints_share_their_messages_and_end_after_a_day() {
    let mut env = with_silent_webex().await;
    let refusal = Fault::status(500).on(Service::Webex).path("/rooms/").forever();
    env.world().inject(refusal);
    env.stack.backend().queue.send_all(&hints(&env, SpaceClue::Unclear, 20)).await.unwrap();
    let before = env.stack.backend().queue.sent();
    env.let_pass(DAY - 20 * MINUTE).await;
    assert_eq!(env.waiting_messages().await, 20);
    env.let_pass(40 * MINUTE).await;
    assert_eq!(env.waiting_messages().await, 0);
    let messages = env.stack.backend().queue.sent() - before;
    // Each is tried every 15 minutes at the latest, and most of them together.
    let tries = 20 * 24 * 60 / 15;
    assert!(messages <= tries / 4, "{messages} messages for {tries} tries");
    env.assert_clean();
}

#[tokio::test]
async fn long_backoff_costs_no_messages() {
    let mut env = with_silent_webex().await;
    let until = env.now() + MINUTE * 600;
    tenant::set_backoff(env.store(), env.tenant(), Api::Webex, until).await.unwrap();
    let before = env.stack.backend().queue.sent();
    env.stack.backend().queue.send_all(&hints(&env, SpaceClue::LikelyTeam, 100)).await.unwrap();
    env.let_pass(MINUTE * 599).await;
    assert_eq!(env.waiting_messages().await, 100);
    let messages = env.stack.backend().queue.sent() - before;
    assert!(messages <= 102, "{messages} messages for 100 hints");
    until_idle(&mut env).await;
    env.assert_clean();
}

/// Many people can become eligible at once, and each costs a listing.
#[tokio::test]
async fn eligible_people_cost_few_messages_each() {
    let mut env = with_silent_webex().await;
    let before = env.stack.backend().queue.sent();
    let one = env.people[0];
    let jobs = (0..1_000).map(|n| {
        let at = env.now() - SignedDuration::from_millis(n);
        let job = Job::Person { person: one.person, object: one.object };
        Message { at, ..env.message(job, Trigger::Person) }
    });
    let messages: Vec<Message> = jobs.collect();
    env.stack.backend().queue.send_all(&messages).await.unwrap();
    until_idle(&mut env).await;
    let messages = env.stack.backend().queue.sent() - before;
    assert!(messages as f64 <= MESSAGES_PER_HINT * 1_000.0, "{messages} messages for 1,000 people");
    env.assert_clean();
}
