//! Limits on removals, and plans that wait for approval.

pub mod pending_approval;
pub mod removal_counter;
