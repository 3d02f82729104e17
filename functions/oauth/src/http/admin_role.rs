//! The roles of administrators, as these pages tell them apart.

use serde::{Deserialize, Serialize};

use crate::http::error::Failure;
use crate::http::page_id::Page;

/// An administrator's role in Webex. A later one sees and does all that an earlier one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AdminRole {
    /// A user administrator sees people and activity.
    Users,
    /// A read-only administrator sees everything.
    ReadOnly,
    /// A full administrator changes everything.
    Full,
}

impl AdminRole {
    /// Refuses a role that is less than the needed one.
    pub(crate) fn check(self, needed: Self) -> Result<(), Failure> {
        if self >= needed { Ok(()) } else { Err(Failure::NeedsRole(needed)) }
    }

    /// Returns `true` if the role sees the page.
    pub(crate) fn sees(self, page: Page) -> bool {
        let is_about_people = matches!(page, Page::People | Page::Activity | Page::Help);
        is_about_people || self >= Self::ReadOnly
    }
}
