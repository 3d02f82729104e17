//! Which teams get a group, and what it is called.

use domain::membership::LeftOut;
use engine::link::{Ended, Phase, TroubleKind, Who};
use engine::tenant::{NewTeams, Settings};
use sandbox::{Card, Failure, Fault, Kind, Role, Service};
use serde_json::json;

use crate::town::{DAY, MINUTE, Town, every_team, start};

const POLICY: &str = "PrefixSuffixNamingRequirement";

async fn asking() -> Town {
    Town::with(5, Settings { new_teams: NewTeams::Ask, ..every_team() }).await
}

fn card(town: &Town, to: usize) -> Card {
    let cards = town.world().cards_to(town.people[to].person);
    assert_eq!(cards.len(), 1, "one card");
    cards.into_iter().next().unwrap()
}

fn groups(town: &Town) -> usize {
    town.world().groups(town.handle.directory).len()
}

#[tokio::test]
async fn the_creator_is_asked_once_and_a_yes_makes_the_group() {
    let mut town = asking().await;
    let team = town.create_team("Asked", &town.people[..3]);
    town.let_pass(2 * DAY).await;
    assert_eq!(groups(&town), 0, "nothing without an answer");
    let card = card(&town, 0);
    town.world().answer_card(card.message, town.people[0].person, json!({"team": team, "group": "yes"})).unwrap();
    town.let_pass(2 * MINUTE).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_no_ends_it() {
    let mut town = asking().await;
    let team = town.create_team("Asked", &town.people[..3]);
    town.let_pass(2 * MINUTE).await;
    let card = card(&town, 0);
    let answer =
        |group| town.world().answer_card(card.message, town.people[0].person, json!({"team": team, "group": group}));
    answer("no").unwrap();
    town.let_pass(2 * MINUTE).await;
    assert_eq!(town.kept(team).await.unwrap().link.phase, Phase::Ended { why: Ended::NotWanted });
    let answer =
        |group| town.world().answer_card(card.message, town.people[0].person, json!({"team": team, "group": group}));
    answer("yes").unwrap();
    town.let_pass(2 * DAY).await;
    assert_eq!(groups(&town), 0);
    town.assert_clean();
}

#[tokio::test]
async fn an_answer_counts_only_for_the_team_that_its_card_was_about() {
    let mut town = asking().await;
    let theirs = town.create_team("Theirs", &town.people[..3]);
    let own = town.create_team("Own", &town.people[3..]);
    town.let_pass(2 * MINUTE).await;
    let (forger, card) = (town.people[3].person, card(&town, 3));
    for inputs in [
        json!({"team": theirs, "group": "yes"}),
        json!({"team": "none", "group": "yes"}),
        json!({"group": "yes"}),
        json!([]),
    ] {
        town.world().answer_card(card.message, forger, inputs).unwrap();
    }
    town.let_pass(DAY).await;
    assert_eq!(groups(&town), 0);
    for team in [theirs, own] {
        assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Asked { .. }));
    }
    town.assert_clean();
}

#[tokio::test]
async fn a_team_older_than_the_switch_gets_nothing() {
    let mut town = Town::with(4, Settings { switched_on_at: Some(start() + 60 * MINUTE), ..every_team() }).await;
    let team = town.create_team("Old", &town.people[..3]);
    town.let_pass(2 * 60 * MINUTE).await;
    town.world().add_to_team(team, town.people[3].person, Role::Member).unwrap();
    town.let_pass(DAY).await;
    assert_eq!((groups(&town), town.kept(team).await), (0, None));
    let newer = town.create_team("New", &town.people[..3]);
    town.let_pass(2 * MINUTE).await;
    town.assert_in_step(newer);
}

#[tokio::test]
async fn a_team_of_another_organization_gets_nothing_whoever_is_in_it() {
    let mut town = Town::of(4).await;
    let abroad = town.world().add_foreign_organization("Elsewhere");
    let host = town.world().add_account_of(abroad, "Host");
    let team = town.world().create_team(host, "Abroad");
    for person in town.people.iter().map(|person| person.person).chain([town.handle.officer]) {
        town.world().add_to_team(team, person, Role::Moderator).unwrap();
    }
    town.let_pass(DAY).await;
    assert_eq!((groups(&town), town.kept(team).await), (0, None));
    town.assert_clean();
}

#[tokio::test]
async fn without_a_moderator_who_takes_part_the_link_waits_and_then_takes_the_fallback_owner() {
    let mut town = Town::of(5).await;
    let creator = town.world().add_webex_only(&town.handle, "Creator");
    let team = town.world().create_team(creator, "Ownerless");
    for person in &town.people[..3] {
        town.world().add_to_team(team, person.person, Role::Member).unwrap();
    }
    town.let_pass(60 * MINUTE).await;
    assert_eq!(groups(&town), 0);
    assert_eq!(town.kept(team).await.unwrap().link.trouble.unwrap().kind, TroubleKind::NoOwner);
    let fallback = town.people[4];
    town.set(Settings { fallback_owner: Some(fallback.object), ..every_team() }).await;
    town.let_pass(2 * DAY).await;
    let (_, group) = town.group();
    assert_eq!(group.owners, [fallback.object].into());
    assert!(town.people[..3].iter().all(|person| group.members.contains(&person.object)));
    assert!(
        !town.world().team(team).unwrap().people.contains_key(&fallback.person),
        "nobody is put into the team by it"
    );
    town.assert_clean();
}

