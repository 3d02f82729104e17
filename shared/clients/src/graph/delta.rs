//! Which groups have changed. <https://learn.microsoft.com/graph/api/group-delta>

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Graph;
use super::error::is_delta_expired;
use crate::http::{Access, Call, CallError};
use domain::ids::GroupId;

/// From where changes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaFrom {
    /// From now on: brings a link and no groups.
    Now,
    /// From where an earlier answer ended: its `next` or its `delta`. A link lives for seven days.
    Link(String),
}

/// Changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// A page of them.
    Page {
        /// Groups of the whole directory that were changed, made or deleted; what changed is not said. Some may be named again, some late.
        groups: Vec<GroupId>,
        /// The link to the next page; an empty page may have one.
        next: Option<String>,
        /// The link to keep for the next time; on the last page.
        delta: Option<String>,
    },
    /// The link is of no use any more: begin with [`DeltaFrom::Now`] and look at all groups.
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
    /// One page of the changes of all groups of the directory.
    pub async fn delta(&self, access: &Access, from: DeltaFrom) -> Result<Delta, CallError> {
        let (call, is_link) = match from {
            // Who is not selected is not followed: members and owners must stand here to be noticed.
            DeltaFrom::Now => {
                let call = Call::get("/groups/delta").query("$select", "id,displayName,members,owners");
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
            return Err(answer.unreadable("neither a next page nor an end"));
        }
        let groups: BTreeSet<_> = page.value.into_iter().map(|group| group.id).collect();
        Ok(Delta::Page { groups: groups.into_iter().collect(), next: page.next, delta: page.delta })
    }
}
