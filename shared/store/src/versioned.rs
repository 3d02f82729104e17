//! Optimistic read-change-write of one row, by a number in its attribute `version`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table::{
    AttributeValue, Change, Condition, Item, Key, Store, StoreError, Test, Write, from_item,
    to_item, to_value,
};

/// Most tries of one update before it gives up as `Busy`.
const MAX_TRIES: usize = 10;

/// The version of a row as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// There was no row.
    Absent,
    /// There was a row without a version.
    Unversioned,
    /// The number in the row.
    Number(u64),
}

impl Version {
    /// The version of a row whose number is 0 exactly if it does not exist.
    pub fn of_new(number: u64) -> Self {
        if number == 0 { Self::Absent } else { Self::Number(number) }
    }

    /// The version of a row that exists; 0 if it has no number yet.
    pub fn of_existing(number: u64) -> Self {
        if number == 0 { Self::Unversioned } else { Self::Number(number) }
    }

    /// Reads the version of an item.
    pub fn of(item: Option<&Item>) -> Self {
        match item.map(|item| item.get("version")) {
            None => Self::Absent,
            Some(Some(AttributeValue::N(number))) => {
                number.parse().map_or(Self::Unversioned, Self::Number)
            }
            // A version that is no number fails the condition of this, so nothing overwrites it.
            Some(_) => Self::Unversioned,
        }
    }

    /// The number of the next version.
    pub fn next(self) -> u64 {
        match self {
            Self::Absent | Self::Unversioned => 1,
            Self::Number(number) => number + 1,
        }
    }

    /// The condition that the row still has this version.
    pub fn condition(self) -> Result<Condition, StoreError> {
        Ok(match self {
            Self::Absent => Condition::Absent,
            Self::Unversioned => Condition::Holds(vec![Test::Missing("version")]),
            Self::Number(number) => {
                Condition::Holds(vec![Test::Equals("version", to_value(&number)?)])
            }
        })
    }
}

/// Part of a transaction: replaces the row that was read at this version.
pub fn put(key: &Key, record: &impl Serialize, read: Version) -> Result<Write, StoreError> {
    let mut item = to_item(key, record)?;
    // A record can carry the version that was read, and this one replaces it.
    item.insert("version".into(), to_value(&read.next())?);
    Ok(Write::Put(item, read.condition()?))
}

/// The decision of an update about a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<T> {
    /// Makes these changes.
    Write(Vec<Change>, T),
    /// Leaves the row as it is.
    Keep(T),
}

/// Reads a row, decides, and writes the changes unless the row has changed meanwhile.
///
/// Other attributes of the row stay. `decide` runs once for each try.
///
/// # Errors
/// `Busy` after ten tries; errors of the table and of `decide`.
pub async fn update<Row: DeserializeOwned, T>(
    store: &dyn Store,
    key: &Key,
    decide: impl FnMut(Option<Row>) -> Result<Decision<T>, StoreError>,
) -> Result<T, StoreError> {
    update_with(store, key, &[], decide).await
}

/// Like [`update`], with further writes in the transaction that makes the changes.
///
/// # Errors
/// Those of [`update`].
pub async fn update_with<Row: DeserializeOwned, T>(
    store: &dyn Store,
    key: &Key,
    further: &[Write],
    mut decide: impl FnMut(Option<Row>) -> Result<Decision<T>, StoreError>,
) -> Result<T, StoreError> {
    for _ in 0..MAX_TRIES {
        let item = store.get(key).await?;
        let version = Version::of(item.as_ref());
        let (mut changes, result) = match decide(item.map(from_item).transpose()?)? {
            Decision::Keep(result) => return Ok(result),
            Decision::Write(changes, result) => (changes, result),
        };
        // With the change: a version that moves alone would fail the others for nothing.
        changes.push(Change::Set("version", to_value(&version.next())?));
        let update = Write::Update(key.clone(), changes, version.condition()?);
        match store.write([&[update], further].concat()).await {
            // Another writer was faster: the decision is made again on what it wrote.
            Err(StoreError::ConditionFailed) => {}
            written => return written.map(|()| result),
        }
    }
    Err(StoreError::Busy(format!("too many updates of {}/{} at once", key.pk, key.sk)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::clock::SimulatedClock;
    use serde::Deserialize;

    use super::*;
    use crate::table::memory::MemoryStore;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Row {
        #[serde(default)]
        names: Vec<String>,
        #[serde(default)]
        count: i64,
    }

    fn store() -> MemoryStore {
        let start = "2026-11-23T08:00:00Z".parse().unwrap();
        MemoryStore::new(Arc::new(SimulatedClock::starting_at(start)))
    }

    fn key() -> Key {
        Key::new("ROW", "-")
    }

    fn append(row: Option<Row>, name: &str) -> Result<Decision<usize>, StoreError> {
        let mut names = row.unwrap_or_default().names;
        names.push(name.into());
        Ok(Decision::Write(vec![Change::Set("names", to_value(&names)?)], names.len()))
    }

    async fn read(store: &MemoryStore) -> (Version, Row) {
        let item = store.get(&key()).await.unwrap();
        (Version::of(item.as_ref()), from_item(item.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn update_creates_then_counts_versions() {
        let store = store();
        assert_eq!(update(&store, &key(), |row| append(row, "a")).await, Ok(1));
        assert_eq!(update(&store, &key(), |row| append(row, "b")).await, Ok(2));
        let row = Row { names: vec!["a".into(), "b".into()], count: 0 };
        assert_eq!(read(&store).await, (Version::Number(2), row));
    }

    #[tokio::test]
    async fn keep_writes_nothing() {
        let store = store();
        let result = update(&store, &key(), |_: Option<Row>| Ok(Decision::Keep(7))).await;
        assert_eq!((result, store.get(&key()).await), (Ok(7), Ok(None)));
    }

    #[tokio::test]
    async fn other_attributes_survive() {
        let store = store();
        store.update(&key(), vec![Change::Add("count", 3)], Condition::Any).await.unwrap();
        assert_eq!(read(&store).await.0, Version::Unversioned);
        update(&store, &key(), |row| append(row, "a")).await.unwrap();
        let row = Row { names: vec!["a".into()], count: 3 };
        assert_eq!(read(&store).await, (Version::Number(1), row));
    }

    #[tokio::test]
    async fn put_requires_the_version_read() {
        let store = store();
        let row = Row::default();
        let write = |read| put(&key(), &row, read).unwrap();
        let stale = Err(StoreError::ConditionFailed);
        assert_eq!(store.write(vec![write(Version::of_existing(0))]).await, stale);
        assert_eq!(store.write(vec![write(Version::of_new(0))]).await, Ok(()));
        assert_eq!(store.write(vec![write(Version::of_new(0))]).await, stale);
        assert_eq!(store.write(vec![write(Version::Number(1))]).await, Ok(()));
        assert_eq!(store.write(vec![write(Version::Number(1))]).await, stale);
        assert_eq!(read(&store).await.0, Version::Number(2));
    }

    #[tokio::test]
    async fn lost_race_decides_again() {
        let store = Arc::new(store());
        let (first, second) = (key(), key());
        let a = update(store.as_ref(), &first, |row| append(row, "a"));
        let b = update(store.as_ref(), &second, |row| append(row, "b"));
        let (a, b) = futures::future::join(a, b).await;
        assert_eq!(a.unwrap() + b.unwrap(), 3);
    }
}
