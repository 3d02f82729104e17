//! A link ends only if two kinds of calls agree for three hours, and has a way back.

use domain::ids::{GroupId, TeamId};
use engine::decision::Decider;
use engine::link::{self, Ended, FailureKind, Phase, Unlinked};
use engine::notify::{self, AlertMessage};
use sim::{Fault, MembershipRole, Service};
use store::message::Trigger;

use crate::support::{DAY, MINUTE, TwoTenants};

const HOUR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Returns a settled team with its group, and another team that goes on answering.
async fn with_team() -> (TwoTenants, TeamId, GroupId) {
    let mut env = TwoTenants::with_people(6).await;
    let team = env.create_team("Lost", &env.people[..4]);
    env.create_team("Witness", &env.people[..4]);
    env.let_pass(HOUR).await;
    let group = env.link_row(team).await.unwrap().link.group().unwrap();
    (env, team, group)
}

/// Lets Webex answer that the team does not exist, and that its space has no memberships.
fn hide_team(env: &TwoTenants, team: TeamId) {
    hide_team_object(env, team);
    let room = env.world().room_id(team.general_space());
    let path = format!("/memberships?roomId={room}");
    env.world().inject(Fault::status(404).on(Service::Webex).path(&path).times(u32::MAX));
}

fn hide_team_object(env: &TwoTenants, team: TeamId) {
    let path = format!("/teams/{}", env.world().team_id(team));
    env.world().inject(Fault::status(404).on(Service::Webex).path(&path).times(u32::MAX));
}

/// Lets Graph answer that nothing under this path of a group exists.
fn hide_group(env: &TwoTenants, path: &str) {
    let code = "Request_ResourceNotFound";
    env.world().inject(Fault::batch_item(404, code).path(path).times(u32::MAX));
    env.world().inject(Fault::status(404).on(Service::Graph).path(path).times(u32::MAX));
}

async fn phase(env: &TwoTenants, team: TeamId) -> Phase {
    env.link_row(team).await.unwrap().link.phase
}

async fn assert_linked(env: &TwoTenants, team: TeamId, group: GroupId) {
    assert_eq!(phase(env, team).await, Phase::Linked { group });
    let row = env.link_row(team).await.unwrap();
    assert_eq!(row.link.failure, None);
    env.assert_team_matches(team, &env.world().group(group).unwrap());
}

async fn claims(env: &TwoTenants, group: GroupId) -> usize {
    link::claims(env.store(), env.handle.directory, [group]).await.unwrap().len()
}

/// Returns the alerts about conditions, which what the test decides is none of.
async fn alerts(env: &TwoTenants) -> Vec<AlertMessage> {
    let conditions = notify::except_suspension(env.store(), env.tenant()).await.unwrap();
    conditions.into_iter().map(|alert| alert.message).collect()
}

#[tokio::test]
async fn team_that_lists_its_people_does_not_end() {
    for is_member in [true, false] {
        let (mut env, team, group) = with_team().await;
        if !is_member {
            env.world().remove_from_team(team, env.handle.service_account).unwrap();
            env.let_pass(5 * MINUTE).await;
        }
        hide_team_object(&env, team);
        env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
        env.let_pass(8 * HOUR).await;
        let members = env.world().group(group).unwrap().members;
        assert!(members.contains(&env.people[4].object), "people go on");
        let link = env.link_row(team).await.unwrap().link;
        assert_eq!(link.phase, Phase::Linked { group });
        assert_eq!(link.failure.unwrap().kind(), FailureKind::Contradicted);
        let messages = alerts(&env).await;
        assert!(
            messages.iter().any(|one| matches!(one, AlertMessage::LinkFailing { .. })),
            "{messages:?}"
        );
        env.world().clear_faults();
        env.let_pass(2 * HOUR).await;
        assert_linked(&env, team, group).await;
    }
}

#[tokio::test]
async fn group_that_lists_its_people_does_not_end() {
    let (mut env, team, group) = with_team().await;
    hide_group(&env, &format!("/groups/{group}?"));
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(8 * HOUR).await;
    assert!(env.world().group(group).unwrap().members.contains(&env.people[4].object));
    let link = env.link_row(team).await.unwrap().link;
    assert_eq!(link.failure.unwrap().kind(), FailureKind::Contradicted);
    env.world().clear_faults();
    env.let_pass(2 * HOUR).await;
    assert_linked(&env, team, group).await;
}

