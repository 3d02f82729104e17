//! While it is tried out: only teams of people in one group are new.

use clients::webex::{Region, WebexId};
use domain::ids::{GroupId, TeamId};
use engine::link::Phase;
use engine::tenant::{NewTeams, Settings};
use sandbox::{Failure, Fault, Role, Service};
use serde_json::json;

use crate::town::{DAY, MINUTE, Town, every_team};

/// A town of six people, the first two of whom are in the pilot.
async fn with(settings: Settings) -> (Town, GroupId) {
    let town = Town::with(6, settings.clone()).await;
    let pilot = town.world().create_group(town.people[0].object, "Pilot").unwrap();
    town.world().add_member(pilot, town.people[1].object);
    town.set(Settings { pilot_group: Some(pilot), ..settings }).await;
    (town, pilot)
}

async fn phase(town: &Town, team: TeamId) -> Option<Phase> {
    town.kept(team).await.map(|kept| kept.link.phase)
}

async fn has_group(town: &Town, team: TeamId) -> bool {
    matches!(phase(town, team).await, Some(Phase::Linked { .. }))
}

fn questions(town: &Town) -> usize {
    town.world().calls().iter().filter(|call| call.path.contains("checkMemberGroups")).count()
}

#[tokio::test]
async fn a_team_gets_a_group_only_if_its_creator_is_in_the_pilot() {
    let (mut town, _) = with(every_team()).await;
    let within = town.create_team("Within", &[town.people[1], town.people[4]]);
    let without = town.create_team("Without", &[town.people[3], town.people[0]]);
    town.let_pass(DAY).await;
    assert!(has_group(&town, within).await);
    assert_eq!(phase(&town, without).await, None, "a member of the pilot in it is not its creator");
    assert_eq!(questions(&town), 2, "each creator is asked about once");
    town.assert_clean();
}

#[tokio::test]
async fn what_was_decided_costs_nothing_later_and_the_end_of_the_pilot_makes_no_groups_for_old_teams() {
    let (mut town, _) = with(every_team()).await;
    let old = town.create_team("Old", &[town.people[3], town.people[0]]);
    town.let_pass(5 * MINUTE).await;
    town.world().take_calls();
    town.world().add_to_team(old, town.people[4].person, Role::Member).unwrap();
    town.world().rename_team(old, "Older");
    town.let_pass(10 * MINUTE).await;
    let about = town.world().room_id(old.general_space());
    let asked = |town: &Town| town.world().calls().iter().filter(|call| call.path.contains(&about)).count();
    assert_eq!((asked(&town), questions(&town)), (0, 0));

    town.set(every_team()).await;
    town.world().add_to_team(old, town.people[5].person, Role::Member).unwrap();
    let look = |region| store::message::Ask::Team { team: old, region };
    town.handle(&town.wish(look(Some(Region::default())), store::message::Cause::Person)).await;
    town.let_pass(DAY).await;
    assert_eq!(phase(&town, old).await, None);
    let newer = town.create_team("Newer", &[town.people[3], town.people[4]]);
    town.let_pass(5 * MINUTE).await;
    assert!(has_group(&town, newer).await);
    town.assert_clean();
}

#[tokio::test]
async fn a_creator_who_cannot_be_linked_is_not_in_the_pilot() {
    let (mut town, pilot) = with(every_team()).await;
    let unlinked = town.world().add_webex_only(&town.handle, "Unlinked");
    let theirs = town.world().create_team(unlinked, "Theirs");
    town.world().add_to_team(theirs, town.people[0].person, Role::Moderator).unwrap();
    let late = town.world().add_person(&town.handle, "Late");
    town.world().add_member(pilot, late.object);
    let known_to_nobody_yet = town.world().create_team(late.person, "Late's");
    town.let_pass(DAY).await;
    assert_eq!(phase(&town, theirs).await, None, "a moderator who is in it does not count beside a creator");
    assert!(has_group(&town, known_to_nobody_yet).await, "whom the index does not know is looked up");
    town.assert_clean();
}

#[tokio::test]
async fn what_the_index_said_before_does_not_keep_anybody_out_of_the_pilot() {
    let (mut town, _) = with(every_team()).await;
    town.world().set_external_id(town.people[1].person, None);
    town.house.see_everybody(town.tenant()).await.unwrap();
    town.world().set_external_id(town.people[1].person, Some(town.people[1].object));
    let team = town.create_team("Linked again", &[town.people[1]]);
    town.let_pass(30 * MINUTE).await;
    assert!(town.kept(team).await.is_some());
}

#[tokio::test]
async fn where_webex_names_no_creator_a_moderator_in_the_pilot_is_enough() {
    let (mut town, _) = with(every_team()).await;
    for (title, moderator, is_new) in [("One", 0, true), ("None", 4, false)] {
        let team = town.create_team(title, &[town.people[3], town.people[moderator], town.people[5]]);
        town.world().promote(team, town.people[moderator].person).unwrap();
        let unnamed = json!({
            "id": town.world().room_id(team.general_space()),
            "teamId": town.world().team_id(team),
            "ownerId": WebexId::new(Region::default(), town.handle.org).to_string(),
            "title": title, "type": "group", "created": town.now().to_string(),
        });
        let fault = Fault::new(Failure::Status(200, vec![], unnamed)).on(Service::Webex).method("GET").path("/rooms/");
        town.world().fault(fault.times(u32::MAX));
        town.let_pass(5 * MINUTE).await;
        town.world().clear_faults();
        assert_eq!(has_group(&town, team).await, is_new, "{title}");
    }
    town.assert_clean();
}

#[tokio::test]
async fn nobody_outside_of_the_pilot_is_asked_by_card() {
    let (mut town, _) = with(Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let within = town.create_team("Within", &[town.people[0], town.people[4]]);
    town.create_team("Without", &[town.people[3], town.people[4]]);
    town.let_pass(DAY).await;
    assert!(matches!(phase(&town, within).await, Some(Phase::Asked { card: Some(_) })));
    let cards = |n: usize| town.world().cards_to(town.people[n].person).len();
    assert_eq!((cards(0), cards(3)), (1, 0));
}

#[tokio::test]
async fn a_team_of_before_the_switch_or_of_another_organization_costs_no_question() {
    let (mut town, _) =
        with(Settings { switched_on_at: Some(crate::town::start() + 60 * MINUTE), ..every_team() }).await;
    town.create_team("Old", &[town.people[0]]);
    let abroad = town.world().add_foreign_organization("Elsewhere");
    let host = town.world().add_account_of(abroad, "Host");
    town.let_pass(60 * MINUTE).await;
    let team = town.world().create_team(host, "Abroad");
    town.world().add_to_team(team, town.people[0].person, Role::Moderator).unwrap();
    town.let_pass(10 * MINUTE).await;
    assert_eq!(questions(&town), 0);
}

#[tokio::test]
async fn a_question_that_failed_is_asked_again() {
    let (mut town, _) = with(every_team()).await;
    town.world().fault(Fault::status(503).on(Service::Graph).path("checkMemberGroups").times(8));
    let team = town.create_team("Within", &[town.people[0], town.people[4]]);
    town.let_pass(60 * MINUTE).await;
    assert!(has_group(&town, team).await);
    town.assert_clean();
}
