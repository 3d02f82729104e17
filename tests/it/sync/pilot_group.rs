//! A pilot group limits which new teams get a group.

use clients::webex::{Region, WebexId};
use domain::ids::{GroupId, TeamId};
use engine::link::Phase;
use engine::tenant::{NewTeams, Settings};
use serde_json::json;
use sim::{Failure, Fault, MembershipRole, Service};

use crate::support::{DAY, MINUTE, TwoTenants, every_team};

/// Returns six people, the first two of whom are in the pilot.
async fn with_pilot(settings: Settings) -> (TwoTenants, GroupId) {
    let env = TwoTenants::with_settings(6, settings.clone()).await;
    let pilot = env.world().create_group(env.people[0].object, "Pilot").unwrap();
    env.world().add_member(pilot, env.people[1].object);
    env.save_settings(Settings { pilot_group: Some(pilot), ..settings }).await;
    (env, pilot)
}

async fn phase(env: &TwoTenants, team: TeamId) -> Option<Phase> {
    env.link_row(team).await.map(|row| row.link.phase)
}

async fn has_group(env: &TwoTenants, team: TeamId) -> bool {
    matches!(phase(env, team).await, Some(Phase::Linked { .. }))
}

fn count_pilot_checks(env: &TwoTenants) -> usize {
    env.world().calls().iter().filter(|call| call.path.contains("checkMemberGroups")).count()
}

#[tokio::test]
async fn only_creators_in_the_pilot_get_a_group() {
    let (mut env, _) = with_pilot(every_team()).await;
    let within = env.create_team("Within", &[env.people[1], env.people[4]]);
    let without = env.create_team("Without", &[env.people[3], env.people[0]]);
    env.let_pass(DAY).await;
    assert!(has_group(&env, within).await);
    assert_eq!(phase(&env, without).await, None, "a member of the pilot in it is not its creator");
    assert_eq!(count_pilot_checks(&env), 2, "each creator is asked about once");
    env.assert_clean();
}

#[tokio::test]
async fn pilot_decision_is_final_for_old_teams() {
    let (mut env, _) = with_pilot(every_team()).await;
    let old = env.create_team("Old", &[env.people[3], env.people[0]]);
    env.let_pass(5 * MINUTE).await;
    env.world().take_calls();
    env.world().add_to_team(old, env.people[4].person, MembershipRole::Member).unwrap();
    env.world().rename_team(old, "Older");
    env.let_pass(10 * MINUTE).await;
    let about = env.world().room_id(old.general_space());
    let asked = |env: &TwoTenants| {
        env.world().calls().iter().filter(|call| call.path.contains(&about)).count()
    };
    assert_eq!((asked(&env), count_pilot_checks(&env)), (0, 0));

    env.save_settings(every_team()).await;
    env.world().add_to_team(old, env.people[5].person, MembershipRole::Member).unwrap();
    let job = |region| store::message::Job::Team { team: old, region };
    env.handle_message(&env.message(job(Some(Region::default())), store::message::Trigger::Person))
        .await;
    env.let_pass(DAY).await;
    assert_eq!(phase(&env, old).await, None);
    let newer = env.create_team("Newer", &[env.people[3], env.people[4]]);
    env.let_pass(5 * MINUTE).await;
    assert!(has_group(&env, newer).await);
    env.assert_clean();
}

#[tokio::test]
async fn unlinked_creator_is_not_in_the_pilot() {
    let (mut env, pilot) = with_pilot(every_team()).await;
    let unlinked = env.world().add_webex_only(&env.handle, "Unlinked");
    let theirs = env.world().create_team(unlinked, "Theirs");
    env.world().add_to_team(theirs, env.people[0].person, MembershipRole::Moderator).unwrap();
    let late = env.world().add_person(&env.handle, "Late");
    env.world().add_member(pilot, late.object);
    let not_in_the_index = env.world().create_team(late.person, "Late's");
    env.let_pass(DAY).await;
    assert_eq!(
        phase(&env, theirs).await,
        None,
        "a moderator who is in it does not count beside a creator"
    );
    assert!(has_group(&env, not_in_the_index).await, "whom the index does not know is looked up");
    env.assert_clean();
}

#[tokio::test]
async fn stale_index_excludes_no_one_from_the_pilot() {
    let (mut env, _) = with_pilot(every_team()).await;
    env.world().set_external_id(env.people[1].person, None);
    env.stack.scan_people(env.tenant()).await.unwrap();
    env.world().set_external_id(env.people[1].person, Some(env.people[1].object));
    let team = env.create_team("Linked again", &[env.people[1]]);
    env.let_pass(30 * MINUTE).await;
    assert!(env.link_row(team).await.is_some());
}

#[tokio::test]
async fn moderator_in_the_pilot_replaces_unknown_creator() {
    let (mut env, _) = with_pilot(every_team()).await;
    for (title, moderator, is_new) in [("One", 0, true), ("None", 4, false)] {
        let team = env.create_team(title, &[env.people[3], env.people[moderator], env.people[5]]);
        env.world().promote(team, env.people[moderator].person).unwrap();
        let unnamed = json!({
            "id": env.world().room_id(team.general_space()),
            "teamId": env.world().team_id(team),
            "ownerId": WebexId::new(Region::default(), env.handle.org).to_string(),
            "title": title, "type": "group", "created": env.now().to_string(),
        });
        let fault = Fault::new(Failure::Status(200, vec![], unnamed))
            .on(Service::Webex)
            .method("GET")
            .path("/rooms/");
        env.world().inject(fault.times(u32::MAX));
        env.let_pass(5 * MINUTE).await;
        env.world().clear_faults();
        assert_eq!(has_group(&env, team).await, is_new, "{title}");
    }
    env.assert_clean();
}

#[tokio::test]
async fn creators_outside_the_pilot_get_no_card() {
    let (mut env, _) = with_pilot(Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let within = env.create_team("Within", &[env.people[0], env.people[4]]);
    env.create_team("Without", &[env.people[3], env.people[4]]);
    env.let_pass(DAY).await;
    assert!(matches!(phase(&env, within).await, Some(Phase::Asked { card: Some(_) })));
    let cards = |n: usize| env.world().cards_to(env.people[n].person).len();
    assert_eq!((cards(0), cards(3)), (1, 0));
}

#[tokio::test]
async fn teams_out_of_scope_cost_no_pilot_check() {
    let (mut env, _) = with_pilot(Settings {
        switched_on_at: Some(crate::support::start() + 60 * MINUTE),
        ..every_team()
    })
    .await;
    env.create_team("Old", &[env.people[0]]);
    let abroad = env.world().add_foreign_organization("Elsewhere");
    let host = env.world().add_account_of(abroad, "Host");
    env.let_pass(60 * MINUTE).await;
    let team = env.world().create_team(host, "Abroad");
    env.world().add_to_team(team, env.people[0].person, MembershipRole::Moderator).unwrap();
    env.let_pass(10 * MINUTE).await;
    assert_eq!(count_pilot_checks(&env), 0);
}

#[tokio::test]
async fn failed_pilot_check_is_retried() {
    let (mut env, _) = with_pilot(every_team()).await;
    env.world().inject(Fault::status(503).on(Service::Graph).path("checkMemberGroups").times(8));
    let team = env.create_team("Within", &[env.people[0], env.people[4]]);
    env.let_pass(60 * MINUTE).await;
    assert!(has_group(&env, team).await);
    env.assert_clean();
}
