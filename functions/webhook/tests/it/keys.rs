//! Generations of keys, and how often they are read.

use std::time::Duration;

use crate::support::{TENANT, World, graph_path, request, sign, webex_request};
use engine::credentials::webhook_keys::{CACHED_FOR, WebhookKind};
use serde_json::json;

const BODY: &str = r#"{"resource": "messages", "event": "created"}"#;

async fn webex_status(world: &World, secret: &str) -> i64 {
    world
        .handle(webex_request(&TENANT.to_string(), BODY, &sign(secret, BODY.as_bytes())))
        .await
        .status_code
}

async fn graph_status(world: &World, secret: &str) -> i64 {
    let body =
        json!({"value": [{"clientState": secret, "resourceData": {"id": TENANT}}]}).to_string();
    world.handle(request("POST", &graph_path(), &body)).await.status_code
}

#[tokio::test]
async fn stored_key_generations_are_accepted() {
    let world = World::new().await;
    let (webex_1, graph_1) = (
        world.secret(TENANT, WebhookKind::Webex).await,
        world.secret(TENANT, WebhookKind::Graph).await,
    );
    world.keep_keys("2", &["1", "2"]).await;
    let (webex_2, graph_2) = (
        world.secret(TENANT, WebhookKind::Webex).await,
        world.secret(TENANT, WebhookKind::Graph).await,
    );
    assert_ne!((&webex_1, &graph_1), (&webex_2, &graph_2));
    for (webex, graph) in [(&webex_1, &graph_1), (&webex_2, &graph_2)] {
        assert_eq!(
            (webex_status(&world, webex).await, graph_status(&world, graph).await),
            (200, 202)
        );
    }

    world.keep_keys("2", &["2"]).await;
    world.clock.advance(CACHED_FOR);
    assert_eq!(
        (webex_status(&world, &webex_1).await, graph_status(&world, &graph_1).await),
        (401, 401)
    );
    assert_eq!(
        (webex_status(&world, &webex_2).await, graph_status(&world, &graph_2).await),
        (200, 202)
    );
}

#[tokio::test]
async fn rotated_keys_are_read_when_a_proof_matches_none() {
    let world = World::new().await;
    let old = world.secret(TENANT, WebhookKind::Webex).await;
    assert_eq!(webex_status(&world, &old).await, 200);
    world.keep_keys("2", &["2"]).await;
    let new = world.secret(TENANT, WebhookKind::Webex).await;
    let graph = world.secret(TENANT, WebhookKind::Graph).await;
    world.clock.advance(Duration::from_secs(29));
    assert_eq!(webex_status(&world, &new).await, 401, "the keys were read just now");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!((webex_status(&world, &new).await, graph_status(&world, &graph).await), (200, 202));
    assert_eq!(webex_status(&world, &old).await, 401);
    let reads = world.secrets.reads();
    for _ in 0..50 {
        assert_eq!(webex_status(&world, "wrong").await, 401);
    }
    assert_eq!(world.secrets.reads(), reads, "strangers cause no reading");
}

#[tokio::test]
async fn secret_is_read_every_five_minutes() {
    let world = World::new().await;
    let secret = world.secret(TENANT, WebhookKind::Webex).await;
    assert_eq!(world.secrets.reads(), 0);
    for _ in 0..10 {
        assert_eq!(webex_status(&world, &secret).await, 200);
        assert_eq!(webex_status(&world, "wrong").await, 401);
        assert_eq!(graph_status(&world, "wrong").await, 401);
    }
    world.clock.advance(CACHED_FOR - Duration::from_millis(1));
    assert_eq!(webex_status(&world, &secret).await, 200);
    assert_eq!(world.secrets.reads(), 1);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(webex_status(&world, &secret).await, 200);
    assert_eq!(world.secrets.reads(), 2);
}

#[tokio::test]
async fn cached_keys_expire_during_an_outage() {
    let world = World::new().await;
    let secret = world.secret(TENANT, WebhookKind::Webex).await;
    assert_eq!(webex_status(&world, &secret).await, 200);
    world.secrets.reach.cut();
    assert_eq!(webex_status(&world, &secret).await, 200);
    world.clock.advance(CACHED_FOR);
    assert_eq!(webex_status(&world, &secret).await, 503);
    world.secrets.reach.mend();
    assert_eq!(webex_status(&world, &secret).await, 200);
}

#[tokio::test]
async fn unusable_keys_accept_no_request() {
    let world = World::new().await;
    let secret = world.secret(TENANT, WebhookKind::Webex).await;
    world.keep_keys("3", &["1"]).await;
    assert_eq!(webex_status(&world, &secret).await, 503);
}
