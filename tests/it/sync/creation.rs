//! New teams: the card to the creator, the group, its name and its owners.

use domain::membership::{ExclusionReason, Person};
use engine::link::{Ended, FailureKind, Phase, Who};
use engine::tenant::{NewTeams, Settings};
use serde_json::json;
use sim::{Card, Failure, Fault, Kind, MembershipRole, Service};

use crate::support::{DAY, MINUTE, TwoTenants, every_team, start};

const POLICY: &str = "PrefixSuffixNamingRequirement";

async fn with_card_question() -> TwoTenants {
    TwoTenants::with_settings(5, Settings { new_teams: NewTeams::Ask, ..every_team() }).await
}

fn card(env: &TwoTenants, to: usize) -> Card {
    let cards = env.world().cards_to(env.people[to].person);
    assert_eq!(cards.len(), 1, "one card");
    cards.into_iter().next().unwrap()
}

fn groups(env: &TwoTenants) -> usize {
    env.world().groups(env.handle.directory).len()
}

#[tokio::test]
async fn yes_on_the_card_creates_the_group() {
    let mut env = with_card_question().await;
    let team = env.create_team("Asked", &env.people[..3]);
    env.let_pass(2 * DAY).await;
    assert_eq!(groups(&env), 0, "nothing without an answer");
    let card = card(&env, 0);
    env.world()
        .submit_card(card.message, env.people[0].person, json!({"team": team, "group": "yes"}))
        .unwrap();
    env.let_pass(2 * MINUTE).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn no_on_the_card_ends_the_link() {
    let mut env = with_card_question().await;
    let team = env.create_team("Asked", &env.people[..3]);
    env.let_pass(2 * MINUTE).await;
    let card = card(&env, 0);
    let answer = |group| {
        env.world().submit_card(
            card.message,
            env.people[0].person,
            json!({"team": team, "group": group}),
        )
    };
    answer("no").unwrap();
    env.let_pass(2 * MINUTE).await;
    assert_eq!(env.link_row(team).await.unwrap().link.phase, Phase::ended(Ended::Declined));
    let answer = |group| {
        env.world().submit_card(
            card.message,
            env.people[0].person,
            json!({"team": team, "group": group}),
        )
    };
    answer("yes").unwrap();
    env.let_pass(2 * DAY).await;
    assert_eq!(groups(&env), 0);
    env.assert_clean();
}

#[tokio::test]
async fn answer_counts_only_for_the_team_of_its_card() {
    let mut env = with_card_question().await;
    let theirs = env.create_team("Theirs", &env.people[..3]);
    let own = env.create_team("Own", &env.people[3..]);
    env.let_pass(2 * MINUTE).await;
    let (forger, card) = (env.people[3].person, card(&env, 3));
    for inputs in [
        json!({"team": theirs, "group": "yes"}),
        json!({"team": "none", "group": "yes"}),
        json!({"group": "yes"}),
        json!([]),
    ] {
        env.world().submit_card(card.message, forger, inputs).unwrap();
    }
    env.let_pass(DAY).await;
    assert_eq!(groups(&env), 0);
    for team in [theirs, own] {
        assert!(matches!(env.link_row(team).await.unwrap().link.phase, Phase::Asked { .. }));
    }
    env.assert_clean();
}

#[tokio::test]
async fn team_older_than_switch_on_gets_no_group() {
    let mut env = TwoTenants::with_settings(
        4,
        Settings { switched_on_at: Some(start() + 60 * MINUTE), ..every_team() },
    )
    .await;
    let team = env.create_team("Old", &env.people[..3]);
    env.let_pass(2 * 60 * MINUTE).await;
    env.world().add_to_team(team, env.people[3].person, MembershipRole::Member).unwrap();
    env.let_pass(DAY).await;
    assert_eq!((groups(&env), env.link_row(team).await), (0, None));
    let newer = env.create_team("New", &env.people[..3]);
    env.let_pass(2 * MINUTE).await;
    env.assert_in_sync(newer);
}

#[tokio::test]
async fn team_of_another_organization_gets_no_group() {
    let mut env = TwoTenants::with_people(4).await;
    let abroad = env.world().add_foreign_organization("Elsewhere");
    let host = env.world().add_account_of(abroad, "Host");
    let team = env.world().create_team(host, "Abroad");
    for person in env.people.iter().map(|person| person.person).chain([env.handle.service_account])
    {
        env.world().add_to_team(team, person, MembershipRole::Moderator).unwrap();
    }
    env.let_pass(DAY).await;
    assert_eq!((groups(&env), env.link_row(team).await), (0, None));
    env.assert_clean();
}

#[tokio::test]
async fn fallback_owner_replaces_missing_moderator() {
    let mut env = TwoTenants::with_people(5).await;
    let creator = env.world().add_webex_only(&env.handle, "Creator");
    let team = env.world().create_team(creator, "Ownerless");
    for person in &env.people[..3] {
        env.world().add_to_team(team, person.person, MembershipRole::Member).unwrap();
    }
    env.let_pass(60 * MINUTE).await;
    assert_eq!(groups(&env), 0);
    assert_eq!(
        env.link_row(team).await.unwrap().link.failure.unwrap().kind(),
        FailureKind::NoOwner
    );
    let fallback = env.people[4];
    env.save_settings(Settings { fallback_owner: Some(fallback.object), ..every_team() }).await;
    env.let_pass(2 * DAY).await;
    let (_, group) = env.group();
    assert_eq!(group.owners, [fallback.object].into());
    assert!(env.people[..3].iter().all(|person| group.members.contains(&person.object)));
    assert!(
        !env.world().team(team).unwrap().people.contains_key(&fallback.person),
        "it adds no one to the team"
    );
    env.assert_clean();
}

#[tokio::test]
async fn naming_policy_changes_the_group_only() {
    let mut env = TwoTenants::with_people(3).await;
    env.world().set_group_setting(env.handle.directory, POLICY, "GRP_[GroupName]_EU");
    let team = env.create_team("Project", &env.people);
    env.let_pass(60 * MINUTE).await;
    assert_eq!(env.group().1.display_name, "GRP_Project_EU");
    assert_eq!(env.world().team(team).unwrap().title, "Project");
    env.world().rename_team(team, "Programme");
    env.let_pass(2 * DAY).await;
    assert_eq!(env.group().1.display_name, "GRP_Programme_EU");
    assert_eq!(env.world().team(team).unwrap().title, "Programme");
    let (group, _) = env.group();
    env.world().rename_group(group, env.people[0].object, "Portfolio");
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;
    assert_eq!(env.group().1.display_name, "GRP_Portfolio_EU");
    assert_eq!(env.world().team(team).unwrap().title, "Portfolio");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn later_naming_policy_renames_no_team() {
    let mut env = TwoTenants::with_people(3).await;
    let team = env.create_team("Project", &env.people);
    env.let_pass(60 * MINUTE).await;
    env.world().set_group_setting(env.handle.directory, POLICY, "[Department] [GroupName]");
    env.world().set_department(env.people[0].object, "Sales");
    let (group, _) = env.group();
    env.world().rename_group(group, env.people[0].object, "Venture");
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;
    assert_eq!(env.group().1.display_name, "Sales Venture");
    let title = env.world().team(team).unwrap().title;
    env.let_pass(2 * DAY).await;
    assert_eq!(env.world().team(team).unwrap().title, title, "it settles");
    assert_eq!(env.group().1.display_name, "Sales Venture");
    env.assert_in_sync(team);
}

#[tokio::test]
async fn taken_nickname_gets_a_suffix() {
    let mut env = TwoTenants::with_people(3).await;
    let detail = json!({"target": "mailNickname", "code": "ObjectConflict"});
    let message = "Another object with the same value for property mailNickname already exists.";
    let taken =
        json!({"error": {"code": "Request_BadRequest", "message": message, "details": [detail]}});
    env.world().inject(
        Fault::new(Failure::Status(400, vec![], taken))
            .on(Service::Graph)
            .method("PATCH")
            .path("uniqueName"),
    );
    let team = env.create_team("Project", &env.people);
    env.let_pass(5 * MINUTE).await;
    let hex = team.0.simple().to_string();
    assert_eq!(env.group().1.mail_nickname, format!("project-{}", &hex[..10]));
    env.assert_in_sync(team);
}

#[tokio::test]
async fn deleted_user_is_reported_and_group_is_created() {
    let mut env = TwoTenants::with_people(6).await;
    let deleted = env.people[3];
    env.world().delete_user(deleted.object);
    let team = env.create_team("Project", &env.people);
    env.let_pass(60 * MINUTE).await;
    let (_, group) = env.group();
    assert_eq!((group.members.len(), group.owners.len()), (5, 1));
    let reasons: Vec<_> = env.excluded(team).await.into_iter().collect();
    let [(who, ExclusionReason::NoEntraUser)] = reasons.as_slice() else { panic!("{reasons:?}") };
    let (Who::Webex(excluded) | Who::Person(Person { person: excluded, .. })) = who else {
        panic!("{who:?}")
    };
    assert_eq!(*excluded, deleted.person);
    assert!(env.world().team(team).unwrap().people.contains_key(&deleted.person));
    env.assert_clean();
}

#[tokio::test]
async fn deleted_moderator_does_not_block_creation() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Project", &env.people);
    env.world().promote(team, env.people[1].person).unwrap();
    env.world().delete_user(env.people[0].object);
    env.let_pass(60 * MINUTE).await;
    let (_, group) = env.group();
    assert_eq!(group.owners, [env.people[1].object].into());
    assert_eq!(group.members.len(), 3);
    env.assert_clean();
}

#[tokio::test]
async fn group_creation_restriction_is_respected() {
    let mut env = TwoTenants::with_people(3).await;
    env.world().set_group_setting(env.handle.directory, "EnableGroupCreation", "false");
    env.world().take_calls();
    let team = env.create_team("Project", &env.people);
    env.let_pass(DAY).await;
    assert_eq!(groups(&env), 0);
    let failure = env.link_row(team).await.unwrap().link.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::CreationRestricted);
    assert!(
        failure.tries < 10,
        "it is tried more and more seldom, not {} times a day",
        failure.tries
    );
    assert_eq!(env.world().count_of(Service::Graph, Kind::Write), 0);
    env.world().set_group_setting(env.handle.directory, "EnableGroupCreation", "true");
    env.let_pass(3 * DAY).await;
    env.assert_in_sync(team);
}
