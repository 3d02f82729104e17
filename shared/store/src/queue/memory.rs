//! The queue in memory, for tests and the sandbox: what SQS does, in a fixed order.
//!
//! # Guarantees
//! A message is received again when its visibility timeout has passed and nobody deleted it; when that happens after [`RECEIVES`] receives, it goes to the dead letters
//! instead. Messages that become visible at the same moment come in the order of sending.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{LONGEST_DELAY, Queue, QueueError, delay};
use crate::message::{Message, Queued};
use domain::clock::Clock;

/// How often a message is received before it is a dead letter.
pub const RECEIVES: u32 = 5;

/// How long a received message is hidden unless [`MemoryQueue::with_visibility_timeout`] says otherwise.
pub const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// Names one receive of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    sent: u64,
    visible_at: Timestamp,
}

/// A message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received<M = Message> {
    /// What was sent.
    pub message: M,
    /// What [`MemoryQueue::delete`] wants to see.
    pub receipt: Receipt,
    /// How often it has been received, with this time.
    pub receives: u32,
}

/// A queue in memory.
pub struct MemoryQueue<M = Message> {
    clock: Arc<dyn Clock>,
    visibility_timeout: Duration,
    state: Mutex<State<M>>,
}

#[derive(Clone)]
struct State<M> {
    /// By when they become visible, and then by the number of their sending.
    waiting: BTreeMap<(Timestamp, u64), Waiting<M>>,
    dead: Vec<M>,
    sent: u64,
}

#[derive(Clone)]
struct Waiting<M> {
    message: M,
    receives: u32,
}

impl<M: Queued> MemoryQueue<M> {
    /// An empty queue.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            visibility_timeout: VISIBILITY_TIMEOUT,
            state: Mutex::new(State { waiting: BTreeMap::new(), dead: vec![], sent: 0 }),
        }
    }

    /// Hides received messages for this long.
    pub fn with_visibility_timeout(self, visibility_timeout: Duration) -> Self {
        Self { visibility_timeout, ..self }
    }

    /// Another queue that is as this one is now, on another clock.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, visibility_timeout: self.visibility_timeout, state: Mutex::new(self.lock().clone()) }
    }

    /// Up to `max` of the visible messages, which are then hidden for the visibility timeout.
    pub fn receive(&self, max: usize) -> Vec<Received<M>> {
        let now = self.clock.now();
        let mut state = self.lock();
        state.bury(now);
        let places: Vec<_> = state.waiting.range(..=(now, u64::MAX)).map(|(place, _)| *place).take(max).collect();
        let mut received = Vec::new();
        for place @ (_, sent) in places {
            let Some(mut waiting) = state.waiting.remove(&place) else { continue };
            waiting.receives += 1;
            let (message, receives) = (waiting.message.clone(), waiting.receives);
            let visible_at = after(now, self.visibility_timeout);
            received.push(Received { message, receipt: Receipt { sent, visible_at }, receives });
            state.waiting.insert((visible_at, sent), waiting);
        }
        received
    }

    /// Deletes a received message. A receipt of an earlier receive, or of a message that is gone, changes nothing.
    pub fn delete(&self, receipt: Receipt) {
        self.lock().waiting.remove(&(receipt.visible_at, receipt.sent));
    }

    /// When the next message becomes visible, or became so; `None` if the queue is empty.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        let mut state = self.lock();
        state.bury(self.clock.now());
        state.waiting.keys().next().map(|(visible_at, _)| *visible_at)
    }

    /// How many messages there are: visible, delayed and received ones, without the dead letters.
    pub fn len(&self) -> usize {
        let mut state = self.lock();
        state.bury(self.clock.now());
        state.waiting.len()
    }

    /// How many messages were ever sent.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The messages that were received [`RECEIVES`] times in vain.
    pub fn dead_letters(&self) -> Vec<M> {
        let mut state = self.lock();
        state.bury(self.clock.now());
        state.dead.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Queued> State<M> {
    fn add(&mut self, message: &M, visible_at: Timestamp) {
        self.sent += 1;
        self.waiting.insert((visible_at, self.sent), Waiting { message: message.clone(), receives: 0 });
    }

    /// Moves what has been received too often and is visible again to the dead letters.
    fn bury(&mut self, now: Timestamp) {
        let spent = self.waiting.extract_if(..=(now, u64::MAX), |_, waiting| waiting.receives >= RECEIVES);
        self.dead.extend(spent.map(|(_, waiting)| waiting.message));
    }
}

fn after(moment: Timestamp, pause: Duration) -> Timestamp {
    moment.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl<M: Queued> Queue<M> for MemoryQueue<M> {
    async fn send(&self, message: &M, delay: Duration) -> Result<(), QueueError> {
        self.lock().add(message, after(self.clock.now(), delay.min(LONGEST_DELAY)));
        Ok(())
    }

    async fn send_spaced(&self, messages: &[M], gap: Duration) -> Result<(), QueueError> {
        let now = self.clock.now();
        let mut state = self.lock();
        for (place, message) in messages.iter().enumerate() {
            state.add(message, after(now, delay(place, gap)));
        }
        Ok(())
    }
}
