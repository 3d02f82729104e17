//! Responses and queued messages of the webhook function, over the in-memory queue and secrets.
#![expect(
    clippy::unwrap_used,
    reason = "outside of test functions, too, a test ends where its world breaks"
)]

mod graph;
mod http;
mod keys;
mod support;
mod webex;
