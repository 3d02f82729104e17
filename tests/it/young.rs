//! Groups that are so young that not every replica knows them.

use std::time::Duration;

use sandbox::{Fault, Service};

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
