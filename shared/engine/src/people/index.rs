//! A tenant's person index: its records, and what observations change in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::confirm;
use super::records::{EntraUser, ExternalIdHolders, NameEntry, PersonEntry, object_of};
use super::snapshot::{Concerned, IndexSnapshot, Touched};
use super::{IndexedPerson, name_key, object_key, person_key};
use crate::stored::{delete_unreadable, readable};
use clients::graph::User;
use clients::webex::ScimUser;
use domain::ids::{ObjectId, PersonId, TenantId};
use domain::membership::ExclusionReason;
use store::keys;
use store::message::{Job, Message, Trigger};
use store::queue::{Queue, QueueError};
use store::table::{Condition, Key, Store, StoreError, Write, to_item, to_value};
use store::versioned::{self, Version};

/// A tenant's person index.
#[derive(Clone, Copy)]
pub struct PersonIndex<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) tenant: TenantId,
}

/// The effect of an observation of some accounts.
#[derive(Default)]
pub struct IndexChanges {
    /// The people of the accounts, with the observation.
    pub seen: Vec<IndexedPerson>,
    /// People whose eligibility changed.
    pub changed: Vec<IndexedPerson>,
    /// Changes of known people who are not among the accounts.
    pub others: Vec<ExclusionChange>,
    /// The writes that store the observation, one transaction per account.
    pub writes: Vec<Vec<Write>>,
}

/// A change of a person's eligibility. `None` is an eligible person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExclusionChange {
    /// The person.
    pub person: PersonId,
    /// Reason before.
    pub before: Option<ExclusionReason>,
    /// Reason after.
    pub after: Option<ExclusionReason>,
}

