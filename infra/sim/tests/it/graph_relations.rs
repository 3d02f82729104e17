//! Members and owners.

use std::collections::BTreeSet;

use domain::ids::ObjectId;
use serde_json::{Value, json};
use sim::{GroupRule, OwnerRemoval, Violation};

use crate::ask::{bind, stage};

const EXISTS: &str = "One or more added object references already exist for the following \
                      modified properties: 'members'.";

fn reference(id: ObjectId) -> Value {
    json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}")})
}

#[tokio::test]
async fn a_bind_of_many_is_all_or_nothing() {
    let stage = stage();
    let people = stage.people(4);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    let path = format!("/groups/{group}");
    let answer = stage.graph("PATCH", &path, json!({"members@odata.bind": bind(&people)})).await;
    assert_eq!((answer.status, answer.message()), (400, EXISTS));
    let stranger: ObjectId = "0b6a1f2e-0000-4000-8000-000000000000".parse().unwrap();
    let answer = stage
        .graph("PATCH", &path, json!({"members@odata.bind": bind(&[people[1], stranger])}))
        .await;
    assert_eq!((answer.status, answer.code()), (404, "Request_ResourceNotFound"));
    assert!(answer.message().contains(&stranger.to_string()));
    assert_eq!(stage.world.group(group).unwrap().members.len(), 1);
    assert_eq!(
        stage.graph("PATCH", &path, json!({"members@odata.bind": bind(&people[1..])})).await.status,
        204
    );
    assert_eq!(stage.world.group(group).unwrap().members.len(), 4);
}

#[tokio::test]
async fn single_references_report_what_exists() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    let members = format!("/groups/{group}/members");
    assert_eq!(
        stage.graph("POST", &format!("{members}/$ref"), reference(people[1])).await.status,
        204
    );
    let again = stage.graph("POST", &format!("{members}/$ref"), reference(people[1])).await;
    assert_eq!((again.status, again.message()), (400, EXISTS));
    let gone = format!("{members}/{}/$ref", people[1]);
    assert_eq!(stage.graph("DELETE", &gone, Value::Null).await.status, 204);
    let twice = stage.graph("DELETE", &gone, Value::Null).await;
    assert_eq!((twice.status, twice.code()), (404, "Request_ResourceNotFound"));
}

#[tokio::test]
async fn the_hundred_and_first_owner_is_refused() {
    let stage = stage();
    let people = stage.people(101);
    let group = stage.group("Engines", &people[..20], &[]).await;
    let path = format!("/groups/{group}");
    for chunk in people[20..80].chunks(20) {
        assert_eq!(
            stage.graph("PATCH", &path, json!({"owners@odata.bind": bind(chunk)})).await.status,
            204
        );
    }
    stage.graph("PATCH", &path, json!({"owners@odata.bind": bind(&people[80..81])})).await;
    let refused =
        stage.graph("PATCH", &path, json!({"owners@odata.bind": bind(&people[79..99])})).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "Directory_QuotaExceeded"),
        "81 and 20, of whom two are owners"
    );
    assert_eq!(
        stage
            .graph("PATCH", &path, json!({"owners@odata.bind": bind(&people[81..100])}))
            .await
            .status,
        204
    );
    let refused = stage.graph("POST", &format!("{path}/owners/$ref"), reference(people[100])).await;
    assert!(refused.message().contains("'101' would exceed the maximum quota count '100'"));
}

#[tokio::test]
async fn the_last_owner_stays_and_owners_are_no_members() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people, &[]).await;
    let owners = format!("/groups/{group}/owners");
    assert!(stage.world.group(group).unwrap().members.is_empty());
    assert_eq!(
        stage.graph("DELETE", &format!("{owners}/{}/$ref", people[0]), Value::Null).await.status,
        204
    );
    let last = stage.graph("DELETE", &format!("{owners}/{}/$ref", people[1]), Value::Null).await;
    assert_eq!(
        last.message(),
        "The group must have at least one owner, hence this owner cannot be removed."
    );
    assert!(stage.world.remove_owner(group, people[1]).is_err());
}

