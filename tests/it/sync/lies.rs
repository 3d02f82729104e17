//! Answers that are wrong: nothing irreversible follows from one, and nothing is tried for ever.

use domain::membership::Role;
use domain::merge::{DeferredBy, TRIES};
use engine::activity::{self, PersonChange};
use engine::codes::Refusal;
use engine::notify::LinkAlert;
use sim::{Fault, Kind, Lie, MembershipRole, Operation, Rows, Service};
use store::message::Trigger;

use crate::support::{DAY, MINUTE, PROVED, TwoTenants};

const HOUR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

fn short(service: Service) -> Fault {
    Fault::lie(Lie::RowsMissing(Rows::All)).on(service).operation(Operation::ListPeople)
}

async fn changes(env: &TwoTenants, team: domain::ids::TeamId) -> Vec<PersonChange> {
    let page = activity::page(env.store(), env.tenant(), team, 100, None).await.unwrap();
    page.0.into_iter().flat_map(|entry| entry.changes).collect()
}

/// A listing of the group lacks people once, while a person joins the team.
#[tokio::test]
async fn short_listing_of_the_group_removes_and_demotes_no_one() {
    for listings in [1, 2] {
        let mut env = TwoTenants::with_people(7).await;
        let team = env.create_team("Lighthouse", &env.people[..6]);
        env.world().promote(team, env.people[1].person).unwrap();
        env.let_pass(60 * MINUTE).await;
        let before = env.world().team(team).unwrap().people;
        // Some of the people, so that no removal limit is in the way.
        let some = env.people[1..4].iter().map(|person| person.object.0).collect();
        let lie = Lie::RowsMissing(Rows::Of(some));
        let fault = Fault::lie(lie).on(Service::Graph).operation(Operation::ListPeople);
        env.world().inject(fault.times(listings));
        env.world().add_to_team(team, env.people[6].person, MembershipRole::Member).unwrap();
        env.let_pass(PROVED).await;
        env.let_pass(2 * HOUR).await;
        let now = env.world().team(team).unwrap().people;
        assert_eq!(now.len(), before.len() + 1, "{listings} listings");
        assert!(before.iter().all(|(person, role)| now.get(person) == Some(role)));
        env.assert_in_sync(team);
        env.let_pass(DAY).await;
        env.assert_in_sync(team);
    }
}

#[tokio::test]
async fn short_listing_of_the_team_removes_and_demotes_no_one() {
    let mut env = TwoTenants::with_people(7).await;
    let team = env.create_team("Lighthouse", &env.people[..6]);
    env.world().promote(team, env.people[1].person).unwrap();
    env.let_pass(60 * MINUTE).await;
    let before = env.group().1;
    let some = env.people[1..4].iter().map(|person| person.person.0).collect();
    let lie = Lie::RowsMissing(Rows::Of(some));
    env.world().inject(Fault::lie(lie).on(Service::Webex).operation(Operation::ListPeople));
    env.request_sync(team, Trigger::Administrator).await;
    env.let_pass(2 * HOUR).await;
    let now = env.group().1;
    assert_eq!((now.members, now.owners), (before.members, before.owners));
    env.assert_in_sync(team);
    env.assert_clean();
}

#[tokio::test]
async fn empty_listing_holds_nothing_and_removes_no_one() {
    for service in [Service::Graph, Service::Webex] {
        let mut env = TwoTenants::with_people(6).await;
        let team = env.create_team("Lighthouse", &env.people[..5]);
        env.let_pass(60 * MINUTE).await;
        let before = (env.group().1.members, env.world().team(team).unwrap().people);
        env.world().inject(short(service).times(if service == Service::Graph { 2 } else { 1 }));
        env.request_sync(team, Trigger::Administrator).await;
        env.let_pass(2 * HOUR).await;
        assert_eq!((env.group().1.members, env.world().team(team).unwrap().people), before);
        assert_eq!(env.link_row(team).await.unwrap().link.held, None, "a second reading denies it");
        env.assert_in_sync(team);
    }
}

#[tokio::test]
async fn acknowledged_addition_without_effect_is_made_again() {
    for lie in [Lie::NoEffect, Lie::AlreadyThere] {
        let mut env = TwoTenants::with_people(5).await;
        let team = env.create_team("Lighthouse", &env.people[..4]);
        env.let_pass(60 * MINUTE).await;
        let fault = Fault::lie(lie.clone()).on(Service::Graph).operation(Operation::AddPeople);
        env.world().inject(fault.person(&[env.people[4].object.0]));
        env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
        env.let_pass(2 * HOUR).await;
        let there = env.world().team(team).unwrap().people;
        assert!(there.contains_key(&env.people[4].person), "the join is not undone: {lie:?}");
        assert!(env.group().1.members.contains(&env.people[4].object), "{lie:?}");
        env.assert_in_sync(team);
        let changes = changes(&env, team).await;
        assert!(changes.iter().all(|change| change.to != Role::None), "no false cause");
        assert!(changes.iter().any(|change| matches!(change.refused, Some(Refusal::Lost { .. }))));
    }
}

