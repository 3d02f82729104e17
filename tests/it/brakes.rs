//! What looks like a disaster waits for a person; and nobody is ever the last to go.

use std::collections::BTreeSet;

use domain::ids::{GroupId, TeamId};
use domain::membership::Side;
use domain::merge::{HeldFor, OwedTo, Refusal};
use engine::link::{OnLink, State};
use engine::safety::pending_approval::{self, Decision, HeldPlan};
use engine::tenant::{BrakeLimits, Settings};
use sandbox::{Person, Role};
use store::message::Cause;

use crate::town::{DAY, MINUTE, Town, every_team};

/// A team of 31, of which seven were removed from the group, and one more was added: the limit is six.
pub(crate) async fn after_a_disaster() -> (Town, TeamId, GroupId) {
    let mut town = Town::of(40).await;
    let team = town.create_team("Brake", &town.people[..31]);
    town.let_pass(30 * MINUTE).await;
    let (group, _) = town.group();
    for person in &town.people[10..17] {
        town.world().remove_member(group, person.object);
    }
    town.world().add_member(group, town.people[35].object);
    town.world().add_owner(group, town.people[2].object);
    town.notify_and_wait(group).await;
    (town, team, group)
}

pub(crate) fn are_in_team(town: &Town, team: TeamId, people: &[Person]) -> usize {
    let there = town.world().team(team).unwrap().people;
    people.iter().filter(|person| there.contains_key(&person.person)).count()
}

async fn plan(town: &Town, team: TeamId) -> Option<HeldPlan> {
    pending_approval::load(town.store(), town.tenant(), team).await.unwrap()
}

async fn decide(town: &Town, team: TeamId, plan: &HeldPlan, decision: Decision) {
    pending_approval::decide(town.store(), town.tenant(), team, &plan.hash(), decision).await.unwrap();
    town.ask(team, Cause::Administrator).await;
}

#[tokio::test]
async fn too_many_removals_are_held_while_additions_and_promotions_go_on() {
    let (mut town, team, group) = after_a_disaster().await;
    assert_eq!(are_in_team(&town, team, &town.people[10..17]), 7, "nobody is removed");
    assert_eq!(are_in_team(&town, team, &town.people[35..36]), 1, "the addition went on");
    assert_eq!(town.world().team(team).unwrap().people[&town.people[2].person], Role::Moderator, "the promotion, too");
    let held = plan(&town, team).await.unwrap();
    assert_eq!((held.why, held.removals.len()), (HeldFor::LinkLimit, 7));
    assert!(held.removals.iter().all(|removal| removal.side == Side::Team));
    assert_eq!(town.kept(team).await.unwrap().link.state(), State::Held);

    town.world().add_member(group, town.people[36].object);
    town.notify(group).await;
    town.let_pass(10 * DAY).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..17]), 7, "time alone removes nobody");
    assert_eq!(are_in_team(&town, team, &town.people[36..37]), 1);
    town.assert_clean();
}

#[tokio::test]
async fn while_a_plan_is_held_the_link_removes_nobody_on_either_side() {
    let (mut town, team, _) = after_a_disaster().await;
    town.world().remove_from_team(team, town.people[20].person).unwrap();
    town.let_pass(DAY).await;
    assert!(town.group().1.members.contains(&town.people[20].object));
    assert_eq!(plan(&town, team).await.unwrap().removals.len(), 8, "it is shown with the others");
    town.assert_clean();
}