#[tokio::test]
async fn removing_an_owner_can_remove_the_membership() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people, &people).await;
    stage.world.graph_settings(|settings| settings.owner_removal = OwnerRemoval::TakesMembership);
    stage.graph("DELETE", &format!("/groups/{group}/owners/{}/$ref", people[0]), Value::Null).await;
    assert_eq!(stage.world.group(group).unwrap().members, BTreeSet::from([people[1]]));
}

#[tokio::test]
async fn guests_are_owners_only_by_directory_setting() {
    let stage = stage();
    let people = stage.people(1);
    let guest = stage.world.add_guest(&stage.acme, "Gus");
    let path = format!("/groups/{}", stage.group("Engines", &people, &[]).await);
    assert_eq!(
        stage.graph("POST", &format!("{path}/owners/$ref"), reference(guest)).await.status,
        403
    );
    assert_eq!(
        stage.graph("POST", &format!("{path}/members/$ref"), reference(guest)).await.status,
        204
    );
    stage.world.set_group_setting(stage.acme.directory, "AllowGuestsToBeGroupOwner", "true");
    assert_eq!(
        stage.graph("POST", &format!("{path}/owners/$ref"), reference(guest)).await.status,
        204
    );
}

#[tokio::test]
async fn member_deletion_without_ref_is_a_violation() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people).await;
    let path = format!("/groups/{group}/members/{}", people[1]);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 403);
    stage.world.consent(stage.acme.directory, &["Group.ReadWrite.All", "User.ReadWrite.All"]);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 204);
    assert!(stage.world.user(people[1]).unwrap().deleted.is_some());
    assert!(matches!(
        stage.world.take_violations()[..],
        [Violation::UserDeleted { .. }, Violation::UserDeleted { .. }]
    ));
}

#[tokio::test]
async fn a_deleted_user_leaves_groups_until_restored() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people, &people).await;
    stage.world.delete_user(people[1]);
    assert_eq!(stage.world.group(group).unwrap().owners, BTreeSet::from([people[0]]));
    stage.world.restore_user(people[1]);
    let truth = stage.world.group(group).unwrap();
    assert_eq!((truth.members.len(), truth.owners.len()), (2, 2));
}

#[tokio::test]
async fn next_links_use_the_requested_host() {
    let stage = stage();
    let people = stage.people(120);
    let group = stage.group("Engines", &people[..1], &people[..10]).await;
    for chunk in people[10..].chunks(20) {
        stage
            .graph("PATCH", &format!("/groups/{group}"), json!({"members@odata.bind": bind(chunk)}))
            .await;
    }
    let first =
        stage.graph("GET", &format!("/groups/{group}/members?$select=id"), Value::Null).await;
    assert_eq!(
        (first.items().len(), &first.items()[0]["@odata.type"]),
        (100, &json!("#microsoft.graph.user"))
    );
    let next = first.body["@odata.nextLink"].as_str().unwrap();
    assert!(next.starts_with("https://graph.microsoft.com/v1.0/groups/"));
    let second = stage.graph("GET", next, Value::Null).await;
    assert_eq!((second.items().len(), second.body.get("@odata.nextLink")), (20, None));
    let ids: BTreeSet<_> =
        first.items().iter().chain(second.items()).map(|item| item["id"].to_string()).collect();
    assert_eq!(ids.len(), 120);
    assert_eq!(
        stage
            .graph("GET", &format!("/groups/{group}/members?$top=999"), Value::Null)
            .await
            .items()
            .len(),
        120
    );
    assert_eq!(
        stage.graph("GET", &format!("/groups/{group}/members?$top=1000"), Value::Null).await.status,
        400
    );
}

