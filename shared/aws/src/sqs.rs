//! The queue in SQS. Message groups make a standard queue fair: no order, but no tenant's burst
//! delays another.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::RequestId;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, MessageSystemAttributeNameForSends as TraceHeader,
    MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::sdk::{SdkFailure, failure};
use crate::trace;
use store::message::Queued;
use store::queue::{LONGEST_DELAY, Queue, QueueError, delay, message_group};

/// Maximum number of messages in one call.
const BATCH_LIMIT: usize = 10;

/// Maximum number of concurrent calls, for the cycle's message to each tenant.
const CALLS_AT_A_TIME: usize = 16;

/// A standard queue in SQS.
pub struct SqsQueue {
    client: Client,
    queue_url: String,
}

impl SqsQueue {
    /// Returns the queue with this URL.
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }

    /// Sends up to ten messages in one call, and returns those that were not accepted.
    async fn batch(
        &self,
        entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<Vec<BatchResultErrorEntry>, QueueError> {
        let request =
            self.client.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries));
        Ok(request.send().await.map_err(|error| classified(&error))?.failed)
    }

    /// Sends up to ten messages, and those that were not accepted a second time.
    async fn send_ten(&self, entries: Vec<SendMessageBatchRequestEntry>) -> Result<(), QueueError> {
        let failed = self.batch(entries.clone()).await?;
        if failed.is_empty() {
            return Ok(());
        }
        let again = entries
            .into_iter()
            // A batch can succeed in part. Sending all again would double the rest.
            .filter(|entry| failed.iter().any(|failed| failed.id == entry.id))
            .collect();
        match self.batch(again).await?.first() {
            None => Ok(()),
            Some(still) => {
                let what = format!("{}: {}", still.code, still.message().unwrap_or("no text"));
                // A message that is at fault itself would be refused each time.
                Err(if still.sender_fault {
                    QueueError::Refused(what)
                } else {
                    QueueError::Busy(what)
                })
            }
        }
    }
}

#[async_trait]
impl<M: Queued> Queue<M> for SqsQueue {
    async fn send(&self, message: &M, delay: Duration) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body(message)?)
            .message_group_id(message_group(message.tenant()))
            .delay_seconds(whole_seconds(delay.min(LONGEST_DELAY)))
            .set_message_system_attributes(trace()?)
            .send()
            .await
            .map(drop)
            .map_err(|error| classified(&error))
    }

    async fn send_spaced(&self, messages: &[M], gap: Duration) -> Result<(), QueueError> {
        let entries = messages
            .iter()
            .enumerate()
            .map(|(place, message)| entry(place, message, delay(place, gap)));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        // Ten messages cost as much as one.
        let tens: Vec<_> = entries.chunks(BATCH_LIMIT).map(<[_]>::to_vec).collect();
        stream::iter(tens)
            .map(Ok)
            .try_for_each_concurrent(CALLS_AT_A_TIME, |ten| self.send_ten(ten))
            .await
    }
}

/// Rounds up, so that no message is early.
fn whole_seconds(delay: Duration) -> i32 {
    // Rounded up: a message that comes too early finds nothing to do.
    i32::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

fn entry<M: Queued>(
    number: usize,
    message: &M,
    delay: Duration,
) -> Result<SendMessageBatchRequestEntry, QueueError> {
    SendMessageBatchRequestEntry::builder()
        // SQS asks only that the ids of one call differ.
        .id(number.to_string())
        .message_body(body(message)?)
        .message_group_id(message_group(message.tenant()))
        .delay_seconds(whole_seconds(delay))
        .set_message_system_attributes(trace()?)
        .build()
        .map_err(|error: BuildError| QueueError::Refused(error.to_string()))
}

/// Returns the trace that the messages continue.
fn trace() -> Result<Option<HashMap<TraceHeader, MessageSystemAttributeValue>>, QueueError> {
    let Some(header) = trace::current() else {
        return Ok(None);
    };
    let value =
        MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
    let value = value.map_err(|error| QueueError::Refused(error.to_string()))?;
    Ok(Some(HashMap::from([(TraceHeader::AwsTraceHeader, value)])))
}

fn body<M: Queued>(message: &M) -> Result<String, QueueError> {
    serde_json::to_string(message).map_err(|error| QueueError::Refused(error.to_string()))
}

fn classified<E>(error: &SdkError<E, HttpResponse>) -> QueueError
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
{
    match failure(error) {
        SdkFailure::Busy(what) => QueueError::Busy(what),
        SdkFailure::Refused(what) => QueueError::Refused(what),
    }
}
