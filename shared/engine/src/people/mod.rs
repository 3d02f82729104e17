//! The person index: who is who, and who takes part. Filled page by page from SCIM, and by single look-ups for whoever a look meets first.
//!
//! A person takes part if the Webex account is a signed-in, active user whose externalId is a user of the directory, no guest, and is borne by nobody else. What one account
//! says of itself is in its [`Entry`]; who bears an object id, and what the directory says of it, is in [`Bearers`]. Whether the person takes part follows from both, so
//! that a second bearer leaves out the first without touching its entry.

mod census;
mod confirm;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use clients::graph::{User, UserKind};
use clients::webex::{ScimState, ScimUser};
use domain::ids::{ObjectId, PersonId, TenantId};
use domain::membership::{LeftOut, Participation, Person};
use store::message::{Ask, Cause, Message};
use store::queue::{Queue, QueueError};
use store::table::{Condition, Cursor, Item, Key, Query, Store, StoreError, Test, Write, from_item, to_item, to_value};

pub use census::{Census, CensusOf, census};
pub use confirm::{By, Confirmation, Confirmed, Moved};

/// What one Webex account says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its externalId, if that is an object id.
    pub object: Option<ObjectId>,
    /// What of the account itself keeps the person from taking part.
    pub obstacle: Option<LeftOut>,
    /// Its userName.
    pub user_name: String,
    /// Its display name.
    pub name: String,
    /// Whether the person has ever taken part.
    pub took_part: bool,
    /// When the account's own obstacle went, for a person that had taken part before.
    pub returned: Option<Timestamp>,
    version: u64,
}

/// Who bears an object id, and what the directory says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bearers {
    /// The Webex accounts whose externalId it is.
    pub bearers: BTreeSet<PersonId>,
    /// The last account that took part with it.
    pub holder: Option<PersonId>,
    /// The directory's user.
    pub user: EntraUser,
    /// When the last obstacle here went.
    pub returned: Option<Timestamp>,
    /// Who said last that an account which bears it is its user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    version: u64,
}

/// What the directory says of an object id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntraUser {
    /// A user of the directory.
    Member {
        /// Its userPrincipalName.
        name: String,
    },
    /// A guest.
    Guest,
    /// No user with this id.
    Missing,
}

impl From<Option<&User>> for EntraUser {
    fn from(user: Option<&User>) -> Self {
        match user {
            None => Self::Missing,
            Some(User { kind: UserKind::Guest, .. }) => Self::Guest,
            Some(user) => Self::Member { name: user.user_principal_name.clone() },
        }
    }
}

/// What the index knows of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The account.
    pub person: PersonId,
    /// The other half, if there is one.
    pub object: Option<ObjectId>,
    /// Whether the two take part.
    pub participation: Participation,
    /// The display name.
    pub name: String,
    /// The userName, mostly a mail address.
    pub user_name: String,
}

impl Known {
    /// Why the person is left out, if so.
    pub fn left_out(&self) -> Option<LeftOut> {
        match self.participation {
            Participation::LeftOut { reason } => Some(reason),
            Participation::TakesPart { .. } => None,
        }
    }

    /// Both ids.
    pub fn pair(&self) -> Option<Person> {
        self.object.map(|object| Person { object, person: self.person })
    }
}

/// The partition of a tenant's accounts.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#PERSON")
}

/// Where it stands who bears the object id of an account, by the account's item.
pub(crate) fn object_of_entry(tenant: TenantId, entry: &Item) -> Option<Key> {
    let entry: Entry = from_item(entry.clone()).ok()?;
    entry.object.map(|object| object_key(tenant, object))
}

fn person_key(tenant: TenantId, person: PersonId) -> Key {
    Key::new(partition(tenant), person.to_string())
}

fn object_key(tenant: TenantId, object: ObjectId) -> Key {
    Key::new(format!("OBJECT#{tenant}#{object}"), "-")
}

/// A tenant's person index.
#[derive(Clone, Copy)]
pub struct PersonIndex<'a> {
    store: &'a dyn Store,
    tenant: TenantId,
}

