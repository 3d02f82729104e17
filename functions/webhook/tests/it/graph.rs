//! Graph's change notifications.

use crate::support::{START, TENANT, World, graph_path, request, wire};
use aws_lambda_events::encodings::Body;
use domain::ids::GroupId;
use engine::credentials::webhook_keys::Kind;
use serde_json::{Value, json};
use store::message::{Ask, Cause, Message, Version};
use uuid::{Uuid, uuid};

const ONE: Uuid = uuid!("11111111-aaaa-4aaa-8aaa-111111111111");
const TWO: Uuid = uuid!("22222222-bbbb-4bbb-8bbb-222222222222");

fn group(id: impl ToString) -> Value {
    let id = id.to_string();
    json!({
        "changeType": "updated", "subscriptionId": "subscription", "resource": format!("Groups/{id}"), "tenantId": TENANT,
        "resourceData": {"@odata.type": "#Microsoft.Graph.Group", "id": id, "members@delta": [{"id": TENANT}]}
    })
}

fn lifecycle(subscription: &str) -> Value {
    json!({"subscriptionId": subscription, "lifecycleEvent": "reauthorizationRequired", "resourceData": null})
}

fn messages(asks: Vec<Ask>) -> Vec<Message> {
    let at = START.parse().unwrap();
    asks.into_iter()
        .map(|ask| Message { v: Version, tenant: TENANT, at, cause: Cause::GraphNotification, ask })
        .collect()
}

#[tokio::test]
async fn a_delivery_asks_for_each_group_once_and_for_each_subscription() {
    let (one, two) = (Ask::Group { group: GroupId(ONE) }, Ask::Group { group: GroupId(TWO) });
    let attention = Ask::SubscriptionLifecycle { subscription: "s".into() };
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
async fn a_proven_delivery_that_names_nothing_is_a_bad_request() {
    let world = World::new().await;
    for item in [json!({}), group("no id"), json!({"lifecycleEvent": "missed"}), json!({"resourceData": {"id": null}})]
    {
        let answer = world.graph(vec![item.clone()]).await;
        assert_eq!((answer.status_code, answer.body), (400, None), "{item}");
    }
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn one_wrong_client_state_refuses_the_whole_delivery_as_an_unknown_tenant_is_refused() {
    let world = World::new().await;
    let right = world.secret(TENANT, Kind::Graph).await;
    let with = |state: Value| {
        let mut item = group(ONE);
        item["clientState"] = state;
        item
    };
    let body = |items: Vec<Value>| json!({"value": items}).to_string();
    let other = "/webhooks/graph/0190a5c2-0000-7000-8000-000000000000".to_owned();
    let of_webex = world.secret(TENANT, Kind::Webex).await;
    let of_another = world.secret("0190a5c2-0000-7000-8000-000000000000".parse().unwrap(), Kind::Graph).await;

    let mut answers = Vec::new();
    for (case, path, body) in [
        ("first wrong", graph_path(), body(vec![with("x".into()), with(right.clone().into())])),
        ("last wrong", graph_path(), body(vec![with(right.clone().into()), with("x".into())])),
        ("absent", graph_path(), body(vec![group(ONE)])),
        ("null", graph_path(), body(vec![with(Value::Null)])),
        ("empty", graph_path(), body(vec![with("".into())])),
        ("shortened", graph_path(), body(vec![with(right[..63].into())])),
        ("derived for Webex", graph_path(), body(vec![with(of_webex.into())])),
        ("another tenant's", graph_path(), body(vec![with(of_another.into())])),
        ("no items", graph_path(), body(vec![])),
        ("no json", graph_path(), "no json".to_owned()),
        ("no body", graph_path(), String::new()),
        ("unknown tenant", other, body(vec![with(right.clone().into())])),
        ("malformed tenant", "/webhooks/graph/acme".to_owned(), body(vec![with(right.clone().into())])),
    ] {
        answers.push((case, wire(&world.handle(request("POST", &path, &body)).await)));
    }
    let (_, first) = answers[0].clone();
    assert!(first.contains(r#""statusCode":401"#), "{first}");
    for (case, answer) in answers {
        assert_eq!(answer, first, "{case}");
    }
    assert!(world.queued().is_empty());
    assert_eq!(world.handle(request("POST", &graph_path(), &body(vec![with(right.into())]))).await.status_code, 202);
}

#[tokio::test]
async fn the_handshake_gives_the_decoded_token_back_as_text() {
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
        assert_eq!((answer.status_code, &answer.body), (200, &Some(Body::Text(token.to_owned()))), "{raw}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    assert_eq!(world.secrets.reads(), 0);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn the_handshake_takes_the_parameters_where_there_is_no_raw_query() {
    let world = World::new().await;
    let event = json!({
        "version": "2.0", "rawPath": graph_path(), "queryStringParameters": {"validationToken": "a token, decoded"},
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": 0}
    });
    let answer = world.handle(serde_json::from_value(event).unwrap()).await;
    assert_eq!((answer.status_code, answer.body), (200, Some(Body::Text("a token, decoded".to_owned()))));
}

#[tokio::test]
async fn a_token_that_is_empty_or_longer_than_1024_characters_is_not_sent_back() {
    let world = World::new().await;
    for token in [String::new(), "t".repeat(1025)] {
        let mut request = request("POST", &graph_path(), "");
        request.raw_query_string = Some(format!("validationToken={token}"));
        let answer = world.handle(request).await;
        assert_eq!((answer.status_code, answer.body), (400, None));
    }
}
