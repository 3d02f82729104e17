//! The sandbox in a browser: both sides of two customers, what the functions do between them, and troubles to survive. Also an interface for tests.
//!
//! # Guarantees
//! - It listens on 127.0.0.1 and answers to loopback names only, so that no page from elsewhere reaches it by a name of its own.
//! - What changes something takes JSON from its own origin only; a program without a browser sends no origin and is let in.
//! - The page loads nothing from anywhere else, and its content security policy says so.
//!
//! # The interface
//! Bodies and answers are JSON. A refusal is `{"error": "..."}`: 400 not understood, 403 from elsewhere, 409 refused by the service, 415 no JSON. People are named by
//! their Entra object id, or by Webex's uuid where they have none; customers are `contoso` and `fabrikam`.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /api/state?customer=contoso&after=0` | everything as it is, and what happened after the entry of that number |
//! | `POST /api/acts` | an [`Act`]: `{"act": "add", "team": "<uuid>", "person": "<uuid>"}`; with `"group"` in the place of `"team"` on the other side |
//! | `POST /api/troubles` | `{"customer": "contoso", "trouble": "replica-lag", "switch": "on"}`, see [`Trouble`] |
//! | `POST /api/time` | `{"speed": "paused"}` (or `real`, `ten`, `sixty`), or `{"pass": 600}`: so many simulated seconds at once, at most two days |
//! | `POST /api/story` | `{"do": "tell"}`, or `next`, or `stop` |
//! | `POST /api/faults` | the next calls of a kind fail, see below |
//! | `POST /api/faults/clear` | `{}`: none of them does any more |
//! | `POST /api/settings` | how the services behave from now on, see below |
//! | `POST /api/deliveries` | what was or is about to be delivered, see below |
//! | `GET /curl` | commands for a shell, as text |
//!
//! An act is one of `create-team` (`name`, `by`, `people`), `create-group` (`name`, `by`), `add`, `remove`, `promote`, `demote` (`team` or `group`, and `person`),
//! `rename` (`team` or `group`, and `name`), `delete` (`team` or `group`), `restore` (`group`), `archive`, `unarchive` (`team`), `decide` (`team`, and `decision`:
//! `apply` or `discard`), `sync-now` (`team`), `space` (`team`, `what`: `create`, `rename`, `delete`, `take-out`, `rename-folder`, `delete-folder` or `unlink`, and `space`,
//! `name` where it takes them).
//!
//! A fault is `{"service": "graph", "method": "PATCH", "path": "/groups", "skip": 0, "times": 3, "failure": {...}}`, all of it optional but the failure, which is one of
//! `{"kind": "refused"}`, `{"kind": "cut-before"}` and `{"kind": "cut-after"}` (the connection breaks before or after the effect),
//! `{"kind": "status", "status": 429, "retry_after": "120", "body": {}}`, `{"kind": "status-after", "status": 503}` (the effect is done),
//! `{"kind": "batch-item", "status": 404, "code": "Request_ResourceNotFound"}`, and `{"kind": "slow", "seconds": 8}` (of a whole service; from ten seconds on the caller
//! gives up).
//!
//! Deliveries, of webhooks and notifications: `{"do": "repeat", "last": 5}` (the last ones come once more), `{"do": "reverse"}` (what waits comes in the contrary
//! order) and `{"do": "delay", "seconds": 60}` (what waits comes later); the answer counts them.
//!
//! Settings are `{"webex": {...}, "graph": {...}}`. Webex: `requests_per_minute`, `page_limit`, `event_delay_ms`, `delivery_delay_ms`, `delivery_jitter_ms`,
//! `deliveries_lost`, `deliveries_doubled` (of a hundred). Graph: `replica_lag_ms`, `young_ms`, `page_limit`, `page_life_ms`, `write_quota`, `file_units`,
//! `site_delay_ms`, `notification_delay_ms`, `notification_jitter_ms`, `notifications_lost` (of a hundred).

mod act;
mod cast;
mod curl;
mod guard;
mod hand;
mod log;
mod orders;
mod play;
mod rounds;
mod spaces;
mod state;
mod telling;
mod trouble;
mod watch;
mod words;

pub use act::{Act, On};
pub use log::{Entry, EntryKind};
pub use play::{LONGEST_JUMP, Play, PlayError, Speed};
pub use spaces::SpaceAct;
pub use telling::Told;
pub use trouble::{Reach, Switch, Trouble};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::world::Refused;
use hand::Hand;
use orders::{DeliveryOrder, FaultOrder, SettingsOrder};

const HTML: &str = include_str!("../../page/index.html");
const STYLE: &str = include_str!("../../page/style.css");
const SCRIPTS: [(&str, &str); 4] = [
    ("/app.js", include_str!("../../page/app.js")),
    ("/dom.js", include_str!("../../page/dom.js")),
    ("/pairs.js", include_str!("../../page/pairs.js")),
    ("/panels.js", include_str!("../../page/panels.js")),
];
const ICON: &str = include_str!("../../page/icon.svg");

/// What is played with, shared by everybody who asks.
pub type Shared = Arc<Mutex<Play>>;

