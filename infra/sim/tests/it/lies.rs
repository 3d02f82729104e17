//! Lies: each answer disagrees with the state exactly as its documentation says.

use std::time::Duration;

use domain::ids::{GroupId, ObjectId, TeamId};
use serde_json::{Value, json};
use sim::{BrokenBody, Fault, Lie, MembershipRole, Operation, Person, Rows, Service};

use crate::ask::{Reply, Stage, bind, person_id, stage};

/// A team of two people and a group of its first person.
struct Scene {
    stage: Stage,
    ann: Person,
    ben: Person,
    team: TeamId,
    group: GroupId,
}

impl Scene {
    async fn new() -> Self {
        let stage = stage();
        let [ann, ben] = ["Ann", "Ben"].map(|name| stage.world.add_person(&stage.acme, name));
        let team = stage.world.create_team(ann.person, "Engines");
        stage.world.add_to_team(team, ben.person, MembershipRole::Member).unwrap();
        stage.join_team(team).await;
        let group = stage.group("Engines", &[ann.object], &[ann.object]).await;
        Self { stage, ann, ben, team, group }
    }

    fn inject(&self, lie: Lie, operation: Operation) -> Fault {
        let fault = Fault::lie(lie).operation(operation);
        self.stage.world.inject(fault.clone());
        fault
    }

    fn members(&self) -> Vec<ObjectId> {
        self.stage.world.group(self.group).unwrap().members.into_iter().collect()
    }

    fn is_in_team(&self, person: Person) -> bool {
        self.stage.world.team(self.team).unwrap().people.contains_key(&person.person)
    }

    async fn add_to_group(&self, people: &[ObjectId]) -> Reply {
        let body = json!({"members@odata.bind": bind(people)});
        self.stage.graph("PATCH", &format!("/groups/{}", self.group), body).await
    }

    async fn remove_from_group(&self, person: ObjectId) -> Reply {
        let path = format!("/groups/{}/members/{person}/$ref", self.group);
        self.stage.graph("DELETE", &path, Value::Null).await
    }

    /// Returns the membership of a person, as a question about them alone answers.
    async fn ask_team(&self, person: Person) -> Reply {
        let room = self.stage.world.room_id(self.team.general_space());
        let person = person_id(person.person);
        self.stage.get(&format!("/memberships?roomId={room}&personId={person}")).await
    }

    async fn remove_from_team(&self, person: Person) -> Reply {
        let membership = self.ask_team(person).await.items()[0]["id"].clone();
        let path = format!("/memberships/{}", membership.as_str().unwrap());
        self.stage.webex("DELETE", &path, Value::Null).await
    }

    async fn list_group(&self) -> Reply {
        self.stage.graph("GET", &format!("/groups/{}/members", self.group), Value::Null).await
    }

    /// Returns the answer to one request within a batch.
    async fn in_batch(&self, method: &str, url: String, body: Value) -> Value {
        let request = json!({"id": "1", "method": method, "url": url, "body": body,
            "headers": {"Content-Type": "application/json"}});
        let answer = self.stage.graph("POST", "/$batch", json!({"requests": [request]})).await;
        assert_eq!(answer.status, 200);
        answer.body["responses"][0].clone()
    }
}

#[tokio::test]
async fn a_write_without_effect_is_acknowledged_once() {
    let scene = Scene::new().await;
    scene.inject(Lie::NoEffect, Operation::AddPeople);
    assert_eq!(scene.add_to_group(&[scene.ben.object]).await.status, 204);
    assert_eq!(scene.members(), [scene.ann.object]);
    assert_eq!(scene.add_to_group(&[scene.ben.object]).await.status, 204);
    assert!(scene.members().contains(&scene.ben.object));
    scene.inject(Lie::NoEffect, Operation::RemovePerson);
    assert_eq!(scene.remove_from_team(scene.ben).await.status, 204);
    assert!(scene.is_in_team(scene.ben));
    assert_eq!(scene.remove_from_team(scene.ben).await.status, 204);
    assert!(!scene.is_in_team(scene.ben));
}

