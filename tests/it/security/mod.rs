//! Attacks: forged deliveries, malicious names, stolen sessions and forged tokens.

mod console;
mod messages;
mod sign_in;
mod strangers;
