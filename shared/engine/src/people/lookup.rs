//! Look-ups of people and their eligibility.

use std::collections::{BTreeMap, BTreeSet};

use super::index::PersonIndex;
use super::records::{ExternalIdHolders, PersonEntry};
use super::snapshot::IndexSnapshot;
use super::{IndexedPerson, partition};
use domain::ids::{ObjectId, PersonId};
use domain::membership::{Eligibility, ExclusionReason, Person};
use store::table::{Cursor, Key, Query, StoreError};

impl PersonIndex<'_> {
    /// Returns the people whom the index knows.
    ///
    /// # Errors
    /// The table's.
    pub async fn people(
        &self,
        people: impl IntoIterator<Item = PersonId>,
    ) -> Result<BTreeMap<PersonId, IndexedPerson>, StoreError> {
        let entries = self.entries(people).await?;
        let objects: BTreeSet<ObjectId> =
            entries.values().filter_map(|entry| entry.object).collect();
        let asked: Vec<PersonId> = entries.keys().copied().collect();
        let snapshot = self.snapshot(entries, self.holders(objects).await?).await?;
        let known = |person: PersonId| Some((person, snapshot.known(person)?));
        Ok(asked.into_iter().filter_map(known).collect())
    }

    /// Returns a page of all people, and the next cursor.
    ///
    /// # Errors
    /// The table refuses a malformed cursor.
    pub async fn page(
        &self,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<(Vec<IndexedPerson>, Option<Cursor>), StoreError> {
        let query = Query::Partition { pk: partition(self.tenant), prefix: String::new() };
        let page = self.store.query(&query, limit, start).await?;
        let people = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok());
        Ok((self.people(people).await?.into_values().collect(), page.next))
    }

    /// Returns the eligibility of the pairs that the index knows. An account with another
    /// externalId now is excluded.
    ///
    /// # Errors
    /// The table's.
    pub async fn pairs(
        &self,
        pairs: &[Person],
    ) -> Result<BTreeMap<Person, Eligibility>, StoreError> {
        let entries = self.entries(pairs.iter().map(|pair| pair.person)).await?;
        let objects = self.holders(pairs.iter().map(|pair| pair.object)).await?;
        let snapshot = self.snapshot(entries, objects).await?;
        let eligibility = |pair: &Person| {
            let entry = snapshot.entries.get(&pair.person)?;
            // The account moved on to another user, so this pair is no longer a person.
            if entry.object.is_some_and(|object| object != pair.object) {
                let reason = ExclusionReason::MovedObjectId;
                return Some((*pair, Eligibility::Excluded { reason }));
            }
            Some((*pair, snapshot.known(pair.person)?.eligibility))
        };
        Ok(pairs.iter().filter_map(eligibility).collect())
    }

    /// Returns a part of the index with the names that count in it.
    pub(super) async fn snapshot(
        &self,
        entries: BTreeMap<PersonId, PersonEntry>,
        objects: BTreeMap<ObjectId, ExternalIdHolders>,
    ) -> Result<IndexSnapshot, StoreError> {
        let snapshot = IndexSnapshot { entries, objects, ..IndexSnapshot::default() };
        self.with_names(snapshot, BTreeSet::new()).await
    }

    /// Returns one known holder of each object id.
    ///
    /// # Errors
    /// The table's.
    pub async fn holders_of(
        &self,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Result<BTreeMap<ObjectId, IndexedPerson>, StoreError> {
        let objects = self.holders(objects).await?;
        let people: BTreeSet<PersonId> =
            objects.values().flat_map(|holders| holders.holders.iter().copied()).collect();
        let snapshot = self.snapshot(self.entries(people).await?, objects).await?;
        let known = |(object, holders): (&ObjectId, &ExternalIdHolders)| {
            let mut holders = holders.holders.iter();
            // The entry of a holder can have been purged, or cannot be read.
            let holder = holders.find(|holder| snapshot.entries.contains_key(holder))?;
            Some((*object, snapshot.known(*holder)?))
        };
        Ok(snapshot.objects.iter().filter_map(known).collect())
    }
}
