//! Actions of people on both sides.

use serde_json::json;

use crate::site::{Site, assert_in_sync, id, pair, role, texts};

#[tokio::test]
async fn actions_are_synced_and_described() {
    let site = Site::open().await;
    let state = site.state().await;
    assert_in_sync(&state);
    let (people, lighthouse) = (&state["people"], pair(&state, "Lighthouse"));
    let [team, group] = [&lighthouse["team"]["id"], &lighthouse["group"]["id"]];
    let [hugo, ben, elif] =
        ["Hugo Laurent", "Ben Costa", "Elif Demir"].map(|name| id(people, name));
    site.act(json!({"action": "add", "group": group, "person": hugo})).await;
    site.act(json!({"action": "promote", "team": team, "person": ben})).await;
    site.act(json!({"action": "remove", "team": team, "person": elif})).await;
    site.act(json!({"action": "rename", "group": group, "name": "Beacon"})).await;
    // Two single questions, three minutes apart, have to agree on an absence.
    site.pass(5 * 60).await;
    let state = site.state().await;
    assert_in_sync(&state);
    let beacon = pair(&state, "Beacon");
    for (side, name, expected) in [
        ("team", "Hugo Laurent", Some("member")),
        ("group", "Ben Costa", Some("owner")),
        ("group", "Elif Demir", None),
    ] {
        assert_eq!(role(&beacon[side], name).as_deref(), expected, "{name}");
    }
    let decisions = texts(&state, "decision");
    let sentence = "Hugo Laurent was added in Microsoft 365, so Hugo was added to the Webex team.";
    assert!(decisions.iter().any(|decision| decision == sentence), "{decisions:?}");
    site.act(json!({"action": "demote", "group": group, "person": ben})).await;
    // Within the lag window, an older reading of the group would not count. Reconciliation finds
    // the change once more and moves the sync after the window back by some minutes.
    site.pass(30 * 60).await;
    let state = site.state().await;
    let ben = role(&pair(&state, "Beacon")["team"], "Ben Costa");
    assert_eq!(ben.as_deref(), Some("member"));
}

#[tokio::test]
async fn a_new_team_gets_a_group_and_a_deleted_group_returns() {
    let site = Site::open().await;
    let state = site.state().await;
    let [mira, noah] = ["Mira Novak", "Noah Keller"].map(|name| id(&state["people"], name));
    let action = json!({"action": "create-team", "name": "Pier", "by": mira, "people": [noah]});
    let created = site.act(action).await;
    assert!(created["team"].is_string());
    assert_eq!(pair(&site.state().await, "Pier")["link"]["state"], "new");
    site.pass(90).await;
    let state = site.state().await;
    assert_in_sync(&state);
    let group = &pair(&state, "Pier")["group"];
    let roles = [role(group, "Mira Novak"), role(group, "Noah Keller")];
    assert_eq!(roles, [Some("owner".into()), Some("member".into())]);
    site.act(json!({"action": "delete", "group": group["id"]})).await;
    assert_eq!(pair(&site.state().await, "Pier")["group"]["condition"], "deleted");
    // A replica may not know the new group yet: only later is its absence believed.
    site.pass(20 * 60).await;
    let after = site.state().await;
    assert_eq!(pair(&after, "Pier")["group"]["id"], group["id"]);
    assert_in_sync(&after);
}

#[tokio::test]
async fn refused_actions_change_nothing() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, group) = (&lighthouse["team"]["id"], &lighthouse["group"]["id"]);
    let service_account = id(&lighthouse["team"]["people"], "The integration");
    site.act(
        json!({"action": "demote", "team": team, "person": id(&state["people"], "Ana Arndt")}),
    )
    .await;
    let state = site.state().await;
    let fabrikam = site.state_of("fabrikam").await;
    let uma = id(&fabrikam["people"], "Uma Rao");
    let [ana, quinn, pavel] =
        ["Ana Arndt", "Quinn Adler", "Pavel Horák"].map(|name| id(&state["people"], name));
    for action in [
        json!({"action": "demote", "group": group, "person": ana}),
        json!({"action": "remove", "team": team, "person": service_account}),
        json!({"action": "add", "team": team, "person": quinn}),
        json!({"action": "add", "group": group, "person": pavel}),
        json!({"action": "add", "team": team, "person": uma}),
        json!({"action": "rename", "team": team, "name": "  "}),
        json!({"action": "decide", "team": team, "decision": "apply"}),
    ] {
        let (status, answer) = site.post("/api/actions", action.clone()).await;
        assert_eq!(status, 409, "{action}");
        let why = answer["error"].as_str().unwrap();
        assert!(why.len() > 10, "{answer}");
        let is_last_owner = action["action"] == "demote" || action["person"] == service_account;
        assert_eq!(why.contains("Make another member"), is_last_owner, "{answer}");
    }
    let earthquake = json!({"customer": "contoso", "disruption": "earthquake", "switch": "on"});
    for (path, body) in [
        ("/api/actions", json!({"action": "vanish"})),
        ("/api/time", json!({"pass": 1_000_000})),
        ("/api/disruptions", earthquake),
    ] {
        assert_eq!(site.post(path, body).await.0, 400, "{path}");
    }
    assert_eq!(site.state().await["pairs"], state["pairs"]);
}

#[tokio::test]
async fn administrators_change_groups_and_accounts() {
    let site = Site::open().await;
    let state = site.state().await;
    let group = &pair(&state, "Lighthouse")["group"]["id"];
    let kinds = ["dynamic", "on-premises", "role-assignable", "labelled", "unlabelled", "assigned"];
    for kind in kinds {
        site.act(json!({"action": "change-group", "group": group, "kind": kind})).await;
    }
    let ines = id(&state["people"], "Ines Duarte");
    for change in ["guest", "member", "external", "internal", "recreate-webex", "sync-id"] {
        site.act(json!({"action": "change-account", "person": ines, "change": change})).await;
    }
    let recreate = json!({"action": "change-account", "person": ines,
        "change": "recreate-microsoft"});
    site.act(recreate).await;
    let state = site.state().await;
    let new = id(&state["people"], "Ines Duarte");
    assert_ne!(new, ines);
    site.act(json!({"action": "change-account", "person": new, "change": "move-webex"})).await;
    let quinn = id(&state["people"], "Quinn Adler");
    let missing = json!({"action": "change-account", "person": quinn, "change": "sync-id"});
    assert_eq!(site.post("/api/actions", missing).await.0, 409);
}

#[tokio::test]
async fn the_webhook_function_gets_raw_requests() {
    let site = Site::open().await;
    let form = json!({"path": "/nowhere", "body": "a=b",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"}});
    let answer = site.done("/api/webhooks", form).await;
    assert!(answer["status"].as_u64().unwrap() >= 400, "{answer}");
    let broken = json!({"path": "/", "headers": {"bad name": ""}});
    assert_eq!(site.post("/api/webhooks", broken).await.0, 409);
}
