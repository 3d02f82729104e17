//! A served page, and readers of its state.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Response};
use sandbox::page::{Playground, Served, serve};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// A page on which time is paused.
pub(crate) struct Site {
    pub(crate) served: Served,
    client: Client,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::of(Playground::start().await.unwrap()).await
    }

    pub(crate) async fn of(playground: Playground) -> Self {
        let playground = Arc::new(Mutex::new(playground));
        let served = serve(playground, 0, "curl".into()).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let site = Self { served, client };
        site.done("/api/time", json!({"speed": "paused"})).await;
        site
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.served.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn state(&self) -> Value {
        self.state_of("contoso").await
    }

    pub(crate) async fn state_of(&self, customer: &str) -> Value {
        json_of(self.get(&format!("/api/state?customer={customer}")).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), json_of(answer).await)
    }

    /// A request that succeeds.
    pub(crate) async fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// An action that succeeds.
    pub(crate) async fn act(&self, action: Value) -> Value {
        self.done("/api/actions", action).await
    }

    pub(crate) async fn pass(&self, seconds: u32) {
        self.done("/api/time", json!({"pass": seconds})).await;
    }

    pub(crate) async fn switch(&self, disruption: &str, switch: &str) {
        let body = json!({"customer": "contoso", "disruption": disruption, "switch": switch});
        self.done("/api/disruptions", body).await;
    }
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// The id of the first in a list with this name.
pub(crate) fn id<'v>(list: &'v Value, name: &str) -> &'v str {
    let found = list.as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))["id"].as_str().unwrap()
}

/// The team with this name, and its group.
pub(crate) fn pair<'v>(state: &'v Value, name: &str) -> &'v Value {
    let mut pairs = state["pairs"].as_array().unwrap().iter();
    let found = pairs.find(|pair| pair["team"]["name"] == name);
    found.unwrap_or_else(|| panic!("no team {name}"))
}

pub(crate) fn role(side: &Value, name: &str) -> Option<String> {
    let person = side["people"].as_array()?.iter().find(|person| person["name"] == name)?;
    person["role"].as_str().map(str::to_owned)
}

/// The texts of the log entries of a kind.
pub(crate) fn texts(state: &Value, kind: &str) -> Vec<String> {
    let entries = state["entries"].as_array().unwrap().iter();
    let entries = entries.filter(|entry| entry["kind"] == kind);
    entries.map(|entry| entry["text"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn assert_in_sync(state: &Value) {
    for pair in state["pairs"].as_array().unwrap() {
        assert_eq!(pair["link"]["state"], "in-sync", "{pair}");
    }
    assert_eq!(state["problems"], json!([]));
}
