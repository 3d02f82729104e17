//! Webhooks by the second, as API Gateway hands them over: over HTTP, in real time, while looks go on in a thread of their own, as another function would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use clients::http::{CALL_TIMEOUT, Net, Transport};
use clients::webex::{Region, WebexId, signature};
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use engine::credentials::webhook_keys::{Kind, WebhookKeys};
use engine::link::{self, Kept};
use http::StatusCode;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use store::message::Message;
use store::queue::{Queue, QueueError};
use store::table::{Store, from_item};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::Memory;
use super::scenes::{MINUTE, every_team, ground, not_as_meant};
use crate::costs::NotCounted;
use crate::house::{Ground, House, PREFIX, Reach};
use crate::webex::sign;
use crate::{Role, Service};

/// What `SendMessage` is taken for.
pub(super) const QUEUE_TAKES: Duration = Duration::from_millis(10);

/// How much comes, and for how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Webhooks a second.
    pub per_second: u32,
    /// For so long.
    pub seconds: u32,
    /// Tenants.
    pub tenants: usize,
    /// Linked teams of each.
    pub teams: usize,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// How much came.
    pub rate: Rate,
    /// Webhooks that were sent.
    pub sent: usize,
    /// Those that were answered 2xx.
    pub taken: usize,
    /// Messages that came into the queue by them.
    pub queued: usize,
    /// Looks that read a team and its group.
    pub looks: usize,
    /// Teams whose last reading began before their last webhook came.
    pub lost: usize,
    /// Messages that nobody could deal with.
    pub dead: usize,
    /// Half of them were answered within this, counted from the moment they were due.
    pub median: Duration,
    /// Of a hundred, 99.
    pub most: Duration,
    /// All.
    pub slowest: Duration,
    /// How many invocations ran at once on average: so many instances it takes.
    pub concurrency: f64,
    /// The same at most.
    pub most_at_once: usize,
    /// At the start, in the middle, and at the end.
    pub memory: [Memory; 3],
}

/// The queue, as far away as SQS is; counts what came into it.
struct Distant {
    queue: Arc<dyn Queue>,
    sent: AtomicUsize,
}

#[async_trait]
impl Queue for Distant {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        tokio::time::sleep(QUEUE_TAKES).await;
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.queue.send(message, delay).await
    }

    async fn send_spaced(&self, messages: &[Message], spacing: Duration) -> Result<(), QueueError> {
        tokio::time::sleep(QUEUE_TAKES).await;
        self.sent.fetch_add(messages.len(), Ordering::SeqCst);
        self.queue.send_spaced(messages, spacing).await
    }
}

/// The function behind HTTP, counted: invocations at this moment and at most, and how long all of them took.
struct Counted {
    door: Arc<dyn Transport>,
    now: AtomicUsize,
    most: AtomicUsize,
    microseconds: AtomicUsize,
}

async fn over_http(State(counted): State<Arc<Counted>>, request: Request) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, webhook::LARGEST_BODY).await.unwrap_or_default();
    let began = Instant::now();
    let at_once = counted.now.fetch_add(1, Ordering::SeqCst) + 1;
    counted.most.fetch_max(at_once, Ordering::SeqCst);
    let answer = counted.door.send(http::Request::from_parts(parts, body), CALL_TIMEOUT).await;
    counted.now.fetch_sub(1, Ordering::SeqCst);
    let took = usize::try_from(began.elapsed().as_micros()).unwrap_or_default();
    counted.microseconds.fetch_add(took, Ordering::SeqCst);
    answer.map_or_else(
        |_| {
            let mut refusal = http::Response::new(Body::empty());
            *refusal.status_mut() = StatusCode::BAD_GATEWAY;
            refusal
        },
        |answer| answer.map(Body::from),
    )
}

/// A team that is told of, with the delivery that does it.
struct Told {
    tenant: TenantId,
    team: TeamId,
    body: Bytes,
    signature: http::HeaderValue,
}

