//! A part of the index in memory, and the effect of an observation on it: pure, no I/O.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::IndexedPerson;
use super::records::{EntraUser, ExternalIdHolders, PersonEntry, exclusion, object_of};
use clients::graph::User;
use clients::webex::ScimUser;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{Eligibility, ExclusionReason};

/// Most holders of an object id that are stored: two already exclude each other, and a constant
/// mapped to the externalId of thousands makes no large item.
const MOST_HOLDERS: usize = 3;

/// A part of the index.
#[derive(Default)]
pub(super) struct IndexSnapshot {
    pub(super) entries: BTreeMap<PersonId, PersonEntry>,
    pub(super) objects: BTreeMap<ObjectId, ExternalIdHolders>,
    /// Accounts that were read, by userName in lowercase.
    pub(super) names: BTreeMap<String, PersonId>,
}

/// A person who is concerned by an observation, as the index had them before.
pub(super) struct Concerned {
    pub(super) person: PersonId,
    pub(super) before: Option<IndexedPerson>,
}

/// The records that an observation changed.
pub(super) struct Touched {
    pub(super) entry: bool,
    pub(super) objects: BTreeSet<ObjectId>,
    /// The account has this userName now.
    pub(super) name: Option<String>,
    /// The account had this userName before, and no other one has it.
    pub(super) former_name: Option<String>,
}

impl IndexSnapshot {
    /// Returns a person with their eligibility.
    pub(super) fn known(&self, person: PersonId) -> Option<IndexedPerson> {
        let entry = self.entries.get(&person)?;
        let holders = entry.object.and_then(|object| self.objects.get(&object));
        let exclusion = match (entry.exclusion, holders) {
            (Some(reason), _) => Some(reason),
            (None, None) => Some(ExclusionReason::NotSynchronized),
            (None, Some(holders)) => match holders.exclusion(person) {
                // The account with the user's name comes first, whatever anyone confirms.
                None | Some(ExclusionReason::NamesDiffer | ExclusionReason::MovedObjectId)
                    if self.is_name_taken(person, entry, holders) =>
                {
                    Some(ExclusionReason::NameTaken)
                }
                reason => reason,
            },
        };
        let returned = entry.returned.max(holders.and_then(|holders| holders.returned));
        Some(IndexedPerson {
            person,
            object: entry.object,
            eligibility: match exclusion {
                Some(reason) => Eligibility::Excluded { reason },
                None => Eligibility::Eligible { returned },
            },
            name: entry.name.clone(),
            user_name: entry.user_name.clone(),
        })
    }

    /// Returns `true` if the userName of another account is the principal name of the person's
    /// user.
    fn is_name_taken(
        &self,
        person: PersonId,
        entry: &PersonEntry,
        holders: &ExternalIdHolders,
    ) -> bool {
        let Some(principal) = foreign_principal(entry, holders) else { return false };
        let other = self.names.get(&principal).filter(|other| **other != person);
        // The account can have been renamed since its name was stored.
        let has_it = |entry: &PersonEntry| entry.user_name.to_lowercase() == principal;
        other.and_then(|other| self.entries.get(other)).is_some_and(has_it)
    }

    /// Returns the principal names, in lowercase, that another account than the holder can have.
    pub(super) fn foreign_principals(&self) -> BTreeSet<String> {
        let of = |entry: &PersonEntry| foreign_principal(entry, self.objects.get(&entry.object?)?);
        self.entries.values().filter_map(of).collect()
    }

    /// Returns the account's person and everyone who shares an object id with it, before or after
    /// the account is observed.
    pub(super) fn concerned(&self, account: &ScimUser) -> Vec<Concerned> {
        let before = self.entries.get(&account.person).and_then(|entry| entry.object);
        let objects = [before, object_of(account)].into_iter().flatten();
        let holders = objects.filter_map(|object| self.objects.get(&object));
        let mut people: BTreeSet<PersonId> =
            holders.flat_map(|holders| holders.holders.iter().copied()).collect();
        people.insert(account.person);
        let concerned = |person| Concerned { person, before: self.known(person) };
        people.into_iter().map(concerned).collect()
    }

