//! A tenant and the functions around it, with everything counted that they request.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::ops::AddAssign;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Deadline, Transport, TransportError};
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use engine::link::{self, LinkRow};
use engine::tenant::Settings;
use jiff::{SignedDuration, Timestamp};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use sandbox::local_stack::{Connections, Invocations, LocalStack};
use sim::{Call, MembershipRole, Person, World};
use store::message::{Job, Message, Trigger};
use store::table::memory::{MemoryStore, Requests};
use store::table::{Store, from_item};

use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{self, MINUTE, backend};

/// Requests of one or more invocations.
#[derive(Debug, Clone, Default)]
pub(super) struct Spent {
    pub(super) calls: Vec<Call>,
    /// Consecutive waits for an answer.
    pub(super) waits: u64,
    pub(super) requests: Requests,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.calls.extend(more.calls);
        self.waits += more.waits;
        self.requests += more.requests;
    }
}

/// Everything that was counted in a span of simulated time.
#[derive(Debug, Default)]
pub(super) struct Period {
    /// Requests of the sync function.
    pub(super) syncs: Spent,
    /// Requests of the reconcile function.
    pub(super) cycles: Spent,
    pub(super) invocations: Invocations,
    /// Messages sent to both queues.
    pub(super) queued: u64,
    /// Names of the metrics of the sync function and of the reconcile function.
    pub(super) metrics: [BTreeSet<String>; 2],
}

/// A tenant with people, behind counters.
pub(super) struct Metered {
    stack: LocalStack,
    waits: Arc<Waits>,
    tenant: TenantId,
    pub(super) people: Vec<Person>,
}

impl Metered {
    /// Signs up a tenant with this many people.
    pub(super) async fn start(people: usize, settings: Settings) -> Result<Self, BenchError> {
        let backend = backend()?;
        let handle = backend.world.add_tenant("Contoso");
        let person = |n| backend.world.add_person(&handle, &format!("Person {n:02}"));
        let people = (0..people).map(person).collect();
        let waits =
            Arc::new(Waits { inner: backend.world.transport(), count: AtomicU64::default() });
        let connections = Connections { transport: waits.clone(), ..Connections::to(&backend) };
        let mut stack = LocalStack::with_connections(&backend, connections)?;
        let tenant = stack.sign_up(&handle, settings).await?;
        stack.consent_to_files(tenant, &handle).await?;
        Ok(Self { stack, waits, tenant, people })
    }

    pub(super) fn world(&self) -> &World {
        &self.stack.backend().world
    }

    pub(super) fn store(&self) -> &MemoryStore {
        &self.stack.backend().store
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stack.backend().clock.now()
    }

    /// Advances the clock without running anything.
    pub(super) fn skip(&self, span: SignedDuration) {
        self.stack.backend().clock.advance(span.unsigned_abs());
    }

    /// Creates a team whose first person is its moderator.
    pub(super) fn create_team(&self, title: &str, people: &[Person]) -> Result<TeamId, BenchError> {
        let team = self.world().create_team(people[0].person, title);
        self.add_to_team(team, &people[1..])?;
        Ok(team)
    }

    /// Lets people join a team.
    pub(super) fn add_to_team(&self, team: TeamId, people: &[Person]) -> Result<(), BenchError> {
        for person in people {
            self.world().add_to_team(team, person.person, MembershipRole::Member)?;
        }
        Ok(())
    }

    pub(super) fn message(&self, job: Job, trigger: Trigger) -> Message {
        Message { v: Default::default(), tenant: self.tenant, at: self.now(), trigger, job }
    }

    /// A request to sync the team, one second later.
    pub(super) fn sync_request(&self, team: TeamId) -> Message {
        self.skip(SignedDuration::from_secs(1));
        self.message(Job::Team { team, region: None }, Trigger::WebexWebhook)
    }

    /// Syncs the team once.
    pub(super) async fn sync(&self, team: TeamId) -> Result<Spent, BenchError> {
        self.handle(&self.sync_request(team)).await
    }

