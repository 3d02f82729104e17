//! Webhooks per second over HTTP, in real time, while team syncs run in a thread beside.

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
use engine::credentials::webhook_keys::{WebhookKeys, WebhookKind};
use engine::link::{self, LinkRow};
use http::StatusCode;
use jiff::Timestamp;
use sandbox::local_stack::{Backend, Connections, LocalStack, SECRETS_PREFIX};
use secrecy::ExposeSecret;
use serde_json::json;
use sim::{MembershipRole, sign};
use store::message::Message;
use store::queue::{Queue, QueueError};
use store::table::{Store, from_item};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::loaded::sync_runs;
use crate::BenchError;
use crate::error::unexpected;
use crate::machine::Memory;
use crate::setup::{MINUTE, backend, every_team};

/// The assumed duration of `SendMessage`.
pub(super) const QUEUE_LATENCY: Duration = Duration::from_millis(10);

/// The rate of webhooks, and the teams they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Webhooks per second.
    pub per_second: u32,
    /// Seconds.
    pub seconds: u32,
    /// Tenants.
    pub tenants: usize,
    /// Linked teams of each tenant.
    pub teams: usize,
}

/// The result of webhooks at a [rate](Rate).
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The rate.
    pub rate: Rate,
    /// Webhooks sent.
    pub sent: usize,
    /// Webhooks answered 2xx.
    pub taken: usize,
    /// Messages they put into the queue.
    pub queued: usize,
    /// Team syncs that read team and group.
    pub sync_runs: usize,
    /// Teams whose last sync began before their last webhook.
    pub lost: usize,
    /// Dead letters.
    pub dead: usize,
    /// Median time from the moment a webhook is due to its answer.
    pub p50: Duration,
    /// 99th percentile of this time.
    pub p99: Duration,
    /// Maximum of this time.
    pub slowest: Duration,
    /// Average number of concurrent invocations: the instances needed.
    pub concurrency: f64,
    /// Maximum number of concurrent invocations.
    pub peak_concurrency: usize,
    /// Memory at the start, in the middle, and at the end.
    pub memory: [Memory; 3],
}

/// A queue with the latency of SQS; counts its messages.
struct Distant {
    queue: Arc<dyn Queue>,
    sent: AtomicUsize,
}

#[async_trait]
impl Queue for Distant {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        tokio::time::sleep(QUEUE_LATENCY).await;
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.queue.send(message, delay).await
    }

    async fn send_spaced(&self, messages: &[Message], spacing: Duration) -> Result<(), QueueError> {
        tokio::time::sleep(QUEUE_LATENCY).await;
        self.sent.fetch_add(messages.len(), Ordering::SeqCst);
        self.queue.send_spaced(messages, spacing).await
    }
}

/// The webhook function behind HTTP, with its invocations counted.
struct Counted {
    gateway: Arc<dyn Transport>,
    now: AtomicUsize,
    peak: AtomicUsize,
    microseconds: AtomicUsize,
}

impl Counted {
    fn new(gateway: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            now: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            microseconds: AtomicUsize::new(0),
        })
    }
}

async fn over_http(State(counted): State<Arc<Counted>>, request: Request) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, webhook::LARGEST_BODY).await.unwrap_or_default();
    let began = Instant::now();
    let concurrent = counted.now.fetch_add(1, Ordering::SeqCst) + 1;
    counted.peak.fetch_max(concurrent, Ordering::SeqCst);
    let request = http::Request::from_parts(parts, body);
    let response = counted.gateway.send(request, CALL_TIMEOUT).await;
    counted.now.fetch_sub(1, Ordering::SeqCst);
    let took = usize::try_from(began.elapsed().as_micros()).unwrap_or_default();
    counted.microseconds.fetch_add(took, Ordering::SeqCst);
    match response {
        Ok(response) => response.map(Body::from),
        Err(_) => {
            let mut refusal = http::Response::new(Body::empty());
            *refusal.status_mut() = StatusCode::BAD_GATEWAY;
            refusal
        }
    }
}

