//! Everything outside the functions: counts calls, copies state after them, and injects one fault.

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use sandbox::local_stack::{Backend, Connections};
use secrecy::SecretString;
use sim::World;
use store::message::Message;
use store::queue::{Queue, QueueError};
use store::secrets::{Secrets, SecretsError};
use store::table::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::Notify;

use super::fault::{CallFault, ServiceFault, StorageFault};

/// The called service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Callee {
    Webex,
    Entra,
    Graph,
    Table,
    Secrets,
    Queue,
}

/// One kind of outside call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) callee: Callee,
    pub(super) method: String,
    /// The path without ids.
    pub(super) path: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {}", self.callee, self.method, self.path)
    }
}

impl Call {
    pub(super) fn http(request: &http::Request<Bytes>) -> Self {
        let callee = match request.uri().host() {
            Some("webexapis.com") => Callee::Webex,
            Some("graph.microsoft.com") => Callee::Graph,
            _ => Callee::Entra,
        };
        let is_word = |segment: &&str| {
            segment.len() < 30
                && !segment.contains(['(', '!', ':', '%'])
                && !segment.chars().any(|c| c.is_ascii_digit())
                || segment.starts_with("v1")
                || segment.starts_with("v2")
        };
        let segments = request
            .uri()
            .path()
            .split('/')
            .map(|segment| if is_word(&segment) { segment } else { "{}" });
        Self {
            callee,
            method: request.method().to_string(),
            path: segments.collect::<Vec<_>>().join("/"),
        }
    }

    fn storage(callee: Callee, method: &str) -> Self {
        Self { callee, method: method.into(), path: String::new() }
    }

    /// Returns `true` for calls that change nothing.
    pub(super) fn is_read(&self) -> bool {
        ["GET", "get", "get_many", "query"].contains(&self.method.as_str())
    }

    pub(super) fn is_listing(&self) -> bool {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        const LISTINGS: [&str; 12] = [
            "memberships",
            "rooms",
            "teams",
            "webhooks",
            "events",
            "Users",
            "delta",
            "members",
            "owners",
            "groups",
            "users",
            "children",
        ];
        self.method == "GET" && LISTINGS.contains(&last)
    }
}

/// A copy of the state after a call.
pub(super) struct Moment {
    pub(super) backend: Backend,
    after: Option<(usize, Call)>,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.after {
            None => write!(f, "before the first call"),
            Some((at, call)) => write!(f, "after the effect of call {at} ({call})"),
        }
    }
}

/// The treatment of the calls.
pub(super) enum Plan {
    SaveNothing,
    SaveMoments,
    Inject {
        at: usize,
        fault: CallFault,
    },
    /// The functions crash before this call takes effect.
    Crash {
        at: usize,
    },
}

/// Everything outside the functions. Clones share it.
#[derive(Clone)]
pub(super) struct Outside(Arc<Inner>);

struct Inner {
    backend: Backend,
    /// Both services in their initial state.
    initial_world: World,
    plan: Plan,
    calls: Mutex<Vec<Call>>,
    moments: Mutex<Vec<Moment>>,
    over: AtomicBool,
    dead: Notify,
}

impl Outside {
    pub(super) fn new(backend: &Backend, plan: Plan) -> Self {
        let initial_world = backend.world.copy(backend.clock.clone());
        let (calls, moments) = (Mutex::default(), Mutex::default());
        let (over, dead) = (AtomicBool::new(false), Notify::new());
        Self(Arc::new(Inner {
            backend: backend.clone(),
            initial_world,
            plan,
            calls,
            moments,
            over,
            dead,
        }))
    }

    pub(super) fn connections(&self) -> Connections {
        let line = || Arc::new(self.clone());
        Connections { transport: line(), store: line(), secrets: line(), queue: line() }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    pub(super) fn moments(&self) -> Vec<Moment> {
        std::mem::take(&mut self.0.moments.lock().unwrap())
    }

    /// Stops the injection.
    pub(super) fn stop_injecting(&self) {
        self.0.over.store(true, Ordering::SeqCst);
    }

    /// Waits until the functions have crashed.
    pub(super) async fn crashed(&self) {
        self.0.dead.notified().await;
    }

    /// Records a call, and returns its number and its fault.
    async fn record_and_wait(&self, call: &Call) -> (usize, Option<&CallFault>) {
        let (at, fault) = self.count(call);
        if matches!(self.0.plan, Plan::Crash { at: last } if last == at) {
            self.0.dead.notify_one();
            pending::<()>().await;
        }
        (at, fault)
    }

    fn count(&self, call: &Call) -> (usize, Option<&CallFault>) {
        let mut calls = self.0.calls.lock().unwrap();
        let at = calls.len();
        if at == 0 && matches!(self.0.plan, Plan::SaveMoments) {
            self.0
                .moments
                .lock()
                .unwrap()
                .push(Moment { backend: self.0.backend.snapshot(), after: None });
        }
        calls.push(call.clone());
        match &self.0.plan {
            Plan::Inject { at: injected, fault }
                if *injected == at && !self.0.over.load(Ordering::SeqCst) =>
            {
                (at, Some(fault))
            }
            _ => (at, None),
        }
    }

    fn record_effect(&self, at: usize, call: Call) {
        if matches!(self.0.plan, Plan::SaveMoments) && !call.is_read() {
            self.0
                .moments
                .lock()
                .unwrap()
                .push(Moment { backend: self.0.backend.snapshot(), after: Some((at, call)) });
        }
    }

    /// Runs a call of the table or the secrets.
    async fn storage_call<T, E>(
        &self,
        call: Call,
        error: impl FnOnce(StorageFault) -> E,
        what: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (at, fault) = self.record_and_wait(&call).await;
        if let Some(CallFault::Storage(fault)) = fault {
            if !matches!(fault, StorageFault::Busy) {
                what.await?;
            }
            return Err(error(*fault));
        }
        let answer = what.await;
        self.record_effect(at, call);
        answer
    }
}

#[async_trait]
impl Transport for Outside {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if let Some(refusal) = ServiceFault::broken_page_answer(&request) {
            return refusal;
        }
        let call = Call::http(&request);
        let (at, fault) = self.record_and_wait(&call).await;
        let services = self.0.backend.world.transport();
        if let Some(CallFault::Service(sent)) = fault {
            return sent.inject(&self.0.backend, &self.0.initial_world, request, timeout).await;
        }
        let answer = services.send(request, timeout).await;
        self.record_effect(at, call);
        answer
    }
}

