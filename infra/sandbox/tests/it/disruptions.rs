//! Faults, deliveries, settings and disruptions.

use serde_json::{Value, json};

use crate::site::{Site, assert_in_sync, id, pair, role, texts};

#[tokio::test]
async fn faults_apply_and_end() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, hugo) = (&lighthouse["team"]["id"], id(&state["people"], "Hugo Laurent"));
    let cut = json!({"kind": "cut-after"});
    let throttled = json!({"kind": "status", "status": 429, "retry_after": "30"});
    for fault in [
        json!({"service": "graph", "path": "/groups", "method": "POST", "failure": cut}),
        json!({"service": "graph", "times": 2, "failure": throttled}),
        json!({"service": "webex", "failure": {"kind": "cut-before"}}),
        json!({"service": "graph", "times": 2, "failure": {"kind": "slow", "seconds": 8}}),
    ] {
        site.done("/api/faults", fault).await;
    }
    site.act(json!({"action": "add", "team": team, "person": hugo})).await;
    site.pass(600).await;
    let after = site.state().await;
    assert_in_sync(&after);
    assert!(role(&pair(&after, "Lighthouse")["group"], "Hugo Laurent").is_some());
    let entries = after["entries"].as_array().unwrap();
    for status in [0, 429] {
        let is_refusal = |entry: &&Value| entry["kind"] == "refusal" && entry["status"] == status;
        assert!(entries.iter().any(|entry| is_refusal(&entry)), "{status}");
    }
    let unavailable = json!({"kind": "status", "status": 503});
    let fault = json!({"service": "graph", "times": 1000, "failure": unavailable});
    site.done("/api/faults", fault).await;
    site.done("/api/faults/clear", json!({})).await;
    site.act(json!({"action": "remove", "team": team, "person": hugo})).await;
    // Two single questions, three minutes apart, have to agree on the absence.
    site.pass(5 * 60).await;
    let after = site.state().await;
    assert!(role(&pair(&after, "Lighthouse")["group"], "Hugo Laurent").is_none());
}

#[tokio::test]
async fn repeated_late_or_reversed_deliveries_change_nothing() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, hugo) = (&lighthouse["team"]["id"], id(&state["people"], "Hugo Laurent"));
    for action in ["add", "promote", "demote", "remove"] {
        site.act(json!({"action": action, "team": team, "person": hugo})).await;
    }
    let reversed = site.done("/api/deliveries", json!({"do": "reverse"})).await;
    assert_eq!(reversed["deliveries"], 4);
    site.done("/api/deliveries", json!({"do": "delay", "seconds": 30})).await;
    site.pass(60).await;
    let repeated = site.done("/api/deliveries", json!({"do": "repeat", "last": 4})).await;
    assert_eq!(repeated["deliveries"], 4);
    site.pass(60).await;
    let after = site.state().await;
    assert_in_sync(&after);
    assert_eq!(role(&pair(&after, "Lighthouse")["group"], "Hugo Laurent"), None);
}

#[tokio::test]
async fn invalid_settings_are_refused() {
    let site = Site::open().await;
    let valid = json!({"graph": {"replica_lag_ms": 600_000}, "webex": {"deliveries_lost": 100}});
    site.done("/api/settings", valid).await;
    let refused = site.post("/api/settings", json!({"webex": {"deliveries_lost": 101}})).await;
    assert_eq!(refused.0, 409);
    let unknown = site.post("/api/settings", json!({"graph": {"colour": 1}})).await;
    assert_eq!(unknown.0, 400);
}

#[tokio::test]
async fn functions_recover_from_a_crash() {
    let site = Site::open().await;
    let state = site.state().await;
    site.switch("crash", "on").await;
    let team = &pair(&state, "Lighthouse")["team"]["id"];
    let ines = id(&state["people"], "Ines Duarte");
    site.act(json!({"action": "add", "team": team, "person": ines})).await;
    site.pass(60).await;
    let crashed = texts(&site.state().await, "disruption");
    assert!(crashed.iter().any(|text| text.contains("crashed in the middle")), "{crashed:?}");
    site.pass(1200).await;
    assert_in_sync(&site.state().await);
}

