//! The admin console: every page, form and redirect.

mod activity;
pub(crate) mod adopt;
mod confirmed_names;
mod connect;
mod decisions;
mod disconnect;
mod external_ids;
mod folders_consent;
mod journey;
mod moved_ids;
mod operation;
mod overview;
mod page_snapshots;
mod pending_approvals;
mod people;
pub(crate) mod restore;
mod settings;
mod team_folders;
mod teams;
mod undo;
