//! The schedule's and the reconcile queue's side: every minute a turn for each tenant, and each turn the tenant's round. One tenant's round never waits for another's.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use clients::http::Deadline;
use engine::reconcile::Rounds;
use engine::sync::SyncError;
use futures::FutureExt;
use futures::future::join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;
use store::message::Turn;

/// What starts the function.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// A batch of turns, of the reconcile queue.
    Turns(SqsEvent),
    /// Anything else is the schedule, whatever its input says.
    Schedule(IgnoredAny),
}

/// Why a turn goes back to the queue.
#[derive(Debug, thiserror::Error)]
enum Returned {
    #[error("the turn cannot be understood: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    #[error(transparent)]
    Failed(#[from] SyncError),
    #[error("the round ended in a panic")]
    Panicked,
}

/// Gives every tenant its turn, or makes the rounds of a batch of turns, side by side. Each turn answers for itself only.
///
/// # Errors
/// The list of tenants or the queue of turns is out of reach: the next minute tries again.
pub async fn handle(rounds: &Rounds, event: Event, deadline: Deadline) -> Result<SqsBatchResponse, SyncError> {
    let mut response = SqsBatchResponse::default();
    match event {
        Event::Schedule(_) => {
            let tenants = rounds.schedule().await?;
            tracing::info!(tenants, "every tenant has its turn");
        }
        Event::Turns(event) => {
            let failures = join_all(event.records.into_iter().map(|record| one(rounds, record, deadline))).await;
            response.batch_item_failures = failures.into_iter().flatten().collect();
        }
    }
    Ok(response)
}

async fn one(rounds: &Rounds, record: SqsMessage, deadline: Deadline) -> Option<BatchItemFailure> {
    let body = record.body.unwrap_or_default();
    let made = AssertUnwindSafe(make(rounds, &body, deadline)).catch_unwind().await.unwrap_or(Err(Returned::Panicked));
    let error = made.err()?;
    tracing::error!(%error, message_id = record.message_id, body = body.chars().take(500).collect::<String>(), "a turn goes back to the queue");
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    Some(failure)
}

async fn make(rounds: &Rounds, body: &str, deadline: Deadline) -> Result<(), Returned> {
    let turn: Turn = serde_json::from_str(body)?;
    rounds.take_turn(&turn, deadline).await?;
    Ok(())
}