#[tokio::test]
async fn an_answer_starts_the_three_hours_again() {
    let (mut env, team, group) = with_team().await;
    hide_team(&env, team);
    env.request_sync(team, Trigger::WebexWebhook).await;
    env.let_pass(HOUR * 2 + 50 * MINUTE).await;
    assert_eq!(phase(&env, team).await, Phase::Linked { group });
    env.world().clear_faults();
    env.request_sync(team, Trigger::WebexWebhook).await;
    env.let_pass(2 * MINUTE).await;
    assert_linked(&env, team, group).await;
    hide_team(&env, team);
    env.request_sync(team, Trigger::WebexWebhook).await;
    env.let_pass(HOUR * 2 + 50 * MINUTE).await;
    assert_eq!(phase(&env, team).await, Phase::Linked { group }, "counted from the last answer");
    env.let_pass(2 * HOUR).await;
    assert!(matches!(phase(&env, team).await, Phase::Ended { why: Ended::TeamDeleted, .. }));
}

#[tokio::test]
async fn lost_team_comes_back_with_its_baselines() {
    let (mut env, team, group) = with_team().await;
    hide_team(&env, team);
    env.request_sync(team, Trigger::WebexWebhook).await;
    env.let_pass(5 * HOUR).await;
    assert!(matches!(phase(&env, team).await, Phase::Ended { why: Ended::TeamDeleted, .. }));
    assert!(alerts(&env).await.contains(&AlertMessage::TeamDeleted { team: "Lost".into() }));
    assert_eq!(claims(&env, group).await, 1, "no other team gets the group");
    // Meanwhile people act on both sides.
    env.world().remove_from_team(team, env.people[3].person).unwrap();
    env.world().add_member(group, env.people[5].object);
    env.let_pass(DAY).await;
    assert!(env.world().group(group).unwrap().members.contains(&env.people[3].object));
    env.world().clear_faults();
    env.let_pass(DAY + HOUR).await;
    assert_linked(&env, team, group).await;
    let members = env.world().group(group).unwrap().members;
    assert!(!members.contains(&env.people[3].object) && members.contains(&env.people[5].object));
    assert_eq!(env.world().groups(env.handle.directory).len(), 2, "no second group");
    let messages = alerts(&env).await;
    assert_eq!(messages, [AlertMessage::LinkReturned { team: "Lost".into() }]);
    env.let_pass(2 * DAY).await;
    assert_eq!(alerts(&env).await, []);
}

#[tokio::test]
async fn lost_group_comes_back() {
    let (mut env, team, group) = with_team().await;
    hide_group(&env, &format!("/groups/{group}"));
    env.notify_change(group).await;
    env.let_pass(5 * HOUR).await;
    assert!(matches!(phase(&env, team).await, Phase::Ended { why: Ended::GroupDeleted, .. }));
    assert_eq!(env.world().team(team).unwrap().people.len(), 4 + 1, "the team is left alone");
    env.world().clear_faults();
    env.let_pass(DAY + HOUR).await;
    assert_linked(&env, team, group).await;
}

#[tokio::test]
async fn way_back_ends_after_30_days() {
    let (mut env, team, group) = with_team().await;
    env.world().delete_team(team);
    env.request_sync(team, Trigger::WebexWebhook).await;
    env.let_pass(5 * HOUR).await;
    let asked = format!("/v1/teams/{}", env.world().team_id(team));
    env.world().take_calls();
    env.let_pass(3 * DAY).await;
    let calls = env.world().take_calls();
    assert_eq!(calls.iter().filter(|call| call.path == asked).count(), 3, "once a day");
    env.advance_clock(27 * DAY);
    env.let_pass(DAY).await;
    assert!(env.link_row(team).await.unwrap().link.is_over());
    assert_eq!(claims(&env, group).await, 0, "the group is free");
    assert_eq!(alerts(&env).await, []);
    assert!(env.world().group(group).unwrap().deleted.is_none());
}

#[tokio::test]
async fn administrator_ends_the_way_back() {
    let (mut env, team, group) = with_team().await;
    env.world().delete_team(team);
    env.request_sync(team, Trigger::WebexWebhook).await;
    env.let_pass(5 * HOUR).await;
    assert_eq!(claims(&env, group).await, 1);
    for expected in [Unlinked::Done, Unlinked::Gone] {
        let (tenant, directory) = (env.tenant(), env.handle.directory);
        let by = Decider::operator(env.now());
        let done = link::unlink(env.store(), tenant, directory, team, by).await;
        assert_eq!(done, Ok(expected));
    }
    assert_eq!(claims(&env, group).await, 0);
    assert_eq!(alerts(&env).await, []);
}
