//! When a side is gone.

use engine::link::{Ended, Phase, TroubleKind};

use crate::town::{DAY, MINUTE, Town};

#[tokio::test]
async fn the_deleted_group_of_a_living_team_is_restored_once() {
    let mut town = Town::of(3).await;
    let team = town.create_team("Phoenix", &town.people);
    town.let_pass(60 * MINUTE).await;
    let (group, _) = town.group();
    town.world().delete_group(group);
    town.notify(group).await;
    town.let_pass(60 * MINUTE).await;
    assert_eq!(town.world().group(group).unwrap().deleted, None, "restored");
    town.assert_in_step(team);

    town.let_pass(3 * DAY).await;
    town.world().delete_group(group);
    town.notify(group).await;
    town.let_pass(DAY).await;
    assert!(town.world().group(group).unwrap().deleted.is_some(), "deleted again within 30 days: it stays so");
    assert_eq!(town.kept(team).await.unwrap().link.phase, Phase::Ended { why: Ended::GroupDeleted });
    assert!(town.kept(team).await.unwrap().next_look > town.now() + 1000 * DAY, "it is not looked at any more");
    assert_eq!(town.world().team(team).unwrap().people.len(), 3 + 1, "and the team is left alone");
    town.assert_clean();
}

#[tokio::test]
async fn a_deleted_team_ends_its_link_while_others_answer_and_its_group_stays() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Gone", &town.people);
    let other = town.create_team("Here", &town.people);
    town.let_pass(60 * MINUTE).await;
    let Phase::Linked { group } = town.kept(team).await.unwrap().link.phase else { panic!() };
    town.world().delete_team(team);
    town.let_pass(2 * DAY).await;
    assert_eq!(town.kept(team).await.unwrap().link.phase, Phase::Ended { why: Ended::TeamDeleted });
    assert!(town.kept(team).await.unwrap().next_look > town.now() + 1000 * DAY, "it is not looked at any more");
    assert!(matches!(town.kept(other).await.unwrap().link.phase, Phase::Linked { .. }));
    let group = town.world().group(group).unwrap();
    assert_eq!((group.deleted, group.members.len()), (None, 4));
    town.assert_clean();
}

#[tokio::test]
async fn while_no_team_answers_no_team_counts_as_deleted() {
    let mut town = Town::of(4).await;
    let teams: Vec<_> = ["One", "Two", "Three"].map(|title| town.create_team(title, &town.people)).into();
    town.let_pass(60 * MINUTE).await;
    for team in &teams {
        town.world().delete_team(*team);
    }
    town.let_pass(3 * DAY).await;
    for team in teams {
        let link = town.kept(team).await.unwrap().link;
        assert!(matches!(link.phase, Phase::Linked { .. }), "{:?}", link.phase);
        assert_eq!(link.trouble.unwrap().kind, TroubleKind::TeamMissing);
    }
    assert!(town.world().groups(town.handle.directory).values().all(|group| group.members.len() == 4));
    town.assert_clean();
}

#[tokio::test]
async fn many_deleted_groups_wait_for_an_administrator() {
    let mut town = Town::of(4).await;
    let teams: Vec<_> = (0..5).map(|n| town.create_team(&format!("Team {n}"), &town.people)).collect();
    town.let_pass(60 * MINUTE).await;
    let groups: Vec<_> = town.world().groups(town.handle.directory).into_keys().collect();
    for group in &groups {
        town.world().delete_group(*group);
        town.notify(*group).await;
    }
    town.let_pass(5 * 60 * MINUTE).await;
    let deleted = groups.iter().filter(|group| town.world().group(**group).unwrap().deleted.is_some()).count();
    assert_eq!(deleted, 2, "three are restored, then nothing is concluded any more");
    for team in teams {
        assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Linked { .. }));
    }
    town.assert_clean();
}

#[tokio::test]
async fn an_archived_team_pauses_its_link_and_loses_nothing_by_it() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Archived", &town.people[..4]);
    town.let_pass(40 * MINUTE).await;
    let (group, _) = town.group();
    town.world().archive_team(team);
    town.world().add_member(group, town.people[4].object);
    town.notify_and_wait(group).await;
    let link = town.kept(team).await.unwrap().link;
    assert_eq!(link.trouble.unwrap().kind, TroubleKind::Archived);
    let owed = town.on_link(team).await.into_values().filter(|on_link| on_link.memory.owed.presence.is_some());
    assert_eq!(owed.count(), 0, "a pause is no refusal");
    town.world().rename_group(group, town.people[0].object, "Renamed meanwhile");
    town.notify_and_wait(group).await;
    assert!(
        !town.world().team(team).unwrap().people.contains_key(&town.people[4].person),
        "nobody comes while it is archived"
    );
    town.let_pass(DAY).await;
    let tries = town.kept(team).await.unwrap().link.trouble.unwrap().tries;
    assert!(tries < 15, "it is tried more and more seldom, not {tries} times a day");
    town.world().unarchive_team(team);
    town.let_pass(2 * DAY).await;
    assert!(town.kept(team).await.unwrap().link.trouble.is_none());
    assert_eq!(town.world().team(team).unwrap().title, "Renamed meanwhile");
    town.assert_in_step(team);
    town.assert_clean();
}
