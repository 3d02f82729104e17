//! Our app registrations in Entra, the same for all directories.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of our app registrations.
///
/// A directory consents to all permissions of a registration together. Optional features have
/// another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// The app for people, roles and names. People sign in to it.
    Groups,
    /// The app for the folders of spaces. Optional for a deployment and for a directory.
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
