//! An object id whose holder has another name than its user, or took it from another account: the
//! holder stays excluded until an admin confirms that the account is the user. A confirmation can
//! be revoked. Those without which the person would be excluded are listed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::IndexedPerson;
use super::index::PersonIndex;
use super::records::ExternalIdHolders;
use crate::codes::Decision;
use crate::decision::Decider;
use domain::ids::{ObjectId, PersonId, TenantId};
use domain::membership::{ExclusionReason, Person};
use store::table::{Cursor, Key, Query, StoreError};

/// An object id that waits for a confirmation, as an admin is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnconfirmedId {
    /// The user, and the only account with its id now.
    pub pair: Person,
    /// The account that was eligible with it before, if there was one.
    pub before: Option<PersonId>,
    /// The account's display name.
    pub name: String,
    /// The account's userName.
    pub user_name: String,
    /// The user's userPrincipalName.
    pub principal: String,
    holders: ExternalIdHolders,
}

impl UnconfirmedId {
    /// Returns the hash that an admin confirms: it changes with every id and name shown.
    pub fn hash(&self) -> String {
        let Self { pair: Person { object, person }, before, user_name, principal, .. } = self;
        let before = before.map(|before| before.to_string()).unwrap_or_default();
        let shown = format!("{object}\n{person}\n{before}\n{user_name}\n{principal}\n");
        Sha256::digest(shown).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The admin who confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedBy {
    /// Their Webex account.
    pub administrator: PersonId,
    /// The directory admin who signed in with Microsoft.
    pub microsoft: ObjectId,
}

/// A confirmation that an account is a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The account.
    pub person: PersonId,
    /// The admin.
    #[serde(flatten)]
    pub by: ConfirmedBy,
    /// Its time.
    pub at: Timestamp,
}

/// Outcome of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The account is eligible.
    Accepted,
    /// The holders have changed, so nothing was stored.
    Stale,
}

/// Outcome of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Only the names count now.
    Revoked,
    /// There was no such confirmation, or it changed just now.
    NotConfirmed,
}

/// A confirmed account whose userName is no name of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedPair {
    /// The account.
    pub known: IndexedPerson,
    /// The user's userPrincipalName.
    pub principal: String,
    /// The confirmation.
    pub confirmed: Confirmed,
}

/// The index partition of a tenant's confirmations.
pub(super) fn listing(tenant: TenantId) -> String {
    format!("LIST#{tenant}#confirmed")
}

