//! Events, webhooks, cards.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sim::{MembershipRole, OrgWebhooks};

use crate::ask::{Stage, person_id, stage, webex_id};

const ALL: &str = "/events?resource=memberships&from=2026-11-23T07:00:00Z";

async fn hook(stage: &Stage, resource: &str, event: &str) -> Value {
    let body = json!({"name": "n", "targetUrl": "https://ours.example/hook", "resource": resource, "event": event, "secret": "s3"});
    let made = stage.webex("POST", "/webhooks", body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    made.body
}

#[tokio::test]
async fn events_are_late_and_have_unique_ids() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    assert!(stage.get(ALL).await.items().is_empty());
    stage.advance(1);
    assert_eq!(stage.get(ALL).await.items().len(), 1);
    stage.world.add_to_team(team, bob, MembershipRole::Member).unwrap();
    stage.world.promote(team, bob).unwrap();
    stage.world.remove_from_team(team, bob).unwrap();
    stage.advance(1);
    let seen = stage.get(ALL).await;
    let ids: BTreeSet<_> = seen.items().iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 4);
    let types: BTreeSet<_> =
        seen.items().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, BTreeSet::from(["created", "updated", "deleted"]));
    let deleted = stage.get(&format!("{ALL}&type=deleted")).await;
    assert_eq!(deleted.items()[0]["data"]["roomId"], webex_id("us", "ROOM", team));
    assert_eq!(deleted.items()[0]["data"]["personId"], person_id(bob));
    assert!(stage.get("/events?from=2026-11-23T08:00:02Z").await.items().is_empty());
    assert_eq!(stage.get("/events?to=2026-11-24T00:00:00Z").await.status, 400);
}

#[tokio::test]
async fn own_people_in_foreign_spaces_make_events() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let xavier =
        stage.world.add_account_of(stage.world.add_foreign_organization("Abroad"), "Xavier");
    let team = stage.world.create_team(xavier, "Theirs");
    stage.world.add_to_team(team, ada, MembershipRole::Member).unwrap();
    stage.advance(1);
    let seen = stage.get(ALL).await;
    assert_eq!(
        seen.items().iter().map(|event| &event["data"]["personId"]).collect::<Vec<_>>(),
        [&json!(person_id(ada))]
    );
}

#[tokio::test]
async fn there_is_no_webhook_of_teams() {
    let stage = stage();
    for resource in ["teams", "teamMemberships"] {
        let body = json!({"name": "n", "targetUrl": "https://ours.example", "resource": resource, "event": "created"});
        assert_eq!(stage.webex("POST", "/webhooks", body).await.status, 400);
    }
    let rooms = json!({"name": "n", "targetUrl": "https://ours.example", "resource": "rooms", "event": "deleted"});
    assert_eq!(stage.webex("POST", "/webhooks", rooms).await.status, 400);
    let wide = json!({"name": "n", "targetUrl": "https://ours.example", "resource": "memberships", "event": "all", "ownedBy": "org"});
    assert_eq!(stage.webex("POST", "/webhooks", wide.clone()).await.status, 403);
    stage.world.webex_settings(|settings| settings.org_webhooks = OrgWebhooks::Granted);
    assert_eq!(stage.webex("POST", "/webhooks", wide).await.status, 200);
    let rooms = json!({"name": "n", "targetUrl": "https://ours.example", "resource": "rooms", "event": "all", "ownedBy": "org"});
    assert_eq!(stage.webex("POST", "/webhooks", rooms.clone()).await.status, 200);
    stage.world.webex_settings(|settings| settings.org_room_webhooks = OrgWebhooks::Refused);
    assert_eq!(stage.webex("POST", "/webhooks", rooms).await.status, 403);
}

