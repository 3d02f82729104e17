//! Forgetting all that is stored of a tenant but the receipt.

use super::{Hands, Leaving, LeavingError, Stage};
use crate::backfill;
use crate::folders;
use crate::link::{self, Kept};
use crate::notify;
use crate::people;
use domain::ids::TeamId;
use store::keys;
use store::table::{Condition, Item, Key, Query, Store, StoreError, Test, Write, from_item, to_value};

/// Items in a page; of each, two may have to go.
const PER_PAGE: usize = 45;

/// Whether a partition is empty.
#[derive(PartialEq)]
enum Left {
    Something,
    Nothing,
}

impl Leaving {
    /// One page of whatever there is still; people's names first.
    pub(super) async fn forget(&mut self, hands: &Hands<'_>) -> Result<(), LeavingError> {
        let id = self.tenant.tenant;
        let store = hands.store;
        let people = |item: &Item| {
            let mut writes = deletion(item);
            writes.extend(people::object_of_entry(id, item).map(|key| Write::Delete(key, Condition::Any)));
            writes
        };
        if empty(store, &people::partition(id), people).await? == Left::Something
            || self.forget_links(store).await? == Left::Something
            || empty(store, &folders::partition(id), deletion).await? == Left::Something
            || empty(store, &keys::room_partition(id), deletion).await? == Left::Something
            || empty(store, &notify::partition(id), deletion).await? == Left::Something
            || empty(store, &backfill::found_partition(id), deletion).await? == Left::Something
            || empty(store, &backfill::chosen_partition(id), deletion).await? == Left::Something
        {
            return Ok(());
        }
        let own = |item: &Item| if Key::of(item) == Some(keys::leaving(id)) { vec![] } else { deletion(item) };
        empty(store, &keys::partition(id), own).await?;
        store.write(vec![Write::Delete(keys::listed(id), Condition::Any)]).await?;
        self.receipt.forgotten_at = Some(hands.clock.now());
        self.stage = Stage::Done;
        Ok(())
    }

    async fn forget_links(&self, store: &dyn Store) -> Result<Left, StoreError> {
        let id = self.tenant.tenant;
        let query = Query::Partition { pk: link::partition(id), prefix: String::new() };
        let page = store.query(&query, 5, None).await?;
        for item in &page.items {
            let kept: Kept = from_item(item.clone())?;
            let team: TeamId = kept.link.team;
            if empty(store, &keys::team_partition(id, team), deletion).await? == Left::Something {
                return Ok(Left::Something);
            }
            if let Some(group) = kept.link.group() {
                let ours = Condition::Holds(vec![Test::Equals("tenant", to_value(&id)?)]);
                match store.write(vec![Write::Delete(keys::group(self.tenant.directory, group), ours)]).await {
                    // Gone before, or another tenant's by now.
                    Ok(()) | Err(StoreError::ConditionFailed) => {}
                    Err(error) => return Err(error),
                }
            }
            store.write(deletion(item)).await?;
        }
        Ok(if page.items.is_empty() { Left::Nothing } else { Left::Something })
    }
}

fn deletion(item: &Item) -> Vec<Write> {
    Key::of(item).map(|key| Write::Delete(key, Condition::Any)).into_iter().collect()
}

/// Takes one page of a partition away.
async fn empty(store: &dyn Store, pk: &str, of: impl Fn(&Item) -> Vec<Write>) -> Result<Left, StoreError> {
    let query = Query::Partition { pk: pk.into(), prefix: String::new() };
    let page = store.query(&query, PER_PAGE, None).await?;
    let mut writes: Vec<Write> = Vec::new();
    for write in page.items.iter().flat_map(of) {
        // Two people can bear one object id.
        if !writes.contains(&write) {
            writes.push(write);
        }
    }
    if writes.is_empty() {
        return Ok(Left::Nothing);
    }
    store.write(writes).await?;
    Ok(Left::Something)
}