    /// Handles a message directly, without the queue.
    pub(super) async fn handle(&self, message: &Message) -> Result<Spent, BenchError> {
        self.world().take_calls();
        let meter = self.read_meter();
        self.stack.sync().handle(message, Deadline(self.now() + MINUTE)).await?;
        Ok(self.spent_since(&meter))
    }

    /// Lets `span` pass.
    pub(super) async fn let_pass(&mut self, span: SignedDuration) -> Period {
        let end = self.now() + span;
        let (began, sent) = (self.stack.invocations(), self.messages_sent());
        let mut period = Period::default();
        self.world().take_calls();
        let mut is_running = true;
        while is_running {
            let cycles = self.stack.invocations().reconcile;
            let meter = self.read_meter();
            let names = MetricNames::default();
            is_running = names.of(self.stack.step(end)).await;
            // A step invokes one function; the deliveries beside it request nothing.
            let spent = self.spent_since(&meter);
            let is_cycle = self.stack.invocations().reconcile > cycles;
            *(if is_cycle { &mut period.cycles } else { &mut period.syncs }) += spent;
            period.metrics[usize::from(is_cycle)].extend(names.take());
        }
        let ended = self.stack.invocations();
        period.invocations = Invocations {
            webhook: ended.webhook - began.webhook,
            sync: ended.sync - began.sync,
            reconcile: ended.reconcile - began.reconcile,
        };
        period.queued = self.messages_sent() - sent;
        period
    }

    /// The requests of the syncs that follow a change, until nothing of it is open.
    pub(super) async fn follow_ups(&mut self) -> Spent {
        self.let_pass(MINUTE * 40).await.syncs
    }

    /// Waits until the next sync of the team is some hours away.
    pub(super) async fn until_nothing_is_due(&mut self, team: TeamId) -> Result<(), BenchError> {
        while self.link(team).await?.next_sync_at < self.now() + SignedDuration::from_hours(5) {
            self.let_pass(MINUTE * 60).await;
        }
        Ok(())
    }

    pub(super) fn assert_clean(&self) -> Result<(), BenchError> {
        setup::assert_clean(self.stack.backend())
    }

    async fn link(&self, team: TeamId) -> Result<LinkRow, BenchError> {
        let item = self.store().get(&link::key(self.tenant, team)).await.ok().flatten();
        let row = item.and_then(|item| from_item(item).ok());
        row.ok_or_else(|| unexpected(format!("the team {team} has no link")))
    }

    fn messages_sent(&self) -> u64 {
        let backend = self.stack.backend();
        backend.queue.sent() + backend.reconcile_queue.sent()
    }

    fn read_meter(&self) -> Meter {
        Meter { waits: self.waits.count(), requests: self.store().requests() }
    }

    /// The requests since the meter was read, and the calls since the last ones were taken.
    fn spent_since(&self, meter: &Meter) -> Spent {
        Spent {
            calls: self.world().take_calls(),
            waits: self.waits.count() - meter.waits,
            requests: self.store().requests() - meter.requests,
        }
    }
}

struct Meter {
    waits: u64,
    requests: Requests,
}

/// A transport that counts consecutive waits: calls in flight at the same time are one wait.
struct Waits {
    inner: Arc<dyn Transport>,
    count: AtomicU64,
}

impl Waits {
    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Transport for Waits {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let is_for_a_token = request.uri().host() == Some("login.microsoftonline.com");
        if !is_for_a_token {
            let before = self.count();
            // All parallel calls start before this one goes on; only the first of them counts.
            tokio::task::yield_now().await;
            _ = self.count.compare_exchange(
                before,
                before + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
        self.inner.send(request, timeout).await
    }
}

/// A recorder that collects the names of the metrics.
#[derive(Default)]
struct MetricNames(Mutex<BTreeSet<String>>);

impl MetricNames {
    /// Runs a future and collects the names of its metrics.
    async fn of<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let poll =
            poll_fn(|context| metrics::with_local_recorder(self, || future.as_mut().poll(context)));
        poll.await
    }

    fn add(&self, key: &Key) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(key.name().to_owned());
    }

    fn take(self) -> BTreeSet<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for MetricNames {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.add(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.add(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.add(key);
        Histogram::noop()
    }
}
