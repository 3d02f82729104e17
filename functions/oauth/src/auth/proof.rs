//! The proofs that routes declare: who has to be at the browser, and how fresh that is known.

use engine::tenant::settings::Settings;
use serde::{Deserialize, Serialize};

use crate::http::admin_role::AdminRole;

/// The proof that a request needs. From [`Proof::Role`] on, each is an addition to the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proof {
    /// None: the route is for everyone.
    Nothing,
    /// A session of an administrator of any role. The role was read some minutes ago at most, if
    /// Webex answers.
    Session,
    /// The same, and the role sees everything.
    Reader,
    /// The person is a full administrator, for a form at this moment.
    Role,
    /// An administrator of the directory to connect has signed in with Microsoft, and consented.
    ConnectingAdministrator,
    /// The same person has signed in again with Webex.
    WebexSignIn,
    /// A user of the connected directory has signed in again with Microsoft. The handler compares
    /// the user with the owners of the group.
    MicrosoftSignIn,
    /// That user administers the directory.
    DirectoryAdministrator,
}

impl Proof {
    /// Returns the least role that the proof needs.
    pub(crate) fn role(self) -> AdminRole {
        match self {
            Self::Nothing | Self::Session => AdminRole::Users,
            Self::Reader => AdminRole::ReadOnly,
            Self::Role
            | Self::ConnectingAdministrator
            | Self::WebexSignIn
            | Self::MicrosoftSignIn
            | Self::DirectoryAdministrator => AdminRole::Full,
        }
    }
}

/// The fields of a form.
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl Fields {
    /// Returns the first value of a field, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// The proof that a route's forms need.
#[derive(Clone, Copy)]
pub(crate) enum FormProof {
    /// The same for every form.
    Always(Proof),
    /// Depends on what the form asks for.
    ByFields(fn(&Fields) -> Proof),
    /// Depends on what the form changes about the stored settings.
    BySettings(fn(&Settings, &Fields) -> Proof),
}
