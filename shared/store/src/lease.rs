//! A lease over one row: the exclusive right to write it for a limited time.
//!
//! # Guarantees
//! One conditional update takes the lease. Every later write requires that no one else has taken
//! it, so a holder that was replaced writes nothing. The row keeps the attributes `lease` (the
//! holder's id) and `lease_until` (milliseconds of the epoch).

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::table::{
    Change, Condition, Key, Store, StoreError, Test, Write, from_item, moment, to_value,
};

/// A lease that one holder took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: Key,
    id: String,
}

/// The state of a row before its first lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLease {
    /// The row exists and has `lease_until`.
    Prepared,
    /// The row exists, maybe without `lease_until`.
    Unprepared,
    /// The row may not exist.
    Absent,
}

/// The terms on which a lease is taken.
#[derive(Clone, Debug)]
pub struct LeaseTerms {
    /// The present moment. A lease that ends at or before it is free.
    pub now: Timestamp,
    /// The end of the lease.
    pub until: Timestamp,
    /// The state of a row that was never leased.
    pub first: FirstLease,
    /// Further conditions on a row that exists.
    pub require: Vec<Test>,
    /// Further attributes to set.
    pub set: Vec<Change>,
}

impl LeaseTerms {
    /// Terms without further conditions or attributes.
    pub fn new(now: Timestamp, until: Timestamp, first: FirstLease) -> Self {
        Self { now, until, first, require: vec![], set: vec![] }
    }
}

impl Lease {
    /// Takes the lease over a row and returns both, or `None` if it is not free.
    pub async fn take<Row: DeserializeOwned>(
        store: &dyn Store,
        key: Key,
        terms: LeaseTerms,
    ) -> Result<Option<(Self, Row)>, StoreError> {
        let lease = Self::unheld(key);
        let LeaseTerms { now, until, first, mut require, set } = terms;
        let mut changes =
            vec![Change::Set("lease_until", moment(until)), Change::Set("lease", lease.value()?)];
        changes.extend(set);
        // Tests only know "below", and a lease that ends right now is free.
        let after = now.as_millisecond().saturating_add(1);
        require.push(match first {
            FirstLease::Prepared | FirstLease::Absent => Test::Below("lease_until", after),
            FirstLease::Unprepared => Test::MissingOrBelow("lease_until", after),
        });
        let condition = match first {
            // Without this, the update would create a row that holds a lease and nothing else.
            FirstLease::Prepared | FirstLease::Unprepared => Condition::Holds(require),
            FirstLease::Absent => Condition::AbsentOr(require),
        };
        match store.update(&lease.key, changes, condition).await {
            Ok(item) => Ok(Some((lease, from_item(item)?))),
            // An earlier try whose answer was lost may have taken the lease for us.
            Err(StoreError::ConditionFailed) => {
                Ok(lease.read(store).await?.map(|row| (lease, row)))
            }
            Err(error) => Err(error),
        }
    }

    /// A lease that is not held: every write under it is refused.
    pub fn unheld(key: Key) -> Self {
        // A new id for each take: a late holder with the same id could still write.
        Self { key, id: Uuid::now_v7().to_string() }
    }

    /// The key of the row.
    pub fn key(&self) -> &Key {
        &self.key
    }

    fn value(&self) -> Result<crate::table::AttributeValue, StoreError> {
        to_value(&self.id)
    }

    fn held(&self) -> Result<Test, StoreError> {
        // By the id alone: an overdue lease does no harm until another holder takes it.
        Ok(Test::Equals("lease", self.value()?))
    }

    /// Part of a transaction: requires that the lease is held.
    pub fn check(&self) -> Result<Write, StoreError> {
        Ok(Write::Check(self.key.clone(), Condition::Holds(vec![self.held()?])))
    }

    /// Part of a transaction: changes the row and keeps the lease.
    pub fn save(&self, changes: Vec<Change>) -> Result<Write, StoreError> {
        Ok(Write::Update(self.key.clone(), changes, Condition::Holds(vec![self.held()?])))
    }

    /// Part of a transaction: changes the row and gives the lease back, if `require` holds too.
    pub fn close(&self, mut changes: Vec<Change>, require: Vec<Test>) -> Result<Write, StoreError> {
        // Set and not removed, because the next take compares it as a number.
        changes.push(Change::Set("lease_until", moment(Timestamp::UNIX_EPOCH)));
        let mut tests = vec![self.held()?];
        tests.extend(require);
        Ok(Write::Update(self.key.clone(), changes, Condition::Holds(tests)))
    }

    /// Part of a transaction: deletes the row.
    pub fn delete(&self) -> Result<Write, StoreError> {
        Ok(Write::Delete(self.key.clone(), Condition::Holds(vec![self.held()?])))
    }

