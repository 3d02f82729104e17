//! The hot paths, without a network: `cargo bench -p bench`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails on what it cannot set up")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use bench::setup::every_team;
use bytes::Bytes;
use clients::graph::Graph;
use clients::http::{Access, Deadline, Transport, TransportError};
use clients::webex::signature;
use divan::{Bencher, black_box};
use domain::clock::{Clock, SimulatedClock};
use domain::ids::{GroupId, ObjectId, PersonId, TeamId, TenantId};
use domain::membership::{Eligibility, Person, Role, Side, Sides};
use domain::merge::{
    Direction, Draft, OWNER_LIMIT, OwnerLimits, PersonState, Plan, Proof, RemovalGuard, Retry,
    Subject, Terms, apply_overlay,
};
use engine::credentials::webhook_keys::{CachedWebhookKeys, WebhookKeys, WebhookKind};
use engine::link::{LinkPerson, Who, put_person};
use jiff::{SignedDuration, Timestamp};
use sandbox::local_stack::{Backend, Connections, LocalStack};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sim::MembershipRole;
use store::message::{Job, Message, MessageVersion, Trigger};
use store::queue::memory::MemoryQueue;
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use store::table::{Write, from_item};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;
use webhook::Webhook;

const PEOPLE: [usize; 3] = [50, 1_000, 25_000];

const WEBHOOK_KEYS: &str = r#"{"current": "1", "1":
    "YmVuY2gta2V5LTEtZm9yLW1lYXN1cmluZy1hbmQtbm90aGluZy1lbHNl"}"#;

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn person(n: usize) -> Person {
    let id = Uuid::from_u128(n as u128);
    Person { object: ObjectId(id), person: PersonId(id) }
}

/// Handles API Gateway's event up to the queued message, with the check of the signature.
#[divan::bench]
fn webhook_to_queue(bencher: Bencher) {
    let (runtime, tenant) = (runtime(), TenantId(Uuid::from_u128(1)));
    let clock = Arc::new(SimulatedClock::starting_at(now()));
    let secrets = Arc::new(MemorySecrets::new());
    runtime.block_on(secrets.put("bench/webhooks", WEBHOOK_KEYS.to_owned().into())).unwrap();
    let keys = runtime.block_on(WebhookKeys::load(secrets.as_ref(), "bench")).unwrap();
    let secret = keys.secret(tenant, WebhookKind::Webex);
    let data = json!({
        "id": "bWVtYmVyc2hpcA",
        "roomId": "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0",
        "personEmail": "person@example.com",
        "isModerator": false,
    });
    let body = json!({"resource": "memberships", "event": "created", "data": data}).to_string();
    let signature = sim::sign(secret.expose_secret(), body.as_bytes()).unwrap();
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": format!("/webhooks/webex/{tenant}"),
        "headers": {signature::HEADER: signature.to_str().unwrap()},
        "requestContext": {"http": {"method": "POST"}},
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string();
    let queue = Arc::new(MemoryQueue::new(clock.clone()));
    let keys = CachedWebhookKeys::new(secrets, clock.clone(), "bench");
    let webhook = Webhook::new(queue.clone(), keys, clock);
    bencher.bench_local(|| {
        let request: ApiGatewayV2httpRequest = serde_json::from_str(&event).unwrap();
        assert_eq!(runtime.block_on(webhook.handle(request)).status_code, 200);
        queue.receive(1).into_iter().for_each(|received| queue.delete(received.receipt));
    });
}

/// A person with the stored state and the roles that were read.
type Read = (Person, PersonState, Sides<Role>);

/// Answers that agree with a reading.
fn believed(read: Sides<Role>) -> Sides<Proof> {
    Sides::each(|side| Proof::AnsweredForDecided(read[side]))
}

/// The merge, from the readings to the write intents.
fn merge(people: &[Read]) -> Plan {
    let now = now();
    let subjects = people.iter().map(|(person, stored, read)| Subject {
        person: *person,
        stored: stored.clone(),
        seen: apply_overlay(stored, *read, believed(*read), now),
        eligibility: Eligibility::Eligible { returned: None },
    });
    let terms =
        Terms { direction: Direction::Both, last_word: Side::Group, now, retry: Retry::OwnRules };
    let mut draft = Draft::of(subjects, &terms);
    draft.limit_removals(&RemovalGuard { people: people.len(), ..RemovalGuard::default() });
    let owners = Sides { team: 1, group: 1 };
    let limits = OwnerLimits { owners, group_owners: OWNER_LIMIT };
    let mut plan = draft.order(&limits, now);
    plan.intend(now).for_each(|intended| _ = black_box(intended));
    plan
}

fn both(role: Role) -> Sides<Role> {
    Sides { team: role, group: role }
}

fn members(count: usize) -> Vec<Read> {
    let state = PersonState {
        baseline: both(Role::Member),
        been_equal: true,
        before: Role::Member,
        ..PersonState::default()
    };
    (0..count).map(|n| (person(n), state.clone(), both(Role::Member))).collect()
}

/// Members of both sides, of whom these roles are read.
fn members_read_as(count: usize, read: Sides<Role>) -> Vec<Read> {
    members(count).into_iter().map(|(person, state, _)| (person, state, read)).collect()
}

#[divan::bench(args = PEOPLE)]
fn merge_in_sync(bencher: Bencher, people: usize) {
    let people = members(people);
    bencher.bench_local(|| assert!(merge(&people).is_empty()));
}

#[divan::bench(args = PEOPLE)]
fn merge_of_new_team(bencher: Bencher, people: usize) {
    let read = Sides { team: Role::Member, group: Role::None };
    let people: Vec<_> = (0..people).map(|n| (person(n), PersonState::default(), read)).collect();
    bencher.bench_local(|| assert_eq!(merge(&people).steps.len(), people.len()));
}