#[tokio::test]
async fn a_write_without_effect_for_one_person_adds_the_others() {
    let scene = Scene::new().await;
    let cara = scene.stage.world.add_person(&scene.stage.acme, "Cara");
    let lie = Fault::lie(Lie::NoEffect).person(&[scene.ben.object.0, scene.ben.person.0]);
    scene.stage.world.inject(lie.forever());
    assert_eq!(scene.add_to_group(&[scene.ben.object, cara.object]).await.status, 204);
    assert_eq!(scene.add_to_group(&[scene.ben.object]).await.status, 204);
    assert!(scene.members().contains(&cara.object) && !scene.members().contains(&scene.ben.object));
    assert_eq!(scene.remove_from_team(scene.ben).await.status, 204);
    assert!(scene.is_in_team(scene.ben));
}

#[tokio::test]
async fn a_created_object_without_effect_is_not_there() {
    let scene = Scene::new().await;
    scene.inject(Lie::NoEffect, Operation::CreateGroup);
    let first = scene.stage.group("Pumps", &[scene.ann.object], &[]).await;
    let second = scene.stage.group("Pumps", &[scene.ann.object], &[]).await;
    assert!(scene.stage.world.group(first).is_none());
    assert!(first != second && scene.stage.world.group(second).is_some());
}

#[tokio::test]
async fn a_late_write_takes_effect_at_its_moment() {
    let scene = Scene::new().await;
    let two_hours = Duration::from_secs(7_200);
    scene.inject(Lie::Late(two_hours), Operation::AddPeople);
    let url = format!("/groups/{}/members/$ref", scene.group);
    let user = format!("https://graph.microsoft.com/v1.0/users/{}", scene.ben.object);
    let item = scene.in_batch("POST", url, json!({"@odata.id": user})).await;
    assert_eq!(item["status"], 204);
    scene.inject(Lie::Late(two_hours), Operation::RemovePerson);
    assert_eq!(scene.remove_from_team(scene.ben).await.status, 204);
    scene.stage.advance(7_199);
    assert!(scene.is_in_team(scene.ben) && !scene.members().contains(&scene.ben.object));
    // By now the token of the first call has ended.
    scene.stage.advance(1);
    assert!(!scene.is_in_team(scene.ben) && scene.members().contains(&scene.ben.object));
}

#[tokio::test]
async fn rows_are_missing_from_a_listing_that_seems_whole() {
    let scene = Scene::new().await;
    scene.add_to_group(&[scene.ben.object]).await;
    let ben = vec![scene.ben.object.0, scene.ben.person.0];
    for rows in [Rows::Of(ben.clone()), Rows::All] {
        let left = if rows == Rows::All { 0 } else { 1 };
        scene.inject(Lie::RowsMissing(rows.clone()), Operation::ListPeople);
        let listed = scene.list_group().await;
        assert_eq!((listed.status, listed.items().len()), (200, left));
        scene.inject(Lie::RowsMissing(rows.clone()), Operation::ListPeople);
        let url = format!("/groups/{}/members", scene.group);
        let item = scene.in_batch("GET", url, Value::Null).await;
        assert_eq!(item["body"]["value"].as_array().unwrap().len(), left);
        scene.inject(Lie::RowsMissing(rows), Operation::ListPeople);
        // The service account is in the team, too.
        assert_eq!(scene.stage.memberships(scene.team).await.len(), 2 * left);
    }
    assert_eq!(scene.list_group().await.items().len(), 2);
    scene.inject(Lie::RowsMissing(Rows::All), Operation::AskPerson);
    assert_eq!(scene.ask_team(scene.ben).await.items().len(), 0);
    assert_eq!(scene.ask_team(scene.ben).await.items().len(), 1);
}

#[tokio::test]
async fn half_of_the_rows_are_the_same_ones_for_a_number() {
    let scene = Scene::new().await;
    let people = scene.stage.people(30);
    scene.stage.group("Many", &people[..1], &people[..19]).await;
    let group = scene.stage.world.groups(scene.stage.acme.directory);
    let group = group.iter().find(|(_, group)| group.display_name == "Many").unwrap().0;
    let listed = async |number| {
        let lie = Fault::lie(Lie::RowsMissing(Rows::Half(number))).object(group.0);
        scene.stage.world.inject(lie);
        let path = format!("/groups/{group}/members");
        let listed = scene.stage.graph("GET", &path, Value::Null).await;
        listed.items().iter().map(|row| row["id"].to_string()).collect::<Vec<_>>()
    };
    let (first, again, other) = (listed(1).await, listed(1).await, listed(2).await);
    assert!(first == again && first != other);
    assert!((1..19).contains(&first.len()) && (1..19).contains(&other.len()));
}

