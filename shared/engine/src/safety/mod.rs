//! Limits on removals, and removals that wait for approval.

pub mod pending_approval;
pub mod removal_counter;
