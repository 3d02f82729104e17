//! X-Ray trace of an invocation. Messages that a function queues continue its trace, but not its
//! `Lineage`: Lambda counts the functions of a chain in it, and ends a chain of 16 as a loop. Ours
//! end themselves.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>, <https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html>

tokio::task_local! {
    static TRACE: Option<String>;
}

/// Fields of the header that messages continue.
const CONTINUED: [&str; 3] = ["Root=", "Parent=", "Sampled="];

/// Runs a future under a trace: the header `Root=...;Parent=...;Sampled=...`, if the invocation has
/// one.
pub async fn under<F: Future>(header: Option<String>, what: F) -> F::Output {
    TRACE.scope(header.map(|header| continued(&header)), what).await
}

/// Runs a future whose messages begin their own traces.
pub async fn without<F: Future>(what: F) -> F::Output {
    TRACE.scope(None, what).await
}

fn continued(header: &str) -> String {
    let fields = header.split(';').map(str::trim);
    let ours = fields.filter(|field| CONTINUED.iter().any(|name| field.starts_with(name)));
    ours.collect::<Vec<_>>().join(";")
}

/// Returns the current trace.
pub fn current() -> Option<String> {
    TRACE.try_with(Clone::clone).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_continue_the_trace_without_its_chain_of_functions() {
        let header = "Root=1-6b0562e8-4349ad72c8904e4cb68d26a9;Parent=53995c3f42cd8ad8;Sampled=1;\
                      Lineage=1:a87bd80c:16|68fd508a:5";
        let queued = under(Some(header.to_owned()), async { current() }).await;
        assert_eq!(
            queued.as_deref(),
            Some("Root=1-6b0562e8-4349ad72c8904e4cb68d26a9;Parent=53995c3f42cd8ad8;Sampled=1")
        );
        let inside = async { without(async { current() }).await };
        assert_eq!(under(Some(header.to_owned()), inside).await, None);
    }
}
