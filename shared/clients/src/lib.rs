//! The HTTP client and the clients of Webex and Microsoft Graph.

pub mod clock;
pub mod complete;
pub mod graph;
pub mod http;
pub mod webex;
mod wire;
