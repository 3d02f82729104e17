//! Checks of a request before it is sent.

use std::collections::HashSet;

use serde_dynamo::{AttributeValue, Item};

use super::{Change, Key, Query, StoreError, TRANSACTION_LIMIT, Write};

/// Maximum length of a partition key in bytes, in the table and its indexes.
const LONGEST_PK: usize = 2048;
/// Maximum length of a sort key in bytes, in the table and its indexes.
const LONGEST_SK: usize = 1024;
/// Attributes of the indexes that are texts, with their maximum length in bytes.
const INDEX_KEYS: [(&str, usize); 3] =
    [("gsi1pk", LONGEST_PK), ("gsi2pk", LONGEST_PK), ("gsi2sk", LONGEST_SK)];
/// Maximum size of an item in bytes.
const LARGEST_ITEM: usize = 400 * 1024;

/// Returns the key of an item from its attributes.
pub(crate) fn key_of(item: &Item) -> Result<Key, StoreError> {
    match (text(item, "pk"), text(item, "sk")) {
        (Some(pk), Some(sk)) => Ok(Key { pk, sk }),
        _ => Err(StoreError::Refused("an item whose pk or sk is not there, or no text".to_owned())),
    }
}

/// Returns the key of the item that a write changes.
pub(crate) fn target(write: &Write) -> Result<Key, StoreError> {
    match write {
        Write::Put(item, _) => key_of(item),
        Write::Update(key, ..) | Write::Delete(key, _) | Write::Check(key, _) => Ok(key.clone()),
    }
}

/// Refuses a transaction that is too large, names an item twice, or has an update that
/// [`check_changes`] refuses.
pub fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    // Checked here, so that the twin in memory refuses what the service would.
    if writes.len() > TRANSACTION_LIMIT {
        return Err(StoreError::Refused(format!("{} writes in one transaction", writes.len())));
    }
    let mut seen = HashSet::new();
    for write in writes {
        let key = target(write)?;
        if let Write::Update(_, changes, _) = write {
            check_changes(changes)?;
        }
        // The service refuses this too, but does not say which item it means.
        if let Some(twice) = seen.replace(key) {
            return Err(StoreError::Refused(format!("two writes at {}/{}", twice.pk, twice.sk)));
        }
    }
    Ok(())
}

/// Refuses an update that changes nothing, a key, or one attribute twice.
pub fn check_changes(changes: &[Change]) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for change in changes {
        let (Change::Set(name, _) | Change::Add(name, _) | Change::Remove(name)) = change;
        // A key can be replaced only by a new item.
        if matches!(*name, "pk" | "sk") || !seen.insert(*name) {
            return Err(StoreError::Refused(format!(
                "an update of a key, or twice of one attribute: {name}"
            )));
        }
    }
    // The service refuses an update expression that is empty.
    if seen.is_empty() {
        return Err(StoreError::Refused("an update without a change".to_owned()));
    }
    Ok(())
}

fn is_within(part: &str, longest: usize) -> bool {
    !part.is_empty() && part.len() <= longest
}

/// Refuses a text that cannot be a key.
pub(crate) fn check_key(key: &Key) -> Result<(), StoreError> {
    if is_within(&key.pk, LONGEST_PK) && is_within(&key.sk, LONGEST_SK) {
        return Ok(());
    }
    Err(StoreError::Refused(format!("a key with an empty or overlong part: {}/{}", key.pk, key.sk)))
}

/// Refuses a query for a partition or prefix that no key can have.
pub(crate) fn check_query(query: &Query) -> Result<(), StoreError> {
    let (Query::Partition { pk, .. } | Query::Due { pk, .. } | Query::Listed { pk, .. }) = query;
    let prefix = match query {
        Query::Partition { prefix, .. } | Query::Listed { prefix, .. } => prefix.len(),
        // Its sort key is a number, which is never too long.
        Query::Due { .. } => 0,
    };
    // An empty prefix asks for the whole partition, so only its length counts.
    if is_within(pk, LONGEST_PK) && prefix <= LONGEST_SK {
        return Ok(());
    }
    Err(StoreError::Refused(format!("a query of an empty or overlong key: {query:?}")))
}

/// Returns the item's size in bytes, or refuses it as the service would.
pub(crate) fn check_item(item: &Item) -> Result<usize, StoreError> {
    let refused = |why: &str| Err(StoreError::Refused(why.to_owned()));
    for (name, longest) in INDEX_KEYS {
        if item.contains_key(name) && text(item, name).is_none_or(|text| !is_within(&text, longest))
        {
            return refused("an index attribute that is no text, or empty, or overlong");
        }
    }
    if item
        .get("gsi1sk")
        .is_some_and(|number| integer(number).is_none_or(|number| i64::try_from(number).is_err()))
    {
        return refused("gsi1sk is no whole number of 64 bits");
    }
    // Empty texts are allowed, and empty sets are not.
    if item.values().any(has_empty_set) {
        return refused("an empty set");
    }
    match size_of_item(item) {
        bytes if bytes > LARGEST_ITEM => refused("an item of more than 400 KB"),
        bytes => Ok(bytes),
    }
}

fn has_empty_set(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::Ss(set) | AttributeValue::Ns(set) => set.is_empty(),
        AttributeValue::Bs(set) => set.is_empty(),
        AttributeValue::L(list) => list.iter().any(has_empty_set),
        AttributeValue::M(map) => map.values().any(has_empty_set),
        _ => false,
    }
}

/// Returns the size as the service counts it.
pub(crate) fn size_of_item(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

/// Counts by the service's published rules: texts as UTF-8, numbers one byte for two digits plus
/// one, containers three bytes plus one for each part.
fn size_of_value(value: &AttributeValue) -> usize {
    use AttributeValue::{B, Bool, Bs, L, M, N, Ns, Null, S, Ss};
    let number = |digits: &String| digits.len().div_ceil(2) + 1;
    match value {
        S(text) => text.len(),
        N(digits) => number(digits),
        B(bytes) => bytes.len(),
        Bool(_) | Null(_) => 1,
        Ss(set) => set.iter().map(String::len).sum(),
        Ns(set) => set.iter().map(number).sum(),
        Bs(set) => set.iter().map(Vec::len).sum(),
        L(list) => 3 + list.iter().map(|part| 1 + size_of_value(part)).sum::<usize>(),
        M(map) => {
            3 + map.iter().map(|(name, part)| 1 + name.len() + size_of_value(part)).sum::<usize>()
        }
    }
}

/// Returns the attribute if it is a text.
pub(crate) fn text(item: &Item, name: &str) -> Option<String> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Returns the number if it is whole.
pub(crate) fn integer(value: &AttributeValue) -> Option<i128> {
    match value {
        // DynamoDB's numbers have up to 38 digits, more than 64 bits hold.
        AttributeValue::N(number) => number.parse().ok(),
        _ => None,
    }
}
