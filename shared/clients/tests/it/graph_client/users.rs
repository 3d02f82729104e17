//! Tests of reading users.

use super::*;

fn user(number: u32) -> Value {
    let name = format!("{number}@contoso.com");
    json!({
        "id": person(number), "displayName": "N", "userPrincipalName": name, "userType": "Guest",
    })
}

#[tokio::test]
async fn users_are_read_15_per_filter() {
    let service = Service::start().await;
    let pages = [
        item(0, 200, json!({"value": (0..15).map(user).collect::<Vec<_>>()})),
        item(1, 200, json!({"value": [user(15)]})),
    ];
    service.answers("POST", "/$batch", batch(&pages)).await;
    let requested: Vec<_> = (0..17).chain(0..2).map(person).collect();

    let users = service.graph.users(&service.access, &requested).await.unwrap();

    assert_eq!(
        users.iter().map(|user| user.id).collect::<Vec<_>>(),
        (0..16).map(person).collect::<Vec<_>>()
    );
    assert_eq!(users[0].kind, UserKind::Guest);
    let sent: Value = service.requests().await[0].body_json().unwrap();
    let items = sent["requests"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let second =
        format!("/users?$filter=id%20in%20('{}','{}')&$select=id,", person(15), person(16));
    assert!(items[1]["url"].as_str().unwrap().starts_with(&second), "{items:?}");
}

#[tokio::test]
async fn no_ids_need_no_call_and_one_a_plain_get() {
    let service = Service::start().await;
    service.answers("GET", &format!("/users/{}", person(1)), ok(user(1))).await;
    let users =
        async |ids: &[ObjectId]| service.graph.users(&service.access, ids).await.unwrap().len();

    assert_eq!(users(&[]).await, 0);
    assert_eq!(service.requests().await.len(), 0);
    assert_eq!(users(&[person(1)]).await, 1);
    assert_eq!(service.requests().await.len(), 1);
}

#[tokio::test]
async fn missing_user_is_confirmed_by_a_listing() {
    for (listed, found) in [(vec![], None), (vec![user(1)], Some(person(1)))] {
        let service = Service::start().await;
        let gone = refusal(404, "Request_ResourceNotFound", "Resource '…' does not exist");
        service.answers("GET", &format!("/users/{}", person(1)), gone).await;
        service.answers("POST", "/$batch", batch(&[item(0, 200, json!({"value": listed}))])).await;
        let user = service.graph.user(&service.access, person(1)).await.unwrap();
        assert_eq!(user.map(|user| user.id), found);
    }
}

#[tokio::test]
async fn names_are_escaped_and_sent_in_one_call() {
    let service = Service::start().await;
    service.answers("POST", "/$batch", batch(&[item(0, 200, json!({"value": [user(1)]}))])).await;
    let names = [
        "O'Hara+A&B#1@Contoso.com".to_owned(),
        "1@contoso.com".to_owned(),
        "1@CONTOSO.com".to_owned(),
    ];

    let users = service.graph.users_named(&service.access, &names).await.unwrap();

    assert_eq!(users.iter().map(|user| user.id).collect::<Vec<_>>(), [person(1)]);
    let sent: Value = service.requests().await[0].body_json().unwrap();
    let expected = "/users?$filter=userPrincipalName%20in%20\
        ('1@contoso.com','o''hara%2Ba%26b%231@contoso.com')&$select=id,";
    assert!(sent["requests"][0]["url"].as_str().unwrap().starts_with(expected), "{sent}");
    assert_eq!(sent["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_failed_filter_fails_all_users() {
    let service = Service::start().await;
    let pages = [item(0, 200, json!({"value": []})), item(1, 503, error("x", "y"))];
    service.answers("POST", "/$batch", batch(&pages)).await;

    let error = service
        .graph
        .users(&service.access, &(0..16).map(person).collect::<Vec<_>>())
        .await
        .unwrap_err();

    assert!(is_transient(&error), "{error}");
}

#[tokio::test]
async fn membership_check_is_one_call() {
    let service = Service::start().await;
    let at = |number| format!("/users/{}/checkMemberGroups", person(number));
    let expected = Mock::given(method("POST"))
        .and(path(format!("/v1.0{}", at(1))))
        .and(body_json(json!({"groupIds": [GROUP]})));
    service.mount(expected, ok(json!({"value": [GROUP]}))).await;
    service.answers("POST", &at(2), ok(json!({"value": []}))).await;
    service.answers("POST", &at(3), ResponseTemplate::new(403)).await;
    let is_member =
        async |number| service.graph.is_member(&service.access, person(number), group()).await;

    assert_eq!(is_member(1).await, Ok(true));
    assert_eq!(is_member(2).await, Ok(false));
    assert!(is_member(3).await.is_err(), "a refusal is no answer about the person");
    assert_eq!(is_member(4).await, Ok(false), "the user does not exist");
    assert_eq!(service.calls().await.len(), 4);
}
