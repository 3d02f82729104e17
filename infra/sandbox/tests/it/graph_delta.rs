//! `groups/delta`.

use std::time::Duration;

use domain::ids::ObjectId;
use sandbox::{DeltaEnd, DeltaWords};
use serde_json::{Value, json};

use crate::ask::{Stage, stage};

/// Everything of a round, and the link for the next one.
async fn round(stage: &Stage, path: &str) -> (Vec<Value>, String) {
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
async fn latest_gives_no_items_and_a_link_from_which_changes_follow() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    let (items, link) = round(&stage, "/groups/delta?$select=displayName,members&$deltatoken=latest").await;
    assert!(items.is_empty());
    stage.world.add_member(group, people[1]);
    stage.world.remove_member(group, people[0]);
    let (items, link) = round(&stage, &link).await;
    assert_eq!((items.len(), &items[0]["id"]), (1, &json!(group)));
    let delta = items[0]["members@delta"].as_array().unwrap();
    let removed = delta.iter().find(|entry| entry["id"] == json!(people[0])).unwrap();
    assert_eq!((delta.len(), &removed["@removed"]["reason"]), (2, &json!("deleted")));
    let (items, link) = round(&stage, &link).await;
    assert!(items.is_empty());
    stage.world.delete_group(group);
    let (items, _) = round(&stage, &link).await;
    assert_eq!(items[0]["@removed"]["reason"], "changed");
}

#[tokio::test]
async fn a_first_round_tells_of_all_groups_in_pages() {
    let stage = stage();
    let people = stage.people(1);
    for n in 0..5 {
        stage.group(&format!("Group {n}"), &people, &people).await;
    }
    stage.world.graph_settings(|settings| settings.delta_page = 2);
    stage.world.take_calls();
    let (items, _) = round(&stage, "/groups/delta").await;
    assert_eq!(items.len(), 5);
    assert_eq!(stage.world.count(sandbox::Service::Graph), 3);
}

#[tokio::test]
async fn a_change_can_show_up_late_and_is_never_lost() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let (_, mut link) = round(&stage, "/groups/delta?$deltatoken=latest").await;
    stage.world.graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let mut told = 0;
    for n in 0..80 {
        if n < 10 {
            let person = stage.world.add_person(&stage.acme, &format!("Late {n}")).object;
            stage.world.add_member(group, person);
        }
        let (items, next) = round(&stage, &link).await;
        let joined = items.iter().filter_map(|item| item["members@delta"].as_array()).map(Vec::len).sum::<usize>();
        assert!(n > 0 || joined == 0, "not at once");
        (told, link) = (told + joined, next);
        stage.advance(10);
    }
    assert_eq!(told, 10);
}

#[tokio::test]
async fn a_link_of_more_than_seven_days_is_refused_in_either_way() {
    let stage = stage();
    let (_, link) = round(&stage, "/groups/delta?$deltatoken=latest").await;
    stage.advance(8 * 86_400);
    let refused = stage.graph("GET", &link, Value::Null).await;
    assert_eq!((refused.status, refused.code()), (400, "Request_UnsupportedQuery"));
    stage.world.graph_settings(|settings| settings.delta_end = DeltaEnd::Gone);
    let refused = stage.graph("GET", &link, Value::Null).await;
    assert_eq!((refused.status, refused.header("location").is_some()), (410, true));
}

#[tokio::test]
async fn a_round_can_tell_a_group_twice_and_contradict_itself_on_different_pages() {
    let stage = stage();
    let people = stage.people(3);
    let group = stage.group("Engines", &people[..1], &people[..2]).await;
    stage.world.graph_settings(|settings| (settings.delta_words, settings.delta_page) = (DeltaWords::Contradicting, 1));
    let told = |items: &[Value], person: ObjectId| -> Vec<bool> {
        let entries = items.iter().filter_map(|item| item["members@delta"].as_array()).flatten();
        entries.filter(|entry| entry["id"] == json!(person)).map(|entry| entry.get("@removed").is_none()).collect()
    };
    let (items, link) = round(&stage, "/groups/delta?$select=displayName,members").await;
    assert_eq!(told(&items, people[1]), [false, true], "a first round can speak of removals, too");
    stage.world.remove_member(group, people[1]);
    stage.world.add_member(group, people[2]);
    let (items, _) = round(&stage, &link).await;
    assert_eq!((told(&items, people[1]), told(&items, people[2])), (vec![true, false], vec![false, true]));
}
