//! The reasons of differences between a team and its group.

use serde_json::{Value, json};

use crate::site::{Site, assert_in_sync, id, pair, role};

const DAY: u32 = 86_400;

fn why(link: &Value) -> &str {
    link["open"][0]["why"].as_str().unwrap_or_else(|| panic!("no reason: {link}"))
}

#[tokio::test]
async fn a_difference_that_stays_says_why() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let team = lighthouse["team"]["id"].clone();
    let [ana, ben] = ["Ana Arndt", "Ben Costa"].map(|name| id(&state["people"], name));
    site.act(json!({"action": "demote", "team": team, "person": ana})).await;
    site.pass(3600).await;
    let state = site.state().await;
    let link = &pair(&state, "Lighthouse")["link"];
    assert_eq!(link["state"], "differs", "{link}");
    assert_eq!(link["open"][0]["names"], json!(["Ana Arndt"]));
    assert_eq!(why(link), "The group keeps its last owner; it is done when there is another.");
    assert_eq!(link["open"][0]["outlook"], "stays");
    site.act(json!({"action": "promote", "team": team, "person": ben})).await;
    site.pass(3600).await;
    let state = site.state().await;
    assert_in_sync(&state);
    let group = &pair(&state, "Lighthouse")["group"];
    assert_eq!(role(group, "Ana Arndt").as_deref(), Some("member"));
}

#[tokio::test]
async fn a_difference_that_waits_says_until_when() {
    let site = Site::open().await;
    let state = site.state().await;
    let group = pair(&state, "Lighthouse")["group"]["id"].clone();
    let team = pair(&state, "Lighthouse")["team"]["id"].clone();
    let hugo = id(&state["people"], "Hugo Laurent");
    site.act(json!({"action": "add", "team": team, "person": hugo})).await;
    site.pass(60).await;
    // An older reading of the group would look the same as this removal.
    site.act(json!({"action": "remove", "group": group, "person": hugo})).await;
    site.pass(60).await;
    let state = site.state().await;
    let link = &pair(&state, "Lighthouse")["link"];
    assert_eq!(link["state"], "syncing", "{link}");
    assert!(why(link).contains("15 minutes old"), "{link}");
    let until = link["open"][0]["until"].as_str().unwrap();
    assert!(until > state["now"].as_str().unwrap(), "{link}");
    // The window of the older readings, and then the proof of the absence.
    site.pass(30 * 60).await;
    assert_in_sync(&site.state().await);
    assert_eq!(role(&pair(&site.state().await, "Lighthouse")["team"], "Hugo Laurent"), None);
}

#[tokio::test]
async fn an_absence_that_is_not_proved_yet_says_so() {
    let site = Site::open().await;
    let state = site.state().await;
    let team = pair(&state, "Lighthouse")["team"]["id"].clone();
    let elif = id(&state["people"], "Elif Demir");
    site.act(json!({"action": "remove", "team": team, "person": elif})).await;
    site.pass(30).await;
    let state = site.state().await;
    let link = &pair(&state, "Lighthouse")["link"];
    assert!(why(link).starts_with("The list of the team lacks this person."), "{link}");
    assert!(link["open"][0]["until"].is_string(), "{link}");
}

#[tokio::test]
async fn reads_push_out_no_decision() {
    let site = Site::open().await;
    let state = site.state().await;
    let group = pair(&state, "Lighthouse")["group"]["id"].clone();
    let hugo = id(&state["people"], "Hugo Laurent");
    site.act(json!({"action": "add", "group": group, "person": hugo})).await;
    site.pass(60).await;
    site.pass(DAY).await;
    let state = site.state().await;
    let entries = state["entries"].as_array().unwrap();
    let of = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert!(of("decision") > 0 && of("action") > 0);
    let dropped = state["dropped"].as_array().unwrap();
    assert!(dropped.contains(&json!("read")) && !dropped.contains(&json!("decision")));
    let numbers: Vec<u64> = entries.iter().map(|entry| entry["n"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted());
    let passed = entries.iter().rfind(|entry| entry["kind"] == "time").unwrap();
    let text = passed["text"].as_str().unwrap();
    assert!(text.starts_with("1 day passed: 1,4"), "{text}");
    assert!(state["passing"].is_null());
}
