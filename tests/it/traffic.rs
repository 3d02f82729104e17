//! What goes over the wire in a long story, whole: kept for a validator that knows the services' published descriptions.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use engine::tenant::{Folders, NewTeams, Settings};
use sandbox::Role;
use sandbox::house::{Ground, House, Reach};
use serde_json::{Value, json};

use crate::town::{DAY, MINUTE, every_team, start};

/// Keeps every request with its answer.
struct Recorder {
    inner: Arc<dyn Transport>,
    exchanges: Mutex<Vec<Value>>,
}

fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

#[async_trait]
impl Transport for Recorder {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let kind = |headers: &http::HeaderMap| {
            headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned()
        };
        let asked = json!({
            "method": request.method().as_str(),
            "url": request.uri().to_string(),
            "kind": kind(request.headers()),
            "body": body(request.body()),
        });
        let answer = self.inner.send(request, timeout).await?;
        let answered = json!({
            "status": answer.status().as_u16(),
            "kind": kind(answer.headers()),
            "body": body(answer.body()),
        });
        self.exchanges.lock().unwrap().push(json!({ "request": asked, "answer": answered }));
        Ok(answer)
    }
}

#[tokio::test]
async fn a_long_story_speaks_of_everything_there_is_and_is_kept_for_validation() {
    let ground = Ground::new(start(), 7);
    let world = ground.world.clone();
    let handle = world.add_tenant("Contoso");
    let people: Vec<_> = (0..30).map(|n| world.add_person(&handle, &format!("Person {n:02}"))).collect();
    let recorder = Arc::new(Recorder { inner: world.transport(), exchanges: Mutex::default() });
    let reach = Reach { transport: recorder.clone(), ..Reach::to(&ground) };
    let mut house = House::reaching_out(&ground, reach).unwrap();
    let with_folders = Settings { folders: Folders::EachSpace, ..every_team() };
    let tenant = house.sign_up(&handle, with_folders.clone()).await.unwrap();
    house.consent_to_files(tenant, &handle).await.unwrap();
    let create = |title: &str, count: usize| {
        let team = world.create_team(people[0].person, title);
        people[1..count].iter().for_each(|one| world.add_to_team(team, one.person, Role::Member).unwrap());
        team
    };
    let (large, small) = (create("Lighthouse", 25), create("Harbour", 3));
    house.let_pass(30 * MINUTE).await;
    let group = *world.groups(handle.directory).iter().find(|(_, group)| group.display_name == "Lighthouse").unwrap().0;
    world.add_member(group, people[26].object);
    world.add_owner(group, people[2].object);
    world.remove_member(group, people[5].object);
    world.rename_group(group, people[0].object, "Lighthouse of Alexandria");
    house.let_pass(30 * MINUTE).await;
    world.remove_from_team(large, people[6].person).unwrap();
    world.promote(large, people[7].person).unwrap();
    world.demote(large, people[2].person).unwrap();
    world.rename_team(small, "Harbour of Rhodes");
    world.add_to_team(small, world.add_pending(&handle, "Pending").person, Role::Member).unwrap();
    house.let_pass(30 * MINUTE).await;
    people[8..20].iter().for_each(|one| world.remove_member(group, one.object));
    house.let_pass(30 * MINUTE).await;
    let lamps = world.create_room(people[0].person, "Lamps", Some(large));
    house.let_pass(2 * MINUTE).await;
    world.rename_room(lamps, "Lamps: 東京 #1");
    let folder = |room| world.room(room).unwrap().folder.unwrap().item;
    world.rename_drive_folder(group, &folder(large.general_space()), "For everybody");
    house.let_pass(30 * MINUTE).await;
    world.delete_drive_folder(group, &folder(lamps));
    world.make_drive_folder(group, "Lenses").unwrap();
    world.rename_room(lamps, "Lenses");
    house.let_pass(30 * MINUTE).await;
    assert_eq!(world.drive_folders(group).len(), 2);
    world.delete_group(group);
    house.let_pass(30 * MINUTE).await;
    let settings = Settings { new_teams: NewTeams::Ask, switched_on_at: Some(ground.clock.now()), ..with_folders };
    let (_, version) = engine::tenant::settings::load(ground.store.as_ref(), tenant).await.unwrap();
    engine::tenant::settings::save(ground.store.as_ref(), tenant, &settings, version).await.unwrap();
    create("Asked", 2);
    house.let_pass(DAY).await;
    assert!(world.violations().is_empty());

    let exchanges = recorder.exchanges.lock().unwrap();
    let spoken: BTreeSet<_> = exchanges
        .iter()
        .map(|one| {
            let (method, url) = (one["request"]["method"].as_str().unwrap(), one["request"]["url"].as_str().unwrap());
            let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1;
            let path = path.split('?').next().unwrap().trim_start_matches("v1.0/").trim_start_matches("v1/");
            format!("{method} {}", path.split(['/', '(']).next().unwrap())
        })
        .collect();
    for wanted in [
        "GET teams",
        "GET memberships",
        "POST memberships",
        "PUT memberships",
        "DELETE memberships",
        "GET events",
        "POST webhooks",
        "GET identity",
        "POST messages",
        "PATCH groups",
        "POST groups",
        "DELETE groups",
        "GET groups",
        "POST subscriptions",
        "POST directory",
        "POST $batch",
        "GET room",
        "POST room",
        "PUT room",
        "GET drives",
        "POST drives",
        "PATCH drives",
    ] {
        assert!(spoken.contains(wanted), "{wanted} is not in {spoken:?}");
    }
    if let Some(path) = std::env::var_os("TRAFFIC") {
        let mut file = std::fs::File::create(path).unwrap();
        exchanges.iter().for_each(|one| writeln!(file, "{one}").unwrap());
    }
}
