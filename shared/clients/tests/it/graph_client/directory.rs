//! Tests of deleted groups, settings and changes.

use super::*;

#[tokio::test]
async fn deleted_group_is_restored_and_group_renewed() {
    let service = Service::start().await;
    let at = format!("/directory/deletedItems/{GROUP}");
    let deleted = json!({
        "@odata.type": "#microsoft.graph.group",
        "id": GROUP,
        "displayName": "Golf",
        "deletedDateTime": "2026-11-20T00:00:00Z",
    });
    service.answers("GET", &at, ok(deleted)).await;
    service.answers("POST", &format!("{at}/restore"), ok(the_group())).await;
    service.answers("POST", &format!("/groups/{GROUP}/renew"), no_content()).await;
    let (graph, access) = (&service.graph, &service.access);

    let found = graph.deleted_group(access, group()).await.unwrap().unwrap();
    assert_eq!(found.deleted_at, Some("2026-11-20T00:00:00Z".parse().unwrap()));
    assert_eq!(graph.deleted_group(access, GroupId(person(1).0)).await, Ok(None));
    assert_eq!(graph.restore_group(access, group()).await, Ok(()));
    assert_eq!(graph.renew_group(access, group()).await, Ok(()));
}

#[tokio::test]
async fn settings_come_from_the_group_template() {
    let service = Service::start().await;
    let other = json!({
        "templateId": "08d542b9-071f-4e16-94b0-74abb372e3d9",
        "values": [{"name": "EnableGroupCreation", "value": "true"}],
    });
    let ours = json!({"templateId": "62375ab9-6b52-47ed-826b-58e47e0e304b", "values": [
        {"name": "EnableGroupCreation", "value": "false"},
        {"name": "PrefixSuffixNamingRequirement", "value": "GRP_[GroupName]"},
        {"name": "CustomBlockedWordsList", "value": "ceo,payroll"}]});
    service
        .answers_once("GET", "/groupSettings", ok(json!({"value": [other.clone(), ours]})))
        .await;
    service.answers("GET", "/groupSettings", ok(json!({"value": [other]}))).await;

    let settings = service.graph.group_settings(&service.access).await.unwrap();
    assert_eq!(settings.creation, GroupCreation::Restricted);
    assert_eq!(settings.naming_requirement.as_deref(), Some("GRP_[GroupName]"));
    assert_eq!(settings.blocked_words, ["ceo", "payroll"]);
    let none = service.graph.group_settings(&service.access).await.unwrap();
    assert_eq!((none.creation, none.naming_requirement), (GroupCreation::Allowed, None));
}

#[tokio::test]
async fn delta_starts_now_and_lists_deleted_groups() {
    let service = Service::start().await;
    let link = service.link("/groups/delta?$deltatoken=a");
    let now = Mock::given(query_param("$deltatoken", "latest"));
    service.mount(now, ok(json!({"value": [], "@odata.deltaLink": link}))).await;
    let next = service.link("/groups/delta?$skiptoken=b");
    let deleted = json!({"id": person(5), "@removed": {"reason": "changed"}});
    let removed = json!({"id": person(1), "@removed": {"reason": "deleted"}});
    let changed = json!({"id": GROUP, "members@delta": [removed]});
    let page = json!({"value": [changed, deleted], "@odata.nextLink": next});
    service.mount(Mock::given(query_param("$deltatoken", "a")), ok(page)).await;

    let start = service.graph.delta(&service.access, DeltaFrom::Now).await.unwrap();
    assert_eq!(start, Delta::Page { groups: vec![], then: Then::Later(link.clone()) });
    let page = service.graph.delta(&service.access, DeltaFrom::Link(link)).await.unwrap();
    let groups = vec![GroupId(person(5).0), group()];
    assert_eq!(page, Delta::Page { groups, then: Then::Next(next) });
}

#[tokio::test]
async fn expired_link_differs_from_a_refusal() {
    let followed = async |answer: ResponseTemplate| {
        let service = Service::start().await;
        service.mount(Mock::given(any()), answer).await;
        let link = service.link("/groups/delta?$deltatoken=a");
        service.graph.delta(&service.access, DeltaFrom::Link(link)).await
    };
    let old = "DeltaLink older than 30 days is not supported.";
    for answer in [
        ResponseTemplate::new(410),
        refusal(400, "Request_UnsupportedQuery", old),
        refusal(400, "SyncStateNotFound", "x"),
        refusal(404, "resyncRequired", "x"),
    ] {
        assert_eq!(followed(answer).await, Ok(Delta::Expired));
    }
    for answer in [
        refusal(400, "Request_BadRequest", "x"),
        refusal(404, "Request_ResourceNotFound", "x"),
        refusal(409, "x", "x"),
        ok(json!({"value": []})),
    ] {
        let answered = followed(answer).await;
        assert!(matches!(answered, Ok(Delta::Unusable(_))), "{answered:?}");
    }
    for status in [401, 403, 408, 423, 424, 429, 500] {
        assert!(followed(refusal(status, "x", "x")).await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn no_link_can_be_at_fault_at_the_start() {
    let old = "DeltaLink older than 30 days is not supported.";
    for answer in [refusal(400, "Request_UnsupportedQuery", old), ok(json!({"value": []}))] {
        let service = Service::start().await;
        service.mount(Mock::given(any()), answer).await;
        assert!(service.graph.delta(&service.access, DeltaFrom::Now).await.is_err());
    }
}
