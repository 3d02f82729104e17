//! People and SCIM.

use serde_json::{Value, json};
use sim::{AdminRole, MembershipRole, StatusShape, Violation};

use crate::ask::{Reply, Stage, person_id, stage, webex_id};

const EXTENSION: &str = "urn:scim:schemas:extension:cisco:webexidentity:2.0:User";

async fn scim(stage: &Stage, query: &str) -> Reply {
    stage.get(&format!("/identity/scim/{}/v2/Users{query}", stage.acme.org)).await
}

#[tokio::test]
async fn the_external_id_is_in_scim_and_not_in_people() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada Lovelace");
    let read = scim(&stage, &format!("/{}", ada.person)).await;
    assert_eq!(read.body["externalId"], json!(ada.object));
    assert_eq!(
        (&read.body["userName"], &read.body["userType"]),
        (&json!("ada.lovelace@acme.example"), &json!("user"))
    );
    let read = stage.get(&format!("/people/{}", person_id(ada.person))).await;
    assert_eq!((read.status, read.body.get("externalId")), (200, None));
    let outside_v1 =
        format!("https://webexapis.com/identity/scim/{}/v2/Users/{}", stage.acme.org, ada.person);
    assert_eq!(stage.get(&outside_v1).await.status, 200);
}

#[tokio::test]
async fn scim_does_not_filter_by_external_id() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada Lovelace");
    stage.world.add_person(&stage.acme, "Bob");
    let found = scim(&stage, "?filter=userName%20eq%20%22ADA.lovelace%40acme.example%22").await;
    assert_eq!(
        (found.body["totalResults"].as_u64(), &found.body["Resources"][0]["id"]),
        (Some(1), &json!(ada.person))
    );
    assert_eq!(
        scim(&stage, &format!("?filter=id%20eq%20%22{}%22", ada.person)).await.body["totalResults"],
        1
    );
    assert_eq!(
        scim(&stage, &format!("?filter=externalId%20eq%20%22{}%22", ada.object)).await.status,
        400
    );
    assert_eq!(scim(&stage, "?filter=externalId%20pr").await.status, 400);
}

#[tokio::test]
async fn scim_pages_and_sorts_by_the_last_change() {
    let stage = stage();
    let people: Vec<_> =
        (0..5).map(|n| stage.world.add_person(&stage.acme, &format!("Person {n}"))).collect();
    stage.advance(60);
    stage.world.set_external_id(people[3].person, None);
    let first = scim(&stage, "?sortBy=meta.lastModified&sortOrder=descending&count=2").await;
    assert_eq!(first.body["Resources"][0]["id"], json!(people[3].person));
    assert_eq!((&first.body["totalResults"], &first.body["itemsPerPage"]), (&json!(7), &json!(2)));
    let last =
        scim(&stage, "?sortBy=meta.lastModified&sortOrder=descending&startIndex=5&count=2").await;
    assert_eq!(last.body["Resources"].as_array().unwrap().len(), 2);
    assert_eq!(scim(&stage, "?startIndex=8").await.body["Resources"], json!([]));
    assert_eq!(scim(&stage, "?sortBy=displayName").await.status, 400);
}

#[tokio::test]
async fn pending_people_are_active_in_scim() {
    let stage = stage();
    let pia = stage.world.add_pending(&stage.acme, "Pia").person;
    let read = scim(&stage, &format!("/{pia}")).await.body;
    assert_eq!(
        (&read["active"], &read[EXTENSION]["accountStatus"]),
        (&json!(true), &json!("pending"))
    );
    stage.world.webex_settings(|settings| settings.status_shape = StatusShape::List);
    stage.world.activate(pia);
    assert_eq!(
        scim(&stage, &format!("/{pia}")).await.body[EXTENSION]["accountStatus"],
        json!(["active"])
    );
}

#[tokio::test]
async fn scim_selects_attributes_and_omits_bots() {
    let stage = stage();
    stage.world.add_bot(&stage.acme, "Robot");
    stage.world.add_device(&stage.acme, "Boardroom");
    let found = scim(&stage, "?attributes=externalId,userType").await;
    let kinds: Vec<_> = found.body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["userType"].clone())
        .collect();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.contains(&json!("room")));
    assert_eq!(found.body["Resources"][0].get("userName"), None);
}

#[tokio::test]
async fn foreign_organizations_are_a_violation() {
    let stage = stage();
    let zenith = stage.world.add_tenant("Zenith");
    let answer = stage.get(&format!("/identity/scim/{}/v2/Users", zenith.org)).await;
    assert_eq!(answer.status, 403);
    assert!(matches!(stage.world.take_violations()[..], [Violation::OtherTenant { .. }]));
}