/// All people are moderators, and a group has at most 100 owners: most promotions are deferred.
#[divan::bench(args = PEOPLE)]
fn merge_of_too_many_owners(bencher: Bencher, people: usize) {
    let people = members_read_as(people, Sides { team: Role::Owner, group: Role::Member });
    let steps = people.len().min(OWNER_LIMIT - 1);
    bencher.bench_local(|| assert_eq!(merge(&people).steps.len(), steps));
}

/// All people left the team, and the removal limit stops all removals.
#[divan::bench(args = PEOPLE)]
fn merge_over_removal_limit(bencher: Bencher, people: usize) {
    let people = members_read_as(people, Sides { team: Role::None, group: Role::Member });
    bencher.bench_local(|| assert_eq!(merge(&people).held.unwrap().1.len(), people.len()));
}

/// The state of a person, into the table and out of it.
#[divan::bench]
fn stored_state_of_person(bencher: Bencher) {
    let (tenant, team) = (TenantId(Uuid::from_u128(1)), TeamId(Uuid::from_u128(2)));
    let (who, state) = (Who::Person(person(3)), members(1).remove(0).1);
    let stored = LinkPerson { state, ..LinkPerson::default() };
    bencher.bench_local(|| {
        let Write::Put(item, _) = put_person(tenant, team, who, &stored).unwrap() else {
            unreachable!()
        };
        from_item::<LinkPerson>(item).unwrap()
    });
}

/// A transport that answers everything with the same body.
struct Always(Bytes);

#[async_trait]
impl Transport for Always {
    async fn send(
        &self,
        _: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        Ok(http::Response::new(self.0.clone()))
    }
}

/// A group with a full page of members and 100 owners, from the answer of one call.
#[divan::bench]
fn page_of_999_members(bencher: Bencher) {
    let page = |people: u128| -> Value {
        let user = |n| json!({"@odata.type": "#microsoft.graph.user", "id": Uuid::from_u128(n)});
        json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#directoryObjects(id)",
            "value": (0..people).map(user).collect::<Vec<_>>(),
        })
    };
    let group = json!({
        "id": Uuid::from_u128(1),
        "displayName": "Golf",
        "mailNickname": "golf",
        "groupTypes": ["Unified"],
    });
    let bodies = [group, page(999), page(100)];
    let headers = json!({"Content-Type": "application/json"});
    let answers = bodies.iter().enumerate().map(
        |(n, body)| json!({"id": n.to_string(), "status": 200, "headers": headers, "body": body}),
    );
    let items: Vec<Value> = answers.collect();
    let transport = Arc::new(Always(json!({"responses": items}).to_string().into()));
    let clock = Arc::new(SimulatedClock::starting_at(now()));
    let graph = Graph::new("https://graph.microsoft.com/v1.0", transport, clock).unwrap();
    let access = Access::anonymous(Deadline(now() + SignedDuration::from_mins(1)));
    let (runtime, group) = (runtime(), GroupId(Uuid::from_u128(1)));
    bencher.bench_local(|| {
        let read = runtime.block_on(graph.read_group(&access, group)).unwrap().unwrap();
        assert_eq!(read.members.get().len(), 999);
        read
    });
}

/// A transport that replays earlier answers once it is switched to replay.
struct Replay {
    inner: Arc<dyn Transport>,
    is_on: AtomicBool,
    answers: Mutex<HashMap<(String, Bytes), http::Response<Bytes>>>,
}

#[async_trait]
impl Transport for Replay {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let key = (request.uri().to_string(), request.body().clone());
        let known = self.answers.lock().unwrap().get(&key).cloned();
        if let Some(answer) = known.filter(|_| self.is_on.load(Ordering::Relaxed)) {
            return Ok(answer);
        }
        let answer = self.inner.send(request, timeout).await?;
        self.answers.lock().unwrap().insert(key, answer.clone());
        Ok(answer)
    }
}

/// A whole sync of a team without changes: answers are replayed, and the table is in memory.
#[divan::bench(args = [50, 1_000])]
fn sync_without_changes(bencher: Bencher, people: usize) {
    let (runtime, backend) = (runtime(), Backend::new(now(), 7));
    let world = &backend.world;
    let replay = Arc::new(Replay {
        inner: world.transport(),
        is_on: AtomicBool::new(false),
        answers: Mutex::default(),
    });
    let handle = world.add_tenant("Contoso");
    let person = |n| world.add_person(&handle, &format!("Person {n}"));
    let people: Vec<_> = (0..people).map(person).collect();
    let connections = Connections { transport: replay.clone(), ..Connections::to(&backend) };
    let mut stack = LocalStack::with_connections(&backend, connections).unwrap();
    let tenant = runtime.block_on(stack.sign_up(&handle, every_team())).unwrap();
    let team = world.create_team(people[0].person, "Golf");
    for person in &people[1..] {
        world.add_to_team(team, person.person, MembershipRole::Member).unwrap();
    }
    runtime.block_on(stack.let_pass(SignedDuration::from_mins(90)));
    replay.answers.lock().unwrap().clear();
    let sync = || {
        backend.clock.advance(Duration::from_secs(1));
        let (at, job) = (backend.clock.now(), Job::Team { team, region: None });
        let message =
            Message { v: MessageVersion, tenant, at, trigger: Trigger::WebexWebhook, job };
        let deadline = Deadline(at + SignedDuration::from_mins(1));
        runtime.block_on(stack.sync().handle(&message, deadline)).unwrap();
    };
    sync();
    replay.is_on.store(true, Ordering::Relaxed);
    world.take_calls();
    bencher.bench_local(sync);
    assert!(world.take_calls().is_empty(), "every answer was replayed");
}
