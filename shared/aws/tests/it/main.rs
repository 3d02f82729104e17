//! Contract tests of store, queue and secrets, for the in-memory twins and for AWS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod configuration;
mod contract;
