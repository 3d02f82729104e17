//! What the system decides and does.

pub mod activity;
pub mod adopt;
pub mod backfill;
pub mod credentials;
pub mod folders;
pub mod link;
pub mod notify;
pub mod offboard;
pub mod people;
pub mod preview;
pub mod quota;
pub mod reconcile;
pub mod safety;
pub mod sync;
pub mod tenant;
