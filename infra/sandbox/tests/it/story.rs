//! The page's story.

use serde_json::json;

use crate::site::{Site, assert_in_sync, pair, role};

#[tokio::test]
async fn the_story_ends_in_sync() {
    let site = Site::open().await;
    let started = site.done("/api/story", json!({"do": "start"})).await;
    assert_eq!(started["story"]["scene"], 1);
    let mut scenes = Vec::new();
    for _ in 0..400 {
        site.pass(60).await;
        match site.state().await["story"]["scene"].as_u64() {
            Some(scene) => scenes.push(scene),
            None => break,
        }
    }
    scenes.dedup();
    let all = started["story"]["of"].as_u64().unwrap();
    let is_complete = scenes == (1..=all).collect::<Vec<_>>();
    assert!(all > 8 && is_complete, "not all scenes in order: {scenes:?} of {all}");
    let state = site.state().await;
    assert!(state["story"].is_null());
    assert_in_sync(&state);
    let crew = pair(&state, "Regatta crew");
    let mut spaces = crew["spaces"]["spaces"].as_array().unwrap().iter();
    let sails = spaces.find(|space| space["title"] == "Sails 2026/27").unwrap();
    assert_eq!((&sails["folder"], &sails["state"]), (&json!("Sails 2026-27"), &json!("linked")));
    for (name, expected) in
        [("Hugo Laurent", Some("member")), ("Dario Bellini", None), ("Ines Duarte", Some("member"))]
    {
        assert_eq!(role(&crew["team"], name).as_deref(), expected, "{name}");
        assert_eq!(role(&crew["group"], name).as_deref(), expected, "{name}");
    }
}
