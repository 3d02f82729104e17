//! One call over real HTTP: how often it is tried, what is waited for, and where the token goes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::http::Method;
use clients::http::{
    ANSWER_LIMIT, Access, Answer, Api, CALL_TIMEOUT, Call, CallError, Caller, Class, Deadline, Failure, Net, Repeat,
    TransportError, Urgency,
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

/// Code and message as Graph writes them.
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

    /// How long the client has slept so far.
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
    Mock::given(any()).respond_with(answer).up_to_n_times(times).with_priority(1).mount(service).await;
}

async fn requests(service: &MockServer) -> usize {
    service.received_requests().await.unwrap().len()
}

fn post() -> Call {
    Call::new(Method::POST, "/things").json(&json!({"name": "a"}))
}

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"code": code, "message": message}}))
}

/// A server that takes every connection and drops it; the number counts them.
fn server_that_hangs_up() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            // The request has to be read: closing over unread bytes would reset the connection while it is being written.
            let _ = std::io::Read::read(&mut connection.unwrap(), &mut [0; 4096]);
        }
    });
    (base, taken)
}

#[tokio::test]
async fn a_safe_call_is_tried_three_times_with_pauses_by_the_clock() {
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
async fn the_third_failure_is_the_answer() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(502)).await;
    let error = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap_err();
    assert_eq!((requests(&service).await, error.status(), error.class()), (3, Some(502), Class::Transient));
}

#[tokio::test]
async fn an_unsafe_call_whose_fate_is_unknown_is_not_made_again() {
    for status in [408, 423, 500, 502, 503, 504] {
        let service = service().await;
        answers(&service, ResponseTemplate::new(status)).await;
        let client = Client::of(Api::Graph, &service.uri());
        let error = client.call(post()).await.unwrap_err();
        assert_eq!((requests(&service).await, error.class()), (1, Class::Transient), "{status}");
    }
    let (base, taken) = server_that_hangs_up();
    let error = Client::of(Api::Graph, &base).call(post()).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Transport(TransportError::NoAnswer(_))), "{error}");
    assert!(!error.had_no_effect());
    assert_eq!(taken.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_post_that_says_it_is_safe_is_made_again() {
    let service = service().await;
    answers_first(&service, 1, ResponseTemplate::new(503)).await;
    answers(&service, ResponseTemplate::new(204)).await;
    Client::of(Api::Graph, &service.uri()).call(post().repeat(Repeat::Safe)).await.unwrap();
    assert_eq!(requests(&service).await, 2);
}

#[tokio::test]
async fn a_safe_call_without_an_answer_is_made_again() {
    let (base, taken) = server_that_hangs_up();
    Client::of(Api::Webex, &base).call(Call::get("/things")).await.unwrap_err();
    assert_eq!(taken.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_was_never_sent_may_be_sent_again_even_if_unsafe() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::of(Api::Graph, &format!("http://127.0.0.1:{port}"));
    let error = client.call(post()).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Transport(TransportError::NotSent(_))), "{error}");
    assert!(error.had_no_effect());
    assert_eq!(client.slept(), Duration::from_millis(2500));
}

#[tokio::test]
async fn two_writes_at_once_are_told_apart_from_a_name_that_exists() {
    for (code, tries) in [("Directory_ConcurrencyViolation", 3), ("nameAlreadyExists", 1)] {
        let service = service().await;
        answers(&service, refusal(409, code, "")).await;
        let error = Client::of(Api::Graph, &service.uri()).call(post()).await.unwrap_err();
        assert_eq!(requests(&service).await, tries, "{code}");
        assert_eq!(error.class() == Class::Transient, tries == 3, "{code}");
    }
}