#[tokio::test]
async fn webhooks_are_signed_over_the_body() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let webhook = hook(&stage, "memberships", "created").await;
    let outside = stage.world.create_team(ada, "Outside");
    let inside = stage.world.create_team(ada, "Inside");
    stage.join_team(inside).await;
    for team in [outside, inside] {
        stage.world.add_to_team(team, bob, MembershipRole::Member).unwrap();
    }
    assert!(stage.world.take_deliveries(stage.clock.now()).is_empty(), "nothing is due yet");
    stage.advance(1);
    let due = stage.world.take_deliveries(stage.clock.now());
    assert_eq!(due.len(), 2, "the service account's own arrival and Bob's");
    let body: Value = serde_json::from_slice(&due[1].body).unwrap();
    assert_eq!((&body["id"], &body["data"]["personId"]), (&webhook["id"], &json!(person_id(bob))));
    assert_eq!(body["data"].get("roomType"), None, "added to the team, not to the room");
    let mut mac = Hmac::<Sha1>::new_from_slice(b"s3").unwrap();
    mac.update(&due[1].body);
    let expected: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(due[1].headers["x-spark-signature"], expected.as_str());
    assert!(stage.world.take_deliveries(stage.clock.now()).is_empty());
}

#[tokio::test]
async fn deliveries_can_be_lost_doubled_and_out_of_order() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Inside");
    stage.join_team(team).await;
    hook(&stage, "memberships", "created").await;
    let join = |count: usize| {
        for n in 0..count {
            let person = stage.world.add_person(&stage.acme, &format!("Person {n}")).person;
            stage.world.add_to_team(team, person, MembershipRole::Member).unwrap();
            stage.advance(1);
        }
        stage.advance(600);
        stage.world.take_deliveries(stage.clock.now())
    };
    stage.world.webex_settings(|settings| settings.deliveries_lost = 100);
    assert_eq!(join(3).len(), 0);
    stage.world.webex_settings(|settings| {
        (settings.deliveries_lost, settings.deliveries_doubled) = (0, 100);
        settings.delivery_jitter = Duration::from_secs(300);
    });
    let due = join(10);
    assert_eq!(due.len(), 20);
    let created: Vec<String> = due
        .iter()
        .map(|delivery| {
            serde_json::from_slice::<Value>(&delivery.body).unwrap()["data"]["created"].to_string()
        })
        .collect();
    assert!(!created.is_sorted(), "a later act overtakes an earlier one");
}

#[tokio::test]
async fn a_hundred_failures_disable_a_webhook() {
    let stage = stage();
    let webhook = hook(&stage, "rooms", "updated").await;
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Inside");
    stage.join_team(team).await;
    stage.world.rename_team(team, "Other");
    stage.advance(1);
    let id = stage.world.take_deliveries(stage.clock.now())[0].sender;
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    let status = async || stage.get(&path).await.body["status"].as_str().unwrap().to_owned();
    (0..99).for_each(|_| stage.world.delivery_failed(id));
    assert_eq!(status().await, "active");
    stage.world.delivery_failed(id);
    assert_eq!(status().await, "inactive");
    stage.world.rename_team(team, "Unheard");
    stage.advance(1);
    assert!(stage.world.take_deliveries(stage.clock.now()).is_empty());
    assert_eq!(
        stage.webex("PUT", &path, json!({"status": "active"})).await.body["status"],
        "active"
    );
    stage.world.delivery_failed(id);
    assert_eq!(status().await, "inactive", "one failure within five minutes is enough now");
}

#[tokio::test]
async fn card_inputs_are_read_through_the_action() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    hook(&stage, "attachmentActions", "created").await;
    let card = json!({"type": "AdaptiveCard", "version": "1.3", "body": []});
    let attachments =
        json!([{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]);
    let body =
        json!({"toPersonId": person_id(ada), "markdown": "A group?", "attachments": attachments});
    assert_eq!(stage.webex("POST", "/messages", body).await.status, 200);
    let [got] = &stage.world.cards_to(ada)[..] else { panic!("one message") };
    assert_eq!((got.markdown.as_str(), &got.content), ("A group?", &card));
    let action = stage.world.submit_card(got.message, ada, json!({"choice": "yes"})).unwrap();
    stage.advance(1);
    let due = stage.world.take_deliveries(stage.clock.now());
    let note: Value = serde_json::from_slice(&due[0].body).unwrap();
    assert_eq!(note["data"].get("inputs"), None);
    let read = stage
        .get(&format!("/attachment/actions/{}", note["data"]["id"].as_str().unwrap()))
        .await
        .body;
    assert_eq!(
        (&read["inputs"]["choice"], &read["id"]),
        (&json!("yes"), &json!(webex_id("us", "ATTACHMENT_ACTION", action)))
    );
    assert_eq!(read["personId"], person_id(ada));
}

