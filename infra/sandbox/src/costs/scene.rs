//! One tenant and the functions around it, with everything counted that they ask for.

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
use engine::link::{self, Kept};
use engine::tenant::Settings;
use jiff::{SignedDuration, Timestamp};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use store::message::{Ask, Cause, Message};
use store::table::memory::{MemoryStore, Requests};
use store::table::{Store, from_item};

use super::NotCounted;
use crate::house::{Ground, House, Invocations, Reach};
use crate::{Call, Person, Role, TenantHandle, World};

pub(super) const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub(super) const START: &str = "2026-11-23T08:00:00Z";

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Spent {
    pub(super) calls: Vec<Call>,
    /// How often an answer was waited for.
    pub(super) waits: u64,
    pub(super) asked: Requests,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.calls.extend(more.calls);
        self.waits += more.waits;
        self.asked += more.asked;
    }
}

/// What was asked for while some time passed.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// By the sync function.
    pub(super) looks: Spent,
    /// By the reconcile function.
    pub(super) rounds: Spent,
    pub(super) invocations: Invocations,
    /// Messages and turns that were queued.
    pub(super) queued: u64,
    /// The metrics that the sync function has counted, and the reconcile function.
    pub(super) metrics: [BTreeSet<String>; 2],
}

/// A tenant with people.
pub(super) struct Scene {
    house: House,
    waits: Arc<Waits>,
    tenant: TenantId,
    pub(super) people: Vec<Person>,
}

impl Scene {
    /// A tenant that is switched on, with so many people.
    pub(super) async fn set(people: usize, settings: Settings) -> Result<Self, NotCounted> {
        let start = START.parse().map_err(|error: jiff::Error| NotCounted::NotAsMeant(error.to_string()))?;
        let ground = Ground::new(start, 7);
        let handle: TenantHandle = ground.world.add_tenant("Contoso");
        let people = (0..people).map(|n| ground.world.add_person(&handle, &format!("Person {n:02}"))).collect();
        let waits = Arc::new(Waits { to: ground.world.transport(), made: AtomicU64::default() });
        let reach = Reach { transport: waits.clone(), ..Reach::to(&ground) };
        let mut house = House::reaching_out(&ground, reach)?;
        let tenant = house.sign_up(&handle, settings).await?;
        house.consent_to_files(tenant, &handle).await?;
        Ok(Self { house, waits, tenant, people })
    }

    pub(super) fn world(&self) -> &World {
        &self.house.ground().world
    }

    pub(super) fn store(&self) -> &MemoryStore {
        &self.house.ground().store
    }

    pub(super) fn now(&self) -> Timestamp {
        self.house.ground().clock.now()
    }

    /// Lets the clock run on while nothing happens.
    pub(super) fn skip(&self, span: SignedDuration) {
        self.house.ground().clock.advance(span.unsigned_abs());
    }

    /// A team with the first of these for its moderator.
    pub(super) fn create_team(&self, title: &str, people: &[Person]) -> Result<TeamId, NotCounted> {
        let team = self.world().create_team(people[0].person, title);
        for person in &people[1..] {
            self.world().add_to_team(team, person.person, Role::Member)?;
        }
        Ok(team)
    }

    /// The link of a team.
    pub(super) async fn kept(&self, team: TeamId) -> Result<Kept, NotCounted> {
        let item = self.store().get(&link::key(self.tenant, team)).await.ok().flatten();
        let kept = item.and_then(|item| from_item(item).ok());
        kept.ok_or_else(|| NotCounted::NotAsMeant(format!("the team {team} has no link")))
    }

    pub(super) fn message(&self, ask: Ask, cause: Cause) -> Message {
        Message { v: Default::default(), tenant: self.tenant, at: self.now(), cause, ask }
    }

    /// The wish for a look at a team, a second later.
    pub(super) fn wish(&self, team: TeamId) -> Message {
        self.skip(SignedDuration::from_secs(1));
        self.message(Ask::Team { team, region: None }, Cause::WebexWebhook)
    }

    /// One look at a team.
    pub(super) async fn look(&self, team: TeamId) -> Result<Spent, NotCounted> {
        self.handle(&self.wish(team)).await
    }

    /// Deals with a message at once, past the queue.
    pub(super) async fn handle(&self, message: &Message) -> Result<Spent, NotCounted> {
        self.spent();
        let (waits, asked) = (self.waits.made(), self.store().requests());
        self.house.sync().handle(message, Deadline(self.now() + MINUTE)).await?;
        Ok(Spent { calls: self.spent(), waits: self.waits.made() - waits, asked: self.store().requests() - asked })
    }

    fn spent(&self) -> Vec<Call> {
        self.world().take_calls()
    }

    /// Lets `span` pass.
    pub(super) async fn let_pass(&mut self, span: SignedDuration) -> Passed {
        let end = self.now() + span;
        let queued = |house: &House| house.ground().queue.sent() + house.ground().turns.sent();
        let (began, sent) = (self.house.invocations(), queued(&self.house));
        let mut passed = Passed::default();
        self.spent();
        let mut goes_on = true;
        while goes_on {
            let (rounds, waits, asked) =
                (self.house.invocations().reconcile, self.waits.made(), self.store().requests());
            let names = Names::default();
            goes_on = names.of(self.house.step(end)).await;
            // A step is of one function, beside the deliveries that ask for nothing.
            let spent =
                Spent { calls: self.spent(), waits: self.waits.made() - waits, asked: self.store().requests() - asked };
            let is_rounds = self.house.invocations().reconcile > rounds;
            *(if is_rounds { &mut passed.rounds } else { &mut passed.looks }) += spent;
            passed.metrics[usize::from(is_rounds)].extend(names.take());
        }
        let ended = self.house.invocations();
        passed.invocations = Invocations {
            webhook: ended.webhook - began.webhook,
            sync: ended.sync - began.sync,
            reconcile: ended.reconcile - began.reconcile,
        };
        passed.queued = queued(&self.house) - sent;
        passed
    }

    /// That nobody was wronged, and that every message was dealt with.
    pub(super) fn assert_clean(&self) -> Result<(), NotCounted> {
        let (violations, dead) = (self.world().violations(), self.house.ground().queue.dead_letters());
        if violations.is_empty() && dead.is_empty() {
            return Ok(());
        }
        Err(NotCounted::NotAsMeant(format!("{violations:?}, and dead letters: {dead:?}")))
    }
}

/// Counts how often an answer is waited for: calls that are under way at the same time are one wait.
struct Waits {
    to: Arc<dyn Transport>,
    made: AtomicU64,
}

impl Waits {
    fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
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
            let begun = self.made();
            // Whatever else can be called now begins before this goes on; the first that goes on counts for all of them.
            tokio::task::yield_now().await;
            _ = self.made.compare_exchange(begun, begun + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.to.send(request, timeout).await
    }
}

/// The names of the metrics that are counted.
#[derive(Default)]
struct Names(Mutex<BTreeSet<String>>);

impl Names {
    /// Runs something and notes what it counts.
    async fn of<F: Future>(&self, what: F) -> F::Output {
        let mut what = pin!(what);
        poll_fn(|context| metrics::with_local_recorder(self, || what.as_mut().poll(context))).await
    }

    fn note(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.name().to_owned());
    }

    fn take(self) -> BTreeSet<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for Names {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}
