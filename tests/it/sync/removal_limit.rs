//! Removal limits: too many removals wait for an admin, and the last owner stays.

use std::collections::BTreeSet;

use domain::ids::{GroupId, TeamId};
use domain::membership::Side;
use domain::merge::{ApprovalReason, DeferredBy, RuleRefusal};
use engine::decision::Decider;
use engine::link::{LinkPerson, LinkState};
use engine::safety::pending_approval::{self, ApprovalDecision, PendingApproval};
use engine::tenant::{RemovalLimits, Settings};
use sim::{MembershipRole, Person};
use store::message::Trigger;

use crate::support::{DAY, MINUTE, TwoTenants, every_team};

/// Returns a team of 31; seven were removed from the group and one was added. The limit is six.
pub(crate) async fn after_mass_removal() -> (TwoTenants, TeamId, GroupId) {
    let mut env = TwoTenants::with_people(40).await;
    let team = env.create_team("Limit", &env.people[..31]);
    env.let_pass(30 * MINUTE).await;
    let (group, _) = env.group();
    for person in &env.people[10..17] {
        env.world().remove_member(group, person.object);
    }
    env.world().add_member(group, env.people[35].object);
    env.world().add_owner(group, env.people[2].object);
    env.notify_change_and_wait(group).await;
    (env, team, group)
}

pub(crate) fn count_in_team(env: &TwoTenants, team: TeamId, people: &[Person]) -> usize {
    let there = env.world().team(team).unwrap().people;
    people.iter().filter(|person| there.contains_key(&person.person)).count()
}

async fn load_pending(env: &TwoTenants, team: TeamId) -> Option<PendingApproval> {
    pending_approval::load(env.store(), env.tenant(), team).await.unwrap()
}

async fn decide(
    env: &TwoTenants,
    team: TeamId,
    plan: &PendingApproval,
    decision: ApprovalDecision,
) {
    let by = Decider::operator(env.now());
    pending_approval::decide(env.store(), env.tenant(), team, &plan.hash(), decision, by)
        .await
        .unwrap();
    env.request_sync(team, Trigger::Administrator).await;
}

#[tokio::test]
async fn removals_wait_while_additions_and_promotions_apply() {
    let (mut env, team, group) = after_mass_removal().await;
    assert_eq!(count_in_team(&env, team, &env.people[10..17]), 7, "no one is removed");
    assert_eq!(count_in_team(&env, team, &env.people[35..36]), 1, "the addition went on");
    assert_eq!(
        env.world().team(team).unwrap().people[&env.people[2].person],
        MembershipRole::Moderator,
        "the promotion, too"
    );
    let held = load_pending(&env, team).await.unwrap();
    assert_eq!((held.why, held.removals.len()), (ApprovalReason::LinkLimit, 7));
    assert!(held.removals.iter().all(|removal| removal.side == Side::Team));
    assert_eq!(env.link_row(team).await.unwrap().link.state(), LinkState::PendingApproval);

    env.world().add_member(group, env.people[36].object);
    env.notify_change(group).await;
    env.let_pass(10 * DAY).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..17]), 7, "time alone removes no one");
    assert_eq!(count_in_team(&env, team, &env.people[36..37]), 1);
    env.assert_clean();
}

#[tokio::test]
async fn pending_approval_blocks_removals_on_both_sides() {
    let (mut env, team, _) = after_mass_removal().await;
    env.world().remove_from_team(team, env.people[20].person).unwrap();
    env.let_pass(DAY).await;
    assert!(env.group().1.members.contains(&env.people[20].object));
    assert_eq!(
        load_pending(&env, team).await.unwrap().removals.len(),
        8,
        "it is shown with the others"
    );
    env.assert_clean();
}

