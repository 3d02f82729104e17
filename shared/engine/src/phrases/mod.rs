//! Sentences for the codes that the engine and the table keep.
//!
//! Alerts, cards and pages use them. No other module of the engine has sentences that people read.

pub mod activity;
pub mod adoption;
pub mod alerts;
pub mod backfill;
pub mod cards;
pub mod decisions;
pub mod differences;
pub mod exclusions;
pub mod failures;
pub mod folders;
pub mod offboard;
