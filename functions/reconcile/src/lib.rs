//! The reconcile function: the schedule requests a reconciliation cycle of every tenant each
//! minute, and each request runs one cycle. Cycles of different tenants do not wait for each other.

pub mod health;

use aws::{batch, trace};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use clients::http::Deadline;
use engine::reconcile::Reconciler;
use engine::sync::SyncError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use store::message::ReconcileRequest;

/// The event that starts the function.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Event {
    // First: the other variant accepts any event.
    /// A batch of requests from the reconcile queue.
    Requests(SqsEvent),
    /// The schedule, with any input.
    Schedule(IgnoredAny),
}

/// Requests a cycle of every tenant, or runs the requested cycles side by side.
///
/// # Errors
/// The list of tenants or the queue of requests is out of reach. The next minute tries again.
pub async fn handle(
    reconciler: &Reconciler,
    event: Event,
    deadline: Deadline,
) -> Result<SqsBatchResponse, SyncError> {
    match event {
        Event::Schedule(_) => {
            // One trace cannot hold the cycles of all tenants.
            let tenants = trace::without(reconciler.schedule()).await?;
            tracing::info!(event = "cycles_requested", tenants, "requested a cycle of each tenant");
            // The schedule ignores the answer, which must have the type of the other event's.
            Ok(SqsBatchResponse::default())
        }
        Event::Requests(event) => {
            let run_cycle = async |request: ReconcileRequest| {
                reconciler.run_cycle(&request, deadline).await.map(drop)
            };
            Ok(batch::run(event, run_cycle).await)
        }
    }
}
