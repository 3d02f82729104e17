//! Creating, naming, deleting and renewing groups.

use domain::ids::{GroupId, ObjectId};
use serde_json::{Value, json};
use sim::{Kind, UpsertBinds, Violation};

use crate::ask::{bind, group_body, send, stage};

#[tokio::test]
async fn an_upsert_creates_once_and_then_overwrites() {
    let stage = stage();
    let people = stage.people(2);
    let made = stage.upsert("webex-team-1", group_body("Engines", &people[..1], &people)).await;
    assert_eq!((made.status, made.body["uniqueName"].as_str()), (201, Some("webex-team-1")));
    let again = stage.upsert("webex-team-1", json!({"displayName": "Other"})).await;
    assert_eq!((again.status, again.body), (204, Value::Null));
    let groups = stage.world.groups(stage.acme.directory);
    assert_eq!(groups.len(), 1);
    let group = groups.values().next().unwrap();
    assert_eq!(
        (group.display_name.as_str(), group.members.len(), group.owners.len()),
        ("Other", 2, 1)
    );
    let read = stage
        .graph("GET", "/groups(uniqueName='webex-team-1')?$select=id,displayName", Value::Null)
        .await;
    assert_eq!(
        (read.body["id"].clone(), read.body["displayName"].as_str()),
        (made.body["id"].clone(), Some("Other"))
    );
}

#[tokio::test]
async fn without_prefer_a_missing_group_is_404() {
    let stage = stage();
    let answer =
        stage.graph("PATCH", "/groups(uniqueName='x')", json!({"displayName": "Engines"})).await;
    assert_eq!((answer.status, answer.code()), (404, "Request_ResourceNotFound"));
}

#[tokio::test]
async fn binds_in_a_repeated_upsert_have_three_modes() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    let body = json!({"members@odata.bind": bind(&people)});
    let members = || stage.world.group(group).unwrap().members.len();
    assert_eq!(stage.upsert("Engines", body.clone()).await.status, 400);
    stage.world.graph_settings(|settings| settings.upsert_binds = UpsertBinds::Ignored);
    assert_eq!((stage.upsert("Engines", body.clone()).await.status, members()), (204, 1));
    stage.world.graph_settings(|settings| settings.upsert_binds = UpsertBinds::Merged);
    assert_eq!((stage.upsert("Engines", body).await.status, members()), (204, 2));
}

#[tokio::test]
async fn more_than_twenty_binds_are_refused() {
    let stage = stage();
    let people = stage.people(21);
    assert_eq!(stage.upsert("a", group_body("A", &people[..1], &people[1..])).await.status, 400);
    assert_eq!(stage.upsert("a", group_body("A", &people[..1], &people[1..20])).await.status, 201);
}

