//! Tests of answers that no service documents: bodies of proxies, cut bodies, odd headers.

use super::*;

/// Bodies that are no answer of a service.
const FOREIGN: [&str; 6] = [
    "<html><body>Access denied</body></html>",
    "Service unavailable",
    "{\"error\": {\"code\": \"Request_Resou",
    "[]",
    "\"text\"",
    "\u{feff}{}",
];

#[tokio::test]
async fn refusal_without_the_services_own_body_says_nothing() {
    for status in [302, 400, 401, 403, 404, 409, 410, 412, 418] {
        for body in FOREIGN.into_iter().chain([""]) {
            let service = service().await;
            let answer = ResponseTemplate::new(status)
                .set_body_string(body)
                .insert_header("request-id", "4711");
            answers(&service, answer).await;
            let client = Client::of(Api::Graph, &service.uri());
            let error = client.call(Call::get("/things")).await.unwrap_err();
            assert!(matches!(error.failure, CallFailure::Unreadable { .. }), "{status} {body}");
            assert_eq!(error.class(), ErrorClass::Transient, "{status} {body}");
            assert_eq!((error.status(), error.answered()), (None, Some(status)), "{body}");
            assert_eq!(error.request_id.as_deref(), Some("4711"));
        }
    }
}

#[tokio::test]
async fn failure_of_a_server_passes_whatever_its_body() {
    for status in [408, 500, 502, 503, 504] {
        for body in FOREIGN {
            let service = service().await;
            answers(&service, ResponseTemplate::new(status).set_body_string(body)).await;
            let client = Client::of(Api::Graph, &service.uri());
            let error = client.call(Call::get("/things")).await.unwrap_err();
            assert_eq!(error.class(), ErrorClass::Transient, "{status} {body}");
            assert_eq!(requests(&service).await, 3, "{status} {body}");
        }
    }
}

#[tokio::test]
async fn throttling_needs_no_body() {
    for (header, seconds) in
        [("20", 20), ("0", 0), ("soon", 150), ("-1", 150), ("Mon, 23 Nov 2026 12:00:20 GMT", 20)]
    {
        let service = service().await;
        let answer = ResponseTemplate::new(429)
            .set_body_string("<html>")
            .insert_header("retry-after", header);
        answers(&service, answer).await;
        let client = Client::of(Api::Graph, &service.uri());
        let error = client.call(Call::get("/things")).await.unwrap_err();
        let until = noon() + Duration::from_secs(seconds);
        assert_eq!(error.class(), ErrorClass::ThrottledUntil(until), "{header}");
    }
}

#[tokio::test]
async fn success_with_a_foreign_body_is_no_success() {
    for body in ["<html>sign in</html>", "ok", "\"text\"", "null", "7"] {
        for call in [Call::get("/things"), post(), Call::new(Method::DELETE, "/things/1")] {
            let service = service().await;
            answers(&service, ResponseTemplate::new(200).set_body_string(body)).await;
            let error = Client::of(Api::Graph, &service.uri()).call(call).await.unwrap_err();
            assert!(matches!(error.failure, CallFailure::Unreadable { status: 200, .. }), "{body}");
            assert!(!error.had_no_effect(), "{body}: it can have taken effect");
        }
    }
}

#[tokio::test]
async fn empty_body_is_no_listing() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200)).await;
    let answer = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap();
    let error = answer.json::<serde_json::Value>().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn odd_headers_are_ignored() {
    let service = service().await;
    let answer = ResponseTemplate::new(200)
        .insert_header("request-id", &b"\xff\xfe"[..])
        .insert_header("ratelimit-limit", "many")
        .insert_header("ratelimit-remaining", "-1")
        .insert_header("ratelimit-reset", "99999999999999999999");
    answers(&service, answer).await;
    let client = Client::of(Api::Graph, &service.uri());
    client.call(post()).await.unwrap();
    assert!(client.access.written_request_ids().is_empty());
    assert_eq!(client.access.nearly_spent_until(), None);
}

#[tokio::test]
async fn link_to_another_list_is_not_followed() {
    let service = service().await;
    answers(&service, ResponseTemplate::new(200).set_body_json(json!({}))).await;
    let client = Client::of(Api::Graph, &format!("{}/v1", service.uri()));
    let list = "/groups/a/members";
    for link in ["/v1/groups/b/members", "/v1/groups", "/v2/groups/a/members", "/", "/v1/me"] {
        let link = format!("{}{link}?$skiptoken=x", service.uri());
        let error = client.call(Call::page(link, list)).await.unwrap_err();
        assert!(matches!(error.failure, CallFailure::ForeignList(_)), "{error}");
        assert_eq!(error.class(), ErrorClass::Transient);
    }
    assert_eq!(requests(&service).await, 0);
    for link in ["/v1/groups/a/members", "/v1/Groups/A/members/", "/v1/groups/%61/members"] {
        client.call(Call::page(format!("{}{link}?x=1", service.uri()), list)).await.unwrap();
    }
}

#[tokio::test]
async fn fault_of_a_body_names_no_one() {
    let service = service().await;
    let body = json!({"count": "Anna Muster <anna@example.com>"});
    answers(&service, ResponseTemplate::new(200).set_body_json(body)).await;
    let answer = Client::of(Api::Graph, &service.uri()).call(Call::get("/things")).await.unwrap();
    let error = answer.json::<std::collections::BTreeMap<String, u32>>().unwrap_err().to_string();
    assert!(!error.contains("Anna") && !error.contains("example.com"), "{error}");
}
