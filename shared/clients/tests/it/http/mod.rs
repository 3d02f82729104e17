//! Tests of calls over real HTTP: retries, waits, and the use of the token.

mod answers;
mod bodies;
mod renewal;

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::http::Method;
use clients::http::{
    ANSWER_LIMIT, Access, Answer, Api, CALL_TIMEOUT, Call, CallError, CallFailure, Caller,
    Deadline, ErrorClass, Net, Repeat, TransportError, Urgency,
};
use domain::clock::{Clock, SimulatedClock};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use wiremock::matchers::{any, header, header_exists, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const NOON: &str = "2026-11-23T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

/// Returns code and message in Graph's form.
fn read_refusal(body: &[u8]) -> (String, String) {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("message"))
}

struct Client {
    caller: Caller,
    clock: Arc<SimulatedClock>,
    access: Access,
}

impl Client {
    fn of(api: Api, base: &str) -> Self {
        Self::with_time(api, base, Duration::from_secs(60))
    }

    fn with_time(api: Api, base: &str, time: Duration) -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(noon()));
        let net = Arc::new(Net::new().unwrap());
        let caller = Caller::new(api, base, net, clock.clone(), read_refusal).unwrap();
        let access = Access::with_token(SecretString::from("the-token"), Deadline(noon() + time));
        Self { caller, clock, access }
    }

    async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.caller.call(&self.access, call).await
    }

    /// Returns the time that the client slept.
    fn slept(&self) -> Duration {
        self.clock.now().duration_since(noon()).unsigned_abs()
    }
}

async fn service() -> MockServer {
    MockServer::start().await
}

async fn answers(service: &MockServer, answer: ResponseTemplate) {
    Mock::given(any()).respond_with(answer).mount(service).await;
}

async fn answers_first(service: &MockServer, times: u64, answer: ResponseTemplate) {
    Mock::given(any())
        .respond_with(answer)
        .up_to_n_times(times)
        .with_priority(1)
        .mount(service)
        .await;
}

async fn requests(service: &MockServer) -> usize {
    service.received_requests().await.unwrap().len()
}

fn post() -> Call {
    Call::new(Method::POST, "/things").json(&json!({"name": "a"}))
}

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(json!({"error": {"code": code, "message": message}}))
}

/// Starts a server that drops every connection. Returns its URL and a count of connections.
fn server_that_hangs_up() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::new(AtomicUsize::new(0));
    let count = counted.clone();
    std::thread::spawn(move || {
        loop {
            let (mut connection, _) = listener.accept().unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            // Unread bytes would reset the connection while the client still writes.
            let _ = connection.read(&mut [0; 4096]);
        }
    });
    (base, counted)
}

#[tokio::test]
async fn safe_call_is_tried_three_times() {
    for status in [408, 423, 500, 502, 503, 504] {
        let service = service().await;
        answers_first(&service, 2, ResponseTemplate::new(status)).await;
        answers(&service, ResponseTemplate::new(200)).await;
        let client = Client::of(Api::Graph, &service.uri());
        client.call(Call::get("/things")).await.unwrap();
        assert_eq!(requests(&service).await, 3, "{status}");
        assert_eq!(client.slept(), Duration::from_millis(2500), "{status}");
    }
}

#[tokio::test]
async fn third_failure_is_returned() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(502)).await;
    let error =
        Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap_err();
    assert_eq!(
        (requests(&service).await, error.status(), error.class()),
        (3, Some(502), ErrorClass::Transient)
    );
}

