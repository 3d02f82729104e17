//! The deletion of everything stored of a tenant except what says that it is gone.

use crate::backfill;
use crate::folders;
use crate::link::{self, LinkRow};
use crate::notify;
use crate::people;
use crate::stored::readable;
use domain::ids::{DirectoryId, TenantId};
use store::keys;
use store::table::{Condition, Item, Key, Query, Store, StoreError, Test, Write, to_value};

/// Items per page; each can need two deletions of one transaction.
const PAGE: usize = 45;

/// Links per page.
const LINKS_PAGE: usize = 5;

/// Result of deleting a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purged {
    /// Some items were deleted; there can be more.
    Page,
    /// Nothing is left.
    All,
}

/// Partitions of a tenant whose items stand for themselves.
pub(crate) fn simple_partitions(id: TenantId) -> [String; 7] {
    [
        people::name_partition(id),
        folders::partition(id),
        keys::room_partition(id),
        keys::waiting_partition(id),
        notify::partition(id),
        backfill::candidate_partition(id),
        backfill::chosen_partition(id),
    ]
}

/// Deletes one page of the first partition that is not empty; people's names first.
///
/// The receipt of an offboarding and the record of a retirement stay.
pub(crate) async fn purge_page(
    store: &dyn Store,
    id: TenantId,
    directory: DirectoryId,
) -> Result<Purged, StoreError> {
    let people = |item: &Item| {
        let mut writes = deletion(item);
        let object = people::object_of_entry(id, item);
        writes.extend(object.map(|key| Write::Delete(key, Condition::Any)));
        writes
    };
    if delete_page(store, &people::partition(id), people).await? == Purged::Page
        || purge_links(store, id, directory).await? == Purged::Page
    {
        return Ok(Purged::Page);
    }
    for partition in simple_partitions(id) {
        if delete_page(store, &partition, deletion).await? == Purged::Page {
            return Ok(Purged::Page);
        }
    }
    let last = [keys::offboarding(id), keys::retired(id)];
    let own = |item: &Item| match Key::of(item) {
        Some(key) if last.contains(&key) => vec![],
        _ => deletion(item),
    };
    if delete_page(store, &keys::partition(id), own).await? == Purged::Page {
        return Ok(Purged::Page);
    }
    // Last, since cycles continue an interrupted purge only of a listed tenant.
    store.write(vec![Write::Delete(keys::listed(id), Condition::Any)]).await?;
    Ok(Purged::All)
}

async fn purge_links(
    store: &dyn Store,
    id: TenantId,
    directory: DirectoryId,
) -> Result<Purged, StoreError> {
    let query = Query::Partition { pk: link::partition(id), prefix: String::new() };
    let page = store.query(&query, LINKS_PAGE, None).await?;
    for item in &page.items {
        let Some(team) = Key::of(item).and_then(|key| key.sk.parse().ok()) else { continue };
        let people = keys::team_partition(id, team);
        // Before the row, since nothing else leads to this partition.
        if delete_page(store, &people, deletion).await? == Purged::Page {
            return Ok(Purged::Page);
        }
        let row: Option<LinkRow> = readable(item.clone());
        if let Some(group) = row.and_then(|row| row.link.claimed_group()) {
            let claim = keys::group(directory, group);
            let ours = Condition::Holds(vec![Test::Equals("tenant", to_value(&id)?)]);
            match store.write(vec![Write::Delete(claim, ours)]).await {
                // The claim is gone, or another tenant's by now.
                Ok(()) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        store.write(deletion(item)).await?;
    }
    Ok(if page.items.is_empty() { Purged::All } else { Purged::Page })
}

fn deletion(item: &Item) -> Vec<Write> {
    Key::of(item).map(|key| Write::Delete(key, Condition::Any)).into_iter().collect()
}

/// Deletes one page of a partition, with the writes that `deletions` returns for each item.
async fn delete_page(
    store: &dyn Store,
    pk: &str,
    deletions: impl Fn(&Item) -> Vec<Write>,
) -> Result<Purged, StoreError> {
    let query = Query::Partition { pk: pk.into(), prefix: String::new() };
    let page = store.query(&query, PAGE, None).await?;
    let mut writes: Vec<Write> = Vec::new();
    for write in page.items.iter().flat_map(deletions) {
        // Two people can hold one object id, and a transaction takes each key once.
        if !writes.contains(&write) {
            writes.push(write);
        }
    }
    if writes.is_empty() {
        return Ok(Purged::All);
    }
    store.write(writes).await?;
    Ok(Purged::Page)
}
