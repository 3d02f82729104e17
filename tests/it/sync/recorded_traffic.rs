//! A long story whose traffic is recorded for a validator of the published API descriptions.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use domain::ids::{GroupId, TeamId, TenantId};
use engine::decision::Decider;
use engine::tenant::{Folders, NewTeams, Settings};
use sandbox::local_stack::{Backend, Connections, LocalStack};
use serde_json::{Value, json};
use sim::{MembershipRole, Person, TenantHandle};

use crate::support::{DAY, MINUTE, every_team, start};

/// A transport that keeps every request with its response.
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
            headers
                .get("content-type")
                .and_then(|kind| kind.to_str().ok())
                .unwrap_or_default()
                .to_owned()
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

/// Methods and first path segments of all calls that the story must make.
const EXPECTED: [&str; 22] = [
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
];

/// Returns the method and the first path segment of a request.
fn called_api(exchange: &Value) -> String {
    let (method, url) = (
        exchange["request"]["method"].as_str().unwrap(),
        exchange["request"]["url"].as_str().unwrap(),
    );
    let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1;
    let path =
        path.split('?').next().unwrap().trim_start_matches("v1.0/").trim_start_matches("v1/");
    format!("{method} {}", path.split(['/', '(']).next().unwrap())
}

/// Both services, and the people who act in them.
struct Story {
    stack: LocalStack,
    handle: TenantHandle,
    people: Vec<Person>,
}

impl Story {
    /// Changes people and names of both sides; returns the group of the large team.
    async fn change_people(&mut self, large: TeamId, small: TeamId) -> GroupId {
        let (world, people) = (self.stack.backend().world.clone(), self.people.clone());
        let handle = &self.handle;
        let group = *world
            .groups(handle.directory)
            .iter()
            .find(|(_, group)| group.display_name == "Lighthouse")
            .unwrap()
            .0;
        world.add_member(group, people[26].object);
        world.add_owner(group, people[2].object);
        world.remove_member(group, people[5].object);
        world.rename_group(group, people[0].object, "Lighthouse of Alexandria");
        self.stack.let_pass(30 * MINUTE).await;
        world.remove_from_team(large, people[6].person).unwrap();
        world.promote(large, people[7].person).unwrap();
        world.demote(large, people[2].person).unwrap();
        world.rename_team(small, "Harbour of Rhodes");
        world
            .add_to_team(small, world.add_pending(handle, "Pending").person, MembershipRole::Member)
            .unwrap();
        self.stack.let_pass(30 * MINUTE).await;
        people[8..20].iter().for_each(|one| world.remove_member(group, one.object));
        self.stack.let_pass(30 * MINUTE).await;
        group
    }

    /// Creates, renames and deletes spaces and folders.
    async fn change_folders(&mut self, large: TeamId, group: GroupId) {
        let (world, people) = (self.stack.backend().world.clone(), self.people.clone());
        let lamps = world.create_room(people[0].person, "Lamps", Some(large));
        self.stack.let_pass(2 * MINUTE).await;
        world.rename_room(lamps, "Lamps: 東京 #1");
        let folder = |room| world.room(room).unwrap().folder.unwrap().item;
        world.rename_drive_folder(group, &folder(large.general_space()), "For everyone");
        self.stack.let_pass(30 * MINUTE).await;
        world.delete_drive_folder(group, &folder(lamps));
        world.make_drive_folder(group, "Lenses").unwrap();
        world.rename_room(lamps, "Lenses");
        self.stack.let_pass(30 * MINUTE).await;
    }
}

/// Changes the settings so that creators of new teams are asked.
async fn ask_creators(backend: &Backend, tenant: TenantId, settings: Settings) {
    let settings = Settings {
        new_teams: NewTeams::Ask,
        switched_on_at: Some(backend.clock.now()),
        ..settings
    };
    let (before, version) =
        engine::tenant::settings::load(backend.store.as_ref(), tenant).await.unwrap();
    let (store, by) = (backend.store.as_ref(), Decider::operator(backend.clock.now()));
    engine::tenant::settings::save(store, tenant, &settings, (&before, version), by).await.unwrap();
}

#[tokio::test]
async fn long_story_calls_every_api() {
    let backend = Backend::new(start(), 7);
    let world = backend.world.clone();
    let handle = world.add_tenant("Contoso");
    let people: Vec<_> =
        (0..30).map(|n| world.add_person(&handle, &format!("Person {n:02}"))).collect();
    let recorder = Arc::new(Recorder { inner: world.transport(), exchanges: Mutex::default() });
    let connections = Connections { transport: recorder.clone(), ..Connections::to(&backend) };
    let mut stack = LocalStack::with_connections(&backend, connections).unwrap();
    let with_folders = Settings { folders: Folders::EachSpace, ..every_team() };
    let tenant = stack.sign_up(&handle, with_folders.clone()).await.unwrap();
    stack.consent_to_files(tenant, &handle).await.unwrap();
    let create = |title: &str, count: usize| {
        let team = world.create_team(people[0].person, title);
        people[1..count]
            .iter()
            .for_each(|one| world.add_to_team(team, one.person, MembershipRole::Member).unwrap());
        team
    };
    let (large, small) = (create("Lighthouse", 25), create("Harbour", 3));
    let mut story = Story { stack, handle: handle.clone(), people: people.clone() };
    story.stack.let_pass(30 * MINUTE).await;
    let group = story.change_people(large, small).await;
    story.change_folders(large, group).await;
    let mut stack = story.stack;
    assert_eq!(world.drive_folders(group).len(), 2);
    world.delete_group(group);
    stack.let_pass(30 * MINUTE).await;
    ask_creators(&backend, tenant, with_folders).await;
    create("Asked", 2);
    stack.let_pass(DAY).await;
    assert!(world.violations().is_empty());

    let exchanges = recorder.exchanges.lock().unwrap();
    let called: BTreeSet<_> = exchanges.iter().map(called_api).collect();
    for expected in EXPECTED {
        assert!(called.contains(expected), "{expected} is not in {called:?}");
    }
    if let Some(path) = std::env::var_os("TRAFFIC") {
        let mut file = std::fs::File::create(path).unwrap();
        exchanges.iter().for_each(|one| writeln!(file, "{one}").unwrap());
    }
}
