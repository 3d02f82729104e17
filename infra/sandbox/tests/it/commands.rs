//! The commands for a shell, against what the page can do.

use std::collections::BTreeSet;

use reqwest::Method;
use sandbox::page::api_paths;
use serde_json::{Value, json};

use crate::site::Site;

/// The requests of the commands: each a path and a body.
fn requests(text: &str) -> Vec<(String, Value)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("page "));
    let requests = lines.map(|line| {
        let (path, body) = line.split_once(' ').unwrap();
        let body = serde_json::from_str(body.trim_matches('\'')).unwrap();
        (format!("/api/{path}"), body)
    });
    requests.collect()
}

/// The names that serde says it expects.
async fn expected(site: &Site, path: &str, body: Value) -> BTreeSet<String> {
    let (status, answer) = site.post(path, body).await;
    assert_eq!(status, 400);
    let error = answer["error"].as_str().unwrap();
    let (_, names) = error.split_once("expected one of").unwrap_or_else(|| panic!("{error}"));
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn each_act_of_the_page_has_a_command() {
    let site = Site::open().await;
    let text = site.get("/curl").await.text().await.unwrap();
    let api = site.get("/api").await.text().await.unwrap();
    let requests = requests(&text);
    for path in api_paths() {
        assert!(api.contains(&format!("{path}`")) || api.contains(&format!("{path}?")), "{path}");
        let has_command = requests.iter().any(|(known, _)| known == path);
        let is_read = text.contains(&format!("{path}'")) || text.contains(&format!("{path}?"));
        assert!(has_command || is_read, "no command for {path}");
    }
    let named = |path: &str, key: &str| {
        let bodies = requests.iter().filter(|(known, _)| known == path).map(|(_, body)| body);
        let names = bodies.filter_map(|body| body[key].as_str());
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let actions = expected(&site, "/api/actions", json!({"action": "?"})).await;
    assert_eq!(named("/api/actions", "action"), actions);
    let unknown = json!({"customer": "contoso", "disruption": "?", "switch": "on"});
    let disruptions = expected(&site, "/api/disruptions", unknown).await;
    assert_eq!(named("/api/disruptions", "disruption"), disruptions);
    assert_eq!(
        named("/api/deliveries", "do"),
        ["delay", "repeat", "reverse"].map(Into::into).into()
    );
}

#[tokio::test]
async fn each_command_works() {
    let site = Site::open().await;
    let text = site.get("/curl").await.text().await.unwrap();
    let requests = requests(&text);
    assert!(requests.len() > 40);
    for (path, body) in requests {
        let (status, answer) = site.post(&path, body.clone()).await;
        // Nothing waits for a decision or an answer yet.
        let waits = body["action"] == "decide" || body["action"] == "answer-card";
        let expected = if waits { 409 } else { 200 };
        assert_eq!(status, expected, "{path} {body}: {answer}");
    }
}

#[tokio::test]
async fn an_unknown_address_has_a_page() {
    let site = Site::open().await;
    let answer = site.get("/nowhere").await;
    assert_eq!(answer.status(), 404);
    let html = answer.text().await.unwrap();
    assert!(html.contains("Page not found") && html.contains("/style.css"), "{html}");
    let posted = site.request(Method::POST, "/nowhere").header("content-type", "application/json");
    assert_eq!(posted.body("{}").send().await.unwrap().status(), 404);
}
