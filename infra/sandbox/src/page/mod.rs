//! The sandbox in a browser: both sides of two customers, and disruptions to recover from.
//!
//! # Guarantees
//! - It listens on 127.0.0.1 and answers for loopback names only, so that no other page can reach
//!   it under its own name.
//! - Writes take JSON from the page's own origin only. A program without a browser sends no origin
//!   and is accepted.
//! - The page loads nothing from other hosts; its content security policy says so.
//!
//! # The API
//! Bodies and answers are JSON. An error is `{"error": "..."}`: 400 invalid, 403 from another page,
//! 409 refused by the service, 415 not JSON. People are named by their Entra object id, or by
//! Webex's uuid without one; customers are `contoso` and `fabrikam`.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /api/state?customer=contoso&after=0` | returns everything, and the log after an entry |
//! | `POST /api/actions` | performs an [`Action`] |
//! | `POST /api/disruptions` | switches a [`Disruption`] |
//! | `POST /api/time` | sets the speed, or lets time pass |
//! | `POST /api/story` | `{"do": "start"}`, `next` or `stop` |
//! | `POST /api/faults` | lets the next calls of a kind fail |
//! | `POST /api/faults/clear` | `{}`: removes all faults |
//! | `POST /api/settings` | changes the services' settings |
//! | `POST /api/deliveries` | repeats, reverses or delays deliveries |
//! | `GET /curl` | returns commands for a shell, as text |
//!
//! An action is `{"action": "add", "team": "<uuid>", "person": "<uuid>"}`, with `"group"` instead
//! of `"team"` on the other side. The actions are `create-team` (`name`, `by`, `people`),
//! `create-group` (`name`, `by`), `add`, `remove`, `promote`, `demote` (`team` or `group`, and
//! `person`), `rename` (`team` or `group`, and `name`), `delete` (`team` or `group`), `restore`
//! (`group`), `archive`, `unarchive`, `sync-now` (`team`), `decide` (`team`, and `decision`:
//! `apply` or `discard`), `space` (`team`, `what`, and `space` and `name` where they apply; `what`
//! is `create`, `rename`, `delete`, `take-out`, `rename-folder`, `delete-folder` or `unlink`).
//!
//! A disruption is `{"customer": "contoso", "disruption": "replica-lag", "switch": "on"}`. Time is
//! `{"speed": "paused"}` (or `real`, `ten`, `sixty`), or `{"pass": 600}`: simulated seconds, at
//! most two days.
//!
//! A fault is `{"service": "graph", "method": "PATCH", "path": "/groups", "skip": 0, "times": 3,
//! "failure": {...}}`; only the failure is required:
//!
//! - `{"kind": "refused"}`: no connection.
//! - `{"kind": "cut-before"}`, `{"kind": "cut-after"}`: the connection breaks before or after the
//!   call takes effect.
//! - `{"kind": "status", "status": 429, "retry_after": "120", "body": {}}`: an answer without
//!   effect.
//! - `{"kind": "status-after", "status": 503}`: an answer after the effect.
//! - `{"kind": "batch-item", "status": 404, "code": "Request_ResourceNotFound"}`: an item's answer.
//! - `{"kind": "slow", "seconds": 8}`: late answers of a whole service; from ten seconds on the
//!   caller gives up.
//!
//! Deliveries are webhooks and notifications: `{"do": "repeat", "last": 5}`, `{"do": "reverse"}`
//! (the waiting ones) and `{"do": "delay", "seconds": 60}`. The answer counts them.
//!
//! Settings are `{"webex": {...}, "graph": {...}}`. Webex: `requests_per_minute`, `page_limit`,
//! `event_delay_ms`, `delivery_delay_ms`, `delivery_jitter_ms`, `deliveries_lost`,
//! `deliveries_doubled` (percent). Graph: `replica_lag_ms`, `new_group_lag_ms`, `page_limit`,
//! `page_life_ms`, `write_quota`, `file_units`, `site_delay_ms`, `notification_delay_ms`,
//! `notification_jitter_ms`, `notifications_lost` (percent).

mod action;
mod api_error;
mod cast;
mod clock_thread;
mod comparison;
mod curl;
mod cycles;
mod disruption;
mod disruptor;
mod environment;
mod guard;
mod interceptor;
mod log;
mod names;
mod narrator;
mod pairs;
mod perform;
mod phrases;
mod playback;
mod playground;
mod requests;
mod server;
mod spaces;
mod view;

pub use action::{Action, Membership, SpaceAction, SpaceChange, Target};
pub use curl::curl;
pub use disruption::{Disruption, Scope, Switch};
pub use log::{Entry, EntryKind};
pub use playback::StoryProgress;
pub use playground::{LONGEST_JUMP, Playground, PlaygroundError, Speed};
pub use server::{Served, serve};
