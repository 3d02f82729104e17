//! Start-up time and throughput of the functions' release builds.
//!
//! The functions are those of `target/release`: `cargo build --release --bins` builds them.

mod aws;
mod connection;
mod events;
mod format;
mod lambda;
mod start;
mod syncs;
mod webhooks;

pub use connection::connect;
pub use start::start;
pub use syncs::syncs;
pub use webhooks::webhooks;
