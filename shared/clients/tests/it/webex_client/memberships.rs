//! Tests of reading and changing memberships.

use super::*;

#[tokio::test]
async fn memberships_are_read_over_empty_pages() {
    let service = Service::start().await;
    let link = |cursor| {
        format!("{}/v1/memberships?roomId={}&cursor={cursor}", service.server.uri(), room())
    };
    let pages = [
        (None, followed_by(page(&[membership(1)]), &link("b"))),
        (Some("b"), followed_by(page(&[]), &link("c"))),
        (Some("c"), page(&[membership(2)])),
    ];
    for (cursor, answer) in pages {
        let mock =
            Mock::given(path("/v1/memberships")).and(query_param("roomId", room().to_string()));
        match cursor {
            Some(cursor) => mock.and(query_param("cursor", cursor)),
            None => mock.and(query_param_is_missing("cursor")).and(query_param("max", "1000")),
        }
        .respond_with(answer)
        .expect(1)
        .mount(&service.server)
        .await;
    }

    let memberships = service.webex.memberships(&service.access, &room()).await.unwrap();

    let read: Vec<_> =
        memberships.get().members.iter().map(|m| (m.person, m.role, m.org, m.room)).collect();
    let (one, two) = (PersonId(uuid(1)), PersonId(uuid(2)));
    assert_eq!(
        read,
        [
            (one, MembershipRole::Moderator, Some(org()), room().id),
            (two, MembershipRole::Member, Some(org()), room().id)
        ]
    );
    for request in service.requests().await {
        assert_eq!(request.headers["authorization"], "Bearer the-token");
    }
}

#[tokio::test]
async fn incomplete_list_is_an_error() {
    for broken in [status(403), status(404), status(500), good(json!({})), good(json!("x"))] {
        let service = Service::start().await;
        let first = followed_by(page(&[membership(1)]), "/v1/memberships?cursor=b");
        Mock::given(query_param_is_missing("cursor"))
            .respond_with(first)
            .mount(&service.server)
            .await;
        Mock::given(query_param("cursor", "b"))
            .respond_with(broken.clone())
            .mount(&service.server)
            .await;
        let read = service.webex.memberships(&service.access, &room()).await;
        assert!(read.is_err(), "{broken:?}");
    }
}

fn broken(field: &str, value: Value) -> Value {
    let mut item = membership(2);
    item[field] = value;
    item
}

#[tokio::test]
async fn item_without_its_person_is_an_error_that_names_it() {
    for item in [
        broken("personId", json!(null)),
        broken("personId", json!("x")),
        broken("personId", json!({})),
        broken("roomId", json!(WebexId::new(Region::default(), RoomId(uuid(8))))),
    ] {
        let service = Service::answering(page(&[membership(1), item.clone()])).await;
        let error = service.webex.memberships(&service.access, &room()).await.unwrap_err();
        assert!(matches!(error.failure, CallFailure::Unreadable { .. }), "{item}: {error}");
        assert!(error.to_string().contains("the item membership-2"), "{error}");
        let one = service.webex.membership_in(&service.access, &room(), &person(2)).await;
        assert!(one.is_err(), "{item}: it proves no absence");
    }
    let service = Service::answering(page(&[json!("membership")])).await;
    assert!(service.webex.memberships(&service.access, &room()).await.is_err());
}

#[tokio::test]
async fn person_of_an_unreadable_item_is_there() {
    for item in [
        broken("errors", json!([{ "code": "kms_failure" }])),
        broken("errors", json!({ "personDisplayName": { "code": "kms_failure" } })),
        broken("errors", json!("kms_failure")),
        broken("id", json!(null)),
        broken("id", json!("../x")),
        broken("roomId", json!(null)),
        broken("isModerator", json!(null)),
        broken("isModerator", json!("perhaps")),
    ] {
        let service = Service::answering(page(&[membership(1), item.clone()])).await;
        let listing = service.webex.memberships(&service.access, &room()).await.unwrap();
        assert_eq!(listing.get().members.len(), 1, "{item}");
        assert_eq!(listing.get().unreadable, [PersonId(uuid(2))], "{item}");
        let one = service.webex.membership_in(&service.access, &room(), &person(2)).await;
        assert!(one.is_err(), "{item}");
    }
}

#[tokio::test]
async fn role_can_be_a_text() {
    let service = Service::answering(page(&[broken("isModerator", json!("true"))])).await;
    let listing = service.webex.memberships(&service.access, &room()).await.unwrap();
    assert_eq!(listing.get().members[0].role, MembershipRole::Moderator);
}

#[tokio::test]
async fn page_that_lost_its_filter_adds_no_one() {
    let elsewhere = broken("roomId", json!(WebexId::new(Region::default(), RoomId(uuid(8)))));
    let service = Service::start().await;
    let first = followed_by(page(&[membership(1)]), "/v1/memberships?cursor=b");
    Mock::given(query_param_is_missing("cursor")).respond_with(first).mount(&service.server).await;
    Mock::given(query_param("cursor", "b"))
        .respond_with(page(&[elsewhere]))
        .mount(&service.server)
        .await;
    let error = service.webex.memberships(&service.access, &room()).await.unwrap_err();
    assert!(error.to_string().contains("another space"), "{error}");

    let of_other = Service::answering(page(&[membership(3), membership(4)])).await;
    let read = of_other.webex.memberships_of(&of_other.access, &person(3)).await.unwrap();
    assert_eq!(read.len(), 1, "the other is another person's");
}

