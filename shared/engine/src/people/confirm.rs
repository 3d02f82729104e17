//! An object id that moved from one account to another: its new bearer waits until somebody says that the account is the user's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Bearers, EntraUser, Extract, PersonIndex, object_key, versioned};
use domain::ids::{ObjectId, PersonId};
use domain::membership::{LeftOut, Person};
use store::table::StoreError;

/// An object id that moved, as an administrator is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The user, and the account that bears its id now, alone.
    pub pair: Person,
    /// The account that took part with it before.
    pub before: PersonId,
    /// The account's userName.
    pub user_name: String,
    /// The user's userPrincipalName.
    pub principal: String,
    bearers: Bearers,
}

impl Moved {
    /// What an administrator confirms to have seen: it differs as soon as anybody else is concerned, or is called otherwise.
    pub fn hash(&self) -> String {
        let Self { pair: Person { object, person }, before, user_name, principal, .. } = self;
        let seen = format!("{object}\n{person}\n{before}\n{user_name}\n{principal}\n");
        Sha256::digest(seen).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Who confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The administrator's Webex account.
    pub administrator: PersonId,
    /// The administrator of the directory that signed in with Microsoft.
    pub microsoft: ObjectId,
}

/// That an account is a user's, as somebody said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The account.
    pub person: PersonId,
    /// Who said it.
    #[serde(flatten)]
    pub by: By,
    /// When.
    pub at: Timestamp,
}

/// What became of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The account takes part.
    Given,
    /// Somebody else changed who bears the id, or confirmed it: nothing was changed.
    Overtaken,
}

impl PersonIndex<'_> {
    /// The object id that moved to this account, if the account is left out for that.
    pub async fn moved(&self, person: PersonId) -> Result<Option<Moved>, StoreError> {
        let Some(entry) = self.entries([person]).await?.remove(&person) else { return Ok(None) };
        let Some(object) = entry.object else { return Ok(None) };
        let Some(bearers) = self.borne(object).await? else { return Ok(None) };
        let user_name = entry.user_name.clone();
        let extract = Extract { entries: [(person, entry)].into(), objects: [(object, bearers.clone())].into() };
        let reason = extract.known(person).and_then(|known| known.left_out());
        let (EntraUser::Member { name }, Some(before), Some(LeftOut::MovedObjectId)) =
            (&bearers.user, bearers.holder, reason)
        else {
            return Ok(None);
        };
        Ok(Some(Moved { pair: Person { object, person }, before, user_name, principal: name.clone(), bearers }))
    }

    /// An administrator signed in with Microsoft says that this account and this user are the same person.
    ///
    /// Whatever happened to the id since `moved` was read overtakes it.
    pub async fn confirm(&self, moved: Moved, by: By, now: Timestamp) -> Result<Confirmation, StoreError> {
        let Moved { pair: Person { object, person }, mut bearers, .. } = moved;
        bearers.holder = Some(person);
        bearers.returned = Some(now);
        bearers.confirmed = Some(Confirmed { person, by, at: now });
        let write = versioned(&object_key(self.tenant, object), &bearers, bearers.version)?;
        match self.store.write(vec![write]).await {
            Ok(()) => Ok(Confirmation::Given),
            Err(StoreError::ConditionFailed) => Ok(Confirmation::Overtaken),
            Err(error) => Err(error),
        }
    }
}
