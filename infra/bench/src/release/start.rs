//! Start-up: from the start of a function's process to its first answer, and warm events.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::aws::Aws;
use super::connection;
use super::events::{Webhook, binary, environment, http_event, sqs_event, webhook};
use super::format::{milliseconds, p50_p99};
use super::lambda::Instance;
use crate::BenchError;
use crate::error::unexpected;

/// Starts of each function.
const STARTS: usize = 50;

/// Events of each start after the first.
const WARM: usize = 20;

/// Targets: time from the start until the function asks for work, and memory in KiB.
const INIT: Duration = Duration::from_millis(15);
const MEMORY: u64 = 20 * 1024;

/// A function, and an event for it.
struct Function {
    name: &'static str,
    /// The event, and the AWS requests it causes.
    event: &'static str,
    payload: Bytes,
}

/// The times of all starts of a function, sorted.
#[derive(Default)]
struct Measured {
    init: Vec<Duration>,
    first: Vec<Duration>,
    first_cpu: Vec<Duration>,
    warm: Vec<Duration>,
    warm_cpu: Vec<Duration>,
    /// Peak memory in KiB.
    peak: u64,
}

/// Measures the start-up of each function, as a Markdown table.
///
/// # Errors
/// If a function's release build is missing or fails.
pub async fn start() -> Result<String, BenchError> {
    let aws = Aws::open().await?;
    let mut rows = vec![];
    for function in functions().await? {
        let measured = measure(&function, &aws).await?;
        rows.push(row(&function, &measured));
    }
    Ok(format!(
        "Each function was started {STARTS} times; each start had one event and {WARM} more. \
         Times are p50, p99.\n\n\
         | function | start to first `/next` | first event, with its TLS connections \
         | its CPU time | a warm event | its CPU time | peak memory | event |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n{}\n\n\
         Targets: at most {} and {} MiB. {}",
        rows.join("\n"),
        milliseconds(INIT),
        MEMORY / 1024,
        connection::describe(&aws).await?
    ))
}

async fn measure(function: &Function, aws: &Aws) -> Result<Measured, BenchError> {
    let (binary, environment) = (binary(function.name), environment(aws));
    let mut measured = Measured::default();
    for _ in 0..STARTS {
        let mut instance = Instance::start(&binary, &environment).await?;
        measured.init.push(instance.init);
        let first = instance.invoke(&function.payload).await?;
        check_answer(function, &first.answer)?;
        measured.first.push(first.took);
        measured.first_cpu.push(first.cpu);
        for _ in 0..WARM {
            let warm = instance.invoke(&function.payload).await?;
            measured.warm.push(warm.took);
            measured.warm_cpu.push(warm.cpu);
        }
        measured.peak = measured.peak.max(instance.peak());
    }
    let Measured { init, first, first_cpu, warm, warm_cpu, .. } = &mut measured;
    for times in [init, first, first_cpu, warm, warm_cpu] {
        times.sort_unstable();
    }
    Ok(measured)
}

fn row(function: &Function, measured: &Measured) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {:.1} MiB | {} |",
        function.name,
        p50_p99(&measured.init),
        p50_p99(&measured.first),
        p50_p99(&measured.first_cpu),
        p50_p99(&measured.warm),
        p50_p99(&measured.warm_cpu),
        measured.peak as f64 / 1024.0,
        function.event
    )
}

/// Checks that the function accepted the request, or handled the message.
fn check_answer(function: &Function, answer: &Bytes) -> Result<(), BenchError> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let is_success = match function.name {
        "webhook" | "oauth" => answer["statusCode"].as_u64().is_some_and(|status| status < 400),
        _ => answer["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
    };
    if is_success { Ok(()) } else { Err(unexpected(format!("{}: {answer}", function.name))) }
}

async fn functions() -> Result<[Function; 4], BenchError> {
    let Webhook { path, headers, body } = webhook().await?;
    Ok([
        Function {
            name: "webhook",
            event: "a webhook that is checked and queued: a secret, then the queue",
            payload: http_event("POST", &path, headers, &body),
        },
        Function {
            name: "sync",
            event: "a message of an unknown tenant: the table",
            payload: sqs_event()?,
        },
        Function {
            name: "reconcile",
            event: "the schedule without a tenant: the table",
            payload: json!({"schedule": "every minute"}).to_string().into(),
        },
        Function {
            name: "oauth",
            event: "the redirect to Webex's sign-in: a secret",
            payload: http_event("GET", "/oauth/webex", json!({}), ""),
        },
    ])
}
