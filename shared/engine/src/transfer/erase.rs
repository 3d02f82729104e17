//! The erasure of a retired tenant.

use super::{DRAINED_AFTER, Found, TransferError, claims};
use crate::activity;
use crate::codes::Decision;
use crate::credentials::tokens;
use crate::decision::Decider;
use crate::offboard::{Purged, purge_page};
use domain::ids::TenantId;
use store::keys;
use store::pages;
use store::secrets::Secrets;
use store::table::{Condition, Key, Query, Store, StoreError, Test, Write, to_value};

/// Items of one page of a query.
const PAGE: usize = 100;

/// Deletes all items of a retired tenant, and its tokens. Nothing outside is called.
///
/// An erasure that was cut off is completed by a further one. Backups of the table keep the items
/// for 35 days.
///
/// # Errors
/// `InUse` if the tenant is not retired, `Draining` if it was retired a moment ago.
pub async fn erase(
    store: &dyn Store,
    secrets: &dyn Secrets,
    prefix: &str,
    id: TenantId,
    by: Decider<'_>,
) -> Result<(), TransferError> {
    let Found::Retired(retired) = Found::load(store, id).await? else {
        return Err(TransferError::InUse(id));
    };
    let until = retired.at + DRAINED_AFTER;
    // A sync that is still running would write rows that no one deletes.
    if by.now < until {
        return Err(TransferError::Draining { tenant: id, until });
    }
    // First, because the record has to say it even if the erasure is cut off.
    by.record(store, id, Decision::TenantErased).await?;
    while purge_page(store, id, retired.tenant.directory).await? == Purged::Page {}
    for claim in claims(&retired.tenant) {
        let ours = Condition::Holds(vec![Test::Equals("tenant", to_value(&id)?)]);
        match store.write(vec![Write::Delete(claim, ours)]).await {
            // The claim is gone, or another tenant's by now.
            Ok(()) | Err(StoreError::ConditionFailed) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // After the items: without them nothing asks for tokens, and a repeated erasure deletes them
    // again.
    secrets.delete(&tokens::tenant_secret(prefix, id)).await?;
    erase_record(store, id).await?;
    // The last item is the one that lets an erasure be continued.
    for key in [keys::offboarding(id), keys::retired(id)] {
        store.write(vec![Write::Delete(key, Condition::Any)]).await?;
    }
    Ok(())
}

/// Deletes the record of decisions, except that the tenant was erased, which names no person.
async fn erase_record(store: &dyn Store, id: TenantId) -> Result<(), StoreError> {
    let query = Query::Partition { pk: keys::record_partition(id), prefix: String::new() };
    for item in pages::all(store, &query, PAGE).await? {
        if let Some(key) = Key::of(&item).filter(|_| !activity::says_erased(item)) {
            store.write(vec![Write::Delete(key, Condition::Any)]).await?;
        }
    }
    Ok(())
}
