//! Changes of groups. <https://learn.microsoft.com/graph/api/group-delta>

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Graph;
use super::error::{is_delta_expired, is_delta_refused};
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
            Err(error) if is_link && is_delta_refused(&error) => return Ok(Delta::Unusable(error)),
            Err(error) => return Err(error),
        };
        let page: DeltaPage = answer.json()?;
        let groups: BTreeSet<_> = page.value.into_iter().map(|group| group.id).collect();
        let groups = groups.into_iter().collect();
        match (page.next, page.delta) {
            (Some(link), _) => Ok(Delta::Page { groups, then: Then::Next(link) }),
            (None, Some(link)) => Ok(Delta::Page { groups, then: Then::Later(link) }),
            (None, None) => {
                let error = answer.unreadable("neither a next link nor a delta link");
                if is_link { Ok(Delta::Unusable(error)) } else { Err(error) }
            }
        }
    }
}
