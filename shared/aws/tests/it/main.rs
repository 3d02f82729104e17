//! The contract of store, queue and secrets, held against the in-memory twins and against AWS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod contract;
