//! Sites, libraries and folders of groups.

use domain::ids::GroupId;
use serde_json::{Value, json};
use sim::{AppRegistration, MembershipRole, Violation};

use crate::ask::{Reply, Stage, group_body, send, stage};

/// Returns a stage with consent to the app for files, with these roles.
fn filed(roles: &[&str]) -> Stage {
    let stage = stage();
    stage.world.consent_to(AppRegistration::Files, stage.acme.directory, roles);
    stage
}

async fn files_with(
    stage: &Stage,
    method: &str,
    path: &str,
    body: Value,
    extra: &[(&str, &str)],
) -> Reply {
    let app = &stage.acme.files_app;
    let form = format!(
        "client_id={}&client_secret={}&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.\
         microsoft.com%2F.default",
        app.client_id, app.client_secret
    );
    let url =
        format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", stage.acme.directory);
    let typed = [("content-type", "application/x-www-form-urlencoded")];
    let answer = send(&stage.world, "POST", &url, &typed, form.into()).await.unwrap();
    let bearer = format!("Bearer {}", answer.body["access_token"].as_str().unwrap());
    let mut headers =
        vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    headers.extend_from_slice(extra);
    let url = format!("https://graph.microsoft.com/v1.0{path}");
    send(&stage.world, method, &url, &headers, body.to_string().into()).await.unwrap()
}

async fn files(stage: &Stage, method: &str, path: &str, body: Value) -> Reply {
    files_with(stage, method, path, body, &[]).await
}

/// Creates a group with a library. Returns the path of the library.
async fn library(stage: &Stage) -> (GroupId, String) {
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    stage.world.open_site(group);
    let drive = stage_drive(stage, group).await.body["id"].as_str().unwrap().to_owned();
    (group, format!("/drives/{drive}"))
}

async fn stage_drive(stage: &Stage, group: GroupId) -> Reply {
    files(stage, "GET", &format!("/groups/{group}/drive"), Value::Null).await
}

fn folder(name: &str, conflict: &str) -> Value {
    json!({"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": conflict})
}

#[tokio::test]
async fn a_site_exists_some_time_after_its_group() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let people = stage.people(1);
    let group = stage.group("Engines", &people, &people).await;
    let early = stage_drive(&stage, group).await;
    assert_eq!((early.status, early.code()), (404, "ResourceNotFound"));
    assert!(early.message().starts_with("Resource provisioning is in progress"));
    stage.advance(90);
    let drive = stage_drive(&stage, group).await;
    assert_eq!((drive.status, &drive.body["driveType"]), (200, &json!("documentLibrary")));
    assert_eq!(drive.body["owner"]["group"]["id"], json!(group));
}

#[tokio::test]
async fn ownerless_groups_have_no_site_until_it_is_opened() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let made = stage.upsert("Orphans", group_body("Orphans", &[], &stage.people(1))).await;
    let group: GroupId = made.body["id"].as_str().unwrap().parse().unwrap();
    stage.world.add_owner(group, stage.people(1)[0]);
    stage.advance(30 * 86_400);
    assert_eq!(
        stage_drive(&stage, group).await.status,
        404,
        "an owner who comes later brings no site"
    );
    stage.world.open_site(group);
    assert_eq!(stage_drive(&stage, group).await.status, 200);
}

#[tokio::test]
async fn retries_with_rename_make_another_folder() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let (group, drive) = library(&stage).await;
    let children = format!("{drive}/root/children");
    let made = files(&stage, "POST", &children, folder("Gears & Cogs", "fail")).await;
    assert_eq!((made.status, &made.body["folder"]["childCount"]), (201, &json!(0)));
    assert!(
        made.body["webUrl"].as_str().unwrap().ends_with("/Shared%20Documents/Gears%20&%20Cogs")
    );
    let again = files(&stage, "POST", &children, folder("gears & cogs", "fail")).await;
    assert_eq!((again.status, again.code()), (409, "nameAlreadyExists"));
    let found = files(&stage, "GET", &format!("{drive}/root:/Gears%20&%20Cogs"), Value::Null).await;
    assert_eq!(found.body["id"], made.body["id"], "it can be adopted");
    let renamed = files(&stage, "POST", &children, folder("Gears & Cogs", "rename")).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (201, &json!("Gears & Cogs 1")));
    assert_eq!(stage.world.drive_folders(group).len(), 2);
    assert_eq!(files(&stage, "GET", &children, Value::Null).await.items().len(), 2);
}

