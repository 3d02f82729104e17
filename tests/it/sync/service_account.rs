//! The service account as member or observer, and the names of a link.

use domain::ids::{ObjectId, TeamId};
use domain::membership::ExclusionReason;
use engine::link::{ServiceAccountPresence, Who};
use engine::tenant::{NameSync, ServiceAccountMode, Settings};
use sim::{Kind, MembershipRole, Service};
use store::message::Trigger;

use crate::support::{DAY, MINUTE, PROVED, TwoTenants, every_team};

#[tokio::test]
async fn removed_account_stays_out_and_people_stay_synced() {
    let mut env = TwoTenants::with_people(6).await;
    let team = env.create_team("Out", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    let service_account = env.handle.service_account;
    assert!(
        env.world().team(team).unwrap().people.contains_key(&service_account),
        "inside by default"
    );
    env.world().remove_from_team(team, service_account).unwrap();
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(5 * MINUTE).await;
    env.assert_in_sync(team);
    env.let_pass(2 * DAY).await;
    assert!(!env.world().team(team).unwrap().people.contains_key(&service_account), "it stays out");
    assert!(matches!(
        env.link_row(team).await.unwrap().link.service_account,
        ServiceAccountPresence::RemovedByPerson { .. }
    ));

    let (group, _) = env.group();
    env.world().add_member(group, env.people[5].object);
    env.world().promote(team, env.people[1].person).unwrap();
    env.notify_change(group).await;
    env.let_pass(5 * MINUTE).await;
    assert!(env.world().team(team).unwrap().people.contains_key(&env.people[5].person));
    env.assert_in_sync(team);
}

#[tokio::test]
async fn observer_syncs_names_to_the_group_only() {
    let mut env = TwoTenants::with_settings(
        3,
        Settings { service_account_mode: ServiceAccountMode::Observer, ..every_team() },
    )
    .await;
    let team = env.create_team("First", &env.people);
    env.let_pass(20 * MINUTE).await;
    env.world().rename_team(team, "Second");
    env.let_pass(2 * DAY).await;
    assert_eq!(env.group().1.display_name, "Second");
    let (group, _) = env.group();
    env.world().rename_group(group, env.people[0].object, "Third");
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;
    assert_eq!(
        env.world().team(team).unwrap().title,
        "Second",
        "the team cannot be renamed from outside"
    );
    assert_eq!(env.group().1.display_name, "Third", "and no rename is undone");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn observer_syncs_people_by_events() {
    let mut env = TwoTenants::with_settings(
        5,
        Settings { service_account_mode: ServiceAccountMode::Observer, ..every_team() },
    )
    .await;
    let team = env.create_team("Outside", &env.people[..3]);
    env.let_pass(5 * MINUTE).await;
    env.assert_in_sync(team);
    assert!(!env.world().team(team).unwrap().people.contains_key(&env.handle.service_account));
    env.world().add_to_team(team, env.people[3].person, MembershipRole::Moderator).unwrap();
    env.world().remove_from_team(team, env.people[1].person).unwrap();
    env.let_pass(PROVED).await;
    env.assert_in_sync(team);
    let (group, _) = env.group();
    env.world().add_member(group, env.people[4].object);
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;
    env.assert_in_sync(team);
    assert!(!env.world().team(team).unwrap().people.contains_key(&env.handle.service_account));
}

#[tokio::test]
async fn member_syncs_names_both_ways() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("First", &env.people);
    env.let_pass(20 * MINUTE).await;
    env.world().rename_team(team, "Second");
    env.let_pass(30 * MINUTE).await;
    env.let_pass(DAY).await;
    assert_eq!(env.group().1.display_name, "Second");
    let (group, _) = env.group();
    env.world().rename_group(group, env.people[0].object, "Third");
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;
    assert_eq!(env.world().team(team).unwrap().title, "Third");
    assert_eq!(env.group().1.display_name, "Third");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn rename_while_disabled_is_never_applied() {
    let mut env =
        TwoTenants::with_settings(4, Settings { names: NameSync::No, ..every_team() }).await;
    let team = env.create_team("First", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    assert_eq!(env.group().1.display_name, "First", "a group begins with the team's name");
    let (group, _) = env.group();
    env.world().rename_team(team, "Team's");
    env.world().rename_group(group, env.people[0].object, "Group's");
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;
    let names =
        |env: &TwoTenants| (env.world().team(team).unwrap().title, env.group().1.display_name);
    assert_eq!(names(&env), ("Team's".into(), "Group's".into()));
    env.world().add_to_team(team, env.people[3].person, MembershipRole::Member).unwrap();
    env.let_pass(5 * MINUTE).await;
    env.assert_in_sync(team);

    env.save_settings(every_team()).await;
    env.request_sync(team, Trigger::Administrator).await;
    env.let_pass(2 * DAY).await;
    assert_eq!(names(&env), ("Team's".into(), "Group's".into()), "no earlier rename is applied");
    env.world().rename_team(team, "Together");
    env.let_pass(DAY).await;
    assert_eq!(names(&env), ("Together".into(), "Together".into()), "and the next one is");
}

/// Gives the service account a user of the directory, as an administrator's account has.
async fn with_user_of_the_account(settings: Settings) -> (TwoTenants, TeamId, ObjectId) {
    let mut env = TwoTenants::with_settings(4, settings).await;
    let user = env.world().add_entra_only(&env.handle, "Admin");
    env.world().set_external_id(env.handle.service_account, Some(user));
    env.stack.scan_people(env.tenant()).await.unwrap();
    let team = env.create_team("Admins", &env.people);
    env.let_pass(40 * MINUTE).await;
    (env, team, user)
}

fn role_of_account(env: &TwoTenants, team: TeamId) -> Option<MembershipRole> {
    env.world().team(team).unwrap().people.get(&env.handle.service_account).copied()
}

#[tokio::test]
async fn account_in_the_group_is_left_alone_on_both_sides() {
    for mode in [ServiceAccountMode::Member, ServiceAccountMode::Observer] {
        let settings = Settings { service_account_mode: mode, ..every_team() };
        let (mut env, team, user) = with_user_of_the_account(settings).await;
        let was_in_team = role_of_account(&env, team);
        assert!(!env.group().1.members.contains(&user), "it is added to no group");
        let (group, _) = env.group();
        env.world().add_member(group, user);
        env.notify_change(group).await;
        env.let_pass(60 * MINUTE).await;
        let reason = env.excluded(team).await.remove(&Who::Entra(user));
        assert_eq!(reason, Some(ExclusionReason::ServiceAccount), "{mode:?}");
        env.world().take_calls();
        env.let_pass(2 * DAY).await;
        let writes = env.world().count_of(Service::Webex, Kind::Write)
            + env.world().count_of(Service::Graph, Kind::Write);
        assert_eq!(writes, 0, "{mode:?}");
        let is_in_team = role_of_account(&env, team);
        assert_eq!(is_in_team, was_in_team, "{mode:?}");
        assert!(env.group().1.members.contains(&user), "{mode:?}: it stays in the group");
        env.world().remove_member(group, user);
        env.notify_change(group).await;
        env.let_pass(60 * MINUTE).await;
        let is_in_team = role_of_account(&env, team);
        assert_eq!(is_in_team, was_in_team, "{mode:?}");
        env.assert_in_sync(team);
    }
}
