//! Where the officer stands, and what the link is called.

use engine::link::OfficerPlace;
use engine::tenant::{NameCarriage, OfficerStanding, Settings};
use sandbox::Role;
use store::message::Cause;

use crate::town::{DAY, MINUTE, Town, every_team};

#[tokio::test]
async fn an_officer_that_a_person_put_out_stays_out_and_people_go_on_in_step() {
    let mut town = Town::of(6).await;
    let team = town.create_team("Out", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    let officer = town.handle.officer;
    assert!(town.world().team(team).unwrap().people.contains_key(&officer), "inside by default");
    town.world().remove_from_team(team, officer).unwrap();
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.let_pass(5 * MINUTE).await;
    town.assert_in_step(team);
    town.let_pass(2 * DAY).await;
    assert!(!town.world().team(team).unwrap().people.contains_key(&officer), "it stays out");
    assert!(matches!(town.kept(team).await.unwrap().link.officer, OfficerPlace::PutOut { .. }));

    let (group, _) = town.group();
    town.world().add_member(group, town.people[5].object);
    town.world().promote(team, town.people[1].person).unwrap();
    town.notify(group).await;
    town.let_pass(5 * MINUTE).await;
    assert!(town.world().team(team).unwrap().people.contains_key(&town.people[5].person));
    town.assert_in_step(team);
}

#[tokio::test]
async fn from_outside_names_go_only_towards_the_group() {
    let mut town = Town::with(3, Settings { standing: OfficerStanding::Outside, ..every_team() }).await;
    let team = town.create_team("First", &town.people);
    town.let_pass(20 * MINUTE).await;
    town.world().rename_team(team, "Second");
    town.let_pass(2 * DAY).await;
    assert_eq!(town.group().1.display_name, "Second");
    let (group, _) = town.group();
    town.world().rename_group(group, town.people[0].object, "Third");
    town.notify(group).await;
    town.let_pass(2 * DAY).await;
    assert_eq!(town.world().team(team).unwrap().title, "Second", "the team cannot be renamed from outside");
    assert_eq!(town.group().1.display_name, "Third", "and nobody's rename is undone");
    town.assert_in_step(team);
}

#[tokio::test]
async fn from_outside_people_are_kept_in_step_by_events() {
    let mut town = Town::with(5, Settings { standing: OfficerStanding::Outside, ..every_team() }).await;
    let team = town.create_team("Outside", &town.people[..3]);
    town.let_pass(5 * MINUTE).await;
    town.assert_in_step(team);
    assert!(!town.world().team(team).unwrap().people.contains_key(&town.handle.officer));
    town.world().add_to_team(team, town.people[3].person, Role::Moderator).unwrap();
    town.world().remove_from_team(team, town.people[1].person).unwrap();
    town.let_pass(3 * MINUTE).await;
    town.assert_in_step(team);
    let (group, _) = town.group();
    town.world().add_member(group, town.people[4].object);
    town.notify(group).await;
    town.let_pass(2 * DAY).await;
    town.assert_in_step(team);
    assert!(!town.world().team(team).unwrap().people.contains_key(&town.handle.officer));
}

#[tokio::test]
async fn from_inside_names_go_both_ways() {
    let mut town = Town::of(3).await;
    let team = town.create_team("First", &town.people);
    town.let_pass(20 * MINUTE).await;
    town.world().rename_team(team, "Second");
    town.let_pass(30 * MINUTE).await;
    town.let_pass(DAY).await;
    assert_eq!(town.group().1.display_name, "Second");
    let (group, _) = town.group();
    town.world().rename_group(group, town.people[0].object, "Third");
    town.notify(group).await;
    town.let_pass(2 * DAY).await;
    assert_eq!(town.world().team(team).unwrap().title, "Third");
    assert_eq!(town.group().1.display_name, "Third");
    town.assert_in_step(team);
}

#[tokio::test]
async fn names_that_are_not_carried_stay_as_people_gave_them_and_no_old_rename_is_carried_later() {
    let mut town = Town::with(4, Settings { names: NameCarriage::No, ..every_team() }).await;
    let team = town.create_team("First", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    assert_eq!(town.group().1.display_name, "First", "a group begins with the team's name");
    let (group, _) = town.group();
    town.world().rename_team(team, "Team's");
    town.world().rename_group(group, town.people[0].object, "Group's");
    town.notify(group).await;
    town.let_pass(2 * DAY).await;
    let names = |town: &Town| (town.world().team(team).unwrap().title, town.group().1.display_name);
    assert_eq!(names(&town), ("Team's".into(), "Group's".into()));
    town.world().add_to_team(team, town.people[3].person, Role::Member).unwrap();
    town.let_pass(5 * MINUTE).await;
    town.assert_in_step(team);

    town.set(every_team()).await;
    town.ask(team, Cause::Administrator).await;
    town.let_pass(2 * DAY).await;
    assert_eq!(names(&town), ("Team's".into(), "Group's".into()), "no rename of before is carried");
    town.world().rename_team(team, "Together");
    town.let_pass(DAY).await;
    assert_eq!(names(&town), ("Together".into(), "Together".into()), "and the next one is");
}
