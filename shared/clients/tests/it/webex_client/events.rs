//! Tests of events, webhooks and messages.

use super::*;

#[tokio::test]
async fn events_are_filtered_and_skip_missing_spaces() {
    let event = |id: &str, data: Value| {
        let created = "2026-11-23T11:00:00.5Z";
        json!({ "id": id, "type": "deleted", "created": created, "data": data })
    };
    let good = event("b", json!({ "roomId": room(), "personId": person(1) }));
    let service = Service::answering(page(&[
        event("a", json!({})),
        good,
        event("c", json!({ "roomId": room() })),
    ]))
    .await;
    let from = "2026-11-23T10:00:00Z".parse().unwrap();
    let events = service
        .webex
        .membership_events(&service.access, Some(EventKind::Deleted), from, now())
        .await
        .unwrap();
    let read: Vec<_> = events.get().iter().map(|event| (event.id.as_str(), event.person)).collect();
    assert_eq!(read, [("b", Some(PersonId(uuid(1)))), ("c", None)]);
    let parameters = query(&service.request().await);
    for expected in [
        ("resource", "memberships"),
        ("type", "deleted"),
        ("from", "2026-11-23T10:00:00.000Z"),
        ("to", "2026-11-23T12:00:00.000Z"),
    ] {
        assert!(
            parameters.contains(&(expected.0.into(), expected.1.into())),
            "{expected:?} in {parameters:?}"
        );
    }
}

#[tokio::test]
async fn all_event_kinds_need_no_type() {
    let service = Service::answering(page(&[])).await;
    service.webex.membership_events(&service.access, None, now(), now()).await.unwrap();
    assert!(query(&service.request().await).iter().all(|(name, _)| name != "type"));
}

fn webhook(state: &str) -> Value {
    json!({
        "id": "hook",
        "name": "n",
        "targetUrl": "https://x.example",
        "resource": "memberships",
        "event": "created",
        "status": state,
    })
}

#[tokio::test]
async fn webhook_scope_is_sent_for_organization_only() {
    for (owned_by, sent) in
        [(WebhookOwner::Creator, json!(null)), (WebhookOwner::Org, json!("org"))]
    {
        let service = Service::answering(good(webhook("active"))).await;
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
        let created = service.webex.create_webhook(&service.access, &new).await.unwrap();
        assert_eq!(created.status, WebhookStatus::Active);
        let body = body(&service.request().await);
        assert_eq!(
            (&body["ownedBy"], &body["resource"], &body["secret"]),
            (&sent, &json!("attachmentActions"), &json!("s3cret"))
        );
    }
}

#[tokio::test]
async fn stopped_webhook_is_restarted() {
    let service =
        Service::answering(page(&[webhook("inactive"), webhook("disabled"), webhook("active")]))
            .await;
    let all = service.webex.webhooks(&service.access, WebhookOwner::Creator).await.unwrap();
    let statuses: Vec<_> = all.iter().map(|webhook| webhook.status).collect();
    assert_eq!(statuses, [WebhookStatus::Inactive, WebhookStatus::Inactive, WebhookStatus::Active]);

    let service = Service::answering(good(webhook("active"))).await;
    let update = WebhookUpdate {
        name: "n".into(),
        target_url: "https://y.example".into(),
        secret: "s".into(),
    };
    service.webex.update_webhook(&service.access, &all[0].id, &update).await.unwrap().unwrap();
    let sent =
        json!({ "name": "n", "targetUrl": "https://y.example", "secret": "s", "status": "active" });
    assert_eq!(body(&service.request().await), sent);
}

#[tokio::test]
async fn card_is_sent_with_markdown() {
    let service = Service::answering(good(json!({ "id": "message" }))).await;
    let card = json!({ "type": "AdaptiveCard" });
    assert_eq!(
        service.webex.send_card(&service.access, &person(1), "words", card.clone()).await.unwrap(),
        "message"
    );
    let attachment =
        json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    let sent = json!({ "toPersonId": person(1), "markdown": "words", "attachments": [attachment] });
    assert_eq!(body(&service.request().await), sent);
}

#[tokio::test]
async fn card_answer_names_the_person() {
    let inputs = json!({ "create": "yes" });
    let sent = json!({ "id": "a", "messageId": "m", "personId": person(1), "inputs": inputs });
    let service = Service::answering(good(sent)).await;
    let action = service.webex.attachment_action(&service.access, "abc").await.unwrap().unwrap();
    assert_eq!(
        (action.message_id.as_str(), action.person, &action.inputs["create"]),
        ("m", PersonId(uuid(1)), &json!("yes"))
    );
}

#[tokio::test]
async fn id_with_path_syntax_is_not_requested() {
    let service = Service::answering(good(json!({}))).await;
    for id in ["", "..", "../../people/me", "a?b"] {
        assert_eq!(service.webex.attachment_action(&service.access, id).await, Ok(None), "{id}");
    }
    assert!(service.requests().await.is_empty());
}

#[tokio::test]
async fn unreadable_hints_webhooks_and_spaces_are_skipped() {
    let event = json!({ "id": "e", "data": { "roomId": room() } });
    let odd = [json!({ "id": 7 }), json!("x"), json!({ "data": { "roomId": "x" } }), event];
    let service = Service::answering(page(&odd)).await;
    let events =
        service.webex.membership_events(&service.access, None, now(), now()).await.unwrap();
    assert_eq!(events.get().len(), 1);

    let odd = [json!({ "name": "no id" }), json!({ "id": "w", "name": null, "status": 7 })];
    let service = Service::answering(page(&odd)).await;
    let webhooks = service.webex.webhooks(&service.access, WebhookOwner::Creator).await.unwrap();
    assert_eq!(webhooks.len(), 1);
    assert_eq!((webhooks[0].name.as_str(), webhooks[0].status), ("", WebhookStatus::Active));

    let of_other = WebexId::new(Region::default(), TeamId(uuid(8)));
    let rooms = [
        json!({ "id": room(), "type": "group", "teamId": team() }),
        json!({ "id": person(3), "type": "group", "teamId": of_other }),
        json!({ "id": "x", "type": "group" }),
    ];
    let service = Service::answering(page(&rooms)).await;
    assert_eq!(service.webex.rooms_of_team(&service.access, &team()).await.unwrap().len(), 1);
}