#[tokio::test]
async fn counts_of_a_short_listing_agree_with_its_rows() {
    let scene = Scene::new().await;
    let path = format!("/identity/scim/{}/v2/Users", scene.stage.acme.org);
    let all = scene.stage.webex("GET", &format!("https://webexapis.com{path}"), Value::Null).await;
    let lie = Lie::RowsMissing(Rows::Of(vec![scene.ben.person.0]));
    scene.stage.world.inject(Fault::lie(lie).path("/v2/Users"));
    let short =
        scene.stage.webex("GET", &format!("https://webexapis.com{path}"), Value::Null).await;
    let total = |reply: &Reply| reply.body["totalResults"].as_u64().unwrap();
    assert_eq!(total(&short), total(&all) - 1);
    assert_eq!(
        short.body["Resources"].as_array().unwrap().len(),
        all.body["Resources"].as_array().unwrap().len() - 1
    );
}

#[tokio::test]
async fn a_write_is_refused_as_made_already_against_the_listing() {
    let scene = Scene::new().await;
    scene.inject(Lie::AlreadyThere, Operation::AddPeople);
    let answer = scene.add_to_group(&[scene.ben.object]).await;
    assert_eq!((answer.status, answer.code()), (400, "Request_BadRequest"));
    assert!(answer.message().contains("already exist") && answer.message().contains("'members'"));
    assert_eq!(scene.members(), [scene.ann.object]);
    scene.remove_from_team(scene.ben).await;
    scene.stage.world.inject(Fault::lie(Lie::AlreadyThere).on(Service::Webex));
    let room = scene.stage.world.room_id(scene.team.general_space());
    let body = json!({"roomId": room, "personId": person_id(scene.ben.person)});
    assert_eq!(scene.stage.webex("POST", "/memberships", body).await.status, 409);
    assert!(!scene.is_in_team(scene.ben));
}

#[tokio::test]
async fn a_removal_is_answered_not_there_against_the_listing() {
    let scene = Scene::new().await;
    scene.inject(Lie::NotThere, Operation::RemovePerson);
    let answer = scene.remove_from_group(scene.ann.object).await;
    assert_eq!((answer.status, answer.code()), (404, "Request_ResourceNotFound"));
    assert!(answer.message().contains(&scene.ann.object.to_string()));
    assert_eq!(scene.members(), [scene.ann.object]);
    scene.inject(Lie::NotThere, Operation::RemovePerson);
    assert_eq!(scene.remove_from_team(scene.ben).await.status, 404);
    assert!(scene.is_in_team(scene.ben));
}

#[tokio::test]
async fn an_object_is_missing_while_its_listing_answers_and_the_reverse() {
    let scene = Scene::new().await;
    let statuses = async || {
        let team = format!("/teams/{}", scene.stage.world.team_id(scene.team));
        let room = scene.stage.world.room_id(scene.team.general_space());
        let group = format!("/groups/{}", scene.group);
        [
            scene.stage.get(&team).await.status,
            scene.stage.get(&format!("/memberships?roomId={room}")).await.status,
            scene.stage.graph("GET", &group, Value::Null).await.status,
            scene.list_group().await.status,
        ]
    };
    for (operation, expected) in [
        (Operation::ReadObject, [404, 200, 404, 200]),
        (Operation::ListPeople, [200, 404, 200, 404]),
    ] {
        let fault = Fault::lie(Lie::NotThere).operation(operation).forever();
        scene.stage.world.inject(fault.clone());
        assert_eq!(statuses().await, expected);
        scene.stage.world.remove_fault(&fault);
    }
    assert_eq!(statuses().await, [200; 4]);
}