impl<'a> PersonIndex<'a> {
    /// Returns the index of a tenant.
    pub fn new(store: &'a dyn Store, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// Stores what SCIM says of some accounts and the directory of their object ids. Returns the
    /// people whose eligibility changed.
    ///
    /// `directory` has an entry for each object id that was asked for; `None` if it is no user.
    ///
    /// # Errors
    /// The table's.
    pub async fn observe(
        &self,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Result<Vec<IndexedPerson>, StoreError> {
        let IndexChanges { changed, writes, .. } = self.compare(accounts, directory, now).await?;
        self.save(writes).await?;
        Ok(changed)
    }

    /// Stores the same, and requests syncs for people who became eligible. The requests come
    /// first, since a stored change is not seen again.
    ///
    /// # Errors
    /// The table's and the queue's.
    pub async fn index_accounts<E: From<StoreError> + From<QueueError>>(
        &self,
        queue: &dyn Queue,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Result<(), E> {
        let IndexChanges { changed, writes, .. } = self.compare(accounts, directory, now).await?;
        // A request too many costs a reading. One too few would leave a person out of their teams.
        self.request_syncs(queue, &changed, now).await?;
        Ok(self.save(writes).await?)
    }

    /// Queues a sync of the teams of each eligible person, and returns their number.
    ///
    /// # Errors
    /// The queue's.
    pub async fn request_syncs(
        &self,
        queue: &dyn Queue,
        people: &[IndexedPerson],
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let eligible = people.iter().filter(|known| known.excluded().is_none());
        let messages: Vec<Message> = eligible
            .filter_map(IndexedPerson::pair)
            .map(|pair| Message {
                v: Default::default(),
                tenant: self.tenant,
                at: now,
                trigger: Trigger::Person,
                job: Job::Person { person: pair.person, object: pair.object },
            })
            .collect();
        queue.send_all(&messages).await?;
        Ok(messages.len())
    }

    /// Returns the effect of an observation without storing it, for a caller that acts first.
    ///
    /// # Errors
    /// The table's.
    pub async fn compare(
        &self,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Result<IndexChanges, StoreError> {
        let mut snapshot = self.snapshot_of(accounts, directory).await?;
        let mut changes = IndexChanges::default();
        for account in accounts {
            let concerned = snapshot.concerned(account);
            let touched = snapshot.observe(account, directory, now);
            let writes = self.writes_of(&mut snapshot, account.person, touched)?;
            // One transaction for each account: a page of them would exceed the limit of one.
            changes.writes.extend((!writes.is_empty()).then_some(writes));
            for Concerned { person, before } in concerned {
                let after = snapshot.known(person);
                let eligibility = |known: &IndexedPerson| known.eligibility;
                // Most observations change nothing that a sync would notice.
                if before.as_ref().map(eligibility) == after.as_ref().map(eligibility) {
                    continue;
                }
                if let (Some(before), Some(after)) = (before, &after)
                    // Those who were read themselves are reported by their own row.
                    && !accounts.iter().any(|account| account.person == person)
                {
                    let (before, after) = (before.excluded(), after.excluded());
                    changes.others.push(ExclusionChange { person, before, after });
                }
                changes.changed.extend(after);
            }
        }
        changes.seen =
            accounts.iter().filter_map(|account| snapshot.known(account.person)).collect();
        Ok(changes)
    }

    /// Reads the accounts, their object ids before and after, all holders of these, and the other
    /// accounts with a name that counts.
    async fn snapshot_of(
        &self,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
    ) -> Result<IndexSnapshot, StoreError> {
        let mut entries = self.entries(accounts.iter().map(|account| account.person)).await?;
        let mut objects: BTreeSet<ObjectId> =
            entries.values().filter_map(|entry| entry.object).collect();
        objects.extend(accounts.iter().filter_map(object_of));
        let objects = self.holders(objects).await?;
        let holders = objects.values().flat_map(|holders| holders.holders.iter().copied());
        let others: Vec<PersonId> =
            holders.filter(|holder| !entries.contains_key(holder)).collect();
        entries.extend(self.entries(others).await?);
        // A name that is free again can belong to another account.
        let former = accounts.iter().filter_map(|account| {
            let former = entries.get(&account.person)?.user_name.to_lowercase();
            let is_other = !former.is_empty() && former != account.user_name.to_lowercase();
            is_other.then_some(former)
        });
        // The directory can have renamed its user just now.
        let principals = accounts.iter().filter_map(|account| {
            let user = directory.get(&object_of(account)?)?.as_ref()?;
            let principal = user.user_principal_name.to_lowercase();
            let is_other = principal != account.user_name.to_lowercase();
            (is_other && !principal.is_empty()).then_some(principal)
        });
        let asked: BTreeSet<String> = former.chain(principals).collect();
        self.with_names(IndexSnapshot { entries, objects, ..Default::default() }, asked).await
    }

    /// Adds the accounts that have the principal name of another account's user, or one of these
    /// names. Mostly the names agree, and nothing is read.
    pub(super) async fn with_names(
        &self,
        mut snapshot: IndexSnapshot,
        mut asked: BTreeSet<String>,
    ) -> Result<IndexSnapshot, StoreError> {
        asked.extend(snapshot.foreign_principals());
        let keys: Vec<Key> = asked.iter().map(|name| name_key(self.tenant, name)).collect();
        for item in self.store.get_many(&keys).await? {
            let Some(key) = Key::of(&item) else { continue };
            let Some(NameEntry { person }) = readable(item) else { continue };
            snapshot.names.insert(key.sk, person);
        }
        let others = snapshot.names.values().copied();
        let others: BTreeSet<PersonId> =
            others.filter(|other| !snapshot.entries.contains_key(other)).collect();
        snapshot.entries.extend(self.entries(others).await?);
        Ok(snapshot)
    }

    /// Returns the writes for the changed records, whose versions it advances.
    fn writes_of(
        &self,
        snapshot: &mut IndexSnapshot,
        person: PersonId,
        touched: Touched,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        if touched.entry
            && let Some(entry) = snapshot.entries.get_mut(&person)
        {
            let read = Version::of_new(entry.version);
            writes.push(versioned::put(&person_key(self.tenant, person), entry, read)?);
            entry.version = read.next();
        }
        if let Some(name) = touched.name {
            let item = to_item(&name_key(self.tenant, &name), &NameEntry { person })?;
            writes.push(Write::Put(item, Condition::Any));
        }
        if let Some(former) = touched.former_name {
            writes.push(Write::Delete(name_key(self.tenant, &former), Condition::Any));
        }
        for object in touched.objects {
            if let Some(holders) = snapshot.objects.get_mut(&object) {
                writes.push(self.put_holders(object, holders)?);
                // A later account of the same page writes the record over this version.
                holders.version += 1;
            }
        }
        Ok(writes)
    }

    /// Returns the write that stores the holders of an object id over the version that was read.
    pub(super) fn put_holders(
        &self,
        object: ObjectId,
        holders: &ExternalIdHolders,
    ) -> Result<Write, StoreError> {
        let read = Version::of_new(holders.version);
        let mut write = versioned::put(&object_key(self.tenant, object), holders, read)?;
        // Only confirmations are listed, because an admin can revoke them.
        if let (Write::Put(item, _), Some(_)) = (&mut write, &holders.confirmed) {
            let sort_key = keys::typed(holders.user.principal().unwrap_or_default());
            item.insert("gsi2pk".into(), to_value(&confirm::listing(self.tenant))?);
            item.insert("gsi2sk".into(), to_value(&format!("{sort_key}#{object}"))?);
        }
        Ok(write)
    }

    /// Stores an observation.
    ///
    /// # Errors
    /// The table's.
    pub async fn save(&self, writes: Vec<Vec<Write>>) -> Result<(), StoreError> {
        for writes in writes {
            match self.store.write(writes).await {
                // A concurrent observation of the same account is as fresh.
                Ok(()) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Stores the directory's answer for one object id, if an account has it.
    ///
    /// # Errors
    /// The table's.
    pub async fn observe_user(
        &self,
        object: ObjectId,
        user: Option<&User>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(mut holders) = self.external_id_holders(object).await? else {
            return Ok(());
        };
        // Nothing changed, so nothing is written.
        if !holders.set_user(EntraUser::from(user), now) {
            return Ok(());
        }
        let write = self.put_holders(object, &holders)?;
        self.save(vec![vec![write]]).await
    }

    /// Returns the Webex accounts with an object id.
    ///
    /// # Errors
    /// The table's.
    pub async fn accounts_with_id(
        &self,
        object: ObjectId,
    ) -> Result<BTreeSet<PersonId>, StoreError> {
        let holders = self.external_id_holders(object).await?;
        Ok(holders.map(|holders| holders.holders).unwrap_or_default())
    }

    /// Returns the record of an object id.
    ///
    /// # Errors
    /// The table's.
    pub async fn external_id_holders(
        &self,
        object: ObjectId,
    ) -> Result<Option<ExternalIdHolders>, StoreError> {
        Ok(self.holders([object]).await?.remove(&object))
    }

    /// Deletes an account that no longer exists, and its hold on an object id.
    ///
    /// # Errors
    /// The table's.
    pub async fn purge(&self, person: PersonId, now: Timestamp) -> Result<(), StoreError> {
        let Some(entry) = self.entries([person]).await?.remove(&person) else {
            return Ok(());
        };
        let mut writes = vec![Write::Delete(person_key(self.tenant, person), Condition::Any)];
        if !entry.user_name.is_empty() {
            let name = name_key(self.tenant, &entry.user_name);
            let named: Option<NameEntry> = self.store.get(&name).await?.and_then(readable);
            // Another account can have taken the name by now.
            if named.is_some_and(|named| named.person == person) {
                writes.push(Write::Delete(name, Condition::Any));
            }
        }
        if let Some(object) = entry.object
            && let Some(mut holders) = self.external_id_holders(object).await?
            && holders.holders.remove(&person)
        {
            // Late readings can still lack the one who holds the id alone now.
            holders.returned = Some(now);
            writes.push(self.put_holders(object, &holders)?);
        }
        self.store.write(writes).await
    }

    pub(super) async fn entries(
        &self,
        people: impl IntoIterator<Item = PersonId>,
    ) -> Result<BTreeMap<PersonId, PersonEntry>, StoreError> {
        let people = people.into_iter();
        let keys: Vec<Key> = people.map(|person| person_key(self.tenant, person)).collect();
        let (mut entries, mut unreadable) = (BTreeMap::new(), vec![]);
        for item in self.store.get_many(&keys).await? {
            let Some(key) = Key::of(&item) else { continue };
            match (key.sk.parse().ok(), readable(item)) {
                (Some(person), Some(entry)) => _ = entries.insert(person, entry),
                _ => unreadable.push(key),
            }
        }
        delete_unreadable(self.store, unreadable).await?;
        Ok(entries)
    }

    pub(super) async fn holders(
        &self,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Result<BTreeMap<ObjectId, ExternalIdHolders>, StoreError> {
        let objects = objects.into_iter();
        let keys: Vec<Key> = objects.map(|object| object_key(self.tenant, object)).collect();
        let (mut holders, mut unreadable) = (BTreeMap::new(), vec![]);
        for item in self.store.get_many(&keys).await? {
            let Some(key) = Key::of(&item) else { continue };
            let object = key.pk.rsplit('#').next().and_then(|object| object.parse().ok());
            match (object, readable(item)) {
                (Some(object), Some(known)) => _ = holders.insert(object, known),
                _ => unreadable.push(key),
            }
        }
        delete_unreadable(self.store, unreadable).await?;
        Ok(holders)
    }
}
