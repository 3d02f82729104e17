//! Groups and teams that are so young that not every replica knows them.

use std::time::Duration;

use sandbox::{Call, Fault, Service};

use crate::town::{MINUTE, Town};

#[tokio::test]
async fn a_group_that_stays_young_for_a_while_gets_everybody_all_the_same() {
    let mut town = Town::of(45).await;
    town.world().graph_settings(|settings| settings.young = Duration::from_secs(120));
    let team = town.create_team("Young", &town.people);
    town.let_pass(15 * MINUTE).await;
    town.assert_in_step(team);
    town.assert_clean();
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_makes_no_second_group() {
    let mut town = Town::of(45).await;
    town.world().graph_settings(|settings| settings.young = Duration::from_secs(120));
    town.world().fault(Fault::cut_after().on(Service::Graph).method("PATCH").path("uniqueName").times(1));
    let team = town.create_team("Lost answer", &town.people);
    town.let_pass(40 * MINUTE).await;
    town.assert_in_step(team);
    town.assert_clean();
}

#[tokio::test]
async fn a_young_group_on_lagging_replicas_loses_nobody() {
    let mut town = Town::of(45).await;
    town.world().graph_settings(|settings| {
        settings.young = Duration::from_secs(60);
        settings.replica_lag = Duration::from_secs(600);
    });
    let team = town.create_team("Young and late", &town.people);
    town.let_pass(60 * MINUTE).await;
    town.assert_in_step(team);
    assert_eq!(town.world().team(team).unwrap().people.len(), 46, "everybody and the officer");
    town.assert_clean();
}

#[tokio::test]
async fn a_team_that_cannot_be_read_yet_when_webex_tells_of_it_gets_its_group() {
    let mut town = Town::of(4).await;
    town.world().fault(Fault::status(404).on(Service::Webex).method("GET").path("/rooms").times(1));
    let team = town.create_team("Told early", &town.people);
    town.let_pass(10 * MINUTE).await;
    town.assert_in_step(team);
    town.assert_clean();
}

#[tokio::test]
async fn a_space_that_stays_invisible_is_asked_about_twice_and_no_more() {
    let mut town = Town::of(4).await;
    town.world().fault(Fault::status(404).on(Service::Webex).method("GET").path("/rooms").times(u32::MAX));
    town.world().take_calls();
    town.create_team("Never seen", &town.people[..1]);
    town.let_pass(30 * MINUTE).await;
    let asked = |call: &&Call| call.path.starts_with("/v1/rooms/");
    assert_eq!(town.world().take_calls().iter().filter(asked).count(), 2);
    town.assert_clean();
}
