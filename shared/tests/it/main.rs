//! The tests of this crate that need more than one of its files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod budget;
mod contract;
mod graph_client;
mod http;
mod merge_histories;
mod merge_names;
mod merge_rules;
mod webex_client;
