//! Tests of the search of groups.

use super::*;

fn named(number: u32, name: &str, of: Value) -> Value {
    let mut group = the_group();
    group["id"] = json!(person(number));
    group["displayName"] = json!(name);
    for (property, value) in of.as_object().unwrap() {
        group[property] = value.clone();
    }
    group
}

#[tokio::test]
async fn search_is_one_sorted_counted_call() {
    let service = Service::start().await;
    let security = json!({"groupTypes": [], "mail": null, "visibility": null});
    let found = [
        named(1, "Golf", json!({"visibility": "HiddenMembership"})),
        named(2, "Golfers", security),
    ];
    // There is a next page, but a search shows only the first.
    let next = service.link("/groups?$skiptoken=x");
    let answer = json!({"value": found, "@odata.count": 213, "@odata.nextLink": next});
    service.answers("GET", "/groups", ok(answer)).await;

    let found = service.graph.groups_beginning(&service.access, "O'Hara & Söhne").await.unwrap();

    assert_eq!(found.in_all, 213);
    let shown: Vec<_> = found
        .groups
        .iter()
        .map(|one| (one.display_name.as_str(), one.visibility.as_deref()))
        .collect();
    assert_eq!(shown, [("Golf", Some("HiddenMembership")), ("Golfers", None)]);
    let [request] = &service.requests().await[..] else { panic!("one call") };
    assert_eq!(request.headers["consistencylevel"], "eventual");
    let sent: std::collections::BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
    let filter = "startswith(displayName,'O''Hara & Söhne') or startswith(mail,'O''Hara & Söhne')";
    assert_eq!(sent["$filter"], filter);
    assert_eq!(
        (sent["$count"].as_str(), sent["$orderby"].as_str(), sent["$top"].as_str()),
        ("true", "displayName", "50")
    );
    assert!(sent["$select"].split(',').any(|property| property == "visibility"));
}

#[tokio::test]
async fn missing_count_is_the_shown_number() {
    let service = Service::start().await;
    service.answers("GET", "/groups", ok(json!({"value": [named(1, "Golf", json!({}))]}))).await;
    assert_eq!(service.graph.groups_beginning(&service.access, "g").await.unwrap().in_all, 1);
}
