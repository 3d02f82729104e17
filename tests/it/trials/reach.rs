//! What stands between the functions and everything outside: it counts calls, keeps what is stored after them, and lets one go wrong.

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use sandbox::World;
use sandbox::house::{Ground, Reach};
use secrecy::SecretString;
use store::message::Message;
use store::queue::{Queue, QueueError};
use store::secrets::{Secrets, SecretsError};
use store::table::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::Notify;

use super::mishap::{Kept, Mishap, Sent};

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whom {
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
    pub(super) whom: Whom,
    pub(super) method: String,
    /// Without ids.
    pub(super) path: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {}", self.whom, self.method, self.path)
    }
}

impl Call {
    pub(super) fn http(request: &http::Request<Bytes>) -> Self {
        let whom = match request.uri().host() {
            Some("webexapis.com") => Whom::Webex,
            Some("graph.microsoft.com") => Whom::Graph,
            _ => Whom::Entra,
        };
        let is_word = |segment: &&str| {
            segment.len() < 30
                && !segment.contains(['(', '!', ':', '%'])
                && !segment.chars().any(|c| c.is_ascii_digit())
                || segment.starts_with("v1")
                || segment.starts_with("v2")
        };
        let segments = request.uri().path().split('/').map(|segment| if is_word(&segment) { segment } else { "{}" });
        Self { whom, method: request.method().to_string(), path: segments.collect::<Vec<_>>().join("/") }
    }

    fn own(whom: Whom, method: &str) -> Self {
        Self { whom, method: method.into(), path: String::new() }
    }

