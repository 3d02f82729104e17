//! Reads lag writes, and replicas differ.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ask::{bind, group_body, stage};

#[tokio::test]
async fn replicas_show_a_write_at_different_times() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    stage.world.graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let path = format!("/groups/{group}");
    stage.graph("PATCH", &path, json!({"members@odata.bind": bind(&people[1..])})).await;
    let mut seen = Vec::new();
    for _ in 0..60 {
        let counts: BTreeSet<usize> = {
            let mut counts = BTreeSet::new();
            for _ in 0..12 {
                counts.insert(
                    stage.graph("GET", &format!("{path}/members"), Value::Null).await.items().len(),
                );
            }
            counts
        };
        seen.push(counts);
        stage.advance(10);
    }
    assert_eq!(seen[0], BTreeSet::from([1]), "no replica shows it at once");
    assert!(seen.contains(&BTreeSet::from([1, 2])), "for a while it depends on whom one asks");
    stage.advance(10);
    assert_eq!(stage.graph("GET", &format!("{path}/members"), Value::Null).await.items().len(), 2);
}

#[tokio::test]
async fn one_batch_can_read_two_replicas() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    stage.world.graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let both =
        json!({"members@odata.bind": bind(&people[1..]), "owners@odata.bind": bind(&people[1..])});
    stage.graph("PATCH", &format!("/groups/{group}"), both).await;
    let url = |id: &str| format!("/groups/{group}/{id}?$select=id");
    let item = |id: &str| json!({"id": id, "method": "GET", "url": url(id)});
    let body = json!({"requests": [item("members"), item("owners")]});
    let mut torn = false;
    for _ in 0..200 {
        stage.advance(3);
        let answer = stage.graph("POST", "/$batch", body.clone()).await;
        let counts: BTreeSet<usize> = answer.body["responses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|response| response["body"]["value"].as_array().unwrap().len())
            .collect();
        torn |= counts.len() == 2;
    }
    assert!(torn);
}

#[tokio::test]
async fn new_groups_are_404_or_400_until_replicated() {
    let stage = stage();
    let people = stage.people(30);
    stage.world.graph_settings(|settings| settings.new_group_lag = Duration::from_secs(60));
    let group = stage.upsert("x", group_body("Engines", &people[..1], &[])).await.body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut answers = BTreeSet::new();
    for person in &people[1..] {
        let read = stage.graph("GET", &format!("/groups/{group}"), Value::Null).await;
        let bound = stage
            .graph(
                "PATCH",
                &format!("/groups/{group}"),
                json!({"members@odata.bind": bind(&[*person])}),
            )
            .await;
        answers.insert((
            read.status,
            bound.status,
            bound.message().contains("source resource object"),
        ));
        stage.advance(2);
    }
    assert!(answers.contains(&(404, 400, true)), "{answers:?}");
    assert!(answers.contains(&(200, 204, false)), "{answers:?}");
    assert!(answers.iter().all(|(read, ..)| [200, 404].contains(read)));
    stage.advance(60);
    assert_eq!(stage.graph("GET", "/groups(uniqueName='x')", Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_stale_removed_reference_is_400() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people).await;
    stage.world.graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let path = format!("/groups/{group}/members/{}/$ref", people[1]);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 204);
    let again = stage.graph("DELETE", &path, Value::Null).await;
    assert!(
        again.message().starts_with("One or more removed object references do not exist"),
        "{}",
        again.body
    );
    stage.advance(601);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 404);
}
