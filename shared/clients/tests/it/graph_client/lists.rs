//! Tests of lists with items or fields that cannot be read, and of batches that are not whole.

use super::*;

fn odd_group() -> Value {
    json!({
        "id": GROUP,
        "displayName": null,
        "mailNickname": null,
        "mail": 7,
        "groupTypes": "Unified",
        "createdDateTime": "yesterday",
        "onPremisesSyncEnabled": "true",
        "isAssignableToRole": "perhaps",
        "visibility": [],
    })
}

#[tokio::test]
async fn odd_fields_of_a_group_fail_nothing() {
    let service = Service::start().await;
    let found = [odd_group(), json!({"id": "no uuid"}), json!("x"), the_group()];
    service.answers("GET", "/groups", ok(json!({"value": found, "@odata.count": "4"}))).await;
    let found = service.graph.groups_beginning(&service.access, "g").await.unwrap();
    assert_eq!((found.groups.len(), found.in_all), (2, 4), "two are skipped");
    let odd = &found.groups[0];
    assert_eq!((odd.mail_nickname.as_str(), odd.display_name.as_str()), ("", ""));
    assert_eq!((&odd.group_types[..], odd.created), (&["Unified".to_owned()][..], None));
    assert_eq!((odd.is_on_premises_synced, odd.is_assignable_to_role), (Some(true), None));

    service.answers("GET", &format!("/directory/deletedItems/{GROUP}"), ok(odd_group())).await;
    let deleted = service.graph.deleted_group(&service.access, group()).await.unwrap().unwrap();
    assert_eq!((deleted.display_name.as_str(), deleted.deleted_at), ("", None));
}

#[tokio::test]
async fn odd_fields_of_users_fail_nothing_and_a_missing_id_all() {
    let service = Service::start().await;
    let odd = json!({"id": person(1), "displayName": 7, "userPrincipalName": null, "userType": []});
    let users = json!({"value": [odd]});
    service.answers_once("POST", "/$batch", batch(&[item(0, 200, users.clone())])).await;
    let ids = [person(1), person(2)];
    let read = service.graph.users(&service.access, &ids).await.unwrap();
    assert_eq!((read.len(), read[0].kind, &read[0].name), (1, UserKind::Member, &None));

    let mut without_id = users;
    without_id["value"][0]["id"] = json!(null);
    service.answers("POST", "/$batch", batch(&[item(0, 200, without_id)])).await;
    assert!(service.graph.users(&service.access, &ids).await.is_err(), "a missing user is a fact");
}

#[tokio::test]
async fn users_that_no_one_asked_for_are_dropped() {
    let service = Service::start().await;
    let user = |n| json!({"id": person(n), "userPrincipalName": format!("{n}@contoso.com")});
    let all = json!({"value": [user(1), user(2), user(3)]});
    service.answers("POST", "/$batch", batch(&[item(0, 200, all)])).await;
    let read = service.graph.users(&service.access, &[person(1), person(9)]).await.unwrap();
    assert_eq!(read.iter().map(|user| user.id).collect::<Vec<_>>(), [person(1)]);
    let names = ["2@contoso.com".to_owned(), "9@contoso.com".to_owned()];
    let read = service.graph.users_named(&service.access, &names).await.unwrap();
    assert_eq!(read.iter().map(|user| user.id).collect::<Vec<_>>(), [person(2)]);
}

#[tokio::test]
async fn unreadable_member_is_an_error_that_names_it() {
    let service = Service::start().await;
    let mut members = listed(&[1, 2]);
    members["value"][1]["id"] = json!("someone");
    service.group_answers(members, listed(&[1])).await;
    let error = service.graph.read_group(&service.access, group()).await.unwrap_err();
    assert!(is_transient(&error), "{error}");
    assert!(error.to_string().contains("the item someone"), "{error}");
}

#[tokio::test]
async fn odd_kind_of_a_member_is_a_user() {
    let service = Service::start().await;
    let mut members = listed(&[1, 2]);
    members["value"][1]["@odata.type"] = json!(7);
    service.group_answers(members, listed(&[1])).await;
    let read = service.graph.read_group(&service.access, group()).await.unwrap().unwrap();
    assert!(read.members.get().iter().all(|member| member.kind == ObjectKind::User));
}

