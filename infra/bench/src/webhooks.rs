//! Webhooks a second through one instance of the webhook function, as a public load generator sees them.

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

use crate::aws::Aws;
use crate::lambda::Instance;
use crate::start::{Webhook, binary, environment, http_event, webhook};
use crate::{NotMeasured, milliseconds};

/// <https://github.com/mcollina/autocannon>
const GENERATOR: &str = "autocannon@8.0.0";

const SECONDS: u32 = 15;

/// Senders side by side: one has the instance to itself, and eight never let it wait.
const SENDERS: [u32; 2] = [1, 8];

/// The way in, before one instance: who comes while it is busy waits.
struct Gateway {
    instance: Mutex<Instance>,
    path: String,
    processor: Mutex<Duration>,
}

/// What the generator prints.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "2xx")]
    taken: u64,
    non2xx: u64,
    errors: u64,
    duration: f64,
    latency: Latency,
}

/// In milliseconds.
#[derive(Deserialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

pub(crate) async fn table() -> Result<String, NotMeasured> {
    let aws = Aws::open().await?;
    let hook = webhook().await?;
    let instance = Instance::start(&binary("webhook"), &environment(&aws)).await?;
    let (instance, processor) = (Mutex::new(instance), Mutex::default());
    let gateway = Arc::new(Gateway { instance, path: hook.path.clone(), processor });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}{}", listener.local_addr()?, hook.path);
    let router = Router::new().fallback(handled).with_state(gateway.clone());
    // Ends with the process that measures.
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut rows = vec![];
    for senders in SENDERS {
        *gateway.processor.lock().await = Duration::ZERO;
        let Said { taken, non2xx, errors, duration, latency } = generate(&url, &hook, senders).await?;
        if taken == 0 || non2xx + errors > 0 {
            return Err(NotMeasured::Generator(format!("{taken} taken, {non2xx} refused, {errors} broken off")));
        }
        let processor = *gateway.processor.lock().await / u32::try_from(taken).unwrap_or(u32::MAX);
        let Latency { p50, p99, max } = latency;
        rows.push(format!(
            "| {senders} | {taken} | {:.0} | {p50:.0} ms, {p99:.0} ms, {max:.0} ms | {} |",
            taken as f64 / duration,
            milliseconds(processor)
        ));
    }
    let peak = gateway.instance.lock().await.peak() as f64 / 1024.0;
    Ok(format!(
        "For {SECONDS} seconds each `{GENERATOR}` sends webhooks to one instance, which checks and queues them; the queue answers at once, over TLS. At the end the instance had held {peak:.1} MiB at most.\n\n\
         | senders | webhooks, all answered 2xx | a second | half within, 99 % within, slowest | processor of the instance for each |\n\
         | --- | --- | --- | --- | --- |\n{}",
        rows.join("\n")
    ))
}

async fn generate(url: &str, hook: &Webhook, senders: u32) -> Result<Said, NotMeasured> {
    let mut command = Command::new("npx");
    command.args(["--yes", GENERATOR, "--json", "--no-progress", "--method", "POST", "--body", &hook.body]);
    command.args(["--connections", &senders.to_string(), "--duration", &SECONDS.to_string()]);
    for (name, value) in hook.headers.as_object().into_iter().flatten() {
        command.args(["--headers", &format!("{name}={}", value.as_str().unwrap_or_default())]);
    }
    let output = command.arg(url).stdin(Stdio::null()).stderr(Stdio::piped()).output().await?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| NotMeasured::Generator(format!("{error}: {}", String::from_utf8_lossy(&output.stderr))))
}

async fn handled(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let told = headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), json!(value.to_str().ok()?))));
    let event = http_event("POST", &gateway.path, told.collect(), &String::from_utf8_lossy(&body));
    let Ok(invocation) = gateway.instance.lock().await.invoke(&event).await else { return StatusCode::BAD_GATEWAY };
    *gateway.processor.lock().await += invocation.processor;
    let answer: Value = serde_json::from_slice(&invocation.answer).unwrap_or_default();
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY)
}
