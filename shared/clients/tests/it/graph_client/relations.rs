//! Tests of adding and removing members and owners.

use super::*;

#[tokio::test]
async fn people_are_added_20_per_call() {
    let service = Service::start().await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
    let mut binds = members(0..40);
    binds.push(Bind { person: person(0), relation: Relation::Owner });

    let bound = service.bind(&binds).await;

    assert_eq!(bound.stopped, None);
    assert_eq!(bound.outcomes.iter().map(|(bind, _)| *bind).collect::<Vec<_>>(), binds);
    assert!(bound.outcomes.iter().all(|(_, outcome)| *outcome == BindOutcome::Done));
    let bodies: Vec<Value> =
        service.requests().await.iter().map(|request| request.body_json().unwrap()).collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[0]["members@odata.bind"].as_array().unwrap().len(), 20);
    let url = service.link(&format!("/directoryObjects/{}", person(0)));
    assert_eq!(bodies[2], json!({"owners@odata.bind": [url]}));
}

#[tokio::test]
async fn refused_call_falls_back_to_single_additions() {
    let service = Service::start().await;
    service
        .answers_once(
            "PATCH",
            &format!("/groups/{GROUP}"),
            refusal(400, "Request_BadRequest", EXISTS),
        )
        .await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
    let at = format!("/v1.0/groups/{GROUP}/members/$ref");
    let about = |number| {
        Mock::given(path(at.clone())).and(body_string_contains(person(number).to_string()))
    };
    service.mount(about(1), refusal(400, "Request_BadRequest", EXISTS)).await;
    service.mount(about(2), missing(person(2))).await;
    service
        .mount(
            about(3),
            refusal(403, "Authorization_RequestDenied", "Guests users are not allowed to join"),
        )
        .await;
    service.answers("POST", &format!("/groups/{GROUP}/members/$ref"), no_content()).await;
    let quota = "Unable to perform operation as '101' would exceed the maximum quota count \
        '100' for forward-link 'owners'.";
    service
        .answers(
            "POST",
            &format!("/groups/{GROUP}/owners/$ref"),
            refusal(403, "Directory_QuotaExceeded", quota),
        )
        .await;
    let mut binds = members(0..19);
    binds.push(Bind { person: person(0), relation: Relation::Owner });
    binds.extend(members(30..31));

    let bound = service.bind(&binds).await;

    assert_eq!((bound.stopped, bound.unknown), (None, vec![]));
    assert_eq!(bound.outcomes.len(), 21);
    let of = |at: usize| &bound.outcomes[at].1;
    assert_eq!(*of(0), BindOutcome::Done);
    assert_eq!(*of(1), BindOutcome::AlreadyThere);
    assert_eq!(*of(2), BindOutcome::NoSuchUser);
    assert!(matches!(of(3), BindOutcome::Refused(error) if error.status() == Some(403)));
    assert_eq!(*of(4), BindOutcome::Done);
    assert_eq!(*of(19), BindOutcome::OwnerLimit);
    assert_eq!(*of(20), BindOutcome::Done);
    assert_eq!(service.requests().await.len(), 1 + 20 + 1, "only the refused call is split");
}

#[tokio::test]
async fn unreplicated_group_stops_the_additions() {
    let service = Service::start().await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), missing(GROUP)).await;

    let bound = service.bind(&members(0..30)).await;

    assert!(is_not_replicated(&bound.stopped.unwrap()));
    assert_eq!((bound.outcomes, bound.unknown), (vec![], vec![]));
    assert_eq!(service.requests().await.len(), 1);
}

#[tokio::test]
async fn ambiguous_refusal_is_settled_by_a_read() {
    let service = Service::start().await;
    let not_replicated = || refusal(400, "Request_BadRequest", NOT_REPLICATED);
    service.answers("PATCH", &format!("/groups/{GROUP}"), not_replicated()).await;
    service.answers("POST", &format!("/groups/{GROUP}/members/$ref"), not_replicated()).await;
    let user = json!({"id": person(2), "userPrincipalName": "b@contoso.com", "userType": "Member"});
    service.answers("GET", &format!("/users/{}", person(2)), ok(user)).await;
    service.answers("POST", "/$batch", batch(&[item(0, 200, json!({"value": []}))])).await;

    let bound = service.bind(&members(1..4)).await;

    assert_eq!(bound.outcomes, [(members(1..2)[0], BindOutcome::NoSuchUser)]);
    assert!(
        is_not_replicated(&bound.stopped.unwrap()),
        "person 2 exists, so the group is not replicated"
    );
    assert_eq!(bound.unknown, []);
}

