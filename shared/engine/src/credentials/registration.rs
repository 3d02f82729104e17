//! Our app registrations in Entra, which are the same for all directories.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of our app registrations. A directory consents to all application permissions of a registration together: what a customer can do without is asked for by another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// For people, roles and names. People sign in to this one.
    Groups,
    /// For the folders of spaces. A deployment can be without it, and so can a directory.
    Files,
}

impl Registration {
    /// The name of its secret, below the prefix.
    pub fn secret(self) -> &'static str {
        match self {
            Self::Groups => "microsoft-app",
            Self::Files => "files-app",
        }
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Groups => "groups",
            Self::Files => "files",
        })
    }
}
