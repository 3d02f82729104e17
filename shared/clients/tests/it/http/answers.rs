//! Tests of reading answers and errors, and of the headers of requests.

use std::io::Write;

use super::*;

#[tokio::test]
async fn error_is_one_line_without_token_and_query() {
    let service = service().await;
    let answer = refusal(404, "Request_ResourceNotFound", "Resource 'x'\ndoes not exist.");
    answers(&service, answer.insert_header("request-id", "4711")).await;
    let client = Client::of(Api::Graph, &service.uri());
    let by_parameter = Call::get("/users").query("$filter", "mail eq 'a@example.com'");
    let in_the_path = Call::get("/users?$filter=mail%20eq%20'a@example.com'");
    for call in [by_parameter, in_the_path] {
        let error = client.call(call).await.unwrap_err();
        let line = "graph GET /users: 404 Request_ResourceNotFound: Resource 'x' does not exist. \
             (request 4711)";
        assert_eq!(error.to_string(), line);
    }
    let shown = format!("{:?}", client.access);
    assert!(!shown.contains("the-token"), "{shown}");
}

#[tokio::test]
async fn service_message_is_truncated() {
    let service = service().await;
    answers(&service, refusal(400, &"c".repeat(5000), &"m".repeat(5000))).await;
    let error =
        Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap_err();
    let (_, code, message) = error.refusal().unwrap();
    assert_eq!((code.len(), message.len()), (100, 300));
}

/// Starts a server that sends `head` and then `chunk` repeatedly, up to a number of bytes. Returns
/// its URL and counts of connections and bytes.
fn server_that_never_stops(
    head: String,
    chunk: Vec<u8>,
    bytes: usize,
) -> (String, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counts = counted.clone();
    std::thread::spawn(move || {
        loop {
            let (mut connection, _) = listener.accept().unwrap();
            counts[0].fetch_add(1, Ordering::SeqCst);
            let _ = connection.read(&mut [0; 4096]);
            let mut sent = 0;
            let mut is_open = connection.write_all(head.as_bytes()).is_ok();
            while is_open && sent < bytes {
                is_open = connection.write_all(&chunk).is_ok();
                sent += chunk.len();
                counts[1].fetch_add(chunk.len(), Ordering::SeqCst);
            }
        }
    });
    (base, counted)
}

const HUNDRED_MB: usize = 100 * 1024 * 1024;

#[tokio::test]
async fn oversized_answer_is_not_read_nor_repeated() {
    let spaces = vec![b' '; 64 * 1024];
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    for (case, headers, chunk, read) in [
        ("declares its length", format!("content-length: {HUNDRED_MB}\r\n"), spaces.clone(), 0),
        ("comes in chunks", "transfer-encoding: chunked\r\n".into(), chunk(&spaces), ANSWER_LIMIT),
        ("ends with the connection", "connection: close\r\n".into(), spaces.clone(), ANSWER_LIMIT),
        (
            "is an error",
            format!("content-length: {HUNDRED_MB}\r\nretry-after: 1\r\n"),
            spaces.clone(),
            0,
        ),
    ] {
        let status = if case == "is an error" { "503 Busy" } else { "200 OK" };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}\r\n");
        let (base, counted) = server_that_never_stops(head, chunk, HUNDRED_MB);
        for call in [Call::get("/things"), post()] {
            let error = Client::of(Api::Graph, &base).call(call).await.unwrap_err();
            assert_eq!(error.failure, CallFailure::Transport(TransportError::TooLong), "{case}");
            assert!(!error.had_no_effect(), "{case}");
            assert_eq!(error.class(), ErrorClass::Transient, "{case}");
        }
        let [connections, sent] =
            [&counted[0], &counted[1]].map(|count| count.load(Ordering::SeqCst));
        assert_eq!(connections, 2, "{case}: once each");
        // Plus what both ends of a connection buffer.
        assert!(sent <= 2 * (read + 16 * 1024 * 1024), "{case}: {sent} bytes were read");
    }
}

#[tokio::test]
async fn largest_answer_is_read_whole() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200).set_body_bytes(vec![b' '; ANSWER_LIMIT])).await;
    let answer = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap();
    assert_eq!(answer.body.len(), ANSWER_LIMIT);
}

