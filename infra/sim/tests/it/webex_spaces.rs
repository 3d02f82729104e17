//! Teams, spaces, moderators, pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sim::{EmptyPages, MembershipRole};

use crate::ask::{person_id, send, stage, webex_id};

#[tokio::test]
async fn the_last_moderator_stays_in_the_team() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    stage.world.add_to_team(team, bob, MembershipRole::Member).unwrap();
    let path = format!("/memberships/{}", webex_id("us", "MEMBERSHIP", format!("{ada}:{team}")));
    assert_eq!(stage.webex("DELETE", &path, Value::Null).await.status, 403);
    stage.join_team(team).await;
    let of_team =
        format!("/team/memberships/{}", webex_id("us", "TEAM_MEMBERSHIP", format!("{ada}:{team}")));
    assert_eq!(
        stage.webex("DELETE", &of_team, Value::Null).await.status,
        204,
        "the service account counts for Webex"
    );
    assert!(stage.world.remove_from_team(team, stage.acme.service_account).is_err());
}

#[tokio::test]
async fn observers_add_no_one_to_an_empty_space() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let room = stage.world.create_room(ada, "Gears", Some(team));
    stage.world.remove_from_room(room, ada).unwrap();
    stage.world.add_to_team(team, bob, MembershipRole::Member).unwrap();
    let body = json!({"roomId": stage.world.room_id(room), "personId": person_id(bob)});
    assert_eq!(stage.webex("POST", "/memberships", body).await.status, 403);
}

#[tokio::test]
async fn team_spaces_take_only_members_of_the_team() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let room = stage.world.create_room(ada, "Gears", Some(team));
    assert!(stage.world.add_to_room(room, bob, MembershipRole::Member).is_err());
    stage.world.add_to_team(team, bob, MembershipRole::Member).unwrap();
    stage.world.add_to_room(room, bob, MembershipRole::Member).unwrap();
    stage.world.remove_from_team(team, bob).unwrap();
    assert!(!stage.world.room(room).unwrap().people.contains_key(&bob));
}

#[tokio::test]
async fn outsiders_of_moderated_spaces_see_moderators() {
    let stage = stage();
    let [ada, bob, cyd, dan] =
        ["Ada", "Bob", "Cyd", "Dan"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    for person in [bob, cyd, dan] {
        stage.world.add_to_team(team, person, MembershipRole::Member).unwrap();
    }
    let room = stage.world.create_room(ada, "Gears", Some(team));
    stage.world.add_to_room(room, bob, MembershipRole::Member).unwrap();
    stage.world.add_to_room(room, dan, MembershipRole::Moderator).unwrap();
    let token = stage.world.issue_tokens(cyd, &["spark:memberships_read"]).access_token;
    let path = format!("/memberships?roomId={}", stage.world.room_id(room));
    let seen = stage.webex_as(&token, "GET", &path, Value::Null).await;
    assert_eq!(
        seen.items().iter().map(|item| &item["personId"]).collect::<Vec<_>>(),
        [&json!(person_id(dan))]
    );
}

#[tokio::test]
async fn a_compliance_officer_lists_memberships_of_people() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let xavier =
        stage.world.add_account_of(stage.world.add_foreign_organization("Abroad"), "Xavier");
    let own = stage.world.create_team(ada, "Ours");
    let theirs = stage.world.create_team(xavier, "Theirs");
    stage.world.add_to_team(theirs, ada, MembershipRole::Member).unwrap();
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
async fn pages_can_be_smaller_or_empty() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Engines");
    for n in 0..6 {
        let person = stage.world.add_person(&stage.acme, &format!("Person {n}")).person;
        stage.world.add_to_team(team, person, MembershipRole::Member).unwrap();
    }
    stage.world.webex_settings(|settings| {
        (settings.page_limit, settings.empty_pages) = (3, EmptyPages::Between)
    });
    stage.world.take_calls();
    let memberships = stage.memberships(team).await;
    let people: BTreeSet<_> =
        memberships.iter().map(|membership| membership["personId"].to_string()).collect();
    assert_eq!((memberships.len(), people.len()), (7, 7));
    assert_eq!(stage.world.calls().len(), 5, "three pages of people with two empty ones between");
}

#[tokio::test]
async fn an_archived_team_can_only_be_read() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    stage.world.archive_team(team);
    assert_eq!(stage.memberships(team).await.len(), 1);
    let body =
        json!({"roomId": stage.world.room_id(team.general_space()), "personId": person_id(bob)});
    assert_eq!(stage.webex("POST", "/memberships", body).await.status, 403);
    stage.world.delete_team(team);
    assert_eq!(stage.get(&format!("/teams/{}", webex_id("us", "TEAM", team))).await.status, 404);
}

#[tokio::test]
async fn a_space_joins_a_team_with_its_moderators() {
    let stage = stage();
    let [ada, bob, cyd] =
        ["Ada", "Bob", "Cyd"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let room = stage.world.create_room(bob, "Gears", None);
    stage.world.add_to_room(room, cyd, MembershipRole::Moderator).unwrap();
    assert!(stage.world.move_room(room, team).is_err());
    stage.world.add_to_team(team, cyd, MembershipRole::Member).unwrap();
    stage.world.move_room(room, team).unwrap();
    assert_eq!(stage.world.room(room).unwrap().team, Some(team));
}

#[tokio::test]
async fn the_creator_of_a_team_is_its_moderator() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let token =
        stage.world.issue_tokens(ada, &["spark:teams_read", "spark:teams_write"]).access_token;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let url = "https://webexapis.com/v1/teams";
    let made =
        send(&stage.world, "POST", url, &headers, json!({"name": "Engines"}).to_string().into())
            .await
            .unwrap();
    assert_eq!((made.status, &made.body["name"]), (200, &json!("Engines")));
    let own = send(&stage.world, "GET", url, &headers, Default::default()).await.unwrap();
    assert_eq!(own.items()[0]["id"], made.body["id"]);
    assert_eq!(own.items()[0]["creatorId"], json!(person_id(ada)));
    let nameless =
        send(&stage.world, "POST", url, &headers, json!({}).to_string().into()).await.unwrap();
    assert_eq!(nameless.status, 400);
}
