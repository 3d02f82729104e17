//! Access of callers by scope, role and membership.

use serde_json::{Value, json};
use sim::{AdminRole, IdMatching, MembershipRole, Violation};

use crate::ask::{person_id, stage, webex_id};

#[tokio::test]
async fn observers_read_a_team_by_id_but_not_in_lists() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada Lovelace");
    let team = stage.world.create_team(ada.person, "Engines");
    let read = stage.get(&format!("/teams/{}", stage.world.team_id(team))).await;
    assert_eq!((read.status, read.body["name"].as_str()), (200, Some("Engines")));
    let room = stage.get(&format!("/rooms/{}", stage.world.room_id(team.general_space()))).await;
    assert_eq!(room.body["ownerId"], webex_id("us", "ORGANIZATION", stage.acme.org));
    let memberships = stage.memberships(team).await;
    assert_eq!((memberships.len(), &memberships[0]["isModerator"]), (1, &json!(true)));
    assert!(stage.get("/teams").await.items().is_empty());
    assert!(stage.get("/rooms").await.items().is_empty());
}

#[tokio::test]
async fn observers_manage_members_in_the_general_space() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let body =
        json!({"roomId": stage.world.room_id(team.general_space()), "personId": person_id(bob)});
    let made = stage.webex("POST", "/memberships", body.clone()).await;
    assert_eq!((made.status, &made.body["isModerator"]), (200, &json!(false)));
    assert_eq!(stage.webex("POST", "/memberships", body).await.status, 409);
    let path = format!("/memberships/{}", made.body["id"].as_str().unwrap());
    assert_eq!(stage.webex("PUT", &path, json!({"isModerator": true})).await.status, 200);
    assert_eq!(stage.world.team(team).unwrap().people[&bob], MembershipRole::Moderator);
    assert_eq!(stage.webex("DELETE", &path, Value::Null).await.status, 204);
    assert!(!stage.world.team(team).unwrap().people.contains_key(&bob));
    assert_eq!(stage.webex("DELETE", &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn titles_and_folders_need_a_participant() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    let (team_id, room_id) = (stage.world.team_id(team), stage.world.room_id(team.general_space()));
    let rename = json!({"name": "Difference Engines"});
    let folder = json!({"roomId": room_id, "contentUrl": "https://acme.sharepoint.com/x", "displayName": "Engines",
        "driveId": "d", "itemId": "i", "defaultFolder": "true"});
    let add = json!({"teamId": team_id, "personId": person_id(bob)});
    let calls = [
        ("PUT", format!("/teams/{team_id}"), rename),
        ("POST", "/room/linkedFolders".to_owned(), folder.clone()),
        ("POST", "/team/memberships".to_owned(), add),
    ];
    for (method, path, body) in &calls {
        assert_eq!(stage.webex(method, path, body.clone()).await.status, 403, "{path}");
    }
    assert_eq!(stage.get(&format!("/team/memberships?teamId={team_id}")).await.status, 403);
    stage.join_team(team).await;
    for (method, path, body) in &calls {
        assert_eq!(stage.webex(method, path, body.clone()).await.status, 200, "{path}");
    }
    assert_eq!(stage.webex("POST", "/room/linkedFolders", folder).await.status, 409);
    let truth = stage.world.room(team.general_space()).unwrap();
    assert_eq!(
        (truth.title.as_str(), truth.folder.as_ref().map(|folder| folder.name.as_str())),
        ("Difference Engines", Some("Engines"))
    );
    assert!(truth.people.contains_key(&bob));
}

#[tokio::test]
async fn a_team_and_its_general_space_share_a_uuid() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Engines");
    assert_eq!(stage.world.team_id(team), webex_id("us", "TEAM", team));
    assert_eq!(stage.world.room_id(team.general_space()), webex_id("us", "ROOM", team));
    let room = stage.get(&format!("/rooms/{}", webex_id("us", "ROOM", team))).await;
    assert_eq!(
        room.body["teamId"],
        webex_id("us", "ROOM", team),
        "the specification's own example has this kind"
    );
}

#[tokio::test]
async fn the_region_of_an_id_is_part_of_it() {
    let stage = stage();
    let other = stage.world.add_tenant("Zenith");
    let eve = stage.world.add_person(&other, "Eve").person;
    let team = stage.world.create_team(eve, "Ours");
    assert_eq!(stage.world.team_id(team), webex_id("urn:TEAM:eu-central-1_k", "TEAM", team));
    let ask = async |id: String| {
        stage
            .webex_as(&other.tokens.access_token, "GET", &format!("/teams/{id}"), Value::Null)
            .await
            .status
    };
    assert_eq!(ask(stage.world.team_id(team)).await, 200);
    assert_eq!(ask(webex_id("us", "TEAM", team)).await, 404);
    stage.world.webex_settings(|settings| settings.id_matching = IdMatching::AnyRegion);
    assert_eq!(ask(webex_id("us", "TEAM", team)).await, 200);
}

