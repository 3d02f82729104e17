//! Webhooks and notifications on their way. Nothing is sent from here: the owner of the world takes
//! what is due and delivers it.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use uuid::Uuid;

use super::State;

/// A Webex webhook or a Graph notification on its way: a `POST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Webhook or subscription that sends it, for
    /// [`World::delivery_failed`](crate::World::delivery_failed).
    pub sender: Uuid,
    /// Target address.
    pub url: String,
    /// Content type, and `X-Spark-Signature` if a webhook has a secret.
    pub headers: HeaderMap,
    /// Body, as signed.
    pub body: Bytes,
    /// Moment from which it can be taken.
    pub due: Timestamp,
}

/// Reliability of a kind of delivery.
pub(crate) struct DeliveryRules {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    /// Percentage that is lost.
    pub(crate) lost: u8,
    /// Percentage that is sent twice.
    pub(crate) doubled: u8,
}

impl State {
    /// Queues a delivery: once, twice or not at all, as the rules say.
    pub(crate) fn queue_delivery(&mut self, delivery: Delivery, rules: &DeliveryRules) {
        if self.rng.u8(0..100) < rules.lost {
            return;
        }
        let copies = if self.rng.u8(0..100) < rules.doubled { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = u64::try_from(rules.jitter.as_millis()).unwrap_or(u64::MAX);
            let due = self.now + rules.delay + Duration::from_millis(self.rng.u64(0..=jitter));
            self.outbox.push(Delivery { due, ..delivery.clone() });
        }
    }
}
