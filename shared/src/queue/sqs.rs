//! The queue in SQS. A message group on a standard queue makes it a fair queue: no order, but no tenant's burst delays another.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::RequestId;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};

use super::{LONGEST_DELAY, Queue, QueueError, message_group};
use crate::aws::{Failure, failure};
use crate::message::Message;

/// Most messages in one call.
const BATCH_LIMIT: usize = 10;

/// A standard queue in SQS.
pub struct SqsQueue {
    client: Client,
    queue_url: String,
}

impl SqsQueue {
    /// The queue with this URL.
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }

    /// Sends up to ten messages in one call, and says which were not taken.
    async fn batch(
        &self,
        entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<Vec<BatchResultErrorEntry>, QueueError> {
        let request = self.client.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries));
        Ok(request.send().await.map_err(|error| sorted(&error))?.failed)
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        // Rounded up, so that no message is early.
        let seconds = delay.min(LONGEST_DELAY).as_millis().div_ceil(1000);
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body(message)?)
            .message_group_id(message_group(message.tenant))
            .delay_seconds(i32::try_from(seconds).unwrap_or(i32::MAX))
            .send()
            .await
            .map(drop)
            .map_err(|error| sorted(&error))
    }

    async fn send_all(&self, messages: &[Message]) -> Result<(), QueueError> {
        for ten in messages.chunks(BATCH_LIMIT) {
            let entries: Result<Vec<_>, _> = ten.iter().enumerate().map(|(n, message)| entry(n, message)).collect();
            let entries = entries?;
            let failed = self.batch(entries.clone()).await?;
            if failed.is_empty() {
                continue;
            }
            let again = entries.into_iter().filter(|entry| failed.iter().any(|failed| failed.id == entry.id)).collect();
            if let Some(still) = self.batch(again).await?.first() {
                let what = format!("{}: {}", still.code, still.message().unwrap_or("no text"));
                return Err(if still.sender_fault { QueueError::Refused(what) } else { QueueError::Busy(what) });
            }
        }
        Ok(())
    }
}

fn entry(number: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, QueueError> {
    SendMessageBatchRequestEntry::builder()
        .id(number.to_string())
        .message_body(body(message)?)
        .message_group_id(message_group(message.tenant))
        .build()
        .map_err(|error: BuildError| QueueError::Refused(error.to_string()))
}

fn body(message: &Message) -> Result<String, QueueError> {
    serde_json::to_string(message).map_err(|error| QueueError::Refused(error.to_string()))
}

fn sorted<E>(error: &SdkError<E, HttpResponse>) -> QueueError
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
{
    match failure(error) {
        Failure::Busy(what) => QueueError::Busy(what),
        Failure::Refused(what) => QueueError::Refused(what),
    }
}