    /// Returns the row, or `None` if another holder has taken it since.
    pub async fn read<Row: DeserializeOwned>(
        &self,
        store: &dyn Store,
    ) -> Result<Option<Row>, StoreError> {
        let Some(item) = store.get(&self.key).await? else { return Ok(None) };
        if item.get("lease") != Some(&self.value()?) {
            return Ok(None);
        }
        from_item(item).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use domain::clock::{Clock, SimulatedClock};
    use jiff::SignedDuration;
    use serde::Deserialize;

    use super::*;
    use crate::table::memory::MemoryStore;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Counter {
        #[serde(default)]
        count: i64,
    }

    struct Scene {
        clock: Arc<SimulatedClock>,
        store: MemoryStore,
        key: Key,
    }

    impl Scene {
        fn new() -> Self {
            let clock =
                Arc::new(SimulatedClock::starting_at("2026-11-23T08:00:00Z".parse().unwrap()));
            let store = MemoryStore::new(clock.clone());
            Self { clock, store, key: Key::new("ROW", "-") }
        }

        async fn put(&self, changes: Vec<Change>) {
            self.store.update(&self.key, changes, Condition::Any).await.unwrap();
        }

        async fn take(&self, first: FirstLease) -> Option<(Lease, Counter)> {
            let now = self.clock.now();
            let terms = LeaseTerms::new(now, now + SignedDuration::from_secs(60), first);
            Lease::take(&self.store, self.key.clone(), terms).await.unwrap()
        }
    }

    fn count(number: i64) -> Vec<Change> {
        vec![Change::Set("count", to_value(&number).unwrap())]
    }

    #[tokio::test]
    async fn first_lease_depends_on_the_row() {
        let scene = Scene::new();
        assert!(scene.take(FirstLease::Prepared).await.is_none(), "no row");
        assert!(scene.take(FirstLease::Unprepared).await.is_none(), "no row");
        scene.put(count(1)).await;
        assert!(scene.take(FirstLease::Prepared).await.is_none(), "no lease_until");
        assert!(scene.take(FirstLease::Absent).await.is_none(), "the row exists");
        assert_eq!(scene.take(FirstLease::Unprepared).await.unwrap().1, Counter { count: 1 });
        let other = Scene::new();
        assert_eq!(other.take(FirstLease::Absent).await.unwrap().1, Counter { count: 0 });
    }

    #[tokio::test]
    async fn one_holder_at_a_time() {
        let scene = Scene::new();
        let (first, _) = scene.take(FirstLease::Absent).await.unwrap();
        assert!(scene.take(FirstLease::Absent).await.is_none());
        scene.store.write(vec![first.save(count(2)).unwrap()]).await.unwrap();
        scene.store.write(vec![first.close(count(3), vec![]).unwrap()]).await.unwrap();
        let (second, row) = scene.take(FirstLease::Absent).await.unwrap();
        assert_eq!(row, Counter { count: 3 });
        assert_eq!(first.read::<Counter>(&scene.store).await, Ok(None));
        assert_eq!(second.read::<Counter>(&scene.store).await, Ok(Some(Counter { count: 3 })));
    }

    #[tokio::test]
    async fn late_holder_writes_nothing() {
        let scene = Scene::new();
        let (late, _) = scene.take(FirstLease::Absent).await.unwrap();
        scene.clock.advance(Duration::from_secs(60));
        scene.take(FirstLease::Absent).await.expect("the first lease has ended");
        for write in
            [late.save(count(9)), late.check(), late.close(count(9), vec![]), late.delete()]
        {
            let written = scene.store.write(vec![write.unwrap()]).await;
            assert_eq!(written, Err(StoreError::ConditionFailed));
        }
    }

    #[tokio::test]
    async fn further_conditions_hold_for_take_and_close() {
        let scene = Scene::new();
        scene.put(count(1)).await;
        scene.put(vec![Change::Set("lease_until", moment(Timestamp::UNIX_EPOCH))]).await;
        let now = scene.clock.now();
        let terms = |require| LeaseTerms {
            require,
            set: count(5),
            ..LeaseTerms::new(now, now + SignedDuration::from_secs(60), FirstLease::Prepared)
        };
        let (store, key) = (&scene.store, &scene.key);
        let take = |require| Lease::take::<Counter>(store, key.clone(), terms(require));
        assert!(take(vec![Test::Below("count", 1)]).await.unwrap().is_none());
        let (lease, row) = take(vec![Test::Below("count", 2)]).await.unwrap().unwrap();
        assert_eq!(row, Counter { count: 5 });
        let stale = lease.close(count(6), vec![Test::Below("count", 5)]).unwrap();
        assert_eq!(store.write(vec![stale]).await, Err(StoreError::ConditionFailed));
        let close = lease.close(count(6), vec![Test::Below("count", 6)]).unwrap();
        assert_eq!(store.write(vec![close]).await, Ok(()));
    }

    #[tokio::test]
    async fn unheld_lease_writes_nothing() {
        let scene = Scene::new();
        scene.take(FirstLease::Absent).await.unwrap();
        let unheld = Lease::unheld(scene.key.clone());
        let written = scene.store.write(vec![unheld.check().unwrap()]).await;
        assert_eq!(written, Err(StoreError::ConditionFailed));
    }
}
