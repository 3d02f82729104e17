//! The table is restored to a point in time: what happened since is found as a difference, and nobody is lost.

use engine::link::TroubleKind;
use sandbox::Role;

use crate::town::{DAY, MINUTE, Town};

#[tokio::test]
async fn what_happened_since_the_point_in_time_stands() {
    let mut town = Town::of(12).await;
    let people = town.people.clone();
    let team = town.create_team("Lighthouse", &people[..8]);
    town.let_pass(40 * MINUTE).await;
    town.assert_in_step(team);
    let (group, _) = town.group();
    let before = town.store().snapshot();

    let world = town.world();
    world.add_to_team(team, people[8].person, Role::Member).unwrap();
    world.add_member(group, people[9].object);
    world.remove_from_team(team, people[1].person).unwrap();
    world.remove_member(group, people[2].object);
    world.promote(team, people[3].person).unwrap();
    world.rename_team(team, "Beacon");
    town.let_pass(40 * MINUTE).await;
    town.assert_in_step(team);
    let as_left = town.world().team(team).unwrap().people;

    town.store().restore(before);
    assert_eq!(town.kept(team).await.unwrap().link.title, "Lighthouse", "the table knows nothing of it");
    town.let_pass(DAY + 40 * MINUTE).await;
    assert_eq!(town.world().team(team).unwrap().people, as_left, "nobody comes back, nobody goes");
    assert_eq!(town.group().1.display_name, "Beacon");
    town.assert_in_step(team);
}

#[tokio::test]
async fn what_nobody_carried_yet_is_carried() {
    let mut town = Town::of(6).await;
    let people = town.people.clone();
    let team = town.create_team("Lighthouse", &people[..4]);
    town.let_pass(40 * MINUTE).await;
    let before = town.store().snapshot();
    town.let_pass(40 * MINUTE).await;
    town.store().restore(before);
    town.world().add_to_team(team, people[4].person, Role::Member).unwrap();
    town.let_pass(MINUTE).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_link_that_was_made_since_waits_and_its_group_is_left_alone() {
    let mut town = Town::of(4).await;
    let people = town.people.clone();
    let before = town.store().snapshot();
    let team = town.create_team("Lighthouse", &people);
    town.let_pass(40 * MINUTE).await;
    town.assert_in_step(team);
    let group = town.group();
    town.store().restore(before);
    assert_eq!(town.kept(team).await, None, "the table knows nothing of it");
    town.let_pass(DAY).await;
    let trouble = town.kept(team).await.unwrap().link.trouble.unwrap();
    assert_eq!(trouble.kind, TroubleKind::SomebodyElsesGroup);
    assert!(trouble.tries < 10, "{}", trouble.tries);
    assert_eq!(town.group(), group);
}
