//! The queue's side: a batch of messages in, and out which of them have to come again.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use clients::http::Deadline;
use engine::sync::{Sync, SyncError};
use futures::FutureExt;
use futures::future::join_all;
use store::message::Message;
use tracing::Instrument;

/// Why a message goes back to the queue. After five receives it is a dead letter.
#[derive(Debug, thiserror::Error)]
enum Returned {
    #[error("the message cannot be understood: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    #[error(transparent)]
    Failed(#[from] SyncError),
    #[error("the look ended in a panic")]
    Panicked,
}

/// Deals with a batch: all messages start side by side, and each one answers for itself only.
pub async fn handle(sync: &Sync, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    let failures = join_all(event.records.into_iter().map(|record| one(sync, record, deadline))).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.into_iter().flatten().collect();
    response
}

async fn one(sync: &Sync, record: SqsMessage, deadline: Deadline) -> Option<BatchItemFailure> {
    let body = record.body.unwrap_or_default();
    // Under it whatever sent the message wrote its own lines.
    let sent_under = record.attributes.get("AWSTraceHeader");
    let span = tracing::info_span!("message", id = record.message_id, sent_under);
    let looked = AssertUnwindSafe(look(sync, &body, deadline).instrument(span)).catch_unwind().await;
    let error = looked.unwrap_or(Err(Returned::Panicked)).err()?;
    let receives = record.attributes.get("ApproximateReceiveCount").map_or("1", String::as_str);
    tracing::error!(%error, message_id = record.message_id, receives, body = body.chars().take(500).collect::<String>(), "a message goes back to the queue");
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    Some(failure)
}

async fn look(sync: &Sync, body: &str, deadline: Deadline) -> Result<(), Returned> {
    let message: Message = serde_json::from_str(body)?;
    Ok(sync.handle(&message, deadline).await?)
}
