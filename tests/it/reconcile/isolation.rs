//! One bad thing is one bad thing: the others go on in the same minute, and one alert names it.

use domain::ids::TeamId;
use engine::notify;
use sim::{Fault, Group, MembershipRole, Service};

use super::suspension::{alerts, with_alerts};
use crate::support::{MINUTE, TwoTenants};

/// Creates teams with the first five people, which are in sync.
pub(super) async fn teams<const N: usize>(env: &mut TwoTenants, titles: [&str; N]) -> [TeamId; N] {
    let teams = titles.map(|title| env.create_team(title, &env.people[..5]));
    env.let_pass(40 * MINUTE).await;
    teams
}

async fn group_of(env: &TwoTenants, team: TeamId) -> Group {
    let group = env.link_row(team).await.unwrap().link.group().unwrap();
    env.world().group(group).unwrap()
}

/// Changes both sides of a team: a join and a leave on each.
pub(super) async fn change(env: &TwoTenants, team: TeamId) {
    let group = env.link_row(team).await.unwrap().link.group().unwrap();
    let people = &env.people;
    env.world().add_to_team(team, people[5].person, MembershipRole::Member).unwrap();
    env.world().remove_from_team(team, people[1].person).unwrap();
    env.world().add_member(group, people[6].object);
    env.world().remove_member(group, people[2].object);
}

pub(super) async fn is_in_sync(env: &TwoTenants, team: TeamId) -> bool {
    let (group, team) = (group_of(env, team).await, env.world().team(team).unwrap());
    let ids = env.people.iter().filter(|one| team.people.contains_key(&one.person));
    ids.map(|one| one.object).collect::<std::collections::BTreeSet<_>>() == group.members
}

/// Returns the minutes after which teams are in sync, if that is within an hour.
pub(super) async fn minutes_to_sync(env: &mut TwoTenants, teams: &[TeamId]) -> Option<usize> {
    for minute in 0..60 {
        let mut synced = 0;
        for team in teams {
            synced += usize::from(is_in_sync(env, *team).await);
        }
        if synced == teams.len() {
            return Some(minute);
        }
        env.let_pass(MINUTE).await;
    }
    None
}

#[tokio::test]
async fn service_that_fails_for_all_gives_one_alert() {
    let mut env = with_alerts(8).await;
    let teams = teams(&mut env, ["North", "East", "South", "West"]).await;
    env.world().inject(Fault::status(503).on(Service::Graph).times(u32::MAX));
    for team in teams {
        change(&env, team).await;
        env.let_pass(7 * MINUTE).await;
    }
    env.let_pass(32 * MINUTE).await;
    let sent = alerts(&env);
    assert_eq!(sent.len(), 1, "within an hour: {sent:#?}");
    assert!(sent[0].contains("Microsoft 365 has failed for all teams"), "{sent:#?}");
    env.let_pass(120 * MINUTE).await;
    env.world().clear_faults();
    env.let_pass(20 * MINUTE).await;
    for team in teams {
        assert!(is_in_sync(&env, team).await);
    }
    env.let_pass(60 * MINUTE).await;
    assert_eq!(alerts(&env), sent, "one alert in all");
    assert_eq!(notify::all(env.store(), env.tenant()).await.unwrap(), []);
}

#[tokio::test]
async fn failure_of_webex_is_alerted_when_webex_works_again() {
    let mut env = with_alerts(8).await;
    let teams = teams(&mut env, ["Here", "There"]).await;
    env.world().inject(Fault::status(503).on(Service::Webex).times(u32::MAX));
    for team in teams {
        change(&env, team).await;
    }
    env.let_pass(90 * MINUTE).await;
    assert_eq!(alerts(&env), Vec::<String>::new());
    assert_eq!(notify::all(env.store(), env.tenant()).await.unwrap().len(), 3, "on the pages");
    env.world().clear_faults();
    env.let_pass(20 * MINUTE).await;
    for team in teams {
        assert!(is_in_sync(&env, team).await);
    }
    env.let_pass(60 * MINUTE).await;
    let sent = alerts(&env);
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert!(sent[0].contains("Webex failed for all teams from"), "{sent:#?}");
    assert_eq!(notify::all(env.store(), env.tenant()).await.unwrap(), []);
}

#[tokio::test]
async fn refusals_of_one_team_stay_with_it() {
    let titles = ["Struck", "First", "Second"];
    let mut env = with_alerts(8).await;
    let [struck, others @ ..] = teams(&mut env, titles).await;
    for team in [struck].iter().chain(&others) {
        change(&env, *team).await;
    }
    let usual = minutes_to_sync(&mut env, &others).await.unwrap();
    let room = env.world().room_id(struck.general_space());
    let path = format!("/memberships?roomId={room}");
    for status in [400, 401, 403, 404, 409, 410, 423, 500, 503] {
        let mut env = with_alerts(8).await;
        let [struck, others @ ..] = teams(&mut env, titles).await;
        env.world().inject(Fault::status(status).on(Service::Webex).path(&path).times(u32::MAX));
        for team in [struck].iter().chain(&others) {
            change(&env, *team).await;
        }
        assert!(
            minutes_to_sync(&mut env, &others).await.is_some_and(|minutes| minutes <= usual),
            "{status}"
        );
        env.let_pass(60 * MINUTE).await;
        let sent = alerts(&env);
        assert_eq!(sent.len(), 1, "{status}: {sent:#?}");
        assert!(sent[0].contains("“Struck”"), "{status}: {sent:#?}");
        env.world().clear_faults();
        env.let_pass(90 * MINUTE).await;
        assert!(is_in_sync(&env, struck).await, "{status}: in sync again");
    }
}
