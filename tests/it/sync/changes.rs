//! Changes of people and names, copied to the other side.

use sim::{Kind, MembershipRole, Service};

use crate::support::{MINUTE, PROVED, TwoTenants};

#[tokio::test]
async fn team_of_45_needs_three_graph_writes() {
    let mut env = TwoTenants::with_people(46).await;
    let team = env.create_team("Project Größe", &env.people[..45]);
    env.world().take_calls();
    env.let_pass(2 * MINUTE).await;
    for call in env.world().calls() {
        println!("{:?} {} {} {:?}", call.service, call.method, call.path, call.status);
    }
    env.assert_in_sync(team);
    let writes = env.world().count_of(Service::Graph, Kind::Write);
    assert!(writes <= 3, "{writes} writes");
}

#[tokio::test]
async fn person_added_to_the_group_joins_the_team() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Joiners", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env.group();
    env.world().add_member(group, env.people[3].object);
    env.let_pass(25 * 60 * MINUTE).await;
    assert!(env.world().team(team).unwrap().people.contains_key(&env.people[3].person));
    env.assert_in_sync(team);
}

#[tokio::test]
async fn joins_leaves_and_roles_reach_the_group() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Movers", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE).await;
    env.assert_in_sync(team);
    env.world().promote(team, env.people[1].person).unwrap();
    env.let_pass(MINUTE).await;
    env.assert_in_sync(team);
    env.world().remove_from_team(team, env.people[2].person).unwrap();
    env.let_pass(PROVED).await;
    env.assert_in_sync(team);
    env.let_pass(60 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn renames_are_applied_after_people_changes() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Bridges", &env.people[..2]);
    env.let_pass(20 * MINUTE).await;
    env.world().add_to_team(team, env.people[2].person, MembershipRole::Member).unwrap();
    env.let_pass(20 * MINUTE).await;
    env.world().rename_team(team, "Tunnels");
    env.let_pass(20 * MINUTE).await;
    assert_eq!(env.group().1.display_name, "Tunnels");
    env.world().rename_group(env.group().0, env.people[0].object, "Ferries");
    env.let_pass(20 * MINUTE).await;
    assert_eq!(env.world().team(team).unwrap().title, "Ferries");
}

#[tokio::test]
async fn notification_applies_additions_within_a_minute_and_removals_once_proved() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Joiners", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env.group();
    env.world().add_member(group, env.people[3].object);
    env.world().remove_member(group, env.people[2].object);
    env.let_pass(MINUTE).await;
    let team_now = env.world().team(team).unwrap();
    assert!(team_now.people.contains_key(&env.people[3].person), "joined");
    env.let_pass(PROVED).await;
    let team_now = env.world().team(team).unwrap();
    assert!(!team_now.people.contains_key(&env.people[2].person), "left");
    env.assert_in_sync(team);
}
