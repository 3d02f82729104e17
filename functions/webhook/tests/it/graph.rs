//! Change notifications from Graph.

use crate::support::{START, TENANT, World, graph_path, request, wire};
use aws_lambda_events::encodings::Body;
use domain::ids::GroupId;
use engine::credentials::webhook_keys::WebhookKind;
use serde_json::{Value, json};
use store::message::{Job, Message, MessageVersion, Trigger};
use uuid::{Uuid, uuid};

const ONE: Uuid = uuid!("11111111-aaaa-4aaa-8aaa-111111111111");
const TWO: Uuid = uuid!("22222222-bbbb-4bbb-8bbb-222222222222");

fn group(id: impl ToString) -> Value {
    let id = id.to_string();
    json!({
        "changeType": "updated",
        "subscriptionId": "subscription",
        "resource": format!("Groups/{id}"),
        "tenantId": TENANT,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Group",
            "id": id,
            "members@delta": [{"id": TENANT}],
        },
    })
}

fn lifecycle(subscription: &str) -> Value {
    json!({
        "subscriptionId": subscription,
        "lifecycleEvent": "reauthorizationRequired",
        "resourceData": null,
    })
}

fn messages(asks: Vec<Job>) -> Vec<Message> {
    let at = START.parse().unwrap();
    asks.into_iter()
        .map(|job| Message {
            v: MessageVersion,
            tenant: TENANT,
            at,
            trigger: Trigger::GraphNotification,
            job,
        })
        .collect()
}

#[tokio::test]
async fn delivery_requests_each_group_and_subscription_once() {
    let (one, two) = (Job::Group { group: GroupId(ONE) }, Job::Group { group: GroupId(TWO) });
    let attention = Job::SubscriptionLifecycle { subscription: "s".into() };
    for (items, asks) in [
        (vec![group(ONE)], vec![one.clone()]),
        (vec![group(TWO), group(ONE), group(TWO), group(ONE)], vec![one.clone(), two]),
        (vec![lifecycle("s"), lifecycle("s")], vec![attention.clone()]),
        (vec![lifecycle("s"), group(ONE)], vec![one.clone(), attention]),
        (vec![group("no id"), group(ONE)], vec![one]),
    ] {
        let world = World::new().await;
        let answer = world.graph(items.clone()).await;
        assert_eq!((answer.status_code, answer.body), (202, None), "{items:?}");
        assert_eq!(world.queued(), messages(asks), "{items:?}");
    }
}

#[tokio::test]
async fn signed_delivery_without_subject_is_a_bad_request() {
    let world = World::new().await;
    for item in [
        json!({}),
        group("no id"),
        json!({"lifecycleEvent": "missed"}),
        json!({"resourceData": {"id": null}}),
    ] {
        let answer = world.graph(vec![item.clone()]).await;
        assert_eq!((answer.status_code, answer.body), (400, None), "{item}");
    }
    assert!(world.queued().is_empty());
}

fn with_state(state: impl Into<Value>) -> Value {
    let mut item = group(ONE);
    item["clientState"] = state.into();
    item
}

fn body(items: Vec<Value>) -> String {
    json!({"value": items}).to_string()
}

/// Returns rejected deliveries: case, path and body.
async fn rejected_deliveries(world: &World) -> Vec<(&'static str, String, String)> {
    let other = "0190a5c2-0000-7000-8000-000000000000";
    let right = &world.secret(TENANT, WebhookKind::Graph).await;
    let of_webex = world.secret(TENANT, WebhookKind::Webex).await;
    let of_another = world.secret(other.parse().unwrap(), WebhookKind::Graph).await;
    let own = |case, items| (case, graph_path(), body(items));
    let right = || with_state(right.as_str());
    let shortened = right()["clientState"].as_str().unwrap()[..63].to_owned();
    vec![
        own("first wrong", vec![with_state("x"), right()]),
        own("last wrong", vec![right(), with_state("x")]),
        own("absent", vec![group(ONE)]),
        own("null", vec![with_state(Value::Null)]),
        own("empty", vec![with_state("")]),
        own("shortened", vec![with_state(shortened)]),
        own("derived for Webex", vec![with_state(of_webex)]),
        own("another tenant's", vec![with_state(of_another)]),
        own("no items", vec![]),
        ("no json", graph_path(), "no json".to_owned()),
        ("no body", graph_path(), String::new()),
        ("unknown tenant", format!("/webhooks/graph/{other}"), body(vec![right()])),
        ("malformed tenant", "/webhooks/graph/acme".to_owned(), body(vec![right()])),
    ]
}

#[tokio::test]
async fn one_wrong_client_state_rejects_the_delivery() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for (case, path, body) in rejected_deliveries(&world).await {
        answers.push((case, wire(&world.handle(request("POST", &path, &body)).await)));
    }
    let (_, first) = answers[0].clone();
    assert!(first.contains(r#""statusCode":401"#), "{first}");
    for (case, answer) in answers {
        assert_eq!(answer, first, "{case}");
    }
    assert!(world.queued().is_empty());
    let right = with_state(world.secret(TENANT, WebhookKind::Graph).await);
    assert_eq!(
        world.handle(request("POST", &graph_path(), &body(vec![right]))).await.status_code,
        202
    );
}

#[tokio::test]
async fn handshake_returns_the_decoded_token() {
    let world = World::new().await;
    world.secrets.reach.cut();
    let long = "t".repeat(1024);
    for (raw, token) in [
        (
            "validationToken=Validation%3a+Testing+for+subscription%2C+Request-Id%3A+1",
            "Validation: Testing for subscription, Request-Id: 1",
        ),
        ("x=1&validationToken=%3Cscript%3E", "<script>"),
        (&format!("validationToken={long}"), &long),
    ] {
        let mut request = request("POST", &graph_path(), "");
        request.raw_query_string = Some(raw.to_owned());
        let answer = world.handle(request).await;
        assert_eq!(
            (answer.status_code, &answer.body),
            (200, &Some(Body::Text(token.to_owned()))),
            "{raw}"
        );
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    assert_eq!(world.secrets.reads(), 0);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn handshake_works_without_a_raw_query() {
    let world = World::new().await;
    let event = json!({
        "version": "2.0",
        "rawPath": graph_path(),
        "queryStringParameters": {"validationToken": "a token, decoded"},
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": 0}
    });
    let answer = world.handle(serde_json::from_value(event).unwrap()).await;
    assert_eq!(
        (answer.status_code, answer.body),
        (200, Some(Body::Text("a token, decoded".to_owned())))
    );
}

#[tokio::test]
async fn handshake_rejects_empty_and_long_tokens() {
    let world = World::new().await;
    for token in [String::new(), "t".repeat(1025)] {
        let mut request = request("POST", &graph_path(), "");
        request.raw_query_string = Some(format!("validationToken={token}"));
        let answer = world.handle(request).await;
        assert_eq!((answer.status_code, answer.body), (400, None));
    }
}