#[tokio::test]
async fn an_applied_plan_removes_exactly_those_who_are_not_back() {
    let (mut town, team, group) = after_a_disaster().await;
    let held = plan(&town, team).await.unwrap();
    town.world().add_member(group, town.people[10].object);
    town.world().take_calls();
    decide(&town, team, &held, Decision::Apply).await;
    town.let_pass(30 * MINUTE).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..11]), 1, "who is back stays");
    let removals = town.world().calls().iter().filter(|call| call.method == "DELETE").count();
    assert_eq!(removals, 6, "and was never removed");
    assert_eq!(are_in_team(&town, team, &town.people[11..17]), 0, "the rest is removed");
    assert_eq!(plan(&town, team).await, None);
    assert_eq!(town.kept(team).await.unwrap().link.state(), State::Active);
    assert_eq!(town.kept(team).await.unwrap().link.removed_lately(town.now()), 0, "an applied plan does not count");
    town.let_pass(DAY).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn if_more_are_missing_the_new_plan_is_shown_instead() {
    let (mut town, team, group) = after_a_disaster().await;
    let held = plan(&town, team).await.unwrap();
    town.world().remove_member(group, town.people[17].object);
    town.notify_and_wait(group).await;
    let decided = pending_approval::decide(town.store(), town.tenant(), team, &held.hash(), Decision::Apply).await;
    assert!(decided.is_err(), "that plan is not the one that waits");
    let newer = plan(&town, team).await.unwrap();
    assert_eq!(newer.removals.len(), 8);
    decide(&town, team, &newer, Decision::Apply).await;
    town.let_pass(DAY).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn who_went_missing_after_a_plan_was_applied_waits_for_another_decision() {
    let (mut town, team, group) = after_a_disaster().await;
    let held = plan(&town, team).await.unwrap();
    town.world().remove_member(group, town.people[17].object);
    decide(&town, team, &held, Decision::Apply).await;
    town.let_pass(30 * MINUTE).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..17]), 0, "what was applied is done");
    assert_eq!(are_in_team(&town, team, &town.people[17..18]), 1);
    let left: Vec<_> =
        plan(&town, team).await.unwrap().removals.into_iter().map(|removal| removal.person.object).collect();
    assert_eq!(left, [town.people[17].object]);
    town.assert_clean();
}

#[tokio::test]
async fn a_discarded_plan_puts_people_back_where_they_vanished() {
    let (mut town, team, _) = after_a_disaster().await;
    let held = plan(&town, team).await.unwrap();
    decide(&town, team, &held, Decision::Discard).await;
    town.let_pass(30 * MINUTE).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..17]), 7);
    let members = town.group().1.members;
    assert!(town.people[10..17].iter().all(|person| members.contains(&person.object)), "back in the group");
    assert_eq!(plan(&town, team).await, None);
    town.let_pass(DAY).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn everybody_at_once_is_held_however_few_they_are() {
    let mut town = Town::of(3).await;
    let team = town.create_team("Small", &town.people);
    town.let_pass(30 * MINUTE).await;
    // The officer is a moderator, so that the last human one can go, too.
    for person in town.people.iter().rev() {
        town.world().remove_from_team(team, person.person).unwrap();
    }
    town.let_pass(DAY).await;
    assert_eq!(town.group().1.members.len(), 3);
    assert_eq!(town.kept(team).await.unwrap().link.held, Some(HeldFor::Everybody));
    town.assert_clean();
}

#[tokio::test]
async fn removals_in_many_teams_are_held_by_the_tenants_brake() {
    let mut town = Town::of(16).await;
    let mut teams = vec![];
    for n in 0..12 {
        teams.push(town.create_team(&format!("Team {n:02}"), &town.people));
    }
    town.let_pass(30 * MINUTE).await;
    for team in &teams {
        for person in &town.people[11..] {
            town.world().remove_from_team(*team, person.person).unwrap();
        }
    }
    town.let_pass(30 * MINUTE).await;
    let groups = town.world().groups(town.handle.directory);
    let missing: usize = groups.values().map(|group| 16 - group.members.len()).sum();
    assert_eq!(missing, 50, "ten teams with five each: the tenant's limit");
    let mut held = vec![];
    for team in teams {
        held.extend(town.kept(team).await.unwrap().link.held);
    }
    assert_eq!(held, [HeldFor::TenantLimit; 2]);
    town.assert_clean();
}

