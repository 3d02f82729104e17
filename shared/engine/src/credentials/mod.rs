//! Tokens, keys and the applications that we are registered as.

pub mod federation;
pub mod registration;
pub mod tokens;
pub mod webhook_keys;
