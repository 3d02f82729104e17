//! Plans shown in preview mode, and the objects that stay untouched.

use domain::merge::ApprovalReason;
use engine::link::FailureKind;
use engine::preview::{GroupOutlook, Preview, Totals};
use engine::safety::pending_approval;
use engine::tenant::{GroupDeleted, RemovalLimits, Settings, TeamDeleted};
use sim::MembershipRole;

use super::{
    assert_no_writes, linked_team, load_link, load_preview, preview_settings, sync_now,
    without_preview_times,
};
use crate::support::{DAY, MINUTE, PROVED, TwoTenants, every_team};

/// Returns what keeps a team from a group.
fn blocker(preview: &Preview) -> Option<FailureKind> {
    match &preview.group {
        GroupOutlook::Blocked { reason } => Some(reason.kind()),
        _ => None,
    }
}

#[tokio::test]
async fn hash_changes_only_with_the_plan() {
    let (mut env, team, _) = linked_team(preview_settings()).await;
    env.world().add_to_team(team, env.people[6].person, MembershipRole::Member).unwrap();
    env.let_pass(5 * MINUTE).await;
    let first = load_preview(&env, team).await;
    env.let_pass(2 * DAY).await;
    let second = load_preview(&env, team).await;
    assert!(second.at > first.at + DAY, "looked at daily");
    assert_eq!(second.hash(), first.hash());
    env.world().add_to_team(team, env.people[7].person, MembershipRole::Member).unwrap();
    env.let_pass(5 * MINUTE).await;
    assert_ne!(load_preview(&env, team).await.hash(), first.hash(), "and at each hint");
    assert_no_writes(&env);
}

#[tokio::test]
async fn preview_syncs_no_more_often_than_live() {
    let (mut env, team, _) = linked_team(preview_settings()).await;
    let asked = |env: &TwoTenants| {
        let path = format!("/teams/{}", env.world().team_id(team));
        env.world().take_calls().iter().filter(|call| call.path.contains(&path)).count()
    };
    env.let_pass(4 * DAY).await;
    let in_preview = asked(&env);
    assert!((3..=6).contains(&in_preview), "{in_preview} sync runs in four days");
}

#[tokio::test]
async fn held_removals_are_shown_and_not_counted() {
    let removal_limits =
        RemovalLimits { tenant_people: 2, tenant_percent: 0, ..RemovalLimits::default() };
    let (mut env, team, group) =
        linked_team(Settings { removal_limits, ..preview_settings() }).await;
    for n in 1..3 {
        env.world().remove_member(group, env.people[n].object);
    }
    for _ in 0..5 {
        sync_now(&mut env, team).await;
        assert_eq!(
            load_preview(&env, team).await.totals(),
            Totals { removed: 2, ..Totals::default() }
        );
    }
    env.world().remove_member(group, env.people[3].object);
    sync_now(&mut env, team).await;
    let preview = load_preview(&env, team).await;
    assert_eq!(preview.totals(), Totals { held: 3, ..Totals::default() });
    assert!(preview.moves.iter().all(|one| one.held == Some(ApprovalReason::TenantLimit)));
    assert_eq!(
        pending_approval::load(env.store(), env.tenant(), team).await.unwrap(),
        None,
        "no plan waits"
    );
    assert_eq!(load_link(&env, team).await.held, None);
    assert_no_writes(&env);

    env.world().add_member(group, env.people[3].object);
    env.save_settings(Settings { removal_limits, ..every_team() }).await;
    sync_now(&mut env, team).await;
    env.let_pass(PROVED).await;
    let there = env.world().team(team).unwrap().people;
    assert!(
        env.people[1..3].iter().all(|person| !there.contains_key(&person.person)),
        "two go, as was shown"
    );
    env.assert_in_sync(team);
}

#[tokio::test]
async fn deleted_group_is_left_alone_in_preview() {
    for on_group_deleted in [GroupDeleted::Restore, GroupDeleted::EndLink] {
        let (mut env, team, group) =
            linked_team(Settings { on_group_deleted, ..preview_settings() }).await;
        let known = without_preview_times(load_link(&env, team).await);
        env.world().delete_group(group);
        env.notify_change(group).await;
        env.let_pass(2 * DAY).await;
        assert_no_writes(&env);
        assert_eq!(without_preview_times(load_link(&env, team).await), known);
        let preview = load_preview(&env, team).await;
        assert_eq!(blocker(&preview), Some(FailureKind::GroupMissing));
        assert_eq!(preview.totals(), Totals::default());
    }
}

