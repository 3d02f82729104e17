//! Teams, spaces, moderators, pages.

use std::collections::BTreeSet;

use sandbox::{EmptyPages, Role};
use serde_json::{Value, json};

use crate::ask::{person_id, send, stage, webex_id};

#[tokio::test]
async fn the_last_moderator_stays_in_the_team_and_in_its_general_space() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    stage.world.add_to_team(team, bob, Role::Member).unwrap();
    let path = format!("/memberships/{}", webex_id("us", "MEMBERSHIP", format!("{ada}:{team}")));
    assert_eq!(stage.webex("DELETE", &path, Value::Null).await.status, 403);
    stage.step_inside(team).await;
    let of_team = format!("/team/memberships/{}", webex_id("us", "TEAM_MEMBERSHIP", format!("{ada}:{team}")));
    assert_eq!(
        stage.webex("DELETE", &of_team, Value::Null).await.status,
        204,
        "the officer's account counts for Webex"
    );
    assert!(stage.world.remove_from_team(team, stage.acme.officer).is_err());
}

#[tokio::test]
async fn nobody_is_added_from_outside_to_an_empty_space() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let room = stage.world.create_room(ada, "Gears", Some(team));
    stage.world.remove_from_room(room, ada).unwrap();
    stage.world.add_to_team(team, bob, Role::Member).unwrap();
    let body = json!({"roomId": stage.world.room_id(room), "personId": person_id(bob)});
    assert_eq!(stage.webex("POST", "/memberships", body).await.status, 403);
}

#[tokio::test]
async fn only_people_of_the_team_come_into_its_spaces_and_leaving_the_team_means_leaving_them() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let room = stage.world.create_room(ada, "Gears", Some(team));
    assert!(stage.world.add_to_room(room, bob, Role::Member).is_err());
    stage.world.add_to_team(team, bob, Role::Member).unwrap();
    stage.world.add_to_room(room, bob, Role::Member).unwrap();
    stage.world.remove_from_team(team, bob).unwrap();
    assert!(!stage.world.room(room).unwrap().people.contains_key(&bob));
}

#[tokio::test]
async fn whoever_is_in_the_team_but_not_in_a_moderated_space_sees_its_moderators_only() {
    let stage = stage();
    let [ada, bob, cyd] = ["Ada", "Bob", "Cyd"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    for person in [bob, cyd] {
        stage.world.add_to_team(team, person, Role::Member).unwrap();
    }
    let room = stage.world.create_room(ada, "Gears", Some(team));
    stage.world.add_to_room(room, bob, Role::Member).unwrap();
    let token = stage.world.issue_tokens(cyd, &["spark:memberships_read"]).access_token;
    let path = format!("/memberships?roomId={}", stage.world.room_id(room));
    let seen = stage.webex_as(&token, "GET", &path, Value::Null).await;
    assert_eq!(seen.items().iter().map(|item| &item["personId"]).collect::<Vec<_>>(), [&json!(person_id(ada))]);
}

#[tokio::test]
async fn the_officer_finds_all_memberships_of_a_person_in_spaces_of_the_organization() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let xavier = stage.world.add_account_of(stage.world.add_foreign_organization("Abroad"), "Xavier");
    let own = stage.world.create_team(ada, "Ours");
    let theirs = stage.world.create_team(xavier, "Theirs");
    stage.world.add_to_team(theirs, ada, Role::Member).unwrap();
    let path = format!("/memberships?personId={}", person_id(ada));
    let seen = stage.get(&path).await;
    assert_eq!(
        seen.items().iter().map(|item| &item["roomId"]).collect::<Vec<_>>(),
        [&json!(webex_id("us", "ROOM", own))]
    );
    let token = stage.world.issue_tokens(ada, &["spark:memberships_read"]).access_token;
    assert_eq!(stage.webex_as(&token, "GET", &path, Value::Null).await.status, 400);
}

#[tokio::test]
async fn pages_are_smaller_than_asked_and_can_be_empty_before_the_last() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Engines");
    for n in 0..6 {
        let person = stage.world.add_person(&stage.acme, &format!("Person {n}")).person;
        stage.world.add_to_team(team, person, Role::Member).unwrap();
    }
    stage.world.webex_settings(|settings| (settings.page_limit, settings.empty_pages) = (3, EmptyPages::Between));
    stage.world.take_calls();
    let roster = stage.roster(team).await;
    let people: BTreeSet<_> = roster.iter().map(|seat| seat["personId"].to_string()).collect();
    assert_eq!((roster.len(), people.len()), (7, 7));
    assert_eq!(stage.world.calls().len(), 5, "three pages of people with two empty ones between");
}

#[tokio::test]
async fn an_archived_team_can_be_read_and_nobody_comes_or_goes() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    stage.world.archive_team(team);
    assert_eq!(stage.roster(team).await.len(), 1);
    let body = json!({"roomId": stage.world.room_id(team.general_space()), "personId": person_id(bob)});
    assert_eq!(stage.webex("POST", "/memberships", body).await.status, 403);
    stage.world.delete_team(team);
    assert_eq!(stage.get(&format!("/teams/{}", webex_id("us", "TEAM", team))).await.status, 404);
}

#[tokio::test]
async fn a_space_moves_into_a_team_only_if_its_moderators_are_there() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let room = stage.world.create_room(bob, "Gears", None);
    assert!(stage.world.move_room(room, team).is_err());
    stage.world.add_to_team(team, bob, Role::Member).unwrap();
    stage.world.move_room(room, team).unwrap();
    assert_eq!(stage.world.room(room).unwrap().team, Some(team));
}

#[tokio::test]
async fn whoever_creates_a_team_by_call_is_its_moderator() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let token = stage.world.issue_tokens(ada, &["spark:teams_read", "spark:teams_write"]).access_token;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let url = "https://webexapis.com/v1/teams";
    let made = send(&stage.world, "POST", url, &headers, json!({"name": "Engines"}).to_string().into()).await.unwrap();
    assert_eq!((made.status, &made.body["name"]), (200, &json!("Engines")));
    let own = send(&stage.world, "GET", url, &headers, Default::default()).await.unwrap();
    assert_eq!(own.items()[0]["id"], made.body["id"]);
    assert_eq!(own.items()[0]["creatorId"], json!(person_id(ada)));
    let nameless = send(&stage.world, "POST", url, &headers, json!({}).to_string().into()).await.unwrap();
    assert_eq!(nameless.status, 400);
}