impl PersonIndex<'_> {
    /// Returns what waits for a confirmation of these accounts.
    ///
    /// # Errors
    /// The table's.
    pub async fn unconfirmed(
        &self,
        people: impl IntoIterator<Item = PersonId>,
    ) -> Result<Vec<UnconfirmedId>, StoreError> {
        let entries = self.entries(people).await?;
        let asked: Vec<PersonId> = entries.keys().copied().collect();
        let objects = entries.values().filter_map(|entry| entry.object).collect::<BTreeSet<_>>();
        let snapshot = self.snapshot(entries, self.holders(objects).await?).await?;
        let waiting = |person: PersonId| {
            let known = snapshot.known(person)?;
            let reason = known.excluded()?;
            // No confirmation helps with other reasons.
            if !matches!(reason, ExclusionReason::MovedObjectId | ExclusionReason::NamesDiffer) {
                return None;
            }
            let pair = known.pair()?;
            let holders = snapshot.objects.get(&pair.object)?;
            Some(UnconfirmedId {
                pair,
                before: holders.active_holder,
                name: known.name,
                user_name: known.user_name,
                principal: holders.user.principal()?.to_owned(),
                holders: holders.clone(),
            })
        };
        Ok(asked.into_iter().filter_map(waiting).collect())
    }

    /// Stores that the account and the user are one person, unless the holders have changed since
    /// `unconfirmed` was read.
    ///
    /// # Errors
    /// The table's.
    pub async fn confirm(
        &self,
        unconfirmed: UnconfirmedId,
        microsoft: ObjectId,
        by: Decider<'_>,
    ) -> Result<Confirmation, StoreError> {
        let UnconfirmedId { pair, before, mut holders, .. } = unconfirmed;
        let Person { object, person } = pair;
        let now = by.now;
        holders.active_holder = Some(person);
        // Readings from before can still lack them, so they wait for one lag window.
        holders.returned = Some(now);
        let administrator = by.actor.person().unwrap_or(person);
        let confirmed_by = ConfirmedBy { administrator, microsoft };
        holders.confirmed = Some(Confirmed { person, by: confirmed_by, at: now });
        let mut writes = vec![self.put_holders(object, &holders)?];
        writes.extend(by.of_tenant(self.tenant, Decision::PersonConfirmed { pair, before })?);
        // Over the version that was shown: no admin confirms what they did not see.
        match self.store.write(writes).await {
            Ok(()) => Ok(Confirmation::Accepted),
            Err(StoreError::ConditionFailed) => Ok(Confirmation::Stale),
            Err(error) => Err(error),
        }
    }

    /// Ends the confirmation of an account. It stays eligible only if the names agree by now.
    ///
    /// # Errors
    /// The table's.
    pub async fn revoke(
        &self,
        person: PersonId,
        by: Decider<'_>,
    ) -> Result<Revocation, StoreError> {
        let Some(entry) = self.entries([person]).await?.remove(&person) else {
            return Ok(Revocation::NotConfirmed);
        };
        let Some(object) = entry.object else { return Ok(Revocation::NotConfirmed) };
        let holders = self.external_id_holders(object).await?;
        let Some(mut holders) = holders.filter(|holders| holders.is_confirmed(person)) else {
            return Ok(Revocation::NotConfirmed);
        };
        holders.confirmed = None;
        // Otherwise the account would stay eligible by the confirmation that just ended.
        holders.active_holder = None;
        if holders.holders.len() == 1 && entry.exclusion.is_none() {
            holders.activate_holder(person, &entry.user_name);
        }
        let mut writes = vec![self.put_holders(object, &holders)?];
        let pair = Person { object, person };
        writes.extend(by.of_tenant(self.tenant, Decision::ConfirmationRevoked { pair })?);
        match self.store.write(writes).await {
            Ok(()) => Ok(Revocation::Revoked),
            Err(StoreError::ConditionFailed) => Ok(Revocation::NotConfirmed),
            Err(error) => Err(error),
        }
    }

    /// Returns a page of the confirmed accounts whose names differ, and the next cursor.
    ///
    /// # Errors
    /// The table refuses a malformed cursor.
    pub async fn confirmed(
        &self,
        limit: usize,
        start: Option<&Cursor>,
    ) -> Result<(Vec<ConfirmedPair>, Option<Cursor>), StoreError> {
        let query = Query::Listed { pk: listing(self.tenant), prefix: String::new() };
        let page = self.store.query(&query, limit, start).await?;
        let keys = page.items.iter().filter_map(Key::of);
        let objects = keys.filter_map(|key| key.pk.rsplit('#').next()?.parse::<ObjectId>().ok());
        // The list can be behind, so each is read again.
        let holders = self.holders(objects).await?;
        let people = holders.values().filter_map(|one| Some(one.confirmed?.person));
        let known = self.people(people.collect::<BTreeSet<_>>()).await?;
        let mut pairs: Vec<_> =
            holders.values().filter_map(|holders| confirmed_pair(holders, &known)).collect();
        pairs.sort_by_cached_key(|pair| pair.principal.to_lowercase());
        Ok((pairs, page.next))
    }
}

/// Returns the pair that is eligible by its confirmation alone.
fn confirmed_pair(
    holders: &ExternalIdHolders,
    known: &BTreeMap<PersonId, IndexedPerson>,
) -> Option<ConfirmedPair> {
    let confirmed = holders.confirmed?;
    let known = known.get(&confirmed.person)?;
    // A confirmation that the names have caught up with needs no one's attention.
    let differs =
        holders.is_confirmed(confirmed.person) && !holders.user.has_name(&known.user_name);
    let principal = holders.user.principal()?.to_owned();
    differs.then(|| ConfirmedPair { known: known.clone(), principal, confirmed })
}
