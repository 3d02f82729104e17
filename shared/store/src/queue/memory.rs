//! The queue in memory, for tests and the sandbox. It behaves like SQS, in a fixed order.
//!
//! # Guarantees
//! A message is received again after its visibility timeout unless it was deleted. After
//! [`RECEIVES`] receives it becomes a dead letter instead. Messages that become visible at the same
//! time come in the order of sending.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{LONGEST_DELAY, Queue, QueueError, delay};
use crate::message::{Message, Queued};
use domain::clock::Clock;

/// Number of receives before a message becomes a dead letter.
// As in the template, so that tests lose messages where the service would.
pub const RECEIVES: u32 = 5;

/// Time a received message is hidden, unless [`MemoryQueue::with_visibility_timeout`] changes it.
// As in the template, so that a crash costs tests as much time as it costs people.
pub const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// Handle of one receive of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    sent: u64,
    visible_at: Timestamp,
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received<M = Message> {
    /// The message.
    pub message: M,
    /// Handle for [`MemoryQueue::delete`].
    pub receipt: Receipt,
    /// Number of receives, including this one.
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
    /// Ordered by the time they become visible, then by the order of sending.
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
    /// Returns an empty queue.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            visibility_timeout: VISIBILITY_TIMEOUT,
            state: Mutex::new(State { waiting: BTreeMap::new(), dead: vec![], sent: 0 }),
        }
    }

    /// Sets the visibility timeout.
    pub fn with_visibility_timeout(self, visibility_timeout: Duration) -> Self {
        Self { visibility_timeout, ..self }
    }

    /// Returns a copy on another clock.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            visibility_timeout: self.visibility_timeout,
            state: Mutex::new(self.lock().clone()),
        }
    }

    /// Returns up to `max` visible messages and hides them for the visibility timeout.
    pub fn receive(&self, max: usize) -> Vec<Received<M>> {
        let now = self.clock.now();
        let mut state = self.lock();
        // SQS moves a message away only when it would be received once more.
        state.bury(now);
        let places: Vec<_> =
            state.waiting.range(..=(now, u64::MAX)).map(|(place, _)| *place).take(max).collect();
        let mut received = Vec::new();
        for place @ (_, sent) in places {
            let Some(mut waiting) = state.waiting.remove(&place) else {
                continue;
            };
            // A message stays in the queue until it is deleted, only hidden.
            waiting.receives += 1;
            let (message, receives) = (waiting.message.clone(), waiting.receives);
            let visible_at = after(now, self.visibility_timeout);
            received.push(Received { message, receipt: Receipt { sent, visible_at }, receives });
            state.waiting.insert((visible_at, sent), waiting);
        }
        received
    }

    /// Deletes a received message. An outdated receipt changes nothing.
    pub fn delete(&self, receipt: Receipt) {
        // A later receive moved the message, so an outdated receipt finds nothing.
        self.lock().waiting.remove(&(receipt.visible_at, receipt.sent));
    }

    /// Returns the time at which the next message becomes or became visible. `None` if the queue is
    /// empty.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        let mut state = self.lock();
        state.bury(self.clock.now());
        state.waiting.keys().next().map(|(visible_at, _)| *visible_at)
    }

    /// Returns the number of messages: visible, delayed and received, without dead letters.
    pub fn len(&self) -> usize {
        let mut state = self.lock();
        state.bury(self.clock.now());
        state.waiting.len()
    }

    /// Returns the number of messages ever sent.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Returns `true` if there are no messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the messages that were received [`RECEIVES`] times and never deleted.
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
        // Without the number, messages of one moment would replace each other.
        self.sent += 1;
        self.waiting
            .insert((visible_at, self.sent), Waiting { message: message.clone(), receives: 0 });
    }

    /// Moves messages that used up their receives to the dead letters.
    fn bury(&mut self, now: Timestamp) {
        let spent =
            self.waiting.extract_if(..=(now, u64::MAX), |_, waiting| waiting.receives >= RECEIVES);
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