#[tokio::test]
async fn a_429_is_handed_back_at_once_with_the_moment_to_come_again() {
    let cases = [
        (Api::Webex, None, Duration::from_secs(60)),
        (Api::Graph, None, Duration::from_secs(150)),
        (Api::SharePoint, None, Duration::from_secs(60)),
        (Api::Graph, Some("soon"), Duration::from_secs(150)),
        (Api::Graph, Some("1"), Duration::from_secs(1)),
        (Api::Graph, Some("2.128"), Duration::from_millis(2128)),
        (Api::Webex, Some("Mon, 23 Nov 2026 12:00:40 GMT"), Duration::from_secs(40)),
    ];
    for (api, said, pause) in cases {
        let service = service().await;
        let answer = ResponseTemplate::new(429);
        answers(&service, said.into_iter().fold(answer, |answer, said| answer.insert_header("retry-after", said)))
            .await;
        let client = Client::of(api, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        assert_eq!(error.class(), Class::ThrottledUntil(noon() + pause), "{said:?}");
        assert_eq!((requests(&service).await, client.slept()), (1, Duration::ZERO), "{said:?}");
    }
}

#[tokio::test]
async fn a_limit_that_is_announced_as_nearly_spent_is_heeded_until_its_reset() {
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
        let headers = [("ratelimit-limit", limit), ("ratelimit-remaining", left), ("ratelimit-reset", reset)];
        let said = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        answers(
            &service,
            said.fold(ResponseTemplate::new(200), |answer, (name, value)| answer.insert_header(name, value)),
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
async fn a_short_wait_is_slept_out_and_a_longer_one_handed_back() {
    for status in [423, 503] {
        let service = service().await;
        answers_first(&service, 1, ResponseTemplate::new(status).insert_header("retry-after", "3")).await;
        answers_first(&service, 1, ResponseTemplate::new(status).insert_header("retry-after", "4")).await;
        let client = Client::of(Api::Webex, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        let asked = noon() + Duration::from_secs(3 + 4);
        assert_eq!(error.class(), Class::ThrottledUntil(asked), "{status}");
        assert_eq!((requests(&service).await, client.slept()), (2, Duration::from_secs(3)), "{status}");
    }
}

#[tokio::test]
async fn no_answer_of_any_kind_makes_a_call_sleep_longer_than_a_few_seconds() {
    for status in [408, 409, 500, 502, 504] {
        let service = service().await;
        let answer = refusal(status, "Directory_ConcurrencyViolation", "").insert_header("retry-after", "20");
        answers(&service, answer).await;
        let client = Client::of(Api::Graph, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        assert_eq!((client.slept(), error.class()), (Duration::ZERO, Class::Transient), "{status}");
    }
}

#[tokio::test]
async fn no_call_starts_that_could_outlive_the_deadline() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(500)).await;
    let late = Client::with_time(Api::Graph, &service.uri(), CALL_TIMEOUT - Duration::from_millis(1));
    let error = late.call(Call::get("/things")).await.unwrap_err();
    assert_eq!((requests(&service).await, &error.failure), (0, &Failure::NoTime));
    assert!(error.had_no_effect());

    let room_for_one_pause = CALL_TIMEOUT + Duration::from_secs(1);
    let short = Client::with_time(Api::Graph, &service.uri(), room_for_one_pause);
    let error = short.call(Call::get("/things")).await.unwrap_err();
    assert_eq!((requests(&service).await, error.status()), (2, Some(500)));
}

#[tokio::test]
async fn the_token_goes_to_the_configured_host_and_says_who_calls() {
    let service = service().await;
    let ours = Mock::given(path("/v1/things"))
        .and(header("authorization", "Bearer the-token"))
        .and(header("user-agent", concat!("ISV|WebexTeamsGroups|webex-m365-groups/", env!("CARGO_PKG_VERSION"))));
    ours.respond_with(ResponseTemplate::new(200)).mount(&service).await;
    let client = Client::of(Api::Graph, &format!("{}/v1", service.uri()));
    client.call(Call::get("/things")).await.unwrap();
    client.call(Call::follow(format!("{}/v1/things?$skiptoken=x", service.uri()))).await.unwrap();
}

#[tokio::test]
async fn a_link_to_another_host_port_or_scheme_is_never_followed() {
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
        assert!(matches!(error.failure, Failure::ForeignHost(_)), "{link}: {error}");
        assert_eq!(error.class(), Class::Permanent, "{link}");
    }
    assert_eq!((requests(&service).await, requests(&foreign).await), (0, 0));
}

#[tokio::test]
async fn a_write_that_may_have_taken_effect_stays_in_doubt_whatever_the_next_try_says() {
    for (first, last, none) in [(502, 429, false), (502, 403, false), (423, 429, true), (423, 403, true)] {
        let service = service().await;
        answers_first(&service, 1, ResponseTemplate::new(first)).await;
        answers(&service, ResponseTemplate::new(last)).await;
        let error = Client::of(Api::Graph, &service.uri()).call(post().repeat(Repeat::Safe)).await.unwrap_err();
        assert_eq!((error.status(), error.had_no_effect()), (Some(last), none), "{first} then {last}");
    }
    let service = service().await;
    answers(&service, ResponseTemplate::new(503).insert_header("retry-after", "60")).await;
    let error = Client::of(Api::Graph, &service.uri()).call(post()).await.unwrap_err();
    assert!(matches!(error.class(), Class::ThrottledUntil(_)) && !error.had_no_effect(), "{error}");
}

#[tokio::test]
async fn a_redirect_is_an_error_and_takes_the_token_nowhere() {
    let (service, foreign) = (service().await, service().await);
    answers(&foreign, ResponseTemplate::new(200)).await;
    answers(&service, ResponseTemplate::new(302).insert_header("location", foreign.uri())).await;
    let error = Client::of(Api::Webex, &service.uri()).call(Call::get("/things")).await.unwrap_err();
    assert_eq!((error.status(), requests(&foreign).await), (Some(302), 0));
}

#[tokio::test]
async fn a_call_without_a_token_carries_none() {
    let service = service().await;
    Mock::given(header_exists("authorization")).respond_with(ResponseTemplate::new(500)).mount(&service).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).with_priority(9).mount(&service).await;
    let client = Client::of(Api::Entra, &service.uri());
    let anonymous = Access::anonymous(client.access.deadline());
    client.caller.call(&anonymous, post()).await.unwrap();
}

#[tokio::test]
async fn an_error_is_one_line_with_everything_but_token_and_query() {
    let service = service().await;
    let answer = refusal(404, "Request_ResourceNotFound", "Resource 'x'\ndoes not exist.");
    answers(&service, answer.insert_header("request-id", "4711")).await;
    let client = Client::of(Api::Graph, &service.uri());
    let by_parameter = Call::get("/users").query("$filter", "mail eq 'a@example.com'");
    let in_the_path = Call::get("/users?$filter=mail%20eq%20'a@example.com'");
    for call in [by_parameter, in_the_path] {
        let error = client.call(call).await.unwrap_err();
        let line = "graph GET /users: 404 Request_ResourceNotFound: Resource 'x' does not exist. (request 4711)";
        assert_eq!(error.to_string(), line);
    }
    let shown = format!("{:?}", client.access);
    assert!(!shown.contains("the-token"), "{shown}");
}

#[tokio::test]
async fn what_the_service_says_is_bounded() {
    let service = service().await;
    answers(&service, refusal(400, &"c".repeat(5000), &"m".repeat(5000))).await;
    let error = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap_err();
    let (_, code, message) = error.refusal().unwrap();
    assert_eq!((code.len(), message.len()), (100, 300));
}

/// A server that answers every request with `head` and then `chunk`, over and over, until nobody takes it any more or so many bytes are sent. The numbers count
/// connections and bytes.
fn server_that_never_stops(head: String, chunk: Vec<u8>, bytes: usize) -> (String, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counts = counted.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            counts[0].fetch_add(1, Ordering::SeqCst);
            let _ = connection.read(&mut [0; 4096]);
            let mut sent = 0;
            let mut goes_on = connection.write_all(head.as_bytes()).is_ok();
            while goes_on && sent < bytes {
                goes_on = connection.write_all(&chunk).is_ok();
                sent += chunk.len();
                counts[1].fetch_add(chunk.len(), Ordering::SeqCst);
            }
        }
    });
    (base, counted)
}

