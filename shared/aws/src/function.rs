//! The loop of the Lambda runtime, with the log, the metrics and the trace of each invocation.

use std::time::Duration;

use clients::http::Deadline;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use metrics_cloudwatch_embedded::Collector;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::trace;

/// Time between the last call and the end of the invocation, for storing the outcome.
const SHUTDOWN_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// Handles invocations until the runtime stops the function.
///
/// `handler` gets the event, and the deadline of its last call. `metrics`, if any, are written
/// after each invocation.
///
/// # Errors
/// The runtime's.
pub async fn serve<Event, Response>(
    metrics: Option<&'static Collector>,
    handler: impl AsyncFn(Event, Deadline) -> Result<Response, Diagnostic>,
) -> Result<(), Error>
where
    Event: DeserializeOwned,
    Response: Serialize,
{
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        let LambdaEvent { payload, context } = event;
        let ends_at = Timestamp::UNIX_EPOCH + Duration::from_millis(context.deadline);
        let handled = handler(payload, Deadline(ends_at - SHUTDOWN_MARGIN));
        let response = trace::under(context.xray_trace_id, handled).await;
        // Lost metrics are no reason to do the work again.
        if let Some(Err(error)) = metrics.map(|metrics| metrics.flush(std::io::stdout())) {
            tracing::warn!(event = "metrics_lost", %error, "could not write the metrics");
        }
        response
    }))
    .await
}
