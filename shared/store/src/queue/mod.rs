//! The queues, of looks and of rounds: standard, at least once, in no order, fair by tenant.

pub mod memory;

use std::time::Duration;

use async_trait::async_trait;

use crate::message::{Message, Queued};
use domain::ids::TenantId;

/// Longest delay of a message (SQS's own limit).
pub const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// Why a message was not queued.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueueError {
    /// Throttled or out of reach: trying again helps.
    #[error("the queue is out of reach for now: {0}")]
    Busy(String),
    /// The service refused, and would again.
    #[error("the queue refused: {0}")]
    Refused(String),
}

/// Where messages wait. The tenant is the message's group, so that one tenant's burst does not delay another.
#[async_trait]
pub trait Queue<M: Queued = Message>: Send + Sync {
    /// Queues one message to be delivered after `delay`, at most [`LONGEST_DELAY`] (a longer one is cut to it).
    async fn send(&self, message: &M, delay: Duration) -> Result<(), QueueError>;
    /// Queues many, in as few calls as the service allows (SQS: ten a call), each of them `gap` after the one before, at most [`LONGEST_DELAY`] late. An error means that
    /// some may not have been queued.
    async fn send_spaced(&self, messages: &[M], gap: Duration) -> Result<(), QueueError>;
    /// Queues many at once.
    async fn send_all(&self, messages: &[M]) -> Result<(), QueueError> {
        self.send_spaced(messages, Duration::ZERO).await
    }
}

/// How late the message at this place is.
pub fn delay(place: usize, gap: Duration) -> Duration {
    gap.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX)).min(LONGEST_DELAY)
}

/// The group that SQS's fairness goes by.
pub fn message_group(tenant: TenantId) -> String {
    tenant.to_string()
}
