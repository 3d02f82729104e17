//! The claim of a team on a group: at most one team has a group.
//!
//! The transaction that links the group writes it, on condition that there is none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Link;
use crate::stored::readable;
use clients::webex::Region;
use domain::ids::{DirectoryId, GroupId, TeamId, TenantId};
use store::keys;
use store::table::{Condition, Key, Store, StoreError, Write, to_item};

/// The team that has a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The team's tenant.
    pub tenant: TenantId,
    /// The team.
    pub team: TeamId,
    /// The region in the team's id.
    pub region: Region,
}

impl Claim {
    /// Part of a transaction: claims the group, unless a team has it.
    pub(crate) fn put(&self, directory: DirectoryId, group: GroupId) -> Result<Write, StoreError> {
        Ok(Write::Put(to_item(&keys::group(directory, group), self)?, Condition::Absent))
    }
}

/// Part of a transaction that changes a link: releases the group that it no longer claims.
pub(crate) fn released(directory: DirectoryId, before: &Link, after: &Link) -> Option<Write> {
    let group = before.claimed_group().filter(|group| after.claimed_group() != Some(*group))?;
    // The same transaction has proof that the link is still this one, and with it the claim.
    Some(Write::Delete(keys::group(directory, group), Condition::Any))
}

/// Loads the claims on these groups, of all tenants.
pub async fn claims(
    store: &dyn Store,
    directory: DirectoryId,
    groups: impl IntoIterator<Item = GroupId>,
) -> Result<BTreeMap<GroupId, Claim>, StoreError> {
    let groups: BTreeMap<Key, GroupId> =
        groups.into_iter().map(|group| (keys::group(directory, group), group)).collect();
    let keys: Vec<Key> = groups.keys().cloned().collect();
    let items = store.get_many(&keys).await?;
    let of = |item| Some((*groups.get(&Key::of(&item)?)?, readable(item)?));
    Ok(items.into_iter().filter_map(of).collect())
}
