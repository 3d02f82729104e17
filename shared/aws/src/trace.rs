//! X-Ray trace of an invocation. Messages that a function queues continue its trace.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>, <https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html>

tokio::task_local! {
    static TRACE: Option<String>;
}

/// Runs a future under a trace: the header `Root=...;Parent=...;Sampled=...`, if the invocation has
/// one.
pub async fn under<F: Future>(header: Option<String>, what: F) -> F::Output {
    TRACE.scope(header, what).await
}

/// Returns the current trace.
pub fn current() -> Option<String> {
    TRACE.try_with(Clone::clone).ok().flatten()
}
