//! Between the functions and what they reach: sees messages, calls and activity in their order, makes answers slow, and cuts the functions off.

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
use store::message::Message;
use store::queue::{Queue, QueueError};
use store::table::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write, from_item};
use tokio::sync::Notify;

use crate::house::{Ground, Reach};
use crate::record::{Call, Service};
use crate::world::World;

/// Something that was seen.
pub(super) enum Seen {
    /// A message was queued at this moment.
    Message(Timestamp, Message),
    /// A call was made.
    Call(Call),
    /// A look stored what it did.
    Activity(TenantId, TeamId, Activity),
}

/// An order for slow answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slow {
    /// Of which service; of all where there is none.
    pub(super) service: Option<Service>,
    /// How late the answer is.
    pub(super) by: Duration,
    /// How many calls; `u32::MAX` is for ever.
    pub(super) times: u32,
}

/// What stands between the functions and the ground.
pub(super) struct Watch {
    world: World,
    clock: Arc<SimulatedClock>,
    seen: Mutex<Vec<Seen>>,
    slow: Mutex<Vec<Slow>>,
    armed: AtomicBool,
    /// Told when the functions were cut off.
    pub(super) blown: Notify,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    pub(super) fn over(ground: &Ground) -> Arc<Self> {
        Arc::new(Self {
            world: ground.world.clone(),
            clock: ground.clock.clone(),
            seen: Mutex::default(),
            slow: Mutex::default(),
            armed: AtomicBool::new(false),
            blown: Notify::new(),
        })
    }

    /// The ground as the functions reach it.
    pub(super) fn reach(self: &Arc<Self>, ground: &Ground) -> Reach {
        Reach {
            transport: Arc::new(Watched { watch: self.clone(), inner: ground.world.transport() }),
            store: Arc::new(Watched::<dyn Store> { watch: self.clone(), inner: ground.store.clone() }),
            queue: Arc::new(Watched::<dyn Queue> { watch: self.clone(), inner: ground.queue.clone() }),
            secrets: ground.secrets.clone(),
        }
    }

    /// The functions die at their next write outside, whose effect is done.
    pub(super) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// They do not, after all.
    pub(super) fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::SeqCst)
    }

    pub(super) fn slow_down(&self, slow: Slow) {
        hold(&self.slow).push(slow);
    }

    /// Takes orders for slow answers back.
    pub(super) fn speed_up(&self, which: impl Fn(&Slow) -> bool) {
        hold(&self.slow).retain(|slow| !which(slow));
    }

    /// What was seen since the last time, in order.
    pub(super) fn take(&self) -> Vec<Seen> {
        let mut seen = hold(&self.seen);
        seen.extend(self.world.take_calls().into_iter().map(Seen::Call));
        std::mem::take(&mut seen)
    }

    fn see(&self, what: impl IntoIterator<Item = Seen>) {
        let mut seen = hold(&self.seen);
        seen.extend(self.world.take_calls().into_iter().map(Seen::Call));
        seen.extend(what);
    }

    fn lateness(&self, host: &str) -> Option<Duration> {
        let mut orders = hold(&self.slow);
        let order = orders.iter_mut().find(|slow| slow.service.is_none_or(|service| host == host_of(service)))?;
        order.times = if order.times == u32::MAX { u32::MAX } else { order.times.saturating_sub(1) };
        let by = order.by;
        orders.retain(|slow| slow.times > 0);
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

/// Whether the request may change something, also as one of a batch.
fn writes(request: &http::Request<Bytes>) -> bool {
    let path = request.uri().path();
    if path.ends_with("/$batch") {
        let body = String::from_utf8_lossy(request.body());
        return ["\"PATCH\"", "\"DELETE\"", "\"POST\""].iter().any(|method| body.contains(method));
    }
    let only_reads =
        ["/token", "/access_token", "/getByIds", "/checkMemberGroups"].iter().any(|end| path.ends_with(end));
    request.method() != Method::GET && !only_reads
}

struct Watched<T: ?Sized> {
    watch: Arc<Watch>,
    inner: Arc<T>,
}

#[async_trait]
impl Transport for Watched<dyn Transport> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let cut_off = writes(&request) && self.watch.armed.swap(false, Ordering::SeqCst);
        let answer = self.late(request, timeout).await;
        if cut_off {
            self.watch.blown.notify_one();
            return pending().await;
        }
        answer
    }
}

impl Watched<dyn Transport> {
    async fn late(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let Some(by) = self.watch.lateness(request.uri().host().unwrap_or_default()) else {
            return self.inner.send(request, timeout).await;
        };
        let answer = self.inner.send(request, timeout).await;
        self.watch.clock.sleep(by.min(timeout)).await;
        if by >= timeout { Err(TransportError::NoAnswer("no answer in time".into())) } else { answer }
    }
}

#[async_trait]
impl Store for Watched<dyn Store> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.inner.get_many(keys).await
    }
    async fn query(&self, query: &Query, limit: usize, start: Option<&Cursor>) -> Result<Page, StoreError> {
        self.inner.query(query, limit, start).await
    }
    async fn update(&self, key: &Key, changes: Vec<Change>, condition: Condition) -> Result<Item, StoreError> {
        self.inner.update(key, changes, condition).await
    }
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let done: Vec<Seen> = writes.iter().filter_map(activity).collect();
        self.inner.write(writes).await?;
        self.watch.see(done);
        Ok(())
    }
}

/// What an item of the table says that a look did.
fn activity(write: &Write) -> Option<Seen> {
    let Write::Put(item, _) = write else { return None };
    let key = Key::of(item).filter(|key| key.sk.starts_with("ACTIVITY#"))?;
    let (tenant, team) = key.pk.strip_prefix("TENANT#")?.split_once("#TEAM#")?;
    Some(Seen::Activity(tenant.parse().ok()?, team.parse().ok()?, from_item(item.clone()).ok()?))
}

#[async_trait]
impl Queue for Watched<dyn Queue> {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        self.inner.send(message, delay).await?;
        self.watch.see([Seen::Message(self.watch.clock.now(), message.clone())]);
        Ok(())
    }
    async fn send_spaced(&self, messages: &[Message], gap: Duration) -> Result<(), QueueError> {
        self.inner.send_spaced(messages, gap).await?;
        let now = self.watch.clock.now();
        self.watch.see(messages.iter().map(|message| Seen::Message(now, message.clone())));
        Ok(())
    }
}
