//! Webhooks and notifications that are due, and what becomes of them.

use std::time::Duration;

use domain::ids::DirectoryId;
use jiff::Timestamp;
use uuid::Uuid;

use super::World;
use crate::microsoft::subscriptions;
use crate::state::outbox::Delivery;
use crate::webex::webhooks;

/// Number of past deliveries that can be repeated.
const REPEATABLE: usize = 1000;

impl World {
    /// Takes the webhooks and notifications that are due at `now`, in the order of their moments.
    pub fn take_deliveries(&self, now: Timestamp) -> Vec<Delivery> {
        let mut state = self.lock();
        let all = std::mem::take(&mut state.outbox);
        let (mut due, later): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|delivery| delivery.due <= now);
        state.outbox = later;
        due.sort_by_key(|delivery| delivery.due);
        state.sent.extend(due.iter().cloned());
        let excess = state.sent.len().saturating_sub(REPEATABLE);
        state.sent.drain(..excess);
        due
    }

    /// Queues the last deliveries again, in their order. Returns their number, at most `last`.
    pub fn repeat_deliveries(&self, last: usize) -> usize {
        let mut state = self.lock();
        let count = state.sent.len().min(last);
        let (from, now) = (state.sent.len() - count, state.now);
        let repeated: Vec<Delivery> =
            state.sent[from..].iter().map(|sent| Delivery { due: now, ..sent.clone() }).collect();
        state.outbox.extend(repeated);
        count
    }

    /// Reverses the order of the waiting deliveries. Returns their number.
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

    /// Delays the waiting deliveries. Returns their number.
    pub fn delay_deliveries(&self, by: Duration) -> usize {
        let mut state = self.lock();
        state.outbox.iter_mut().for_each(|delivery| delivery.due += by);
        state.outbox.len()
    }

    /// Returns the moment at which the next delivery is due.
    pub fn next_delivery_at(&self) -> Option<Timestamp> {
        self.lock().outbox.iter().map(|delivery| delivery.due).min()
    }

    /// Records that a delivery was not answered with 2xx. A hundred failures within five minutes
    /// disable a webhook; a subscription stays as it is.
    pub fn delivery_failed(&self, sender: Uuid) {
        webhooks::delivery_failed(&mut self.lock(), sender);
    }

    /// Asks for reauthorization of every subscription of the directory that has a
    /// `lifecycleNotificationUrl`. A subscription falls silent without `reauthorize` or a renewal
    /// within [`GraphSettings::reauthorize_within`](crate::GraphSettings).
    pub fn require_reauthorization(&self, directory: DirectoryId) {
        subscriptions::require_reauthorization(&mut self.lock(), directory);
    }

    /// Removes the directory's subscriptions without any notification.
    pub fn lose_subscriptions(&self, directory: DirectoryId) {
        self.lock().microsoft.subscriptions.retain(|_, found| found.directory != directory);
    }
}
