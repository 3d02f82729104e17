//! The loop of the Lambda runtime, with the log, the metrics and the trace of each invocation.

use std::time::Duration;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use clients::http::Deadline;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use metrics_cloudwatch_embedded::Collector;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::trace;

/// Time between the last call and the end of the invocation, for storing the outcome.
const SHUTDOWN_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// Bytes of an event beside its body: API Gateway takes 10 KB of headers, and repeats some.
const BESIDE_BODY: usize = 128 * 1024;

/// Handles HTTP requests of API Gateway until the runtime stops the function.
///
/// A body above `largest_body` bytes is refused before the event is parsed: anyone can send 6 MB.
///
/// # Errors
/// The runtime's.
pub async fn serve_http(
    metrics: Option<&'static Collector>,
    largest_body: usize,
    handler: impl AsyncFn(ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse,
) -> Result<(), Error> {
    serve(metrics, async |event: Box<RawValue>, _| match read_event(&event, largest_body)? {
        Some(request) => Ok(handler(request).await),
        None => {
            let mut refusal = ApiGatewayV2httpResponse::default();
            refusal.status_code = StatusCode::PAYLOAD_TOO_LARGE.as_u16().into();
            Ok(refusal)
        }
    })
    .await
}

/// Reads an event; `None` if it is so long that its body must be too large.
fn read_event(
    event: &RawValue,
    largest_body: usize,
) -> Result<Option<ApiGatewayV2httpRequest>, Diagnostic> {
    // JSON and base64 can double a body.
    if event.get().len() > largest_body.saturating_mul(2) + BESIDE_BODY {
        return Ok(None);
    }
    let read = serde_json::from_str(event.get());
    read.map(Some).map_err(|error| Diagnostic {
        error_type: "UnreadableEvent".into(),
        error_message: error.to_string(),
    })
}

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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(body: String) -> Box<RawValue> {
        let event = json!({
            "version": "2.0",
            "rawPath": "/",
            "headers": {},
            "body": body,
            "requestContext": {"http": {"method": "POST"}, "timeEpoch": 0}
        });
        RawValue::from_string(event.to_string()).unwrap()
    }

    #[test]
    fn long_event_is_not_parsed() {
        const LARGEST: usize = 64 * 1024;
        let request = read_event(&event("x".repeat(LARGEST)), LARGEST).unwrap().unwrap();
        assert_eq!(request.body.map(|body| body.len()), Some(LARGEST));
        assert!(read_event(&event("x".repeat(6 << 20)), LARGEST).unwrap().is_none());
        // Not even looked at: this one is no request.
        let rubbish = format!("\"{}\"", "x".repeat(6 << 20));
        let rubbish = RawValue::from_string(rubbish).unwrap();
        assert!(read_event(&rubbish, LARGEST).unwrap().is_none());
    }

    #[test]
    fn quotes_and_base64_leave_room_for_the_largest_body() {
        const LARGEST: usize = 64 * 1024;
        for body in ["\"".repeat(LARGEST), "A".repeat(LARGEST * 4 / 3 + 4)] {
            assert!(read_event(&event(body), LARGEST).unwrap().is_some());
        }
    }
}