#[tokio::test]
async fn unsafe_call_in_doubt_is_not_repeated() {
    for status in [408, 423, 500, 502, 503, 504] {
        let service = service().await;
        answers(&service, ResponseTemplate::new(status)).await;
        let client = Client::of(Api::Graph, &service.uri());
        let error = client.call(post()).await.unwrap_err();
        assert_eq!(
            (requests(&service).await, error.class()),
            (1, ErrorClass::Transient),
            "{status}"
        );
    }
    let (base, count) = server_that_hangs_up();
    let error = Client::of(Api::Graph, &base).call(post()).await.unwrap_err();
    assert!(
        matches!(error.failure, CallFailure::Transport(TransportError::NoAnswer(_))),
        "{error}"
    );
    assert!(!error.had_no_effect());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn safe_post_is_repeated() {
    let service = service().await;
    answers_first(&service, 1, ResponseTemplate::new(503)).await;
    answers(&service, ResponseTemplate::new(204)).await;
    Client::of(Api::Graph, &service.uri()).call(post().repeat(Repeat::Safe)).await.unwrap();
    assert_eq!(requests(&service).await, 2);
}

#[tokio::test]
async fn safe_call_without_answer_is_repeated() {
    let (base, count) = server_that_hangs_up();
    Client::of(Api::Webex, &base).call(Call::get("/things")).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn unsent_call_is_repeated_even_if_unsafe() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::of(Api::Graph, &format!("http://127.0.0.1:{port}"));
    let error = client.call(post()).await.unwrap_err();
    assert!(matches!(error.failure, CallFailure::Transport(TransportError::NotSent(_))), "{error}");
    assert!(error.had_no_effect());
    assert_eq!(client.slept(), Duration::from_millis(2500));
}

#[tokio::test]
async fn concurrent_write_differs_from_taken_name() {
    for (code, tries) in [("Directory_ConcurrencyViolation", 3), ("nameAlreadyExists", 1)] {
        let service = service().await;
        answers(&service, refusal(409, code, "")).await;
        let error = Client::of(Api::Graph, &service.uri()).call(post()).await.unwrap_err();
        assert_eq!(requests(&service).await, tries, "{code}");
        assert_eq!(error.class() == ErrorClass::Transient, tries == 3, "{code}");
    }
}

#[tokio::test]
async fn throttling_is_returned_at_once() {
    let cases = [
        (Api::Webex, None, Duration::from_secs(60)),
        (Api::Graph, None, Duration::from_secs(150)),
        (Api::SharePoint, None, Duration::from_secs(60)),
        (Api::Graph, Some("soon"), Duration::from_secs(150)),
        (Api::Graph, Some("1"), Duration::from_secs(1)),
        (Api::Graph, Some("2.128"), Duration::from_millis(2128)),
        (Api::Webex, Some("Mon, 23 Nov 2026 12:00:40 GMT"), Duration::from_secs(40)),
    ];
    for (api, header, pause) in cases {
        let service = service().await;
        let answer = ResponseTemplate::new(429);
        answers(
            &service,
            header
                .into_iter()
                .fold(answer, |answer, value| answer.insert_header("retry-after", value)),
        )
        .await;
        let client = Client::of(api, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::ThrottledUntil(noon() + pause), "{header:?}");
        assert_eq!((requests(&service).await, client.slept()), (1, Duration::ZERO), "{header:?}");
    }
}

#[tokio::test]
async fn nearly_spent_limit_is_reported_until_reset() {
    let cases = [
        (Some("1200"), Some("40"), Some("30"), Some(Duration::from_secs(30))),
        (Some("1200"), Some("0"), Some("7"), Some(Duration::from_secs(7))),
        (Some("1200"), Some("200"), Some("30"), None),
        (Some("1200"), None, Some("30"), None),
        (Some("many"), Some("0"), Some("30"), None),
        (None, None, None, None),
    ];
    for (limit, left, reset, pause) in cases {
        let service = service().await;
        let headers =
            [("ratelimit-limit", limit), ("ratelimit-remaining", left), ("ratelimit-reset", reset)];
        let present = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        answers(
            &service,
            present.fold(ResponseTemplate::new(200), |answer, (name, value)| {
                answer.insert_header(name, value)
            }),
        )
        .await;
        let client = Client::of(Api::SharePoint, &service.uri());
        client.call(Call::get("/things")).await.unwrap();
        assert_eq!(
            client.access.nearly_spent_until(),
            pause.map(|pause| noon() + pause),
            "{limit:?} {left:?} {reset:?}"
        );
    }
}

#[tokio::test]
async fn short_wait_is_slept_and_long_one_returned() {
    for status in [423, 503] {
        let service = service().await;
        answers_first(&service, 1, ResponseTemplate::new(status).insert_header("retry-after", "3"))
            .await;
        answers_first(&service, 1, ResponseTemplate::new(status).insert_header("retry-after", "4"))
            .await;
        let client = Client::of(Api::Webex, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        let until = noon() + Duration::from_secs(3 + 4);
        assert_eq!(error.class(), ErrorClass::ThrottledUntil(until), "{status}");
        assert_eq!(
            (requests(&service).await, client.slept()),
            (2, Duration::from_secs(3)),
            "{status}"
        );
    }
}

#[tokio::test]
async fn no_answer_makes_a_call_sleep_long() {
    for status in [408, 409, 500, 502, 504] {
        let service = service().await;
        let answer = refusal(status, "Directory_ConcurrencyViolation", "")
            .insert_header("retry-after", "20");
        answers(&service, answer).await;
        let client = Client::of(Api::Graph, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        assert_eq!(
            (client.slept(), error.class()),
            (Duration::ZERO, ErrorClass::Transient),
            "{status}"
        );
    }
}

#[tokio::test]
async fn no_call_outlives_the_deadline() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(500)).await;
    let late =
        Client::with_time(Api::Graph, &service.uri(), CALL_TIMEOUT - Duration::from_millis(1));
    let error = late.call(Call::get("/things")).await.unwrap_err();
    assert_eq!((requests(&service).await, &error.failure), (0, &CallFailure::NoTime));
    assert!(error.had_no_effect());

    let room_for_one_pause = CALL_TIMEOUT + Duration::from_secs(1);
    let short = Client::with_time(Api::Graph, &service.uri(), room_for_one_pause);
    let error = short.call(Call::get("/things")).await.unwrap_err();
    assert_eq!((requests(&service).await, error.status()), (2, Some(500)));
}

#[tokio::test]
async fn token_and_user_agent_go_to_the_host() {
    let service = service().await;
    let ours = Mock::given(path("/v1/things"))
        .and(header("authorization", "Bearer the-token"))
        .and(header(
            "user-agent",
            concat!("ISV|WebexTeamsGroups|webex-m365-groups/", env!("CARGO_PKG_VERSION")),
        ));
    ours.respond_with(ResponseTemplate::new(200)).mount(&service).await;
    let client = Client::of(Api::Graph, &format!("{}/v1", service.uri()));
    client.call(Call::get("/things")).await.unwrap();
    let next = format!("{}/v1/things?$skiptoken=x", service.uri());
    client.call(Call::page(next, "/things")).await.unwrap();
}

#[tokio::test]
async fn link_to_another_origin_is_not_followed() {
    let (service, foreign) = (service().await, service().await);
    answers(&foreign, ResponseTemplate::new(200)).await;
    let client = Client::of(Api::Graph, &service.uri());
    let port = service.address().port();
    let links = [
        format!("{}/things?page=2", foreign.uri()),
        format!("https://127.0.0.1:{port}/things"),
        format!("http://localhost:{port}/things"),
        format!("http://127.0.0.1:{port}@{}/things", foreign.address()),
        format!("//{}/things", foreign.address()),
        format!("\\\\{}\\things", foreign.address()),
    ];
    for link in links {
        let error = client.call(Call::follow(link.clone())).await.unwrap_err();
        assert!(matches!(error.failure, CallFailure::ForeignHost(_)), "{link}: {error}");
        assert_eq!(error.class(), ErrorClass::Permanent, "{link}");
    }
    assert_eq!((requests(&service).await, requests(&foreign).await), (0, 0));
}

#[tokio::test]
async fn doubt_survives_the_next_try() {
    for (first, last, none) in
        [(502, 429, false), (502, 403, false), (423, 429, true), (423, 403, true)]
    {
        let service = service().await;
        answers_first(&service, 1, ResponseTemplate::new(first)).await;
        answers(&service, refusal(last, "x", "x")).await;
        let error = Client::of(Api::Graph, &service.uri())
            .call(post().repeat(Repeat::Safe))
            .await
            .unwrap_err();
        assert_eq!(
            (error.status(), error.had_no_effect()),
            (Some(last), none),
            "{first} then {last}"
        );
    }
    let service = service().await;
    answers(&service, ResponseTemplate::new(503).insert_header("retry-after", "60")).await;
    let error = Client::of(Api::Graph, &service.uri()).call(post()).await.unwrap_err();
    assert!(
        matches!(error.class(), ErrorClass::ThrottledUntil(_)) && !error.had_no_effect(),
        "{error}"
    );
}

#[tokio::test]
async fn redirect_is_an_error() {
    let (service, foreign) = (service().await, service().await);
    answers(&foreign, ResponseTemplate::new(200)).await;
    answers(&service, ResponseTemplate::new(302).insert_header("location", foreign.uri())).await;
    let error =
        Client::of(Api::Webex, &service.uri()).call(Call::get("/things")).await.unwrap_err();
    assert_eq!((error.answered(), requests(&foreign).await), (Some(302), 0));
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn anonymous_call_sends_no_token() {
    let service = service().await;
    Mock::given(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&service)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .with_priority(9)
        .mount(&service)
        .await;
    let client = Client::of(Api::Entra, &service.uri());
    let anonymous = Access::anonymous(client.access.deadline());
    client.caller.call(&anonymous, post()).await.unwrap();
}
