//! Actors: who decided something, as they were known at that moment.

use domain::ids::{DirectoryId, ObjectId, OrgId, PersonId};
use serde::{Deserialize, Serialize};

/// The one who decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Actor {
    /// An administrator, in the pages.
    Admin(Admin),
    /// A person who answered a card in Webex.
    Person {
        /// The person.
        person: PersonId,
        /// Their name at that moment.
        name: String,
    },
    /// An administrator of the directory, who has no role in the organization.
    Directory(MicrosoftIdentity),
    /// The operator of the deployment, at a command line.
    Operator,
    /// The system itself, by a rule that no person was asked about.
    System,
}

/// A signed-in administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// Their account in Webex.
    pub person: PersonId,
    /// Their name at that moment.
    pub name: String,
    /// Their organization.
    pub organization: OrgId,
    /// The address that the request came from.
    pub address: String,
    /// Their identity in Microsoft, where they proved one for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft: Option<MicrosoftIdentity>,
}

/// An identity that Microsoft's sign-in proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicrosoftIdentity {
    /// The directory.
    pub directory: DirectoryId,
    /// The user.
    pub user: ObjectId,
    /// The user's principal name at that moment.
    pub name: String,
}

impl Actor {
    /// Returns the name at that moment; `None` for the operator and the system, who have none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Admin(Admin { name, .. })
            | Self::Person { name, .. }
            | Self::Directory(MicrosoftIdentity { name, .. }) => Some(name),
            Self::Operator | Self::System => None,
        }
    }

    /// Returns the account in Webex.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Admin(Admin { person, .. }) | Self::Person { person, .. } => Some(*person),
            Self::Directory(_) | Self::Operator | Self::System => None,
        }
    }

    /// Returns the administrator, if the actor is one.
    pub fn admin(&self) -> Option<&Admin> {
        if let Self::Admin(admin) = self { Some(admin) } else { None }
    }

    /// Returns the identity in Microsoft, if one was proven.
    pub fn microsoft(&self) -> Option<&MicrosoftIdentity> {
        match self {
            Self::Admin(admin) => admin.microsoft.as_ref(),
            Self::Directory(identity) => Some(identity),
            Self::Person { .. } | Self::Operator | Self::System => None,
        }
    }
}