#[tokio::test]
async fn naming_policies_refuse_apps_and_decorate_people() {
    let stage = stage();
    let directory = stage.acme.directory;
    let people = stage.people(1);
    let settings = stage.graph("GET", "/groupSettings", Value::Null).await;
    assert_eq!(settings.body["value"], json!([]), "no object where nothing was set");
    stage.world.set_group_setting(
        directory,
        "PrefixSuffixNamingRequirement",
        "GRP_[GroupName]_[Department]",
    );
    let refused = stage.upsert("x", group_body("Engines", &people, &[])).await;
    assert_eq!(refused.status, 400);
    let detail = &refused.body["error"]["details"][0];
    assert_eq!(
        (&detail["code"], &detail["suggestedPropertyValue"]),
        (&json!("MissingPrefixSuffix"), &json!("GRP_Engines_"))
    );
    let group = stage.group("GRP_Engines_", &people, &[]).await;
    stage.world.set_department(people[0], "Sales");
    stage.world.rename_group(group, people[0], "Machines");
    assert_eq!(stage.world.group(group).unwrap().display_name, "GRP_Machines_Sales");
    let settings = stage.graph("GET", "/groupSettings", Value::Null).await;
    assert_eq!(settings.items()[0]["templateId"], "62375ab9-6b52-47ed-826b-58e47e0e304b");
    let check = stage
        .graph(
            "POST",
            "/directoryObjects/validateProperties",
            json!({"entityType": "Group", "displayName": "X"}),
        )
        .await;
    assert_eq!((check.status, &check.body["error"]["details"][0]["prefix"]), (422, &json!("GRP_")));
    stage.world.set_group_setting(directory, "CustomBlockedWordsList", "payroll, CEO");
    assert_eq!(
        stage
            .graph("PATCH", &format!("/groups/{group}"), json!({"displayName": "ceo"}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn nicknames_are_unique_among_deleted_groups_too() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &[]).await;
    stage.world.delete_group(group);
    let refused = stage.upsert("other", group_body("ENGINES", &people, &[])).await;
    assert_eq!(
        (refused.status, &refused.body["error"]["details"][0]["code"]),
        (400, &json!("ObjectConflict"))
    );
    for nickname in ["with space", "a@b", "", &"x".repeat(65), "grün"] {
        let mut body = group_body("Engines", &people, &[]);
        body["mailNickname"] = json!(nickname);
        assert_eq!(stage.upsert("other", body).await.status, 400, "{nickname}");
    }
}

#[tokio::test]
async fn invalid_group_properties_are_refused() {
    let stage = stage();
    let people = stage.people(1);
    let path = format!("/groups/{}", stage.group("Engines", &people, &[]).await);
    for body in [json!({"description": ""}), json!({"displayName": null})] {
        assert_eq!(stage.graph("PATCH", &path, body).await.status, 400);
    }
    assert_eq!(stage.graph("PATCH", &path, json!({"description": null})).await.status, 204);
    let mut body = group_body("Other", &people, &[]);
    body["allowExternalSenders"] = json!(false);
    assert_eq!(stage.upsert("other", body).await.status, 400);
}

#[tokio::test]
async fn a_deleted_group_can_be_restored_for_thirty_days() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people, &people).await;
    let (path, bin) = (format!("/groups/{group}"), format!("/directory/deletedItems/{group}"));
    assert_eq!(stage.graph("GET", &bin, Value::Null).await.status, 404);
    assert_eq!(stage.graph("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(stage.graph("GET", &path, Value::Null).await.status, 404);
    assert_eq!(
        stage.graph("GET", &format!("{bin}/microsoft.graph.group"), Value::Null).await.status,
        200
    );
    let listed =
        stage.graph("GET", "/directory/deletedItems/microsoft.graph.group", Value::Null).await;
    assert_eq!(listed.items().len(), 1);
    stage.advance(29 * 86_400);
    assert_eq!(
        stage.graph("POST", &format!("{bin}/restore"), json!({})).await.body["id"],
        json!(group)
    );
    assert_eq!(stage.world.group(group).unwrap().members.len(), 2);
    stage.graph("DELETE", &path, Value::Null).await;
    stage.advance(30 * 86_400);
    assert_eq!(stage.graph("GET", &bin, Value::Null).await.status, 404);
    assert_eq!(stage.world.group(group), None);
}

#[tokio::test]
async fn the_expiration_policy_deletes_unrenewed_groups() {
    let stage = stage();
    let people = stage.people(1);
    let [renewed, lost] =
        [stage.group("Renewed", &people, &[]).await, stage.group("Lost", &people, &[]).await];
    stage.world.set_group_lifetime(stage.acme.directory, Some(180));
    stage.advance(179 * 86_400);
    let read = stage
        .graph("GET", &format!("/groups/{renewed}?$select=expirationDateTime"), Value::Null)
        .await;
    assert_eq!(read.body["expirationDateTime"], "2027-05-22T08:00:00Z");
    assert_eq!(
        stage.graph("POST", &format!("/groups/{renewed}/renew"), Value::Null).await.status,
        204
    );
    stage.advance(3 * 86_400);
    assert_eq!(stage.graph("GET", &format!("/groups/{renewed}"), Value::Null).await.status, 200);
    assert_eq!(stage.graph("GET", &format!("/groups/{lost}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn foreign_groups_and_users_are_a_violation() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &[]).await;
    let zenith = stage.world.add_tenant("Zenith");
    let bearer = format!("Bearer {}", stage.token_for(&zenith).await);
    let url = format!("https://graph.microsoft.com/v1.0/groups/{group}");
    let answer = send(&stage.world, "GET", &url, &[("authorization", &bearer)], Default::default())
        .await
        .unwrap();
    assert_eq!(answer.status, 404);
    assert!(matches!(stage.world.take_violations()[..], [Violation::OtherTenant { .. }]));
}

#[tokio::test]
async fn checks_take_twenty_groups_and_ignore_ownership() {
    let stage = stage();
    let people = stage.people(3);
    let group = stage.group("Engines", &people[..1], &people[1..2]).await;
    let check = async |user: ObjectId, groups: Value| {
        stage
            .graph("POST", &format!("/users/{user}/checkMemberGroups"), json!({"groupIds": groups}))
            .await
    };
    let other = people[2];
    assert_eq!(check(people[1], json!([other, group])).await.body["value"], json!([group]));
    assert_eq!(check(people[0], json!([group])).await.body["value"], json!([]));
    assert_eq!(stage.world.calls().last().map(|call| call.kind), Some(Kind::Read));
    assert_eq!(check(people[1], json!(vec![group; 21])).await.status, 400);
    assert_eq!(check(ObjectId(group.0), json!([group])).await.status, 404);
    stage.world.consent(stage.acme.directory, &["User.Read.All"]);
    assert_eq!(
        check(people[1], json!([group])).await.status,
        403,
        "groups have to be readable, too"
    );
}

#[tokio::test]
async fn users_are_read_by_id_name_or_fifteen_at_once() {
    let stage = stage();
    let people = stage.people(16);
    let guest = stage.world.add_guest(&stage.acme, "Gus");
    let by_id =
        stage.graph("GET", &format!("/users/{guest}?$select=id,userType"), Value::Null).await;
    assert_eq!(by_id.body["userType"], "Guest");
    let by_name = stage.graph("GET", "/users/PERSON.3@acme.example", Value::Null).await;
    assert_eq!(by_name.body["id"], json!(people[3]));
    let list = |count: usize| {
        people[..count].iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",")
    };
    let path = |count: usize| format!("/users?$filter=id%20in%20({})&$select=id", list(count));
    assert_eq!(stage.graph("GET", &path(15), Value::Null).await.items().len(), 15);
    assert_eq!(stage.graph("GET", &path(16), Value::Null).await.status, 400);
    stage.world.delete_user(people[3]);
    assert_eq!(stage.graph("GET", &format!("/users/{}", people[3]), Value::Null).await.status, 404);
    stage.world.consent(stage.acme.directory, &["User.ReadBasic.All"]);
    let shown = stage.graph("GET", &format!("/users/{guest}?$select=userType"), Value::Null).await;
    assert_eq!(shown.body["userType"], Value::Null);
}

#[tokio::test]
async fn a_directory_beyond_its_write_quota_gets_429() {
    let stage = stage();
    let people = stage.people(1);
    let path = format!("/groups/{}", stage.group("Engines", &people, &[]).await);
    stage.world.graph_settings(|settings| settings.write_quota = 3);
    for n in 0..2 {
        assert_eq!(
            stage.graph("PATCH", &path, json!({"displayName": format!("Name {n}")})).await.status,
            204
        );
    }
    let refused = stage.graph("PATCH", &path, json!({"displayName": "Too much"})).await;
    assert_eq!((refused.status, refused.code()), (429, "TooManyRequests"));
    assert!(
        refused.header("x-ms-throttle-scope").unwrap().starts_with("Tenant_Application/Write/")
    );
    assert_eq!(stage.graph("GET", &path, Value::Null).await.status, 200);
    stage.advance(refused.header("retry-after").unwrap().parse().unwrap());
    assert_eq!(stage.graph("PATCH", &path, json!({"displayName": "Now"})).await.status, 204);
}

#[tokio::test]
async fn all_directories_share_a_write_quota() {
    let stage = stage();
    let people = stage.people(1);
    let path = format!("/groups/{}", stage.group("Engines", &people, &[]).await);
    stage.world.graph_settings(|settings| settings.all_write_quota = 2);
    assert_eq!(stage.graph("PATCH", &path, json!({"displayName": "Name"})).await.status, 204);
    let refused = stage.graph("PATCH", &path, json!({"displayName": "Too much"})).await;
    assert_eq!((refused.status, refused.code()), (429, "TooManyRequests"));
    assert!(refused.header("x-ms-throttle-scope").unwrap().starts_with("Application/Write/"));
    stage.advance(160);
    assert_eq!(
        stage.graph("PATCH", &path, json!({"displayName": "Not yet"})).await.status,
        429,
        "it is five minutes"
    );
    stage.advance(refused.header("retry-after").unwrap().parse().unwrap());
    assert_eq!(stage.graph("PATCH", &path, json!({"displayName": "Now"})).await.status, 204);
}

#[tokio::test]
async fn responses_have_request_ids_and_inner_errors() {
    let stage = stage();
    let path = "/groups/0b6a1f2e-0000-4000-8000-000000000000";
    let answer = stage.graph_with("GET", path, Value::Null, &[("client-request-id", "mine")]).await;
    assert_eq!((answer.status, answer.header("client-request-id")), (404, Some("mine")));
    let inner = &answer.body["error"]["innerError"];
    assert_eq!(inner["request-id"].as_str(), answer.header("request-id"));
    assert!(answer.message().contains("0b6a1f2e-0000-4000-8000-000000000000"));
}

#[tokio::test]
async fn added_people_get_a_mail_unless_it_is_disabled() {
    let stage = stage();
    let people = stage.people(3);
    let mails = || stage.world.welcome_mails(stage.acme.directory);
    let mut quiet = group_body("Quiet", &people[..1], &people[..2]);
    quiet["resourceBehaviorOptions"] = json!(["WelcomeEmailDisabled"]);
    let made = stage.upsert("quiet", quiet).await;
    let group: GroupId = made.body["id"].as_str().unwrap().parse().unwrap();
    stage.world.add_member(group, people[2]);
    assert_eq!(mails(), 0);
    let loud = stage.group("Loud", &people[..1], &people[..2]).await;
    assert_eq!(mails(), 2);
    let late = stage
        .graph(
            "PATCH",
            &format!("/groups/{loud}"),
            json!({"resourceBehaviorOptions": ["WelcomeEmailDisabled"]}),
        )
        .await;
    assert_eq!(late.status, 400, "too late");
    stage.world.add_member(loud, people[2]);
    assert_eq!(mails(), 3);
}

#[tokio::test]
async fn a_client_request_id_makes_no_call_idempotent() {
    let stage = stage();
    let people = stage.people(1);
    let id = [("client-request-id", "5f3759df-0000-4000-8000-000000000000")];
    for name in ["one", "two"] {
        let mut body = group_body("Engines", &people, &[]);
        body["mailNickname"] = json!(name);
        assert_eq!(stage.graph_with("POST", "/groups", body, &id).await.status, 201);
    }
    let groups = stage.world.groups(stage.acme.directory);
    assert_eq!(groups.values().filter(|group| group.display_name == "Engines").count(), 2);
}

#[tokio::test]
async fn prefix_searches_read_a_lagging_index() {
    let stage = stage();
    let people = stage.people(1);
    for name in ["Gardeners", "garden", "Gallery", "O'Hara"] {
        stage.group(name, &people, &people).await;
    }
    let found = async |query: &str, eventual: bool| {
        let headers: &[_] = if eventual { &[("ConsistencyLevel", "eventual")] } else { &[] };
        let path = format!("/groups?{}", query.replace(' ', "%20").replace('\'', "%27"));
        stage.graph_with("GET", &path, Value::Null, headers).await
    };
    let names = |reply: &crate::ask::Reply| -> Vec<String> {
        reply
            .items()
            .iter()
            .map(|group| group["displayName"].as_str().unwrap().to_owned())
            .collect()
    };
    let sorted = "&$orderby=displayName&$count=true";
    let by_name = format!("$filter=startswith(displayName,'GARD'){sorted}");
    assert_eq!(found(&by_name, true).await.body["@odata.count"], 0, "the index does not know yet");
    assert_eq!(
        names(&found("$filter=startswith(displayName,'GARD')", false).await).len(),
        2,
        "replicas do"
    );
    stage.advance(61);
    let reply = found(&by_name, true).await;
    assert_eq!(
        (names(&reply), &reply.body["@odata.count"]),
        (vec!["garden".into(), "Gardeners".into()], &json!(2))
    );
    let either = format!(
        "$filter=startswith(displayName,'O''h') or startswith(mail,'gallery@'){sorted}&$top=1"
    );
    let first = found(&either, true).await;
    assert_eq!((names(&first), &first.body["@odata.count"]), (vec!["Gallery".into()], &json!(2)));
    let next = first.body["@odata.nextLink"].as_str().unwrap().to_owned();
    let second =
        stage.graph_with("GET", &next, Value::Null, &[("ConsistencyLevel", "eventual")]).await;
    assert_eq!((names(&second), second.body.get("@odata.nextLink")), (vec!["O'Hara".into()], None));
    for refused in [
        format!("$filter=startswith(description,'x'){sorted}"),
        format!("$filter=startswith(displayName,'x' or startswith(mail,'x'){sorted}"),
        format!("$filter=startswith(displayName,'O'Hara'){sorted}"),
        format!("$filter=contains(displayName,'x'){sorted}"),
        "$filter=startswith(displayName,'g')&$orderby=mail&$count=true".into(),
    ] {
        assert_eq!(found(&refused, true).await.code(), "Request_UnsupportedQuery", "{refused}");
    }
    assert_eq!(
        found(&by_name, false).await.code(),
        "Request_UnsupportedQuery",
        "it takes the header"
    );
    let uncounted = "$filter=startswith(displayName,'g')&$orderby=displayName";
    assert_eq!(found(uncounted, true).await.code(), "Request_UnsupportedQuery", "and $count=true");
    assert_eq!(names(&found("$filter=displayName eq 'o''hara'", false).await), ["O'Hara"]);
}

#[tokio::test]
async fn security_groups_have_no_mail() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Guards", &people, &people).await;
    stage.world.make_security_group(group);
    let shown = stage.graph("GET", &format!("/groups/{group}"), Value::Null).await.body;
    assert_eq!((&shown["groupTypes"], &shown["mail"]), (&json!([]), &Value::Null));
    assert_eq!((&shown["mailEnabled"], &shown["securityEnabled"]), (&json!(false), &json!(true)));
    let group = stage.group("Hidden", &people, &people).await;
    stage.world.hide_members(group);
    let shown = stage.graph("GET", &format!("/groups/{group}"), Value::Null).await.body;
    assert_eq!(shown["visibility"], "HiddenMembership");
    assert_eq!(
        stage.graph("GET", &format!("/groups/{group}/members"), Value::Null).await.status,
        403
    );
}
