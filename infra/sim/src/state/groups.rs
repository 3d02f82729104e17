//! Data of a group as three replicas show it, and the log of changes that deltas read.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::{GroupId, ObjectId};
use jiff::Timestamp;

pub(crate) const REPLICAS: usize = 3;

/// A group at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) display_name: String,
    pub(crate) description: Option<String>,
    pub(crate) mail_nickname: String,
    pub(crate) mail: String,
    pub(crate) visibility: String,
    pub(crate) unique_name: Option<String>,
    pub(crate) behavior: Vec<String>,
    pub(crate) members: BTreeSet<ObjectId>,
    pub(crate) owners: BTreeSet<ObjectId>,
    pub(crate) created: Timestamp,
    pub(crate) renewed: Timestamp,
    pub(crate) deleted: Option<Timestamp>,
    pub(crate) rule: GroupRule,
    pub(crate) kind: GroupKind,
    /// Display name of the sensitivity label.
    pub(crate) label: Option<String>,
}

impl Facts {
    pub(crate) fn people(&self, relation: Relation) -> &BTreeSet<ObjectId> {
        match relation {
            Relation::Members => &self.members,
            Relation::Owners => &self.owners,
        }
    }

    pub(crate) fn people_mut(&mut self, relation: Relation) -> &mut BTreeSet<ObjectId> {
        match relation {
            Relation::Members => &mut self.members,
            Relation::Owners => &mut self.owners,
        }
    }
}

/// Kind of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// A Microsoft 365 group.
    Microsoft365,
    /// A security group, which has no address.
    Security,
}

/// Authority over a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupRule {
    /// Anyone who may write the group.
    Assigned,
    /// A rule of the directory.
    Dynamic,
    /// The directory on premises, from which it is synchronized.
    OnPremises,
    /// Privileged administrators alone, as roles can be assigned to it.
    RoleAssignable,
}

/// The two lists of people that a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    Members,
    Owners,
}

impl Relation {
    pub(crate) fn named(name: &str) -> Self {
        if name == "owners" { Self::Owners } else { Self::Members }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Owners => "owners",
        }
    }
}

#[derive(Clone)]
struct Version {
    facts: Facts,
    /// Moments from which each replica shows it.
    shown: [Timestamp; REPLICAS],
}

/// Versions of a group that a replica may still show; the newest is the truth.
#[derive(Clone)]
pub(crate) struct GroupEntry {
    older: Vec<Version>,
    newest: Version,
}

impl GroupEntry {
    pub(crate) fn new(facts: Facts, shown: [Timestamp; REPLICAS]) -> Self {
        Self { older: Vec::new(), newest: Version { facts, shown } }
    }

    pub(crate) fn truth(&self) -> &Facts {
        &self.newest.facts
    }

    /// Returns what a replica shows; nothing if the group has not reached it.
    pub(crate) fn seen(&self, replica: usize, now: Timestamp) -> Option<&Facts> {
        let versions = std::iter::once(&self.newest).chain(self.older.iter().rev());
        let mut shown =
            versions.filter(|version| version.shown.get(replica).is_some_and(|at| *at <= now));
        shown.next().map(|version| &version.facts)
    }

    /// Adds a version, and drops those that neither a replica nor the index shows.
    pub(crate) fn push(
        &mut self,
        facts: Facts,
        shown: [Timestamp; REPLICAS],
        index_lag: Duration,
        now: Timestamp,
    ) {
        let newest = std::mem::replace(&mut self.newest, Version { facts, shown });
        self.older.push(newest);
        // The index is later than every replica.
        let everywhere = |version: &Version| version.shown.iter().all(|at| *at + index_lag <= now);
        if everywhere(&self.newest) {
            self.older.clear();
        } else if let Some(settled) = self.older.iter().rposition(everywhere) {
            self.older.drain(..settled);
        }
    }
}

/// One change of one group, as a delta shows it.
#[derive(Clone)]
pub(crate) struct GroupChange {
    /// Moment from which a delta shows it.
    pub(crate) shown: Timestamp,
    pub(crate) group: GroupId,
    /// People who were added or removed, in order.
    pub(crate) people: Vec<(Relation, ObjectId, Presence)>,
    pub(crate) lifecycle: Lifecycle,
}

/// Presence of a person in a list after a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Added,
    Removed,
}

impl Presence {
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Added => Self::Removed,
            Self::Removed => Self::Added,
        }
    }
}

/// State of a group after a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Active,
    SoftDeleted,
    Purged,
}
