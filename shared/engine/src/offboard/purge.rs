//! The deletion of everything stored of a tenant except the receipt.

use super::{Offboarding, OffboardingDeps, OffboardingError, OffboardingStage};
use crate::backfill;
use crate::folders;
use crate::link::{self, LinkRow};
use crate::notify;
use crate::people;
use crate::stored::readable;
use store::keys;
use store::table::{Condition, Item, Key, Query, Store, StoreError, Test, Write, to_value};

/// Items per page; each can need two deletions of one transaction.
const PAGE: usize = 45;

/// Links per page.
const LINKS_PAGE: usize = 5;

/// Result of deleting a page.
#[derive(PartialEq)]
enum Remaining {
    Something,
    Nothing,
}

/// Deletes one page of the first partition that is not empty; people's names first.
pub(super) async fn purge_page(
    offboarding: &mut Offboarding,
    deps: &OffboardingDeps<'_>,
) -> Result<(), OffboardingError> {
    let id = offboarding.tenant.tenant;
    let store = deps.store;
    let people = |item: &Item| {
        let mut writes = deletion(item);
        let object = people::object_of_entry(id, item);
        writes.extend(object.map(|key| Write::Delete(key, Condition::Any)));
        writes
    };
    if delete_page(store, &people::partition(id), people).await? == Remaining::Something
        || purge_links(offboarding, store).await? == Remaining::Something
    {
        return Ok(());
    }
    let partitions = [
        folders::partition(id),
        keys::room_partition(id),
        notify::partition(id),
        backfill::candidate_partition(id),
        backfill::chosen_partition(id),
    ];
    for partition in partitions {
        if delete_page(store, &partition, deletion).await? == Remaining::Something {
            return Ok(());
        }
    }
    let receipt = keys::offboarding(id);
    let own = |item: &Item| match Key::of(item) {
        Some(key) if key == receipt => vec![],
        _ => deletion(item),
    };
    delete_page(store, &keys::partition(id), own).await?;
    store.write(vec![Write::Delete(keys::listed(id), Condition::Any)]).await?;
    offboarding.receipt.purged_at = Some(deps.clock.now());
    offboarding.stage = OffboardingStage::Done;
    Ok(())
}

async fn purge_links(
    offboarding: &Offboarding,
    store: &dyn Store,
) -> Result<Remaining, StoreError> {
    let id = offboarding.tenant.tenant;
    let query = Query::Partition { pk: link::partition(id), prefix: String::new() };
    let page = store.query(&query, LINKS_PAGE, None).await?;
    for item in &page.items {
        let Some(team) = Key::of(item).and_then(|key| key.sk.parse().ok()) else { continue };
        let people = keys::team_partition(id, team);
        if delete_page(store, &people, deletion).await? == Remaining::Something {
            return Ok(Remaining::Something);
        }
        let row: Option<LinkRow> = readable(item.clone());
        if let Some(group) = row.and_then(|row| row.link.group()) {
            let claim = keys::group(offboarding.tenant.directory, group);
            let ours = Condition::Holds(vec![Test::Equals("tenant", to_value(&id)?)]);
            match store.write(vec![Write::Delete(claim, ours)]).await {
                // The claim is gone, or another tenant's by now.
                Ok(()) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        store.write(deletion(item)).await?;
    }
    Ok(if page.items.is_empty() { Remaining::Nothing } else { Remaining::Something })
}

fn deletion(item: &Item) -> Vec<Write> {
    Key::of(item).map(|key| Write::Delete(key, Condition::Any)).into_iter().collect()
}

/// Deletes one page of a partition, with the writes that `deletions` returns for each item.
async fn delete_page(
    store: &dyn Store,
    pk: &str,
    deletions: impl Fn(&Item) -> Vec<Write>,
) -> Result<Remaining, StoreError> {
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
        return Ok(Remaining::Nothing);
    }
    store.write(writes).await?;
    Ok(Remaining::Something)
}
