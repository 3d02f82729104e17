//! An object id that moved from one account to another: its new holder stays excluded until an
//! admin confirms that the account is the user.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::index::PersonIndex;
use super::records::{EntraUser, ExternalIdHolders};
use super::snapshot::IndexSnapshot;
use domain::ids::{ObjectId, PersonId};
use domain::membership::{ExclusionReason, Person};
use store::table::StoreError;

/// An object id that moved, as an admin is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedExternalId {
    /// The user, and the only account with its id now.
    pub pair: Person,
    /// The account that was eligible with it before.
    pub before: PersonId,
    /// The account's userName.
    pub user_name: String,
    /// The user's userPrincipalName.
    pub principal: String,
    holders: ExternalIdHolders,
}

impl MovedExternalId {
    /// Returns the hash that an admin confirms: it changes with every id and name shown.
    pub fn hash(&self) -> String {
        let Self { pair: Person { object, person }, before, user_name, principal, .. } = self;
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
    /// Returns the object id that moved to this account, if the account is excluded for that.
    ///
    /// # Errors
    /// The table's.
    pub async fn moved(&self, person: PersonId) -> Result<Option<MovedExternalId>, StoreError> {
        let Some(entry) = self.entries([person]).await?.remove(&person) else {
            return Ok(None);
        };
        let Some(object) = entry.object else {
            return Ok(None);
        };
        let Some(holders) = self.external_id_holders(object).await? else {
            return Ok(None);
        };
        let user_name = entry.user_name.clone();
        let snapshot = IndexSnapshot {
            entries: [(person, entry)].into(),
            objects: [(object, holders.clone())].into(),
        };
        let reason = snapshot.known(person).and_then(|known| known.excluded());
        let (EntraUser::Member { name }, Some(before), Some(ExclusionReason::MovedObjectId)) =
            (&holders.user, holders.active_holder, reason)
        else {
            return Ok(None);
        };
        Ok(Some(MovedExternalId {
            pair: Person { object, person },
            before,
            user_name,
            principal: name.clone(),
            holders,
        }))
    }

    /// Stores that the account and the user are one person, unless the holders have changed since
    /// `moved` was read.
    ///
    /// # Errors
    /// The table's.
    pub async fn confirm(
        &self,
        moved: MovedExternalId,
        by: ConfirmedBy,
        now: Timestamp,
    ) -> Result<Confirmation, StoreError> {
        let MovedExternalId { pair: Person { object, person }, mut holders, .. } = moved;
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
