//! Webhooks from Webex.

use crate::support::{START, TENANT, World, sign, webex_request, wire};
use clients::webex::{Region, SpaceClue, WebexId};
use domain::ids::RoomId;
use engine::credentials::webhook_keys::WebhookKind;
use serde_json::{Value, json};
use store::message::{Job, Message, MessageVersion, Trigger};
use uuid::{Uuid, uuid};

pub(crate) fn room() -> WebexId<RoomId> {
    WebexId::new(
        Region("urn:TEAM:us-west-2_r".into()),
        RoomId(uuid!("0b9e2a40-5c1f-11ee-8c99-0242ac120002")),
    )
}

fn sync_of_room(clue: SpaceClue) -> Job {
    Job::Room { room: room().id, region: room().region, clue }
}

fn delivery(resource: &str, event: &str, data: Value) -> String {
    let delivery = json!({
        "id": "the webhook's",
        "name": "n",
        "resource": resource,
        "event": event,
        "orgId": "o",
        "actorId": "a",
        "data": data,
    });
    delivery.to_string()
}

#[tokio::test]
async fn each_resource_queues_its_own_job() {
    use SpaceClue::{LikelyTeam, Unclear};
    let room = room().to_string();
    let of_room = json!({"id": room});
    let of_membership = json!({"id": "membership", "roomId": room, "isModerator": true});
    let of_two_people = json!({"id": "membership", "roomId": room, "roomType": "direct"});
    let direct = json!({"id": room, "type": "direct"});
    let of_action = json!({"id": "action", "roomId": room});
    for (resource, event, data, asks) in [
        ("memberships", "created", &of_membership, vec![sync_of_room(LikelyTeam)]),
        ("memberships", "updated", &of_membership, vec![sync_of_room(LikelyTeam)]),
        ("memberships", "deleted", &of_membership, vec![sync_of_room(LikelyTeam)]),
        ("memberships", "created", &of_two_people, vec![]),
        ("rooms", "created", &direct, vec![]),
        ("rooms", "created", &of_room, vec![sync_of_room(Unclear)]),
        ("rooms", "updated", &of_room, vec![sync_of_room(Unclear)]),
        ("rooms", "migrated", &of_room, vec![sync_of_room(Unclear)]),
        (
            "attachmentActions",
            "created",
            &of_action,
            vec![Job::CardAnswered { action: "action".into() }],
        ),
        ("attachmentActions", "deleted", &of_action, vec![]),
        ("messages", "created", &of_action, vec![]),
        ("something new", "created", &json!(null), vec![]),
    ] {
        let world = World::new().await;
        let answer = world.webex(&delivery(resource, event, data.clone())).await;
        assert_eq!((answer.status_code, answer.body), (200, None), "{resource} {event}");
        let asked: Vec<_> = world.queued().into_iter().map(|message| message.job).collect();
        assert_eq!(asked, asks, "{resource} {event}");
    }
}

#[tokio::test]
async fn message_names_tenant_time_and_trigger() {
    let world = World::new().await;
    world.webex(&delivery("memberships", "created", json!({"id": "m", "roomId": room()}))).await;
    let at = START.parse().unwrap();
    let message = Message {
        v: MessageVersion,
        tenant: TENANT,
        at,
        trigger: Trigger::WebexWebhook,
        job: sync_of_room(SpaceClue::Unclear),
    };
    assert_eq!(world.queued(), [message]);
}

#[tokio::test]
async fn signed_body_without_notification_is_a_bad_request() {
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

/// A tenant, a body and its signature.
type Delivery = (&'static str, String, String, String);

/// Returns deliveries that are not signed correctly.
async fn wrong_signatures(world: &World, good: &str, right: &str) -> Vec<Delivery> {
    let tenant = &TENANT.to_string();
    let other = "0190a5c2-0000-7000-8000-000000000000";
    let signed_for = async |tenant: &str, kind| {
        let secret = world.secret(tenant.parse().unwrap(), kind).await;
        sign(&secret, good.as_bytes())
    };
    let of_graph = signed_for(tenant, WebhookKind::Graph).await;
    let of_no_tenant = signed_for(&Uuid::nil().to_string(), WebhookKind::Webex).await;
    let of_another = signed_for(other, WebhookKind::Webex).await;
    let changed = good.replace("updated", "deleted");
    let case = |case, tenant: &str, body: &str, signature: &str| {
        (case, tenant.into(), body.into(), signature.into())
    };
    let both = format!("{right}, {of_another}");
    vec![
        case("wrong signature", tenant, good, "00"),
        case("empty signature", tenant, good, ""),
        case("upper case", tenant, good, &right.to_uppercase()),
        case("changed body", tenant, &changed, right),
        case("wrong, and no notification", tenant, "no json", right),
        case("derived for Graph", tenant, good, &of_graph),
        case("another tenant's", tenant, good, &of_another),
        case("two, one of them right", tenant, good, &both),
        case("with its algorithm", tenant, good, &format!("sha1={right}")),
        case("unknown tenant", other, good, right),
        case("malformed tenant", "acme", good, right),
        case("malformed tenant, signed", "acme", good, &of_no_tenant),
        case("empty tenant", "", good, right),
        case("upper-case tenant", &tenant.to_uppercase(), good, right),
        case("tenant in braces", &format!("{{{tenant}}}"), good, right),
        case("tenant without hyphens", &tenant.replace('-', ""), good, right),
    ]
}

#[tokio::test]
async fn unsigned_requests_get_one_identical_answer() {
    let world = World::new().await;
    let good = delivery("rooms", "updated", json!({"id": room()}));
    let tenant = TENANT.to_string();
    let right = sign(&world.secret(TENANT, WebhookKind::Webex).await, good.as_bytes());
    let mut unsigned = webex_request(&tenant, &good, &right);
    unsigned.headers.remove("x-spark-signature");

    let mut answers = vec![("no signature", wire(&world.handle(unsigned).await))];
    for (case, tenant, body, signature) in wrong_signatures(&world, &good, &right).await {
        let request = webex_request(&tenant, &body, &signature);
        answers.push((case, wire(&world.handle(request).await)));
    }
    // Only the first of two headers counts: a proxy that adds one cannot hide a wrong signature
    // behind a right one.
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
