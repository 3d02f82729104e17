//! Spaces and their folders.

use serde_json::{Value, json};

use crate::site::{Site, pair};

/// The team Lighthouse with its spaces.
struct Lighthouse {
    site: Site,
    team: Value,
}

impl Lighthouse {
    async fn open() -> Self {
        let site = Site::open().await;
        let team = pair(&site.state().await, "Lighthouse")["team"]["id"].clone();
        Self { site, team }
    }

    async fn space(&self, title: &str) -> Option<Value> {
        let state = self.site.state().await;
        let spaces = pair(&state, "Lighthouse")["spaces"]["spaces"].as_array().unwrap().clone();
        spaces.into_iter().find(|space| space["title"] == title)
    }

    async fn change(&self, space: Option<&Value>, what: &str, name: &str) -> (u16, Value) {
        let id = space.map(|space| space["id"].clone());
        let team = &self.team;
        let action =
            json!({"action": "space", "team": team, "space": id, "what": what, "name": name});
        self.site.post("/api/actions", action).await
    }

    async fn sync_now(&self) {
        // A sync that began at the very moment of the request would count as its answer.
        self.site.pass(1).await;
        self.site.act(json!({"action": "sync-now", "team": self.team})).await;
        self.site.pass(60).await;
    }
}

#[tokio::test]
async fn spaces_and_folders_change_on_either_side() {
    let lighthouse = Lighthouse::open().await;
    let general = lighthouse.space("Lighthouse").await.unwrap();
    let (folder, state) = (&general["folder"], &general["state"]);
    assert_eq!((folder, state), (&json!("Lighthouse"), &json!("linked")));
    assert_eq!(lighthouse.change(None, "create", "Lamp").await.0, 200);
    lighthouse.site.pass(60).await;
    let lamp = lighthouse.space("Lamp").await.unwrap();
    assert_eq!(lamp["folder"], "Lamp");
    assert_eq!(lighthouse.change(Some(&lamp), "rename", "Lens").await.0, 200);
    lighthouse.site.pass(60).await;
    let lens = lighthouse.space("Lens").await.unwrap();
    assert_eq!(lens["folder"], "Lens");
    assert_eq!(lighthouse.change(Some(&lens), "rename-folder", "Glass").await.0, 200);
    assert_eq!(lighthouse.change(Some(&general), "unlink", "").await.0, 200);
    lighthouse.sync_now().await;
    assert_eq!(lighthouse.space("Lens").await.unwrap()["folder"], "Glass");
    let general = lighthouse.space("Lighthouse").await.unwrap();
    let (folder, state) = (&general["folder"], &general["state"]);
    assert_eq!((folder, state), (&Value::Null, &json!("left alone")));
    assert_eq!(lighthouse.change(Some(&lens), "delete-folder", "").await.0, 200);
    lighthouse.sync_now().await;
    assert_eq!(lighthouse.space("Lens").await.unwrap()["state"], "linked");
    assert_eq!(lighthouse.change(Some(&lens), "take-out", "").await.0, 200);
    assert_eq!(lighthouse.space("Lens").await, None);
    let (status, answer) = lighthouse.change(Some(&general), "delete", "").await;
    let why = answer["error"].as_str().unwrap();
    assert_eq!((status, why.contains("General space")), (409, true), "{answer}");
    lighthouse.site.pass(60).await;
    assert_eq!(lighthouse.site.state().await["problems"], json!([]));
}
