//! The records of the index: one per account, and one per object id.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Confirmed;
use clients::graph::{User, UserKind};
use clients::webex::{ScimState, ScimUser};
use domain::ids::{ObjectId, PersonId};
use domain::membership::ExclusionReason;

/// Most mail addresses of a user that are stored.
const MOST_ADDRESSES: usize = 20;

/// The account with a userName.
#[derive(Serialize, Deserialize)]
pub(super) struct NameEntry {
    pub(super) person: PersonId,
}

/// A Webex account, by what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEntry {
    /// Its externalId, if that is an object id.
    pub object: Option<ObjectId>,
    /// Reason in the account itself that excludes the person.
    pub exclusion: Option<ExclusionReason>,
    /// Its userName.
    pub user_name: String,
    /// Its display name.
    pub name: String,
    /// `true` if the person was ever eligible.
    pub was_eligible: bool,
    /// End of the last exclusion by the account itself, of a person who was eligible before.
    pub returned: Option<Timestamp>,
    pub(super) version: u64,
}

/// The accounts with an object id, and the directory's user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalIdHolders {
    /// Webex accounts with this externalId: the first three of them.
    pub holders: BTreeSet<PersonId>,
    /// The last account that was eligible with it.
    pub active_holder: Option<PersonId>,
    /// The directory's user.
    pub user: EntraUser,
    /// End of the last exclusion by the object id.
    pub returned: Option<Timestamp>,
    /// The last confirmation that a holder is the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    pub(super) version: u64,
}

/// The directory's answer for an object id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntraUser {
    /// A user of the directory.
    Member {
        /// Its userPrincipalName.
        name: String,
        /// Its mail addresses, in lowercase.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        addresses: BTreeSet<String>,
    },
    /// A guest.
    Guest,
    /// No user with this id.
    Missing,
}

impl From<Option<&User>> for EntraUser {
    fn from(user: Option<&User>) -> Self {
        match user {
            // Entra does not know the id: it was typed by hand, or the user is deleted.
            None => Self::Missing,
            Some(User { kind: UserKind::Guest, .. }) => Self::Guest,
            Some(user) => {
                let name = user.user_principal_name.clone();
                let others = user.addresses.iter().map(|address| address.to_lowercase());
                // The name is stored already, and is compared first.
                let others = others.filter(|address| *address != name.to_lowercase());
                Self::Member { addresses: others.take(MOST_ADDRESSES).collect(), name }
            }
        }
    }
}

impl EntraUser {
    /// Returns the userPrincipalName of a user who is not a guest.
    pub(super) fn principal(&self) -> Option<&str> {
        match self {
            Self::Member { name, .. } => Some(name),
            Self::Guest | Self::Missing => None,
        }
    }

    /// Returns `true` if an account with this userName has a name of the user.
    pub(super) fn has_name(&self, user_name: &str) -> bool {
        match self {
            Self::Member { name, addresses } => {
                // An account without a name would match a user without an address.
                !user_name.is_empty()
                    && (name.eq_ignore_ascii_case(user_name)
                        || addresses.contains(&user_name.to_lowercase()))
            }
            Self::Guest | Self::Missing => false,
        }
    }
}

impl ExternalIdHolders {
    pub(super) fn unknown() -> Self {
        Self {
            holders: BTreeSet::new(),
            active_holder: None,
            user: EntraUser::Missing,
            returned: None,
            confirmed: None,
            version: 0,
        }
    }

    pub(super) fn exclusion(&self, person: PersonId) -> Option<ExclusionReason> {
        match (&self.user, self.holders.len(), self.active_holder) {
            // In this order: an admin can do nothing about two holders of an id that no user has.
            (EntraUser::Missing, ..) => Some(ExclusionReason::NoEntraUser),
            (EntraUser::Guest, ..) => Some(ExclusionReason::Guest),
            (EntraUser::Member { .. }, 2.., _) => Some(ExclusionReason::SharedObjectId),
            // The id alone proves nothing: a Webex admin can write any.
            (EntraUser::Member { .. }, _, None) => Some(ExclusionReason::NamesDiffer),
            (EntraUser::Member { .. }, _, Some(active)) => {
                // The account that had it first keeps its place until an admin confirms the other.
                (active != person).then_some(ExclusionReason::MovedObjectId)
            }
        }
    }

    /// Returns `true` if an admin confirmed that this holder is the user.
    pub(super) fn is_confirmed(&self, person: PersonId) -> bool {
        self.active_holder == Some(person)
            && self.holders.contains(&person)
            && self.confirmed.is_some_and(|confirmed| confirmed.person == person)
    }

    /// Makes the only holder the active one if the names agree. A later rename of either does not
    /// end that. Returns `true` if that is a change.
    pub(super) fn activate_holder(&mut self, person: PersonId, user_name: &str) -> bool {
        // A later rename must not remove a person from their teams.
        if self.active_holder == Some(person) || !self.user.has_name(user_name) {
            return false;
        }
        self.active_holder = Some(person);
        true
    }

    /// Stores the directory's answer. Returns `true` if that is a change.
    pub(super) fn set_user(&mut self, user: EntraUser, now: Timestamp) -> bool {
        if self.user == user {
            return false;
        }
        let was_member = matches!(self.user, EntraUser::Member { .. });
        // Who was missing or a guest is treated as new for one lag window.
        if !was_member && matches!(user, EntraUser::Member { .. }) {
            self.returned = Some(now);
        }
        self.user = user;
        true
    }
}

/// Returns the object id in an account's externalId.
pub fn object_of(account: &ScimUser) -> Option<ObjectId> {
    account.external_id.as_deref()?.trim().parse().ok()
}

/// Returns the reason in the account itself that excludes the person.
pub(super) fn exclusion(account: &ScimUser) -> Option<ExclusionReason> {
    match account.state() {
        ScimState::NotAPerson => Some(ExclusionReason::NotAPerson),
        ScimState::Inactive => Some(ExclusionReason::Inactive),
        ScimState::NotSignedIn => Some(ExclusionReason::NotSignedIn),
        ScimState::SignedIn => {
            match (account.external_id.as_deref().map(str::trim), object_of(account)) {
                (None | Some(""), _) => Some(ExclusionReason::NotSynchronized),
                (Some(_), None) => Some(ExclusionReason::NoEntraUser),
                (Some(_), Some(_)) => None,
            }
        }
    }
}
