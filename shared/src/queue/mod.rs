//! The queue between hints and looks: standard, at least once, in no order, fair by tenant.

pub mod memory;
#[cfg(feature = "aws")]
pub mod sqs;

use std::time::Duration;

use async_trait::async_trait;

use crate::ids::TenantId;
use crate::message::Message;

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

/// Where messages wait for a look. The tenant is the message's group, so that one tenant's burst does not delay another.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Queues one message to be delivered after `delay`, at most [`LONGEST_DELAY`] (a longer one is cut to it).
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError>;
    /// Queues many at once, in as few calls as the service allows (SQS: ten a call); an error means that some may not have been queued.
    async fn send_all(&self, messages: &[Message]) -> Result<(), QueueError>;
}

/// The group that SQS's fairness goes by.
pub fn message_group(tenant: TenantId) -> String {
    tenant.to_string()
}
