//! A link that takes the place of one that has ended.

use jiff::Timestamp;

use super::{Link, LinkRow, LinkState, Phase, creation, listing, people};
use domain::ids::{TeamId, TenantId};
use store::keys;
use store::table::{Condition, Key, Query, Store, StoreError, Test, Write, to_value};

/// People purged in one transaction.
const AT_ONCE: usize = 100;

/// Part of a transaction: creates a link if there is none, or if `before` has ended. The claim of
/// `before` is the caller's to release.
///
/// It first purges the stored people of an ended link. They belong to another group: to be missing
/// from the new one is no removal.
pub(crate) async fn creation_after(
    store: &dyn Store,
    tenant: TenantId,
    before: Option<&LinkRow>,
    link: &Link,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let creation = creation(tenant, link, now)?;
    let ended = before.filter(|before| matches!(before.link.phase, Phase::Ended { .. }));
    let Some(before) = ended else { return Ok(creation) };
    purge_people(store, tenant, before.link.team).await?;
    // A link with a way back can have come back since it was read.
    let still_ended = Test::Equals("gsi2pk", to_value(&listing(tenant, LinkState::Ended))?);
    Ok(match creation {
        Write::Put(item, _) => Write::Put(item, Condition::Holds(vec![still_ended])),
        other => other,
    })
}

/// Purges the stored people of a link whose group changes.
pub(crate) async fn purge_people(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<(), StoreError> {
    let pk = keys::team_partition(tenant, team);
    let query = Query::Partition { pk, prefix: people::PREFIX.into() };
    loop {
        // Always the first page: the previous one was deleted.
        let page = store.query(&query, AT_ONCE, None).await?;
        let keys = page.items.iter().filter_map(Key::of);
        let deletes: Vec<Write> = keys.map(|key| Write::Delete(key, Condition::Any)).collect();
        if deletes.is_empty() {
            return Ok(());
        }
        store.write(deletes).await?;
    }
}
