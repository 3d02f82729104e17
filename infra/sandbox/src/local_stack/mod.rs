//! The functions and the simulated services in one process.
//!
//! The same handlers handle the same events as on Lambda. Table, secrets and queues are in memory,
//! and a loop replaces API Gateway, SQS and EventBridge.

mod backend;
mod error;
mod gateway;
mod sign_up;
mod sqs;
mod stack;
mod wiring;

pub use backend::{Backend, Connections};
pub use error::LocalStackError;
pub use stack::{Invocations, LocalStack, QUIET};
pub use wiring::{Addresses, FUNCTIONS_URL, SECRETS_PREFIX};