#[tokio::test]
async fn next_page_of_another_list_is_not_read() {
    let service =
        Service::answering(followed_by(page(&[membership(1)]), "/v1/people?cursor=b")).await;
    let error = service.webex.memberships(&service.access, &room()).await.unwrap_err();
    assert!(matches!(error.failure, CallFailure::ForeignList(_)), "{error}");
    assert_eq!(service.requests().await.len(), 1);
}

#[tokio::test]
async fn missing_display_fields_are_accepted() {
    let bare = json!({
        "id": "m", "roomId": room(), "personId": person(1), "isModerator": false, "errors": [],
    });
    let service = Service::answering(page(&[bare])).await;
    let memberships = service.webex.memberships(&service.access, &room()).await.unwrap();
    let [membership] = &memberships.get().members[..] else { panic!("one") };
    assert_eq!((membership.org, &membership.email), (None, &None));
}

#[tokio::test]
async fn circular_pages_are_an_error() {
    let service =
        Service::answering(followed_by(page(&[membership(1)]), "/v1/memberships?cursor=b")).await;
    assert!(service.webex.memberships(&service.access, &room()).await.is_err());
    assert_eq!(service.requests().await.len(), 2);
}

#[tokio::test]
async fn page_on_another_host_is_not_requested() {
    let foreign = MockServer::start().await;
    let service =
        Service::answering(followed_by(page(&[]), &format!("{}/v1/memberships", foreign.uri())))
            .await;
    let error = service.webex.memberships(&service.access, &room()).await.unwrap_err();
    assert!(matches!(error.failure, CallFailure::ForeignHost(_)), "{error}");
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert!(foreign.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn memberships_of_a_person_name_no_room() {
    let service = Service::answering(page(&[membership(3)])).await;
    let read = service.webex.memberships_of(&service.access, &person(3)).await.unwrap();
    assert_eq!(read[0].id.to_string(), "membership-3");
    let parameters =
        [("personId".to_owned(), person(3).to_string()), ("max".to_owned(), "1000".to_owned())];
    assert_eq!(query(&service.request().await), parameters);
}

#[tokio::test]
async fn conflict_of_an_addition_says_what_the_service_said() {
    let add = async |service: &Service| {
        let (access, role) = (&service.access, MembershipRole::Moderator);
        service.webex.add_membership(access, &room(), &person(5), role).await
    };
    let service = Service::answering(good(membership(5))).await;
    assert_eq!(add(&service).await, Ok(Added::Added));
    let sent = json!({ "roomId": room(), "personId": person(5), "isModerator": true });
    assert_eq!(body(&service.request().await), sent);

    let message = json!({ "message": "A rule of the space forbids it." });
    let conflict = status(409).set_body_json(message).insert_header("trackingid", "T");
    let Ok(Added::Conflict { said }) = add(&Service::answering(conflict).await).await else {
        panic!("a conflict");
    };
    for part in ["409", "A rule of the space forbids it.", "request T"] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn repeated_addition_finds_a_conflict() {
    let service = Service::answering(status(409)).await;
    Mock::given(any())
        .respond_with(status(502))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&service.server)
        .await;
    let answer = service
        .webex
        .add_membership(&service.access, &room(), &person(5), MembershipRole::Member)
        .await;
    assert!(matches!(answer, Ok(Added::Conflict { .. })), "{answer:?}");
}

#[tokio::test]
async fn removal_shows_a_missing_membership() {
    let membership: MembershipId = "abc".parse().unwrap();
    for (code, removal, methods) in [
        (204, Removal::Removed, vec!["DELETE"]),
        (404, Removal::NotFound, vec!["DELETE", "GET"]),
        (410, Removal::NotFound, vec!["DELETE", "GET"]),
    ] {
        let service = Service::answering(status(code)).await;
        assert_eq!(
            service.webex.remove_membership(&service.access, &membership).await,
            Ok(removal)
        );
        let requests = service.requests().await;
        assert_eq!(
            requests.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(),
            methods
        );
    }
}

#[tokio::test]
async fn removal_404_of_a_readable_one_is_transient() {
    let service = Service::answering(good(membership(5))).await;
    Mock::given(method("DELETE"))
        .respond_with(status(404))
        .with_priority(1)
        .mount(&service.server)
        .await;
    let error = service
        .webex
        .remove_membership(&service.access, &"abc".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn last_moderator_refusal_keeps_the_message() {
    let message = json!({
        "message": "Not allowed.",
        "errors": [{ "description": "Last moderator." }],
        "trackingId": "T",
    });
    let service =
        Service::answering(status(400).set_body_json(message).insert_header("trackingid", "T"))
            .await;
    let error = service
        .webex
        .remove_membership(&service.access, &"abc".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some((400, "", "Not allowed.: Last moderator.")));
    assert_eq!((error.class(), error.request_id.as_deref()), (ErrorClass::Permanent, Some("T")));
}

#[tokio::test]
async fn role_is_set_by_membership_id() {
    let service = Service::answering(good(membership(5))).await;
    service
        .webex
        .set_role(&service.access, &"abc".parse().unwrap(), MembershipRole::Moderator)
        .await
        .unwrap();
    let request = service.request().await;
    assert_eq!((request.method.as_str(), request.url.path()), ("PUT", "/v1/memberships/abc"));
    assert_eq!(body(&request), json!({ "isModerator": true }));
}
