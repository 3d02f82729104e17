//! Routes, bodies and outages.

use crate::support::{TENANT, World, graph_path, request, sign, webex_request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::credentials::webhook_keys::WebhookKind;
use serde_json::json;
use webhook::LARGEST_BODY;

#[tokio::test]
async fn only_three_routes_exist() {
    let world = World::new().await;
    let (webex, graph) = (format!("/webhooks/webex/{TENANT}"), graph_path());
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("POST", webex.as_str(), 401),
        ("POST", graph.as_str(), 401),
        ("POST", "/healthz", 404),
        ("GET", webex.as_str(), 404),
        ("PUT", graph.as_str(), 404),
        ("POST", "/webhooks/webex", 404),
        ("POST", "/webhooks/teams/x", 404),
        ("POST", &format!("{webex}/more"), 404),
        ("GET", "/", 404),
        ("GET", "", 404),
    ] {
        let answer = world.handle(request(method, path, "")).await;
        assert_eq!((answer.status_code, answer.body), (status, None), "{method} {path}");
    }
}

#[tokio::test]
async fn health_needs_no_secret() {
    let world = World::new().await;
    world.secrets.reach.cut();
    assert_eq!(world.handle(request("GET", "/healthz", "")).await.status_code, 200);
    assert_eq!(world.secrets.reads(), 0);
}

#[tokio::test]
async fn the_signature_is_over_the_decoded_body() {
    let world = World::new().await;
    let body = r#"{"resource": "messages",  "event": "created", "name": "ü"}"#;
    let signature = sign(&world.secret(TENANT, WebhookKind::Webex).await, body.as_bytes());
    let mut request = webex_request(&TENANT.to_string(), &STANDARD.encode(body), &signature);
    request.is_base64_encoded = true;
    assert_eq!(world.handle(request.clone()).await.status_code, 200);
    request.body = Some("no base64".to_owned());
    assert_eq!(world.handle(request).await.status_code, 401);
}

#[tokio::test]
async fn header_names_are_case_insensitive() {
    let world = World::new().await;
    let body = json!({"resource": "messages", "event": "created"}).to_string();
    let signature = sign(&world.secret(TENANT, WebhookKind::Webex).await, body.as_bytes());
    for name in ["X-Spark-Signature", "x-spark-signature", "X-SPARK-SIGNATURE"] {
        let event = json!({
            "version": "2.0",
            "rawPath": format!("/webhooks/webex/{TENANT}"),
            "headers": {name: signature},
            "body": body,
            "requestContext": {"http": {"method": "POST"}, "timeEpoch": 0}
        });
        assert_eq!(
            world.handle(serde_json::from_value(event).unwrap()).await.status_code,
            200,
            "{name}"
        );
    }
}

#[tokio::test]
async fn decoded_body_is_limited_to_256_kib() {
    let world = World::new().await;
    let bare = json!({"resource": "messages", "event": "created"}).to_string();
    let body = |length: usize| format!("{bare}{}", " ".repeat(length - bare.len()));
    assert_eq!(world.webex(&body(LARGEST_BODY)).await.status_code, 200);
    assert_eq!(world.webex(&body(LARGEST_BODY + 1)).await.status_code, 413);
    let largest = body(LARGEST_BODY);
    let signature = sign(&world.secret(TENANT, WebhookKind::Webex).await, largest.as_bytes());
    let mut encoded = webex_request(&TENANT.to_string(), &STANDARD.encode(&largest), &signature);
    encoded.is_base64_encoded = true;
    assert_eq!(world.handle(encoded).await.status_code, 200);
    assert_eq!(
        world.handle(request("POST", &graph_path(), &body(LARGEST_BODY + 1))).await.status_code,
        413
    );
    // Too long to be decoded at all.
    let mut undecodable = request("POST", &graph_path(), &"?".repeat(3 * LARGEST_BODY));
    undecodable.is_base64_encoded = true;
    assert_eq!(world.handle(undecodable).await.status_code, 413);
}

#[tokio::test]
async fn outage_of_secrets_or_queue_returns_503() {
    let world = World::new().await;
    let room = crate::webex::room().to_string();
    let webex = json!({"resource": "rooms", "event": "updated", "data": {"id": room}}).to_string();
    let graph = || vec![json!({"resourceData": {"id": TENANT.to_string()}})];

    world.secrets.reach.cut();
    assert_eq!(world.webex(&webex).await.status_code, 503);
    assert_eq!(world.graph(graph()).await.status_code, 503);

    world.secrets.reach.mend();
    world.queue.reach.cut();
    assert_eq!(world.webex(&webex).await.status_code, 503);
    assert_eq!(world.graph(graph()).await.status_code, 503);

    world.queue.reach.mend();
    assert!(world.queued().is_empty());
    assert_eq!(world.webex(&webex).await.status_code, 200);
    assert_eq!(world.graph(graph()).await.status_code, 202);
    assert_eq!(world.queued().len(), 2);
}
