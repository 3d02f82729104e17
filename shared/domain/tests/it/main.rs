//! The rules of the merge: properties, histories and names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod merge_histories;
mod merge_names;
mod merge_rules;
