//! Which team has a group: one at most. The item is put on condition that there is none, in the transaction that links the group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use clients::webex::Region;
use domain::ids::{DirectoryId, GroupId, TeamId, TenantId};
use store::keys;
use store::table::{Condition, Key, Store, StoreError, Write, from_item, to_item};

/// From a group to the team that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose team.
    pub tenant: TenantId,
    /// The team.
    pub team: TeamId,
    /// The region in its id.
    pub region: Region,
}

impl Claim {
    /// Part of the transaction that links the group: nobody may have it.
    pub(crate) fn put(&self, directory: DirectoryId, group: GroupId) -> Result<Write, StoreError> {
        Ok(Write::Put(to_item(&keys::group(directory, group), self)?, Condition::Absent))
    }
}

/// Part of the transaction that ends a link: its group can be connected again.
pub(crate) fn release(directory: DirectoryId, group: GroupId) -> Write {
    Write::Delete(keys::group(directory, group), Condition::Any)
}

/// Those of the groups that some team has, of whatever tenant.
pub async fn claims(
    store: &dyn Store,
    directory: DirectoryId,
    groups: impl IntoIterator<Item = GroupId>,
) -> Result<BTreeMap<GroupId, Claim>, StoreError> {
    let groups: BTreeMap<Key, GroupId> =
        groups.into_iter().map(|group| (keys::group(directory, group), group)).collect();
    let items = store.get_many(&groups.keys().cloned().collect::<Vec<_>>()).await?;
    let of = |item| Some((*groups.get(&Key::of(&item)?)?, from_item(item)));
    items.into_iter().filter_map(of).map(|(group, claim)| Ok((group, claim?))).collect()
}
