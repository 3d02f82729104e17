//! Tests of the Graph client over real HTTP, with documented answers and with observed ones.

mod creation;
mod directory;
mod drives;
mod lists;
mod reading;
mod relations;
mod search;
mod tokens;
mod users;

use std::sync::Arc;
use std::time::Duration;

use clients::graph::{
    Bind, BindOutcome, Deletion, Delta, DeltaFrom, Entra, Graph, GroupCreation, NewGroup,
    ObjectKind, Relation, Renamed, Then, TokenErrorKind, Unbound, Upserted, UserKind,
    is_not_replicated,
};
use clients::http::{Access, CallError, CallFailure, Deadline, ErrorClass, Net};
use domain::clock::SimulatedClock;
use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use wiremock::matchers::{any, body_json, body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const GROUP: &str = "b320ee12-b1cd-4cca-b648-a437be61c5cd";
const EXISTS: &str = "One or more added object references already exist for the following modified \
     properties: 'members'.";
const NOT_REPLICATED: &str =
    "The source resource object or one of the objects being referenced don't exist.";

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn group() -> GroupId {
    GROUP.parse().unwrap()
}

fn person(number: u32) -> ObjectId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

fn deadline() -> Deadline {
    Deadline(noon() + Duration::from_secs(600))
}

struct Service {
    server: MockServer,
    graph: Graph,
    access: Access,
}

impl Service {
    async fn start() -> Self {
        let server = MockServer::start().await;
        // A call that no test answers names something that does not exist.
        let missing = Mock::given(any()).respond_with(missing("x")).with_priority(u8::MAX);
        missing.mount(&server).await;
        let clock = Arc::new(SimulatedClock::starting_at(noon()));
        let graph =
            Graph::new(&format!("{}/v1.0", server.uri()), Arc::new(Net::new().unwrap()), clock)
                .unwrap();
        let access = Access::with_token(SecretString::from("the-token"), deadline());
        Self { server, graph, access }
    }

    /// Sets the answer of `at` for all later calls.
    async fn answers(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        self.mount(Mock::given(method(verb)).and(path(format!("/v1.0{at}"))), answer).await;
    }

    /// Sets the answer of `at` for the next call only.
    async fn answers_once(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(format!("/v1.0{at}"))).respond_with(answer);
        mock.up_to_n_times(1).mount(&self.server).await;
    }

    async fn mount(&self, mock: wiremock::MockBuilder, answer: ResponseTemplate) {
        mock.respond_with(answer).mount(&self.server).await;
    }

    /// Sets the batch answer of a group with these listings.
    async fn group_answers(&self, members: Value, owners: Value) {
        let answer =
            batch(&[item(0, 200, the_group()), item(1, 200, members), item(2, 200, owners)]);
        self.answers("POST", "/$batch", answer).await;
    }

    fn link(&self, to: &str) -> String {
        format!("{}/v1.0{to}", self.server.uri())
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// Returns the methods and paths of all calls.
    async fn calls(&self) -> Vec<String> {
        let line = |request: &Request| format!("{} {}", request.method, request.url.path());
        self.requests().await.iter().map(line).collect()
    }

    async fn bind(&self, binds: &[Bind]) -> clients::graph::Bound {
        self.graph.bind(&self.access, group(), binds).await
    }
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn no_content() -> ResponseTemplate {
    ResponseTemplate::new(204)
}

fn error(code: &str, message: &str) -> Value {
    let inner = json!({"date": "2026-11-23T12:00:00", "request-id": "r"});
    json!({"error": {"code": code, "message": message, "innerError": inner}})
}

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(error(code, message))
}

fn missing(id: impl std::fmt::Display) -> ResponseTemplate {
    let message = format!(
        "Resource '{id}' does not exist or one of its queried reference-property objects are \
         not present."
    );
    refusal(404, "Request_ResourceNotFound", &message)
}

fn item(id: usize, status: u16, body: Value) -> Value {
    let headers = json!({"Content-Type": "application/json"});
    json!({"id": id.to_string(), "status": status, "headers": headers, "body": body})
}

fn throttled(id: usize, name: &str, retry_after: Value) -> Value {
    let mut throttled = item(id, 429, error("TooManyRequests", "Too many requests."));
    throttled["headers"][name] = retry_after;
    throttled
}

/// Returns a batch answer in another order than the request, like the service.
fn batch(items: &[Value]) -> ResponseTemplate {
    let reversed: Vec<_> = items.iter().rev().collect();
    ok(json!({"responses": reversed}))
}

fn the_group() -> Value {
    json!({
        "id": GROUP,
        "displayName": "Golf",
        "mailNickname": "golf",
        "mail": "golf@contoso.com",
        "groupTypes": ["Unified"],
        "createdDateTime": "2026-11-01T00:51:37Z",
        "expirationDateTime": null,
        "onPremisesSyncEnabled": null,
        "isAssignableToRole": null,
    })
}

fn listed(people: &[u32]) -> Value {
    let users = people
        .iter()
        .map(|number| json!({"@odata.type": "#microsoft.graph.user", "id": person(*number)}));
    json!({"value": users.collect::<Vec<_>>()})
}

fn listed_until(people: &[u32], next: &str) -> Value {
    let mut page = listed(people);
    page["@odata.nextLink"] = json!(next);
    page
}

fn new_group() -> NewGroup {
    NewGroup {
        display_name: "Golf".into(),
        mail_nickname: "golf-1".into(),
        description: Some("About golf".into()),
        owners: vec![person(1)],
        members: vec![person(1), person(2)],
    }
}

fn members(numbers: std::ops::Range<u32>) -> Vec<Bind> {
    numbers.map(|number| Bind { person: person(number), relation: Relation::Member }).collect()
}

fn is_transient(error: &CallError) -> bool {
    error.class() == ErrorClass::Transient
}
