//! The page and its API over HTTP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::action::Action;
use super::api_error::ApiError;
use super::clock_thread::ClockThread;
use super::commands::commands;
use super::disruption::{Disruption, Switch};
use super::fault_request::FaultRequest;
use super::guard::guard;
use super::playground::{LONGEST_JUMP, Playground, Speed};
use super::requests::{DeliveryRequest, RawDelivery, SettingsRequest};
use super::view::view;

const HTML: &str = include_str!("../../page/index.html");
const STYLE: &str = include_str!("../../page/style.css");
const SCRIPTS: [(&str, &str); 4] = [
    ("/app.js", include_str!("../../page/app.js")),
    ("/dom.js", include_str!("../../page/dom.js")),
    ("/pairs.js", include_str!("../../page/pairs.js")),
    ("/panels.js", include_str!("../../page/panels.js")),
];
const NOT_FOUND: &str = include_str!("../../page/not-found.html");
const API: &str = include_str!("../../page/api.md");
const ICON: &str = include_str!("../../page/icon.svg");

/// The page on 127.0.0.1, until dropped.
#[derive(Debug)]
pub struct Served {
    /// Its URL: `http://127.0.0.1:<port>`.
    pub address: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens the page on this port of 127.0.0.1, and lets time pass. `curl` are commands for both
/// services.
///
/// Port 0, or a port in use, is replaced by a free one.
///
/// # Errors
/// If no port can be bound, or no thread started.
pub async fn serve(
    playground: Arc<Mutex<Playground>>,
    port: u16,
    curl: String,
) -> io::Result<Served> {
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        // A second sandbox opens beside the first one.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind(("127.0.0.1", 0)).await?
        }
        bound => bound?,
    };
    let address = format!("http://{}", listener.local_addr()?);
    let commands = commands(&*playground.lock().await, &address).await;
    let clock = ClockThread::start(playground.clone())?;
    let router = router(App { playground, clock }, format!("{curl}\n{commands}"));
    let task = tokio::spawn(async move {
        // Ends only with the task.
        let _ = axum::serve(listener, router).await;
    });
    Ok(Served { address, task })
}

/// The state of the server.
#[derive(Clone)]
struct App {
    playground: Arc<Mutex<Playground>>,
    clock: ClockThread,
}

fn asset(media_type: &'static str, text: &'static str) -> MethodRouter<App> {
    get(async move || ([(header::CONTENT_TYPE, media_type)], text))
}

fn router(app: App, curl: String) -> Router {
    let mut router = Router::new()
        .route("/", asset("text/html; charset=utf-8", HTML))
        .route("/style.css", asset("text/css; charset=utf-8", STYLE))
        .route("/icon.svg", asset("image/svg+xml", ICON))
        .route("/curl", get(async move || curl))
        .fallback(not_found);
    for (path, text) in SCRIPTS {
        router = router.route(path, asset("text/javascript; charset=utf-8", text));
    }
    for (path, method) in api() {
        router = router.route(path, method);
    }
    router.layer(axum::middleware::from_fn(guard)).with_state(app)
}

/// The routes of the API.
fn api() -> [(&'static str, MethodRouter<App>); 11] {
    [
        ("/api", asset("text/plain; charset=utf-8", API)),
        ("/api/state", get(state)),
        ("/api/actions", post(actions)),
        ("/api/disruptions", post(disruptions)),
        ("/api/time", post(time)),
        ("/api/story", post(story)),
        ("/api/faults", post(faults)),
        ("/api/faults/clear", post(clear_faults)),
        ("/api/settings", post(settings)),
        ("/api/deliveries", post(deliveries)),
        ("/api/webhooks", post(webhooks)),
    ]
}

/// Returns the paths of the API, each of which `/curl` and `/api` have to name.
pub fn api_paths() -> impl Iterator<Item = &'static str> {
    api().into_iter().map(|(path, _)| path)
}

async fn not_found() -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::NOT_FOUND, html, NOT_FOUND).into_response()
}

/// A JSON body; errors are [`ApiError`]s.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(ApiError))]
struct Body<T>(T);

/// A query; errors are [`ApiError`]s.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
struct Query<T>(T);

type Answer = Result<Json<Value>, ApiError>;

fn done() -> Answer {
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct StateQuery {
    customer: Option<String>,
    #[serde(default)]
    after: u64,
}

async fn state(
    State(app): State<App>,
    Query(query): Query<StateQuery>,
) -> Result<Response, ApiError> {
    let playground = app.playground.lock().await;
    let index = match query.customer {
        Some(slug) => playground.env.customer_named(&slug)?,
        None => 0,
    };
    Ok(Json(view(&playground, index, query.after).await).into_response())
}

async fn actions(State(app): State<App>, Body(action): Body<Action>) -> Answer {
    let team = app.playground.lock().await.perform(&action).await?;
    Ok(Json(json!({"team": team})))
}

#[derive(Deserialize)]
struct DisruptionRequest {
    customer: String,
    disruption: Disruption,
    switch: Switch,
}

async fn disruptions(State(app): State<App>, Body(request): Body<DisruptionRequest>) -> Answer {
    let mut playground = app.playground.lock().await;
    let index = playground.env.customer_named(&request.customer)?;
    playground.switch(index, request.disruption, request.switch).await?;
    done()
}

#[derive(Deserialize)]
struct TimeRequest {
    speed: Option<Speed>,
    pass: Option<u32>,
}

async fn time(State(app): State<App>, Body(request): Body<TimeRequest>) -> Answer {
    let span = Duration::from_secs(request.pass.unwrap_or(0).into());
    if span > LONGEST_JUMP {
        let hours = LONGEST_JUMP.as_secs() / 3600;
        let why = format!("At most {hours} hours pass at once.");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, why));
    }
    if let Some(speed) = request.speed {
        app.playground.lock().await.set_speed(speed);
    }
    // Without holding the lock, which the clock's thread needs meanwhile.
    if !span.is_zero() {
        app.clock.pass(span).await;
    }
    Ok(Json(json!({"now": app.playground.lock().await.now()})))
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum StoryRequest {
    Start,
    Next,
    Stop,
}

async fn story(State(app): State<App>, Body(request): Body<StoryRequest>) -> Answer {
    let mut playground = app.playground.lock().await;
    match request {
        StoryRequest::Start => playground.start_story(),
        StoryRequest::Next => playground.next_scene(),
        StoryRequest::Stop => playground.stop_story().await,
    }
    Ok(Json(json!({"story": playground.story()})))
}

async fn faults(State(app): State<App>, Body(request): Body<FaultRequest>) -> Answer {
    request.apply(&app.playground.lock().await.env)?;
    done()
}

async fn clear_faults(State(app): State<App>) -> Answer {
    app.playground.lock().await.clear_faults();
    done()
}

async fn deliveries(State(app): State<App>, Body(request): Body<DeliveryRequest>) -> Answer {
    let count = request.apply(app.playground.lock().await.world());
    Ok(Json(json!({"deliveries": count})))
}

async fn webhooks(State(app): State<App>, Body(request): Body<RawDelivery>) -> Answer {
    let webhooks = app.playground.lock().await.env.stack.webhooks();
    Ok(Json(request.deliver(&*webhooks).await?))
}

async fn settings(State(app): State<App>, Body(request): Body<SettingsRequest>) -> Answer {
    request.apply(app.playground.lock().await.world())?;
    done()
}
