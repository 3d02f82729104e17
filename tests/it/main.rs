//! Tests of the functions together with both simulated services.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod backfill;
mod console;
mod costs;
mod deployed;
mod faults;
mod folders;
mod operator;
mod reconcile;
mod security;
mod support;
mod sync;
