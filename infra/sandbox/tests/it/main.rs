//! The page's API over HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails on what it cannot read")]

mod access;
mod actions;
mod command_line;
mod commands;
mod differences;
mod disruptions;
mod fresh;
mod site;
mod spaces;
mod story;
