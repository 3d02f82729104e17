//! Accounts that Webex no longer finds. One answer proves nothing.

use jiff::Timestamp;

use super::PersonIndex;
use clients::http::{Access, CallError};
use clients::webex::Webex;
use domain::ids::{OrgId, PersonId};
use store::table::StoreError;

/// The accounts of an organization, as Webex shows them now.
#[derive(Clone, Copy)]
pub struct Accounts<'a> {
    /// Webex.
    pub webex: &'a Webex,
    /// Access as the service account.
    pub access: &'a Access,
    /// The organization.
    pub org: OrgId,
}

impl PersonIndex<'_> {
    /// Purges an account that SCIM did not find by its id, if it does not find it by its name
    /// either. Returns `true` if the index does not have it.
    ///
    /// # Errors
    /// The table's, and the call's.
    pub async fn purge_if_gone<E>(
        &self,
        accounts: Accounts<'_>,
        person: PersonId,
        now: Timestamp,
    ) -> Result<bool, E>
    where
        E: From<StoreError> + From<CallError>,
    {
        let Some(known) = self.people([person]).await?.remove(&person) else { return Ok(true) };
        let Accounts { webex, access, org } = accounts;
        // Another kind of question: the same one could give the same wrong answer.
        let named = webex.scim_user_by_name(access, org, &known.user_name).await?;
        if named.is_some_and(|named| named.person == person) {
            return Ok(false);
        }
        self.purge(person, now).await?;
        Ok(true)
    }
}