fn table_error(fault: StorageFault) -> StoreError {
    match fault {
        StorageFault::Busy | StorageFault::BusyAfterwards => StoreError::Busy("injected".into()),
        StorageFault::DoneAndRefused => StoreError::ConditionFailed,
    }
}

fn is_conditional(condition: &Condition) -> bool {
    *condition != Condition::Any
}

#[async_trait]
impl Store for Outside {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.storage_call(
            Call::storage(Callee::Table, "get"),
            table_error,
            self.0.backend.store.get(key),
        )
        .await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.storage_call(
            Call::storage(Callee::Table, "get_many"),
            table_error,
            self.0.backend.store.get_many(keys),
        )
        .await
    }

    async fn query(
        &self,
        query: &Query,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<Page, StoreError> {
        self.storage_call(
            Call::storage(Callee::Table, "query"),
            table_error,
            self.0.backend.store.query(query, limit, start),
        )
        .await
    }

    async fn update(
        &self,
        key: &Key,
        changes: Vec<Change>,
        condition: Condition,
    ) -> Result<Item, StoreError> {
        let method = if is_conditional(&condition) { "update on a condition" } else { "update" };
        self.storage_call(
            Call::storage(Callee::Table, method),
            table_error,
            self.0.backend.store.update(key, changes, condition),
        )
        .await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let conditional = writes.iter().any(|write| match write {
            Write::Put(_, condition) | Write::Update(_, _, condition) => is_conditional(condition),
            Write::Delete(_, condition) | Write::Check(_, condition) => is_conditional(condition),
        });
        let method = if conditional { "write on a condition" } else { "write" };
        self.storage_call(
            Call::storage(Callee::Table, method),
            table_error,
            self.0.backend.store.write(writes),
        )
        .await
    }
}

#[async_trait]
impl Secrets for Outside {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        self.storage_call(
            Call::storage(Callee::Secrets, "get"),
            |_| throttled(name),
            self.0.backend.secrets.get(name),
        )
        .await
    }

    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError> {
        self.storage_call(
            Call::storage(Callee::Secrets, "put"),
            |_| throttled(name),
            self.0.backend.secrets.put(name, value),
        )
        .await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        self.storage_call(
            Call::storage(Callee::Secrets, "delete"),
            |_| throttled(name),
            self.0.backend.secrets.delete(name),
        )
        .await
    }
}

fn throttled(name: &str) -> SecretsError {
    SecretsError::Busy { name: name.into(), why: "injected".into() }
}

#[async_trait]
impl Queue for Outside {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        self.send_messages(std::slice::from_ref(message), delay, Duration::ZERO).await
    }

    async fn send_spaced(&self, messages: &[Message], gap: Duration) -> Result<(), QueueError> {
        self.send_messages(messages, Duration::ZERO, gap).await
    }
}

impl Outside {
    /// Sends messages; at most one of `delay` and `gap` is set.
    async fn send_messages(
        &self,
        messages: &[Message],
        delay: Duration,
        gap: Duration,
    ) -> Result<(), QueueError> {
        let queue = &self.0.backend.queue;
        let send = async |later: Duration| match messages {
            [one] if gap.is_zero() => queue.send(one, delay + later).await,
            many if later.is_zero() => queue.send_spaced(many, gap).await,
            many => {
                for message in many {
                    queue.send(message, later).await?;
                }
                Ok(())
            }
        };
        let call = Call::storage(Callee::Queue, "send");
        let (at, fault) = self.record_and_wait(&call).await;
        let lost = || Err(QueueError::Busy("injected".into()));
        let answer = match fault {
            Some(CallFault::Storage(StorageFault::Busy)) => return lost(),
            Some(CallFault::Storage(StorageFault::BusyAfterwards)) => {
                send(Duration::ZERO).await?;
                return lost();
            }
            Some(CallFault::DeliveredTwice) => {
                send(Duration::ZERO).await?;
                send(Duration::ZERO).await
            }
            Some(CallFault::Stale) => send(Duration::from_secs(70)).await,
            _ => send(Duration::ZERO).await,
        };
        self.record_effect(at, call);
        answer
    }
}
