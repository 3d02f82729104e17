//! Measurements of the functions: costs, load, scale, start-up time and throughput.
//!
//! - [`costs`]: calls and table requests of each situation, and a month's AWS bill. Counted in
//!   simulated time, the same numbers at every run.
//! - [`load`]: webhooks per second in real time; bursts, large teams and throttling in simulated
//!   time.
//! - [`scale`]: first syncs, idle links and a large directory, in simulated time.
//! - [`release`]: start-up time and throughput of the release builds.
//!
//! The hot paths are measured by `cargo bench -p bench`.

pub mod costs;
mod error;
pub mod load;
pub mod machine;
pub mod release;
pub mod scale;
pub mod setup;

pub use error::BenchError;
