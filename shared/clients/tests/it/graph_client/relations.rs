//! Members and owners.

use super::*;

#[tokio::test]
async fn people_are_added_twenty_in_a_call() {
    let service = Service::start().await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
    let mut binds = members(0..40);
    binds.push(Bind { person: person(0), relation: Relation::Owner });

    let bound = service.bind(&binds).await;

    assert_eq!(bound.stopped, None);
    assert_eq!(bound.outcomes.iter().map(|(bind, _)| *bind).collect::<Vec<_>>(), binds);
    assert!(bound.outcomes.iter().all(|(_, outcome)| *outcome == BindOutcome::Done));
    let bodies: Vec<Value> = service.requests().await.iter().map(|request| request.body_json().unwrap()).collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[0]["members@odata.bind"].as_array().unwrap().len(), 20);
    let url = service.link(&format!("/directoryObjects/{}", person(0)));
    assert_eq!(bodies[2], json!({"owners@odata.bind": [url]}));
}

#[tokio::test]
async fn where_a_call_is_refused_its_people_are_added_one_by_one_and_each_has_an_outcome() {
    let service = Service::start().await;
    service.answers_once("PATCH", &format!("/groups/{GROUP}"), refusal(400, "Request_BadRequest", EXISTS)).await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
    let at = format!("/v1.0/groups/{GROUP}/members/$ref");
    let about = |number| Mock::given(path(at.clone())).and(body_string_contains(person(number).to_string()));
    service.mount(about(1), refusal(400, "Request_BadRequest", EXISTS)).await;
    service.mount(about(2), missing(person(2))).await;
    service.mount(about(3), refusal(403, "Authorization_RequestDenied", "Guests users are not allowed to join")).await;
    service.answers("POST", &format!("/groups/{GROUP}/members/$ref"), no_content()).await;
    let quota =
        "Unable to perform operation as '101' would exceed the maximum quota count '100' for forward-link 'owners'.";
    service
        .answers("POST", &format!("/groups/{GROUP}/owners/$ref"), refusal(403, "Directory_QuotaExceeded", quota))
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
    assert_eq!(service.requests().await.len(), 1 + 20 + 1, "only the refused call is taken apart");
}

#[tokio::test]
async fn a_group_that_a_replica_does_not_know_stops_the_adding() {
    let service = Service::start().await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), missing(GROUP)).await;

    let bound = service.bind(&members(0..30)).await;

    assert!(is_young(&bound.stopped.unwrap()));
    assert_eq!((bound.outcomes, bound.unknown), (vec![], vec![]));
    assert_eq!(service.requests().await.len(), 1);
}

#[tokio::test]
async fn the_wording_that_fits_group_and_person_is_settled_by_reading_the_person() {
    let service = Service::start().await;
    let young = || refusal(400, "Request_BadRequest", YOUNG);
    service.answers("PATCH", &format!("/groups/{GROUP}"), young()).await;
    service.answers("POST", &format!("/groups/{GROUP}/members/$ref"), young()).await;
    let user = json!({"id": person(2), "userPrincipalName": "b@contoso.com", "userType": "Member"});
    service.answers("GET", &format!("/users/{}", person(2)), ok(user)).await;
    service.answers("POST", "/$batch", batch(&[item(0, 200, json!({"value": []}))])).await;

    let bound = service.bind(&members(1..4)).await;

    assert_eq!(bound.outcomes, [(members(1..2)[0], BindOutcome::NoSuchUser)]);
    assert!(is_young(&bound.stopped.unwrap()), "person 2 exists: it is the group that is young");
    assert_eq!(bound.unknown, []);
}

#[tokio::test]
async fn what_stops_the_adding_leaves_what_was_done_and_names_what_is_unknown() {
    let stopped_by = async |answer: ResponseTemplate| {
        let service = Service::start().await;
        service.answers_once("PATCH", &format!("/groups/{GROUP}"), no_content()).await;
        service.answers("PATCH", &format!("/groups/{GROUP}"), answer).await;
        service.bind(&members(0..50)).await
    };

    let throttled = stopped_by(ResponseTemplate::new(429).insert_header("retry-after", "30")).await;
    assert_eq!(throttled.outcomes.len(), 20);
    assert_eq!(throttled.unknown, []);
    assert_eq!(throttled.stopped.unwrap().class(), Class::ThrottledUntil(noon() + Duration::from_secs(30)));

    let failed = stopped_by(refusal(500, "Service_InternalServerError", "x")).await;
    assert_eq!(failed.outcomes.len(), 20);
    assert_eq!(failed.unknown, members(20..40));
    assert!(is_transient(&failed.stopped.unwrap()));

    let lost = stopped_by(refusal(403, "x", "Required roles claim values are not provided")).await;
    assert_eq!(lost.unknown, []);
    assert_eq!(lost.stopped.unwrap().class(), Class::NeedsAdministrator);
}

#[tokio::test]
async fn a_call_that_is_throttled_after_a_lost_try_leaves_its_people_unknown() {
    let service = Service::start().await;
    service.answers_once("PATCH", &format!("/groups/{GROUP}"), refusal(500, "Service_InternalServerError", "x")).await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), ResponseTemplate::new(429)).await;

    let bound = service.bind(&members(0..5)).await;

    assert_eq!((bound.outcomes, bound.unknown), (vec![], members(0..5)));
    assert!(matches!(bound.stopped.unwrap().class(), Class::ThrottledUntil(_)));
}

#[tokio::test]
async fn of_people_who_are_added_one_by_one_only_the_last_can_be_unknown() {
    let service = Service::start().await;
    service.answers("PATCH", &format!("/groups/{GROUP}"), refusal(400, "Request_BadRequest", EXISTS)).await;
    service.answers_once("POST", &format!("/groups/{GROUP}/members/$ref"), no_content()).await;
    service.answers("POST", &format!("/groups/{GROUP}/members/$ref"), refusal(502, "", "x")).await;

    let bound = service.bind(&members(0..5)).await;

    assert_eq!(bound.outcomes, [(members(0..1)[0], BindOutcome::Done)]);
    assert_eq!(bound.unknown, members(1..2));
    assert!(is_transient(&bound.stopped.unwrap()));
}

#[tokio::test]
async fn whoever_is_removed_is_removed_by_reference_never_deleted() {
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
async fn what_stands_in_the_way_of_a_removal_is_told_apart() {
    let removed = async |answer: ResponseTemplate| {
        let service = Service::start().await;
        service.mount(Mock::given(method("DELETE")), answer).await;
        service.graph.remove_owner(&service.access, group(), person(1)).await
    };
    let gone = "One or more removed object references do not exist for the following modified properties: 'owners'.";
    let last = "The group must have at least one owner, hence this owner cannot be removed.";

    assert_eq!(removed(missing(person(1))).await, Ok(Unbound::NotThere));
    assert_eq!(removed(refusal(400, "Request_BadRequest", gone)).await, Ok(Unbound::NotThere));
    assert_eq!(removed(refusal(400, "Request_BadRequest", last)).await, Ok(Unbound::LastOwner));
    assert_eq!(removed(refusal(400, "Request_BadRequest", "Bad")).await.unwrap_err().class(), Class::Permanent);
}
