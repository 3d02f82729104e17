//! The sandbox in a browser: both sides of two customers, and disruptions to recover from.
//!
//! # Guarantees
//! - It listens on 127.0.0.1 and answers for loopback names only, so that no other page can reach
//!   it under its own name.
//! - Writes take JSON from the page's own origin only. A program without a browser sends no origin
//!   and is accepted.
//! - The page loads nothing from other hosts; its content security policy says so.
//!
#![doc = include_str!("../../page/api.md")]

mod accounts;
mod action;
mod api_error;
mod cards;
mod cast;
mod clock_thread;
mod commands;
mod comparison;
mod curl;
mod cycles;
mod differences;
mod disruption;
mod disruptor;
mod environment;
mod fault_request;
mod fresh_commands;
mod guard;
mod interceptor;
mod log;
mod names;
mod narrator;
mod pairs;
mod passing;
mod perform;
mod phrases;
mod playback;
mod playground;
mod requests;
mod server;
mod setup;
mod spaces;
mod view;

pub use action::{AccountChange, Action, GroupKind, Membership, SpaceAction, SpaceChange, Target};
pub use curl::curl;
pub use disruption::{Disruption, Scope, Switch};
pub use log::{Entry, EntryKind};
pub use playback::StoryProgress;
pub use playground::{LONGEST_JUMP, Playground, PlaygroundError, Speed};
pub use server::{Served, api_paths, serve};
