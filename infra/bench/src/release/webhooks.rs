//! Webhooks per second through one instance of the webhook function, by a public load generator.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::aws::Aws;
use super::events::{Webhook, binary, environment, http_event, webhook};
use super::format::milliseconds;
use super::lambda::Instance;
use crate::BenchError;

/// <https://github.com/mcollina/autocannon>
const GENERATOR: &str = "autocannon@8.0.0";

const SECONDS: u32 = 15;

/// Parallel senders: one has the instance to itself, and eight keep it busy.
const SENDERS: [u32; 2] = [1, 8];

/// A gateway before one instance: requests wait while it is busy.
struct Gateway {
    instance: Mutex<Instance>,
    path: String,
    cpu: Mutex<Duration>,
}

/// The load generator's output.
#[derive(Deserialize)]
struct Generated {
    #[serde(rename = "2xx")]
    taken: u64,
    non2xx: u64,
    errors: u64,
    duration: f64,
    latency: Latency,
}

/// Latencies in milliseconds.
#[derive(Deserialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

/// Measures the throughput of the webhook function, as a Markdown table.
///
/// # Errors
/// If the release build or the load generator is missing or fails.
pub async fn webhooks() -> Result<String, BenchError> {
    let aws = Aws::open().await?;
    let hook = webhook().await?;
    let instance = Instance::start(&binary("webhook"), &environment(&aws)).await?;
    let (instance, cpu) = (Mutex::new(instance), Mutex::default());
    let gateway = Arc::new(Gateway { instance, path: hook.path.clone(), cpu });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}{}", listener.local_addr()?, hook.path);
    let router = Router::new().fallback(handle).with_state(gateway.clone());
    // Ends with the process that measures.
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut rows = vec![];
    for senders in SENDERS {
        *gateway.cpu.lock().await = Duration::ZERO;
        let Generated { taken, non2xx, errors, duration, latency } =
            generate(&url, &hook, senders).await?;
        if taken == 0 || non2xx + errors > 0 {
            let counts = format!("{taken} accepted, {non2xx} refused, {errors} broken off");
            return Err(BenchError::LoadGenerator(counts));
        }
        let cpu = *gateway.cpu.lock().await / u32::try_from(taken).unwrap_or(u32::MAX);
        let Latency { p50, p99, max } = latency;
        let per_second = taken as f64 / duration;
        let latencies = format!("{p50:.0} ms, {p99:.0} ms, {max:.0} ms");
        let cpu = milliseconds(cpu);
        rows.push(format!("| {senders} | {taken} | {per_second:.0} | {latencies} | {cpu} |"));
    }
    let peak = gateway.instance.lock().await.peak() as f64 / 1024.0;
    Ok(format!(
        "For {SECONDS} seconds each, `{GENERATOR}` sends webhooks to one instance, which checks \
         and queues them; the queue answers at once, over TLS. Peak memory: {peak:.1} MiB.\n\n\
         | senders | webhooks, all answered 2xx | per second | p50, p99, slowest \
         | CPU time of each |\n\
         | --- | --- | --- | --- | --- |\n{}",
        rows.join("\n")
    ))
}

async fn generate(url: &str, hook: &Webhook, senders: u32) -> Result<Generated, BenchError> {
    let mut command = Command::new("npx");
    command.args(["--yes", GENERATOR, "--json", "--no-progress"]);
    command.args(["--method", "POST", "--body", &hook.body]);
    command.args(["--connections", &senders.to_string(), "--duration", &SECONDS.to_string()]);
    for (name, value) in hook.headers.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        command.args(["--headers", &format!("{name}={value}")]);
    }
    let output = command.arg(url).stdin(Stdio::null()).stderr(Stdio::piped()).output().await?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let errors = String::from_utf8_lossy(&output.stderr);
        BenchError::LoadGenerator(format!("{error}: {errors}"))
    })
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let headers = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), json!(value.to_str().ok()?))));
    let body = String::from_utf8_lossy(&body);
    let event = http_event("POST", &gateway.path, headers.collect(), &body);
    let Ok(invocation) = gateway.instance.lock().await.invoke(&event).await else {
        return StatusCode::BAD_GATEWAY;
    };
    *gateway.cpu.lock().await += invocation.cpu;
    let answer: Value = serde_json::from_slice(&invocation.answer).unwrap_or_default();
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY)
}