    /// Applies what SCIM says of an account and the directory of its object id.
    pub(super) fn observe(
        &mut self,
        account: &ScimUser,
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> Touched {
        let old = self.entries.get(&account.person).cloned();
        let object = object_of(account);
        // An account whose entry was purged is recognized by the object id that it held.
        let holders = object.and_then(|object| self.objects.get(&object));
        let was_active = holders.is_some_and(|one| one.active_holder == Some(account.person));
        let mut objects = BTreeSet::new();
        let old_object = old.as_ref().and_then(|entry| entry.object);
        if let Some(gone) = old_object.filter(|gone| Some(*gone) != object)
            && self.release(account.person, gone, now)
        {
            objects.insert(gone);
        }
        if let Some(object) = object
            && self.hold(account, object, directory, now)
        {
            objects.insert(object);
        }
        let mut entry = PersonEntry {
            object,
            exclusion: exclusion(account),
            user_name: account.user_name.clone(),
            name: account.name.clone().unwrap_or_else(|| account.user_name.clone()),
            was_eligible: old.as_ref().is_some_and(|old| old.was_eligible),
            returned: old.as_ref().and_then(|old| old.returned),
            version: old.as_ref().map_or(0, |old| old.version),
        };
        let is_back = match &old {
            None => was_active,
            Some(old) => old.was_eligible && (old.exclusion.is_some() || old.object != object),
        };
        // Readings from before can still lack them, so they wait for one lag window.
        if is_back && entry.exclusion.is_none() {
            entry.returned = Some(now);
        }
        let user_name = account.user_name.to_lowercase();
        let is_named = old.as_ref().is_some_and(|old| old.user_name.to_lowercase() == user_name);
        let former_name = old.as_ref().map(|old| old.user_name.to_lowercase());
        // A service that does not say the name has not changed it.
        let former_name = former_name.filter(|former| {
            *former != user_name
                && !former.is_empty()
                && self.names.get(former) == Some(&account.person)
        });
        if let Some(former) = &former_name {
            self.names.remove(former);
        }
        self.names.insert(user_name.clone(), account.person);
        self.entries.insert(account.person, entry.clone());
        // Eligibility depends on the other holders, so it is known once the entry is in place.
        if self.known(account.person).is_some_and(|known| known.excluded().is_none()) {
            entry.was_eligible = true;
            self.entries.insert(account.person, entry.clone());
        }
        Touched {
            entry: old.as_ref() != Some(&entry),
            objects,
            name: (!is_named && !user_name.is_empty()).then_some(user_name),
            former_name,
        }
    }

    /// Removes a person from the holders of an object id. Returns `true` if they were one.
    fn release(&mut self, person: PersonId, object: ObjectId, now: Timestamp) -> bool {
        let Some(holders) = self.objects.get_mut(&object) else {
            return false;
        };
        if !holders.holders.remove(&person) {
            return false;
        }
        holders.returned = Some(now);
        // A single remaining holder no longer shares the object id.
        let left: Vec<PersonId> = holders.holders.iter().copied().collect();
        if let [left] = left.as_slice()
            && let Some(entry) = self.entries.get(left).filter(|entry| entry.exclusion.is_none())
        {
            holders.activate_holder(*left, &entry.user_name);
        }
        true
    }

    /// Adds an account to the holders of an object id, with the directory's answer. Returns `true`
    /// if the record changed.
    fn hold(
        &mut self,
        account: &ScimUser,
        object: ObjectId,
        directory: &BTreeMap<ObjectId, Option<User>>,
        now: Timestamp,
    ) -> bool {
        let is_new = !self.objects.contains_key(&object);
        let holders = self.objects.entry(object).or_insert_with(ExternalIdHolders::unknown);
        let has_room = holders.holders.len() < MOST_HOLDERS;
        let mut is_changed = has_room && holders.holders.insert(account.person) || is_new;
        if let Some(user) = directory.get(&object) {
            let user = EntraUser::from(user.as_ref());
            // A first answer is no return.
            is_changed |= if is_new {
                std::mem::replace(&mut holders.user, user.clone()) != user
            } else {
                holders.set_user(user, now)
            };
        }
        // Two holders exclude each other, so neither of them counts as the user.
        if holders.holders.len() == 1 && exclusion(account).is_none() {
            is_changed |= holders.activate_holder(account.person, &account.user_name);
        }
        is_changed
    }
}

/// Returns the principal name of an account's user in lowercase, unless the account has it.
fn foreign_principal(entry: &PersonEntry, holders: &ExternalIdHolders) -> Option<String> {
    let principal = holders.user.principal()?.to_lowercase();
    let is_foreign = !principal.is_empty() && principal != entry.user_name.to_lowercase();
    is_foreign.then_some(principal)
}
