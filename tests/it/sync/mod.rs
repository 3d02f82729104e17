//! Team syncs: one pass over one team.

mod card_answers;
mod changes;
mod creation;
mod deletion;
mod delivery;
mod eligibility;
mod endings;
mod eventual_consistency;
mod lies;
mod odd_answers;
mod pilot_group;
mod portions;
mod preview;
mod recorded_traffic;
mod removal_counts;
pub(crate) mod removal_limit;
mod requests;
mod restored_table;
mod service_account;
mod tokens;
mod unknown_spaces;
