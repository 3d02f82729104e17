//! `$batch`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sim::{Collisions, Fault, Kind, Service, ThrottledBatch};

use crate::ask::{Stage, stage};

async fn batch(stage: &Stage, requests: Vec<Value>) -> BTreeMap<String, Value> {
    let answer = stage.graph("POST", "/$batch", json!({ "requests": requests })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let responses = answer.body["responses"].as_array().unwrap();
    responses
        .iter()
        .map(|response| (response["id"].as_str().unwrap().to_owned(), response.clone()))
        .collect()
}

fn patch(id: usize, group: impl std::fmt::Display, name: &str) -> Value {
    json!({"id": id.to_string(), "method": "PATCH", "url": format!("/groups/{group}"),
        "headers": {"Content-Type": "application/json"}, "body": {"displayName": name}})
}

#[tokio::test]
async fn batch_items_have_separate_responses_in_any_order() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let get = |id: usize, path: &str| json!({"id": id.to_string(), "method": "GET", "url": path});
    let requests: Vec<Value> = (0..19)
        .map(|n| get(n, &format!("/groups/{group}")))
        .chain([get(19, "/groups/nope")])
        .collect();
    stage.token_for(&stage.acme).await;
    stage.world.take_calls();
    let answer = stage.graph("POST", "/$batch", json!({ "requests": requests })).await;
    let order: Vec<_> = answer.body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_str().unwrap())
        .collect();
    let sent: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    assert_ne!(order, sent);
    let calls = stage.world.take_calls();
    let call = calls.iter().find(|call| call.service == Service::Graph).unwrap();
    assert_eq!((calls.len(), call.items.len(), call.kind), (2, 20, Kind::Read));
    assert_eq!(call.items.iter().filter(|item| item.status == 404).count(), 1);
    assert_eq!(call.owner, Some(stage.acme.directory.0));
}

#[tokio::test]
async fn oversized_batches_and_equal_ids_are_malformed() {
    let stage = stage();
    let item = |id: &str| json!({"id": id, "method": "GET", "url": "/groupSettings"});
    let many: Vec<Value> = (0..21).map(|n| item(&n.to_string())).collect();
    assert_eq!(stage.graph("POST", "/$batch", json!({ "requests": many })).await.status, 400);
    let twins = [item("a"), item("A")];
    assert_eq!(stage.graph("POST", "/$batch", json!({ "requests": twins })).await.status, 400);
}

#[tokio::test]
async fn dependents_of_failures_are_424() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let mut second = patch(2, group, "Never");
    second["dependsOn"] = json!(["1"]);
    let mut third = patch(3, group, "Untyped");
    third["headers"] = json!({});
    let missing = patch(1, "0b6a1f2e-0000-4000-8000-000000000000", "x");
    let answers = batch(&stage, vec![second, missing, third]).await;
    assert_eq!(
        (&answers["1"]["status"], &answers["2"]["status"], &answers["3"]["status"]),
        (&json!(404), &json!(424), &json!(400))
    );
    assert_eq!(stage.world.group(group).unwrap().display_name, "Engines");
}

#[tokio::test]
async fn parallel_writes_to_one_group_can_collide() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    stage.world.graph_settings(|settings| settings.collisions = Collisions::ParallelItems);
    let answers = batch(&stage, vec![patch(1, group, "A"), patch(2, group, "B")]).await;
    let refused: Vec<_> = answers.values().filter(|answer| answer["status"] == 409).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["body"]["error"]["code"], "Directory_ConcurrencyViolation");
    assert_eq!(refused[0]["headers"]["Retry-After"], "3");
    let mut second = patch(2, group, "D");
    second["dependsOn"] = json!(["1"]);
    let answers = batch(&stage, vec![patch(1, group, "C"), second]).await;
    assert!(answers.values().all(|answer| answer["status"] == 204));
    assert_eq!(stage.world.group(group).unwrap().display_name, "D");
}

#[tokio::test]
async fn a_single_item_can_be_throttled() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    stage.world.inject(
        Fault::batch_item(429, "TooManyRequests").path("/members").header("Retry-After", "2.128"),
    );
    let get = |id: &str| json!({"id": id, "method": "GET", "url": format!("/groups/{group}/{id}")});
    let answers = batch(&stage, vec![get("members"), get("owners")]).await;
    assert_eq!(
        (&answers["members"]["status"], &answers["owners"]["status"]),
        (&json!(429), &json!(200))
    );
    assert_eq!(answers["members"]["headers"]["Retry-After"], "2.128");
    assert_eq!(batch(&stage, vec![get("members")]).await["members"]["status"], 200, "only once");
}

#[tokio::test]
async fn throttled_batches_can_be_424() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    stage
        .world
        .graph_settings(|settings| settings.throttled_batch = ThrottledBatch::FailedDependency);
    stage.world.inject(
        Fault::batch_item(429, "TooManyRequests").path("/members").header("Retry-After", "7"),
    );
    let get = |id: &str| json!({"id": id, "method": "GET", "url": format!("/groups/{group}/{id}")});
    let answer =
        stage.graph("POST", "/$batch", json!({"requests": [get("members"), get("owners")]})).await;
    assert_eq!(answer.status, 424);
    let mut statuses: Vec<_> = answer.body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
}
