//! Tests of teams and spaces.

use super::*;

#[tokio::test]
async fn missing_is_none_and_forbidden_an_error() {
    for (code, is_none) in [(404, true), (410, true), (403, false), (401, false), (400, false)] {
        let service = Service::answering(status(code)).await;
        assert_eq!(
            service.webex.team(&service.access, &team()).await == Ok(None),
            is_none,
            "{code}"
        );
        assert_eq!(
            service.webex.room(&service.access, &room()).await == Ok(None),
            is_none,
            "{code}"
        );
        assert_eq!(
            service.webex.person(&service.access, &person(1)).await == Ok(None),
            is_none,
            "{code}"
        );
    }
}

#[tokio::test]
async fn team_id_keeps_its_region() {
    let service = Service::answering(good(
        json!({ "id": team(), "name": "A", "created": "2015-10-18T14:26:16.000Z" }),
    ))
    .await;
    let read = service.webex.team(&service.access, &team()).await.unwrap().unwrap();
    let created = "2015-10-18T14:26:16Z".parse().ok();
    assert_eq!(read, Team { id: team(), name: "A".into(), description: None, created });
    assert_eq!(service.request().await.url.path(), format!("/v1/teams/{}", team()));
}

#[tokio::test]
async fn rename_keeps_the_description() {
    let service = Service::start().await;
    let old = json!({ "id": team(), "name": "Old", "description": "What for" });
    Mock::given(method("GET")).respond_with(good(old.clone())).mount(&service.server).await;
    let new = json!({ "name": "New", "description": "What for" });
    Mock::given(method("PUT"))
        .and(body_json(new))
        .respond_with(good(old))
        .expect(1)
        .mount(&service.server)
        .await;
    service.webex.rename_team(&service.access, &team(), "New").await.unwrap();
}

#[tokio::test]
async fn space_ids_are_read_in_all_forms() {
    let forms =
        [json!(WebexId::new(Region("eu".into()), org())), json!(org()), json!(null), json!("???")];
    for (owner, expected) in forms.into_iter().zip([Some(org()), Some(org()), None, None]) {
        // The team's id has the kind of a room, as in Webex's own example.
        let sent = json!({
            "id": room(), "title": "T", "type": "group", "teamId": room(), "ownerId": owner,
        });
        let service = Service::answering(good(sent)).await;
        let read = service.webex.room(&service.access, &room()).await.unwrap().unwrap();
        assert_eq!((read.owner, read.team, read.kind), (expected, Some(team()), RoomKind::Group));
    }
}

#[tokio::test]
async fn undecryptable_title_is_none() {
    let sent =
        json!({ "id": room(), "type": "group", "errors": { "title": { "code": "kms_failure" } } });
    let service = Service::answering(page(&[sent])).await;
    let rooms = service.webex.rooms_of_team(&service.access, &team()).await.unwrap();
    assert_eq!(rooms[0].title, None);
    assert!(query(&service.request().await).contains(&("teamId".into(), team().to_string())));
}
