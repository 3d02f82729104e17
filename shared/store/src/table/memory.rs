//! The table in memory, for tests and the sandbox.
//!
//! # Guarantees
//! What it answers is what DynamoDB answers, as far as this program can tell the difference: the same contract tests run against both. It is as strict about keys,
//! sizes and the types of index attributes, ends pages where the service does, and returns from an index only what the index holds. Its indexes never lag.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{AddAssign, Sub};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_dynamo::{AttributeValue, Item};

use super::limits::{check_changes, check_item, check_key, check_writes, integer, key_of, size_of_item, target, text};
use super::{Change, Condition, Cursor, EXPIRES_AT, Key, Page, Query, Store, StoreError, Test, Write, is_live};
use domain::clock::Clock;

/// The most keys in one request that reads by key.
const BATCH_LIMIT: usize = 100;
/// The largest transaction, in bytes.
const LARGEST_TRANSACTION: usize = 4 * 1024 * 1024;
/// What a query reads at most for one page, in bytes.
const LARGEST_PAGE: usize = 1024 * 1024;

/// The bytes of a read unit.
const READ_UNIT: usize = 4096;
/// The bytes of a write unit.
const WRITE_UNIT: usize = 1024;

/// How often the table was asked, by kind of request. Refused and failed requests count too, as they do on the bill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Reads of one item.
    pub gets: u64,
    /// Reads of up to 100 items by key.
    pub batch_gets: u64,
    /// Pages of queries.
    pub queries: u64,
    /// Items returned by any of them.
    pub items_read: u64,
    /// Puts, updates and deletes of one item.
    pub single_writes: u64,
    /// Transactions, of whatever size.
    pub transactions: u64,
    /// Items that single writes and transactions were about.
    pub items_written: u64,
    /// Halves of a read unit, by the sizes of what was read: a strongly consistent read takes two for each 4 KB, a query of an index one.
    pub half_read_units: u64,
    /// Write units: one for each KB of an item, two in a transaction, and one for each place in an index that comes, goes or changes.
    pub write_units: u64,
}

impl Requests {
    /// Requests that read.
    pub fn reads(&self) -> u64 {
        self.gets + self.batch_gets + self.queries
    }

    /// Requests that write.
    pub fn writes(&self) -> u64 {
        self.single_writes + self.transactions
    }
}

/// What was asked all together.
impl AddAssign for Requests {
    fn add_assign(&mut self, more: Self) {
        self.gets += more.gets;
        self.batch_gets += more.batch_gets;
        self.queries += more.queries;
        self.items_read += more.items_read;
        self.single_writes += more.single_writes;
        self.transactions += more.transactions;
        self.items_written += more.items_written;
        self.half_read_units += more.half_read_units;
        self.write_units += more.write_units;
    }
}

/// What was asked between two counts.
impl Sub for Requests {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            gets: self.gets - earlier.gets,
            batch_gets: self.batch_gets - earlier.batch_gets,
            queries: self.queries - earlier.queries,
            items_read: self.items_read - earlier.items_read,
            single_writes: self.single_writes - earlier.single_writes,
            transactions: self.transactions - earlier.transactions,
            items_written: self.items_written - earlier.items_written,
            half_read_units: self.half_read_units - earlier.half_read_units,
            write_units: self.write_units - earlier.write_units,
        }
    }
}

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

/// Where an item stands in the order of one index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    index: Index,
    pk: String,
    sort: Sort,
    key: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Index {
    Table,
    Due,
    Listed,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Number(i64),
    Text(String),
}

impl Place {
    /// The item's place in this index, if it is in it.
    fn of(item: &Item, key: &Key, index: Index) -> Option<Self> {
        let (pk, sort) = match index {
            Index::Table => (key.pk.clone(), Sort::Text(key.sk.clone())),
            Index::Due => {
                (text(item, "gsi1pk")?, Sort::Number(integer(item.get("gsi1sk")?).and_then(|n| n.try_into().ok())?))
            }
            Index::Listed => (text(item, "gsi2pk")?, Sort::Text(text(item, "gsi2sk")?)),
        };
        Some(Self { index, pk, sort, key: key.clone() })
    }

    fn all_of<'i>(item: &'i Item, key: &'i Key) -> impl Iterator<Item = Self> + 'i {
        [Index::Table, Index::Due, Index::Listed].into_iter().filter_map(move |index| Self::of(item, key, index))
    }

