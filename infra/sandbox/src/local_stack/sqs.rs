//! A stand-in for SQS event sources: batches of messages, and what becomes of them.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use store::message::Queued;
use store::queue::memory::{MemoryQueue, Received};

/// Messages as SQS delivers them.
pub(super) fn batch<M: Queued>(received: &[Received<M>]) -> SqsEvent {
    let mut event = SqsEvent::default();
    for one in received {
        let mut record = SqsMessage::default();
        // The function's response names failed messages by this id.
        record.message_id = Some(format!("{:?}", one.receipt));
        record.body = serde_json::to_string(&one.message).ok();
        record.attributes.insert("ApproximateReceiveCount".into(), one.receives.to_string());
        event.records.push(record);
    }
    event
}

/// Deletes the messages that the function did not report as failed.
pub(super) fn delete_handled<M: Queued>(
    queue: &MemoryQueue<M>,
    received: Vec<Received<M>>,
    response: &SqsBatchResponse,
) {
    for one in received {
        let id = format!("{:?}", one.receipt);
        let mut failures = response.batch_item_failures.iter();
        if !failures.any(|failure| failure.item_identifier == id) {
            queue.delete(one.receipt);
        }
    }
}