#[tokio::test]
async fn writes_to_foreign_spaces_are_a_violation() {
    let stage = stage();
    let abroad = stage.world.add_foreign_organization("Abroad");
    let xavier = stage.world.add_account_of(abroad, "Xavier");
    let team = stage.world.create_team(xavier, "Theirs");
    let room = stage.world.room_id(team.general_space());
    assert_eq!(stage.get(&format!("/teams/{}", stage.world.team_id(team))).await.status, 404);
    assert_eq!(stage.get(&format!("/memberships?roomId={room}")).await.status, 404);
    assert_eq!(stage.world.take_violations(), []);
    let body = json!({"roomId": room, "personId": person_id(stage.acme.service_account)});
    assert_eq!(stage.webex("POST", "/memberships", body).await.status, 404);
    assert!(matches!(stage.world.take_violations()[..], [Violation::OtherTenant { .. }]));
}

#[tokio::test]
async fn scopes_grant_nothing_after_the_role_is_lost() {
    let stage = stage();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let team = stage.world.create_team(ada, "Engines");
    stage.world.take_role(stage.acme.service_account, AdminRole::ComplianceOfficer);
    assert_eq!(stage.get(&format!("/teams/{}", stage.world.team_id(team))).await.status, 404);
    assert_eq!(stage.get("/events?resource=memberships").await.status, 403);
    stage.world.take_role(stage.acme.service_account, AdminRole::ReadOnlyAdmin);
    assert_eq!(stage.get(&format!("/identity/scim/{}/v2/Users", stage.acme.org)).await.status, 403);
}

#[tokio::test]
async fn a_scope_that_the_token_lacks_is_403() {
    let stage = stage();
    let token =
        stage.world.issue_tokens(stage.acme.service_account, &["spark:people_read"]).access_token;
    assert_eq!(stage.webex_as(&token, "GET", "/events", Value::Null).await.status, 403);
    assert_eq!(stage.webex_as(&token, "GET", "/teams", Value::Null).await.status, 403);
    assert_eq!(stage.webex_as(&token, "GET", "/people/me", Value::Null).await.status, 200);
}

#[tokio::test]
async fn tokens_end_and_a_refresh_gives_two_new_ones() {
    let stage = stage();
    let refresh = |token: String| {
        let app = &stage.acme.webex_app;
        let form = format!(
            "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={token}",
            app.client_id, app.client_secret
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let world = stage.world.clone();
        async move {
            crate::ask::send(
                &world,
                "POST",
                "https://webexapis.com/v1/access_token",
                &headers,
                form.into(),
            )
            .await
            .unwrap()
        }
    };
    let answer = refresh(stage.acme.tokens.refresh_token.clone()).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (200, &json!(14 * 86_400)));
    assert_ne!(answer.body["refresh_token"], stage.acme.tokens.refresh_token.as_str());
    assert_eq!(stage.get("/people/me").await.status, 200, "the old access token works on");
    assert_eq!(
        refresh(stage.acme.tokens.refresh_token.clone()).await.status,
        400,
        "the old refresh token does not"
    );
    stage.advance(14 * 86_400);
    assert_eq!(stage.get("/people/me").await.status, 401);
    stage.advance(76 * 86_400);
    assert_eq!(
        refresh(answer.body["refresh_token"].as_str().unwrap().to_owned()).await.status,
        400
    );
}

#[tokio::test]
async fn an_account_beyond_its_limit_gets_429() {
    let stage = stage();
    stage.world.webex_settings(|settings| settings.requests_per_minute = 3);
    for _ in 0..3 {
        assert_eq!(stage.get("/people/me").await.status, 200);
        stage.advance(10);
    }
    let refused = stage.get("/people/me").await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    stage.advance(wait);
    assert_eq!(stage.get("/people/me").await.status, 200);
}

#[tokio::test]
async fn responses_have_tracking_ids_and_error_bodies() {
    let stage = stage();
    assert!(stage.get("/people/me").await.header("trackingid").is_some());
    let refused = stage.webex_as("nonsense", "GET", "/people/me", Value::Null).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["trackingId"].as_str(), refused.header("trackingid"));
    assert_eq!(refused.body["errors"][0]["description"], refused.body["message"]);
}