#[tokio::test]
async fn approved_plan_removes_only_people_still_missing() {
    let (mut env, team, group) = after_mass_removal().await;
    let held = load_pending(&env, team).await.unwrap();
    env.world().add_member(group, env.people[10].object);
    env.world().take_calls();
    decide(&env, team, &held, ApprovalDecision::Apply).await;
    env.let_pass(30 * MINUTE).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..11]), 1, "who is back stays");
    let removals = env.world().calls().iter().filter(|call| call.method == "DELETE").count();
    assert_eq!(removals, 6, "and was never removed");
    assert_eq!(count_in_team(&env, team, &env.people[11..17]), 0, "the rest is removed");
    assert_eq!(load_pending(&env, team).await, None);
    assert_eq!(env.link_row(team).await.unwrap().link.state(), LinkState::Active);
    let people = env.people_on_link(team).await;
    assert!(people.values().all(|one| one.counted.is_none()), "an applied plan does not count");
    env.let_pass(DAY).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn larger_plan_needs_a_new_decision() {
    let (mut env, team, group) = after_mass_removal().await;
    let held = load_pending(&env, team).await.unwrap();
    env.world().remove_member(group, env.people[17].object);
    env.notify_change_and_wait(group).await;
    let decided = pending_approval::decide(
        env.store(),
        env.tenant(),
        team,
        &held.hash(),
        ApprovalDecision::Apply,
        Decider::operator(env.now()),
    )
    .await;
    assert!(decided.is_err(), "that plan is not the one that waits");
    let newer = load_pending(&env, team).await.unwrap();
    assert_eq!(newer.removals.len(), 8);
    decide(&env, team, &newer, ApprovalDecision::Apply).await;
    env.let_pass(DAY).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn approval_covers_no_later_removal() {
    let (mut env, team, group) = after_mass_removal().await;
    let held = load_pending(&env, team).await.unwrap();
    env.world().remove_member(group, env.people[17].object);
    decide(&env, team, &held, ApprovalDecision::Apply).await;
    env.let_pass(2 * MINUTE).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..17]), 0, "what was applied is done");
    assert_eq!(count_in_team(&env, team, &env.people[17..18]), 1, "and nothing else");
    env.let_pass(30 * MINUTE).await;
    assert_eq!(count_in_team(&env, team, &env.people[17..18]), 0, "proved, and below the limit");
    let people = env.people_on_link(team).await;
    let counted = people.values().filter(|one| one.counted.is_some()).count();
    assert_eq!(counted, 1, "so it counts, unlike what was approved");
    env.assert_in_sync(team);
    env.assert_clean();
}

#[tokio::test]
async fn discarded_plan_restores_members() {
    let (mut env, team, _) = after_mass_removal().await;
    let held = load_pending(&env, team).await.unwrap();
    decide(&env, team, &held, ApprovalDecision::Discard).await;
    env.let_pass(30 * MINUTE).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..17]), 7);
    let members = env.group().1.members;
    assert!(
        env.people[10..17].iter().all(|person| members.contains(&person.object)),
        "back in the group"
    );
    assert_eq!(load_pending(&env, team).await, None);
    env.let_pass(DAY).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn removal_of_all_members_waits() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Small", &env.people);
    env.let_pass(30 * MINUTE).await;
    // The service account moderates, so the last human moderator can leave too.
    for person in env.people.iter().rev() {
        env.world().remove_from_team(team, person.person).unwrap();
    }
    env.let_pass(DAY).await;
    assert_eq!(env.group().1.members.len(), 3);
    assert_eq!(env.link_row(team).await.unwrap().link.held, Some(ApprovalReason::Everyone));
    env.assert_clean();
}

#[tokio::test]
async fn tenant_limit_counts_removals_of_many_teams() {
    let mut env = TwoTenants::with_people(16).await;
    let mut teams = vec![];
    for n in 0..12 {
        teams.push(env.create_team(&format!("Team {n:02}"), &env.people));
    }
    env.let_pass(30 * MINUTE).await;
    for team in &teams {
        for person in &env.people[11..] {
            env.world().remove_from_team(*team, person.person).unwrap();
        }
    }
    env.let_pass(30 * MINUTE).await;
    let groups = env.world().groups(env.handle.directory);
    let missing: usize = groups.values().map(|group| 16 - group.members.len()).sum();
    assert_eq!(missing, 50, "ten teams with five each: the tenant's limit");
    let mut held = vec![];
    for team in teams {
        held.extend(env.link_row(team).await.unwrap().link.held);
    }
    assert_eq!(held, [ApprovalReason::TenantLimit; 2]);
    env.assert_clean();
}

