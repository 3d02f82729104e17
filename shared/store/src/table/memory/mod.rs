//! The table in memory, for tests and the sandbox.
//!
//! # Guarantees
//! It answers as DynamoDB does, in all that this program uses: the same contract tests run
//! against both. It is as strict about keys, sizes and the types of index attributes, ends pages
//! where the service does, and returns only what an index holds. Its indexes never lag.

mod place;
mod requests;

pub use self::requests::Requests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::place::{Index, Place};
use async_trait::async_trait;
use serde_dynamo::{AttributeValue, Item};

use crate::table::limits::{
    check_changes, check_item, check_key, check_query, check_writes, integer, key_of, size_of_item,
    target,
};
use crate::table::{
    Change, Condition, Cursor, EXPIRES_AT, Key, Page, Query, Store, StoreError, Test, Write,
    is_live,
};
use domain::clock::Clock;

/// Maximum number of keys in one read by keys.
const BATCH_LIMIT: usize = 100;
/// Maximum size of a transaction in bytes.
const LARGEST_TRANSACTION: usize = 4 * 1024 * 1024;
/// Maximum size of a page in bytes.
const LARGEST_PAGE: usize = 1024 * 1024;

/// Bytes of a read unit.
const READ_UNIT: usize = 4096;
/// Bytes of a write unit.
const WRITE_UNIT: usize = 1024;

/// A table in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
}

#[derive(Clone, Default)]
struct Table {
    items: BTreeMap<Key, Item>,
    order: BTreeSet<Place>,
    requests: Requests,
}

impl MemoryStore {
    /// Returns an empty table.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Mutex::default() }
    }

    /// Returns a copy on another clock.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Mutex::new(self.lock().clone()) }
    }

    /// Returns every item, including expired ones.
    pub fn snapshot(&self) -> BTreeMap<Key, Item> {
        self.lock().items.clone()
    }

    /// Restores exactly the items of a [`snapshot`](Self::snapshot).
    pub fn restore(&self, snapshot: BTreeMap<Key, Item>) {
        let mut table = self.lock();
        table.order = snapshot.iter().flat_map(|(key, item)| Place::all_of(item, key)).collect();
        table.items = snapshot;
    }

    /// Returns the bytes of all items as billed: 100 more for each. Without indexes.
    pub fn size(&self) -> usize {
        // DynamoDB bills about 100 further bytes for each item.
        self.lock().items.values().map(|item| 100 + size_of_item(item)).sum()
    }

    /// Returns the number of requests since the table was created.
    pub fn requests(&self) -> Requests {
        self.lock().requests
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the item as conditions see it.
    fn seen<'t>(&self, table: &'t Table, key: &Key) -> Option<&'t Item> {
        table.items.get(key).filter(|item| is_live(item, self.clock.now()))
    }

    /// Does all writes or none.
    fn commit(&self, table: &mut Table, writes: Vec<Write>) -> Result<(), StoreError> {
        // A failed condition is billed, too.
        table.requests.items_written += writes.len() as u64;
        // A transaction writes each item twice.
        let units_each =
            if matches!(&writes[..], [Write::Put(..) | Write::Update(..) | Write::Delete(..)]) {
                1
            } else {
                2
            };
        let mut outcome = Vec::new();
        let mut bytes = 0;
        let mut held = true;
        for write in writes {
            let key = target(&write)?;
            check_key(&key)?;
            let (Write::Put(_, condition)
            | Write::Update(_, _, condition)
            | Write::Delete(_, condition)
            | Write::Check(_, condition)) = &write;
            // The loop goes on: the service reports a mistake in any part before a failed
            // condition.
            held &= holds(condition, self.seen(table, &key));
            // The larger of both versions is billed.
            let mut size = table.items.get(&key).map_or(0, size_of_item);
            let after = match write {
                Write::Put(item, _) => Some(item),
                Write::Update(_, changes, _) => {
                    Some(changed(&key, table.items.get(&key), changes)?)
                }
                Write::Delete(..) => None,
                Write::Check(..) => {
                    bytes += size;
                    table.requests.write_units += units_each * units(size, WRITE_UNIT);
                    continue;
                }
            };
            if let Some(item) = &after {
                size = size.max(check_item(item)?);
            }
            bytes += size;
            table.requests.write_units += units_each * units(size, WRITE_UNIT);
            outcome.push((key, after));
        }
        // The service counts what is there already, not only what is sent.
        if bytes > LARGEST_TRANSACTION {
            return Err(StoreError::Refused(format!("a transaction of {bytes} bytes")));
        }
        if !held {
            return Err(StoreError::ConditionFailed);
        }
        for (key, after) in outcome {
            table.replace(key, after);
        }
        Ok(())
    }
}

