//! Tests of folders in a group's library.

use clients::graph::{DriveId, DriveItem, FolderCreation, ItemId, Moved};

use super::*;

const DRIVE: &str = "b!-RIj2DuyvEyV1T4NlOaMHk8XkS_I8MdFlUCq1BlcjgmhRfAj3-Z8RY2VpuvV_tpd";

fn drive() -> DriveId {
    DRIVE.to_owned().try_into().unwrap()
}

fn folder(name: &str) -> Value {
    json!({
        "id": "01FOLDER",
        "name": name,
        "folder": {"childCount": 0},
        "eTag": "\"{01},1\"",
        "webUrl": "https://x",
        "parentReference": {"id": "01ROOT", "driveId": DRIVE},
    })
}

fn read(value: Value) -> DriveItem {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn missing_library_is_none() {
    let service = Service::start().await;
    service.answers_once("GET", &format!("/groups/{GROUP}/drive"), missing(GROUP)).await;
    assert_eq!(service.graph.group_drive(&service.access, group()).await.unwrap(), None);
    service
        .answers(
            "GET",
            &format!("/groups/{GROUP}/drive"),
            ok(json!({"id": DRIVE, "webUrl": "https://x"})),
        )
        .await;
    assert_eq!(
        service.graph.group_drive(&service.access, group()).await.unwrap().unwrap().id,
        drive()
    );
}

#[tokio::test]
async fn missing_group_reveals_refusal_of_files() {
    for (answer, is_refused) in [
        (refusal(403, "accessDenied", "Access denied"), true),
        (refusal(401, "InvalidAuthenticationToken", "x"), true),
        (missing("00000000-0000-0000-0000-000000000000"), false),
        (refusal(400, "invalidRequest", "x"), false),
    ] {
        let service = Service::start().await;
        service.mount(Mock::given(any()), answer).await;
        let refusal = service.graph.refusal_of_files(&service.access).await.unwrap();
        assert_eq!(refusal.is_some(), is_refused, "{refusal:?}");
    }
    let service = Service::start().await;
    service.mount(Mock::given(any()), ResponseTemplate::new(503)).await;
    service.graph.refusal_of_files(&service.access).await.unwrap_err();
}

#[tokio::test]
async fn name_is_one_path_segment_and_in_no_error() {
    let service = Service::start().await;
    service.mount(Mock::given(any()), refusal(403, "accessDenied", "Access denied")).await;
    let name = "Layoffs 2027 & 50%+1 ü";
    let error = service.graph.item_at_root(&service.access, &drive(), name).await.unwrap_err();
    let [request] = &service.requests().await[..] else { panic!("one call") };
    let (_, sent) = request.url.path().split_once("/root:/").unwrap();
    assert_eq!(percent_encoding::percent_decode_str(sent).decode_utf8().unwrap(), name);
    assert!(!sent.contains('/'));
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(text.contains("/root:") && !text.contains("Layoffs"), "{text}");
    }
}

#[tokio::test]
async fn folder_is_created_only_if_name_is_free() {
    let service = Service::start().await;
    let body = json!({"name": "Gears", "folder": {}, "@microsoft.graph.conflictBehavior": "fail"});
    let at = format!("/v1.0/drives/{DRIVE}/root/children");
    service.mount(Mock::given(path(at)).and(body_json(body)), ok(folder("Gears"))).await;
    let FolderCreation::Created(item) =
        service.graph.make_folder(&service.access, &drive(), "Gears").await.unwrap()
    else {
        panic!("not created")
    };
    assert!(item.is_folder());
    assert_eq!(item.parent().map(ItemId::as_str), Some("01ROOT"));

    let service = Service::start().await;
    service
        .mount(Mock::given(any()), refusal(409, "nameAlreadyExists", "Name already exists"))
        .await;
    assert_eq!(
        service.graph.make_folder(&service.access, &drive(), "Gears").await.unwrap(),
        FolderCreation::NameTaken
    );
    assert_eq!(service.calls().await.len(), 1, "a second try cannot succeed");
}

#[tokio::test]
async fn rename_requires_the_version_that_was_read() {
    let item = read(folder("Gears"));
    let renamed = Moved::Renamed(read(folder("Cogs")));
    for (answer, outcome) in [
        (ok(folder("Cogs")), renamed),
        (refusal(409, "nameAlreadyExists", "x"), Moved::NameTaken),
        (
            refusal(412, "resourceModified", "ETag does not match current item's value"),
            Moved::Changed,
        ),
    ] {
        let service = Service::start().await;
        service
            .mount(Mock::given(method("PATCH")).and(body_json(json!({"name": "Cogs"}))), answer)
            .await;
        let moved =
            service.graph.rename_item(&service.access, &drive(), &item, "Cogs").await.unwrap();
        assert_eq!(moved, outcome);
        let [request] = &service.requests().await[..] else { panic!("one call") };
        assert_eq!(request.headers["if-match"], "\"{01},1\"");
    }
}

#[tokio::test]
async fn rename_404_is_confirmed_by_a_read() {
    let gone = || refusal(404, "itemNotFound", "The resource could not be found.");
    for (read_again, outcome) in [(gone(), Some(Moved::NotFound)), (ok(folder("Gears")), None)] {
        let service = Service::start().await;
        service.mount(Mock::given(method("PATCH")), gone()).await;
        service.mount(Mock::given(method("GET")), read_again).await;
        let moved = service
            .graph
            .rename_item(&service.access, &drive(), &read(folder("Gears")), "Cogs")
            .await;
        match outcome {
            Some(outcome) => assert_eq!(moved, Ok(outcome)),
            None => assert!(is_transient(&moved.unwrap_err())),
        }
    }
}

#[test]
fn root_and_file_are_not_folders() {
    let mut root = folder("root");
    root["root"] = json!({});
    let mut file = folder("Gears");
    file.as_object_mut().unwrap().remove("folder");
    file["file"] = json!({"mimeType": "text/plain"});
    assert!(!read(root).is_folder() && !read(file).is_folder());
}