#[tokio::test]
async fn a_lie_ends_after_its_span_and_spares_other_tenants_and_objects() {
    let scene = Scene::new().await;
    let other = scene.stage.group("Pumps", &[scene.ann.object], &[scene.ann.object]).await;
    let lie = Fault::lie(Lie::RowsMissing(Rows::All)).operation(Operation::ListPeople).forever();
    let minutes = lie.lasting(Duration::from_secs(180)).tenant(scene.stage.acme.directory.0);
    scene.stage.world.inject(minutes.object(scene.group.0));
    let listed = async |group: GroupId| {
        let path = format!("/groups/{group}/members");
        scene.stage.graph("GET", &path, Value::Null).await.items().len()
    };
    assert_eq!((listed(scene.group).await, listed(other).await), (0, 1));
    assert_eq!(scene.stage.memberships(scene.team).await.len(), 3);
    scene.stage.advance(179);
    assert_eq!(listed(scene.group).await, 0);
    scene.stage.advance(1);
    assert_eq!(listed(scene.group).await, 1);
}

#[tokio::test]
async fn single_rows_are_odd() {
    let scene = Scene::new().await;
    let fields = json!({"active": "true", "userName": null}).as_object().unwrap().clone();
    let odd = Lie::OddRows(Rows::Of(vec![scene.ben.person.0]), fields);
    scene.stage.world.inject(Fault::lie(odd).path("/v2/Users"));
    let url = format!("https://webexapis.com/identity/scim/{}/v2/Users", scene.stage.acme.org);
    let page = scene.stage.webex("GET", &url, Value::Null).await;
    let rows = page.body["Resources"].as_array().unwrap();
    let odd: Vec<_> = rows.iter().filter(|row| row["active"] == "true").collect();
    assert_eq!(odd.len(), 1);
    assert_eq!((&odd[0]["id"], &odd[0]["userName"]), (&json!(scene.ben.person), &Value::Null));
}

#[tokio::test]
async fn bodies_are_of_no_use_though_the_call_took_effect() {
    let scene = Scene::new().await;
    let bearer = format!("Bearer {}", scene.stage.token_for(&scene.stage.acme).await);
    let url = format!("https://graph.microsoft.com/v1.0/groups/{}/members", scene.group);
    for (how, media_type, begins) in [
        (BrokenBody::Html, "text/html; charset=utf-8", "<!doctype html>"),
        (BrokenBody::Empty, "application/json;charset=UTF-8", ""),
        (BrokenBody::Cut, "application/json;charset=UTF-8", "{\"@odata.context\":"),
    ] {
        scene.stage.world.inject(Fault::lie(Lie::Body(how)).on(Service::Graph));
        let request = http::Request::get(&url).header("authorization", &bearer);
        let transport = scene.stage.world.transport();
        let request = request.body(bytes::Bytes::new()).unwrap();
        let answer = transport.send(request, Duration::from_secs(1)).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers().get_all("content-type").iter().count(), 1);
        assert_eq!(answer.headers()["content-type"], media_type);
        let text = std::str::from_utf8(answer.body()).unwrap();
        assert!(text.starts_with(begins) && text.is_empty() == begins.is_empty(), "{text}");
        assert!(serde_json::from_str::<Value>(text).is_err());
    }
    scene.stage.world.inject(Fault::lie(Lie::Body(BrokenBody::Html)).path("/members/"));
    let url = format!("/groups/{}/members/$ref", scene.group);
    let user = format!("https://graph.microsoft.com/v1.0/users/{}", scene.ben.object);
    let item = scene.in_batch("POST", url, json!({"@odata.id": user})).await;
    assert!(item["body"].as_str().unwrap().starts_with("<!doctype html>"));
    assert!(scene.members().contains(&scene.ben.object));
}

#[tokio::test]
async fn headers_are_odd() {
    let scene = Scene::new().await;
    let headers = vec![("Link".into(), "nonsense".into()), ("trackingid".into(), "?".into())];
    scene.stage.world.inject(Fault::lie(Lie::Headers(headers)).on(Service::Webex));
    let answer = scene.stage.get("/teams").await;
    assert_eq!((answer.status, answer.header("link")), (200, Some("nonsense")));
}

#[tokio::test]
async fn lies_about_rows_and_effects_wait_for_a_request_that_has_them() {
    let scene = Scene::new().await;
    scene.stage.world.inject(Fault::lie(Lie::NoEffect).on(Service::Graph));
    assert_eq!(scene.list_group().await.items().len(), 1);
    let url = format!("/groups/{}", scene.group);
    let body = json!({"displayName": "Renamed"});
    assert_eq!(scene.in_batch("PATCH", url, body).await["status"], 204);
    assert_eq!(scene.stage.world.group(scene.group).unwrap().display_name, "Engines");
}