#[tokio::test]
async fn the_last_owner_is_kept_and_the_demotion_owed() {
    let mut town = Town::of(4).await;
    let boss = town.world().add_webex_only(&town.handle, "Boss");
    let team = town.create_team("Owners", &town.people);
    town.let_pass(30 * MINUTE).await;
    town.world().add_to_team(team, boss, Role::Moderator).unwrap();
    town.world().demote(team, town.people[0].person).unwrap();
    town.let_pass(30 * MINUTE).await;
    assert_eq!(town.group().1.owners, [town.people[0].object].into(), "the last owner stays");
    let owed: Vec<OwedTo> = town.on_link(team).await.into_values().filter_map(role_owed).collect();
    assert_eq!(owed, [OwedTo::Rule { refusal: Refusal::LastOwner }]);

    town.world().promote(team, town.people[1].person).unwrap();
    town.let_pass(5 * MINUTE).await;
    let owners: BTreeSet<_> = [town.people[1].object].into();
    assert_eq!(town.group().1.owners, owners, "with another owner the demotion is made");
    town.assert_clean();
}

fn role_owed(on_link: OnLink) -> Option<OwedTo> {
    on_link.memory.owed.role.map(|owed| owed.by)
}

/// A team of 31, with other limits; `gone` of them are removed from the group.
async fn with_limits(brake: BrakeLimits, gone: usize) -> (Town, TeamId) {
    let mut town = Town::with(31, Settings { brake, ..every_team() }).await;
    let team = town.create_team("Brake", &town.people);
    town.let_pass(30 * MINUTE).await;
    let (group, _) = town.group();
    for person in &town.people[10..10 + gone] {
        town.world().remove_member(group, person.object);
    }
    town.notify_and_wait(group).await;
    (town, team)
}

async fn held_for(town: &Town, team: TeamId) -> Option<HeldFor> {
    town.kept(team).await.unwrap().link.held
}

#[tokio::test]
async fn the_links_limit_is_the_one_that_the_tenant_chose() {
    let wide = BrakeLimits { link_people: 8, ..BrakeLimits::default() };
    let (town, team) = with_limits(wide, 8).await;
    assert_eq!((are_in_team(&town, team, &town.people[10..18]), held_for(&town, team).await), (0, None));
    let (town, team) = with_limits(wide, 9).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..19]), 9);
    assert_eq!(held_for(&town, team).await, Some(HeldFor::LinkLimit));

    let share = BrakeLimits { link_percent: 30, ..BrakeLimits::default() };
    let (town, team) = with_limits(share, 9).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..19]), 0, "30 percent of 31 are nine");
}

#[tokio::test]
async fn the_tenants_limit_is_the_one_that_the_tenant_chose() {
    let tight = BrakeLimits { tenant_people: 2, tenant_percent: 7, ..BrakeLimits::default() };
    let (town, team) = with_limits(tight, 2).await;
    assert_eq!((are_in_team(&town, team, &town.people[10..12]), held_for(&town, team).await), (0, None));
    let (town, team) = with_limits(tight, 3).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..13]), 3);
    assert_eq!(held_for(&town, team).await, Some(HeldFor::TenantLimit));
}

#[tokio::test]
async fn limits_of_nobody_hold_every_removal() {
    let none = BrakeLimits { link_people: 0, link_percent: 0, ..BrakeLimits::default() };
    let (town, team) = with_limits(none, 1).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..11]), 1);
    assert_eq!(held_for(&town, team).await, Some(HeldFor::LinkLimit));
    let none = BrakeLimits { tenant_people: 0, tenant_percent: 0, ..BrakeLimits::default() };
    let (mut town, team) = with_limits(none, 1).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..11]), 1);
    assert_eq!(held_for(&town, team).await, Some(HeldFor::TenantLimit));

    let held = plan(&town, team).await.unwrap();
    decide(&town, team, &held, Decision::Apply).await;
    town.let_pass(5 * MINUTE).await;
    assert_eq!(are_in_team(&town, team, &town.people[10..11]), 0, "an administrator's word goes beyond every limit");
    town.assert_clean();
}