#[tokio::test]
async fn only_full_administrators_write_external_ids() {
    let stage = stage();
    let ada = stage.world.add_webex_only(&stage.acme, "Ada");
    let path = format!("/identity/scim/{}/v2/Users/{ada}", stage.acme.org);
    let patch = |op: &str, value: Value| {
        let operation = json!({"op": op, "path": "externalId", "value": value});
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        json!({"schemas": schemas, "Operations": [operation]})
    };
    let body = patch("replace", "x".into());
    assert_eq!(stage.webex("PATCH", &path, body.clone()).await.status, 403, "the service account");
    let token = stage.world.issue_tokens(ada, &["identity:people_rw"]).access_token;
    assert_eq!(stage.webex_as(&token, "PATCH", &path, body.clone()).await.status, 403, "no role");
    stage.world.give_role(ada, AdminRole::FullAdmin);
    let reads = stage.world.issue_tokens(ada, &["identity:people_read"]).access_token;
    assert_eq!(
        stage.webex_as(&reads, "PATCH", &path, body.clone()).await.status,
        403,
        "without the scope"
    );
    assert_eq!(stage.webex_as(&token, "PATCH", &path, body.clone()).await.body["externalId"], "x");
    assert_eq!(
        stage.webex_as(&token, "PATCH", &path, patch("add", "y".into())).await.body["externalId"],
        "y"
    );
    let bare = json!({"Operations": body["Operations"]});
    for wrong in [
        bare,
        patch("put", "z".into()),
        patch("add", json!(["z"])),
        json!({"schemas": body["schemas"]}),
    ] {
        assert_eq!(stage.webex_as(&token, "PATCH", &path, wrong).await.status, 400);
    }
    assert_eq!(scim(&stage, &format!("/{ada}")).await.body["externalId"], "y");
}

#[tokio::test]
async fn rehired_people_keep_their_external_id() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada");
    let again = stage.world.rehire(ada).unwrap();
    assert_ne!(ada.person, again.person);
    assert_eq!(
        scim(&stage, &format!("/{}", again.person)).await.body["externalId"],
        json!(ada.object)
    );
    let old = scim(&stage, &format!("/{}", ada.person)).await.body;
    assert_eq!((old.get("externalId"), &old["active"]), (None, &json!(false)));
}

#[tokio::test]
async fn administrators_see_pending_people_and_roles() {
    let stage = stage();
    let me = stage.get("/people/me").await.body;
    assert_eq!(me["orgId"], webex_id("us", "ORGANIZATION", stage.acme.org));
    assert!(me["roles"].as_array().unwrap().contains(&json!(webex_id(
        "us",
        "ROLE",
        "id_readonly_admin"
    ))));
    let pia = stage.world.add_pending(&stage.acme, "Pia").person;
    let shown = stage.get(&format!("/people/{}", person_id(pia))).await.body;
    assert_eq!((&shown["status"], &shown["invitePending"]), (&json!("pending"), &json!(true)));
    let token = stage.world.issue_tokens(pia, &["spark:people_read"]).access_token;
    let shown = stage
        .webex_as(
            &token,
            "GET",
            &format!("/people/{}", person_id(stage.acme.service_account)),
            Value::Null,
        )
        .await;
    assert_eq!(shown.body.get("roles"), None);
}

#[tokio::test]
async fn two_accounts_can_share_an_external_id() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name));
    stage.world.set_external_id(bob.person, Some(ada.object));
    for person in [ada.person, bob.person] {
        assert_eq!(scim(&stage, &format!("/{person}")).await.body["externalId"], json!(ada.object));
    }
}

#[tokio::test]
async fn foreign_people_bots_and_devices_are_distinct() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Engines");
    let abroad = stage.world.add_foreign_organization("Abroad");
    let guest = stage.world.add_account_of(abroad, "Xavier");
    let others = [
        guest,
        stage.world.add_bot(&stage.acme, "Robot"),
        stage.world.add_device(&stage.acme, "Boardroom"),
    ];
    for person in others {
        stage.world.add_to_team(team, person, MembershipRole::Member).unwrap();
    }
    let memberships = stage.memberships(team).await;
    let of = |person| {
        memberships.iter().find(|membership| membership["personId"] == person_id(person)).unwrap()
    };
    assert_eq!(of(guest)["personOrgId"], webex_id("us", "ORGANIZATION", abroad));
    assert_eq!(scim(&stage, &format!("/{guest}")).await.status, 404);
    assert_eq!(
        scim(&stage, &format!("/{}", others[1])).await.status,
        404,
        "bots are in no organization's listing"
    );
    assert_eq!(scim(&stage, &format!("/{}", others[2])).await.body["userType"], "room");
}
