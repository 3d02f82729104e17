//! What went wrong once.

use sandbox::Role;

use crate::town::{MINUTE, Town};

#[tokio::test]
async fn renames_are_still_carried_after_people_were() {
    let mut town = Town::of(3).await;
    let team = town.create_team("Bridges", &town.people[..2]);
    town.let_pass(20 * MINUTE).await;
    town.world().add_to_team(team, town.people[2].person, Role::Member).unwrap();
    town.let_pass(20 * MINUTE).await;
    town.world().rename_team(team, "Tunnels");
    town.let_pass(20 * MINUTE).await;
    assert_eq!(town.group().1.display_name, "Tunnels");
    town.world().rename_group(town.group().0, town.people[0].object, "Ferries");
    town.let_pass(20 * MINUTE).await;
    assert_eq!(town.world().team(team).unwrap().title, "Ferries");
}

#[tokio::test]
async fn a_change_in_microsoft_365_is_carried_within_a_minute_by_graphs_notification() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Joiners", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    let (group, _) = town.group();
    town.world().add_member(group, town.people[3].object);
    town.world().remove_member(group, town.people[2].object);
    town.let_pass(MINUTE).await;
    let team_now = town.world().team(team).unwrap();
    assert!(team_now.people.contains_key(&town.people[3].person), "joined");
    assert!(!team_now.people.contains_key(&town.people[2].person), "left");
    town.assert_in_step(team);
}
