//! Tests of folders that are linked to spaces.

use super::*;

const FOLDER: FolderToLink<'_> = FolderToLink {
    url: "https://acme.sharepoint.com/sites/golf/Gears",
    name: "Gears",
    drive: "b!drive",
    item: "01FOLDER",
};

fn linked(default: Value) -> Value {
    json!({
        "id": "link-1",
        "roomId": room(),
        "contentUrl": FOLDER.url,
        "displayName": "Gears",
        "driveId": "b!drive",
        "itemId": "01FOLDER",
        "defaultFolder": default,
    })
}

#[tokio::test]
async fn space_has_at_most_one_folder() {
    let service = Service::answering(page(&[])).await;
    assert_eq!(service.webex.linked_folder(&service.access, &room()).await.unwrap(), None);
    assert_eq!(query(&service.request().await), [("roomId".to_owned(), room().to_string())]);

    for (sent, storage) in [
        (json!("true"), Storage::Default),
        (json!("false"), Storage::Reference),
        (json!(null), Storage::Default),
        // Documented as a text, but every form is accepted.
        (json!(true), Storage::Default),
    ] {
        let service = Service::answering(page(&[linked(sent)])).await;
        let folder = service.webex.linked_folder(&service.access, &room()).await.unwrap().unwrap();
        assert_eq!(
            (folder.drive.as_str(), folder.item.as_str(), folder.storage),
            ("b!drive", "01FOLDER", storage)
        );
    }
}

#[tokio::test]
async fn link_sends_all_fields_with_text_default() {
    let service = Service::answering(good(linked(json!("true")))).await;
    service.webex.link_folder(&service.access, &room(), FOLDER).await.unwrap();
    let request = service.request().await;
    assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/v1/room/linkedFolders"));
    let mut expected = linked(json!("true"));
    expected.as_object_mut().unwrap().remove("id");
    assert_eq!(body(&request), expected);
}

#[tokio::test]
async fn relink_replaces_the_folder() {
    let service = Service::start().await;
    Mock::given(method("GET"))
        .respond_with(page(&[linked(json!("true"))]))
        .mount(&service.server)
        .await;
    Mock::given(method("PUT"))
        .respond_with(good(linked(json!("true"))))
        .mount(&service.server)
        .await;
    let id = service.webex.linked_folder(&service.access, &room()).await.unwrap().unwrap().id;
    service.webex.relink_folder(&service.access, &room(), &id, FOLDER).await.unwrap();
    let requests = service.requests().await;
    let last = requests.last().unwrap();
    assert_eq!((last.method.as_str(), last.url.path()), ("PUT", "/v1/room/linkedFolders/link-1"));
}

#[tokio::test]
async fn link_with_lost_answer_is_not_repeated() {
    let service = Service::answering(status(500)).await;
    let error = service.webex.link_folder(&service.access, &room(), FOLDER).await.unwrap_err();
    assert!(!error.had_no_effect(), "{error}");
    service.request().await;
}
