//! AWS Lambda for one function: the binary as a process, its Runtime API, and its log.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use uuid::Uuid;

use super::serve;
use super::stack::Function;

/// One process of a function. It handles one event at a time, like an instance.
pub(super) struct Instance {
    pub(super) function: Function,
    jobs: mpsc::UnboundedSender<Job>,
    api: Arc<RuntimeApi>,
    log: Arc<Mutex<Vec<String>>>,
    process: Mutex<Child>,
}

struct Job {
    event: Value,
    trace: String,
    answered: oneshot::Sender<Result<Value, Value>>,
}

struct RuntimeApi {
    function: Function,
    jobs: AsyncMutex<mpsc::UnboundedReceiver<Job>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Result<Value, Value>>>>,
}

/// Returns a new trace header in the format of X-Ray.
fn trace() -> String {
    let random = Uuid::new_v4().simple().to_string();
    let parent = &random[8..24];
    format!(
        "Root=1-{:08x}-{};Parent={parent};Sampled=1",
        Timestamp::now().as_second(),
        &random[..24]
    )
}

impl Instance {
    /// Starts a function; `environment` overrides its configuration.
    pub(super) async fn start(
        name: &str,
        function: &Function,
        environment: &BTreeMap<&str, String>,
    ) -> Self {
        let (jobs, waiting) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi {
            function: function.clone(),
            jobs: AsyncMutex::new(waiting),
            under_way: Mutex::default(),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(api.clone());
        let address = serve(routes).await;
        // The test runs in target/debug/deps, two folders below the functions.
        let binary =
            std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join(name);
        let mut process = Command::new(&binary)
            .env_clear()
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.trim_start_matches("http://"))
            .env("AWS_LAMBDA_FUNCTION_NAME", function.arn.rsplit(':').next().unwrap())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.megabytes.to_string())
            .envs(environment)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; ./tests/all builds it", binary.display()));
        let log = Arc::default();
        collect(process.stdout.take().unwrap(), &log);
        collect(process.stderr.take().unwrap(), &log);
        Self { function: function.clone(), jobs, api, log, process: Mutex::new(process) }
    }

    /// Sends an event to the function; returns its response or its error.
    pub(super) async fn invoke(&self, event: Value) -> Result<Value, Value> {
        let (answered, answer) = oneshot::channel();
        self.jobs.send(Job { event, trace: trace(), answered }).unwrap();
        let limit = Duration::from_secs(self.function.seconds.into());
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            _ => panic!("{} gave no answer: {:#?}", self.function.arn, self.log()),
        }
    }

    /// Returns all lines written so far.
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the process ends; returns its exit code.
    pub(super) async fn ended(&self) -> i32 {
        for _ in 0..600 {
            let ended =
                self.process.lock().unwrap_or_else(PoisonError::into_inner).try_wait().unwrap();
            if let Some(status) = ended {
                // The last lines may still be in the pipe.
                tokio::time::sleep(Duration::from_millis(200)).await;
                return status.code().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it goes on: {:#?}", self.log());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        _ = process.kill();
        _ = process.wait();
        self.api.under_way.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn collect(from: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> http::Response<Body> {
    // A function without work waits until the test drops it.
    let Some(job) = api.jobs.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let id = Uuid::new_v4().to_string();
    let deadline = Timestamp::now().as_millisecond() + i64::from(api.function.seconds) * 1000;
    let answer = http::Response::builder()
        .header("Lambda-Runtime-Aws-Request-Id", &id)
        .header("Lambda-Runtime-Deadline-Ms", deadline)
        .header("Lambda-Runtime-Invoked-Function-Arn", &api.function.arn)
        .header("Lambda-Runtime-Trace-Id", job.trace)
        .header("Content-Type", "application/json");
    api.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id, job.answered);
    answer.body(Body::from(job.event.to_string())).unwrap()
}

async fn response(
    state: State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    body: String,
) -> StatusCode {
    end(&state, &id, Ok(serde_json::from_str(&body).unwrap()))
}

async fn error(state: State<Arc<RuntimeApi>>, Path(id): Path<String>, body: String) -> StatusCode {
    end(&state, &id, Err(serde_json::from_str(&body).unwrap()))
}

fn end(api: &RuntimeApi, id: &str, how: Result<Value, Value>) -> StatusCode {
    let answered = api.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(id).unwrap();
    // The caller may have given up.
    _ = answered.send(how);
    StatusCode::ACCEPTED
}
