//! Renames: the ones that are due, stored, acknowledged or confirmed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Last known name of the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupName {
    /// This raw name.
    Baseline(String),
    /// Whatever the service makes of our rename. The first new raw name confirms it.
    Ours(OurRename),
}

/// Rename of the group that no reading has shown yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OurRename {
    /// Title that we gave.
    pub to: String,
    /// Raw names that the group had before, and titles of unconfirmed renames before this one. One
    /// of them read after the lag window means that this rename was lost.
    pub before: BTreeSet<String>,
    /// Time of the answer.
    pub at: Timestamp,
}

/// Names that the group had until `at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Raw names.
    pub names: BTreeSet<String>,
    /// Time when the group lost the last of them.
    pub at: Timestamp,
}

/// Rename that no reading has settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameIntent {
    /// The rename.
    pub write: NameWrite,
    /// Time of storing.
    pub at: Timestamp,
    /// Knowledge about its call.
    pub call: IntentCall,
}

/// Knowledge about the call of a stored rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntentCall {
    /// It was about to be made, and may never have been.
    Open,
    /// The service acknowledged it.
    Acknowledged,
}

/// Rename that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameWrite {
    /// Gives the team a title.
    Team {
        /// Bare name.
        title: String,
        /// Raw name of the group that it comes from.
        from: String,
    },
    /// Gives the group this display name, which the service decorates.
    Group(String),
}
