//! A table restored to an earlier time: the sync finds what happened since.

use engine::link::FailureKind;
use sim::MembershipRole;

use crate::support::{DAY, MINUTE, TwoTenants};

#[tokio::test]
async fn changes_since_the_backup_stay() {
    let mut env = TwoTenants::with_people(12).await;
    let people = env.people.clone();
    let team = env.create_team("Lighthouse", &people[..8]);
    env.let_pass(40 * MINUTE).await;
    env.assert_in_sync(team);
    let (group, _) = env.group();
    let before = env.store().snapshot();

    let world = env.world();
    world.add_to_team(team, people[8].person, MembershipRole::Member).unwrap();
    world.add_member(group, people[9].object);
    world.remove_from_team(team, people[1].person).unwrap();
    world.remove_member(group, people[2].object);
    world.promote(team, people[3].person).unwrap();
    world.rename_team(team, "Beacon");
    env.let_pass(40 * MINUTE).await;
    env.assert_in_sync(team);
    let as_left = env.world().team(team).unwrap().people;

    env.store().restore(before);
    assert_eq!(
        env.link_row(team).await.unwrap().link.title,
        "Lighthouse",
        "the table knows nothing of it"
    );
    env.let_pass(DAY + 40 * MINUTE).await;
    assert_eq!(env.world().team(team).unwrap().people, as_left, "no one returns, no one leaves");
    assert_eq!(env.group().1.display_name, "Beacon");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn pending_changes_are_applied_after_restore() {
    let mut env = TwoTenants::with_people(6).await;
    let people = env.people.clone();
    let team = env.create_team("Lighthouse", &people[..4]);
    env.let_pass(40 * MINUTE).await;
    let before = env.store().snapshot();
    env.let_pass(40 * MINUTE).await;
    env.store().restore(before);
    env.world().add_to_team(team, people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn link_newer_than_the_backup_waits() {
    let mut env = TwoTenants::with_people(4).await;
    let people = env.people.clone();
    let before = env.store().snapshot();
    let team = env.create_team("Lighthouse", &people);
    env.let_pass(40 * MINUTE).await;
    env.assert_in_sync(team);
    let group = env.group();
    env.store().restore(before);
    assert_eq!(env.link_row(team).await, None, "the table knows nothing of it");
    env.let_pass(DAY).await;
    let failure = env.link_row(team).await.unwrap().link.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::GroupNotOurs);
    assert!(failure.tries < 10, "{}", failure.tries);
    assert_eq!(env.group(), group);
}
