//! Plain HTTP requests to a world.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clients::http::TransportError;
use domain::clock::SimulatedClock;
use domain::ids::{GroupId, ObjectId, PersonId, TeamId};
use serde_json::{Value, json};
use sim::{MembershipRole, TenantHandle, World};

/// A world with one tenant, on a clock that only tests advance.
pub(crate) struct Stage {
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) world: World,
    pub(crate) acme: TenantHandle,
}

/// Fails a test that leaves violations: it has to take those that it provokes.
impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.world.take_violations(), []);
        }
    }
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn items(&self) -> &[Value] {
        self.body["items"].as_array().or(self.body["value"].as_array()).unwrap()
    }

    /// Returns Graph's error code.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Returns the error's text, of either service.
    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().or(self.body["message"].as_str()).unwrap_or_default()
    }
}

pub(crate) fn stage() -> Stage {
    seeded(7)
}

pub(crate) fn seeded(seed: u64) -> Stage {
    let clock = Arc::new(SimulatedClock::starting_at("2026-11-23T08:00:00Z".parse().unwrap()));
    let world = World::new(clock.clone(), seed);
    let acme = world.add_tenant("Acme");
    Stage { clock, world, acme }
}

pub(crate) async fn send(
    world: &World,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Reply, TransportError> {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer =
        world.transport().send(request.body(body).unwrap(), Duration::from_secs(1)).await?;
    let (parts, body) = answer.into_parts();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
}

impl Stage {
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Calls Webex with a token.
    pub(crate) async fn webex_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Reply {
        let url = if path.starts_with("https:") {
            path.into()
        } else {
            format!("https://webexapis.com/v1{path}")
        };
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        send(&self.world, method, &url, &headers, body).await.unwrap()
    }

    /// Calls Webex as Acme's service account.
    pub(crate) async fn webex(&self, method: &str, path: &str, body: Value) -> Reply {
        self.webex_as(&self.acme.tokens.access_token, method, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.webex("GET", path, Value::Null).await
    }

    /// Returns the memberships of a team that the service account sees, from all pages.
    pub(crate) async fn memberships(&self, team: TeamId) -> Vec<Value> {
        let mut next =
            Some(format!("/memberships?roomId={}", self.world.room_id(team.general_space())));
        let mut people = Vec::new();
        while let Some(path) = next {
            let page = self.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.body);
            people.extend(page.items().to_vec());
            let link =
                page.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
            next = link;
        }
        people
    }

    /// Adds the service account to the team, as a moderator.
    pub(crate) async fn join_team(&self, team: TeamId) {
        let body = json!({
            "roomId": self.world.room_id(team.general_space()),
            "personId": person_id(self.acme.service_account),
            "isModerator": true,
        });
        assert_eq!(self.webex("POST", "/memberships", body).await.status, 200);
        assert_eq!(
            self.world.team(team).unwrap().people[&self.acme.service_account],
            MembershipRole::Moderator
        );
    }

    pub(crate) async fn token_for(&self, tenant: &TenantHandle) -> String {
        let answer = self
            .ask_token(&tenant.directory.to_string(), &tenant.microsoft_app.client_secret)
            .await;
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ask_token(&self, directory: &str, secret: &str) -> Reply {
        let form = format!(
            "client_id={}&client_secret={secret}&grant_type=client_credentials&scope=https%3A%2F%\
             2Fgraph.microsoft.com%2F.default",
            self.acme.microsoft_app.client_id
        );
        let url = format!("https://login.microsoftonline.com/{directory}/oauth2/v2.0/token");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        send(&self.world, "POST", &url, &headers, form.into()).await.unwrap()
    }

    /// Calls Graph as the app in Acme's directory.
    pub(crate) async fn graph(&self, method: &str, path: &str, body: Value) -> Reply {
        self.graph_with(method, path, body, &[]).await
    }

    pub(crate) async fn graph_with(
        &self,
        method: &str,
        path: &str,
        body: Value,
        extra: &[(&str, &str)],
    ) -> Reply {
        let token = self.token_for(&self.acme).await;
        let url = if path.starts_with("https:") {
            path.into()
        } else {
            format!("https://graph.microsoft.com/v1.0{path}")
        };
        let bearer = format!("Bearer {token}");
        let mut headers =
            vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(extra);
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        send(&self.world, method, &url, &headers, body).await.unwrap()
    }

    /// Creates or updates the group of this unique name.
    pub(crate) async fn upsert(&self, unique: &str, body: Value) -> Reply {
        let path = format!("/groups(uniqueName='{}')", unique.replace(' ', "%20"));
        self.graph_with("PATCH", &path, body, &[("prefer", "create-if-missing")]).await
    }

    /// Creates a group with these owners and members.
    pub(crate) async fn group(
        &self,
        name: &str,
        owners: &[ObjectId],
        members: &[ObjectId],
    ) -> GroupId {
        let made = self.upsert(name, group_body(name, owners, members)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn people(&self, count: usize) -> Vec<ObjectId> {
        (0..count)
            .map(|n| self.world.add_person(&self.acme, &format!("Person {n}")).object)
            .collect()
    }
}

pub(crate) fn bind(people: &[ObjectId]) -> Vec<String> {
    people.iter().map(|id| format!("https://graph.microsoft.com/v1.0/users/{id}")).collect()
}

pub(crate) fn group_body(name: &str, owners: &[ObjectId], members: &[ObjectId]) -> Value {
    json!({
        "displayName": name, "mailNickname": name.to_lowercase().replace(' ', "-"),
        "groupTypes": ["Unified"], "mailEnabled": true, "securityEnabled": false,
        "visibility": "Private",
        "owners@odata.bind": bind(owners), "members@odata.bind": bind(members),
    })
}

pub(crate) fn webex_id(region: &str, kind: &str, tail: impl std::fmt::Display) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(format!("ciscospark://{region}/{kind}/{tail}"))
}

pub(crate) fn person_id(person: PersonId) -> String {
    webex_id("us", "PEOPLE", person)
}
