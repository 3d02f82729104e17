//! `groups/delta`.

use std::time::Duration;

use domain::ids::ObjectId;
use serde_json::{Value, json};
use sim::{DeltaEnd, DeltaEntries};

use crate::ask::{Stage, stage};

/// Reads all pages of a delta. Returns its entries, and the delta link.
async fn read_delta(stage: &Stage, path: &str) -> (Vec<Value>, String) {
    let (mut next, mut items) = (path.to_owned(), Vec::new());
    loop {
        let page = stage.graph("GET", &next, Value::Null).await;
        assert_eq!(page.status, 200, "{}", page.body);
        items.extend(page.items().to_vec());
        if let Some(link) = page.body["@odata.deltaLink"].as_str() {
            return (items, link.to_owned());
        }
        next = page.body["@odata.nextLink"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn latest_returns_only_a_delta_link() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    let (items, link) =
        read_delta(&stage, "/groups/delta?$select=displayName,members&$deltatoken=latest").await;
    assert!(items.is_empty());
    stage.world.add_member(group, people[1]);
    stage.world.remove_member(group, people[0]);
    let (items, link) = read_delta(&stage, &link).await;
    assert_eq!((items.len(), &items[0]["id"]), (1, &json!(group)));
    let delta = items[0]["members@delta"].as_array().unwrap();
    let removed = delta.iter().find(|entry| entry["id"] == json!(people[0])).unwrap();
    assert_eq!((delta.len(), &removed["@removed"]["reason"]), (2, &json!("deleted")));
    let (items, link) = read_delta(&stage, &link).await;
    assert!(items.is_empty());
    stage.world.delete_group(group);
    let (items, _) = read_delta(&stage, &link).await;
    assert_eq!(items[0]["@removed"]["reason"], "changed");
}

#[tokio::test]
async fn a_first_delta_lists_all_groups_in_pages() {
    let stage = stage();
    let people = stage.people(1);
    for n in 0..5 {
        stage.group(&format!("Group {n}"), &people, &people).await;
    }
    stage.world.graph_settings(|settings| settings.delta_page = 2);
    stage.world.take_calls();
    let (items, _) = read_delta(&stage, "/groups/delta").await;
    assert_eq!(items.len(), 5);
    assert_eq!(stage.world.count(sim::Service::Graph), 3);
}

#[tokio::test]
async fn a_change_can_show_up_late_and_is_never_lost() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let (_, mut link) = read_delta(&stage, "/groups/delta?$deltatoken=latest").await;
    stage.world.graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let mut added = 0;
    for n in 0..80 {
        if n < 10 {
            let person = stage.world.add_person(&stage.acme, &format!("Late {n}")).object;
            stage.world.add_member(group, person);
        }
        let (items, next) = read_delta(&stage, &link).await;
        let joined = items
            .iter()
            .filter_map(|item| item["members@delta"].as_array())
            .map(Vec::len)
            .sum::<usize>();
        assert!(n > 0 || joined == 0, "not at once");
        (added, link) = (added + joined, next);
        stage.advance(10);
    }
    assert_eq!(added, 10);
}

#[tokio::test]
async fn old_delta_links_are_refused_in_either_way() {
    let stage = stage();
    let (_, link) = read_delta(&stage, "/groups/delta?$deltatoken=latest").await;
    stage.advance(8 * 86_400);
    let refused = stage.graph("GET", &link, Value::Null).await;
    assert_eq!((refused.status, refused.code()), (400, "Request_UnsupportedQuery"));
    stage.world.graph_settings(|settings| settings.delta_end = DeltaEnd::Gone);
    let refused = stage.graph("GET", &link, Value::Null).await;
    assert_eq!((refused.status, refused.header("location").is_some()), (410, true));
}

#[tokio::test]
async fn a_delta_can_contradict_itself_across_pages() {
    let stage = stage();
    let people = stage.people(3);
    let group = stage.group("Engines", &people[..1], &people[..2]).await;
    stage.world.graph_settings(|settings| {
        (settings.delta_entries, settings.delta_page) = (DeltaEntries::Contradicting, 1)
    });
    let removals_of = |items: &[Value], person: ObjectId| -> Vec<bool> {
        let entries = items.iter().filter_map(|item| item["members@delta"].as_array()).flatten();
        entries
            .filter(|entry| entry["id"] == json!(person))
            .map(|entry| entry.get("@removed").is_none())
            .collect()
    };
    let (items, link) = read_delta(&stage, "/groups/delta?$select=displayName,members").await;
    assert_eq!(
        removals_of(&items, people[1]),
        [false, true],
        "a first delta can contain removals, too"
    );
    stage.world.remove_member(group, people[1]);
    stage.world.add_member(group, people[2]);
    let (items, _) = read_delta(&stage, &link).await;
    assert_eq!(
        (removals_of(&items, people[1]), removals_of(&items, people[2])),
        (vec![true, false], vec![false, true])
    );
}