const HUNDRED_MB: usize = 100 * 1024 * 1024;

#[tokio::test]
async fn an_answer_of_100_mb_is_not_read_to_its_end_and_not_asked_for_again() {
    let spaces = vec![b' '; 64 * 1024];
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    for (way, headers, chunk, read) in [
        ("says how long it is", format!("content-length: {HUNDRED_MB}\r\n"), spaces.clone(), 0),
        ("comes in chunks", "transfer-encoding: chunked\r\n".into(), chunk(&spaces), ANSWER_LIMIT),
        ("ends with the connection", "connection: close\r\n".into(), spaces.clone(), ANSWER_LIMIT),
        ("is an error", format!("content-length: {HUNDRED_MB}\r\nretry-after: 1\r\n"), spaces.clone(), 0),
    ] {
        let status = if way == "is an error" { "503 Busy" } else { "200 OK" };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}\r\n");
        let (base, counted) = server_that_never_stops(head, chunk, HUNDRED_MB);
        for call in [Call::get("/things"), post()] {
            let error = Client::of(Api::Graph, &base).call(call).await.unwrap_err();
            assert_eq!(error.failure, Failure::Transport(TransportError::TooLong), "{way}");
            assert!(!error.had_no_effect(), "{way}");
            assert_eq!(error.class(), Class::Transient, "{way}");
        }
        let [connections, sent] = [&counted[0], &counted[1]].map(|count| count.load(Ordering::SeqCst));
        assert_eq!(connections, 2, "{way}: once each");
        // What both ends of a connection hold comes on top.
        assert!(sent <= 2 * (read + 16 * 1024 * 1024), "{way}: {sent} bytes were taken");
    }
}

