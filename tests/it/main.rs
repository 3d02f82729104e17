//! The functions and both services together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod attacks;
mod brakes;
mod costs;
mod creation;
mod dependencies;
mod deployed;
mod endings;
mod folders;
mod folders_apart;
mod found;
mod gates;
mod load;
mod people;
mod pilot;
mod preview;
mod restored;
mod rounds;
mod scale;
mod setup_activity;
mod setup_attacks;
mod setup_browser;
mod setup_connect;
mod setup_existing;
mod setup_failures;
mod setup_files;
mod setup_folders;
mod setup_journey;
mod setup_leaving;
mod setup_moved;
mod setup_operation;
mod setup_people;
mod setup_put_back;
mod setup_settings;
mod setup_teams;
mod standing;
mod stories;
mod template;
mod tokens;
mod town;
mod traffic;
mod trials;
mod upkeep;
mod weather;
mod young;
