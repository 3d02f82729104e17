//! Tests of reading a group.

use super::*;

#[tokio::test]
async fn group_is_read_in_one_call_plus_next_pages() {
    let service = Service::start().await;
    let next = service.link(&format!("/groups/{GROUP}/members?$skiptoken=2"));
    service.group_answers(listed_until(&[1, 2], &next), listed(&[1])).await;
    service.answers("GET", &format!("/groups/{GROUP}/members"), ok(listed(&[2, 3]))).await;

    let reading = service.graph.read_group(&service.access, group()).await.unwrap().unwrap();

    assert_eq!(reading.group.unwrap().display_name, "Golf");
    let ids: Vec<_> = reading.members.get().iter().map(|member| member.id).collect();
    assert_eq!(ids, [person(1), person(2), person(3)]);
    assert!(reading.members.get().iter().all(|member| member.kind == ObjectKind::User));
    assert_eq!(reading.owners.get().len(), 1);
    assert_eq!(
        service.calls().await,
        ["POST /v1.0/$batch".into(), format!("GET /v1.0/groups/{GROUP}/members")]
    );
    let sent: Value = service.requests().await[0].body_json().unwrap();
    let urls: Vec<_> = sent["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["url"].as_str().unwrap())
        .collect();
    assert!(urls[0].starts_with(&format!("/groups/{GROUP}?$select=id,displayName,")), "{urls:?}");
    assert_eq!(urls[1], format!("/groups/{GROUP}/members?$select=id&$top=999"));
    assert_eq!(urls[2], format!("/groups/{GROUP}/owners?$select=id&$top=999"));
}

#[tokio::test]
async fn failed_second_page_is_an_error() {
    let service = Service::start().await;
    let next = service.link(&format!("/groups/{GROUP}/members?$skiptoken=2"));
    service.group_answers(listed_until(&[1], &next), listed(&[1])).await;
    service
        .answers(
            "GET",
            &format!("/groups/{GROUP}/members"),
            refusal(503, "Service_InternalServerError", "busy"),
        )
        .await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert!(is_transient(&error), "{error}");
}

#[tokio::test]
async fn circular_pages_are_an_error() {
    let service = Service::start().await;
    let members = format!("/groups/{GROUP}/members");
    let links = ["a", "b"].map(|page| service.link(&format!("{members}?$skiptoken={page}")));
    service.group_answers(listed_until(&[1], &links[0]), listed(&[1])).await;
    for (at, next) in [("a", &links[1]), ("b", &links[0])] {
        service
            .mount(Mock::given(query_param("$skiptoken", at)), ok(listed_until(&[2], next)))
            .await;
    }
    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();
    assert!(error.to_string().contains("in a circle"), "{error}");
}

#[tokio::test]
async fn expired_page_restarts_the_listing() {
    let service = Service::start().await;
    let members = format!("/groups/{GROUP}/members");
    let next = service.link(&format!("{members}?$skiptoken=2"));
    service.group_answers(listed_until(&[9], &next), listed(&[1])).await;
    let second = Mock::given(method("GET")).and(query_param("$skiptoken", "2"));
    let expired =
        refusal(400, "Directory_ExpiredPageToken", "The specified page token value has expired.");
    second.respond_with(expired).up_to_n_times(1).mount(&service.server).await;
    service.mount(Mock::given(query_param("$skiptoken", "2")), ok(listed(&[2]))).await;
    service.mount(Mock::given(query_param("$top", "999")), ok(listed_until(&[1], &next))).await;

    let reading = service.graph.read_group(&service.access, group()).await.unwrap().unwrap();

    let ids: Vec<_> = reading.members.get().iter().map(|member| member.id).collect();
    assert_eq!(ids, [person(1), person(2)], "nothing of the first try is left");
}

#[tokio::test]
async fn listing_restarts_at_most_twice() {
    let service = Service::start().await;
    let next = service.link(&format!("/groups/{GROUP}/members?$skiptoken=2"));
    service.group_answers(listed_until(&[1], &next), listed(&[1])).await;
    let expired =
        refusal(400, "Directory_ExpiredPageToken", "The specified page token value has expired.");
    service.mount(Mock::given(query_param("$skiptoken", "2")), expired).await;
    service.mount(Mock::given(query_param("$top", "999")), ok(listed_until(&[1], &next))).await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert_eq!(error.refusal().unwrap().1, "Directory_ExpiredPageToken");
    assert_eq!(service.requests().await.len(), 1 + 1 + 2 + 2);
}

#[tokio::test]
async fn page_on_another_host_is_not_requested() {
    let service = Service::start().await;
    let foreign = MockServer::start().await;
    Mock::given(any()).respond_with(ok(listed(&[2]))).mount(&foreign).await;
    service
        .group_answers(listed_until(&[1], &format!("{}/v1.0/x", foreign.uri())), listed(&[1]))
        .await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert!(matches!(error.failure, CallFailure::ForeignHost(_)), "{error}");
    assert!(foreign.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn missing_group_is_none() {
    let service = Service::start().await;
    let gone = || error("Request_ResourceNotFound", &format!("Resource '{GROUP}' does not exist"));
    service
        .answers(
            "POST",
            "/$batch",
            batch(&[item(0, 404, gone()), item(1, 404, gone()), item(2, 404, gone())]),
        )
        .await;

    assert_eq!(service.graph.read_group(&service.access, group()).await.unwrap(), None);
}

#[tokio::test]
async fn missing_listing_of_a_group_is_transient() {
    let service = Service::start().await;
    let gone = error("Request_ResourceNotFound", "Resource does not exist");
    let items = [item(0, 200, the_group()), item(1, 404, gone), item(2, 200, listed(&[1]))];
    service.answers("POST", "/$batch", batch(&items)).await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert!(is_transient(&error), "{error}");
}

#[tokio::test]
async fn incomplete_batch_is_transient() {
    for second in [
        None,
        Some(item(1, 200, json!({}))),
        Some(item(1, 200, Value::Null)),
        Some(item(1, 500, error("x", "y"))),
    ] {
        let service = Service::start().await;
        let items: Vec<_> =
            [Some(item(0, 200, the_group())), second.clone(), Some(item(2, 200, listed(&[1])))]
                .into_iter()
                .flatten()
                .collect();
        service.answers("POST", "/$batch", batch(&items)).await;

        let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

        assert!(is_transient(&error), "{second:?}: {error}");
    }
}

#[tokio::test]
async fn longest_retry_after_throttles_the_batch() {
    for outer in [200, 424] {
        let service = Service::start().await;
        let items = [
            throttled(0, "Retry-After", json!("2.5")),
            throttled(1, "RETRY-AFTER", json!(7)),
            throttled(2, "retry-after", json!("4")),
        ];
        let answer = ResponseTemplate::new(outer).set_body_json(json!({"responses": items}));
        service.answers("POST", "/$batch", answer).await;

        let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

        assert_eq!(
            error.class(),
            ErrorClass::ThrottledUntil(noon() + Duration::from_secs(7)),
            "outer {outer}"
        );
        assert_eq!(service.requests().await.len(), 1, "a throttled call is not repeated");
    }
}

#[tokio::test]
async fn decimal_retry_after_in_a_batch_is_read() {
    let service = Service::start().await;
    let items = [
        item(0, 200, the_group()),
        throttled(1, "Retry-After", json!("12.128")),
        item(2, 200, listed(&[1])),
    ];
    service.answers("POST", "/$batch", batch(&items)).await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert_eq!(error.class(), ErrorClass::ThrottledUntil(noon() + Duration::from_millis(12_128)));
}

#[tokio::test]
async fn plain_424_is_a_transient_refusal() {
    let service = Service::start().await;
    service.answers("POST", "/$batch", refusal(424, "FailedDependency", "no")).await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert_eq!(error.refusal(), Some((424, "FailedDependency", "no")));
    assert!(is_transient(&error));
}

#[tokio::test]
async fn lost_consent_in_a_batch_needs_an_admin() {
    let service = Service::start().await;
    let lost =
        || error("Authorization_RequestDenied", "Required roles claim values are not provided.");
    service
        .answers(
            "POST",
            "/$batch",
            batch(&[item(0, 403, lost()), item(1, 403, lost()), item(2, 403, lost())]),
        )
        .await;

    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();

    assert_eq!(error.class(), ErrorClass::NeedsAdministrator);
}
