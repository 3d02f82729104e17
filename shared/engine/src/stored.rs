//! Items that cannot be read: each is skipped or rebuilt, counted and named. It stops nothing else.

use serde::de::DeserializeOwned;

use store::table::{Condition, Item, Key, Store, StoreError, Write, from_item};

/// Returns the record of an item, or `None` if it cannot be read.
pub fn readable<T: DeserializeOwned>(item: Item) -> Option<T> {
    let key = Key::of(&item);
    let record = from_item(item).ok();
    if record.is_none() {
        report_unreadable(key.as_ref());
    }
    record
}

/// Counts and logs an item that cannot be read. Its content can name people, so only its key is
/// logged.
pub(crate) fn report_unreadable(key: Option<&Key>) {
    metrics::counter!("UnreadableItems").increment(1);
    let (pk, sk) = key.map(|key| (key.pk.as_str(), key.sk.as_str())).unzip();
    tracing::error!(event = "item_unreadable", pk, sk, "an item cannot be read");
}

/// Loads a record that readings rebuild. An item that cannot be read is deleted.
///
/// # Errors
/// The table's.
pub(crate) async fn load_rebuildable<T: DeserializeOwned>(
    store: &dyn Store,
    key: &Key,
) -> Result<Option<T>, StoreError> {
    let Some(item) = store.get(key).await? else { return Ok(None) };
    let record = readable(item);
    // It must not stay: each write that expects no item, or a known one, would fail.
    if record.is_none() {
        delete_unreadable(store, vec![key.clone()]).await?;
    }
    Ok(record)
}

/// Deletes items that cannot be read and that readings rebuild.
pub(crate) async fn delete_unreadable(store: &dyn Store, keys: Vec<Key>) -> Result<(), StoreError> {
    for key in keys {
        // A good item that came in between is no loss, because readings rebuild it.
        store.write(vec![Write::Delete(key, Condition::Any)]).await?;
    }
    Ok(())
}