/// A team with a signed webhook about it.
struct Target {
    tenant: TenantId,
    team: TeamId,
    body: Bytes,
    signature: http::HeaderValue,
}

/// Sends webhooks at this rate, each about the next team.
///
/// # Errors
/// If tenants and teams cannot be set up, or no port is free.
pub async fn webhooks(rate: Rate) -> Result<Webhooks, BenchError> {
    let backend = backend()?;
    let mut stack = LocalStack::new(&backend)?;
    let targets = set_up(&mut stack, rate).await?;
    let queue = Arc::new(Distant { queue: backend.queue.clone(), sent: AtomicUsize::new(0) });
    let connections = Connections { queue: queue.clone(), ..Connections::to(&backend) };
    let front = LocalStack::with_connections(&backend, connections)?;
    let counted = Counted::new(front.webhooks());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(over_http).with_state(counted.clone());
    let server = tokio::spawn(async move {
        // Ends only with the task.
        let _ = axum::serve(listener, router).await;
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let syncing = run_syncs(stack, is_over.clone());
    let sent = send(rate, &base, &targets, &backend).await;
    is_over.store(true, Ordering::SeqCst);
    let sync_runs = tokio::task::spawn_blocking(|| syncing.join()).await.map_err(unexpected)?;
    let sync_runs = sync_runs.map_err(|_| unexpected("the sync thread panicked"))?;
    server.abort();
    let Sent { mut took, taken, last_at, memory } = sent?;
    took.sort_unstable();
    let percentile = |per_mille: usize| {
        took.get(took.len().saturating_sub(1) * per_mille / 1_000).copied().unwrap_or_default()
    };
    let busy = counted.microseconds.load(Ordering::SeqCst) as f64 / 1e6;
    Ok(Webhooks {
        rate,
        sent: took.len(),
        taken,
        queued: queue.sent.load(Ordering::SeqCst),
        sync_runs,
        lost: count_lost(&backend, &targets, &last_at).await,
        dead: backend.queue.dead_letters().len(),
        p50: percentile(500),
        p99: percentile(990),
        slowest: percentile(1_000),
        concurrency: busy / f64::from(rate.seconds.max(1)),
        peak_concurrency: counted.peak.load(Ordering::SeqCst),
        memory,
    })
}

/// Counts the teams whose last sync began before their last webhook.
async fn count_lost(backend: &Backend, targets: &[Target], last_at: &[Timestamp]) -> usize {
    let mut lost = 0;
    for (target, last_at) in targets.iter().zip(last_at) {
        let key = link::key(target.tenant, target.team);
        let item = backend.store.get(&key).await.ok().flatten();
        let row: Option<LinkRow> = item.and_then(|item| from_item(item).ok());
        lost += usize::from(row.is_none_or(|row| row.synced_at < *last_at));
    }
    lost
}

/// Creates tenants with linked teams of two people, and signs a webhook about each team.
///
/// Consecutive targets belong to different tenants.
async fn set_up(stack: &mut LocalStack, rate: Rate) -> Result<Vec<Target>, BenchError> {
    let world = stack.backend().world.clone();
    let mut teams: Vec<Vec<TeamId>> = vec![vec![]; rate.tenants];
    for (n, teams) in teams.iter_mut().enumerate() {
        let handle = world.add_tenant(&format!("Tenant {n}"));
        let people = [0, 1].map(|n| world.add_person(&handle, &format!("Person {n}")));
        stack.sign_up(&handle, every_team()).await?;
        for team in 0..rate.teams {
            let team = world.create_team(people[0].person, &format!("Team {team}"));
            world.add_to_team(team, people[1].person, MembershipRole::Member)?;
            teams.push(team);
        }
    }
    // The follow-ups of the creation are done by then.
    stack.let_pass(MINUTE * 90).await;
    world.take_calls();
    let keys = WebhookKeys::load(stack.backend().secrets.as_ref(), SECRETS_PREFIX).await?;
    let mut targets = vec![];
    for n in 0..rate.teams {
        for (tenant, teams) in stack.tenants().iter().zip(&teams) {
            let room = WebexId::new(Region::default(), teams[n].general_space());
            let data = json!({"id": "bWVtYmVyc2hpcA", "roomId": room, "isModerator": false});
            let body = json!({"resource": "memberships", "event": "updated", "data": data});
            let body = body.to_string();
            let secret = keys.secret(*tenant, WebhookKind::Webex);
            let signature = sign(secret.expose_secret(), body.as_bytes())
                .ok_or_else(|| unexpected("the body cannot be signed"))?;
            targets.push(Target { tenant: *tenant, team: teams[n], body: body.into(), signature });
        }
    }
    Ok(targets)
}

/// Runs the functions behind the queue along with the wall clock, and then what is left.
///
/// The thread returns the number of team syncs.
fn run_syncs(mut stack: LocalStack, is_over: Arc<AtomicBool>) -> JoinHandle<usize> {
    std::thread::spawn(move || {
        let backend = stack.backend().clone();
        let (began, start) = (Instant::now(), backend.clock.now());
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
            return 0;
        };
        runtime.block_on(async {
            let mut count = 0;
            while !is_over.load(Ordering::SeqCst) {
                backend.clock.advance_to(start + began.elapsed());
                if !stack.step(backend.clock.now()).await {
                    std::thread::sleep(Duration::from_millis(1));
                }
                count += sync_runs(&backend.world.take_calls());
            }
            stack.let_pass(MINUTE * 10).await;
            count + sync_runs(&backend.world.take_calls())
        })
    })
}

/// The webhooks that were sent.
struct Sent {
    /// Time from the moment each was due to its answer.
    took: Vec<Duration>,
    taken: usize,
    /// The moment of each team's last webhook.
    last_at: Vec<Timestamp>,
    memory: [Memory; 3],
}

impl Sent {
    fn add(&mut self, took: Duration, is_taken: bool) {
        self.took.push(took);
        self.taken += usize::from(is_taken);
    }
}

async fn send(
    rate: Rate,
    base: &str,
    targets: &[Target],
    backend: &Backend,
) -> Result<Sent, BenchError> {
    let net = Arc::new(Net::new()?);
    let count = rate.per_second as usize * rate.seconds as usize;
    let gap = Duration::from_secs(1) / rate.per_second.max(1);
    let mut sent = Sent {
        took: Vec::with_capacity(count),
        taken: 0,
        last_at: vec![backend.clock.now(); targets.len()],
        memory: Default::default(),
    };
    let mut in_flight = JoinSet::new();
    sent.memory[0] = Memory::of_this_process();
    let began = tokio::time::Instant::now();
    for (n, at) in (0..count).map(|n| (n, n % targets.len().max(1))) {
        let due = began + gap * u32::try_from(n).unwrap_or(u32::MAX);
        // A late answer delays no other webhook.
        sleep_until(due).await;
        let target = &targets[at];
        let request = http::Request::post(format!("{base}/webhooks/webex/{}", target.tenant))
            .header(signature::HEADER, target.signature.clone())
            .body(target.body.clone())
            .map_err(unexpected)?;
        sent.last_at[at] = backend.clock.now();
        let net = net.clone();
        in_flight.spawn(async move {
            let answer = net.send(request, CALL_TIMEOUT).await;
            (due.elapsed(), answer.is_ok_and(|answer| answer.status().is_success()))
        });
        while let Some(Ok((took, is_taken))) = in_flight.try_join_next() {
            sent.add(took, is_taken);
        }
        if n == count / 2 {
            sent.memory[1] = Memory::of_this_process();
        }
    }
    while let Some(Ok((took, is_taken))) = in_flight.join_next().await {
        sent.add(took, is_taken);
    }
    sent.memory[2] = Memory::of_this_process();
    Ok(sent)
}
