//! The service account's presence in a team.

use domain::ids::PersonId;
use serde::{Deserialize, Serialize};

/// The service account's presence in a team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAccountPresence {
    /// It was never in the team.
    #[default]
    NeverJoined,
    /// It joined for its work, as the answer says. No reading has shown it yet.
    Joined {
        /// The account.
        account: PersonId,
    },
    /// It was a member of the team at the last reading.
    Member {
        /// The account, which can have been replaced since.
        account: PersonId,
        /// The one who added it.
        by: JoinedBy,
    },
    /// A person removed it: it stays out.
    RemovedByPerson {
        /// The account.
        account: PersonId,
    },
}

/// The one who added the service account to a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinedBy {
    /// It joined for its work, and leaves afterwards.
    Itself,
    /// A person added it before it had work there. It stays, also when it is replaced.
    Person,
}

impl ServiceAccountPresence {
    /// Returns the presence of an account that was read in the team. `by` counts if that is new.
    pub(crate) fn seen_in_team(self, service_account: PersonId, by: JoinedBy) -> Self {
        match self {
            Self::Joined { account } if account == service_account => {
                Self::Member { account, by: JoinedBy::Itself }
            }
            // Only the reading that sees it first can tell who added it.
            Self::Member { account, .. } if account == service_account => self,
            _ => Self::Member { account: service_account, by },
        }
    }

    /// Returns the presence of an account that was not read in the team.
    pub(crate) fn missing_from_team(self, service_account: PersonId) -> Self {
        match self {
            Self::Member { account, .. } | Self::RemovedByPerson { account }
                if account == service_account =>
            {
                Self::RemovedByPerson { account }
            }
            // What people did to another account says nothing about this one.
            _ => Self::NeverJoined,
        }
    }

    /// Returns `true` if this account is in the team.
    pub fn is_member(self, service_account: PersonId) -> bool {
        let (Self::Member { account, .. } | Self::Joined { account }) = self else { return false };
        account == service_account
    }

    /// Returns a replaced account that joined for its work.
    pub(crate) fn former_account(self, service_account: PersonId) -> Option<PersonId> {
        match self {
            Self::Member { account, by: JoinedBy::Itself } | Self::Joined { account } => {
                Some(account).filter(|account| *account != service_account)
            }
            _ => None,
        }
    }
}
