//! The trace of an invocation, as X-Ray hands it to a function: what a function queues goes on under the trace of what asked for it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>, <https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html>

tokio::task_local! {
    static TRACE: Option<String>;
}

/// Runs something under a trace: the header `Root=...;Parent=...;Sampled=...`, where the invocation has one.
pub async fn under<F: Future>(header: Option<String>, what: F) -> F::Output {
    TRACE.scope(header, what).await
}

/// The trace that this runs under.
pub fn current() -> Option<String> {
    TRACE.try_with(Clone::clone).ok().flatten()
}
