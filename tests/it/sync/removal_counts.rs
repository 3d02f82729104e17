//! Counts against the removal limits: each removal once, nothing that never happened, and a
//! share of the people who are there.

use domain::ids::TeamId;
use domain::merge::ApprovalReason;
use engine::link::{FailureKind, FailureReason, Who};
use engine::safety::removal_counter::{self, RemovalPermit};
use engine::tenant::RemovalLimits;
use serde_json::json;
use sim::{Failure, Fault, MembershipRole, Service};

use crate::support::{DAY, MINUTE, TwoTenants};

/// Returns `true` if the tenant's limit permits so many more removals.
async fn has_room(env: &TwoTenants, people: usize) -> bool {
    let counter = removal_counter::load(env.store(), env.tenant(), env.now()).await.unwrap();
    let limit = RemovalLimits::default().per_tenant();
    counter.permits(people, limit) == RemovalPermit::Granted
}

async fn held(env: &TwoTenants, team: TeamId) -> Option<ApprovalReason> {
    env.link_row(team).await.unwrap().link.held
}

#[tokio::test]
async fn removal_that_fails_for_a_day_counts_once() {
    let mut env = TwoTenants::with_people(12).await;
    let team = env.create_team("Stuck", &env.people);
    env.let_pass(60 * MINUTE).await;
    let fault = Fault::status(503).on(Service::Graph).method("DELETE").path("/members/");
    env.world().inject(fault.times(u32::MAX));
    env.world().remove_from_team(team, env.people[11].person).unwrap();
    env.let_pass(DAY - 120 * MINUTE).await;
    assert!(has_room(&env, 49).await && !has_room(&env, 50).await, "one of fifty is counted");
    assert_eq!(held(&env, team).await, None);

    env.world().clear_faults();
    env.let_pass(2 * DAY).await;
    assert_eq!(held(&env, team).await, None);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn removal_that_never_happens_is_given_back() {
    let mut env = TwoTenants::with_people(12).await;
    let team = env.create_team("Refused", &env.people);
    env.let_pass(60 * MINUTE).await;
    let refused = json!({ "error": { "code": "Authorization_RequestDenied", "message": "no" } });
    let fault = Fault::new(Failure::Status(403, vec![], refused));
    let fault = fault.on(Service::Graph).method("DELETE").path("/members/");
    env.world().inject(fault.times(u32::MAX));
    env.world().remove_from_team(team, env.people[11].person).unwrap();
    env.let_pass(30 * MINUTE).await;
    assert!(has_room(&env, 50).await, "nothing was removed, and nothing is counted");
    env.assert_clean();
}

#[tokio::test]
async fn outage_leaves_the_limit_of_the_tenant() {
    let mut env = TwoTenants::with_people(40).await;
    let team = env.create_team("Outage", &env.people);
    env.let_pass(60 * MINUTE).await;
    let fault = Fault::status(503).on(Service::Graph).method("DELETE");
    env.world().inject(fault.times(u32::MAX));
    for person in &env.people[34..] {
        env.world().remove_from_team(team, person.person).unwrap();
    }
    env.let_pass(12 * 60 * MINUTE).await;
    env.world().clear_faults();
    env.let_pass(DAY).await;
    assert_eq!(held(&env, team).await, None);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn limit_is_a_share_of_those_who_are_there() {
    let mut env = TwoTenants::with_people(60).await;
    let team = env.create_team("Churn", &env.people[..20]);
    env.let_pass(60 * MINUTE).await;
    // Four come and four go each day.
    for day in 0..10 {
        for n in 0..4 {
            let (goes, comes) = (&env.people[4 * day + n], &env.people[20 + 4 * day + n]);
            env.world().add_to_team(team, comes.person, MembershipRole::Member).unwrap();
            if 4 * day + n > 0 {
                env.world().remove_from_team(team, goes.person).unwrap();
            }
        }
        // A removal counts from when it is proved.
        env.let_pass(DAY + 10 * MINUTE).await;
    }
    env.let_pass(2 * DAY).await;
    let there = env.world().team(team).unwrap().people.len() - 1;
    let people = env.people_on_link(team).await;
    let pairs = people.keys().filter(|who| matches!(who, Who::Person(_))).count();
    assert_eq!(pairs, there, "no one is stored who left days ago");
    assert_eq!(env.link_row(team).await.unwrap().link.counts.eligible, there);

    let (group, members) = env.group();
    for object in members.members.iter().filter(|one| !members.owners.contains(one)).take(12) {
        env.world().remove_member(group, *object);
    }
    env.notify_change_and_wait(group).await;
    env.let_pass(30 * MINUTE).await;
    assert_eq!(held(&env, team).await, Some(ApprovalReason::LinkLimit));
    assert_eq!(env.world().team(team).unwrap().people.len() - 1, there, "no one is removed");
}

#[tokio::test]
async fn ended_link_has_no_memberships() {
    let mut env = TwoTenants::with_people(30).await;
    let team = env.create_team("Ends", &env.people);
    let row = async |env: &TwoTenants| env.link_row(team).await.unwrap();
    env.let_pass(60 * MINUTE).await;
    assert_eq!(row(&env).await.memberships, Some(30));
    let ended = engine::link::unlink(
        env.store(),
        env.tenant(),
        env.handle.directory,
        team,
        engine::decision::Decider::operator(env.now()),
    );
    ended.await.unwrap();
    assert_eq!(row(&env).await.memberships, Some(0));
    env.assert_clean();
}

#[tokio::test]
async fn group_whose_restoration_fails_counts_once() {
    let mut env = TwoTenants::with_people(4).await;
    for n in 0..3 {
        env.create_team(&format!("Team {n}"), &env.people);
    }
    env.let_pass(60 * MINUTE).await;
    let groups: Vec<_> = env.world().groups(env.handle.directory).into_keys().collect();
    let fault = Fault::status(500).on(Service::Graph).method("POST").path("/restore");
    env.world().inject(fault.times(u32::MAX));
    env.world().delete_group(groups[0]);
    env.notify_change(groups[0]).await;
    env.let_pass(30 * MINUTE).await;
    env.world().clear_faults();
    for group in &groups[1..] {
        env.world().delete_group(*group);
        env.notify_change(*group).await;
    }
    env.let_pass(180 * MINUTE).await;
    let is_back = |group| env.world().group(group).unwrap().deleted.is_none();
    assert!(groups.iter().all(|group| is_back(*group)), "all three are restored");
    env.assert_clean();
}

#[tokio::test]
async fn conflict_without_a_membership_is_a_refusal() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Conflict", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    let refused = json!({ "message": "The rules of this organization forbid it." });
    let fault = Fault::new(Failure::Status(409, vec![], refused));
    let fault = fault.on(Service::Webex).method("POST").path("/memberships");
    env.world().inject(fault.times(u32::MAX));
    let (group, _) = env.group();
    env.world().add_member(group, env.people[4].object);
    env.notify_change(group).await;
    env.world().take_calls();
    env.let_pass(6 * 60 * MINUTE).await;
    let calls = env.world().take_calls();
    let tries = calls.iter().filter(|call| call.method == "POST" && call.status == Some(409));
    assert!(tries.count() <= 4, "it is not tried again and again");
    let people = env.people_on_link(team).await;
    let deferred = people.values().find_map(|one| one.state.deferred.presence.clone()).unwrap();
    assert!(format!("{:?}", deferred.by).contains("forbid"), "{deferred:?}");
    assert_eq!(env.link_row(team).await.unwrap().link.failure, None);
    env.assert_clean();
}

#[tokio::test]
async fn run_without_progress_is_reported_within_the_hour() {
    let mut env = TwoTenants::with_people(80).await;
    let team = env.create_team("Unproven", &env.people);
    env.let_pass(60 * MINUTE).await;
    let (group, _) = env.group();
    for person in &env.people[5..75] {
        env.world().remove_member(group, person.object);
    }
    env.notify_change(group).await;
    env.let_pass(30 * MINUTE).await;
    // More than a portion, and no proof can be had for any of it.
    let fault = Fault::status(403).on(Service::Graph).method("GET").path("/users/");
    env.world().inject(fault.times(u32::MAX));
    env.approve_pending(team).await;
    env.let_pass(65 * MINUTE).await;
    let link = env.link_row(team).await.unwrap().link;
    let failure = link.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::NoProgress);
    assert!(failure.tries <= 12, "{failure:?}");
    assert!(matches!(failure.reason, FailureReason::NoProgress { said: Some(_), .. }));
    assert!(!link.alerts.is_empty(), "an administrator is told within the hour");
}