#[tokio::test]
async fn every_disruption_ends_in_sync() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, group) = (&lighthouse["team"]["id"], &lighthouse["group"]["id"]);
    let disruptions = state["disruptions"].as_array().unwrap().iter();
    let disruptions = disruptions.map(|disruption| disruption["id"].as_str().unwrap());
    for (n, disruption) in disruptions.enumerate() {
        let newcomer = id(&state["people"], ["Ines Duarte", "Jonas Weber"][n % 2]);
        let action = if n % 4 < 2 { "add" } else { "remove" };
        site.switch(disruption, "on").await;
        let mut body = json!({"action": action, "person": newcomer});
        if n % 2 == 0 {
            body["team"] = team.clone();
        } else {
            body["group"] = group.clone();
        }
        // A deleted group refuses it.
        site.post("/api/actions", body).await;
        site.pass(300).await;
        site.switch(disruption, "off").await;
        site.pass(2 * 3600).await;
        let now = site.state().await;
        let disruptions = now["disruptions"].as_array().unwrap().iter();
        let on: Vec<_> = disruptions.filter(|one| one["on"] == true).collect();
        assert!(on.is_empty(), "{disruption}: {on:?}");
        assert_eq!(now["problems"], json!([]), "{disruption}");
        let link = &pair(&now, "Lighthouse")["link"]["state"];
        if disruption == "mass-removal" {
            // The pending approval may be void by now, since the people are back.
            assert!(link == "in-sync" || link == "pending-approval", "{link}");
            let decision = json!({"action": "decide", "team": team, "decision": "discard"});
            site.post("/api/actions", decision).await;
            site.pass(3600).await;
        } else {
            assert_eq!(link, "in-sync", "{disruption}");
        }
    }
}

#[tokio::test]
async fn lies_are_limited_to_an_operation_and_a_person() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let team = &lighthouse["team"]["id"];
    let [hugo, ines] = ["Hugo Laurent", "Ines Duarte"].map(|name| id(&state["people"], name));
    let lost = json!({"operation": "add-people", "person": hugo, "times": u32::MAX,
        "customer": "contoso", "lasting": 60, "failure": {"kind": "no-effect"}});
    site.done("/api/faults", lost).await;
    let later = json!({"operation": "add-people", "person": ines, "service": "graph",
        "failure": {"kind": "late", "seconds": 120}});
    site.done("/api/faults", later).await;
    for person in [hugo, ines] {
        site.act(json!({"action": "add", "team": team, "person": person})).await;
        // One write for both would get one fault only.
        site.pass(5).await;
    }
    let is_in_group =
        async |name: &str| role(&pair(&site.state().await, "Lighthouse")["group"], name).is_some();
    site.pass(60).await;
    assert!(!is_in_group("Hugo Laurent").await && !is_in_group("Ines Duarte").await);
    site.pass(90).await;
    assert!(is_in_group("Ines Duarte").await && !is_in_group("Hugo Laurent").await);
    // The lost write is made again after its window and the proof of the absence.
    site.pass(25 * 60).await;
    assert!(is_in_group("Hugo Laurent").await);
}

#[tokio::test]
async fn every_kind_of_fault_is_accepted() {
    let site = Site::open().await;
    for failure in [
        json!({"kind": "already-there"}),
        json!({"kind": "not-there"}),
        json!({"kind": "rows-missing", "rows": {"half": 3}}),
        json!({"kind": "odd-rows", "rows": "all", "fields": {"active": "true"}}),
        json!({"kind": "body", "body": "html"}),
        json!({"kind": "headers", "headers": {"Link": "?"}}),
        json!({"kind": "batch-item", "status": 429, "code": "x", "message": "y",
            "retry_after": "1"}),
    ] {
        site.done("/api/faults", json!({"failure": failure})).await;
    }
    let slow = json!({"kind": "slow", "seconds": 8});
    let refused = site.post("/api/faults", json!({"lasting": 5, "failure": slow})).await;
    assert_eq!(refused.0, 409);
    let api = site.get("/api").await.text().await.unwrap();
    assert!(api.contains("rows-missing"), "{api}");
}
