//! A substitute for AWS Lambda: the Runtime API for one process.
//!
//! Linux reports the time and memory of the process.
//!
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

use crate::BenchError;

/// The maximum wait for a function.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of a function, which handles one event after the other.
pub(super) struct Instance {
    process: Child,
    events: mpsc::UnboundedSender<Bytes>,
    asked: mpsc::UnboundedReceiver<Instant>,
    answered: mpsc::UnboundedReceiver<(Instant, Answer)>,
    /// Time from the start of the process until it asked for its first event.
    pub(super) init: Duration,
}

/// A function's answer to an event.
#[derive(Debug)]
pub(super) enum Answer {
    Response(Bytes),
    Error(Bytes),
}

/// The answer to one event, and the time it took.
pub(super) struct Invocation {
    pub(super) answer: Bytes,
    /// Time since the event was available.
    pub(super) took: Duration,
    /// CPU time of all threads.
    pub(super) cpu: Duration,
}

struct RuntimeApi {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    asked: mpsc::UnboundedSender<Instant>,
    answered: mpsc::UnboundedSender<(Instant, Answer)>,
}

impl Instance {
    /// Starts a binary in this environment and waits until it asks for work.
    pub(super) async fn start(
        binary: &Path,
        environment: &BTreeMap<&str, String>,
    ) -> Result<Self, BenchError> {
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
            .map_err(|error| BenchError::NoBinary(binary.to_owned(), error))?;
        let at = first(&mut has_asked).await?;
        Ok(Self {
            process,
            events,
            asked: has_asked,
            answered: has_answered,
            init: at.duration_since(began),
        })
    }

    /// Passes an event to the function; waits until it has answered and asks for the next.
    pub(super) async fn invoke(&mut self, event: &Bytes) -> Result<Invocation, BenchError> {
        let (began, cpu) = (Instant::now(), self.cpu_time());
        self.events.send(event.clone()).map_err(|_| BenchError::Silent)?;
        let (at, answer) = first(&mut self.answered).await?;
        first(&mut self.asked).await?;
        match answer {
            Answer::Response(answer) => Ok(Invocation {
                answer,
                took: at.duration_since(began),
                cpu: self.cpu_time().saturating_sub(cpu),
            }),
            Answer::Error(said) => {
                Err(BenchError::FunctionFailed(String::from_utf8_lossy(&said).into_owned()))
            }
        }
    }

    /// Peak memory of the process, in KiB.
    pub(super) fn peak(&self) -> u64 {
        let status = read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    }

    fn cpu_time(&self) -> Duration {
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

/// CPU time used by this process.
pub(super) fn own_cpu_time() -> Duration {
    // Other processes see a thread's CPU time as of its last wait, this one sees it up to now.
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

async fn first<T>(what: &mut mpsc::UnboundedReceiver<T>) -> Result<T, BenchError> {
    tokio::time::timeout(PATIENCE, what.recv()).await.ok().flatten().ok_or(BenchError::Silent)
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> http::Response<Body> {
    // The receiver is gone once the measurement is over.
    _ = api.asked.send(Instant::now());
    let Some(event) = api.events.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let deadline = (Timestamp::now() + SignedDuration::from_mins(1)).as_millisecond();
    let mut answer = http::Response::new(Body::from(event));
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:measured".into(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".into(),
        ),
        ("content-type", "application/json".into()),
    ];
    for (name, value) in headers {
        answer
            .headers_mut()
            .extend(value.parse().ok().map(|value| (http::HeaderName::from_static(name), value)));
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
