//! The import of an export.

use std::io::BufRead;

use super::TransferError;
use super::export::Line;
use crate::codes::Decision;
use crate::decision::Decider;
use domain::ids::TenantId;
use store::table::{Condition, Item, Key, Store, StoreError, Write};

/// The extent of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Number of items that were stored.
    pub stored: usize,
    /// Number of items that an earlier import had stored.
    pub unchanged: usize,
}

/// Stores the items of an export. The last one starts the tenant.
///
/// The organization must not be connected here. Its tokens are in a secret, which is moved
/// separately; without it, the service account signs in again.
///
/// # Errors
/// `Conflict` if the table has another item under a key. What was stored before it starts nothing.
pub async fn import(
    store: &dyn Store,
    lines: impl BufRead,
    by: Decider<'_>,
) -> Result<Import, TransferError> {
    let (mut done, mut last, mut end) = (Import::default(), None, 0);
    for (n, text) in lines.lines().enumerate() {
        let line = n + 1;
        let parsed: Result<Line, _> = serde_json::from_str(&text?);
        let no_item = |why: String| TransferError::NoItem { line, why };
        let Line { item } = parsed.map_err(|error| no_item(error.to_string()))?;
        let key = Key::of(&item).ok_or_else(|| no_item("it has no key".into()))?;
        // A line is stored when another follows, so that a file that is cut off starts nothing.
        if let Some((line, key, item)) = last.replace((line, key, item)) {
            put(store, line, key, item, vec![], &mut done).await?;
        }
        end = line;
    }
    match last {
        Some((line, key, item)) if key.pk == store::keys::TENANTS => {
            let id = key.sk.parse::<TenantId>();
            let id = id.map_err(|error| TransferError::NoItem { line, why: error.to_string() })?;
            // Only with the start, so that a repetition records nothing.
            let record = by.of_tenant(id, Decision::TenantImported)?;
            put(store, line, key, item, record, &mut done).await?;
            Ok(done)
        }
        _ => Err(TransferError::CutOff(end)),
    }
}

async fn put(
    store: &dyn Store,
    line: usize,
    key: Key,
    item: Item,
    further: Vec<Write>,
    done: &mut Import,
) -> Result<(), TransferError> {
    let mut writes = vec![Write::Put(item.clone(), Condition::Absent)];
    writes.extend(further);
    match store.write(writes).await {
        Ok(()) => done.stored += 1,
        Err(StoreError::ConditionFailed) => match store.get(&key).await? {
            Some(there) if there == item => done.unchanged += 1,
            // It expired meanwhile.
            None => {}
            Some(_) => return Err(TransferError::Conflict { line, pk: key.pk, sk: key.sk }),
        },
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