#[tokio::test]
async fn compressed_answer_is_not_decompressed() {
    // 40 bytes that decompress to 10,000 spaces.
    let gzip = hex(
        "1f8b0800000000000203edc1010d000000c2a02aef9fd21c6e40010000000000000000c0bf0154d6063710270000",
    );
    let deflate = hex("78daedc1010d000000c2a02aef9fd21c6e40010000000000000000c0bf013f0ae23d");
    for (coding, body) in [
        ("gzip", gzip.clone()),
        ("deflate", deflate),
        ("br", vec![0x5b, 0x0f, 0x27, 0x00]),
        ("gzip, gzip", gzip),
    ] {
        let service = service().await;
        let answer = ResponseTemplate::new(200)
            .insert_header("content-encoding", coding)
            .set_body_bytes(body);
        answers(&service, answer).await;
        let client = Client::of(Api::Graph, &service.uri());
        let answered = client.call(Call::get("/things")).await;
        let error = answered.and_then(|answer| answer.json::<serde_json::Value>()).unwrap_err();
        assert!(matches!(error.failure, CallFailure::Unreadable { .. }), "{coding}: {error}");
        let request = service.received_requests().await.unwrap().remove(0);
        assert_eq!(request.headers.get("accept-encoding"), None);
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[tokio::test]
async fn service_values_add_no_headers() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200)).await;
    let client = Client::of(Api::Graph, &service.uri());
    for tag in ["\"1\"\r\nauthorization: Basic other", "\"1\"\nx: y", "\"1\"\0", "\"1\"\r"] {
        client.call(Call::get("/things").header_value("if-match", tag)).await.unwrap();
    }
    client.call(Call::page("/things?x=1\r\nx: y", "/things")).await.unwrap();
    client.call(Call::get("/things").query("name", "a b\r\nx: y&token=z#")).await.unwrap();
    for request in service.received_requests().await.unwrap() {
        assert_eq!((request.headers.get("if-match"), request.headers.get("x")), (None, None));
        assert_eq!(request.headers["authorization"], "Bearer the-token");
        assert_eq!(request.headers.get_all("authorization").iter().count(), 1);
        assert_eq!(request.url.path(), "/things");
    }
}

#[tokio::test]
async fn only_write_request_ids_are_collected() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200).insert_header("trackingid", "ROUTER_1")).await;
    let client = Client::of(Api::Webex, &service.uri());
    client.call(Call::get("/things")).await.unwrap();
    client.call(post()).await.unwrap();
    assert_eq!(client.access.written_request_ids(), ["ROUTER_1"]);
}

#[test]
fn http_is_for_this_machine_only() {
    let usable = |base: &str| {
        let (net, clock) =
            (Arc::new(Net::new().unwrap()), Arc::new(SimulatedClock::starting_at(noon())));
        Caller::new(Api::Graph, base, net, clock, read_refusal).is_ok()
    };
    for base in
        ["https://graph.microsoft.com/v1.0", "http://127.0.0.1:8080/v1/", "http://localhost:1"]
    {
        assert!(usable(base), "{base}");
    }
    for base in [
        "http://graph.microsoft.com",
        "http://127.0.0.1.example.com",
        "ftp://localhost",
        "graph",
        "",
    ] {
        assert!(!usable(base), "{base}");
    }
}

#[tokio::test]
async fn only_graph_gets_the_urgency() {
    for (api, urgency, expected) in [
        (Api::Graph, Urgency::Low, Some("low")),
        (Api::Graph, Urgency::Usual, None),
        (Api::Graph, Urgency::High, Some("high")),
        (Api::Webex, Urgency::High, None),
    ] {
        let service = service().await;
        answers(&service, ResponseTemplate::new(200)).await;
        let client = Client::of(api, &service.uri());
        client
            .caller
            .call(&client.access.clone().urgent(urgency), Call::get("/groups"))
            .await
            .unwrap();
        let request = service.received_requests().await.unwrap().remove(0);
        let header = request
            .headers
            .get("x-ms-throttle-priority")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header.as_deref(), expected, "{api} {urgency:?}");
    }
}