/// Sends webhooks at this rate, each about the next team.
///
/// # Errors
/// Where tenants and teams cannot be set up, or no port can be had.
pub async fn webhooks(rate: Rate) -> Result<Webhooks, NotCounted> {
    let ground = ground()?;
    let mut house = House::new(&ground)?;
    let all = set_up(&mut house, rate).await?;
    let queue = Arc::new(Distant { queue: ground.queue.clone(), sent: AtomicUsize::new(0) });
    let front = House::reaching_out(&ground, Reach { queue: queue.clone(), ..Reach::to(&ground) })?;
    let counted = Arc::new(Counted {
        door: front.webhooks(),
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        microseconds: AtomicUsize::new(0),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(not_as_meant)?;
    let base = format!("http://{}", listener.local_addr().map_err(not_as_meant)?);
    let router = Router::new().fallback(over_http).with_state(counted.clone());
    let server = tokio::spawn(async move {
        // Ends only with the task.
        let _ = axum::serve(listener, router).await;
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let looking = look_on(house, is_over.clone());
    let sent = send(rate, &base, &all, &ground).await;
    is_over.store(true, Ordering::SeqCst);
    let looks = tokio::task::spawn_blocking(|| looking.join()).await.map_err(not_as_meant)?;
    let looks = looks.map_err(|_| not_as_meant("the looks broke off"))?;
    server.abort();
    let Sent { mut took, taken, last_at, memory } = sent?;
    let mut lost = 0;
    for (told, last_at) in all.iter().zip(last_at) {
        let item = ground.store.get(&link::key(told.tenant, told.team)).await.ok().flatten();
        let kept: Option<Kept> = item.and_then(|item| from_item(item).ok());
        lost += usize::from(kept.is_none_or(|kept| kept.looked < last_at));
    }
    took.sort_unstable();
    let within = |of_a_thousand: usize| took.get(took.len().saturating_sub(1) * of_a_thousand / 1_000).copied();
    Ok(Webhooks {
        rate,
        sent: took.len(),
        taken,
        queued: queue.sent.load(Ordering::SeqCst),
        looks,
        lost,
        dead: ground.queue.dead_letters().len(),
        median: within(500).unwrap_or_default(),
        most: within(990).unwrap_or_default(),
        slowest: within(1_000).unwrap_or_default(),
        concurrency: counted.microseconds.load(Ordering::SeqCst) as f64 / 1e6 / f64::from(rate.seconds.max(1)),
        most_at_once: counted.most.load(Ordering::SeqCst),
        memory,
    })
}

/// Tenants with linked teams of two people, and the delivery that tells of each: a tenant's next team comes when all others have had their turn.
async fn set_up(house: &mut House, rate: Rate) -> Result<Vec<Told>, NotCounted> {
    let world = house.ground().world.clone();
    let mut teams: Vec<Vec<TeamId>> = vec![vec![]; rate.tenants];
    for (n, teams) in teams.iter_mut().enumerate() {
        let handle = world.add_tenant(&format!("Tenant {n}"));
        let people = [0, 1].map(|person| world.add_person(&handle, &format!("Person {person}")));
        house.sign_up(&handle, every_team()).await?;
        for team in 0..rate.teams {
            let team = world.create_team(people[0].person, &format!("Team {team}"));
            world.add_to_team(team, people[1].person, Role::Member)?;
            teams.push(team);
        }
    }
    // What the teams' beginning leaves to do is over by then.
    house.let_pass(MINUTE * 90).await;
    world.take_calls();
    let keys = WebhookKeys::load(house.ground().secrets.as_ref(), PREFIX).await.map_err(not_as_meant)?;
    let mut all = vec![];
    for n in 0..rate.teams {
        for (tenant, teams) in house.tenants().iter().zip(&teams) {
            let room = WebexId::new(Region::default(), teams[n].general_space());
            let data = json!({"id": "bWVtYmVyc2hpcA", "roomId": room, "isModerator": false});
            let body = json!({"resource": "memberships", "event": "updated", "data": data}).to_string();
            let signature = sign(keys.secret(*tenant, Kind::Webex).expose_secret(), body.as_bytes());
            let signature = signature.ok_or_else(|| not_as_meant("a body that cannot be signed"))?;
            all.push(Told { tenant: *tenant, team: teams[n], body: body.into(), signature });
        }
    }
    Ok(all)
}

/// Lets the functions behind the queue run along with the wall's clock until it is over, and to the end of what is left then. Ends with the number of looks.
fn look_on(mut house: House, is_over: Arc<AtomicBool>) -> JoinHandle<usize> {
    std::thread::spawn(move || {
        let ground = house.ground().clone();
        let (began, start) = (Instant::now(), ground.clock.now());
        let looks_so_far = || {
            let calls = ground.world.take_calls();
            calls.iter().filter(|call| call.service == Service::Graph && call.path.ends_with("$batch")).count()
        };
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return 0 };
        runtime.block_on(async {
            let mut looks = 0;
            while !is_over.load(Ordering::SeqCst) {
                ground.clock.advance_to(start + began.elapsed());
                if !house.step(ground.clock.now()).await {
                    std::thread::sleep(Duration::from_millis(1));
                }
                looks += looks_so_far();
            }
            house.let_pass(MINUTE * 10).await;
            looks + looks_so_far()
        })
    })
}

/// What was sent.
struct Sent {
    /// From the moment each was due to its answer.
    took: Vec<Duration>,
    taken: usize,
    /// When each team was told of last.
    last_at: Vec<Timestamp>,
    memory: [Memory; 3],
}

async fn send(rate: Rate, base: &str, all: &[Told], ground: &Ground) -> Result<Sent, NotCounted> {
    let net = Arc::new(Net::new()?);
    let count = rate.per_second as usize * rate.seconds as usize;
    let mut sent = Sent {
        took: Vec::with_capacity(count),
        taken: 0,
        last_at: vec![ground.clock.now(); all.len()],
        memory: Default::default(),
    };
    let mut under_way = JoinSet::new();
    sent.memory[0] = Memory::held();
    let began = tokio::time::Instant::now();
    for (n, at) in (0..count).map(|n| (n, n % all.len().max(1))) {
        let due = began + Duration::from_secs(1) * u32::try_from(n).unwrap_or(u32::MAX) / rate.per_second.max(1);
        // An answer that is late holds up no other.
        sleep_until(due).await;
        let told = &all[at];
        let request = http::Request::post(format!("{base}/webhooks/webex/{}", told.tenant))
            .header(signature::HEADER, told.signature.clone())
            .body(told.body.clone())
            .map_err(not_as_meant)?;
        sent.last_at[at] = ground.clock.now();
        let net = net.clone();
        under_way.spawn(async move {
            let answer = net.send(request, CALL_TIMEOUT).await;
            (due.elapsed(), answer.is_ok_and(|answer| answer.status().is_success()))
        });
        while let Some(Ok((took, is_taken))) = under_way.try_join_next() {
            sent.took.push(took);
            sent.taken += usize::from(is_taken);
        }
        if n == count / 2 {
            sent.memory[1] = Memory::held();
        }
    }
    while let Some(Ok((took, is_taken))) = under_way.join_next().await {
        sent.took.push(took);
        sent.taken += usize::from(is_taken);
    }
    sent.memory[2] = Memory::held();
    Ok(sent)
}
