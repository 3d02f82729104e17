//! Decisions and work of the system: team syncs, reconciliation cycles, and all they need.

pub mod activity;
pub mod adopt;
pub mod backfill;
pub mod codes;
pub mod credentials;
pub mod decision;
pub mod folders;
pub mod link;
pub mod notify;
pub mod offboard;
pub mod people;
pub mod phrases;
pub mod preview;
pub mod quota;
pub mod reconcile;
pub mod safety;
pub mod stored;
pub mod sync;
pub mod tenant;
pub mod transfer;
