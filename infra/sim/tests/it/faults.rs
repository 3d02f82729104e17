//! Fault injection, the record, and the world over HTTP.

use bytes::Bytes;
use clients::http::TransportError;
use serde_json::{Value, json};
use sim::{Failure, Fault, Kind, Service, Violation, serve};

use crate::ask::{Stage, seeded, send, stage};

async fn rename(stage: &Stage, url: &str) -> Result<u16, TransportError> {
    let bearer = format!("Bearer {}", stage.token_for(&stage.acme).await);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({"displayName": "Renamed"}).to_string();
    send(&stage.world, "PATCH", url, &headers, body.into()).await.map(|reply| reply.status)
}

#[tokio::test]
async fn a_cut_before_has_no_effect_and_a_cut_after_has_one() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &[]).await;
    let url = format!("https://graph.microsoft.com/v1.0/groups/{group}");
    let name = || stage.world.group(group).unwrap().display_name;
    stage.world.inject(Fault::new(Failure::Refused).on(Service::Graph));
    assert!(matches!(rename(&stage, &url).await, Err(TransportError::NotSent(_))));
    stage.world.inject(Fault::cut_before().on(Service::Graph));
    assert!(matches!(rename(&stage, &url).await, Err(TransportError::NoAnswer(_))));
    assert_eq!(name(), "Engines");
    stage.world.inject(Fault::cut_after().on(Service::Graph));
    assert!(matches!(rename(&stage, &url).await, Err(TransportError::NoAnswer(_))));
    assert_eq!(name(), "Renamed");
    let last = stage.world.calls().pop().unwrap();
    assert_eq!((last.status, last.kind, last.method.as_str()), (None, Kind::Write, "PATCH"));
}

#[tokio::test]
async fn a_fault_skips_strikes_and_ends() {
    let stage = stage();
    stage.world.inject(
        Fault::status(503).on(Service::Webex).method("get").path("/people/me").skip(1).times(2),
    );
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(stage.get("/people/me").await.status);
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    stage.world.inject(Fault::throttled("Mon, 23 Nov 2026 08:01:00 GMT").on(Service::Webex));
    assert_eq!(
        stage.get("/teams").await.header("retry-after"),
        Some("Mon, 23 Nov 2026 08:01:00 GMT")
    );
    stage.world.inject(Fault::status(423).header("Retry-After", "5").on(Service::Webex));
    assert_eq!(stage.get("/teams").await.status, 423);
}

#[tokio::test]
async fn a_token_for_an_unknown_host_is_a_violation() {
    let stage = stage();
    let sent = send(
        &stage.world,
        "GET",
        "https://evil.example/v1.0/groups",
        &[("authorization", "Bearer t")],
        Bytes::new(),
    )
    .await;
    assert!(matches!(sent, Err(TransportError::NotSent(_))));
    assert_eq!(
        stage.world.take_violations(),
        [Violation::TokenSentTo { host: "evil.example".into() }]
    );
    send(&stage.world, "GET", "https://harmless.example/", &[], Bytes::new()).await.unwrap_err();
    assert_eq!(stage.world.take_violations(), []);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_world() {
    let history = async |seed: u64| {
        let stage = seeded(seed);
        let people = stage.people(3);
        let group = stage.group("Engines", &people, &people).await;
        (stage.acme.clone(), group, stage.world.calls())
    };
    assert_eq!(history(3).await, history(3).await);
    assert_ne!(history(3).await.1, history(4).await.1);
}

#[tokio::test]
async fn the_record_counts_by_service_and_kind() {
    let stage = stage();
    let people = stage.people(1);
    stage.group("Engines", &people, &[]).await;
    stage.get("/people/me").await;
    assert_eq!(stage.world.count(Service::Entra), 1);
    assert_eq!(stage.world.count_of(Service::Graph, Kind::Write), 1);
    assert_eq!(stage.world.count_of(Service::Webex, Kind::Read), 1);
    let calls = stage.world.take_calls();
    assert_eq!(calls.last().unwrap().owner, Some(stage.acme.org.0));
    assert!(stage.world.calls().is_empty());
}

#[tokio::test]
async fn links_over_http_use_the_requested_port() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people).await;
    let token = stage.token_for(&stage.acme).await;
    let servers = serve(&stage.world).await.unwrap();
    let client = reqwest::Client::new();
    let url = format!("{}/v1.0/groups/{group}/members?$top=1", servers.graph);
    let get = async || client.get(&url).bearer_auth(&token).send().await?.bytes().await;
    let page: Value = serde_json::from_slice(&get().await.unwrap()).unwrap();
    assert!(page["@odata.nextLink"].as_str().unwrap().starts_with(&servers.graph));
    stage.world.inject(Fault::cut_after().on(Service::Graph));
    assert!(get().await.is_err(), "a cut is a broken connection");
    let url = format!("{}/v1/people/me", servers.webex);
    let me = client.get(url).bearer_auth(&stage.acme.tokens.access_token).send().await.unwrap();
    assert_eq!(me.status(), 200);
}
