//! The clients against servers that answer over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod graph_client;
mod http;
mod webex_client;
