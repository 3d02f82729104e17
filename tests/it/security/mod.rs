//! Attacks: forged deliveries, malicious names, stolen sessions and forged tokens.

mod attacks;
mod console;
mod cookies;
mod log;
mod messages;
mod roles;
mod sign_in;
mod strangers;
mod threat_model;
