//! The pages of a connected organization, and the returns from other services.

pub(crate) mod activity;
pub(crate) mod activity_entry;
pub(crate) mod approvals;
pub(crate) mod callbacks;
pub(crate) mod external_ids;
pub(crate) mod help;
pub(crate) mod home;
mod link_list;
pub(crate) mod names;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod preview;
pub(crate) mod sessions;
pub(crate) mod settings;
mod settings_form;
pub(crate) mod team;
pub(crate) mod team_page;
mod team_spaces;
pub(crate) mod teams;
mod write_external_ids;