#[tokio::test]
async fn a_naming_policy_decorates_the_group_and_never_the_team() {
    let mut town = Town::of(3).await;
    town.world().set_group_setting(town.handle.directory, POLICY, "GRP_[GroupName]_EU");
    let team = town.create_team("Project", &town.people);
    town.let_pass(60 * MINUTE).await;
    assert_eq!(town.group().1.display_name, "GRP_Project_EU");
    assert_eq!(town.world().team(team).unwrap().title, "Project");
    town.world().rename_team(team, "Programme");
    town.let_pass(2 * DAY).await;
    assert_eq!(town.group().1.display_name, "GRP_Programme_EU");
    assert_eq!(town.world().team(team).unwrap().title, "Programme");
    let (group, _) = town.group();
    town.world().rename_group(group, town.people[0].object, "Portfolio");
    town.notify(group).await;
    town.let_pass(2 * DAY).await;
    assert_eq!(town.group().1.display_name, "GRP_Portfolio_EU");
    assert_eq!(town.world().team(team).unwrap().title, "Portfolio");
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_policy_that_begins_later_renames_no_team() {
    let mut town = Town::of(3).await;
    let team = town.create_team("Project", &town.people);
    town.let_pass(60 * MINUTE).await;
    town.world().set_group_setting(town.handle.directory, POLICY, "[Department] [GroupName]");
    town.world().set_department(town.people[0].object, "Sales");
    let (group, _) = town.group();
    town.world().rename_group(group, town.people[0].object, "Venture");
    town.notify(group).await;
    town.let_pass(2 * DAY).await;
    assert_eq!(town.group().1.display_name, "Sales Venture");
    let title = town.world().team(team).unwrap().title;
    town.let_pass(2 * DAY).await;
    assert_eq!(town.world().team(team).unwrap().title, title, "it settles");
    assert_eq!(town.group().1.display_name, "Sales Venture");
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_nickname_that_is_taken_is_made_longer() {
    let mut town = Town::of(3).await;
    let detail = json!({"target": "mailNickname", "code": "ObjectConflict"});
    let message = "Another object with the same value for property mailNickname already exists.";
    let taken = json!({"error": {"code": "Request_BadRequest", "message": message, "details": [detail]}});
    town.world()
        .fault(Fault::new(Failure::Status(400, vec![], taken)).on(Service::Graph).method("PATCH").path("uniqueName"));
    let team = town.create_team("Project", &town.people);
    town.let_pass(5 * MINUTE).await;
    let hex = team.0.simple().to_string();
    assert_eq!(town.group().1.mail_nickname, format!("project-{}", &hex[..10]));
    town.assert_in_step(team);
}

#[tokio::test]
async fn whoever_is_no_user_any_more_is_reported_and_the_others_have_their_group() {
    let mut town = Town::of(6).await;
    let deleted = town.people[3];
    town.world().delete_user(deleted.object);
    let team = town.create_team("Project", &town.people);
    town.let_pass(60 * MINUTE).await;
    let (_, group) = town.group();
    assert_eq!((group.members.len(), group.owners.len()), (5, 1));
    let reasons: Vec<_> = town.left_out(team).await.into_iter().collect();
    let [(who, LeftOut::NoEntraUser)] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(
        matches!(who, Who::Webex(person) | Who::Person(domain::membership::Person { person, .. }) if *person == deleted.person)
    );
    assert!(town.world().team(team).unwrap().people.contains_key(&deleted.person));
    town.assert_clean();
}

#[tokio::test]
async fn a_moderator_who_is_no_user_any_more_does_not_keep_the_others_from_a_group() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Project", &town.people);
    town.world().promote(team, town.people[1].person).unwrap();
    town.world().delete_user(town.people[0].object);
    town.let_pass(60 * MINUTE).await;
    let (_, group) = town.group();
    assert_eq!(group.owners, [town.people[1].object].into());
    assert_eq!(group.members.len(), 3);
    town.assert_clean();
}

#[tokio::test]
async fn a_directory_where_users_may_create_no_groups_is_honoured() {
    let mut town = Town::of(3).await;
    town.world().set_group_setting(town.handle.directory, "EnableGroupCreation", "false");
    town.world().take_calls();
    let team = town.create_team("Project", &town.people);
    town.let_pass(DAY).await;
    assert_eq!(groups(&town), 0);
    let trouble = town.kept(team).await.unwrap().link.trouble.unwrap();
    assert_eq!(trouble.kind, TroubleKind::CreationRestricted);
    assert!(trouble.tries < 10, "it is tried more and more seldom, not {} times a day", trouble.tries);
    assert_eq!(town.world().count_of(Service::Graph, Kind::Write), 0);
    town.world().set_group_setting(town.handle.directory, "EnableGroupCreation", "true");
    town.let_pass(3 * DAY).await;
    town.assert_in_step(team);
}
