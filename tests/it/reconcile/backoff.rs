//! Backoff: a throttled service is left alone, by that tenant only.

use clients::webex::SpaceClue;
use domain::ids::{GroupId, TeamId};
use engine::tenant::{NewTeams, Settings};
use serde_json::json;
use sim::{Call, Fault, MembershipRole, Person, Service, TenantHandle};
use store::message::{Job, Message, Trigger};
use store::queue::Queue;

use crate::support::{MINUTE, TwoTenants, every_team};

fn calls_of(env: &TwoTenants, handle: &TenantHandle) -> Vec<Call> {
    let is_theirs =
        |call: &Call| call.owner == Some(handle.org.0) || call.owner == Some(handle.directory.0);
    env.world().calls().into_iter().filter(is_theirs).collect()
}

/// Returns a new person, and a linked team of the other tenant.
async fn neighbor_team(env: &mut TwoTenants) -> (TeamId, Person, GroupId) {
    let newcomer = env.world().add_person(&env.other, "Newcomer");
    let team = env.world().create_team(env.neighbour.person, "Neighbours");
    env.let_pass(20 * MINUTE).await;
    let groups = env.world().groups(env.other.directory);
    (team, newcomer, *groups.keys().next().unwrap())
}

async fn assert_only_one_tenant_waits(fault: Fault, service: Service) {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Throttled", &env.people[..4]);
    let (their_team, newcomer, their_group) = neighbor_team(&mut env).await;

    env.advance_clock(MINUTE / 60);
    env.world().inject(fault);
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.handle_message(&env.message(Job::Team { team, region: None }, Trigger::WebexWebhook)).await;
    assert!(
        env.world().calls().iter().any(|call| call.service == service && call.status == Some(429))
    );
    env.world().take_calls();

    for _ in 0..200 {
        env.request_sync(team, Trigger::WebexWebhook).await;
        env.advance_clock(MINUTE / 120);
    }
    env.world().add_to_team(their_team, newcomer.person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE + MINUTE / 2).await;
    assert_eq!(calls_of(&env, &env.handle), [], "nothing is called");
    let waiting = env.stack.backend().queue.len();
    assert_eq!(waiting, 1, "one delayed message for the link");
    assert!(
        env.world().group(their_group).unwrap().members.contains(&newcomer.object),
        "the neighbours go on"
    );

    env.let_pass(5 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn throttled_graph_reads_delay_one_tenant() {
    let fault = Fault::throttled("300").on(Service::Graph).path("$batch");
    assert_only_one_tenant_waits(fault, Service::Graph).await;
}

#[tokio::test]
async fn throttled_graph_writes_delay_one_tenant() {
    let fault = Fault::throttled("300").on(Service::Graph).path("$ref");
    assert_only_one_tenant_waits(fault, Service::Graph).await;
}

#[tokio::test]
async fn throttled_webex_delays_one_tenant() {
    let fault = Fault::throttled("299.5").on(Service::Webex).path("/teams");
    assert_only_one_tenant_waits(fault, Service::Webex).await;
}

#[tokio::test]
async fn retry_after_date_is_respected() {
    let fault =
        Fault::throttled("Mon, 23 Nov 2026 08:25:00 GMT").on(Service::Webex).path("/memberships");
    assert_only_one_tenant_waits(fault, Service::Webex).await;
}

#[tokio::test]
async fn backoff_longer_than_queue_delay_is_respected() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Throttled", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    env.world().inject(Fault::throttled("7200").on(Service::Graph).path("$batch"));
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE).await;
    env.world().take_calls();
    for _ in 0..10 {
        env.request_sync(team, Trigger::WebexWebhook).await;
        env.let_pass(11 * MINUTE).await;
    }
    assert_eq!(calls_of(&env, &env.handle), []);
    env.let_pass(15 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn too_short_pauses_grow_until_a_success() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Throttled", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    env.world().take_calls();
    env.world().inject(Fault::throttled("1").on(Service::Graph).path("$batch").times(8));
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    let refusals = |env: &TwoTenants| {
        let calls = env.world().calls();
        calls.iter().filter(|call| call.status == Some(429)).count()
    };
    env.let_pass(5 * MINUTE).await;
    let first = refusals(&env);
    assert!((4..=7).contains(&first), "5, 10, 20, 40, 80, 160 seconds: {first}");
    env.let_pass(40 * MINUTE).await;
    assert_eq!(refusals(&env), 8);
    env.assert_in_sync(team);

    env.let_pass(2 * MINUTE).await;
    env.world().take_calls();
    env.world().inject(Fault::throttled("1").on(Service::Graph).path("$batch").times(3));
    env.world().remove_from_team(team, env.people[4].person).unwrap();
    env.let_pass(2 * MINUTE).await;
    assert_eq!(refusals(&env), 3, "the pauses begin again");
}

#[tokio::test]
async fn card_answer_during_backoff_counts_afterwards() {
    let mut env =
        TwoTenants::with_settings(3, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = env.create_team("Asked", &env.people);
    env.let_pass(2 * MINUTE).await;
    let card = env.world().cards_to(env.people[0].person).remove(0);
    env.world().inject(Fault::throttled("120").on(Service::Webex).path("/attachment/actions"));
    env.world()
        .submit_card(card.message, env.people[0].person, json!({"team": team, "group": "yes"}))
        .unwrap();
    env.let_pass(10 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn new_teams_wait_during_backoff() {
    let mut env = TwoTenants::with_people(4).await;
    let first = env.create_team("First", &env.people);
    env.let_pass(20 * MINUTE).await;
    env.advance_clock(MINUTE / 60);
    env.world().inject(Fault::throttled("600").on(Service::Graph).path("$batch"));
    env.handle_message(
        &env.message(Job::Team { team: first, region: None }, Trigger::WebexWebhook),
    )
    .await;
    let second = env.create_team("Second", &env.people);
    let (room, region) = (second.general_space(), Default::default());
    let job = Job::Room { room, region, clue: SpaceClue::LikelyTeam };
    let hints: Vec<Message> =
        (0..20).map(|_| env.message(job.clone(), Trigger::WebexWebhook)).collect();
    env.stack.backend().queue.send_all(&hints).await.unwrap();
    env.world().take_calls();
    env.let_pass(5 * MINUTE).await;
    assert_eq!(calls_of(&env, &env.handle), []);
    env.let_pass(10 * MINUTE).await;
    let groups = env.world().groups(env.handle.directory);
    let group = groups.values().find(|group| group.display_name == "Second").unwrap();
    env.assert_team_matches(second, group);
}
