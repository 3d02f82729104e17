//! Tests of creating, renaming and deleting a group.

use super::*;

#[tokio::test]
async fn group_is_created_with_people_in_the_body() {
    let service = Service::start().await;
    let user = |number| service.link(&format!("/users/{}", person(number)));
    let body = json!({
        "displayName": "Golf",
        "mailNickname": "golf-1",
        "description": "About golf",
        "groupTypes": ["Unified"],
        "mailEnabled": true,
        "securityEnabled": false,
        "visibility": "Private",
        "resourceBehaviorOptions": ["WelcomeEmailDisabled"],
        "owners@odata.bind": [user(1)],
        "members@odata.bind": [user(1), user(2)],
    });
    let mock = Mock::given(method("PATCH")).and(path("/v1.0/groups(uniqueName='webex-team-1')"));
    let mock = mock
        .and(header("prefer", "create-if-missing"))
        .and(header("authorization", "Bearer the-token"));
    service
        .mount(mock.and(body_json(body)), ResponseTemplate::new(201).set_body_json(the_group()))
        .await;

    let upserted =
        service.graph.upsert_group(&service.access, "webex-team-1", &new_group()).await.unwrap();

    let Upserted::Created(created) = upserted else { panic!("{upserted:?}") };
    assert_eq!((created.id, created.mail.as_deref()), (group(), Some("golf@contoso.com")));
    assert_eq!(created.created, Some("2026-11-01T00:51:37Z".parse().unwrap()));
}

async fn upsert(answer: ResponseTemplate) -> Result<Upserted, CallError> {
    let service = Service::start().await;
    service.mount(Mock::given(method("PATCH")), answer).await;
    service.graph.upsert_group(&service.access, "webex-team-1", &new_group()).await
}

fn refusal_with_detail(status: u16, detail: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(
        json!({"error": {"code": "Request_BadRequest", "message": "m", "details": [detail]}}),
    )
}

#[tokio::test]
async fn existing_group_has_no_body() {
    assert_eq!(upsert(no_content()).await, Ok(Upserted::Existed));
    assert_eq!(upsert(refusal(400, "Request_BadRequest", EXISTS)).await, Ok(Upserted::Existed));
}

#[tokio::test]
async fn creation_refusals_are_distinguished() {
    let policy = json!({
        "target": "displayName",
        "suggestedPropertyValue": "GRP_Golf",
        "code": "MissingPrefixSuffix",
    });
    let needs_name = Upserted::NeedsName { suggested: "GRP_Golf".into() };
    assert_eq!(upsert(refusal_with_detail(400, policy)).await, Ok(needs_name));

    for (status, code) in [(400, "ObjectConflict"), (422, "PropertyConflict")] {
        let taken = json!({"target": "mailNickname", "code": code});
        assert_eq!(upsert(refusal_with_detail(status, taken)).await, Ok(Upserted::NicknameTaken));
    }

    for answer in [missing(person(2)), refusal(400, "Request_BadRequest", NOT_REPLICATED)] {
        assert!(matches!(upsert(answer).await, Ok(Upserted::BindRefused(_))));
    }

    let denied = upsert(refusal(403, "Authorization_RequestDenied", "Insufficient privileges"))
        .await
        .unwrap_err();
    assert_eq!(denied.class(), ErrorClass::Permanent);
    let malformed =
        upsert(refusal(400, "Request_BadRequest", "Invalid value specified")).await.unwrap_err();
    assert_eq!(malformed.refusal(), Some((400, "Request_BadRequest", "Invalid value specified")));
}

#[tokio::test]
async fn creation_with_unknown_outcome_is_not_repeated() {
    let service = Service::start().await;
    service
        .mount(Mock::given(method("PATCH")), refusal(500, "Service_InternalServerError", "x"))
        .await;

    let error = service
        .graph
        .upsert_group(&service.access, "webex-team-1", &new_group())
        .await
        .unwrap_err();

    assert!(is_transient(&error));
    assert_eq!(service.requests().await.len(), 1);
}

#[tokio::test]
async fn group_is_found_by_unique_name() {
    let service = Service::start().await;
    service.answers("GET", "/groups(uniqueName='webex-team-1')", ok(the_group())).await;
    let find = |name: &'static str| service.graph.group_by_unique_name(&service.access, name);

    assert_eq!(find("webex-team-1").await.unwrap().unwrap().id, group());
    assert_eq!(find("webex-team-2").await.unwrap(), None);
}

#[tokio::test]
async fn rename_succeeds_or_policy_suggests_a_name() {
    let service = Service::start().await;
    let at = format!("/groups/{GROUP}");
    let named = |name: &str| {
        Mock::given(method("PATCH"))
            .and(path(format!("/v1.0{at}")))
            .and(body_json(json!({"displayName": name})))
    };
    service.mount(named("GRP_Golf"), no_content()).await;
    let policy = json!({
        "target": "displayName",
        "suggestedPropertyValue": "GRP_Golf",
        "code": "MissingPrefixSuffix",
    });
    service.mount(named("Golf"), refusal_with_detail(400, policy)).await;
    service.mount(named("Gone"), missing(GROUP)).await;
    let rename = |name: &'static str| service.graph.rename_group(&service.access, group(), name);

    assert_eq!(rename("GRP_Golf").await, Ok(Renamed::Renamed));
    assert_eq!(rename("Golf").await, Ok(Renamed::NeedsName { suggested: "GRP_Golf".into() }));
    assert!(is_not_replicated(&rename("Gone").await.unwrap_err()));
}

#[tokio::test]
async fn deletion_404_is_confirmed_by_a_read() {
    let gone = || refusal(404, "Request_ResourceNotFound", "Resource '…' does not exist");
    for (read, is_gone) in [(gone(), true), (ok(json!({"id": GROUP})), false)] {
        let service = Service::start().await;
        service.answers("DELETE", &format!("/groups/{GROUP}"), gone()).await;
        service.answers("GET", &format!("/groups/{GROUP}"), read).await;
        match service.graph.delete_group(&service.access, group()).await {
            Ok(deletion) => assert!(is_gone && deletion == Deletion::NotFound),
            Err(error) => assert!(!is_gone && is_transient(&error), "{error}"),
        }
    }
}