#[tokio::test]
async fn last_owner_stays_and_demotion_is_deferred() {
    let mut env = TwoTenants::with_people(4).await;
    let boss = env.world().add_webex_only(&env.handle, "Boss");
    let team = env.create_team("Owners", &env.people);
    env.let_pass(30 * MINUTE).await;
    env.world().add_to_team(team, boss, MembershipRole::Moderator).unwrap();
    env.world().demote(team, env.people[0].person).unwrap();
    env.let_pass(30 * MINUTE).await;
    assert_eq!(env.group().1.owners, [env.people[0].object].into(), "the last owner stays");
    let deferred: Vec<DeferredBy> =
        env.people_on_link(team).await.into_values().filter_map(deferred_role).collect();
    assert_eq!(deferred, [DeferredBy::Rule { refusal: RuleRefusal::LastOwner }]);

    env.world().promote(team, env.people[1].person).unwrap();
    env.let_pass(5 * MINUTE).await;
    let owners: BTreeSet<_> = [env.people[1].object].into();
    assert_eq!(env.group().1.owners, owners, "with another owner the demotion is made");
    env.assert_clean();
}

fn deferred_role(on_link: LinkPerson) -> Option<DeferredBy> {
    on_link.state.deferred.ownership.map(|deferred| deferred.by)
}

/// Returns a team of 31 with other limits; `gone` people are removed from the group.
async fn with_limits(removal_limits: RemovalLimits, gone: usize) -> (TwoTenants, TeamId) {
    let mut env = TwoTenants::with_settings(31, Settings { removal_limits, ..every_team() }).await;
    let team = env.create_team("Limit", &env.people);
    env.let_pass(30 * MINUTE).await;
    let (group, _) = env.group();
    for person in &env.people[10..10 + gone] {
        env.world().remove_member(group, person.object);
    }
    env.notify_change_and_wait(group).await;
    (env, team)
}

async fn held_reason(env: &TwoTenants, team: TeamId) -> Option<ApprovalReason> {
    env.link_row(team).await.unwrap().link.held
}

#[tokio::test]
async fn link_limit_comes_from_settings() {
    let wide = RemovalLimits { link_people: 8, ..RemovalLimits::default() };
    let (env, team) = with_limits(wide, 8).await;
    assert_eq!(
        (count_in_team(&env, team, &env.people[10..18]), held_reason(&env, team).await),
        (0, None)
    );
    let (env, team) = with_limits(wide, 9).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..19]), 9);
    assert_eq!(held_reason(&env, team).await, Some(ApprovalReason::LinkLimit));

    let share = RemovalLimits { link_percent: 30, ..RemovalLimits::default() };
    let (env, team) = with_limits(share, 9).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..19]), 0, "30 percent of 31 are nine");
}

#[tokio::test]
async fn tenant_limit_comes_from_settings() {
    let tight = RemovalLimits { tenant_people: 2, tenant_percent: 7, ..RemovalLimits::default() };
    let (env, team) = with_limits(tight, 2).await;
    assert_eq!(
        (count_in_team(&env, team, &env.people[10..12]), held_reason(&env, team).await),
        (0, None)
    );
    let (env, team) = with_limits(tight, 3).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..13]), 3);
    assert_eq!(held_reason(&env, team).await, Some(ApprovalReason::TenantLimit));
}

#[tokio::test]
async fn limit_of_zero_holds_every_removal() {
    let none = RemovalLimits { link_people: 0, link_percent: 0, ..RemovalLimits::default() };
    let (env, team) = with_limits(none, 1).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..11]), 1);
    assert_eq!(held_reason(&env, team).await, Some(ApprovalReason::LinkLimit));
    let none = RemovalLimits { tenant_people: 0, tenant_percent: 0, ..RemovalLimits::default() };
    let (mut env, team) = with_limits(none, 1).await;
    assert_eq!(count_in_team(&env, team, &env.people[10..11]), 1);
    assert_eq!(held_reason(&env, team).await, Some(ApprovalReason::TenantLimit));

    let held = load_pending(&env, team).await.unwrap();
    decide(&env, team, &held, ApprovalDecision::Apply).await;
    env.let_pass(5 * MINUTE).await;
    assert_eq!(
        count_in_team(&env, team, &env.people[10..11]),
        0,
        "an administrator's word goes beyond every limit"
    );
    env.assert_clean();
}
