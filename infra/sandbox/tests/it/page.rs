//! The page's interface: acts on both sides, troubles, ordered failures, time; and who may not ask.

use std::sync::Arc;

use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use reqwest::{Client, Method, RequestBuilder, Response};
use sandbox::page::{Play, Served, serve};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// A page on which time stands still.
struct Site {
    served: Served,
    client: Client,
}

impl Site {
    async fn open() -> Self {
        let play = Arc::new(Mutex::new(Play::begin().await.unwrap()));
        let served = serve(play, 0, "curl".into()).await.unwrap();
        let site = Self { served, client: Client::builder().no_proxy().build().unwrap() };
        site.done("/api/time", json!({"speed": "paused"})).await;
        site
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.served.address))
    }

    async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    async fn state(&self) -> Value {
        json_of(self.get("/api/state?customer=contoso").await).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let sent = self.ask(Method::POST, path).header(CONTENT_TYPE, "application/json").body(body.to_string());
        let answer = sent.send().await.unwrap();
        (answer.status().as_u16(), json_of(answer).await)
    }

    async fn done(&self, path: &str, body: Value) -> Value {
        let (status, said) = self.post(path, body).await;
        assert_eq!(status, 200, "{said}");
        said
    }

    async fn pass(&self, seconds: u32) {
        self.done("/api/time", json!({"pass": seconds})).await;
    }

    async fn switch(&self, trouble: &str, switch: &str) {
        self.done("/api/troubles", json!({"customer": "contoso", "trouble": trouble, "switch": switch})).await;
    }
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

fn id<'v>(list: &'v Value, name: &str) -> &'v str {
    let found = list.as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))["id"].as_str().unwrap()
}

/// The team of this name with its group.
fn pair<'v>(state: &'v Value, name: &str) -> &'v Value {
    let pairs = state["pairs"].as_array().unwrap();
    pairs.iter().find(|pair| pair["team"]["name"] == name).unwrap_or_else(|| panic!("no team {name}"))
}

fn role(thing: &Value, name: &str) -> Option<String> {
    let seat = thing["people"].as_array()?.iter().find(|seat| seat["name"] == name)?;
    seat["role"].as_str().map(str::to_owned)
}

fn told(state: &Value, kind: &str) -> Vec<String> {
    let entries = state["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == kind);
    entries.map(|entry| entry["text"].as_str().unwrap().to_owned()).collect()
}

fn assert_in_step(state: &Value) {
    for pair in state["pairs"].as_array().unwrap() {
        assert_eq!(pair["link"]["state"], "in-step", "{pair}");
    }
    assert_eq!(state["wrong"], json!([]));
}

#[tokio::test]
async fn what_people_do_on_either_side_is_carried_to_the_other_and_told_in_words() {
    let site = Site::open().await;
    let state = site.state().await;
    assert_in_step(&state);
    let (people, lighthouse) = (&state["people"], pair(&state, "Lighthouse"));
    let [team, group] = [&lighthouse["team"]["id"], &lighthouse["group"]["id"]];
    let [hugo, ben] = ["Hugo Laurent", "Ben Costa"].map(|name| id(people, name));
    site.done("/api/acts", json!({"act": "add", "group": group, "person": hugo})).await;
    site.done("/api/acts", json!({"act": "promote", "team": team, "person": ben})).await;
    site.done("/api/acts", json!({"act": "remove", "team": team, "person": id(people, "Elif Demir")})).await;
    site.done("/api/acts", json!({"act": "rename", "group": group, "name": "Beacon"})).await;
    site.pass(120).await;
    let state = site.state().await;
    assert_in_step(&state);
    let beacon = pair(&state, "Beacon");
    for (side, name, wanted) in
        [("team", "Hugo Laurent", Some("member")), ("group", "Ben Costa", Some("owner")), ("group", "Elif Demir", None)]
    {
        assert_eq!(role(&beacon[side], name).as_deref(), wanted, "{name}");
    }
    let decisions = told(&state, "decision");
    let sentence = "Hugo Laurent was added in Microsoft 365, so Hugo was added to the Webex team.";
    assert!(decisions.iter().any(|decision| decision == sentence), "{decisions:?}");
    site.done("/api/acts", json!({"act": "demote", "group": group, "person": ben})).await;
    // What was written to the group stands for 15 minutes, whatever readings show.
    site.pass(20 * 60).await;
    let state = site.state().await;
    assert_eq!(role(&pair(&state, "Beacon")["team"], "Ben Costa").as_deref(), Some("member"));
}

#[tokio::test]
async fn a_team_that_is_made_gets_a_group_and_a_deleted_group_comes_back() {
    let site = Site::open().await;
    let state = site.state().await;
    let [mira, noah] = ["Mira Novak", "Noah Keller"].map(|name| id(&state["people"], name));
    let made =
        site.done("/api/acts", json!({"act": "create-team", "name": "Pier", "by": mira, "people": [noah]})).await;
    assert!(made["team"].is_string());
    assert_eq!(pair(&site.state().await, "Pier")["link"]["state"], "new");
    site.pass(90).await;
    let state = site.state().await;
    assert_in_step(&state);
    let group = &pair(&state, "Pier")["group"];
    assert_eq!([role(group, "Mira Novak"), role(group, "Noah Keller")], [Some("owner".into()), Some("member".into())]);
    site.done("/api/acts", json!({"act": "delete", "group": group["id"]})).await;
    assert_eq!(pair(&site.state().await, "Pier")["group"]["condition"], "deleted");
    // A group so young may not be shown yet: only then is its absence believed.
    site.pass(20 * 60).await;
    let after = site.state().await;
    assert_eq!(pair(&after, "Pier")["group"]["id"], group["id"]);
    assert_in_step(&after);
}

#[tokio::test]
async fn what_a_service_refuses_to_people_is_said_and_not_done() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, group) = (&lighthouse["team"]["id"], &lighthouse["group"]["id"]);
    let fabrikam = json_of(site.get("/api/state?customer=fabrikam").await).await;
    let [ana, quinn, pavel] = ["Ana Arndt", "Quinn Adler", "Pavel Horák"].map(|name| id(&state["people"], name));
    for act in [
        json!({"act": "demote", "group": group, "person": ana}),
        json!({"act": "add", "team": team, "person": quinn}),
        json!({"act": "add", "group": group, "person": pavel}),
        json!({"act": "add", "team": team, "person": id(&fabrikam["people"], "Uma Rao")}),
        json!({"act": "rename", "team": team, "name": "  "}),
        json!({"act": "decide", "team": team, "decision": "apply"}),
    ] {
        let (status, said) = site.post("/api/acts", act.clone()).await;
        assert_eq!(status, 409, "{act}");
        assert!(said["error"].as_str().is_some_and(|why| why.len() > 10), "{said}");
    }
    for (path, body) in [
        ("/api/acts", json!({"act": "vanish"})),
        ("/api/time", json!({"pass": 1_000_000})),
        ("/api/troubles", json!({"customer": "contoso", "trouble": "earthquake", "switch": "on"})),
    ] {
        assert_eq!(site.post(path, body).await.0, 400, "{path}");
    }
    assert_eq!(site.state().await["pairs"], state["pairs"]);
}

