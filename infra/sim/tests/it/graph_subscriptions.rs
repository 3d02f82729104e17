//! Change notifications.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use serde_json::{Value, json};

use crate::ask::stage;

fn subscription_body(ends: &str) -> Value {
    json!({"changeType": "updated,deleted", "notificationUrl": "https://ours.example/n", "resource": "/groups",
        "expirationDateTime": ends, "clientState": "s3"})
}

#[tokio::test]
async fn every_group_change_is_notified_as_a_hint() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &[]).await;
    assert_eq!(
        stage
            .graph("POST", "/subscriptions", subscription_body("2026-11-25T08:00:00Z"))
            .await
            .status,
        201
    );
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
async fn subscriptions_last_29_days_and_only_renew_the_end() {
    let stage = stage();
    assert_eq!(
        stage
            .graph("POST", "/subscriptions", subscription_body("2026-12-23T08:00:00Z"))
            .await
            .status,
        400
    );
    let made =
        stage.graph("POST", "/subscriptions", subscription_body("2026-12-22T07:00:00Z")).await;
    let path = format!("/subscriptions/{}", made.body["id"].as_str().unwrap());
    stage.advance(86_400);
    let renewed =
        stage.graph("PATCH", &path, json!({"expirationDateTime": "2026-12-23T07:00:00Z"})).await;
    assert_eq!(
        (renewed.status, &renewed.body["expirationDateTime"]),
        (200, &json!("2026-12-23T07:00:00Z"))
    );
    assert_eq!(stage.graph("GET", "/subscriptions", Value::Null).await.items().len(), 1);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(stage.graph("GET", &path, Value::Null).await.status, 404);
}

struct Receiver(fn(&str) -> String);

#[async_trait]
impl Transport for Receiver {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let query = request.uri().query().unwrap();
        let (_, token) = url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == "validationToken")
            .unwrap();
        let answer = http::Response::builder()
            .header("content-type", "text/plain")
            .body((self.0)(&token).into());
        Ok(answer.unwrap())
    }
}

#[tokio::test]
async fn receivers_return_the_decoded_token() {
    let stage = stage();
    stage.world.set_notification_receiver(Arc::new(Receiver(|token| format!("\"{token}\""))));
    let refused =
        stage.graph("POST", "/subscriptions", subscription_body("2026-11-25T08:00:00Z")).await;
    assert_eq!((refused.status, refused.code()), (400, "ValidationError"));
    stage.world.set_notification_receiver(Arc::new(Receiver(str::to_owned)));
    assert_eq!(
        stage
            .graph("POST", "/subscriptions", subscription_body("2026-11-25T08:00:00Z"))
            .await
            .status,
        201
    );
}

/// Creates a subscription with an address for its lifecycle.
async fn subscribed(stage: &crate::ask::Stage) -> String {
    let mut subscription_body = subscription_body("2026-11-25T08:00:00Z");
    subscription_body["lifecycleNotificationUrl"] = "https://ours.example/lifecycle".into();
    stage.graph("POST", "/subscriptions", subscription_body).await.body["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn reauthorization_is_asked_at_the_lifecycle_url() {
    let stage = stage();
    let globex = stage.world.add_tenant("Globex");
    let id = subscribed(&stage).await;
    stage.world.require_reauthorization(globex.directory);
    stage.advance(10);
    assert!(
        stage.world.take_deliveries(stage.clock.now()).is_empty(),
        "that was another directory"
    );
    stage.world.require_reauthorization(stage.acme.directory);
    stage.advance(10);
    let due = stage.world.take_deliveries(stage.clock.now());
    assert_eq!((due.len(), due[0].url.as_str()), (1, "https://ours.example/lifecycle"));
    let note: Value = serde_json::from_slice(&due[0].body).unwrap();
    let expected = json!({
        "lifecycleEvent": "reauthorizationRequired",
        "subscriptionId": id,
        "clientState": "s3",
        "subscriptionExpirationDateTime": "2026-11-25T08:00:00Z",
        "tenantId": stage.acme.directory,
    });
    assert_eq!(note["value"], json!([expected]));
}

#[tokio::test]
async fn notifications_stop_without_reauthorization() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let id = subscribed(&stage).await;
    let hints = || {
        stage.world.rename_group(group, people[0], &format!("Engines {}", stage.clock.now()));
        stage.advance(10);
        stage
            .world
            .take_deliveries(stage.clock.now())
            .iter()
            .filter(|note| note.url.ends_with("/n"))
            .count()
    };
    let renewal = json!({"expirationDateTime": "2026-11-25T09:00:00Z"});
    for (method, path, body, status) in [
        ("POST", format!("/subscriptions/{id}/reauthorize"), Value::Null, 204),
        ("PATCH", format!("/subscriptions/{id}"), renewal, 200),
    ] {
        stage.world.require_reauthorization(stage.acme.directory);
        assert_eq!(hints(), 1, "there is time to answer");
        stage.advance(3_600);
        assert_eq!(hints(), 0);
        assert_eq!(stage.graph(method, &path, body).await.status, status);
        assert_eq!(hints(), 1);
    }
    let unknown = "/subscriptions/0b6a1f2e-0000-4000-8000-000000000000/reauthorize";
    assert_eq!(stage.graph("POST", unknown, Value::Null).await.status, 404);
    stage.world.consent(stage.acme.directory, &[]);
    stage.advance(3_600);
    let path = format!("/subscriptions/{id}/reauthorize");
    assert_eq!(stage.graph("POST", &path, Value::Null).await.status, 403);
}

#[tokio::test]
async fn a_directory_can_silently_lose_subscriptions() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let id = subscribed(&stage).await;
    stage.world.lose_subscriptions(stage.acme.directory);
    stage.world.delete_group(group);
    stage.advance(60);
    assert!(stage.world.take_deliveries(stage.clock.now()).is_empty());
    assert_eq!(stage.graph("GET", &format!("/subscriptions/{id}"), Value::Null).await.status, 404);
    assert!(stage.graph("GET", "/subscriptions", Value::Null).await.items().is_empty());
}

#[tokio::test]
async fn the_hundred_and_first_subscription_is_refused() {
    let stage = stage();
    for _ in 0..100 {
        assert_eq!(
            stage
                .graph("POST", "/subscriptions", subscription_body("2026-12-01T00:00:00Z"))
                .await
                .status,
            201
        );
    }
    assert_eq!(
        stage
            .graph("POST", "/subscriptions", subscription_body("2026-12-01T00:00:00Z"))
            .await
            .status,
        403
    );
}
