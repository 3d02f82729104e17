//! Groups by the beginning of their name or address.

use serde::Deserialize;

use super::Graph;
use super::groups::{Group, SELECT};
use crate::http::{Access, Call, CallError};

/// Groups that a search shows.
const SHOWN: &str = "50";

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsFound {
    /// The first of them, by name.
    pub groups: Vec<Group>,
    /// How many there are in all.
    pub in_all: usize,
}

#[derive(Deserialize)]
struct Counted {
    value: Vec<Group>,
    #[serde(rename = "@odata.count")]
    count: Option<usize>,
}

impl Graph {
    /// The groups, of any kind, whose name or mail address begins so, whatever the case: the first fifty, by name. They come from an index that is later than any
    /// replica: a group of the last minutes can be missing, and a name be an old one, so that nothing may be decided by it.
    /// <https://learn.microsoft.com/graph/aad-advanced-queries>: a filter that is sorted and counted takes `ConsistencyLevel: eventual`.
    pub async fn groups_beginning(&self, access: &Access, beginning: &str) -> Result<GroupsFound, CallError> {
        let literal = beginning.replace('\'', "''");
        let filter = format!("startswith(displayName,'{literal}') or startswith(mail,'{literal}')");
        let call = Call::get("/groups").query("$filter", filter).query("$orderby", "displayName");
        let call = call.query("$select", SELECT).query("$top", SHOWN).query("$count", "true");
        let Counted { value, count } =
            self.caller.call(access, call.header("consistencylevel", "eventual")).await?.json()?;
        Ok(GroupsFound { in_all: count.unwrap_or_default().max(value.len()), groups: value })
    }
}