#[tokio::test]
async fn groups_of_a_user_are_by_membership() {
    let stage = stage();
    let [ada, bob] = stage.people(2)[..] else { panic!() };
    let both = stage.group("Both", &[ada], &[ada, bob]).await;
    let mine = stage.group("Mine", &[ada], &[ada]).await;
    stage.group("Owned", &[ada], &[bob]).await;
    let gone = stage.group("Gone", &[ada], &[ada]).await;
    stage.world.delete_group(gone);
    let path = |user: &dyn std::fmt::Display, top: usize| {
        format!("/users/{user}/memberOf/microsoft.graph.group?$select=id&$top={top}")
    };
    let mut next = Some(path(&ada, 1));
    let mut found = Vec::new();
    while let Some(path) = next {
        let page = stage.graph("GET", &path, Value::Null).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.items().len(), 1);
        found.extend(page.items().iter().map(|group| group["id"].clone()));
        next = page.body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    let mut expected = [json!(both), json!(mine)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(found, expected);
    let named = stage.graph("GET", &path(&"person.0@acme.example", 999), Value::Null).await;
    assert_eq!(named.items().len(), 2);
    assert_eq!(named.items()[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["id"]);
    stage.world.delete_user(bob);
    assert_eq!(stage.graph("GET", &path(&bob, 999), Value::Null).await.status, 404);
    for roles in [["Group.Create", "User.Read.All"], ["Group.ReadWrite.All", "Group.Create"]] {
        stage.world.consent(stage.acme.directory, &roles);
        assert_eq!(
            stage.graph("GET", &path(&ada, 999), Value::Null).await.status,
            403,
            "{roles:?}"
        );
    }
}

#[tokio::test]
async fn next_links_expire_and_break_off_the_listing() {
    let stage = stage();
    let people = stage.people(5);
    let group = stage.group("Engines", &people[..1], &people).await;
    let first = stage.graph("GET", &format!("/groups/{group}/members?$top=2"), Value::Null).await;
    let link = first.body["@odata.nextLink"].as_str().unwrap();
    assert_eq!(stage.graph("GET", link, Value::Null).await.status, 200);
    stage.advance(600);
    let ended = stage.graph("GET", link, Value::Null).await;
    assert_eq!((ended.status, ended.code()), (400, "Directory_ExpiredPageToken"));
}

#[tokio::test]
async fn casts_read_an_index_that_lags() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    stage.advance(120);
    let cast = async |headers: &[(&str, &str)]| {
        let path = format!("/groups/{group}/members/microsoft.graph.user?$count=true");
        stage.graph_with("GET", &path, Value::Null, headers).await
    };
    assert_eq!(cast(&[]).await.code(), "Request_UnsupportedQuery");
    let eventual = [("ConsistencyLevel", "eventual")];
    stage.world.add_member(group, people[1]);
    assert_eq!(
        stage.graph("GET", &format!("/groups/{group}/members"), Value::Null).await.items().len(),
        2
    );
    assert_eq!(cast(&eventual).await.items().len(), 1, "the index does not know yet");
    stage.advance(60);
    assert_eq!(cast(&eventual).await.items().len(), 2);
}

#[tokio::test]
async fn groups_under_other_rules_refuse_changes() {
    let stage = stage();
    let people = stage.people(3);
    for (rule, status) in
        [(GroupRule::Dynamic, 400), (GroupRule::OnPremises, 400), (GroupRule::RoleAssignable, 403)]
    {
        let group = stage.group(&format!("{rule:?}"), &people[..1], &people[..2]).await;
        stage.world.set_group_rule(group, rule);
        let shown = stage.graph("GET", &format!("/groups/{group}"), Value::Null).await.body;
        let is_shown = match rule {
            GroupRule::Dynamic => {
                shown["groupTypes"].as_array().unwrap().contains(&json!("DynamicMembership"))
            }
            GroupRule::OnPremises => shown["onPremisesSyncEnabled"] == true,
            _ => shown["isAssignableToRole"] == true,
        };
        assert!(is_shown, "{rule:?}");
        let path = format!("/groups/{group}/members");
        assert_eq!(
            stage.graph("POST", &format!("{path}/$ref"), reference(people[2])).await.status,
            status
        );
        let removal =
            stage.graph("DELETE", &format!("{path}/{}/$ref", people[1]), Value::Null).await;
        assert_eq!(removal.status, status, "{rule:?}");
        assert_eq!(stage.world.group(group).unwrap().members.len(), 2);
    }
}