#[tokio::test]
async fn deliveries_can_be_repeated_delayed_and_reversed() {
    let stage = stage();
    let people = ["Ada", "Bob", "Cyd"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(people[0], "Inside");
    stage.join_team(team).await;
    hook(&stage, "memberships", "created").await;
    let bodies = || {
        stage
            .world
            .take_deliveries(stage.clock.now())
            .into_iter()
            .map(|sent| sent.body)
            .collect::<Vec<_>>()
    };
    let join = || {
        for person in &people[1..] {
            stage.world.remove_from_team(team, *person).ok();
            stage.world.add_to_team(team, *person, MembershipRole::Member).unwrap();
        }
    };
    join();
    stage.advance(1);
    let sent = bodies();
    assert_eq!((sent.len(), stage.world.repeat_deliveries(5)), (2, 2));
    assert_eq!(bodies(), sent, "the same, signed as before");
    join();
    assert_eq!(stage.world.reverse_deliveries(), 2);
    stage.advance(1);
    let whom =
        |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["data"]["personId"].clone();
    assert_eq!(
        bodies().iter().map(|body| whom(body)).collect::<Vec<_>>(),
        [people[2], people[1]].map(person_id).map(Value::from)
    );
    join();
    assert_eq!(stage.world.delay_deliveries(Duration::from_secs(60)), 2);
    stage.advance(59);
    assert!(bodies().is_empty());
    stage.advance(2);
    assert_eq!(bodies().len(), 2);
}

#[tokio::test]
async fn a_migrated_room_keeps_its_uuid() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Inside");
    stage.join_team(team).await;
    hook(&stage, "rooms", "migrated").await;
    let before = stage.world.room_id(team.general_space());
    stage.world.migrate_room(team.general_space(), "urn:TEAM:eu-central-1_k");
    let after = webex_id("urn:TEAM:eu-central-1_k", "ROOM", team);
    assert_eq!(stage.get(&format!("/rooms/{before}")).await.status, 404);
    assert_eq!(stage.get(&format!("/rooms/{after}")).await.body["id"], after);
    stage.advance(1);
    let [delivery] = &stage.world.take_deliveries(stage.clock.now())[..] else {
        panic!("one webhook")
    };
    let body: Value = serde_json::from_slice(&delivery.body).unwrap();
    assert_eq!((&body["event"], &body["data"]["id"]), (&json!("migrated"), &json!(after)));
}

#[tokio::test]
async fn only_the_recipient_submits_a_card() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let ben = stage.world.add_person(&stage.acme, "Ben").person;
    let card = json!({"type": "AdaptiveCard", "version": "1.3", "body": []});
    let attachments =
        json!([{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]);
    let body =
        json!({"toPersonId": person_id(ada), "markdown": "A group?", "attachments": attachments});
    assert_eq!(stage.webex("POST", "/messages", body).await.status, 200);
    let scopes = ["spark:messages_read", "spark:messages_write"];
    let [of_ada, of_ben] =
        [ada, ben].map(|person| stage.world.issue_tokens(person, &scopes).access_token);
    let direct = format!("/messages/direct?personId={}", person_id(stage.acme.service_account));
    let read = stage.webex_as(&of_ada, "GET", &direct, Value::Null).await;
    let [message] = read.items() else { panic!("{read:?}") };
    assert_eq!(message["attachments"][0]["content"], card);
    assert!(stage.webex_as(&of_ben, "GET", &direct, Value::Null).await.items().is_empty());
    let press =
        |kind: &str| json!({"type": kind, "messageId": message["id"], "inputs": {"choice": "yes"}});
    assert_eq!(
        stage.webex_as(&of_ben, "POST", "/attachment/actions", press("submit")).await.status,
        404
    );
    assert_eq!(
        stage.webex_as(&of_ada, "POST", "/attachment/actions", press("open")).await.status,
        400
    );
    let pressed = stage.webex_as(&of_ada, "POST", "/attachment/actions", press("submit")).await;
    assert_eq!((pressed.status, &pressed.body["messageId"]), (200, &message["id"]));
    let action =
        stage.get(&format!("/attachment/actions/{}", pressed.body["id"].as_str().unwrap())).await;
    assert_eq!(action.body["inputs"]["choice"], "yes");
}
