//! Changes that a cycle finds without any event, from either side.

use std::time::Duration;

use engine::tenant::settings::{ServiceAccountMode, Settings};
use jiff::SignedDuration;
use sim::{Call, DeltaEnd, MembershipRole};

use super::{SIX_MINUTES, calls_to, lose_all_events};
use crate::support::{DAY, MINUTE, PROVED, TwoTenants, every_team};

#[tokio::test]
async fn changes_apply_within_minutes_without_events() {
    let mut env = TwoTenants::with_people(6).await;
    lose_all_events(&env);
    let team = env.create_team("Silent", &env.people[..4]);
    env.let_pass(2 * MINUTE).await;
    env.assert_in_sync(team);
    // No one leaves the team because of a group that is still new.
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env.group();
    env.world().add_member(group, env.people[4].object);
    env.world().remove_member(group, env.people[1].object);
    env.let_pass(SIX_MINUTES + PROVED).await;
    env.assert_in_sync(team);
    assert!(env.world().team(team).unwrap().people.contains_key(&env.people[4].person));
    env.world().add_to_team(team, env.people[5].person, MembershipRole::Moderator).unwrap();
    env.let_pass(2 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn notification_applies_group_changes_within_seconds() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Quick", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    env.advance_clock(MINUTE / 60);
    env.world().add_member(env.group().0, env.people[3].object);
    env.let_pass(MINUTE / 4).await;
    env.assert_in_sync(team);
}

async fn assert_expired_delta_link_is_replaced(end: DeltaEnd) {
    let mut env = TwoTenants::with_people(5).await;
    lose_all_events(&env);
    let team = env.create_team("Paused", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    env.world().graph_settings(|settings| {
        settings.delta_end = end;
        settings.delta_life = Duration::from_secs(20 * 60);
    });
    // The daily sync would find it too, but is hours away.
    while env.link_row(team).await.unwrap().next_sync_at < env.now() + 180 * MINUTE {
        env.let_pass(60 * MINUTE).await;
    }
    env.world().add_member(env.group().0, env.people[4].object);
    env.advance_clock(30 * MINUTE);
    env.world().take_calls();
    env.let_pass(SIX_MINUTES).await;
    env.assert_in_sync(team);
    let calls = env.world().take_calls();
    let refused =
        calls_to(&calls, "/v1.0/groups/delta").filter(|call| call.status != Some(200)).count();
    assert!(refused > 0, "the link was refused");
    let restarts = calls_to(&calls, "/v1.0/groups/delta")
        .filter(|call| call.path.contains("$deltatoken=latest"))
        .count();
    assert_eq!(restarts, 2, "once for each tenant");
}

#[tokio::test]
async fn unsupported_delta_link_syncs_every_team() {
    assert_expired_delta_link_is_replaced(DeltaEnd::UnsupportedQuery).await;
}

#[tokio::test]
async fn expired_delta_link_syncs_every_team() {
    assert_expired_delta_link_is_replaced(DeltaEnd::Gone).await;
}

#[tokio::test]
async fn delta_of_many_pages_is_read_to_the_end() {
    let mut env = TwoTenants::with_people(5).await;
    lose_all_events(&env);
    let team = env.create_team("Paged", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    env.world().graph_settings(|settings| settings.delta_page = 1);
    for n in 0..12 {
        env.world().create_group(env.people[0].object, &format!("Not ours {n}"));
    }
    let (group, _) = env
        .world()
        .groups(env.handle.directory)
        .into_iter()
        .find(|(_, g)| g.display_name == "Paged")
        .unwrap();
    env.world().add_member(group, env.people[4].object);
    env.let_pass(SIX_MINUTES).await;
    let group = env.world().group(group).unwrap();
    env.assert_team_matches(team, &group);
}

#[tokio::test]
async fn only_a_moved_space_is_resolved_again() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("LocalStack", &env.people[..2]);
    let room = env.world().create_room(env.people[0].person, "Attic", None);
    env.let_pass(20 * MINUTE).await;
    let path = format!("/v1/rooms/{}", env.world().room_id(room));
    let asked = |calls: &[Call]| calls_to(calls, &path).filter(|call| call.method == "GET").count();
    assert_eq!(asked(&env.world().take_calls()), 1, "resolved once");
    env.world().add_to_room(room, env.people[2].person, MembershipRole::Member).unwrap();
    env.let_pass(SIX_MINUTES).await;
    assert_eq!(asked(&env.world().take_calls()), 0, "and remembered");
    env.world().move_room(room, team).unwrap();
    env.let_pass(SIX_MINUTES).await;
    assert_eq!(asked(&env.world().take_calls()), 1, "noticed");
    env.advance_clock(8 * DAY);
    env.world().add_to_room(room, env.people[3].person, MembershipRole::Member).ok();
    env.let_pass(SIX_MINUTES).await;
    assert!(asked(&env.world().take_calls()) <= 1);
}

#[tokio::test]
async fn newly_eligible_people_are_synced_within_minutes() {
    let mut env = TwoTenants::with_people(3).await;
    let pending = [
        env.world().add_pending(&env.handle, "In the team"),
        env.world().add_pending(&env.handle, "In the group"),
    ];
    let team = env.create_team("Starters", &env.people);
    env.world().add_to_team(team, pending[0].person, MembershipRole::Member).unwrap();
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env.group();
    env.world().add_member(group, pending[1].object);
    env.let_pass(20 * MINUTE).await;
    assert_eq!(env.excluded(team).await.len(), 2);
    pending.iter().for_each(|one| env.world().activate(one.person));
    env.let_pass(SIX_MINUTES).await;
    env.people.extend(pending);
    env.assert_in_sync(team);
    assert_eq!(env.excluded(team).await.len(), 0);
}

#[tokio::test]
async fn random_day_with_lost_events_ends_equal() {
    for service_account_mode in [ServiceAccountMode::Member, ServiceAccountMode::Observer] {
        for (lost, doubled) in [(100, 0), (50, 50)] {
            let mut env =
                TwoTenants::with_settings(12, Settings { service_account_mode, ..every_team() })
                    .await;
            env.world().webex_settings(|settings| {
                (settings.deliveries_lost, settings.deliveries_doubled) = (lost, doubled);
                settings.delivery_jitter = Duration::from_secs(600);
                settings.event_delay = Duration::from_secs(30);
            });
            env.world().graph_settings(|settings| {
                settings.notifications_lost = lost;
                settings.notification_jitter = Duration::from_secs(600);
                settings.replica_lag = Duration::from_secs(120);
            });
            let mut random = fastrand::Rng::with_seed(u64::from(lost) + 7);
            let team = env.create_team("A day", &env.people[..6]);
            env.let_pass(40 * MINUTE).await;
            let (group, _) = env.group();
            for _ in 0..36 {
                let one = env.people[random.usize(1..12)];
                match random.u8(0..6) {
                    0 => env.world().add_member(group, one.object),
                    // An owner who leaves the group gives up ownership too.
                    1 if env.world().remove_owner(group, one.object).is_ok() => {
                        env.world().remove_member(group, one.object);
                    }
                    2 => _ = env.world().add_to_team(team, one.person, MembershipRole::Member),
                    3 => _ = env.world().remove_from_team(team, one.person),
                    4 => _ = env.world().promote(team, one.person),
                    5 => _ = env.world().demote(team, one.person),
                    _ => {}
                }
                env.let_pass(SignedDuration::from_mins(random.i64(1..60))).await;
            }
            env.let_pass(60 * MINUTE).await;
            env.approve_pending(team).await;
            env.let_pass(60 * MINUTE).await;
            env.assert_in_sync(team);
        }
    }
}
