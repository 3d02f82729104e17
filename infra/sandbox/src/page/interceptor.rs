//! A layer between the functions and a backend: observes, delays answers, and crashes on demand.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::{Clock, SimulatedClock};
use domain::ids::{TeamId, TenantId};
use engine::activity::Activity;
use http::Method;
use jiff::Timestamp;
use sim::{Call, Service, World};
use store::message::Message;
use store::queue::{Queue, QueueError};
use store::table::from_item;
use store::table::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::Notify;

use crate::local_stack::{Backend, Connections};

/// An observed event.
pub(super) enum Observed {
    /// A message was queued at this time.
    Message(Timestamp, Message),
    /// A call was made.
    Call(Call),
    /// A sync stored its activity.
    Activity(TenantId, TeamId, Activity),
}

/// A delay of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delay {
    /// The service; none for all services.
    pub(super) service: Option<Service>,
    pub(super) by: Duration,
    /// The number of calls; `u32::MAX` is unlimited.
    pub(super) times: u32,
}

/// The layer between the functions and a backend.
pub(super) struct Interceptor {
    world: World,
    clock: Arc<SimulatedClock>,
    observed: Mutex<Vec<Observed>>,
    delays: Mutex<Vec<Delay>>,
    crash_armed: AtomicBool,
    /// Notified when the functions crashed.
    pub(super) crashed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Interceptor {
    pub(super) fn over(backend: &Backend) -> Arc<Self> {
        Arc::new(Self {
            world: backend.world.clone(),
            clock: backend.clock.clone(),
            observed: Mutex::default(),
            delays: Mutex::default(),
            crash_armed: AtomicBool::new(false),
            crashed: Notify::new(),
        })
    }

    /// Connections to the backend through this layer.
    pub(super) fn connections(self: &Arc<Self>, backend: &Backend) -> Connections {
        let layer = self.clone();
        let transport = backend.world.transport();
        let store: Arc<dyn Store> = backend.store.clone();
        let queue: Arc<dyn Queue> = backend.queue.clone();
        Connections {
            transport: Arc::new(Intercepted { layer: layer.clone(), inner: transport }),
            store: Arc::new(Intercepted { layer: layer.clone(), inner: store }),
            queue: Arc::new(Intercepted { layer, inner: queue }),
            secrets: backend.secrets.clone(),
        }
    }

    /// Lets the functions crash right after their next write to a service took effect.
    pub(super) fn arm_crash(&self) {
        self.crash_armed.store(true, Ordering::SeqCst);
    }

    /// Takes the crash back.
    pub(super) fn disarm_crash(&self) {
        self.crash_armed.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_crash_armed(&self) -> bool {
        self.crash_armed.load(Ordering::SeqCst)
    }

    pub(super) fn add_delay(&self, delay: Delay) {
        lock(&self.delays).push(delay);
    }

    /// Removes the delays that match.
    pub(super) fn remove_delays(&self, matches: impl Fn(&Delay) -> bool) {
        lock(&self.delays).retain(|delay| !matches(delay));
    }

    /// Returns the events since the last time, in their order.
    pub(super) fn take_observed(&self) -> Vec<Observed> {
        let mut observed = lock(&self.observed);
        observed.extend(self.world.take_calls().into_iter().map(Observed::Call));
        std::mem::take(&mut observed)
    }

    /// Adds the calls so far, and then these events.
    fn observe(&self, events: impl IntoIterator<Item = Observed>) {
        let mut observed = lock(&self.observed);
        observed.extend(self.world.take_calls().into_iter().map(Observed::Call));
        observed.extend(events);
    }

    /// Uses up one delay for a host, if there is any.
    fn take_delay(&self, host: &str) -> Option<Duration> {
        let mut delays = lock(&self.delays);
        let applies =
            |delay: &&mut Delay| delay.service.is_none_or(|service| host == host_of(service));
        let delay = delays.iter_mut().find(applies)?;
        if delay.times != u32::MAX {
            delay.times = delay.times.saturating_sub(1);
        }
        let by = delay.by;
        delays.retain(|delay| delay.times > 0);
        Some(by)
    }
}

fn host_of(service: Service) -> &'static str {
    match service {
        Service::Webex => "webexapis.com",
        Service::Entra => "login.microsoftonline.com",
        Service::Graph => "graph.microsoft.com",
    }
}

/// Returns `true` if the request may change something, also as an item of a batch.
fn is_write(request: &http::Request<Bytes>) -> bool {
    const READ_BY_POST: [&str; 4] = ["/token", "/access_token", "/getByIds", "/checkMemberGroups"];
    let path = request.uri().path();
    if path.ends_with("/$batch") {
        let body = String::from_utf8_lossy(request.body());
        return ["\"PATCH\"", "\"DELETE\"", "\"POST\""].iter().any(|method| body.contains(method));
    }
    let only_reads = READ_BY_POST.iter().any(|end| path.ends_with(end));
    request.method() != Method::GET && !only_reads
}

struct Intercepted<T: ?Sized> {
    layer: Arc<Interceptor>,
    inner: Arc<T>,
}

#[async_trait]
impl Transport for Intercepted<dyn Transport> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let crashes = is_write(&request) && self.layer.crash_armed.swap(false, Ordering::SeqCst);
        let answer = self.send_delayed(request, timeout).await;
        if crashes {
            self.layer.crashed.notify_one();
            // A crashed function never sees the answer: its future is dropped.
            return pending().await;
        }
        answer
    }
}

impl Intercepted<dyn Transport> {
    async fn send_delayed(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let delay = self.layer.take_delay(request.uri().host().unwrap_or_default());
        let answer = self.inner.send(request, timeout).await;
        let Some(delay) = delay else { return answer };
        // The caller gives up at its timeout, so no more time passes.
        self.layer.clock.sleep(delay.min(timeout)).await;
        if delay >= timeout {
            Err(TransportError::NoAnswer("no answer in time".into()))
        } else {
            answer
        }
    }
}

#[async_trait]
impl Store for Intercepted<dyn Store> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(
        &self,
        query: &Query,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<Page, StoreError> {
        self.inner.query(query, limit, start).await
    }

    async fn update(
        &self,
        key: &Key,
        changes: Vec<Change>,
        condition: Condition,
    ) -> Result<Item, StoreError> {
        self.inner.update(key, changes, condition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let activities: Vec<Observed> = writes.iter().filter_map(activity).collect();
        self.inner.write(writes).await?;
        // Only now: a refused write has stored no activity.
        self.layer.observe(activities);
        Ok(())
    }
}

/// The activity in a written item, if it has one.
fn activity(write: &Write) -> Option<Observed> {
    let Write::Put(item, _) = write else {
        return None;
    };
    let key = Key::of(item).filter(|key| key.sk.starts_with("ACTIVITY#"))?;
    let (tenant, team) = key.pk.strip_prefix("TENANT#")?.split_once("#TEAM#")?;
    let activity = from_item(item.clone()).ok()?;
    Some(Observed::Activity(tenant.parse().ok()?, team.parse().ok()?, activity))
}

#[async_trait]
impl Queue for Intercepted<dyn Queue> {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        self.inner.send(message, delay).await?;
        self.layer.observe([Observed::Message(self.layer.clock.now(), message.clone())]);
        Ok(())
    }

    async fn send_spaced(&self, messages: &[Message], gap: Duration) -> Result<(), QueueError> {
        self.inner.send_spaced(messages, gap).await?;
        let now = self.layer.clock.now();
        let messages = messages.iter().map(|message| Observed::Message(now, message.clone()));
        self.layer.observe(messages);
        Ok(())
    }
}