#[tokio::test]
async fn addition_that_is_lost_for_ever_is_tried_three_times_and_then_daily() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Lighthouse", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    let fault = Fault::lie(Lie::NoEffect).on(Service::Graph).operation(Operation::AddPeople);
    env.world().inject(fault.person(&[env.people[4].object.0]).forever());
    env.world().take_calls();
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(3 * HOUR).await;
    assert_eq!(env.world().count_of(Service::Graph, Kind::Write), TRIES as usize);
    let link = env.link_row(team).await.unwrap().link;
    assert_eq!(link.failing_people, 1);
    assert!(link.alerts.contains(&LinkAlert::PeopleFailing));
    let stored = env.people_on_link(team).await;
    let deferred = stored.into_values().find_map(|on_link| on_link.state.deferred.presence);
    assert_eq!(deferred.map(|deferred| deferred.by), Some(DeferredBy::Lost { tries: TRIES }));
    env.world().take_calls();
    env.let_pass(4 * DAY).await;
    let writes = env.world().count_of(Service::Graph, Kind::Write);
    assert!((3..=5).contains(&writes), "{writes} in four days");
    let there = env.world().team(team).unwrap().people;
    assert!(there.contains_key(&env.people[4].person), "the join is not undone");
    assert!(changes(&env, team).await.iter().all(|change| change.to != Role::None));
}

#[tokio::test]
async fn acknowledged_removal_without_effect_is_made_again() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Lighthouse", &env.people);
    env.let_pass(60 * MINUTE).await;
    let lie = |service| Fault::lie(Lie::NoEffect).on(service).operation(Operation::RemovePerson);
    env.world().inject(lie(Service::Graph));
    env.world().remove_from_team(team, env.people[4].person).unwrap();
    env.let_pass(2 * HOUR).await;
    let there = env.world().team(team).unwrap().people;
    assert!(!there.contains_key(&env.people[4].person), "they do not come back");
    assert!(!env.group().1.members.contains(&env.people[4].object));
    env.world().inject(lie(Service::Webex));
    let (group, _) = env.group();
    env.world().remove_member(group, env.people[3].object);
    env.notify_change(group).await;
    env.let_pass(2 * HOUR).await;
    assert!(!env.group().1.members.contains(&env.people[3].object));
    env.assert_in_sync(team);
}

#[tokio::test]
async fn lost_rename_is_made_again() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Bridges", &env.people);
    env.let_pass(60 * MINUTE).await;
    let lie = Fault::lie(Lie::NoEffect).on(Service::Graph).operation(Operation::Rename);
    env.world().inject(lie.clone());
    env.world().rename_team(team, "Tunnels");
    env.let_pass(2 * HOUR).await;
    assert_eq!(env.group().1.display_name, "Tunnels");
    env.world().inject(lie.forever());
    env.world().take_calls();
    env.world().rename_team(team, "Ferries");
    env.let_pass(3 * HOUR).await;
    assert_eq!(env.world().count_of(Service::Graph, Kind::Write), TRIES as usize);
    assert_eq!(env.world().team(team).unwrap().title, "Ferries", "the rename is not undone");
    assert!(env.link_row(team).await.unwrap().link.alerts.contains(&LinkAlert::RenameLost));
}

#[tokio::test]
async fn write_without_an_answer_comes_again_at_growing_intervals() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Lighthouse", &env.people[..4]);
    env.let_pass(60 * MINUTE).await;
    let fault = Fault::cut_before().on(Service::Webex).operation(Operation::AddPeople);
    env.world().inject(fault.forever());
    let (group, _) = env.group();
    env.world().add_member(group, env.people[4].object);
    env.notify_change(group).await;
    env.world().take_calls();
    env.let_pass(6 * HOUR).await;
    let writes = env.world().count_of(Service::Webex, Kind::Write);
    assert!((5..=40).contains(&writes), "{writes} calls in six hours");
    let alerts = env.link_row(team).await.unwrap().link.alerts;
    assert!(!alerts.is_empty(), "an admin knows");
}