#[tokio::test]
async fn the_longest_answer_is_read_whole() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200).set_body_bytes(vec![b' '; ANSWER_LIMIT])).await;
    let answer = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap();
    assert_eq!(answer.body.len(), ANSWER_LIMIT);
}

#[tokio::test]
async fn what_was_not_asked_for_compressed_is_not_unpacked() {
    // Forty bytes that would become ten thousand spaces.
    let gzip = hex("1f8b0800000000000203edc1010d000000c2a02aef9fd21c6e40010000000000000000c0bf0154d6063710270000");
    let deflate = hex("78daedc1010d000000c2a02aef9fd21c6e40010000000000000000c0bf013f0ae23d");
    for (coding, body) in
        [("gzip", gzip.clone()), ("deflate", deflate), ("br", vec![0x5b, 0x0f, 0x27, 0x00]), ("gzip, gzip", gzip)]
    {
        let service = service().await;
        let answer = ResponseTemplate::new(200).insert_header("content-encoding", coding).set_body_bytes(body.clone());
        answers(&service, answer).await;
        let answer = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap();
        assert_eq!(answer.body, body, "{coding}");
        let error = answer.json::<serde_json::Value>().unwrap_err();
        assert!(matches!(error.failure, Failure::Unreadable { .. }), "{coding}: {error}");
        let asked = service.received_requests().await.unwrap().remove(0);
        assert_eq!(asked.headers.get("accept-encoding"), None);
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn no_answer_adds_a_header_to_the_next_request() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200)).await;
    let client = Client::of(Api::Graph, &service.uri());
    for tag in ["\"1\"\r\nauthorization: Bearer other", "\"1\"\nx: y", "\"1\"\0", "\"1\"\r"] {
        client.call(Call::get("/things").header_value("if-match", tag)).await.unwrap();
    }
    client.call(Call::follow("/things?x=1\r\nx: y")).await.unwrap();
    client.call(Call::get("/things").query("name", "a b\r\nx: y&token=z#")).await.unwrap();
    for asked in service.received_requests().await.unwrap() {
        assert_eq!((asked.headers.get("if-match"), asked.headers.get("x")), (None, None));
        assert_eq!(asked.headers["authorization"], "Bearer the-token");
        assert_eq!(asked.headers.get_all("authorization").iter().count(), 1);
        assert_eq!(asked.url.path(), "/things");
    }
}

#[tokio::test]
async fn the_ids_of_writes_are_kept_for_the_record_and_those_of_reads_are_not() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200).insert_header("trackingid", "ROUTER_1")).await;
    let client = Client::of(Api::Webex, &service.uri());
    client.call(Call::get("/things")).await.unwrap();
    client.call(post()).await.unwrap();
    assert_eq!(client.access.written_request_ids(), ["ROUTER_1"]);
}

#[test]
fn only_https_is_called_except_on_this_machine() {
    let usable = |base: &str| {
        let (net, clock) = (Arc::new(Net::new().unwrap()), Arc::new(SimulatedClock::starting_at(noon())));
        Caller::new(Api::Graph, base, net, clock, read_refusal).is_ok()
    };
    for base in ["https://graph.microsoft.com/v1.0", "http://127.0.0.1:8080/v1/", "http://localhost:1"] {
        assert!(usable(base), "{base}");
    }
    for base in ["http://graph.microsoft.com", "http://127.0.0.1.example.com", "ftp://localhost", "graph", ""] {
        assert!(!usable(base), "{base}");
    }
}

#[tokio::test]
async fn graph_is_told_who_waits_and_nobody_else_is() {
    for (api, urgency, told) in [
        (Api::Graph, Urgency::Low, Some("low")),
        (Api::Graph, Urgency::Usual, None),
        (Api::Graph, Urgency::High, Some("high")),
        (Api::Webex, Urgency::High, None),
    ] {
        let service = service().await;
        answers(&service, ResponseTemplate::new(200)).await;
        let client = Client::of(api, &service.uri());
        client.caller.call(&client.access.clone().urgent(urgency), Call::get("/groups")).await.unwrap();
        let asked = service.received_requests().await.unwrap().remove(0);
        let header = asked.headers.get("x-ms-throttle-priority").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header.as_deref(), told, "{api} {urgency:?}");
    }
}
