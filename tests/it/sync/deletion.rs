//! Deleted groups, deleted teams and archived teams.

use engine::link::{Ended, FailureKind, Phase};

use crate::support::{DAY, MINUTE, TwoTenants};

#[tokio::test]
async fn deleted_group_is_restored_once() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Phoenix", &env.people);
    env.let_pass(60 * MINUTE).await;
    let (group, _) = env.group();
    env.world().delete_group(group);
    env.notify_change(group).await;
    env.let_pass(60 * MINUTE).await;
    assert_eq!(env.world().group(group).unwrap().deleted, None, "restored");
    env.assert_in_sync(team);

    env.let_pass(3 * DAY).await;
    env.world().delete_group(group);
    env.notify_change(group).await;
    env.let_pass(DAY).await;
    assert!(
        env.world().group(group).unwrap().deleted.is_some(),
        "deleted again within 30 days: it stays so"
    );
    assert!(matches!(
        env.link_row(team).await.unwrap().link.phase,
        Phase::Ended { why: Ended::GroupDeleted, .. }
    ));
    assert!(env.link_row(team).await.unwrap().next_sync_at <= env.now() + DAY, "asked about daily");
    assert_eq!(env.world().team(team).unwrap().people.len(), 3 + 1, "and the team is left alone");
    env.assert_clean();
}

#[tokio::test]
async fn deleted_team_ends_its_link_and_keeps_the_group() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Gone", &env.people);
    let other = env.create_team("Here", &env.people);
    env.let_pass(60 * MINUTE).await;
    let Phase::Linked { group } = env.link_row(team).await.unwrap().link.phase else { panic!() };
    env.world().delete_team(team);
    env.let_pass(2 * DAY).await;
    assert!(matches!(
        env.link_row(team).await.unwrap().link.phase,
        Phase::Ended { why: Ended::TeamDeleted, .. }
    ));
    assert!(env.link_row(team).await.unwrap().next_sync_at <= env.now() + DAY, "asked about daily");
    assert!(matches!(env.link_row(other).await.unwrap().link.phase, Phase::Linked { .. }));
    let group = env.world().group(group).unwrap();
    assert_eq!((group.deleted, group.members.len()), (None, 4));
    env.assert_clean();
}

#[tokio::test]
async fn no_team_counts_as_deleted_during_an_outage() {
    let mut env = TwoTenants::with_people(4).await;
    let teams: Vec<_> =
        ["One", "Two", "Three"].map(|title| env.create_team(title, &env.people)).into();
    env.let_pass(60 * MINUTE).await;
    for team in &teams {
        env.world().delete_team(*team);
    }
    env.let_pass(3 * DAY).await;
    for team in teams {
        let link = env.link_row(team).await.unwrap().link;
        assert!(matches!(link.phase, Phase::Linked { .. }), "{:?}", link.phase);
        assert_eq!(link.failure.unwrap().kind(), FailureKind::TeamMissing);
    }
    assert!(
        env.world().groups(env.handle.directory).values().all(|group| group.members.len() == 4)
    );
    env.assert_clean();
}

#[tokio::test]
async fn many_deleted_groups_wait_for_approval() {
    let mut env = TwoTenants::with_people(4).await;
    let teams: Vec<_> =
        (0..5).map(|n| env.create_team(&format!("Team {n}"), &env.people)).collect();
    env.let_pass(60 * MINUTE).await;
    let groups: Vec<_> = env.world().groups(env.handle.directory).into_keys().collect();
    for group in &groups {
        env.world().delete_group(*group);
        env.notify_change(*group).await;
    }
    env.let_pass(5 * 60 * MINUTE).await;
    let deleted =
        groups.iter().filter(|group| env.world().group(**group).unwrap().deleted.is_some()).count();
    assert_eq!(deleted, 2, "three are restored, then no deletion counts");
    for team in teams {
        assert!(matches!(env.link_row(team).await.unwrap().link.phase, Phase::Linked { .. }));
    }
    env.assert_clean();
}

#[tokio::test]
async fn archived_team_pauses_its_link() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Archived", &env.people[..4]);
    env.let_pass(40 * MINUTE).await;
    let (group, _) = env.group();
    env.world().archive_team(team);
    env.world().add_member(group, env.people[4].object);
    env.notify_change_and_wait(group).await;
    let link = env.link_row(team).await.unwrap().link;
    assert_eq!(link.failure.unwrap().kind(), FailureKind::Archived);
    let deferred = env
        .people_on_link(team)
        .await
        .into_values()
        .filter(|on_link| on_link.state.deferred.presence.is_some());
    assert_eq!(deferred.count(), 0, "a pause is no refusal");
    env.world().rename_group(group, env.people[0].object, "Renamed meanwhile");
    env.notify_change_and_wait(group).await;
    assert!(
        !env.world().team(team).unwrap().people.contains_key(&env.people[4].person),
        "no one is added while it is archived"
    );
    env.let_pass(DAY).await;
    let tries = env.link_row(team).await.unwrap().link.failure.unwrap().tries;
    assert!(tries < 15, "it is tried more and more seldom, not {tries} times a day");
    env.world().unarchive_team(team);
    env.let_pass(2 * DAY).await;
    assert!(env.link_row(team).await.unwrap().link.failure.is_none());
    assert_eq!(env.world().team(team).unwrap().title, "Renamed meanwhile");
    env.assert_in_sync(team);
    env.assert_clean();
}
