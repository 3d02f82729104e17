//! The person index: the accounts of an organization, their users in the directory, and their
//! eligibility. Pages of SCIM fill it, and single look-ups for people whom a sync meets first.
//!
//! A person is eligible if their Webex account is an active, signed-in user, and its externalId is
//! the object id of a directory user, not a guest, that no other account has. [`PersonEntry`] has
//! what an account says of itself, [`ExternalIdHolders`] who has an object id and what the
//! directory says of it. Eligibility follows from both, so a second holder excludes the first
//! without a change of its entry.
//!
//! An admin who may write externalIds could name anyone, so the id alone makes no one eligible: the
//! account's userName is a name of the user, or an admin of the directory confirms the two. No
//! account is eligible while another one has the user's principal name.

mod confirm;
mod gone;
mod index;
mod lookup;
mod people_counts;
mod records;
mod snapshot;

pub use confirm::{Confirmation, Confirmed, ConfirmedBy, ConfirmedPair, Revocation, UnconfirmedId};
pub use gone::Accounts;
pub use index::{ExclusionChange, IndexChanges, PersonIndex};
pub use people_counts::{PeopleCounts, StoredPeopleCounts, people_counts};
pub use records::{EntraUser, ExternalIdHolders, PersonEntry, object_of};

use domain::ids::{ObjectId, PersonId, TenantId};
use domain::membership::{Eligibility, ExclusionReason, Person};
use store::keys;
use store::table::{Item, Key, from_item};

/// A person of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedPerson {
    /// The Webex account.
    pub person: PersonId,
    /// The object id in its externalId.
    pub object: Option<ObjectId>,
    /// Their eligibility.
    pub eligibility: Eligibility,
    /// The display name.
    pub name: String,
    /// The userName, mostly a mail address.
    pub user_name: String,
}

impl IndexedPerson {
    /// Returns the reason of the exclusion of a person who is not eligible.
    pub fn excluded(&self) -> Option<ExclusionReason> {
        match self.eligibility {
            Eligibility::Excluded { reason } => Some(reason),
            Eligibility::Eligible { .. } => None,
        }
    }

    /// Returns both ids.
    pub fn pair(&self) -> Option<Person> {
        self.object.map(|object| Person { object, person: self.person })
    }
}

/// The partition of a tenant's accounts.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#PERSON")
}

/// The partition of the names of a tenant's accounts.
pub(crate) fn name_partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#NAME")
}

/// Returns the key of the holders of the object id in an account's item.
pub(crate) fn object_of_entry(tenant: TenantId, entry: &Item) -> Option<Key> {
    let entry: PersonEntry = from_item(entry.clone()).ok()?;
    entry.object.map(|object| object_key(tenant, object))
}

fn person_key(tenant: TenantId, person: PersonId) -> Key {
    Key::new(partition(tenant), person.to_string())
}

fn name_key(tenant: TenantId, user_name: &str) -> Key {
    // SCIM compares userNames without regard to case.
    Key::new(name_partition(tenant), keys::typed(user_name))
}

fn object_key(tenant: TenantId, object: ObjectId) -> Key {
    // Not among the people: pages of them read a partition that holds accounts only.
    Key::new(format!("OBJECT#{tenant}#{object}"), "-")
}
