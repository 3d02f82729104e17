//! Batches of SQS messages: all are handled side by side, and only the failed ones come back.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future::join_all;
use serde::de::DeserializeOwned;
use tracing::Instrument;

/// Maximum number of characters of a failed message in the log.
const LOGGED_BODY: usize = 500;

/// Reason why a message returns to the queue. After five receives it is a dead letter.
#[derive(Debug, thiserror::Error)]
enum MessageError<E> {
    #[error("the message is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0}")]
    Failed(E),
    #[error("the handler panicked")]
    Panicked,
}

/// Handles each message of a batch, and returns those that have to be delivered again.
pub async fn run<M, E>(
    event: SqsEvent,
    handler: impl AsyncFn(M) -> Result<(), E>,
) -> SqsBatchResponse
where
    M: DeserializeOwned,
    E: Display,
{
    let records = event.records.into_iter().map(|record| handle_record(record, &handler));
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = join_all(records).await.into_iter().flatten().collect();
    response
}

async fn handle_record<M, E>(
    record: SqsMessage,
    handler: &impl AsyncFn(M) -> Result<(), E>,
) -> Option<BatchItemFailure>
where
    M: DeserializeOwned,
    E: Display,
{
    let body = record.body.unwrap_or_default();
    // The trace under which the sender wrote its own log lines.
    let sent_under = record.attributes.get("AWSTraceHeader");
    // The messages of a batch run side by side, and so do their log lines.
    let span = tracing::info_span!("message", id = record.message_id, sent_under);
    let handled = async {
        let message: M = serde_json::from_str(&body)?;
        handler(message).await.map_err(MessageError::Failed)
    };
    // A panic concerns one message; the others of the batch are not delivered again for it.
    let handled = AssertUnwindSafe(handled.instrument(span)).catch_unwind().await;
    let error = handled.unwrap_or(Err(MessageError::Panicked)).err()?;
    metrics::counter!("MessagesReturned").increment(1);
    let receives = record.attributes.get("ApproximateReceiveCount").map_or("1", String::as_str);
    tracing::error!(
        event = "message_returned",
        %error,
        message_id = record.message_id,
        receives,
        // Bodies hold ids only, and a malformed one is the only witness of itself.
        body = body.chars().take(LOGGED_BODY).collect::<String>(),
        "returned a message to the queue"
    );
    let mut failure = BatchItemFailure::default();
    // An empty id returns the whole batch, which is right for a message without one.
    failure.item_identifier = record.message_id.unwrap_or_default();
    Some(failure)
}
