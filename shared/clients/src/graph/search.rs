//! Search of groups by the beginning of their name or address.

use serde::Deserialize;

use super::Graph;
use super::groups::{Group, SELECT};
use crate::http::{Access, Call, CallError, UnreadableItem};
use crate::wire::{RawItems, lenient};

/// Maximum number of groups in a result.
const SHOWN: &str = "50";

/// Result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsFound {
    /// First groups, sorted by name.
    pub groups: Vec<Group>,
    /// Number of all matches.
    pub in_all: usize,
}

#[derive(Deserialize)]
struct Counted {
    value: RawItems,
    #[serde(default, rename = "@odata.count", deserialize_with = "lenient")]
    count: Option<usize>,
}

impl Graph {
    /// Returns the first 50 groups of any kind whose name or address begins with a text, ignoring
    /// case, sorted by name. The index is later than any replica: new groups can be missing and
    /// names can be old, so never decide by it.
    ///
    /// A sorted and counted filter requires `ConsistencyLevel: eventual`.
    /// <https://learn.microsoft.com/graph/aad-advanced-queries>
    pub async fn groups_beginning(
        &self,
        access: &Access,
        beginning: &str,
    ) -> Result<GroupsFound, CallError> {
        // People type this text, and a quote would end the literal.
        let literal = beginning.replace('\'', "''");
        let filter = format!("startswith(displayName,'{literal}') or startswith(mail,'{literal}')");
        let call = Call::get("/groups").query("$filter", filter).query("$orderby", "displayName");
        let call = call.query("$select", SELECT).query("$top", SHOWN).query("$count", "true");
        let answer = self.caller.call(access, call.header("consistencylevel", "eventual")).await?;
        let Counted { value, count } = answer.json()?;
        let groups = answer.items(&value, UnreadableItem::IsSkipped)?;
        // Without a count, there are at least as many as the page has.
        Ok(GroupsFound { in_all: count.unwrap_or_default().max(value.len()), groups })
    }
}
