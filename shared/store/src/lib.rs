//! The table, the queues and the secrets: traits, keys and in-memory twins.

pub mod keys;
pub mod message;
pub mod queue;
pub mod secrets;
pub mod table;