    /// Whether it leaves everything as it was.
    pub(super) fn only_reads(&self) -> bool {
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

/// What is stored after a call.
pub(super) struct Moment {
    pub(super) ground: Ground,
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

/// What is done about the calls.
pub(super) enum Plan {
    KeepNothing,
    KeepMoments,
    Strike {
        at: usize,
        mishap: Mishap,
    },
    /// The functions die before this call takes effect.
    Die {
        at: usize,
    },
}

/// Everything outside the functions. Clones are the same.
#[derive(Clone)]
pub(super) struct Outside(Arc<Inner>);

struct Inner {
    ground: Ground,
    /// Both services as they were at first.
    at_first: World,
    plan: Plan,
    calls: Mutex<Vec<Call>>,
    moments: Mutex<Vec<Moment>>,
    over: AtomicBool,
    dead: Notify,
}

impl Outside {
    pub(super) fn new(ground: &Ground, plan: Plan) -> Self {
        let at_first = ground.world.copy(ground.clock.clone());
        let (calls, moments) = (Mutex::default(), Mutex::default());
        let (over, dead) = (AtomicBool::new(false), Notify::new());
        Self(Arc::new(Inner { ground: ground.clone(), at_first, plan, calls, moments, over, dead }))
    }

    pub(super) fn reach(&self) -> Reach {
        let line = || Arc::new(self.clone());
        Reach { transport: line(), store: line(), secrets: line(), queue: line() }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    pub(super) fn moments(&self) -> Vec<Moment> {
        std::mem::take(&mut self.0.moments.lock().unwrap())
    }

    /// From now on all is well.
    pub(super) fn strike_no_more(&self) {
        self.0.over.store(true, Ordering::SeqCst);
    }

    /// Comes when the functions have died.
    pub(super) async fn death(&self) {
        self.0.dead.notified().await;
    }

    /// Counts a call, and says what happens to it.
    async fn meets(&self, call: &Call) -> (usize, Option<&Mishap>) {
        let (at, mishap) = self.count(call);
        if matches!(self.0.plan, Plan::Die { at: last } if last == at) {
            self.0.dead.notify_one();
            pending::<()>().await;
        }
        (at, mishap)
    }

    fn count(&self, call: &Call) -> (usize, Option<&Mishap>) {
        let mut calls = self.0.calls.lock().unwrap();
        let at = calls.len();
        if at == 0 && matches!(self.0.plan, Plan::KeepMoments) {
            self.0.moments.lock().unwrap().push(Moment { ground: self.0.ground.copy(), after: None });
        }
        calls.push(call.clone());
        match &self.0.plan {
            Plan::Strike { at: struck, mishap } if *struck == at && !self.0.over.load(Ordering::SeqCst) => {
                (at, Some(mishap))
            }
            _ => (at, None),
        }
    }

    fn took_effect(&self, at: usize, call: Call) {
        if matches!(self.0.plan, Plan::KeepMoments) && !call.only_reads() {
            self.0.moments.lock().unwrap().push(Moment { ground: self.0.ground.copy(), after: Some((at, call)) });
        }
    }

    /// A call of the table or of the secrets.
    async fn kept<T, E>(
        &self,
        call: Call,
        error: impl FnOnce(Kept) -> E,
        what: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (at, mishap) = self.meets(&call).await;
        if let Some(Mishap::Kept(kept)) = mishap {
            if !matches!(kept, Kept::Busy) {
                what.await?;
            }
            return Err(error(*kept));
        }
        let answer = what.await;
        self.took_effect(at, call);
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
        if let Some(refusal) = Sent::goes_on(&request) {
            return refusal;
        }
        let call = Call::http(&request);
        let (at, mishap) = self.meets(&call).await;
        let services = self.0.ground.world.transport();
        if let Some(Mishap::Sent(sent)) = mishap {
            return sent.strike(&self.0.ground, &self.0.at_first, request, timeout).await;
        }
        let answer = services.send(request, timeout).await;
        self.took_effect(at, call);
        answer
    }
}

fn of_table(kept: Kept) -> StoreError {
    match kept {
        Kept::Busy | Kept::BusyAfterwards => StoreError::Busy("struck".into()),
        Kept::DoneAndRefused => StoreError::ConditionFailed,
    }
}

fn depends(condition: &Condition) -> bool {
    *condition != Condition::Any
}

#[async_trait]
impl Store for Outside {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.kept(Call::own(Whom::Table, "get"), of_table, self.0.ground.store.get(key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.kept(Call::own(Whom::Table, "get_many"), of_table, self.0.ground.store.get_many(keys)).await
    }

    async fn query(&self, query: &Query, limit: usize, start: Option<&Cursor>) -> Result<Page, StoreError> {
        self.kept(Call::own(Whom::Table, "query"), of_table, self.0.ground.store.query(query, limit, start)).await
    }

    async fn update(&self, key: &Key, changes: Vec<Change>, condition: Condition) -> Result<Item, StoreError> {
        let method = if depends(&condition) { "update on a condition" } else { "update" };
        self.kept(Call::own(Whom::Table, method), of_table, self.0.ground.store.update(key, changes, condition)).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let conditional = writes.iter().any(|write| match write {
            Write::Put(_, condition) | Write::Update(_, _, condition) => depends(condition),
            Write::Delete(_, condition) | Write::Check(_, condition) => depends(condition),
        });
        let method = if conditional { "write on a condition" } else { "write" };
        self.kept(Call::own(Whom::Table, method), of_table, self.0.ground.store.write(writes)).await
    }
}

#[async_trait]
impl Secrets for Outside {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        self.kept(Call::own(Whom::Secrets, "get"), |_| throttled(name), self.0.ground.secrets.get(name)).await
    }

    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError> {
        self.kept(Call::own(Whom::Secrets, "put"), |_| throttled(name), self.0.ground.secrets.put(name, value)).await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        self.kept(Call::own(Whom::Secrets, "delete"), |_| throttled(name), self.0.ground.secrets.delete(name)).await
    }
}

fn throttled(name: &str) -> SecretsError {
    SecretsError::Busy { name: name.into(), why: "struck".into() }
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
    /// Either way of sending: `delay` and `gap` are never both there.
    async fn send_messages(&self, messages: &[Message], delay: Duration, gap: Duration) -> Result<(), QueueError> {
        let queue = &self.0.ground.queue;
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
        let call = Call::own(Whom::Queue, "send");
        let (at, mishap) = self.meets(&call).await;
        let lost = || Err(QueueError::Busy("struck".into()));
        let answer = match mishap {
            Some(Mishap::Kept(Kept::Busy)) => return lost(),
            Some(Mishap::Kept(Kept::BusyAfterwards)) => {
                send(Duration::ZERO).await?;
                return lost();
            }
            Some(Mishap::Twice) => {
                send(Duration::ZERO).await?;
                send(Duration::ZERO).await
            }
            Some(Mishap::OutOfOrder) => send(Duration::from_secs(70)).await,
            _ => send(Duration::ZERO).await,
        };
        self.took_effect(at, call);
        answer
    }
}
