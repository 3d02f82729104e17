//! Connecting both sides, what they need, and disconnecting them.

mod confirm;
pub(crate) mod consent;
pub(crate) mod disconnect;
pub(crate) mod folders;
pub(crate) mod microsoft;
pub(crate) mod prerequisites;
pub(crate) mod webex;
