//! A service that asks to wait is left alone, by that tenant and no other.

use domain::ids::{GroupId, TeamId};
use engine::tenant::{NewTeams, Settings};
use sandbox::{Call, Fault, Person, Role, Service, TenantHandle};
use serde_json::json;
use store::message::{Ask, Cause, Message};
use store::queue::Queue;

use crate::town::{MINUTE, Town, every_team};

fn calls_of(town: &Town, handle: &TenantHandle) -> Vec<Call> {
    let is_theirs = |call: &Call| call.owner == Some(handle.org.0) || call.owner == Some(handle.directory.0);
    town.world().calls().into_iter().filter(is_theirs).collect()
}

/// The neighbours' team, of two, and its group.
async fn neighbours(town: &mut Town) -> (TeamId, Person, GroupId) {
    let newcomer = town.world().add_person(&town.other, "Newcomer");
    let team = town.world().create_team(town.neighbour.person, "Neighbours");
    town.let_pass(20 * MINUTE).await;
    let groups = town.world().groups(town.other.directory);
    (team, newcomer, *groups.keys().next().unwrap())
}

async fn a_throttled_service_is_left_alone(fault: Fault, service: Service) {
    let mut town = Town::of(5).await;
    let team = town.create_team("Throttled", &town.people[..4]);
    let (their_team, newcomer, their_group) = neighbours(&mut town).await;

    town.skip(MINUTE / 60);
    town.world().fault(fault);
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.handle(&town.wish(Ask::Team { team, region: None }, Cause::WebexWebhook)).await;
    assert!(town.world().calls().iter().any(|call| call.service == service && call.status == Some(429)));
    town.world().take_calls();

    for _ in 0..200 {
        town.ask(team, Cause::WebexWebhook).await;
        town.skip(MINUTE / 120);
    }
    town.world().add_to_team(their_team, newcomer.person, Role::Member).unwrap();
    town.let_pass(MINUTE + MINUTE / 2).await;
    assert_eq!(calls_of(&town, &town.handle), [], "nothing is called");
    let waiting = town.house.ground().queue.len();
    assert_eq!(waiting, 1, "one delayed message for the link");
    assert!(town.world().group(their_group).unwrap().members.contains(&newcomer.object), "the neighbours go on");

    town.let_pass(5 * MINUTE).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn when_graph_throttles_a_tenant_only_that_tenant_waits() {
    let fault = Fault::throttled("300").on(Service::Graph).path("$batch");
    a_throttled_service_is_left_alone(fault, Service::Graph).await;
}

#[tokio::test]
async fn when_graph_throttles_a_write_only_that_tenant_waits() {
    let fault = Fault::throttled("300").on(Service::Graph).path("$ref");
    a_throttled_service_is_left_alone(fault, Service::Graph).await;
}

#[tokio::test]
async fn when_webex_throttles_a_tenant_only_that_tenant_waits() {
    let fault = Fault::throttled("299.5").on(Service::Webex).path("/teams");
    a_throttled_service_is_left_alone(fault, Service::Webex).await;
}

#[tokio::test]
async fn a_date_says_as_well_how_long_to_wait() {
    let fault = Fault::throttled("Mon, 23 Nov 2026 08:25:00 GMT").on(Service::Webex).path("/memberships");
    a_throttled_service_is_left_alone(fault, Service::Webex).await;
}

#[tokio::test]
async fn a_wait_longer_than_the_queue_can_delay_is_kept() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Throttled", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    town.world().fault(Fault::throttled("7200").on(Service::Graph).path("$batch"));
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.let_pass(MINUTE).await;
    town.world().take_calls();
    for _ in 0..10 {
        town.ask(team, Cause::WebexWebhook).await;
        town.let_pass(11 * MINUTE).await;
    }
    assert_eq!(calls_of(&town, &town.handle), []);
    town.let_pass(15 * MINUTE).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_card_answered_while_a_gate_is_shut_counts_when_it_is_open() {
    let mut town = Town::with(3, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = town.create_team("Asked", &town.people);
    town.let_pass(2 * MINUTE).await;
    let card = town.world().cards_to(town.people[0].person).remove(0);
    town.world().fault(Fault::throttled("120").on(Service::Webex).path("/attachment/actions"));
    town.world().answer_card(card.message, town.people[0].person, json!({"team": team, "group": "yes"})).unwrap();
    town.let_pass(10 * MINUTE).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn new_teams_wait_for_a_gate_too() {
    let mut town = Town::of(4).await;
    let first = town.create_team("First", &town.people);
    town.let_pass(20 * MINUTE).await;
    town.skip(MINUTE / 60);
    town.world().fault(Fault::throttled("600").on(Service::Graph).path("$batch"));
    town.handle(&town.wish(Ask::Team { team: first, region: None }, Cause::WebexWebhook)).await;
    let second = town.create_team("Second", &town.people);
    let ask = Ask::Room { room: second.general_space(), region: Default::default() };
    let hints: Vec<Message> = (0..20).map(|_| town.wish(ask.clone(), Cause::WebexWebhook)).collect();
    town.house.ground().queue.send_all(&hints).await.unwrap();
    town.world().take_calls();
    town.let_pass(5 * MINUTE).await;
    assert_eq!(calls_of(&town, &town.handle), []);
    town.let_pass(10 * MINUTE).await;
    let groups = town.world().groups(town.handle.directory);
    let group = groups.values().find(|group| group.display_name == "Second").unwrap();
    town.assert_are_one(second, group);
}
