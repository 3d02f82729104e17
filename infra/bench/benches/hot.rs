//! The hot paths, without any network: `cargo bench -p bench`.
#![expect(clippy::unwrap_used, reason = "there is nobody to tell")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use bytes::Bytes;
use clients::graph::Graph;
use clients::http::{Access, Deadline, Transport, TransportError};
use clients::webex::signature;
use divan::{Bencher, black_box};
use domain::clock::{Clock, SimulatedClock};
use domain::ids::{GroupId, ObjectId, PersonId, TeamId, TenantId};
use domain::membership::{Participation, Person, Side, Sides, Standing};
use domain::merge::{Brake, Direction, Draft, Limits, Memory, OWNER_LIMIT, Plan, Retry, Subject, Terms, see};
use engine::credentials::webhook_keys::{CachedWebhookKeys, Kind, WebhookKeys};
use engine::link::{OnLink, Who, put_person};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sandbox::Role;
use sandbox::house::{Ground, House, Reach};
use sandbox::load::every_team;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha1::Sha1;
use store::message::{Ask, Cause, Message, Version};
use store::queue::memory::MemoryQueue;
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use store::table::{Write, from_item};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;
use webhook::Webhook;

const PEOPLE: [usize; 3] = [50, 1_000, 25_000];

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

/// A webhook from API Gateway's event to the message in the queue: the signature is checked, the body parsed.
#[divan::bench]
fn a_webhook(bencher: Bencher) {
    let (runtime, clock, tenant) =
        (runtime(), Arc::new(SimulatedClock::starting_at(now())), TenantId(Uuid::from_u128(1)));
    let secrets = Arc::new(MemorySecrets::new());
    let keys = r#"{"current": "1", "keys": {"1": "YmVuY2gta2V5LTEtZm9yLW1lYXN1cmluZy1hbmQtbm90aGluZy1lbHNl"}}"#;
    runtime.block_on(secrets.put("bench/webhooks", keys.to_owned().into())).unwrap();
    let secret = runtime.block_on(WebhookKeys::load(secrets.as_ref(), "bench")).unwrap().secret(tenant, Kind::Webex);
    let room = "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0";
    let data =
        json!({"id": "bWVtYmVyc2hpcA", "roomId": room, "personEmail": "person@example.com", "isModerator": false});
    let body = json!({"resource": "memberships", "event": "created", "data": data}).to_string();
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose_secret().as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signed: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": format!("/webhooks/webex/{tenant}"), "headers": {signature::HEADER: signed},
        "requestContext": {"http": {"method": "POST"}}, "body": body, "isBase64Encoded": false,
    })
    .to_string();
    let queue = Arc::new(MemoryQueue::new(clock.clone()));
    let webhook = Webhook::new(queue.clone(), CachedWebhookKeys::new(secrets, clock.clone(), "bench"), clock);
    bencher.bench_local(|| {
        let request: ApiGatewayV2httpRequest = serde_json::from_str(&event).unwrap();
        assert_eq!(runtime.block_on(webhook.handle(request)).status_code, 200);
        queue.receive(1).into_iter().for_each(|received| queue.delete(received.receipt));
    });
}

/// The merge of so many people, from the readings to what is stored before the first write.
fn merge(people: &[(Person, Memory, Sides<Standing>)]) -> Plan {
    let now = now();
    let subjects = people.iter().map(|(person, stored, read)| Subject {
        person: *person,
        stored: stored.clone(),
        seen: see(stored, *read, now),
        participation: Participation::TakesPart { returned: None },
    });
    let terms = Terms { direction: Direction::Both, last_word: Side::Group, now, retry: Retry::OwnRules };
    let mut draft = Draft::of(subjects, &terms);
    draft.brake(&Brake { people: people.len(), ..Brake::default() });
    let limits = Limits { owners: Sides { team: 1, group: 1 }, group_owners: OWNER_LIMIT };
    let mut plan = draft.order(&limits, now);
    plan.intend(now).for_each(|intended| _ = black_box(intended));
    plan
}

fn both(standing: Standing) -> Sides<Standing> {
    Sides { team: standing, group: standing }
}

fn in_step(people: usize) -> Vec<(Person, Memory, Sides<Standing>)> {
    let memory =
        Memory { agreed: both(Standing::Member), been_equal: true, before: Standing::Member, ..Memory::default() };
    (0..people).map(|n| (person(n), memory.clone(), both(Standing::Member))).collect()
}

#[divan::bench(args = PEOPLE)]
fn merge_in_step(bencher: Bencher, people: usize) {
    let people = in_step(people);
    bencher.bench_local(|| assert!(merge(&people).is_empty()));
}

#[divan::bench(args = PEOPLE)]
fn merge_of_a_new_team(bencher: Bencher, people: usize) {
    let read = Sides { team: Standing::Member, group: Standing::Absent };
    let people: Vec<_> = (0..people).map(|n| (person(n), Memory::default(), read)).collect();
    bencher.bench_local(|| assert_eq!(merge(&people).steps.len(), people.len()));
}

/// All but one are moderators, and a group has a hundred owners: nearly everybody's promotion is owed.
#[divan::bench(args = PEOPLE)]
fn merge_of_too_many_owners(bencher: Bencher, people: usize) {
    let read = Sides { team: Standing::Owner, group: Standing::Member };
    let people: Vec<_> = in_step(people).into_iter().map(|(person, memory, _)| (person, memory, read)).collect();
    bencher.bench_local(|| assert_eq!(merge(&people).steps.len(), people.len().min(OWNER_LIMIT - 1)));
}

