//! Tests of accounts and SCIM users.

use super::*;

#[tokio::test]
async fn account_flags_and_roles_are_texts() {
    let sent = json!({
        "id": person(1),
        "orgId": WebexId::new(Region::default(), org()),
        "roles": ["a,b", "c"],
        "emails": ["x@y.example"],
        "status": "pending", "invitePending": "true", "loginEnabled": "false", "type": "bot",
    });
    let service = Service::answering(good(sent)).await;
    let me = service.webex.me(&service.access).await.unwrap();
    assert_eq!(
        (me.invite_pending, me.login_enabled, me.org),
        (Some(true), Some(false), Some(org()))
    );
    assert_eq!((me.roles.join(" ").as_str(), me.kind), ("a b c", AccountKind::Bot));
    assert_eq!(service.request().await.url.path(), "/v1/people/me");
}

#[tokio::test]
async fn account_hides_fields_from_strangers() {
    let service = Service::answering(good(json!({ "id": person(1) }))).await;
    let account = service.webex.person(&service.access, &person(1)).await.unwrap().unwrap();
    assert_eq!(
        (account.invite_pending, account.status, account.kind),
        (None, None, AccountKind::Other)
    );
}

#[tokio::test]
async fn user_page_can_be_shorter_than_requested() {
    let user = |n| {
        json!({
            "id": uuid(n),
            "userName": "u@a.example",
            "active": true,
            SCIM_EXTENSION: { "accountStatus": ["active"] },
        })
    };
    let users = [user(1), user(2)];
    let sent = json!({
        "totalResults": 5, "itemsPerPage": 100, "startIndex": 3, "Resources": users,
    });
    let service = Service::answering(good(sent)).await;
    let page = service
        .webex
        .scim_page(&service.access, org(), 3, 100, ScimOrder::NewestFirst)
        .await
        .unwrap();
    assert_eq!((page.total, page.start_index, page.items_per_page), (5, 3, 2));
    assert!(page.users.iter().all(|user| user.state() == ScimState::SignedIn));
    let request = service.request().await;
    assert_eq!(request.url.path(), format!("/v1/identity/scim/{}/v2/Users", org()));
    let parameters = [
        ("startIndex", "3"),
        ("count", "100"),
        ("sortBy", "meta.lastModified"),
        ("sortOrder", "descending"),
    ];
    assert_eq!(
        query(&request),
        parameters.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn odd_users_of_a_page_stop_no_one() {
    let odd = json!({
        "id": uuid(1), "userName": null, "active": "true", "displayName": 7,
        SCIM_EXTENSION: { "accountStatus": [{ "value": "active" }] },
    });
    let status = json!({
        "id": uuid(2), "userName": "b@a.example", "active": true,
        SCIM_EXTENSION: { "accountStatus": [{ "state": "active" }] },
    });
    let inactive = json!({ "id": uuid(3), "active": "false", SCIM_EXTENSION: "x" });
    let users = json!([odd, { "userName": "no-one" }, status, "x", inactive]);
    let sent = json!({ "totalResults": 9, "Resources": users });
    let service = Service::answering(good(sent)).await;
    let page =
        service.webex.scim_page(&service.access, org(), 1, 100, ScimOrder::ById).await.unwrap();
    assert_eq!(page.items_per_page, 5, "the next page starts after the skipped ones, too");
    let read: Vec<_> = page.users.iter().map(|user| (user.person.0, user.state())).collect();
    let states = [
        (uuid(1), ScimState::SignedIn),
        (uuid(2), ScimState::NotSignedIn),
        (uuid(3), ScimState::Inactive),
    ];
    assert_eq!(read, states);
    let named = service.webex.scim_user_by_name(&service.access, org(), "c@a.example").await;
    assert!(named.is_err(), "a skipped user could have this name");
}

#[tokio::test]
async fn page_without_its_users_is_an_error() {
    for sent in [json!({ "totalResults": 9 }), json!({ "totalResults": 9, "Resources": null })] {
        let service = Service::answering(good(sent)).await;
        let (access, webex) = (&service.access, &service.webex);
        assert!(webex.scim_page(access, org(), 1, 100, ScimOrder::ById).await.is_err());
        assert!(webex.scim_user_by_name(access, org(), "a@a.example").await.is_err());
        let behind = webex.scim_page(access, org(), 10, 100, ScimOrder::ById).await.unwrap();
        assert_eq!(behind.items_per_page, 0);
    }
}

#[tokio::test]
async fn answer_about_another_person_is_an_error() {
    let service = Service::answering(good(json!({ "id": person(2), "name": "Team" }))).await;
    let (access, webex) = (&service.access, &service.webex);
    assert!(webex.scim_user(access, org(), PersonId(uuid(1))).await.is_err());
    assert!(webex.person(access, &person(1)).await.is_err());
    assert!(webex.team(access, &team()).await.is_err());
}

#[tokio::test]
async fn page_after_the_last_user_is_empty() {
    let service = Service::answering(good(json!({ "totalResults": 0 }))).await;
    let page =
        service.webex.scim_page(&service.access, org(), 1, 100, ScimOrder::ById).await.unwrap();
    assert_eq!((page.users.len(), page.total, page.items_per_page), (0, 0, 0));
}

#[tokio::test]
async fn user_name_is_quoted_and_compared() {
    let name = r#"o"hara\x@acme.example"#;
    let users = json!([
        { "id": uuid(1), "userName": "other@acme.example" },
        { "id": uuid(2), "userName": name.to_uppercase() },
    ]);
    let service = Service::answering(good(json!({ "totalResults": 2, "Resources": users }))).await;
    let found =
        service.webex.scim_user_by_name(&service.access, org(), name).await.unwrap().unwrap();
    assert_eq!(found.person, PersonId(uuid(2)));
    let filter = r#"userName eq "o\"hara\\x@acme.example""#;
    assert_eq!(query(&service.request().await), [("filter".to_owned(), filter.to_owned())]);
    assert_eq!(
        service.webex.scim_user_by_name(&service.access, org(), "missing@acme.example").await,
        Ok(None)
    );
}

#[tokio::test]
async fn scim_user_is_requested_by_uuid() {
    let service = Service::answering(status(404)).await;
    assert_eq!(service.webex.scim_user(&service.access, org(), PersonId(uuid(1))).await, Ok(None));
    let expected = format!("/v1/identity/scim/{}/v2/Users/{}", org(), uuid(1));
    assert_eq!(service.request().await.url.path(), expected);
}

#[tokio::test]
async fn external_id_is_set_by_a_scim_patch() {
    let (person, object) = (PersonId(uuid(1)), ObjectId(uuid(2)));
    let service = Service::answering(good(
        json!({ "id": person, "userName": "u@a.example", "externalId": object }),
    ))
    .await;
    let user = service.webex.set_external_id(&service.access, org(), person, object).await.unwrap();
    assert_eq!(user.external_id, Some(object.to_string()));
    let request = service.request().await;
    assert_eq!(request.method.as_str(), "PATCH");
    assert_eq!(request.url.path(), format!("/v1/identity/scim/{}/v2/Users/{person}", org()));
    let operation = json!({ "op": "add", "path": "externalId", "value": object });
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    let sent: serde_json::Value = request.body_json().unwrap();
    assert_eq!(sent, json!({ "schemas": schemas, "Operations": [operation] }));
}
