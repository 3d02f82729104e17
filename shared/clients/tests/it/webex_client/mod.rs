//! The Webex client over real HTTP: what it asks, what it makes of the answers, and what it does when there are none.

mod calls;
mod folders;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use clients::http::{Access, CallError, Class, Deadline, Failure, Net};
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

/// A Webex that answers as it is told, and a client of it.
struct Stage {
    service: MockServer,
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

impl Stage {
    async fn set() -> Self {
        let service = MockServer::start().await;
        let (webex, clock) = client(&format!("{}/v1", service.uri()));
        Self { service, webex, clock, access: access(Duration::from_secs(60)) }
    }

    /// A stage on which everything is answered alike.
    async fn answering(answer: ResponseTemplate) -> Self {
        let stage = Self::set().await;
        Mock::given(any()).respond_with(answer).mount(&stage.service).await;
        stage
    }

    async fn requests(&self) -> Vec<Request> {
        self.service.received_requests().await.unwrap()
    }

    /// The only request that was made.
    async fn request(&self) -> Request {
        let mut requests = self.requests().await;
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    fn slept(&self) -> Duration {
        self.clock.now().duration_since(now()).unsigned_abs()
    }
}

fn good(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
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

// Lists

#[tokio::test]
async fn a_roster_is_read_over_all_its_pages_also_over_an_empty_one() {
    let stage = Stage::set().await;
    let link = |cursor| format!("{}/v1/memberships?roomId={}&cursor={cursor}", stage.service.uri(), room());
    let pages = [
        (None, followed_by(page(&[membership(1)]), &link("b"))),
        (Some("b"), followed_by(page(&[]), &link("c"))),
        (Some("c"), page(&[membership(2)])),
    ];
    for (cursor, answer) in pages {
        let mock = Mock::given(path("/v1/memberships")).and(query_param("roomId", room().to_string()));
        match cursor {
            Some(cursor) => mock.and(query_param("cursor", cursor)),
            None => mock.and(query_param_is_missing("cursor")).and(query_param("max", "1000")),
        }
        .respond_with(answer)
        .expect(1)
        .mount(&stage.service)
        .await;
    }

    let roster = stage.webex.memberships(&stage.access, &room()).await.unwrap();

    let read: Vec<_> = roster.get().iter().map(|m| (m.person, m.role, m.org, m.room)).collect();
    let (one, two) = (PersonId(uuid(1)), PersonId(uuid(2)));
    assert_eq!(read, [(one, Role::Moderator, Some(org()), room().id), (two, Role::Member, Some(org()), room().id)]);
    for request in stage.requests().await {
        assert_eq!(request.headers["authorization"], "Bearer the-token");
    }
}

#[tokio::test]
async fn a_roster_that_breaks_off_is_an_error() {
    for broken in [status(403), status(404), status(500), good(json!({})), good(json!("x"))] {
        let stage = Stage::set().await;
        let first = followed_by(page(&[membership(1)]), "/v1/memberships?cursor=b");
        Mock::given(query_param_is_missing("cursor")).respond_with(first).mount(&stage.service).await;
        Mock::given(query_param("cursor", "b")).respond_with(broken.clone()).mount(&stage.service).await;
        let read = stage.webex.memberships(&stage.access, &room()).await;
        assert!(read.is_err(), "{broken:?}");
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_used_is_an_error_and_not_left_out() {
    let spoilt = |field: &str, value: Value| {
        let mut item = membership(2);
        item[field] = value;
        item
    };
    let items = [
        spoilt("errors", json!([{ "code": "kms_failure" }])),
        spoilt("errors", json!({ "personDisplayName": { "code": "kms_failure" } })),
        spoilt("id", json!(null)),
        spoilt("id", json!("../x")),
        spoilt("roomId", json!(null)),
        spoilt("personId", json!(null)),
        spoilt("personId", json!("nobody")),
        spoilt("isModerator", json!(null)),
    ];
    for item in items {
        let stage = Stage::answering(page(&[membership(1), item.clone()])).await;
        let error = stage.webex.memberships(&stage.access, &room()).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Unreadable { status: 200, .. }), "{item}: {error}");
    }
}

#[tokio::test]
async fn an_item_without_what_is_only_shown_is_good() {
    let bare = json!({ "id": "m", "roomId": room(), "personId": person(1), "isModerator": false, "errors": [] });
    let stage = Stage::answering(page(&[bare])).await;
    let roster = stage.webex.memberships(&stage.access, &room()).await.unwrap();
    assert_eq!((roster.get()[0].org, &roster.get()[0].email), (None, &None));
}

#[tokio::test]
async fn pages_that_lead_round_in_a_circle_are_an_error() {
    let stage = Stage::answering(followed_by(page(&[membership(1)]), "/v1/memberships?cursor=b")).await;
    assert!(stage.webex.memberships(&stage.access, &room()).await.is_err());
    assert_eq!(stage.requests().await.len(), 2);
}

#[tokio::test]
async fn a_next_page_on_another_host_is_not_asked_for() {
    let foreign = MockServer::start().await;
    let stage = Stage::answering(followed_by(page(&[]), &format!("{}/v1/memberships", foreign.uri()))).await;
    let error = stage.webex.memberships(&stage.access, &room()).await.unwrap_err();
    assert!(matches!(error.failure, Failure::ForeignHost(_)), "{error}");
    assert_eq!(error.class(), Class::Permanent);
    assert!(foreign.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn all_memberships_of_a_person_are_asked_for_without_a_room() {
    let stage = Stage::answering(page(&[membership(3)])).await;
    let read = stage.webex.memberships_of(&stage.access, &person(3)).await.unwrap();
    assert_eq!(read.get()[0].id.to_string(), "membership-3");
    let asked = [("personId".to_owned(), person(3).to_string()), ("max".to_owned(), "1000".to_owned())];
    assert_eq!(query(&stage.request().await), asked);
}

// Teams and spaces

#[tokio::test]
async fn a_team_or_space_that_is_not_there_is_none_and_one_that_is_forbidden_an_error() {
    for (code, is_none) in [(404, true), (410, true), (403, false), (401, false), (400, false)] {
        let stage = Stage::answering(status(code)).await;
        assert_eq!(stage.webex.team(&stage.access, &team()).await == Ok(None), is_none, "{code}");
        assert_eq!(stage.webex.room(&stage.access, &room()).await == Ok(None), is_none, "{code}");
        assert_eq!(stage.webex.person(&stage.access, &person(1)).await == Ok(None), is_none, "{code}");
    }
}

#[tokio::test]
async fn a_team_keeps_the_region_of_its_id() {
    let stage =
        Stage::answering(good(json!({ "id": team(), "name": "A", "created": "2015-10-18T14:26:16.000Z" }))).await;
    let read = stage.webex.team(&stage.access, &team()).await.unwrap().unwrap();
    let created = "2015-10-18T14:26:16Z".parse().ok();
    assert_eq!(read, Team { id: team(), name: "A".into(), description: None, created });
    assert_eq!(stage.request().await.url.path(), format!("/v1/teams/{}", team()));
}

#[tokio::test]
async fn renaming_a_team_keeps_its_description() {
    let stage = Stage::set().await;
    let old = json!({ "id": team(), "name": "Old", "description": "What for" });
    Mock::given(method("GET")).respond_with(good(old.clone())).mount(&stage.service).await;
    let new = json!({ "name": "New", "description": "What for" });
    Mock::given(method("PUT")).and(body_json(new)).respond_with(good(old)).expect(1).mount(&stage.service).await;
    stage.webex.rename_team(&stage.access, &team(), "New").await.unwrap();
}

#[tokio::test]
async fn a_space_says_its_team_and_owner_however_their_ids_are_spelt() {
    let spelt = [json!(WebexId::new(Region("eu".into()), org())), json!(org()), json!(null), json!("???")];
    for (owner, expected) in spelt.into_iter().zip([Some(org()), Some(org()), None, None]) {
        // The team's id has the kind of a room: so does the one in Webex's own example.
        let sent = json!({ "id": room(), "title": "T", "type": "group", "teamId": room(), "ownerId": owner });
        let stage = Stage::answering(good(sent)).await;
        let read = stage.webex.room(&stage.access, &room()).await.unwrap().unwrap();
        assert_eq!((read.owner, read.team, read.kind), (expected, Some(team()), RoomKind::Group));
    }
}

#[tokio::test]
async fn a_space_whose_title_cannot_be_decrypted_is_listed_without_one() {
    let sent = json!({ "id": room(), "type": "group", "errors": { "title": { "code": "kms_failure" } } });
    let stage = Stage::answering(page(&[sent])).await;
    let rooms = stage.webex.rooms_of_team(&stage.access, &team()).await.unwrap();
    assert_eq!(rooms.get()[0].title, None);
    assert!(query(&stage.request().await).contains(&("teamId".into(), team().to_string())));
}

// Changing who is in

#[tokio::test]
async fn an_addition_says_whether_the_person_was_there() {
    for (code, added) in [(200, Added::Added), (409, Added::AlreadyThere)] {
        let stage = Stage::answering(status(code).set_body_json(membership(5))).await;
        let answer = stage.webex.add_membership(&stage.access, &room(), &person(5), Role::Moderator).await;
        assert_eq!(answer, Ok(added));
        let sent = json!({ "roomId": room(), "personId": person(5), "isModerator": true });
        assert_eq!(body(&stage.request().await), sent);
    }
}

#[tokio::test]
async fn an_addition_is_made_again_and_then_may_find_the_person_there() {
    let stage = Stage::answering(status(409)).await;
    Mock::given(any()).respond_with(status(502)).up_to_n_times(1).with_priority(1).mount(&stage.service).await;
    let answer = stage.webex.add_membership(&stage.access, &room(), &person(5), Role::Member).await;
    assert_eq!(answer, Ok(Added::AlreadyThere));
}

#[tokio::test]
async fn a_removal_says_whether_there_was_anything_to_remove() {
    let membership: MembershipId = "abc".parse().unwrap();
    for (code, removal, methods) in [
        (204, Removal::Removed, vec!["DELETE"]),
        (404, Removal::NotFound, vec!["DELETE", "GET"]),
        (410, Removal::NotFound, vec!["DELETE", "GET"]),
    ] {
        let stage = Stage::answering(status(code)).await;
        assert_eq!(stage.webex.remove_membership(&stage.access, &membership).await, Ok(removal));
        let requests = stage.requests().await;
        assert_eq!(requests.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), methods);
    }
}

#[tokio::test]
async fn a_removal_that_finds_nothing_while_the_membership_can_be_read_is_tried_again() {
    let stage = Stage::answering(good(membership(5))).await;
    Mock::given(method("DELETE")).respond_with(status(404)).with_priority(1).mount(&stage.service).await;
    let error = stage.webex.remove_membership(&stage.access, &"abc".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn the_last_moderators_removal_is_refused_in_webexs_words() {
    let words =
        json!({ "message": "Not allowed.", "errors": [{ "description": "Last moderator." }], "trackingId": "T" });
    let stage = Stage::answering(status(400).set_body_json(words).insert_header("trackingid", "T")).await;
    let error = stage.webex.remove_membership(&stage.access, &"abc".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.refusal(), Some((400, "", "Not allowed.: Last moderator.")));
    assert_eq!((error.class(), error.request_id.as_deref()), (Class::Permanent, Some("T")));
}

#[tokio::test]
async fn a_role_is_set_by_the_memberships_id() {
    let stage = Stage::answering(good(membership(5))).await;
    stage.webex.set_role(&stage.access, &"abc".parse().unwrap(), Role::Moderator).await.unwrap();
    let request = stage.request().await;
    assert_eq!((request.method.as_str(), request.url.path()), ("PUT", "/v1/memberships/abc"));
    assert_eq!(body(&request), json!({ "isModerator": true }));
}

// People

#[tokio::test]
async fn an_accounts_truth_values_are_texts_and_its_roles_may_stand_in_one() {
    let sent = json!({
        "id": person(1), "orgId": WebexId::new(Region::default(), org()), "roles": ["a,b", "c"], "emails": ["x@y.example"],
        "status": "pending", "invitePending": "true", "loginEnabled": "false", "type": "bot",
    });
    let stage = Stage::answering(good(sent)).await;
    let me = stage.webex.me(&stage.access).await.unwrap();
    assert_eq!((me.invite_pending, me.login_enabled, me.org), (Some(true), Some(false), Some(org())));
    assert_eq!((me.roles.join(" ").as_str(), me.kind), ("a b c", AccountKind::Bot));
    assert_eq!(stage.request().await.url.path(), "/v1/people/me");
}

#[tokio::test]
async fn an_account_shows_little_to_strangers() {
    let stage = Stage::answering(good(json!({ "id": person(1) }))).await;
    let account = stage.webex.person(&stage.access, &person(1)).await.unwrap().unwrap();
    assert_eq!((account.invite_pending, account.status, account.kind), (None, None, AccountKind::Other));
}

#[tokio::test]
async fn a_page_of_users_is_as_long_as_it_is_and_not_as_was_asked() {
    let user = |n| json!({ "id": uuid(n), "userName": "u@a.example", "active": true, SCIM_EXTENSION: { "accountStatus": ["active"] } });
    let sent = json!({ "totalResults": 5, "itemsPerPage": 100, "startIndex": 3, "Resources": [user(1), user(2)] });
    let stage = Stage::answering(good(sent)).await;
    let page = stage.webex.scim_page(&stage.access, org(), 3, 100, ScimOrder::NewestFirst).await.unwrap();
    assert_eq!((page.total, page.start_index, page.items_per_page), (5, 3, 2));
    assert!(page.users.iter().all(|user| user.state() == ScimState::SignedIn));
    let request = stage.request().await;
    assert_eq!(request.url.path(), format!("/v1/identity/scim/{}/v2/Users", org()));
    let asked = [("startIndex", "3"), ("count", "100"), ("sortBy", "meta.lastModified"), ("sortOrder", "descending")];
    assert_eq!(query(&request), asked.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_page_beyond_the_last_user_is_empty() {
    let stage = Stage::answering(good(json!({ "totalResults": 0 }))).await;
    let page = stage.webex.scim_page(&stage.access, org(), 1, 100, ScimOrder::ById).await.unwrap();
    assert_eq!((page.users.len(), page.total, page.items_per_page), (0, 0, 0));
}

#[tokio::test]
async fn a_name_is_quoted_in_the_filter_and_compared_in_the_answer() {
    let name = r#"o"hara\x@acme.example"#;
    let users = json!([{ "id": uuid(1), "userName": "other@acme.example" }, { "id": uuid(2), "userName": name.to_uppercase() }]);
    let stage = Stage::answering(good(json!({ "totalResults": 2, "Resources": users }))).await;
    let found = stage.webex.scim_user_by_name(&stage.access, org(), name).await.unwrap().unwrap();
    assert_eq!(found.person, PersonId(uuid(2)));
    let filter = r#"userName eq "o\"hara\\x@acme.example""#;
    assert_eq!(query(&stage.request().await), [("filter".to_owned(), filter.to_owned())]);
    assert_eq!(stage.webex.scim_user_by_name(&stage.access, org(), "nobody@acme.example").await, Ok(None));
}

#[tokio::test]
async fn one_user_is_asked_for_by_plain_uuids() {
    let stage = Stage::answering(status(404)).await;
    assert_eq!(stage.webex.scim_user(&stage.access, org(), PersonId(uuid(1))).await, Ok(None));
    let expected = format!("/v1/identity/scim/{}/v2/Users/{}", org(), uuid(1));
    assert_eq!(stage.request().await.url.path(), expected);
}

#[tokio::test]
async fn an_external_id_is_written_by_the_message_that_scim_knows() {
    let (person, object) = (PersonId(uuid(1)), ObjectId(uuid(2)));
    let stage = Stage::answering(good(json!({ "id": person, "userName": "u@a.example", "externalId": object }))).await;
    let user = stage.webex.set_external_id(&stage.access, org(), person, object).await.unwrap();
    assert_eq!(user.external_id, Some(object.to_string()));
    let request = stage.request().await;
    assert_eq!(request.method.as_str(), "PATCH");
    assert_eq!(request.url.path(), format!("/v1/identity/scim/{}/v2/Users/{person}", org()));
    let operation = json!({ "op": "add", "path": "externalId", "value": object });
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    let sent: serde_json::Value = request.body_json().unwrap();
    assert_eq!(sent, json!({ "schemas": schemas, "Operations": [operation] }));
}

// Events, webhooks, messages

#[tokio::test]
async fn events_are_asked_for_by_kind_and_window_and_one_without_a_space_stops_nothing() {
    let event = |id: &str, data: Value| json!({ "id": id, "type": "deleted", "created": "2026-11-23T11:00:00.5Z", "data": data });
    let good = event("b", json!({ "roomId": room(), "personId": person(1) }));
    let stage = Stage::answering(page(&[event("a", json!({})), good, event("c", json!({ "roomId": room() }))])).await;
    let from = "2026-11-23T10:00:00Z".parse().unwrap();
    let events = stage.webex.membership_events(&stage.access, Some(EventKind::Deleted), from, now()).await.unwrap();
    let read: Vec<_> = events.get().iter().map(|event| (event.id.as_str(), event.person)).collect();
    assert_eq!(read, [("b", Some(PersonId(uuid(1)))), ("c", None)]);
    let asked = query(&stage.request().await);
    for expected in [
        ("resource", "memberships"),
        ("type", "deleted"),
        ("from", "2026-11-23T10:00:00.000Z"),
        ("to", "2026-11-23T12:00:00.000Z"),
    ] {
        assert!(asked.contains(&(expected.0.into(), expected.1.into())), "{expected:?} in {asked:?}");
    }
}

#[tokio::test]
async fn every_kind_of_event_is_asked_for_without_a_type() {
    let stage = Stage::answering(page(&[])).await;
    stage.webex.membership_events(&stage.access, None, now(), now()).await.unwrap();
    assert!(query(&stage.request().await).iter().all(|(name, _)| name != "type"));
}

fn webhook(state: &str) -> Value {
    json!({ "id": "hook", "name": "n", "targetUrl": "https://x.example", "resource": "memberships", "event": "created", "status": state })
}

#[tokio::test]
async fn a_webhook_is_made_for_the_organization_only_if_that_is_wanted() {
    for (owned_by, sent) in [(WebhookOwner::Creator, json!(null)), (WebhookOwner::Org, json!("org"))] {
        let stage = Stage::answering(good(webhook("active"))).await;
        let new = NewWebhook {
            name: "n".into(),
            target_url: "https://x.example".into(),
            resource: WebhookResource::AttachmentActions,
            event: WebhookEvent::Created,
            filter: None,
            secret: "s3cret".into(),
            owned_by,
        };
        assert!(!format!("{new:?}").contains("s3cret"));
        let made = stage.webex.create_webhook(&stage.access, &new).await.unwrap();
        assert_eq!(made.status, WebhookStatus::Active);
        let body = body(&stage.request().await);
        assert_eq!(
            (&body["ownedBy"], &body["resource"], &body["secret"]),
            (&sent, &json!("attachmentActions"), &json!("s3cret"))
        );
    }
}

#[tokio::test]
async fn a_webhook_that_stopped_is_seen_and_started_again() {
    let stage = Stage::answering(page(&[webhook("inactive"), webhook("disabled"), webhook("active")])).await;
    let all = stage.webex.webhooks(&stage.access, WebhookOwner::Creator).await.unwrap().into_inner();
    let statuses: Vec<_> = all.iter().map(|webhook| webhook.status).collect();
    assert_eq!(statuses, [WebhookStatus::Inactive, WebhookStatus::Inactive, WebhookStatus::Active]);

    let stage = Stage::answering(good(webhook("active"))).await;
    let update = WebhookUpdate { name: "n".into(), target_url: "https://y.example".into(), secret: "s".into() };
    stage.webex.update_webhook(&stage.access, &all[0].id, &update).await.unwrap().unwrap();
    let sent = json!({ "name": "n", "targetUrl": "https://y.example", "secret": "s", "status": "active" });
    assert_eq!(body(&stage.request().await), sent);
}

#[tokio::test]
async fn a_card_goes_to_the_person_with_words_for_where_cards_do_not_show() {
    let stage = Stage::answering(good(json!({ "id": "message" }))).await;
    let card = json!({ "type": "AdaptiveCard" });
    assert_eq!(stage.webex.send_card(&stage.access, &person(1), "words", card.clone()).await.unwrap(), "message");
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    let sent = json!({ "toPersonId": person(1), "markdown": "words", "attachments": [attachment] });
    assert_eq!(body(&stage.request().await), sent);
}

#[tokio::test]
async fn an_answer_to_a_card_says_who_gave_it() {
    let sent = json!({ "id": "a", "messageId": "m", "personId": person(1), "inputs": { "create": "yes" } });
    let stage = Stage::answering(good(sent)).await;
    let action = stage.webex.attachment_action(&stage.access, "abc").await.unwrap().unwrap();
    assert_eq!(
        (action.message_id.as_str(), action.person, &action.inputs["create"]),
        ("m", PersonId(uuid(1)), &json!("yes"))
    );
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_not_asked_for() {
    let stage = Stage::answering(good(json!({}))).await;
    for id in ["", "..", "../../people/me", "a?b"] {
        assert_eq!(stage.webex.attachment_action(&stage.access, id).await, Ok(None), "{id}");
    }
    assert!(stage.requests().await.is_empty());
}