/// What an observation of some accounts comes to.
#[derive(Default)]
pub struct Observation {
    /// What is known of each account by now.
    pub seen: Vec<Known>,
    /// Whose participation is another than before.
    pub changed: Vec<Known>,
    /// Who was known before, is none of the accounts, and takes part otherwise since: why he did not before, and does not now.
    pub others: Vec<(PersonId, Option<LeftOut>, Option<LeftOut>)>,
    /// What the index has to store, account by account.
    pub writes: Vec<Vec<Write>>,
}

/// A part of the index, as it is changed.
#[derive(Default)]
struct Extract {
    entries: BTreeMap<PersonId, Entry>,
    objects: BTreeMap<ObjectId, Bearers>,
}

impl<'a> PersonIndex<'a> {
    /// The index of a tenant.
    pub fn new(store: &'a dyn Store, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// Those of the accounts that the index knows.
    pub async fn people(
        &self,
        people: impl IntoIterator<Item = PersonId>,
    ) -> Result<BTreeMap<PersonId, Known>, StoreError> {
        let mut extract = Extract { entries: self.entries(people).await?, ..Extract::default() };
        let objects: BTreeSet<ObjectId> = extract.entries.values().filter_map(|entry| entry.object).collect();
        extract.objects = self.bearers(objects).await?;
        Ok(extract.entries.keys().filter_map(|person| Some((*person, extract.known(*person)?))).collect())
    }

    /// A page of all people, at most `limit`, and where the next page begins.
    pub async fn page(&self, limit: usize, start: Option<&Cursor>) -> Result<(Vec<Known>, Option<Cursor>), StoreError> {
        let query = Query::Partition { pk: partition(self.tenant), prefix: String::new() };
        let page = self.store.query(&query, limit, start).await?;
        let people = page.items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok());
        Ok((self.people(people).await?.into_values().collect(), page.next))
    }

    /// Those of the pairs that the index knows, as pairs: an account whose externalId is another now is left out.
    pub async fn pairs(&self, pairs: &[Person]) -> Result<BTreeMap<Person, Participation>, StoreError> {
        let extract = Extract {
            entries: self.entries(pairs.iter().map(|pair| pair.person)).await?,
            objects: self.bearers(pairs.iter().map(|pair| pair.object)).await?,
        };
        let participation = |pair: &Person| {
            let entry = extract.entries.get(&pair.person)?;
            let moved = entry.object.is_some_and(|object| object != pair.object);
            if moved {
                return Some((*pair, Participation::LeftOut { reason: LeftOut::MovedObjectId }));
            }
            Some((*pair, extract.known(pair.person)?.participation))
        };
        Ok(pairs.iter().filter_map(participation).collect())
    }

