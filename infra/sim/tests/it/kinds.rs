//! Kinds of groups and people that are made from outside, and limits of names.

use serde_json::{Value, json};
use sim::{GroupRule, MembershipRole, UserKind, UserOrigin};

use crate::ask::{bind, group_body, person_id, stage};

#[tokio::test]
async fn a_call_makes_a_group_dynamic_and_ordinary_again() {
    let stage = stage();
    let people = stage.people(2);
    let group = stage.group("Engines", &people[..1], &people[..1]).await;
    let path = format!("/groups/{group}");
    let types = json!(["Unified", "DynamicMembership"]);
    let without_rule = json!({"groupTypes": types});
    assert_eq!(stage.graph("PATCH", &path, without_rule).await.status, 400);
    let dynamic = json!({"groupTypes": types, "membershipRule": "user.department -eq \"Sales\""});
    assert_eq!(stage.graph("PATCH", &path, dynamic).await.status, 204);
    let shown = stage.graph("GET", &path, Value::Null).await.body;
    assert_eq!(shown["groupTypes"], types);
    let add = json!({"members@odata.bind": bind(&people[1..])});
    assert_eq!(stage.graph("PATCH", &path, add.clone()).await.status, 400);
    let ordinary = json!({"groupTypes": ["Unified"]});
    assert_eq!(stage.graph("PATCH", &path, ordinary).await.status, 204);
    assert_eq!(stage.graph("PATCH", &path, add).await.status, 204);
}

#[tokio::test]
async fn roles_labels_and_hidden_members_are_refused_to_an_app() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let path = format!("/groups/{group}");
    for (body, status) in [
        (json!({"isAssignableToRole": true}), 400),
        (json!({"visibility": "HiddenMembership"}), 400),
        (json!({"assignedLabels": [{"labelId": "x"}]}), 403),
        (json!({"isAssignableToRole": false, "visibility": "Public"}), 204),
    ] {
        assert_eq!(stage.graph("PATCH", &path, body.clone()).await.status, status, "{body}");
    }
    let mut assignable = group_body("Pumps", &people, &[]);
    assignable["isAssignableToRole"] = true.into();
    assert_eq!(stage.upsert("Pumps", assignable).await.status, 403);
    let mut hidden = group_body("Valves", &people, &[]);
    hidden["visibility"] = "HiddenMembership".into();
    let hidden = stage.upsert("Valves", hidden).await.body["id"].clone();
    let path = format!("/groups/{}/members", hidden.as_str().unwrap());
    assert_eq!(stage.graph("GET", &path, Value::Null).await.status, 403);
}

#[tokio::test]
async fn administrators_make_groups_of_every_kind() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    stage.world.set_group_label(group, Some("Confidential"));
    let path = format!("/groups/{group}?$select=assignedLabels,groupTypes");
    let shown = stage.graph("GET", &path, Value::Null).await.body;
    assert_eq!(shown["assignedLabels"][0]["displayName"], "Confidential");
    stage.world.set_group_label(group, None);
    let shown = stage.graph("GET", &path, Value::Null).await.body;
    assert_eq!(shown["assignedLabels"], json!([]));
    let remove = format!("/groups/{group}/members/{}/$ref", people[0]);
    for (rule, status) in [
        (GroupRule::Dynamic, 400),
        (GroupRule::OnPremises, 400),
        (GroupRule::RoleAssignable, 403),
        (GroupRule::Assigned, 204),
    ] {
        stage.world.set_group_rule(group, rule);
        let answer = stage.graph("DELETE", &remove, Value::Null).await;
        assert_eq!(answer.status, status, "{rule:?}");
    }
}

#[tokio::test]
async fn a_display_name_has_256_utf16_units_of_which_some_are_seen() {
    let stage = stage();
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let path = format!("/groups/{group}");
    for (name, status) in [
        ("🦀".repeat(128), 204),
        ("🦀".repeat(129), 400),
        ("東".repeat(256), 204),
        ("東".repeat(257), 400),
        (String::new(), 400),
        (" \r\n\t".into(), 400),
        ("\u{200b}\u{feff} ".into(), 400),
        ("\u{200b}a".into(), 204),
    ] {
        let answer = stage.graph("PATCH", &path, json!({"displayName": name})).await;
        assert_eq!(answer.status, status, "{name:?}");
    }
}

#[tokio::test]
async fn users_become_guests_and_external_and_keep_their_id() {
    let stage = stage();
    let person = stage.world.add_person(&stage.acme, "Ann");
    let path = format!(
        "/users/{}?$select=userType,creationType,externalUserState,userPrincipalName",
        person.object
    );
    let before = stage.graph("GET", &path, Value::Null).await.body;
    assert_eq!((&before["userType"], &before["creationType"]), (&json!("Member"), &Value::Null));
    stage.world.set_user_origin(person.object, UserOrigin::External);
    stage.world.set_user_kind(person.object, UserKind::Guest);
    let after = stage.graph("GET", &path, Value::Null).await.body;
    assert_eq!(
        (&after["userType"], &after["creationType"]),
        (&json!("Guest"), &json!("Invitation"))
    );
    assert_eq!(after["userPrincipalName"], before["userPrincipalName"]);
}

#[tokio::test]
async fn a_recreated_user_has_the_old_address_and_no_group() {
    let stage = stage();
    let person = stage.world.add_person(&stage.acme, "Ann");
    let owner = stage.people(1);
    let group = stage.group("Engines", &owner, &[person.object]).await;
    let principal = stage.world.user(person.object).unwrap().principal;
    let new = stage.world.recreate_user(person.object).unwrap();
    assert_ne!(new, person.object);
    assert_eq!(stage.world.user(new).unwrap().principal, principal);
    assert!(stage.world.user(person.object).unwrap().principal.ends_with(&principal));
    assert!(stage.world.group(group).unwrap().members.is_empty());
    let old = format!("/users/{}", person.object);
    assert_eq!(stage.graph("GET", &old, Value::Null).await.status, 404);
    let found = stage.graph("GET", &format!("/users/{principal}"), Value::Null).await;
    assert_eq!(found.body["id"], json!(new));
}

#[tokio::test]
async fn webex_accounts_are_recreated_and_moved() {
    let stage = stage();
    let [ann, ben] = ["Ann", "Ben"].map(|name| stage.world.add_person(&stage.acme, name));
    let team = stage.world.create_team(ann.person, "Engines");
    stage.world.add_to_team(team, ben.person, MembershipRole::Member).unwrap();
    let new = stage.world.recreate_account(ben.person).unwrap();
    assert_eq!(stage.world.email(new), Some("ben@acme.example".into()));
    assert_eq!(stage.world.external_id(new), Some(ben.object.to_string()));
    assert!(!stage.world.team(team).unwrap().people.contains_key(&new));
    assert_eq!(stage.get(&format!("/people/{}", person_id(ben.person))).await.status, 404);
    let elsewhere = stage.world.add_foreign_organization("Elsewhere");
    stage.world.move_account(ann.person, elsewhere);
    assert!(stage.world.team(team).unwrap().people.contains_key(&ann.person));
    let url = format!("https://webexapis.com/identity/scim/{}/v2/Users", stage.acme.org);
    let people = stage.webex("GET", &url, Value::Null).await.body["Resources"].clone();
    let is_ann = |row: &&Value| row["id"] == json!(ann.person);
    assert!(!people.as_array().unwrap().iter().any(|row| is_ann(&row)));
}