impl Table {
    fn replace(&mut self, key: Key, after: Option<Item>) {
        self.requests.write_units += index_units(&key, self.items.get(&key), after.as_ref());
        if let Some(before) = self.items.remove(&key) {
            for place in Place::all_of(&before, &key) {
                self.order.remove(&place);
            }
        }
        if let Some(item) = after {
            self.order.extend(Place::all_of(&item, &key));
            self.items.insert(key, item);
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        check_key(key)?;
        let mut table = self.lock();
        table.requests.gets += 1;
        let found = self.seen(&table, key).cloned();
        table.requests.items_read += u64::from(found.is_some());
        table.requests.half_read_units +=
            2 * units(found.as_ref().map_or(0, size_of_item), READ_UNIT);
        Ok(found)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let keys: BTreeSet<&Key> = keys.iter().collect();
        keys.iter().try_for_each(|key| check_key(key))?;
        let mut table = self.lock();
        let found: Vec<Item> =
            keys.iter().filter_map(|key| self.seen(&table, key)).cloned().collect();
        table.requests.batch_gets += keys.len().div_ceil(BATCH_LIMIT) as u64;
        table.requests.items_read += found.len() as u64;
        // A read of nothing costs one unit.
        let missing = keys.len() - found.len();
        let read: u64 = found.iter().map(|item| units(size_of_item(item), READ_UNIT)).sum();
        table.requests.half_read_units += 2 * (read + missing as u64);
        Ok(found)
    }

    async fn query(
        &self,
        query: &Query,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<Page, StoreError> {
        check_query(query)?;
        let mut guard = self.lock();
        let table = &mut *guard;
        table.requests.queries += 1;
        let beginning = Place::beginning(query);
        let last = match start.map(Cursor::keys).transpose()? {
            None => None,
            // The service refuses a place that the query could not have reached.
            Some(keys) => match Place::of(&keys, &key_of(&keys)?, beginning.index)
                .filter(|place| place.answers(query))
            {
                None => return Err(StoreError::Refused("a cursor of another query".to_owned())),
                place => place,
            },
        };
        if limit == 0 {
            return Err(StoreError::Refused("a page of no items".to_owned()));
        }
        let (mut items, mut next) = (Vec::new(), None);
        let (mut read, mut bytes) = (0, 0);
        for place in table
            .order
            .range(last.clone().unwrap_or(beginning)..)
            .filter(|place| Some(*place) != last.as_ref())
        {
            let Some(item) = table.items.get(&place.key).filter(|_| place.answers(query)) else {
                break;
            };
            read += 1;
            bytes += size_of_item(item);
            if is_live(item, self.clock.now()) {
                items.push(projected(item, query));
            }
            // Expired items count, so a page can be empty although more follow.
            if read == limit || bytes >= LARGEST_PAGE {
                next = Some(Cursor::behind(&only(item, query.key_attributes()))?);
                break;
            }
        }
        table.requests.items_read += items.len() as u64;
        // An index query reads only a few attributes, without strong consistency.
        table.requests.half_read_units += match query {
            Query::Partition { .. } => 2 * units(bytes, READ_UNIT),
            Query::Due { .. } | Query::Listed { .. } => {
                units(items.iter().map(size_of_item).sum(), READ_UNIT)
            }
        };
        Ok(Page { items, next })
    }

    async fn update(
        &self,
        key: &Key,
        changes: Vec<Change>,
        condition: Condition,
    ) -> Result<Item, StoreError> {
        check_changes(&changes)?;
        let mut table = self.lock();
        table.requests.single_writes += 1;
        self.commit(&mut table, vec![Write::Update(key.clone(), changes, condition)])?;
        Ok(table.items.get(key).cloned().unwrap_or_default())
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_writes(&writes)?;
        let mut table = self.lock();
        match &writes[..] {
            [] => return Ok(()),
            [Write::Put(..) | Write::Update(..) | Write::Delete(..)] => {
                table.requests.single_writes += 1
            }
            // A check alone costs a transaction in DynamoDB too.
            _ => table.requests.transactions += 1,
        }
        self.commit(&mut table, writes)
    }
}

/// Returns the units of a request over so many bytes, at least one.
fn units(bytes: usize, unit: usize) -> u64 {
    bytes.div_ceil(unit).max(1) as u64
}

/// Returns the units of a write in the indexes: none if the entry stays as it is, one to add or
/// remove it, two to move it.
fn index_units(key: &Key, before: Option<&Item>, after: Option<&Item>) -> u64 {
    let place = |item: Option<&Item>, index| item.and_then(|item| Place::of(item, key, index));
    // An index holds the end of an item, so a change of it is a write there.
    let ends =
        before.and_then(|item| item.get(EXPIRES_AT)) != after.and_then(|item| item.get(EXPIRES_AT));
    let units = [Index::Due, Index::Listed].map(|index| {
        match (place(before, index), place(after, index)) {
            (None, None) => 0,
            (before, after) if before == after => u64::from(ends),
            (before, after) => u64::from(before.is_some()) + u64::from(after.is_some()),
        }
    });
    units.iter().sum()
}

/// Returns the item with only these attributes.
fn only(item: &Item, names: &[&str]) -> Item {
    item.iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<HashMap<_, _>>()
        .into()
}

/// Returns what a query returns of an item.
fn projected(item: &Item, query: &Query) -> Item {
    match query {
        Query::Partition { .. } => item.clone(),
        Query::Due { .. } | Query::Listed { .. } => {
            only(item, &[query.key_attributes(), &[EXPIRES_AT]].concat())
        }
    }
}

fn holds(condition: &Condition, item: Option<&Item>) -> bool {
    match condition {
        Condition::Any => true,
        Condition::Absent => item.is_none(),
        Condition::Holds(tests) => {
            item.is_some_and(|item| tests.iter().all(|test| passes(test, item)))
        }
        Condition::AbsentOr(tests) => {
            item.is_none_or(|item| tests.iter().all(|test| passes(test, item)))
        }
    }
}

fn passes(test: &Test, item: &Item) -> bool {
    match test {
        Test::Equals(name, value) => item.get(*name).is_some_and(|there| same(there, value)),
        Test::Below(name, limit) => is_below(item, name, *limit),
        Test::Missing(name) => !item.contains_key(*name),
        Test::MissingOrBelow(name, limit) => {
            !item.contains_key(*name) || is_below(item, name, *limit)
        }
    }
}

fn is_below(item: &Item, name: &str, limit: i64) -> bool {
    item.get(name).and_then(integer).is_some_and(|there| there < i128::from(limit))
}

/// Compares as the service does: numbers by value, sets in any order.
fn same(one: &AttributeValue, other: &AttributeValue) -> bool {
    use AttributeValue::{Bs, L, M, N, Ns, Ss};
    match (one, other) {
        // "1" and "01" are the same number.
        (N(_), N(_)) if integer(one).is_some() => integer(one) == integer(other),
        (Ss(one), Ss(other)) | (Ns(one), Ns(other)) => {
            one.iter().collect::<BTreeSet<_>>() == other.iter().collect()
        }
        (Bs(one), Bs(other)) => one.iter().collect::<BTreeSet<_>>() == other.iter().collect(),
        (L(one), L(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (M(one), M(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn changed(key: &Key, before: Option<&Item>, changes: Vec<Change>) -> Result<Item, StoreError> {
    let mut item = before.cloned().unwrap_or_default();
    item.insert("pk".to_owned(), AttributeValue::S(key.pk.clone()));
    item.insert("sk".to_owned(), AttributeValue::S(key.sk.clone()));
    for change in changes {
        match change {
            Change::Set(name, value) => drop(item.insert(name.to_owned(), value)),
            Change::Remove(name) => drop(item.remove(name)),
            Change::Add(name, by) => {
                let sum = match item.get(name) {
                    None => Some(i128::from(by)),
                    Some(there) => integer(there).and_then(|there| there.checked_add(by.into())),
                };
                let sum =
                    sum.ok_or_else(|| StoreError::Refused(format!("{name} is no whole number")))?;
                item.insert(name.to_owned(), AttributeValue::N(sum.to_string()));
            }
        }
    }
    Ok(item)
}