    /// Who bears these object ids: the one account, if it is one.
    pub async fn bearers_of(
        &self,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Result<BTreeMap<ObjectId, Known>, StoreError> {
        let objects = self.bearers(objects).await?;
        let people: BTreeSet<PersonId> = objects.values().flat_map(|bearers| bearers.bearers.iter().copied()).collect();
        let extract = Extract { entries: self.entries(people).await?, objects };
        let known = |(object, bearers): (&ObjectId, &Bearers)| {
            let bearer = bearers.bearers.iter().find(|bearer| extract.entries.contains_key(bearer))?;
            Some((*object, extract.known(*bearer)?))
        };
        Ok(extract.objects.iter().filter_map(known).collect())
    }

    /// Takes in what SCIM says of some accounts and the directory of their object ids. Writes only what changed; returns whose participation did.
    ///
    /// `directory` has an entry for each object id that was asked for; `None` where it is no user.
    pub async fn observe(
        &self,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Result<Vec<Known>, StoreError> {
        let Observation { changed, writes, .. } = self.compare(accounts, directory, now).await?;
        self.keep(writes).await?;
        Ok(changed)
    }

    /// Takes in the same, and has the teams of whoever can take part now looked at: that is asked for first, since a change that is kept is not seen again.
    pub async fn take_in<E: From<StoreError> + From<QueueError>>(
        &self,
        queue: &dyn Queue,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Result<(), E> {
        let Observation { changed, writes, .. } = self.compare(accounts, directory, now).await?;
        self.ask_for(queue, &changed, now).await?;
        Ok(self.keep(writes).await?)
    }

    /// Has the teams of those looked at who take part, and says how many those are.
    pub async fn ask_for(&self, queue: &dyn Queue, people: &[Known], now: Timestamp) -> Result<usize, QueueError> {
        let able = people.iter().filter(|known| known.left_out().is_none()).filter_map(Known::pair);
        let messages: Vec<Message> = able
            .map(|pair| Message {
                v: Default::default(),
                tenant: self.tenant,
                at: now,
                cause: Cause::Person,
                ask: Ask::Person { person: pair.person, object: pair.object },
            })
            .collect();
        queue.send_all(&messages).await?;
        Ok(messages.len())
    }

    /// What [`observe`](Self::observe) would take in, for whoever has to act on it first: a change that is kept is not seen again.
    pub async fn compare(
        &self,
        accounts: &[ScimUser],
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Result<Observation, StoreError> {
        let entries = self.entries(accounts.iter().map(|account| account.person)).await?;
        let mut objects: BTreeSet<ObjectId> = entries.values().filter_map(|entry| entry.object).collect();
        objects.extend(accounts.iter().filter_map(object_of));
        let mut extract = Extract { entries, objects: self.bearers(objects).await? };
        let sharers = extract.objects.values().flat_map(|bearers| bearers.bearers.iter().copied());
        let sharers: Vec<PersonId> = sharers.filter(|sharer| !extract.entries.contains_key(sharer)).collect();
        extract.entries.extend(self.entries(sharers).await?);
        let mut observation = Observation::default();
        for account in accounts {
            let before = extract.all_concerned(account);
            let touched = extract.observe(account, directory, now);
            let mut writes = Vec::new();
            if touched.entry
                && let Some(entry) = extract.entries.get_mut(&account.person)
            {
                writes.push(versioned(&person_key(self.tenant, account.person), entry, entry.version)?);
                entry.version += 1;
            }
            for object in touched.objects {
                if let Some(bearers) = extract.objects.get_mut(&object) {
                    writes.push(versioned(&object_key(self.tenant, object), bearers, bearers.version)?);
                    bearers.version += 1;
                }
            }
            observation.writes.extend((!writes.is_empty()).then_some(writes));
            for (person, before) in before {
                let after = extract.known(person);
                if before.as_ref().map(|known| known.participation) == after.as_ref().map(|known| known.participation) {
                    continue;
                }
                if let (Some(before), Some(after)) = (before, &after)
                    && !accounts.iter().any(|account| account.person == person)
                {
                    observation.others.push((person, before.left_out(), after.left_out()));
                }
                observation.changed.extend(after);
            }
        }
        observation.seen = accounts.iter().filter_map(|account| extract.known(account.person)).collect();
        Ok(observation)
    }

    /// Takes in an observation.
    pub async fn keep(&self, writes: Vec<Vec<Write>>) -> Result<(), StoreError> {
        for writes in writes {
            match self.store.write(writes).await {
                // Somebody else is just observing the same account: what he writes is as fresh.
                Ok(()) | Err(StoreError::ConditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes in what the directory says of one object id, whoever bears it.
    pub async fn observe_user(&self, object: ObjectId, user: Option<&User>, now: Timestamp) -> Result<(), StoreError> {
        let mut objects = self.bearers([object]).await?;
        let Some(bearers) = objects.get_mut(&object) else { return Ok(()) };
        if !bearers.takes_user(EntraUser::from(user), now) {
            return Ok(());
        }
        let write = versioned(&object_key(self.tenant, object), bearers, bearers.version)?;
        match self.store.write(vec![write]).await {
            Ok(()) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The Webex accounts that bear an object id.
    pub async fn sharers(&self, object: ObjectId) -> Result<BTreeSet<PersonId>, StoreError> {
        Ok(self.borne(object).await?.map(|bearers| bearers.bearers).unwrap_or_default())
    }

    /// What is known of an object id.
    pub async fn borne(&self, object: ObjectId) -> Result<Option<Bearers>, StoreError> {
        Ok(self.bearers([object]).await?.remove(&object))
    }

    /// An account does not exist any more: it bears nothing.
    pub async fn forget(&self, person: PersonId, now: Timestamp) -> Result<(), StoreError> {
        let Some(entry) = self.entries([person]).await?.remove(&person) else { return Ok(()) };
        let mut writes = vec![Write::Delete(person_key(self.tenant, person), Condition::Any)];
        if let Some(object) = entry.object
            && let Some(mut bearers) = self.bearers([object]).await?.remove(&object)
            && bearers.bearers.remove(&person)
        {
            bearers.returned = Some(now);
            writes.push(versioned(&object_key(self.tenant, object), &bearers, bearers.version)?);
        }
        self.store.write(writes).await
    }

    async fn entries(
        &self,
        people: impl IntoIterator<Item = PersonId>,
    ) -> Result<BTreeMap<PersonId, Entry>, StoreError> {
        let keys: Vec<Key> = people.into_iter().map(|person| person_key(self.tenant, person)).collect();
        let mut entries = BTreeMap::new();
        for item in self.store.get_many(&keys).await? {
            if let Some(person) = Key::of(&item).and_then(|key| key.sk.parse().ok()) {
                entries.insert(person, from_item(item)?);
            }
        }
        Ok(entries)
    }

    async fn bearers(
        &self,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Result<BTreeMap<ObjectId, Bearers>, StoreError> {
        let keys: Vec<Key> = objects.into_iter().map(|object| object_key(self.tenant, object)).collect();
        let mut bearers = BTreeMap::new();
        for item in self.store.get_many(&keys).await? {
            if let Some(object) = Key::of(&item).and_then(|key| key.pk.rsplit('#').next()?.parse().ok()) {
                bearers.insert(object, from_item(item)?);
            }
        }
        Ok(bearers)
    }
}

/// What an observation touched.
struct Touched {
    entry: bool,
    objects: BTreeSet<ObjectId>,
}

impl Extract {
    fn known(&self, person: PersonId) -> Option<Known> {
        let entry = self.entries.get(&person)?;
        let bearers = entry.object.and_then(|object| self.objects.get(&object));
        let left_out = |reason| Participation::LeftOut { reason };
        let participation = match (entry.obstacle, bearers) {
            (Some(reason), _) => left_out(reason),
            (None, None) => left_out(LeftOut::NotSynchronized),
            (None, Some(bearers)) => match bearers.obstacle(person) {
                Some(reason) => left_out(reason),
                None => Participation::TakesPart { returned: entry.returned.max(bearers.returned) },
            },
        };
        Some(Known {
            person,
            object: entry.object,
            participation,
            name: entry.name.clone(),
            user_name: entry.user_name.clone(),
        })
    }

    /// What is known of an account and of all who share an object id with it, before or after it is observed.
    fn all_concerned(&self, account: &ScimUser) -> Vec<(PersonId, Option<Known>)> {
        let before = self.entries.get(&account.person).and_then(|entry| entry.object);
        let objects = [before, object_of(account)].into_iter().flatten().filter_map(|object| self.objects.get(&object));
        let mut people: BTreeSet<PersonId> = objects.flat_map(|bearers| bearers.bearers.iter().copied()).collect();
        people.insert(account.person);
        people.into_iter().map(|person| (person, self.known(person))).collect()
    }

    fn observe(&mut self, account: &ScimUser, directory: &BTreeMap<ObjectId, Option<User>>, now: Timestamp) -> Touched {
        let mut touched = Touched { entry: false, objects: BTreeSet::new() };
        let old = self.entries.get(&account.person).cloned();
        let object = object_of(account);
        // An account that was forgotten, since it did not exist any more, is known by the object id that it held.
        let before = object.and_then(|object| self.objects.get(&object));
        let held_before = before.is_some_and(|bearers| bearers.holder == Some(account.person));
        if let Some(gone) = old.as_ref().and_then(|entry| entry.object).filter(|gone| Some(*gone) != object)
            && let Some(bearers) = self.objects.get_mut(&gone)
            && bearers.bearers.remove(&account.person)
        {
            // Whoever is left bears it alone now.
            bearers.returned = Some(now);
            let left: Vec<PersonId> = bearers.bearers.iter().copied().collect();
            if let [left] = left.as_slice()
                && let Some(entry) = self.entries.get(left).filter(|entry| entry.obstacle.is_none())
            {
                bearers.is_borne_by(*left, &entry.user_name);
            }
            touched.objects.insert(gone);
        }
        if let Some(object) = object {
            let is_new = !self.objects.contains_key(&object);
            let bearers = self.objects.entry(object).or_insert_with(Bearers::unknown);
            let mut changed = bearers.bearers.insert(account.person) || is_new;
            if let Some(user) = directory.get(&object) {
                let user = EntraUser::from(user.as_ref());
                changed |= if is_new {
                    std::mem::replace(&mut bearers.user, user.clone()) != user
                } else {
                    bearers.takes_user(user, now)
                };
            }
            if bearers.bearers.len() == 1 && obstacle(account).is_none() {
                changed |= bearers.is_borne_by(account.person, &account.user_name);
            }
            if changed {
                touched.objects.insert(object);
            }
        }
        let mut entry = Entry {
            object,
            obstacle: obstacle(account),
            user_name: account.user_name.clone(),
            name: account.name.clone().unwrap_or_else(|| account.user_name.clone()),
            took_part: old.as_ref().is_some_and(|old| old.took_part),
            returned: old.as_ref().and_then(|old| old.returned),
            version: old.as_ref().map_or(0, |old| old.version),
        };
        let is_back =
            old.as_ref().map_or(held_before, |old| old.took_part && (old.obstacle.is_some() || old.object != object));
        if is_back && entry.obstacle.is_none() {
            entry.returned = Some(now);
        }
        self.entries.insert(account.person, entry.clone());
        if let Some(Known { participation: Participation::TakesPart { .. }, .. }) = self.known(account.person) {
            entry.took_part = true;
            self.entries.insert(account.person, entry.clone());
        }
        touched.entry = old.as_ref() != Some(&entry);
        touched
    }
}

impl Bearers {
    fn unknown() -> Self {
        Self {
            bearers: BTreeSet::new(),
            holder: None,
            user: EntraUser::Missing,
            returned: None,
            confirmed: None,
            version: 0,
        }
    }

    fn obstacle(&self, person: PersonId) -> Option<LeftOut> {
        match (&self.user, self.bearers.len()) {
            (EntraUser::Missing, _) => Some(LeftOut::NoEntraUser),
            (EntraUser::Guest, _) => Some(LeftOut::Guest),
            (EntraUser::Member { .. }, 2..) => Some(LeftOut::SharedObjectId),
            (EntraUser::Member { .. }, _) => (self.holder != Some(person)).then_some(LeftOut::MovedObjectId),
        }
    }

    /// The one bearer holds the id if nobody did before, or if the names agree. Whether that is new.
    fn is_borne_by(&mut self, person: PersonId, user_name: &str) -> bool {
        let EntraUser::Member { name } = &self.user else { return false };
        let is_new = self.holder != Some(person) && (self.holder.is_none() || name.eq_ignore_ascii_case(user_name));
        if is_new {
            self.holder = Some(person);
        }
        is_new
    }

    /// Whether what the directory says is new.
    fn takes_user(&mut self, user: EntraUser, now: Timestamp) -> bool {
        if self.user == user {
            return false;
        }
        if !matches!(self.user, EntraUser::Member { .. }) && matches!(user, EntraUser::Member { .. }) {
            self.returned = Some(now);
        }
        self.user = user;
        true
    }
}

/// The object id in an account's externalId.
pub fn object_of(account: &ScimUser) -> Option<ObjectId> {
    account.external_id.as_deref()?.trim().parse().ok()
}

fn obstacle(account: &ScimUser) -> Option<LeftOut> {
    match account.state() {
        ScimState::NotAPerson => Some(LeftOut::NotAPerson),
        ScimState::Inactive => Some(LeftOut::Inactive),
        ScimState::NotSignedIn => Some(LeftOut::NotSignedIn),
        ScimState::SignedIn => match (account.external_id.as_deref().map(str::trim), object_of(account)) {
            (None | Some(""), _) => Some(LeftOut::NotSynchronized),
            (Some(_), None) => Some(LeftOut::NoEntraUser),
            (Some(_), Some(_)) => None,
        },
    }
}

fn versioned<T: Serialize + Clone>(key: &Key, record: &T, version: u64) -> Result<Write, StoreError> {
    let mut item = to_item(key, record)?;
    item.insert("version".into(), to_value(&(version + 1))?);
    let unchanged = if version == 0 {
        Condition::Absent
    } else {
        Condition::Holds(vec![Test::Equals("version", to_value(&version)?)])
    };
    Ok(Write::Put(item, unchanged))
}
