//! A customer that has not connected yet.

use sandbox::page::Playground;
use serde_json::json;
use sim::{Ports, serve_on};

use crate::site::{Site, id, pair};

#[tokio::test]
async fn people_act_before_their_organization_connects() {
    let playground = Playground::fresh().unwrap();
    let servers = serve_on(playground.world(), Ports::default()).await.unwrap();
    let curl = sandbox::page::curl(&playground, &servers).await.unwrap();
    assert!(curl.contains("/messages/direct?personEmail=") && curl.contains("externalId"));
    let site = Site::of(playground).await;
    let state = site.state_of("acme").await;
    assert_eq!(state["has_story"], false);
    let [ada, ben] = ["Ada Arndt", "Ben Bellini"].map(|name| id(&state["people"], name));
    site.act(json!({"action": "create-team", "name": "Pier", "by": ada, "people": [ben]})).await;
    site.pass(120).await;
    let state = site.state_of("acme").await;
    let link = &pair(&state, "Pier")["link"];
    assert_eq!(link["state"], "new");
    assert!(link["reason"].as_str().unwrap().contains("not connected yet"), "{link}");
    assert_eq!((&state["messages"], &state["problems"]), (&json!([]), &json!([])));
    site.done("/api/story", json!({"do": "start"})).await;
    assert!(site.state_of("acme").await["story"].is_null());
}
