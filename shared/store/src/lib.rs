//! The table, the queues and the secrets: traits, keys and in-memory twins.

pub mod keys;
pub mod lease;
pub mod message;
pub mod pages;
pub mod queue;
pub mod secrets;
pub mod table;
pub mod versioned;