    /// The place before all that answer the query.
    fn beginning(query: &Query) -> Self {
        let (index, pk, sort) = match query {
            Query::Partition { pk, prefix } => (Index::Table, pk, Sort::Text(prefix.clone())),
            Query::Due { pk, .. } => (Index::Due, pk, Sort::Number(i64::MIN)),
            Query::Listed { pk, prefix } => (Index::Listed, pk, Sort::Text(prefix.clone())),
        };
        Self { index, pk: pk.clone(), sort, key: Key { pk: String::new(), sk: String::new() } }
    }

    fn answers(&self, query: &Query) -> bool {
        match (query, self.index, &self.sort) {
            (Query::Partition { pk, prefix }, Index::Table, Sort::Text(sort))
            | (Query::Listed { pk, prefix }, Index::Listed, Sort::Text(sort)) => {
                self.pk == *pk && sort.starts_with(prefix)
            }
            (Query::Due { pk, at_most }, Index::Due, Sort::Number(sort)) => self.pk == *pk && sort <= at_most,
            _ => false,
        }
    }
}

impl MemoryStore {
    /// An empty table.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Mutex::default() }
    }

    /// Another table that is as this one is now, on another clock.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Mutex::new(self.lock().clone()) }
    }

    /// Every item there is, expired ones too.
    pub fn snapshot(&self) -> BTreeMap<Key, Item> {
        self.lock().items.clone()
    }

    /// Everything as it was at a [`snapshot`](Self::snapshot), and nothing else.
    pub fn restore(&self, snapshot: BTreeMap<Key, Item>) {
        let mut table = self.lock();
        table.order = snapshot.iter().flat_map(|(key, item)| Place::all_of(item, key)).collect();
        table.items = snapshot;
    }

    /// The bytes of all items, as the service bills their storage: 100 more for each. Without indexes.
    pub fn size(&self) -> usize {
        self.lock().items.values().map(|item| 100 + size_of_item(item)).sum()
    }

    /// How often the table was asked since it was made.
    pub fn requests(&self) -> Requests {
        self.lock().requests
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The item as a condition sees it.
    fn seen<'t>(&self, table: &'t Table, key: &Key) -> Option<&'t Item> {
        table.items.get(key).filter(|item| is_live(item, self.clock.now()))
    }

    /// Does all of the writes, or none.
    fn commit(&self, table: &mut Table, writes: Vec<Write>) -> Result<(), StoreError> {
        table.requests.items_written += writes.len() as u64;
        let units_each =
            if matches!(&writes[..], [Write::Put(..) | Write::Update(..) | Write::Delete(..)]) { 1 } else { 2 };
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
            held &= holds(condition, self.seen(table, &key));
            let mut size = table.items.get(&key).map_or(0, size_of_item);
            let after = match write {
                Write::Put(item, _) => Some(item),
                Write::Update(_, changes, _) => Some(changed(&key, table.items.get(&key), changes)?),
                Write::Delete(..) => None,
                Write::Check(..) => {
                    table.requests.write_units += units_each * units(size, WRITE_UNIT);
                    continue;
                }
            };
            if let Some(item) = &after {
                let written = check_item(item)?;
                bytes += written;
                size = size.max(written);
            }
            table.requests.write_units += units_each * units(size, WRITE_UNIT);
            outcome.push((key, after));
        }
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
        table.requests.half_read_units += 2 * units(found.as_ref().map_or(0, size_of_item), READ_UNIT);
        Ok(found)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let keys: BTreeSet<&Key> = keys.iter().collect();
        keys.iter().try_for_each(|key| check_key(key))?;
        let mut table = self.lock();
        let found: Vec<Item> = keys.iter().filter_map(|key| self.seen(&table, key)).cloned().collect();
        table.requests.batch_gets += keys.len().div_ceil(BATCH_LIMIT) as u64;
        table.requests.items_read += found.len() as u64;
        let missing = keys.len() - found.len();
        let read: u64 = found.iter().map(|item| units(size_of_item(item), READ_UNIT)).sum();
        table.requests.half_read_units += 2 * (read + missing as u64);
        Ok(found)
    }

    async fn query(&self, query: &Query, limit: usize, start: Option<&Cursor>) -> Result<Page, StoreError> {
        let mut guard = self.lock();
        let table = &mut *guard;
        table.requests.queries += 1;
        let beginning = Place::beginning(query);
        let last = match start.map(Cursor::keys).transpose()? {
            None => None,
            Some(keys) => match Place::of(&keys, &key_of(&keys)?, beginning.index).filter(|place| place.answers(query))
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
        for place in
            table.order.range(last.clone().unwrap_or(beginning)..).filter(|place| Some(*place) != last.as_ref())
        {
            let Some(item) = table.items.get(&place.key).filter(|_| place.answers(query)) else { break };
            read += 1;
            bytes += size_of_item(item);
            if is_live(item, self.clock.now()) {
                items.push(projected(item, query));
            }
            if read == limit || bytes >= LARGEST_PAGE {
                next = Some(Cursor::behind(&only(item, query.key_attributes()))?);
                break;
            }
        }
        table.requests.items_read += items.len() as u64;
        // Of an index its few attributes are read, and without consistency.
        table.requests.half_read_units += match query {
            Query::Partition { .. } => 2 * units(bytes, READ_UNIT),
            Query::Due { .. } | Query::Listed { .. } => units(items.iter().map(size_of_item).sum(), READ_UNIT),
        };
        Ok(Page { items, next })
    }

    async fn update(&self, key: &Key, changes: Vec<Change>, condition: Condition) -> Result<Item, StoreError> {
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
            [Write::Put(..) | Write::Update(..) | Write::Delete(..)] => table.requests.single_writes += 1,
            _ => table.requests.transactions += 1,
        }
        self.commit(&mut table, writes)
    }
}

