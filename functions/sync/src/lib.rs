//! The sync function: a batch of messages in, and the failed ones out.

use aws::batch;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use clients::http::Deadline;
use engine::sync::Deps;
use store::message::Message;

/// Handles a batch of messages. A message that fails is delivered again; the others are not.
pub async fn handle(deps: &Deps, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    batch::run(event, async |message: Message| deps.handle(&message, deadline).await).await
}