#[tokio::test]
async fn renamed_items_keep_their_id() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let (group, drive) = library(&stage).await;
    let made = files(&stage, "POST", &format!("{drive}/root/children"), folder("Gears", "fail"))
        .await
        .body;
    let (item, etag) = (made["id"].as_str().unwrap(), made["eTag"].as_str().unwrap());
    let path = format!("{drive}/items/{item}");
    stage.world.rename_drive_folder(group, item, "Wheels");
    let rename = json!({"name": "Cogs"});
    let stale = files_with(&stage, "PATCH", &path, rename.clone(), &[("if-match", etag)]).await;
    assert_eq!((stale.status, stale.code()), (412, "resourceModified"));
    let renamed = files(&stage, "PATCH", &path, rename).await.body;
    assert_eq!(renamed["id"], made["id"]);
    assert_ne!(renamed["webUrl"], made["webUrl"]);
    assert_eq!(stage.world.drive_folders(group)[0].path, "Cogs");
    assert_eq!(files(&stage, "DELETE", &path, Value::Null).await.status, 204);
    let gone = files(&stage, "GET", &path, Value::Null).await;
    assert_eq!((gone.status, gone.code()), (404, "itemNotFound"));
}

#[tokio::test]
async fn invalid_folder_names_are_refused() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let (group, drive) = library(&stage).await;
    let long = "x".repeat(400);
    let bad = [
        "a/b", "a:b", "what?", "a\"b", " a", "a ", "a.", "CON", "lpt1.txt", "~$a", "x_vti_y",
        "Forms", "", &long,
    ];
    for name in bad {
        let answer =
            files(&stage, "POST", &format!("{drive}/root/children"), folder(name, "fail")).await;
        assert_eq!((answer.status, answer.code()), (400, "invalidRequest"), "{name}");
    }
    assert!(stage.world.drive_folders(group).is_empty());
    assert_eq!(
        files(&stage, "POST", &format!("{drive}/root/children"), folder("Größe 🚀", "fail"))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn file_calls_have_a_separate_limit() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let (_, drive) = library(&stage).await;
    stage.advance(60);
    stage.world.graph_settings(|settings| settings.file_units = 10);
    let mut remaining = Vec::new();
    let throttled = loop {
        let answer = files(&stage, "GET", &format!("{drive}/root/children"), Value::Null).await;
        if answer.status != 200 {
            break answer;
        }
        remaining.push(answer.header("ratelimit-remaining").map(str::to_owned));
    };
    assert_eq!(
        remaining,
        [None, None, None, Some("2".into()), Some("0".into())],
        "a listing costs two"
    );
    assert_eq!((throttled.status, throttled.code()), (429, "activityLimitReached"));
    let wait: u64 = throttled.header("retry-after").unwrap().parse().unwrap();
    stage.advance(wait);
    assert_eq!(files(&stage, "GET", &drive, Value::Null).await.status, 200);
    let group = stage.group("Others", &stage.people(1), &[]).await;
    assert_eq!(
        stage.graph("GET", &format!("/groups/{group}"), Value::Null).await.status,
        200,
        "the limit is that of files only"
    );
}

#[tokio::test]
async fn a_library_follows_its_group() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let (group, drive) = library(&stage).await;
    let made = stage.world.make_drive_folder(group, "Gears").unwrap();
    let path = format!("{drive}/items/{made}");
    stage.world.delete_group(group);
    assert_eq!(files(&stage, "GET", &path, Value::Null).await.status, 404);
    stage.world.restore_group(group);
    assert_eq!(files(&stage, "GET", &path, Value::Null).await.status, 200);
}

