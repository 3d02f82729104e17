//! Webex's webhooks.

use crate::support::{START, TENANT, World, sign, webex_request, wire};
use clients::webex::{Region, WebexId};
use domain::ids::{RoomId, TenantId};
use engine::credentials::webhook_keys::Kind;
use serde_json::{Value, json};
use store::message::{Ask, Cause, Message, Version};
use uuid::{Uuid, uuid};

pub(crate) fn room() -> WebexId<RoomId> {
    WebexId::new(Region("urn:TEAM:us-west-2_r".into()), RoomId(uuid!("0b9e2a40-5c1f-11ee-8c99-0242ac120002")))
}

fn look() -> Ask {
    Ask::Room { room: room().id, region: room().region }
}

fn delivery(resource: &str, event: &str, data: Value) -> String {
    json!({"id": "the webhook's", "name": "n", "resource": resource, "event": event, "orgId": "o", "actorId": "a", "data": data}).to_string()
}

#[tokio::test]
async fn each_resource_asks_for_its_own() {
    let room = room().to_string();
    let of_room = json!({"id": room});
    let of_membership = json!({"id": "membership", "roomId": room, "isModerator": true});
    let of_action = json!({"id": "action", "roomId": room});
    for (resource, event, data, asks) in [
        ("memberships", "created", &of_membership, vec![look()]),
        ("memberships", "updated", &of_membership, vec![look()]),
        ("memberships", "deleted", &of_membership, vec![look()]),
        ("rooms", "created", &of_room, vec![look()]),
        ("rooms", "updated", &of_room, vec![look()]),
        ("rooms", "migrated", &of_room, vec![look()]),
        ("attachmentActions", "created", &of_action, vec![Ask::CardAnswered { action: "action".into() }]),
        ("attachmentActions", "deleted", &of_action, vec![]),
        ("messages", "created", &of_action, vec![]),
        ("something new", "created", &json!(null), vec![]),
    ] {
        let world = World::new().await;
        let answer = world.webex(&delivery(resource, event, data.clone())).await;
        assert_eq!((answer.status_code, answer.body), (200, None), "{resource} {event}");
        let asked: Vec<_> = world.queued().into_iter().map(|message| message.ask).collect();
        assert_eq!(asked, asks, "{resource} {event}");
    }
}

#[tokio::test]
async fn a_message_says_whose_when_and_why() {
    let world = World::new().await;
    world.webex(&delivery("memberships", "created", json!({"id": "m", "roomId": room()}))).await;
    let at = START.parse().unwrap();
    let message = Message { v: Version, tenant: TENANT, at, cause: Cause::WebexWebhook, ask: look() };
    assert_eq!(world.queued(), [message]);
}

#[tokio::test]
async fn a_signed_body_that_is_no_notification_is_a_bad_request() {
    let world = World::new().await;
    for body in [
        "",
        "no json",
        "[]",
        r#"{"resource": "rooms"}"#,
        &delivery("rooms", "updated", json!({})),
        &delivery("rooms", "updated", json!({"id": "no id"})),
        &delivery("memberships", "created", json!({"id": "m"})),
        &delivery("attachmentActions", "created", json!({})),
    ] {
        let answer = world.webex(body).await;
        assert_eq!((answer.status_code, answer.body), (400, None), "{body}");
    }
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn whatever_is_unproven_gets_the_same_answer_byte_for_byte() {
    let world = World::new().await;
    let good = delivery("rooms", "updated", json!({"id": room()}));
    let tenant = TENANT.to_string();
    let right = sign(&world.secret(TENANT, Kind::Webex).await, good.as_bytes());
    let of_graph = sign(&world.secret(TENANT, Kind::Graph).await, good.as_bytes());
    let of_nobody = sign(&world.secret(TenantId(Uuid::nil()), Kind::Webex).await, good.as_bytes());
    let other = "0190a5c2-0000-7000-8000-000000000000";
    let of_another = sign(&world.secret(other.parse().unwrap(), Kind::Webex).await, good.as_bytes());
    let mut unsigned = webex_request(&tenant, &good, &right);
    unsigned.headers.remove("x-spark-signature");

    let mut answers = vec![("no signature", wire(&world.handle(unsigned).await))];
    for (case, tenant, body, signature) in [
        ("wrong signature", tenant.as_str(), good.as_str(), "00"),
        ("empty signature", &tenant, &good, ""),
        ("upper case", &tenant, &good, &right.to_uppercase()),
        ("changed body", &tenant, &good.replace("updated", "deleted"), &right),
        ("wrong signature and no notification", &tenant, "no json", &right),
        ("derived for Graph", &tenant, &good, &of_graph),
        ("another tenant's", &tenant, &good, &of_another),
        ("two, one of them right", &tenant, &good, &format!("{right}, {of_another}")),
        ("with its algorithm", &tenant, &good, &format!("sha1={right}")),
        ("unknown tenant", other, &good, &right),
        ("malformed tenant", "acme", &good, &right),
        ("malformed tenant, signed for nobody", "acme", &good, &of_nobody),
        ("empty tenant", "", &good, &right),
    ] {
        answers.push((case, wire(&world.handle(webex_request(tenant, body, signature)).await)));
    }
    // Of two headers the first counts: a proxy that adds one cannot be used to hide a wrong one behind a right one.
    let mut twice = webex_request(&tenant, &good, "00");
    twice.headers.append("x-spark-signature", right.parse().unwrap());
    answers.push(("a wrong one before the right one", wire(&world.handle(twice).await)));
    let (_, first) = answers[0].clone();
    assert!(first.contains(r#""statusCode":401"#), "{first}");
    for (case, answer) in answers {
        assert_eq!(answer, first, "{case}");
    }
    assert!(world.queued().is_empty());
    assert_eq!(world.handle(webex_request(&tenant, &good, &right)).await.status_code, 200);
}
