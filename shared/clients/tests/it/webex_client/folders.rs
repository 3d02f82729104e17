//! Folders that are linked to spaces.

use super::*;

const FOLDER: FolderToLink<'_> = FolderToLink {
    url: "https://acme.sharepoint.com/sites/golf/Gears",
    name: "Gears",
    drive: "b!drive",
    item: "01FOLDER",
};

fn linked(default: Value) -> Value {
    json!({"id": "link-1", "roomId": room(), "contentUrl": FOLDER.url, "displayName": "Gears", "driveId": "b!drive",
        "itemId": "01FOLDER", "defaultFolder": default})
}

#[tokio::test]
async fn a_space_has_one_folder_or_none() {
    let stage = Stage::answering(page(&[])).await;
    assert_eq!(stage.webex.linked_folder(&stage.access, &room()).await.unwrap(), None);
    assert_eq!(query(&stage.request().await), [("roomId".to_owned(), room().to_string())]);

    for (sent, storage) in [
        (json!("true"), Storage::Default),
        (json!("false"), Storage::Reference),
        (json!(null), Storage::Default),
        // Described as a text, and read whatever it is.
        (json!(true), Storage::Default),
    ] {
        let stage = Stage::answering(page(&[linked(sent)])).await;
        let folder = stage.webex.linked_folder(&stage.access, &room()).await.unwrap().unwrap();
        assert_eq!((folder.drive.as_str(), folder.item.as_str(), folder.storage), ("b!drive", "01FOLDER", storage));
    }
}

#[tokio::test]
async fn a_folder_is_linked_with_every_field_and_a_default_that_is_a_text() {
    let stage = Stage::answering(good(linked(json!("true")))).await;
    stage.webex.link_folder(&stage.access, &room(), FOLDER).await.unwrap();
    let request = stage.request().await;
    assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/v1/room/linkedFolders"));
    let mut wanted = linked(json!("true"));
    wanted.as_object_mut().unwrap().remove("id");
    assert_eq!(body(&request), wanted);
}

#[tokio::test]
async fn another_folder_takes_the_place_of_the_one_that_is_linked() {
    let stage = Stage::set().await;
    Mock::given(method("GET")).respond_with(page(&[linked(json!("true"))])).mount(&stage.service).await;
    Mock::given(method("PUT")).respond_with(good(linked(json!("true")))).mount(&stage.service).await;
    let id = stage.webex.linked_folder(&stage.access, &room()).await.unwrap().unwrap().id;
    stage.webex.relink_folder(&stage.access, (&room(), &id), FOLDER).await.unwrap();
    let requests = stage.requests().await;
    let last = requests.last().unwrap();
    assert_eq!((last.method.as_str(), last.url.path()), ("PUT", "/v1/room/linkedFolders/link-1"));
}

#[tokio::test]
async fn a_link_whose_answer_is_lost_is_not_made_twice() {
    let stage = Stage::answering(status(500)).await;
    let error = stage.webex.link_folder(&stage.access, &room(), FOLDER).await.unwrap_err();
    assert!(!error.had_no_effect(), "{error}");
    stage.request().await;
}
