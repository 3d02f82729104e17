//! Changes of groups. <https://learn.microsoft.com/graph/api/group-delta>

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Graph;
use super::error::{is_delta_expired, is_delta_unusable};
use crate::http::{Access, Call, CallError, UnreadableItem};
use crate::wire::{RawItems, lenient};
use domain::ids::GroupId;

/// Start of the changes to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaFrom {
    /// Now: returns a link and no groups.
    Now,
    /// The `next` or `delta` link of an earlier answer. A link is valid for seven days.
    Link(String),
}

/// Link of an answer with changes. An answer has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Link to the next page. An empty page can have one.
    Next(String),
    /// Link to later changes. Only the last page has one.
    Later(String),
}

/// Answer with changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Page of changes.
    Page {
        /// Changed, new or deleted groups of the whole directory, without details. Some can come
        /// twice, some late.
        groups: Vec<GroupId>,
        /// Link to store, and to follow.
        then: Then,
    },
    /// The link is no longer valid. Start with [`DeltaFrom::Now`] and read all groups.
    Expired,
    /// The service refused the link for an unknown reason, or its answer leads nowhere. One such
    /// answer can be a mistake. If they repeat, start as after `Expired`.
    Unusable(CallError),
}

#[derive(Deserialize)]
struct DeltaPage {
    value: RawItems,
    #[serde(default, rename = "@odata.nextLink", deserialize_with = "lenient")]
    next: Option<String>,
    #[serde(default, rename = "@odata.deltaLink", deserialize_with = "lenient")]
    delta: Option<String>,
}

#[derive(Deserialize)]
// Only the id: entries can contradict each other, so the team sync reads the group itself.
struct ChangedGroup {
    id: GroupId,
}

impl Graph {
    /// Returns one page of the changes of all groups of the directory.
    pub async fn delta(&self, access: &Access, from: DeltaFrom) -> Result<Delta, CallError> {
        const PATH: &str = "/groups/delta";
        let link = match from {
            DeltaFrom::Link(link) => link,
            DeltaFrom::Now => {
                // Graph follows only selected properties, so members and owners must be here.
                let call = Call::get(PATH).query("$select", "id,displayName,members,owners");
                return self.delta_page(access, call.query("$deltatoken", "latest")).await;
            }
        };
        match self.delta_page(access, Call::page(link, PATH)).await {
            // Neither is a fault of the tenant: the reading starts again.
            Err(error) if is_delta_expired(&error) => Ok(Delta::Expired),
            Err(error) if is_delta_unusable(&error) => Ok(Delta::Unusable(error)),
            page => page,
        }
    }

    async fn delta_page(&self, access: &Access, call: Call) -> Result<Delta, CallError> {
        let answer = self.caller.call(access, call).await?;
        let page: DeltaPage = answer.json()?;
        // Another cycle compares every link, so a skipped group is late, not lost.
        let changed = answer.items::<ChangedGroup>(&page.value, UnreadableItem::IsSkipped)?;
        // Graph can list a group several times in one page.
        let groups: BTreeSet<_> = changed.into_iter().map(|group| group.id).collect();
        let then = match (page.next, page.delta) {
            // A page with both links has more pages.
            (Some(link), _) => Then::Next(link),
            (None, Some(link)) => Then::Later(link),
            (None, None) => return Err(answer.unreadable("neither a next link nor a delta link")),
        };
        Ok(Delta::Page { groups: groups.into_iter().collect(), then })
    }
}
