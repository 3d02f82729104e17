//! Change notifications.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::http::{Transport, TransportError};

use crate::ask::stage;

fn wish(ends: &str) -> Value {
    json!({"changeType": "updated,deleted", "notificationUrl": "https://ours.example/n", "resource": "/groups",
        "expirationDateTime": ends, "clientState": "s3"})
}

#[tokio::test]
async fn every_change_of_a_group_is_a_hint_some_seconds_later_and_deletion_says_updated() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &[]).await;
    assert_eq!(stage.graph("POST", "/subscriptions", wish("2026-11-25T08:00:00Z")).await.status, 201);
    stage.world.add_member(group, people[1]);
    stage.world.delete_group(group);
    assert!(stage.world.take_deliveries(stage.clock.now()).is_empty());
    stage.advance(10);
    let due = stage.world.take_deliveries(stage.clock.now());
    assert_eq!(due.len(), 2);
    let note: Value = serde_json::from_slice(&due[1].body).unwrap();
    let note = &note["value"][0];
    assert_eq!((&note["changeType"], &note["clientState"]), (&json!("updated"), &json!("s3")));
    assert_eq!(note["resourceData"]["id"], json!(group));
    stage.advance(2 * 86_400);
    stage.world.restore_group(group);
    stage.advance(60);
    assert!(stage.world.take_deliveries(stage.clock.now()).is_empty(), "it has ended");
}

#[tokio::test]
async fn a_subscription_lives_less_than_29_days_and_is_renewed_by_its_end_only() {
    let stage = stage();
    assert_eq!(stage.graph("POST", "/subscriptions", wish("2026-12-23T08:00:00Z")).await.status, 400);
    let made = stage.graph("POST", "/subscriptions", wish("2026-12-22T07:00:00Z")).await;
    let path = format!("/subscriptions/{}", made.body["id"].as_str().unwrap());
    stage.advance(86_400);
    let renewed = stage.graph("PATCH", &path, json!({"expirationDateTime": "2026-12-23T07:00:00Z"})).await;
    assert_eq!((renewed.status, &renewed.body["expirationDateTime"]), (200, &json!("2026-12-23T07:00:00Z")));
    assert_eq!(stage.graph("GET", "/subscriptions", Value::Null).await.items().len(), 1);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(stage.graph("GET", &path, Value::Null).await.status, 404);
}

struct Receiver(fn(&str) -> String);

#[async_trait]
impl Transport for Receiver {
    async fn send(&self, request: http::Request<Bytes>, _: Duration) -> Result<http::Response<Bytes>, TransportError> {
        let query = request.uri().query().unwrap();
        let (_, token) =
            url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "validationToken").unwrap();
        let answer = http::Response::builder().header("content-type", "text/plain").body((self.0)(&token).into());
        Ok(answer.unwrap())
    }
}

#[tokio::test]
async fn the_receiver_has_to_give_the_decoded_token_back() {
    let stage = stage();
    stage.world.reach_receivers_through(Arc::new(Receiver(|token| format!("\"{token}\""))));
    let refused = stage.graph("POST", "/subscriptions", wish("2026-11-25T08:00:00Z")).await;
    assert_eq!((refused.status, refused.code()), (400, "ValidationError"));
    stage.world.reach_receivers_through(Arc::new(Receiver(str::to_owned)));
    assert_eq!(stage.graph("POST", "/subscriptions", wish("2026-11-25T08:00:00Z")).await.status, 201);
}