#[tokio::test]
async fn files_and_sites_need_separate_permissions() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let (group, drive) = library(&stage).await;
    let site = files(&stage, "GET", &format!("/groups/{group}/sites/root"), Value::Null).await;
    assert_eq!((site.status, site.code()), (403, "accessDenied"));
    let with_groups = stage.graph("GET", &format!("/groups/{group}/drive"), Value::Null).await;
    assert_eq!(with_groups.status, 403, "the app for groups reaches no files");
    stage.world.consent_to(
        AppRegistration::Files,
        stage.acme.directory,
        &["Files.Read.All", "Sites.Read.All"],
    );
    assert_eq!(
        files(&stage, "GET", &format!("/groups/{group}/sites/root"), Value::Null).await.status,
        200
    );
    let made =
        files(&stage, "POST", &format!("{drive}/root/children"), folder("Gears", "fail")).await;
    assert_eq!(made.status, 403);
}

#[tokio::test]
async fn foreign_libraries_are_a_violation() {
    let stage = filed(&["Files.ReadWrite.All"]);
    let zenith = stage.world.add_tenant("Zenith");
    let owner = stage.world.add_person(&zenith, "Zoe");
    stage.world.create_group(owner.object, "Theirs").unwrap();
    stage.world.consent_to(AppRegistration::Files, zenith.directory, &["Files.ReadWrite.All"]);
    let (_, drive) = library(&stage).await;
    stage.world.consent_to(AppRegistration::Groups, zenith.directory, &["Files.ReadWrite.All"]);
    let bearer = format!("Bearer {}", stage.token_for(&zenith).await);
    let url = format!("https://graph.microsoft.com/v1.0{drive}");
    let answer = send(&stage.world, "GET", &url, &[("authorization", &bearer)], Default::default())
        .await
        .unwrap();
    assert_eq!((answer.status, answer.code()), (404, "itemNotFound"));
    assert!(matches!(stage.world.take_violations()[..], [Violation::OtherTenant { .. }]));
}

#[tokio::test]
async fn webex_links_one_unvalidated_folder_per_space() {
    let stage = stage();
    let [ada, bob] = ["Ada", "Bob"].map(|name| stage.world.add_person(&stage.acme, name).person);
    let team = stage.world.create_team(ada, "Engines");
    stage.world.add_to_team(team, bob, MembershipRole::Member).unwrap();
    let room = stage.world.room_id(team.general_space());
    stage.join_team(team).await;
    let body = json!({"roomId": room, "contentUrl": "https://nowhere.example", "displayName": "Engines",
        "driveId": "no drive", "itemId": "no item", "defaultFolder": "true"});
    let mut unspelt = body.clone();
    unspelt["defaultFolder"] = json!(true);
    assert_eq!(
        stage.webex("POST", "/room/linkedFolders", unspelt).await.status,
        400,
        "a string, not a truth value"
    );
    let mut partial = body.clone();
    partial.as_object_mut().unwrap().remove("itemId");
    assert_eq!(stage.webex("POST", "/room/linkedFolders", partial).await.status, 400);
    let made = stage.webex("POST", "/room/linkedFolders", body.clone()).await;
    assert_eq!(made.status, 200, "nothing is validated");
    assert_eq!(stage.webex("POST", "/room/linkedFolders", body.clone()).await.status, 409);
    let listed = stage.get(&format!("/room/linkedFolders?roomId={room}")).await;
    assert_eq!(listed.items(), std::slice::from_ref(&made.body));
    // Webex takes the name of a folder that SharePoint knows.
    let people = stage.people(1);
    let group = stage.group("Gears", &people, &people).await;
    stage.world.open_site(group);
    let (drive, item) = (
        stage.world.drive_id(group).unwrap(),
        stage.world.make_drive_folder(group, "Wheels").unwrap(),
    );
    let mut known = body.clone();
    (known["driveId"], known["itemId"]) = (json!(drive), json!(item));
    let path = format!("/room/linkedFolders/{}", made.body["id"].as_str().unwrap());
    let corrected = stage.webex("PUT", &path, known).await.body;
    assert_eq!((&corrected["displayName"], &corrected["itemId"]), (&json!("Wheels"), &json!(item)));
    assert!(
        corrected["contentUrl"].as_str().unwrap().ends_with("/Shared%20Documents/Wheels"),
        "{corrected}"
    );
    let path = format!("/room/linkedFolders/{}", made.body["id"].as_str().unwrap());
    let mut better = body;
    better["itemId"] = json!("01ITEM");
    assert_eq!(stage.webex("PUT", &path, better).await.body["itemId"], "01ITEM");
    assert_eq!(stage.webex("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(stage.get(&path).await.status, 404);
}
