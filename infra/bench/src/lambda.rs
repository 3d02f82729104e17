//! AWS Lambda for one process: the Runtime API that a function asks for work, and what the process took by then, as Linux tells it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

use crate::NotMeasured;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// One process of a function. It takes one event after the other, as an instance does.
pub(crate) struct Instance {
    process: Child,
    events: mpsc::UnboundedSender<Bytes>,
    asked: mpsc::UnboundedReceiver<Instant>,
    answered: mpsc::UnboundedReceiver<(Instant, Answer)>,
    /// From the start of the process until it asked for its first event.
    pub(crate) init: Duration,
}

/// What a function said to an event.
#[derive(Debug)]
pub(crate) enum Answer {
    Response(Bytes),
    Error(Bytes),
}

/// What one event took.
pub(crate) struct Invocation {
    pub(crate) answer: Bytes,
    /// From the moment it was handed over.
    pub(crate) took: Duration,
    /// Of the processor, in all threads.
    pub(crate) processor: Duration,
}

struct RuntimeApi {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    asked: mpsc::UnboundedSender<Instant>,
    answered: mpsc::UnboundedSender<(Instant, Answer)>,
}

impl Instance {
    /// Starts a binary in this environment and waits until it asks for work.
    pub(crate) async fn start(binary: &Path, environment: &BTreeMap<&str, String>) -> Result<Self, NotMeasured> {
        let (events, waiting) = mpsc::unbounded_channel();
        let (asked, mut has_asked) = mpsc::unbounded_channel();
        let (answered, has_answered) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi { events: Mutex::new(waiting), asked, answered });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(api);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        // Ends with the process that is measured.
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let began = Instant::now();
        let process = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| NotMeasured::NoBinary(binary.to_owned(), error))?;
        let at = first(&mut has_asked).await?;
        Ok(Self { process, events, asked: has_asked, answered: has_answered, init: at.duration_since(began) })
    }

    /// Hands an event over, and waits until it is answered and the next one asked for.
    pub(crate) async fn invoke(&mut self, event: &Bytes) -> Result<Invocation, NotMeasured> {
        let (began, processor) = (Instant::now(), self.processor());
        self.events.send(event.clone()).map_err(|_| NotMeasured::Silent)?;
        let (at, answer) = first(&mut self.answered).await?;
        first(&mut self.asked).await?;
        match answer {
            Answer::Response(answer) => Ok(Invocation {
                answer,
                took: at.duration_since(began),
                processor: self.processor().saturating_sub(processor),
            }),
            Answer::Error(said) => Err(NotMeasured::Refused(String::from_utf8_lossy(&said).into_owned())),
        }
    }

    /// The most memory that the process has held, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    }

    fn processor(&self) -> Duration {
        let tasks = read_dir(format!("/proc/{}/task", self.id())).into_iter().flatten().flatten();
        let of = |path: &Path| -> Option<u64> {
            read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
        };
        Duration::from_nanos(tasks.filter_map(|task| of(&task.path())).sum())
    }

    fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }
}

/// What this process has had of the processor.
pub(crate) fn own_processor() -> Duration {
    // Linux tells others what a thread had when it last waited.
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

async fn first<T>(what: &mut mpsc::UnboundedReceiver<T>) -> Result<T, NotMeasured> {
    tokio::time::timeout(PATIENCE, what.recv()).await.ok().flatten().ok_or(NotMeasured::Silent)
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> http::Response<Body> {
    // Nobody listens any more once the measurement is over.
    _ = api.asked.send(Instant::now());
    let Some(event) = api.events.lock().await.recv().await else { return std::future::pending().await };
    let deadline = (Timestamp::now() + SignedDuration::from_mins(1)).as_millisecond();
    let mut answer = http::Response::new(Body::from(event));
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:measured".into()),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".into(),
        ),
        ("content-type", "application/json".into()),
    ];
    for (name, value) in headers {
        answer.headers_mut().extend(value.parse().ok().map(|value| (http::HeaderName::from_static(name), value)));
    }
    answer
}

async fn response(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> StatusCode {
    _ = api.answered.send((Instant::now(), Answer::Response(body)));
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> StatusCode {
    _ = api.answered.send((Instant::now(), Answer::Error(body)));
    StatusCode::ACCEPTED
}
