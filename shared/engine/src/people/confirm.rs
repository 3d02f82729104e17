//! An object id whose holder has another name than its user, or took it from another account: the
//! holder stays excluded until an admin confirms that the account is the user.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::index::PersonIndex;
use super::records::ExternalIdHolders;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{ExclusionReason, Person};
use store::table::StoreError;

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
        by: ConfirmedBy,
        now: Timestamp,
    ) -> Result<Confirmation, StoreError> {
        let UnconfirmedId { pair: Person { object, person }, mut holders, .. } = unconfirmed;
        holders.active_holder = Some(person);
        holders.returned = Some(now);
        holders.confirmed = Some(Confirmed { person, by, at: now });
        match self.store.write(vec![self.put_holders(object, &holders)?]).await {
            Ok(()) => Ok(Confirmation::Accepted),
            Err(StoreError::ConditionFailed) => Ok(Confirmation::Stale),
            Err(error) => Err(error),
        }
    }
}
