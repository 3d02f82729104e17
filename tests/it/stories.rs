//! Whole stories, from a person's act to the other side.

use sandbox::{Kind, Role, Service};

use crate::town::{MINUTE, Town};

#[tokio::test]
async fn a_team_of_45_has_its_group_with_45_members_in_three_graph_writes_or_fewer() {
    let mut town = Town::of(46).await;
    let team = town.create_team("Project Größe", &town.people[..45]);
    town.world().take_calls();
    town.let_pass(2 * MINUTE).await;
    for call in town.world().calls() {
        println!("{:?} {} {} {:?}", call.service, call.method, call.path, call.status);
    }
    town.assert_in_step(team);
    let writes = town.world().count_of(Service::Graph, Kind::Write);
    assert!(writes <= 3, "{writes} writes");
}

#[tokio::test]
async fn somebody_added_in_microsoft_365_is_in_the_team() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Joiners", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    let (group, _) = town.group();
    town.world().add_member(group, town.people[3].object);
    town.let_pass(25 * 60 * MINUTE).await;
    assert!(town.world().team(team).unwrap().people.contains_key(&town.people[3].person));
    town.assert_in_step(team);
}

#[tokio::test]
async fn joins_leaves_and_roles_in_webex_reach_the_group() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Movers", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.let_pass(MINUTE).await;
    town.assert_in_step(team);
    town.world().promote(team, town.people[1].person).unwrap();
    town.let_pass(MINUTE).await;
    town.assert_in_step(team);
    town.world().remove_from_team(team, town.people[2].person).unwrap();
    town.let_pass(MINUTE).await;
    town.assert_in_step(team);
    town.let_pass(60 * MINUTE).await;
    town.assert_in_step(team);
}