#[tokio::test]
async fn deleted_team_is_left_alone_in_preview() {
    for on_team_deleted in [TeamDeleted::KeepGroup, TeamDeleted::DeleteGroup] {
        let mut env = TwoTenants::with_people(4).await;
        let team = env.create_team("Gone", &env.people);
        env.create_team("Here", &env.people);
        env.let_pass(30 * MINUTE).await;
        env.save_settings(Settings { on_team_deleted, ..preview_settings() }).await;
        let known = without_preview_times(load_link(&env, team).await);
        env.world().take_calls();
        env.world().delete_team(team);
        env.let_pass(3 * DAY).await;
        assert_no_writes(&env);
        assert_eq!(without_preview_times(load_link(&env, team).await), known);
        let preview = load_preview(&env, team).await;
        assert_eq!(blocker(&preview), Some(FailureKind::TeamMissing));
        assert_eq!(env.world().groups(env.handle.directory).len(), 2);
    }
}

#[tokio::test]
async fn preview_adds_no_account_and_renews_no_group() {
    let mut env = TwoTenants::with_settings(3, preview_settings()).await;
    env.world().take_calls();
    let team = env.create_team("Preview", &env.people);
    env.let_pass(DAY).await;
    assert_no_writes(&env);
    assert!(!env.world().team(team).unwrap().people.contains_key(&env.handle.service_account));

    let (mut env, team, group) = linked_team(preview_settings()).await;
    env.world().set_group_lifetime(env.handle.directory, Some(30));
    let renewed = env.world().group(group).unwrap().renewed;
    env.let_pass(5 * DAY).await;
    assert_no_writes(&env);
    assert_eq!(env.world().group(group).unwrap().renewed, renewed);
    env.save_settings(every_team()).await;
    sync_now(&mut env, team).await;
    assert!(
        env.world().group(group).unwrap().renewed > renewed,
        "the first live sync is a full one"
    );
}

#[tokio::test]
async fn blocker_is_shown_in_place_of_a_group() {
    let mut env = TwoTenants::with_settings(4, preview_settings()).await;
    let creator = env.world().add_webex_only(&env.handle, "Creator");
    let team = env.world().create_team(creator, "Ownerless");
    env.world().add_to_team(team, env.people[0].person, MembershipRole::Member).unwrap();
    env.let_pass(5 * MINUTE).await;
    let kind = async |env: &TwoTenants| blocker(&load_preview(env, team).await);
    assert_eq!(kind(&env).await, Some(FailureKind::NoOwner));
    assert_eq!(
        load_preview(&env, team).await.totals(),
        Totals { excluded: 1, ..Totals::default() }
    );

    env.save_settings(Settings {
        fallback_owner: Some(env.people[3].object),
        ..preview_settings()
    })
    .await;
    sync_now(&mut env, team).await;
    let GroupOutlook::Created { fallback_owner, .. } = load_preview(&env, team).await.group else {
        panic!()
    };
    assert_eq!(fallback_owner, Some(env.people[3].object));

    env.world().set_group_setting(env.handle.directory, "EnableGroupCreation", "false");
    env.let_pass(2 * DAY).await;
    assert_eq!(kind(&env).await, Some(FailureKind::CreationRestricted));
}

#[tokio::test]
async fn many_unknown_people_are_resolved_once() {
    let mut env = TwoTenants::with_settings(2, preview_settings()).await;
    env.world().take_calls();
    let bots: Vec<_> =
        (0..120).map(|n| env.world().add_bot(&env.handle, &format!("Bot {n}"))).collect();
    let team = env.create_team("Robots", &env.people);
    for bot in &bots {
        env.world().add_to_team(team, *bot, MembershipRole::Member).unwrap();
    }
    env.let_pass(10 * MINUTE).await;
    assert_no_writes(&env);
    let preview = load_preview(&env, team).await;
    assert_eq!((preview.unresolved, preview.totals().excluded), (0, 120));
    // The next daily sync, which resolves everyone again, is over before.
    env.advance_clock(env.link_row(team).await.unwrap().next_sync_at.duration_since(env.now()));
    env.let_pass(10 * MINUTE).await;
    env.world().take_calls();
    env.world()
        .add_to_team(team, env.world().add_bot(&env.handle, "One more"), MembershipRole::Member)
        .unwrap();
    env.let_pass(10 * MINUTE).await;
    assert_eq!(load_preview(&env, team).await.totals().excluded, 121);
    let lookups = env.world().calls().iter().filter(|call| call.path.contains("/Users/")).count();
    assert_eq!(lookups, 1, "only who is new");
    assert_no_writes(&env);
}
