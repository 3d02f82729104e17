//! Changes of groups. <https://learn.microsoft.com/graph/api/group-delta>

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Graph;
use super::error::is_delta_expired;
use crate::http::{Access, Call, CallError};
use domain::ids::GroupId;

/// Start of the changes to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaFrom {
    /// Now: returns a link and no groups.
    Now,
    /// The `next` or `delta` link of an earlier answer. A link is valid for seven days.
    Link(String),
}

/// Answer with changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// Page of changes.
    Page {
        /// Changed, new or deleted groups of the whole directory, without details. Some can come
        /// twice, some late.
        groups: Vec<GroupId>,
        /// Link to the next page. An empty page can have one.
        next: Option<String>,
        /// Link to store for the next time. Only the last page has one.
        delta: Option<String>,
    },
    /// The link is no longer valid. Start with [`DeltaFrom::Now`] and read all groups.
    Expired,
}

#[derive(Deserialize)]
struct DeltaPage {
    value: Vec<ChangedGroup>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

#[derive(Deserialize)]
struct ChangedGroup {
    id: GroupId,
}

impl Graph {
    /// Returns one page of the changes of all groups of the directory.
    pub async fn delta(&self, access: &Access, from: DeltaFrom) -> Result<Delta, CallError> {
        let (call, is_link) = match from {
            // Graph follows only selected properties, so members and owners must be here.
            DeltaFrom::Now => {
                let call =
                    Call::get("/groups/delta").query("$select", "id,displayName,members,owners");
                (call.query("$deltatoken", "latest"), false)
            }
            DeltaFrom::Link(link) => (Call::follow(link), true),
        };
        let answer = match self.caller.call(access, call).await {
            Ok(answer) => answer,
            Err(error) if is_link && is_delta_expired(&error) => return Ok(Delta::Expired),
            Err(error) => return Err(error),
        };
        let page: DeltaPage = answer.json()?;
        if page.next.is_none() && page.delta.is_none() {
            return Err(answer.unreadable("neither a next link nor a delta link"));
        }
        let groups: BTreeSet<_> = page.value.into_iter().map(|group| group.id).collect();
        Ok(Delta::Page { groups: groups.into_iter().collect(), next: page.next, delta: page.delta })
    }
}
