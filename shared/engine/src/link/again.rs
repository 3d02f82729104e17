//! A link in the place of one that is over.

use jiff::Timestamp;

use super::{Kept, Link, Phase, State, creation, listing, people};
use domain::ids::{TeamId, TenantId};
use store::keys;
use store::table::{Condition, Key, Query, Store, StoreError, Test, Write, to_value};

/// People that are forgotten in one transaction.
const AT_ONCE: usize = 100;

/// Part of a transaction that makes a link where there is none, or where `before` is over. Whatever was known of the people of that one is forgotten first: it was of another
/// group, and whoever is not in the new one yet was not removed from it.
pub(crate) async fn creation_after(
    store: &dyn Store,
    tenant: TenantId,
    (before, link): (Option<&Kept>, &Link),
    now: Timestamp,
) -> Result<Write, StoreError> {
    let made = creation(tenant, link, now)?;
    let Some(before) = before.filter(|before| matches!(before.link.phase, Phase::Ended { .. })) else {
        return Ok(made);
    };
    forget_people(store, tenant, before.link.team).await?;
    let over = Test::Equals("gsi2pk", to_value(&listing(tenant, State::Ended))?);
    Ok(match made {
        Write::Put(item, _) => Write::Put(item, Condition::Holds(vec![over])),
        other => other,
    })
}

/// Forgets everybody on a link whose group is, or is going to be, another.
pub(crate) async fn forget_people(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<(), StoreError> {
    let query = Query::Partition { pk: keys::team_partition(tenant, team), prefix: people::PREFIX.into() };
    loop {
        let page = store.query(&query, AT_ONCE, None).await?;
        let deletes = page.items.iter().filter_map(Key::of).map(|key| Write::Delete(key, Condition::Any));
        let deletes: Vec<Write> = deletes.collect();
        if deletes.is_empty() {
            return Ok(());
        }
        store.write(deletes).await?;
    }
}
