//! Tenants, people and browsers that most tests start from.

mod browser;
mod customers;
mod folders;
mod page_text;
mod two_tenants;

pub(crate) use self::browser::{Browser, Page};
pub(crate) use self::customers::{
    Customers, KEEP, account_is_in, active_groups, stored_items, with_linked_teams,
};
pub(crate) use self::page_text::page_text;
pub(crate) use self::two_tenants::{DAY, MINUTE, PROVED, TwoTenants, every_team, start};