#[tokio::test]
async fn ordered_failures_strike_and_end() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, hugo) = (&lighthouse["team"]["id"], id(&state["people"], "Hugo Laurent"));
    for failure in [
        json!({"service": "graph", "path": "/groups", "method": "POST", "failure": {"kind": "cut-after"}}),
        json!({"service": "graph", "times": 2, "failure": {"kind": "status", "status": 429, "retry_after": "30"}}),
        json!({"service": "webex", "failure": {"kind": "cut-before"}}),
        json!({"service": "graph", "times": 2, "failure": {"kind": "slow", "seconds": 8}}),
    ] {
        site.done("/api/faults", failure).await;
    }
    site.done("/api/acts", json!({"act": "add", "team": team, "person": hugo})).await;
    site.pass(600).await;
    let after = site.state().await;
    assert_in_step(&after);
    assert!(role(&pair(&after, "Lighthouse")["group"], "Hugo Laurent").is_some());
    let entries = after["entries"].as_array().unwrap();
    for status in [0, 429] {
        assert!(entries.iter().any(|entry| entry["kind"] == "refusal" && entry["status"] == status), "{status}");
    }
    site.done("/api/faults", json!({"service": "graph", "times": 1000, "failure": {"kind": "status", "status": 503}}))
        .await;
    site.done("/api/faults/clear", json!({})).await;
    site.done("/api/acts", json!({"act": "remove", "team": team, "person": hugo})).await;
    site.pass(60).await;
    assert!(role(&pair(&site.state().await, "Lighthouse")["group"], "Hugo Laurent").is_none());
}

#[tokio::test]
async fn deliveries_that_come_twice_late_or_in_contrary_order_change_nothing() {
    let site = Site::open().await;
    let state = site.state().await;
    let lighthouse = pair(&state, "Lighthouse");
    let (team, hugo) = (&lighthouse["team"]["id"], id(&state["people"], "Hugo Laurent"));
    for act in ["add", "promote", "demote", "remove"] {
        site.done("/api/acts", json!({"act": act, "team": team, "person": hugo})).await;
    }
    assert_eq!(site.done("/api/deliveries", json!({"do": "reverse"})).await["deliveries"], 4);
    site.done("/api/deliveries", json!({"do": "delay", "seconds": 30})).await;
    site.pass(60).await;
    assert_eq!(site.done("/api/deliveries", json!({"do": "repeat", "last": 4})).await["deliveries"], 4);
    site.pass(60).await;
    let after = site.state().await;
    assert_in_step(&after);
    assert_eq!(role(&pair(&after, "Lighthouse")["group"], "Hugo Laurent"), None);
}