#[tokio::test]
async fn stop_keeps_outcomes_and_names_unknown_ones() {
    let stopped_by = async |answer: ResponseTemplate| {
        let service = Service::start().await;
        service.answers_once("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
        service.answers("PATCH", &format!("/groups/{GROUP}"), answer).await;
        service.bind(&members(0..50)).await
    };

    let throttled = stopped_by(ResponseTemplate::new(429).insert_header("retry-after", "30")).await;
    assert_eq!(throttled.outcomes.len(), 20);
    assert_eq!(throttled.unknown, []);
    assert_eq!(
        throttled.stopped.unwrap().class(),
        ErrorClass::ThrottledUntil(noon() + Duration::from_secs(30))
    );

    let failed = stopped_by(refusal(500, "Service_InternalServerError", "x")).await;
    assert_eq!(failed.outcomes.len(), 20);
    assert_eq!(failed.unknown, members(20..40));
    assert!(is_transient(&failed.stopped.unwrap()));

    let lost = stopped_by(refusal(403, "x", "Required roles claim values are not provided")).await;
    assert_eq!(lost.unknown, []);
    assert_eq!(lost.stopped.unwrap().class(), ErrorClass::NeedsAdministrator);
}

#[tokio::test]
async fn throttled_retry_of_a_lost_try_is_unknown() {
    let service = Service::start().await;
    service
        .answers_once(
            "PATCH",
            &format!("/groups/{GROUP}"),
            refusal(500, "Service_InternalServerError", "x"),
        )
        .await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), ResponseTemplate::new(429)).await;

    let bound = service.bind(&members(0..5)).await;

    assert_eq!((bound.outcomes, bound.unknown), (vec![], members(0..5)));
    assert!(matches!(bound.stopped.unwrap().class(), ErrorClass::ThrottledUntil(_)));
}

#[tokio::test]
async fn only_the_last_single_addition_can_be_unknown() {
    let service = Service::start().await;
    service
        .answers("PATCH", &format!("/groups/{GROUP}"), refusal(400, "Request_BadRequest", EXISTS))
        .await;
    service.answers_once("POST", &format!("/groups/{GROUP}/members/$ref"), no_content()).await;
    service.answers("POST", &format!("/groups/{GROUP}/members/$ref"), refusal(502, "", "x")).await;

    let bound = service.bind(&members(0..5)).await;

    assert_eq!(bound.outcomes, [(members(0..1)[0], BindOutcome::Done)]);
    assert_eq!(bound.unknown, members(1..2));
    assert!(is_transient(&bound.stopped.unwrap()));
}

#[tokio::test]
async fn removal_never_deletes_the_user() {
    let service = Service::start().await;
    service.mount(Mock::given(method("DELETE")), no_content()).await;

    let (graph, access) = (&service.graph, &service.access);
    assert_eq!(graph.remove_member(access, group(), person(1)).await, Ok(Unbound::Removed));
    assert_eq!(graph.remove_owner(access, group(), person(1)).await, Ok(Unbound::Removed));

    let calls = service.calls().await;
    assert_eq!(calls[0], format!("DELETE /v1.0/groups/{GROUP}/members/{}/$ref", person(1)));
    assert_eq!(calls[1], format!("DELETE /v1.0/groups/{GROUP}/owners/{}/$ref", person(1)));
    assert!(service.requests().await.iter().all(|request| request.url.as_str().ends_with("/$ref")));
}

#[tokio::test]
async fn removal_outcomes_are_distinguished() {
    let removed = async |answer: ResponseTemplate| {
        let service = Service::start().await;
        service.mount(Mock::given(method("DELETE")), answer).await;
        service.graph.remove_owner(&service.access, group(), person(1)).await
    };
    let gone = "One or more removed object references do not exist for the following modified \
        properties: 'owners'.";
    let last = "The group must have at least one owner, hence this owner cannot be removed.";

    assert_eq!(removed(missing(person(1))).await, Ok(Unbound::NotThere));
    assert_eq!(removed(refusal(400, "Request_BadRequest", gone)).await, Ok(Unbound::NotThere));
    assert_eq!(removed(refusal(400, "Request_BadRequest", last)).await, Ok(Unbound::LastOwner));
    assert_eq!(
        removed(refusal(400, "Request_BadRequest", "Bad")).await.unwrap_err().class(),
        ErrorClass::Permanent
    );
}
