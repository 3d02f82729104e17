//! What the services send of their own accord. Nothing is sent from here: who runs the world takes what is due, delivers it, and says what failed.

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use uuid::Uuid;

use crate::world::{State, World};

/// A Webex webhook or a Graph notification on its way: a `POST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The webhook or subscription, for [`World::delivery_failed`].
    pub sender: Uuid,
    /// Where it goes.
    pub url: String,
    /// The content type, and `X-Spark-Signature` where a webhook has a secret.
    pub headers: HeaderMap,
    /// The body, as signed.
    pub body: Bytes,
    /// When it is due.
    pub due: Timestamp,
}

/// So many deliveries can be repeated.
const KEPT: usize = 1000;

/// How reliably something is delivered.
pub(crate) struct Mail {
    pub(crate) delay: std::time::Duration,
    pub(crate) jitter: std::time::Duration,
    /// Of a hundred.
    pub(crate) lost: u8,
    /// Of a hundred.
    pub(crate) doubled: u8,
}

impl State {
    pub(crate) fn post_out(&mut self, sender: Uuid, url: &str, headers: HeaderMap, body: Bytes, mail: &Mail) {
        if self.rng.u8(0..100) < mail.lost {
            return;
        }
        let copies = if self.rng.u8(0..100) < mail.doubled { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = u64::try_from(mail.jitter.as_millis()).unwrap_or(u64::MAX);
            let due = self.now + mail.delay + std::time::Duration::from_millis(self.rng.u64(0..=jitter));
            let (url, headers, body) = (url.to_owned(), headers.clone(), body.clone());
            self.outbox.push(Delivery { sender, url, headers, body, due });
        }
    }
}

impl World {
    /// What is due at `now`, webhooks and notifications, in the order in which it comes; it is on its way then and does not come again.
    pub fn take_deliveries(&self, now: Timestamp) -> Vec<Delivery> {
        let mut state = self.lock();
        let all = std::mem::take(&mut state.outbox);
        let (mut due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|delivery| delivery.due <= now);
        state.outbox = later;
        due.sort_by_key(|delivery| delivery.due);
        state.sent.extend(due.iter().cloned());
        let forgotten = state.sent.len().saturating_sub(KEPT);
        state.sent.drain(..forgotten);
        due
    }

    /// The last deliveries, so many of them, come once more, in their order. Says how many there are.
    pub fn repeat_deliveries(&self, last: usize) -> usize {
        let mut state = self.lock();
        let again = state.sent.len().min(last);
        let from = state.sent.len() - again;
        let now = state.now;
        let again_sent: Vec<Delivery> =
            state.sent[from..].iter().cloned().map(|sent| Delivery { due: now, ..sent }).collect();
        state.outbox.extend(again_sent);
        again
    }

    /// What waits now is delivered in the contrary order. Says how many there are.
    pub fn reverse_deliveries(&self) -> usize {
        let mut state = self.lock();
        state.outbox.sort_by_key(|delivery| delivery.due);
        let mut times: Vec<Timestamp> = state.outbox.iter().map(|delivery| delivery.due).collect();
        for delivery in &mut state.outbox {
            delivery.due = times.pop().unwrap_or(delivery.due);
        }
        state.outbox.reverse();
        state.outbox.len()
    }

    /// What waits now is delivered so much later. Says how many there are.
    pub fn delay_deliveries(&self, by: std::time::Duration) -> usize {
        let mut state = self.lock();
        state.outbox.iter_mut().for_each(|delivery| delivery.due += by);
        state.outbox.len()
    }

    /// When the next delivery is due.
    pub fn next_delivery_at(&self) -> Option<Timestamp> {
        self.lock().outbox.iter().map(|delivery| delivery.due).min()
    }
}