/// The page on 127.0.0.1, until dropped.
#[derive(Debug)]
pub struct Served {
    /// Where it is: `http://127.0.0.1:<port>`.
    pub address: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens the page on this port of 127.0.0.1, or on a free one where it is taken or 0, and lets time pass.
///
/// # Errors
/// Where no port can be bound, or no thread begun.
pub async fn serve(play: Shared, port: u16, curl: String) -> io::Result<Served> {
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => TcpListener::bind(("127.0.0.1", 0)).await?,
        bound => bound?,
    };
    let address = format!("http://{}", listener.local_addr()?);
    let router = router(Desk { time: hand::start(play.clone())?, play }, curl);
    let task = tokio::spawn(async move {
        // Ends only with the task.
        let _ = axum::serve(listener, router).await;
    });
    Ok(Served { address, task })
}

/// What every request needs.
#[derive(Clone)]
struct Desk {
    play: Shared,
    time: Hand,
}

fn router(desk: Desk, curl: String) -> Router {
    let asset = |media: &'static str, text: &'static str| get(async move || ([(header::CONTENT_TYPE, media)], text));
    let mut router = Router::new()
        .route("/", asset("text/html; charset=utf-8", HTML))
        .route("/style.css", asset("text/css; charset=utf-8", STYLE))
        .route("/icon.svg", asset("image/svg+xml", ICON))
        .route("/curl", get(async move || curl))
        .route("/api/state", get(state))
        .route("/api/acts", post(acts))
        .route("/api/troubles", post(troubles))
        .route("/api/time", post(time))
        .route("/api/story", post(story))
        .route("/api/faults", post(faults))
        .route("/api/faults/clear", post(clear_faults))
        .route("/api/settings", post(settings))
        .route("/api/deliveries", post(deliveries));
    for (path, text) in SCRIPTS {
        router = router.route(path, asset("text/javascript; charset=utf-8", text));
    }
    router.layer(axum::middleware::from_fn(guard::guard)).with_state(desk)
}

/// Why something was not done.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

impl From<Refused> for Refusal {
    fn from(Refused(why): Refused) -> Self {
        Self::new(StatusCode::CONFLICT, why)
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.why}))).into_response()
    }
}

/// A body of this form, or a refusal in ours.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Refusal))]
struct Body<T>(T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Refusal))]
struct Query<T>(T);

type Done = Result<Json<Value>, Refusal>;

#[derive(Deserialize)]
struct Asked {
    customer: Option<String>,
    #[serde(default)]
    after: u64,
}

async fn state(State(Desk { play, .. }): State<Desk>, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let play = play.lock().await;
    let at = asked.customer.as_deref().map_or(Ok(0), |slug| play.named(slug))?;
    Ok(Json(play.state(at, asked.after).await).into_response())
}

async fn acts(State(Desk { play, .. }): State<Desk>, Body(act): Body<Act>) -> Done {
    let team = play.lock().await.act(&act).await?;
    Ok(Json(json!({"team": team})))
}

#[derive(Deserialize)]
struct Switching {
    customer: String,
    trouble: Trouble,
    switch: Switch,
}

async fn troubles(State(Desk { play, .. }): State<Desk>, Body(order): Body<Switching>) -> Done {
    let mut play = play.lock().await;
    let at = play.named(&order.customer)?;
    play.switch(at, order.trouble, order.switch).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Timing {
    speed: Option<Speed>,
    pass: Option<u32>,
}

async fn time(State(Desk { play, time }): State<Desk>, Body(order): Body<Timing>) -> Done {
    let span = Duration::from_secs(order.pass.unwrap_or(0).into());
    if span > LONGEST_JUMP {
        let hours = LONGEST_JUMP.as_secs() / 3600;
        return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("At most {hours} hours pass at once.")));
    }
    play.lock().await.speed(order.speed);
    if !span.is_zero() {
        time.pass(span).await;
    }
    Ok(Json(json!({"now": play.lock().await.now()})))
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum StoryOrder {
    Tell,
    Next,
    Stop,
}

async fn story(State(Desk { play, .. }): State<Desk>, Body(order): Body<StoryOrder>) -> Done {
    let mut play = play.lock().await;
    match order {
        StoryOrder::Tell => play.tell(),
        StoryOrder::Next => play.next_scene(),
        StoryOrder::Stop => play.stop_telling().await,
    }
    Ok(Json(json!({"story": play.told()})))
}

async fn faults(State(Desk { play, .. }): State<Desk>, Body(order): Body<FaultOrder>) -> Done {
    play.lock().await.order_fault(order)?;
    Ok(Json(json!({})))
}

async fn clear_faults(State(Desk { play, .. }): State<Desk>) -> Done {
    play.lock().await.clear_faults();
    Ok(Json(json!({})))
}

async fn deliveries(State(Desk { play, .. }): State<Desk>, Body(order): Body<DeliveryOrder>) -> Done {
    Ok(Json(json!({"deliveries": play.lock().await.order_deliveries(order)})))
}

async fn settings(State(Desk { play, .. }): State<Desk>, Body(order): Body<SettingsOrder>) -> Done {
    play.lock().await.order_settings(&order)?;
    Ok(Json(json!({})))
}
