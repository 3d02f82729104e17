//! Tests of the Webex client over real HTTP: requests, answers, and missing answers.

mod calls;
mod events;
mod folders;
mod memberships;
mod people;
mod teams;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use clients::http::{Access, CallError, CallFailure, Deadline, ErrorClass, Net};
use clients::webex::*;
use domain::clock::{Clock, SimulatedClock};
use domain::ids::{ObjectId, OrgId, PersonId, RoomId, TeamId};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::{any, body_json, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const SCIM_EXTENSION: &str = "urn:scim:schemas:extension:cisco:webexidentity:2.0:User";

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn room() -> WebexId<RoomId> {
    WebexId::new(Region("urn:TEAM:us-west-2_r".into()), RoomId(uuid(7)))
}

fn team() -> WebexId<TeamId> {
    WebexId::new(Region("urn:TEAM:us-west-2_r".into()), TeamId(uuid(7)))
}

fn person(n: u128) -> WebexId<PersonId> {
    WebexId::new(Region::default(), PersonId(uuid(n)))
}

fn org() -> OrgId {
    OrgId(uuid(99))
}

/// Simulated Webex, and a client of it.
struct Service {
    server: MockServer,
    webex: Webex,
    clock: Arc<SimulatedClock>,
    access: Access,
}

fn client(base: &str) -> (Webex, Arc<SimulatedClock>) {
    let clock = Arc::new(SimulatedClock::starting_at(now()));
    (Webex::new(base, Arc::new(Net::new().unwrap()), clock.clone()).unwrap(), clock)
}

fn access(time: Duration) -> Access {
    Access::with_token(SecretString::from("the-token"), Deadline(now() + time))
}

impl Service {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let (webex, clock) = client(&format!("{}/v1", server.uri()));
        Self { server, webex, clock, access: access(Duration::from_secs(60)) }
    }

    /// Returns a service that gives the same answer to every request.
    async fn answering(answer: ResponseTemplate) -> Self {
        let service = Self::start().await;
        Mock::given(any()).respond_with(answer).mount(&service.server).await;
        service
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// Returns the only request.
    async fn request(&self) -> Request {
        let mut requests = self.requests().await;
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// Returns the time that the client slept.
    fn slept(&self) -> Duration {
        self.clock.now().duration_since(now()).unsigned_abs()
    }
}

fn good(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Returns an answer without a body, or a refusal in Webex's form.
fn status(status: u16) -> ResponseTemplate {
    match status {
        400.. => ResponseTemplate::new(status).set_body_json(json!({ "message": "refused" })),
        _ => ResponseTemplate::new(status),
    }
}

fn page(items: &[Value]) -> ResponseTemplate {
    good(json!({ "items": items }))
}

fn followed_by(page: ResponseTemplate, link: &str) -> ResponseTemplate {
    page.insert_header("link", format!("<{link}>; rel=\"next\""))
}

fn membership(n: u128) -> Value {
    json!({
        "id": format!("membership-{n}"),
        "roomId": room(),
        "personId": person(n),
        "personEmail": format!("{n}@acme.example"),
        "personDisplayName": format!("Number {n}"),
        "personOrgId": WebexId::new(Region::default(), org()),
        "isModerator": n == 1,
        "created": "2015-10-18T14:26:16.203Z",
    })
}

fn query(request: &Request) -> Vec<(String, String)> {
    request.url.query_pairs().into_owned().collect()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}