/// What a request about so many bytes costs, at least one unit.
fn units(bytes: usize, unit: usize) -> u64 {
    bytes.div_ceil(unit).max(1) as u64
}

/// What a write costs in the indexes: nothing where an item's place and end stay, one unit to put or take it, two to move it.
fn index_units(key: &Key, before: Option<&Item>, after: Option<&Item>) -> u64 {
    let place = |item: Option<&Item>, index| item.and_then(|item| Place::of(item, key, index));
    let ends = before.and_then(|item| item.get(EXPIRES_AT)) != after.and_then(|item| item.get(EXPIRES_AT));
    let units = [Index::Due, Index::Listed].map(|index| match (place(before, index), place(after, index)) {
        (None, None) => 0,
        (before, after) if before == after => u64::from(ends),
        (before, after) => u64::from(before.is_some()) + u64::from(after.is_some()),
    });
    units.iter().sum()
}

/// Only these of its attributes.
fn only(item: &Item, names: &[&str]) -> Item {
    item.iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<HashMap<_, _>>()
        .into()
}

/// What a query returns of an item.
fn projected(item: &Item, query: &Query) -> Item {
    match query {
        Query::Partition { .. } => item.clone(),
        Query::Due { .. } | Query::Listed { .. } => only(item, &[query.key_attributes(), &[EXPIRES_AT]].concat()),
    }
}

fn holds(condition: &Condition, item: Option<&Item>) -> bool {
    match condition {
        Condition::Any => true,
        Condition::Absent => item.is_none(),
        Condition::Holds(tests) => item.is_some_and(|item| tests.iter().all(|test| passes(test, item))),
    }
}

fn passes(test: &Test, item: &Item) -> bool {
    match test {
        Test::Equals(name, value) => item.get(*name).is_some_and(|there| same(there, value)),
        Test::Below(name, limit) => item.get(*name).and_then(integer).is_some_and(|there| there < i128::from(*limit)),
        Test::Missing(name) => !item.contains_key(*name),
    }
}

/// Equality as the service has it: numbers by value, sets in any order.
fn same(one: &AttributeValue, other: &AttributeValue) -> bool {
    use AttributeValue::{Bs, L, M, N, Ns, Ss};
    match (one, other) {
        (N(_), N(_)) if integer(one).is_some() => integer(one) == integer(other),
        (Ss(one), Ss(other)) | (Ns(one), Ns(other)) => one.iter().collect::<BTreeSet<_>>() == other.iter().collect(),
        (Bs(one), Bs(other)) => one.iter().collect::<BTreeSet<_>>() == other.iter().collect(),
        (L(one), L(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other)),
        (M(one), M(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
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
                let sum = sum.ok_or_else(|| StoreError::Refused(format!("{name} is no whole number")))?;
                item.insert(name.to_owned(), AttributeValue::N(sum.to_string()));
            }
        }
    }
    Ok(item)
}