/// Everybody left the team, and the brake holds all of it.
#[divan::bench(args = PEOPLE)]
fn merge_that_is_held(bencher: Bencher, people: usize) {
    let read = Sides { team: Standing::Absent, group: Standing::Member };
    let people: Vec<_> = in_step(people).into_iter().map(|(person, memory, _)| (person, memory, read)).collect();
    bencher.bench_local(|| assert_eq!(merge(&people).held.unwrap().1.len(), people.len()));
}

/// What is agreed with one person, on its way into the table and out of it.
#[divan::bench]
fn agreed_state_of_a_person(bencher: Bencher) {
    let (tenant, team) = (TenantId(Uuid::from_u128(1)), TeamId(Uuid::from_u128(2)));
    let (who, memory) = (Who::Person(person(3)), in_step(1).remove(0).1);
    let on_link = OnLink { memory, left_out: None, because: None };
    bencher.bench_local(|| {
        let Write::Put(item, _) = put_person(tenant, team, who, &on_link).unwrap() else { unreachable!() };
        from_item::<OnLink>(item).unwrap()
    });
}

/// Answers everything with the same body.
struct Always(Bytes);

#[async_trait]
impl Transport for Always {
    async fn send(&self, _: http::Request<Bytes>, _: Duration) -> Result<http::Response<Bytes>, TransportError> {
        Ok(http::Response::new(self.0.clone()))
    }
}

/// A group with a full page of members and a hundred owners, out of the answer of one call.
#[divan::bench]
fn a_page_of_999_members(bencher: Bencher) {
    let listed = |people: usize| -> Value {
        let user = |n| json!({"@odata.type": "#microsoft.graph.user", "id": Uuid::from_u128(n as u128)});
        json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#directoryObjects(id)", "value": (0..people).map(user).collect::<Vec<_>>()})
    };
    let group =
        json!({"id": Uuid::from_u128(1), "displayName": "Golf", "mailNickname": "golf", "groupTypes": ["Unified"]});
    let bodies = [group, listed(999), listed(100)];
    let items = bodies.iter().enumerate().map(|(n, body)| {
        json!({"id": n.to_string(), "status": 200, "headers": {"Content-Type": "application/json"}, "body": body})
    });
    let answer = json!({"responses": items.collect::<Vec<_>>()}).to_string();
    let clock = Arc::new(SimulatedClock::starting_at(now()));
    let graph = Graph::new("https://graph.microsoft.com/v1.0", Arc::new(Always(answer.into())), clock).unwrap();
    let access = Access::anonymous(Deadline(now() + SignedDuration::from_mins(1)));
    let runtime = runtime();
    bencher.bench_local(|| {
        let read = runtime.block_on(graph.read_group(&access, GroupId(Uuid::from_u128(1)))).unwrap().unwrap();
        assert_eq!(read.members.get().len(), 999);
        read
    });
}

/// Gives the answer that it got before, once it is told to.
struct Replayed {
    to: Arc<dyn Transport>,
    replays: AtomicBool,
    answers: Mutex<HashMap<(String, Bytes), http::Response<Bytes>>>,
}

#[async_trait]
impl Transport for Replayed {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let asked = (request.uri().to_string(), request.body().clone());
        let known = self.answers.lock().unwrap().get(&asked).cloned();
        if let Some(answer) = known.filter(|_| self.replays.load(Ordering::Relaxed)) {
            return Ok(answer);
        }
        let answer = self.to.send(request, timeout).await?;
        self.answers.lock().unwrap().insert(asked, answer.clone());
        Ok(answer)
    }
}

/// A whole look at a team in step: both services' answers are at hand, and the table is in memory.
#[divan::bench(args = [50, 1_000])]
fn a_look_in_step(bencher: Bencher, people: usize) {
    let (runtime, ground) = (runtime(), Ground::new(now(), 7));
    let replayed =
        Arc::new(Replayed { to: ground.world.transport(), replays: AtomicBool::new(false), answers: Mutex::default() });
    let world = &ground.world;
    let handle = world.add_tenant("Contoso");
    let roster: Vec<_> = (0..people).map(|n| world.add_person(&handle, &format!("Person {n}"))).collect();
    let mut house = House::reaching_out(&ground, Reach { transport: replayed.clone(), ..Reach::to(&ground) }).unwrap();
    let tenant = runtime.block_on(house.sign_up(&handle, every_team())).unwrap();
    let team = world.create_team(roster[0].person, "Golf");
    roster[1..].iter().for_each(|person| world.add_to_team(team, person.person, Role::Member).unwrap());
    runtime.block_on(house.let_pass(SignedDuration::from_mins(90)));
    replayed.answers.lock().unwrap().clear();
    let look = || {
        ground.clock.advance(Duration::from_secs(1));
        let ask = Ask::Team { team, region: None };
        let message = Message { v: Version, tenant, at: ground.clock.now(), cause: Cause::WebexWebhook, ask };
        let deadline = Deadline(ground.clock.now() + SignedDuration::from_mins(1));
        runtime.block_on(house.sync().handle(&message, deadline)).unwrap();
    };
    look();
    replayed.replays.store(true, Ordering::Relaxed);
    world.take_calls();
    bencher.bench_local(look);
    assert!(world.take_calls().is_empty(), "every answer was at hand");
}