#[tokio::test]
async fn settings_of_the_services_are_taken_or_refused_whole() {
    let site = Site::open().await;
    site.done("/api/settings", json!({"graph": {"replica_lag_ms": 600_000}, "webex": {"deliveries_lost": 100}})).await;
    let refused = site.post("/api/settings", json!({"webex": {"deliveries_lost": 101}})).await;
    assert_eq!(refused.0, 409);
    assert_eq!(site.post("/api/settings", json!({"graph": {"colour": 1}})).await.0, 400);
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_write_is_survived() {
    let site = Site::open().await;
    let state = site.state().await;
    site.switch("crash", "on").await;
    let (team, ines) = (&pair(&state, "Lighthouse")["team"]["id"], id(&state["people"], "Ines Duarte"));
    site.done("/api/acts", json!({"act": "add", "team": team, "person": ines})).await;
    site.pass(60).await;
    let crashed = site.state().await;
    assert!(told(&crashed, "trouble").iter().any(|text| text.contains("cut off in the middle")));
    site.pass(1200).await;
    assert_in_step(&site.state().await);
}

#[tokio::test]
async fn every_trouble_can_be_switched_on_and_off_and_is_survived() {
    let site = Site::open().await;
    let state = site.state().await;
    let (team, group) = {
        let lighthouse = pair(&state, "Lighthouse");
        (lighthouse["team"]["id"].clone(), lighthouse["group"]["id"].clone())
    };
    for (n, trouble) in state["troubles"].as_array().unwrap().iter().enumerate() {
        let trouble = trouble["id"].as_str().unwrap();
        let newcomer = id(&state["people"], ["Ines Duarte", "Jonas Weber"][n % 2]);
        let act = if n % 4 < 2 { "add" } else { "remove" };
        site.switch(trouble, "on").await;
        let place = if n % 2 == 0 { json!({"team": team}) } else { json!({"group": group}) };
        let mut body = json!({"act": act, "person": newcomer});
        body.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        // A deleted group takes nobody.
        site.post("/api/acts", body).await;
        site.pass(300).await;
        site.switch(trouble, "off").await;
        site.pass(2 * 3600).await;
        let now = site.state().await;
        let on: Vec<_> = now["troubles"].as_array().unwrap().iter().filter(|one| one["on"] == true).collect();
        assert!(on.is_empty(), "{trouble}: {on:?}");
        assert_eq!(now["wrong"], json!([]), "{trouble}");
        let link = &pair(&now, "Lighthouse")["link"]["state"];
        if trouble == "mass-removal" {
            // The plan is void by now: everybody is back.
            assert!(link == "in-step" || link == "held", "{link}");
            site.post("/api/acts", json!({"act": "decide", "team": team, "decision": "discard"})).await;
            site.pass(3600).await;
        } else {
            assert_eq!(link, "in-step", "{trouble}");
        }
    }
}

#[tokio::test]
async fn the_story_ends_with_both_sides_in_step() {
    let site = Site::open().await;
    let begun = site.done("/api/story", json!({"do": "tell"})).await;
    assert_eq!(begun["story"]["scene"], 1);
    let mut scenes = Vec::new();
    for _ in 0..180 {
        site.pass(60).await;
        match site.state().await["story"]["scene"].as_u64() {
            Some(scene) => scenes.push(scene),
            None => break,
        }
    }
    scenes.dedup();
    let all = begun["story"]["of"].as_u64().unwrap();
    assert!(all > 8 && scenes == (1..=all).collect::<Vec<_>>(), "every scene is told, in order: {scenes:?} of {all}");
    let state = site.state().await;
    assert!(state["story"].is_null());
    assert_in_step(&state);
    let crew = pair(&state, "Regatta crew");
    let spaces = crew["spaces"]["spaces"].as_array().unwrap();
    let sails = spaces.iter().find(|space| space["title"] == "Sails 2026/27").unwrap();
    assert_eq!((&sails["folder"], &sails["state"]), (&json!("Sails 2026-27"), &json!("linked")));
    for (name, wanted) in [("Hugo Laurent", Some("member")), ("Dario Bellini", None), ("Ines Duarte", Some("member"))] {
        assert_eq!(role(&crew["team"], name).as_deref(), wanted, "{name}");
        assert_eq!(role(&crew["group"], name).as_deref(), wanted, "{name}");
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_can_neither_do_nor_read_anything() {
    let site = Site::open().await;
    let before = site.state().await;
    let team = &pair(&before, "Lighthouse")["team"]["id"];
    let body = json!({"act": "delete", "team": team}).to_string();
    let own = site.served.address.clone();
    let port = own.rsplit(':').next().unwrap().to_owned();
    let post = || site.ask(Method::POST, "/api/acts").body(body.clone());
    let as_json = || post().header(CONTENT_TYPE, "application/json");
    let refusals = [
        ("another origin", as_json().header(ORIGIN, "https://evil.example"), 403),
        ("another port of this machine", as_json().header(ORIGIN, "http://127.0.0.1:1"), 403),
        ("an origin that is kept secret", as_json().header(ORIGIN, "null"), 403),
        ("a cross-site request", as_json().header("Sec-Fetch-Site", "cross-site"), 403),
        ("a same-site request", as_json().header("Sec-Fetch-Site", "same-site"), 403),
        ("a form", post().header(CONTENT_TYPE, "application/x-www-form-urlencoded"), 415),
        ("plain text", post().header(CONTENT_TYPE, "text/plain"), 415),
        ("no content type", post(), 415),
        ("a name that leads here", as_json().header(HOST, format!("evil.example:{port}")), 403),
        ("a name that leads here, reading", site.ask(Method::GET, "/api/state").header(HOST, "evil.example"), 403),
        ("a loopback name that is none", site.ask(Method::GET, "/").header(HOST, "localhost.evil.example"), 403),
    ];
    for (what, request, wanted) in refusals {
        assert_eq!(request.send().await.unwrap().status(), wanted, "{what}");
    }
    assert_eq!(site.state().await["pairs"], before["pairs"]);
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let origin = format!("http://{host}:{port}");
        let request = site.ask(Method::POST, "/api/time").header(CONTENT_TYPE, "application/json; charset=utf-8");
        let request = request.header(HOST, format!("{host}:{port}")).header(ORIGIN, origin);
        let answer = request.header("Sec-Fetch-Site", "same-origin").body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn every_answer_has_the_policy_and_the_page_names_no_foreign_host() {
    let site = Site::open().await;
    for path in ["/", "/style.css", "/app.js", "/icon.svg", "/curl", "/api/state", "/nowhere"] {
        let answer = site.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    let html = site.get("/").await.text().await.unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert!(!html.contains("onclick") && !html.contains("style="));
}

#[tokio::test]
async fn spaces_and_their_folders_are_shown_and_people_change_them_on_either_side() {
    let site = Site::open().await;
    let team = pair(&site.state().await, "Lighthouse")["team"]["id"].clone();
    let space = async |title: &str| {
        let state = site.state().await;
        let spaces = pair(&state, "Lighthouse")["spaces"]["spaces"].as_array().unwrap().clone();
        spaces.into_iter().find(|space| space["title"] == title)
    };
    let act = async |space: Option<&Value>, what: &str, name: &str| {
        let id = space.map(|space| space["id"].clone());
        site.post("/api/acts", json!({"act": "space", "team": team, "space": id, "what": what, "name": name})).await
    };
    let general = space("Lighthouse").await.unwrap();
    assert_eq!((&general["folder"], &general["state"]), (&json!("Lighthouse"), &json!("linked")));
    assert_eq!(act(None, "create", "Lamp").await.0, 200);
    site.pass(60).await;
    let lamp = space("Lamp").await.unwrap();
    assert_eq!(lamp["folder"], "Lamp");
    assert_eq!(act(Some(&lamp), "rename", "Lens").await.0, 200);
    site.pass(60).await;
    let lens = space("Lens").await.unwrap();
    assert_eq!(lens["folder"], "Lens");
    assert_eq!(act(Some(&lens), "rename-folder", "Glass").await.0, 200);
    assert_eq!(act(Some(&general), "unlink", "").await.0, 200);
    site.done("/api/acts", json!({"act": "sync-now", "team": team})).await;
    site.pass(60).await;
    assert_eq!(space("Lens").await.unwrap()["folder"], "Glass");
    let general = space("Lighthouse").await.unwrap();
    assert_eq!((&general["folder"], &general["state"]), (&Value::Null, &json!("left alone")));
    assert_eq!(act(Some(&lens), "delete-folder", "").await.0, 200);
    site.done("/api/acts", json!({"act": "sync-now", "team": team})).await;
    site.pass(60).await;
    assert_eq!(space("Lens").await.unwrap()["state"], "linked");
    assert_eq!(act(Some(&lens), "take-out", "").await.0, 200);
    assert_eq!(space("Lens").await, None);
    let (status, said) = act(Some(&general), "delete", "").await;
    assert_eq!((status, said["error"].as_str().unwrap().contains("General space")), (409, true), "{said}");
    site.pass(60).await;
    assert_eq!(site.state().await["wrong"], json!([]));
}