#[tokio::test]
async fn batch_with_missing_or_doubled_answers_is_an_error_for_those() {
    let (found, members, owners) =
        (item(0, 200, the_group()), item(1, 200, listed(&[1])), item(2, 200, listed(&[1])));
    let unreadable = json!({"id": "2", "status": "fine"});
    for items in [
        vec![found.clone(), members.clone()],
        vec![found.clone(), owners.clone()],
        vec![members.clone(), owners.clone()],
        vec![],
        vec![found.clone(), members.clone(), members.clone(), owners.clone()],
        vec![found.clone(), members.clone(), unreadable],
        vec![found.clone(), members.clone(), json!("text")],
        vec![found.clone(), members.clone(), item(2, 200, json!("text"))],
        vec![found.clone(), members.clone(), item(2, 200, json!(null))],
        vec![found.clone(), members.clone(), item(2, 404, json!("<html>"))],
        vec![item(0, 404, json!("<html>")), members.clone(), owners.clone()],
    ] {
        let service = Service::start().await;
        service.answers("POST", "/$batch", batch(&items)).await;
        let error = service.graph.read_group(&service.access, group()).await.unwrap_err();
        assert!(is_transient(&error), "{items:?}: {error}");
    }
    let service = Service::start().await;
    let ids: Vec<_> = (1..=30).map(person).collect();
    service.answers("POST", "/$batch", batch(&[])).await;
    let error = service.graph.users(&service.access, &ids).await.unwrap_err().to_string();
    assert!(error.contains("graph GET /users: "), "{error}");
    assert!(!error.contains("filter"), "no name and no id of a filter: {error}");
}

#[tokio::test]
async fn answer_about_another_object_is_an_error() {
    let service = Service::start().await;
    let mut other = the_group();
    other["id"] = json!(person(9));
    service.answers("GET", &format!("/groups/{GROUP}"), ok(other.clone())).await;
    assert!(service.graph.group(&service.access, group()).await.is_err());
    let answers = [item(0, 200, other), item(1, 200, listed(&[])), item(2, 200, listed(&[]))];
    service.answers("POST", "/$batch", batch(&answers)).await;
    assert!(service.graph.read_group(&service.access, group()).await.is_err());
    let user = json!({"id": person(2), "userPrincipalName": "x@contoso.com"});
    service.answers("GET", &format!("/users/{}", person(1)), ok(user)).await;
    assert!(service.graph.user(&service.access, person(1)).await.is_err());
}

#[tokio::test]
async fn unreadable_changes_and_subscriptions_are_skipped() {
    let service = Service::start().await;
    let later = service.link("/groups/delta?$deltatoken=b");
    let changed = json!([{"id": GROUP}, {"id": 7}, "x"]);
    let page = json!({"value": changed, "@odata.deltaLink": later, "@odata.nextLink": null});
    service.answers("GET", "/groups/delta", ok(page)).await;
    let read = service.graph.delta(&service.access, DeltaFrom::Now).await.unwrap();
    assert_eq!(read, Delta::Page { groups: vec![group()], then: Then::Later(later) });

    let good = json!({"id": "s", "resource": null, "expirationDateTime": "2026-12-01T00:00:00Z"});
    let odd = json!({"id": "t", "expirationDateTime": "never"});
    service.answers("GET", "/subscriptions", ok(json!({"value": [good, odd]}))).await;
    let read = service.graph.subscriptions(&service.access).await.unwrap();
    assert_eq!(read.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["s"]);
}

#[tokio::test]
async fn foreign_body_is_no_new_group_and_no_rename() {
    let service = Service::start().await;
    let proxy = ResponseTemplate::new(200).set_body_string("<html>sign in</html>");
    service.mount(Mock::given(any()), proxy).await;
    let name = "webex-team-1";
    let created = service.graph.upsert_group(&service.access, name, &new_group()).await;
    assert!(matches!(&created, Err(error) if is_transient(error)), "{created:?}");
    let renamed = service.graph.rename_group(&service.access, group(), "Golf").await;
    assert!(matches!(&renamed, Err(error) if is_transient(error)), "{renamed:?}");
    assert!(service.graph.is_member(&service.access, person(1), group()).await.is_err());
}

#[tokio::test]
async fn long_name_is_cut_as_at_the_creation() {
    let service = Service::start().await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
    let name = "\u{1f3cc}".repeat(200);
    service.graph.rename_group(&service.access, group(), &name).await.unwrap();
    let sent: Value = service.requests().await[0].body_json().unwrap();
    assert_eq!(sent["displayName"].as_str().unwrap().encode_utf16().count(), 256);
}
