//! The queues of the sync and reconcile functions: standard queues, at least once, unordered, fair
//! by tenant.

pub mod memory;

use std::time::Duration;

use async_trait::async_trait;

use crate::message::{Message, Queued};
use domain::ids::TenantId;

/// Longest delay of a message, a limit of SQS.
pub const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// Error of queueing a message.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueueError {
    /// The queue is throttled or unreachable. A retry helps.
    #[error("the queue is out of reach for now: {0}")]
    Busy(String),
    /// The service refused, and would again.
    #[error("the queue refused: {0}")]
    Refused(String),
}

/// A queue of messages. The tenant is the message group, so one tenant's burst does not delay
/// another.
#[async_trait]
pub trait Queue<M: Queued = Message>: Send + Sync {
    /// Queues one message for delivery after `delay`. A longer delay than [`LONGEST_DELAY`] is cut
    /// to it.
    async fn send(&self, message: &M, delay: Duration) -> Result<(), QueueError>;
    /// Queues many messages in as few calls as possible (SQS: ten a call), each `gap` after the one
    /// before, at most [`LONGEST_DELAY`] late. After an error some may not be queued.
    async fn send_spaced(&self, messages: &[M], gap: Duration) -> Result<(), QueueError>;
    /// Queues many messages without delay.
    async fn send_all(&self, messages: &[M]) -> Result<(), QueueError> {
        self.send_spaced(messages, Duration::ZERO).await
    }
}

/// Returns the delay of the message at `place`.
pub fn delay(place: usize, gap: Duration) -> Duration {
    // Saturated values are exact enough, because the result is cut to the longest delay.
    gap.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX)).min(LONGEST_DELAY)
}

/// Returns the message group that SQS uses for fairness.
pub fn message_group(tenant: TenantId) -> String {
    tenant.to_string()
}
