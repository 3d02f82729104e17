//! What the functions of the integration stand on.
//!
//! Imports point downwards only: `sync` stands on `webex`, `graph` and `store`, these on `http` and `clock`; `roster` and `merge` import nothing
//! but ids. Nothing here reads the environment or the time of day by itself.

pub mod activity;
#[cfg(feature = "aws")]
pub mod aws;
pub mod budget;
pub mod clock;
pub mod complete;
pub mod config;
pub mod connect;
pub mod existing;
pub mod federation;
pub mod files;
pub mod folders;
pub mod graph;
pub mod held;
pub mod http;
pub mod ids;
pub mod leaving;
pub mod ledger;
pub mod link;
#[cfg(feature = "aws")]
pub mod log;
pub mod merge;
pub mod message;
pub mod notice;
pub mod organization;
pub mod people;
pub mod preview;
pub mod queue;
pub mod registration;
pub mod roster;
pub mod round;
pub mod secrets;
pub mod settings;
pub mod standstill;
pub mod store;
pub mod sync;
pub mod tenant;
pub mod tokens;
pub mod trace;
pub mod webex;
pub mod webhook_keys;
