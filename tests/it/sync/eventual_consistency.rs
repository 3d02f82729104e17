//! Teams and groups too new for every replica to know.

use std::time::Duration;

use sim::{Call, Fault, Service};

use crate::support::{MINUTE, TwoTenants};

#[tokio::test]
async fn unreplicated_group_gets_all_members() {
    let mut env = TwoTenants::with_people(45).await;
    env.world().graph_settings(|settings| settings.new_group_lag = Duration::from_secs(120));
    let team = env.create_team("New", &env.people);
    env.let_pass(15 * MINUTE).await;
    env.assert_in_sync(team);
    env.assert_clean();
}

#[tokio::test]
async fn lost_creation_answer_creates_no_second_group() {
    let mut env = TwoTenants::with_people(45).await;
    env.world().graph_settings(|settings| settings.new_group_lag = Duration::from_secs(120));
    env.world()
        .inject(Fault::cut_after().on(Service::Graph).method("PATCH").path("uniqueName").times(1));
    let team = env.create_team("Lost answer", &env.people);
    env.let_pass(40 * MINUTE).await;
    env.assert_in_sync(team);
    env.assert_clean();
}

#[tokio::test]
async fn new_group_on_lagging_replicas_loses_no_one() {
    let mut env = TwoTenants::with_people(45).await;
    env.world().graph_settings(|settings| {
        settings.new_group_lag = Duration::from_secs(60);
        settings.replica_lag = Duration::from_secs(600);
    });
    let team = env.create_team("New and late", &env.people);
    env.let_pass(60 * MINUTE).await;
    env.assert_in_sync(team);
    assert_eq!(
        env.world().team(team).unwrap().people.len(),
        46,
        "everyone and the service account"
    );
    env.assert_clean();
}

#[tokio::test]
async fn team_not_yet_readable_gets_its_group() {
    let mut env = TwoTenants::with_people(4).await;
    env.world().inject(Fault::status(404).on(Service::Webex).method("GET").path("/rooms").times(1));
    let team = env.create_team("Early event", &env.people);
    env.let_pass(10 * MINUTE).await;
    env.assert_in_sync(team);
    env.assert_clean();
}

#[tokio::test]
async fn invisible_space_is_requested_twice() {
    let mut env = TwoTenants::with_people(4).await;
    env.world()
        .inject(Fault::status(404).on(Service::Webex).method("GET").path("/rooms").times(u32::MAX));
    env.world().take_calls();
    env.create_team("Never seen", &env.people[..1]);
    env.let_pass(30 * MINUTE).await;
    let asked = |call: &&Call| call.path.starts_with("/v1/rooms/");
    assert_eq!(env.world().take_calls().iter().filter(asked).count(), 2);
    env.assert_clean();
}
