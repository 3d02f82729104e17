//! A group as three replicas show it: each shows a write after a lag of its own.

use std::collections::BTreeSet;

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::Timestamp;

use super::{App, missing};
use crate::wire::Answer;
use crate::world::State;

pub(super) const REPLICAS: usize = 3;

/// A group at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) display_name: String,
    pub(super) description: Option<String>,
    pub(super) mail_nickname: String,
    pub(super) mail: String,
    pub(super) visibility: String,
    pub(super) unique_name: Option<String>,
    pub(super) behavior: Vec<String>,
    pub(super) members: BTreeSet<ObjectId>,
    pub(super) owners: BTreeSet<ObjectId>,
    pub(super) created: Timestamp,
    pub(super) renewed: Timestamp,
    pub(super) deleted: Option<Timestamp>,
    pub(super) rule: GroupRule,
    pub(super) kind: GroupKind,
}

/// What a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupKind {
    /// A Microsoft 365 group.
    Microsoft365,
    /// A security group, which has no address.
    Security,
}

/// Who decides who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupRule {
    /// Whoever may write it.
    Assigned,
    /// A rule of the directory.
    Dynamic,
    /// The directory on premises, from which it is synchronized.
    OnPremises,
    /// Privileged administrators alone, as roles can be assigned to it.
    RoleAssignable,
}

impl Facts {
    pub(super) fn people(&self, relation: Relation) -> &BTreeSet<ObjectId> {
        match relation {
            Relation::Members => &self.members,
            Relation::Owners => &self.owners,
        }
    }

    pub(super) fn people_mut(&mut self, relation: Relation) -> &mut BTreeSet<ObjectId> {
        match relation {
            Relation::Members => &mut self.members,
            Relation::Owners => &mut self.owners,
        }
    }
}

/// The two lists of people that a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    Members,
    Owners,
}

impl Relation {
    pub(super) fn named(name: &str) -> Self {
        if name == "owners" { Self::Owners } else { Self::Members }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Owners => "owners",
        }
    }
}

#[derive(Clone)]
struct Version {
    facts: Facts,
    /// From when on each replica shows it.
    shown: [Timestamp; REPLICAS],
}

/// The versions of a group that a replica may still show, the last being the truth.
#[derive(Clone)]
pub(crate) struct GroupEntry {
    older: Vec<Version>,
    newest: Version,
}

impl GroupEntry {
    pub(super) fn truth(&self) -> &Facts {
        &self.newest.facts
    }

    /// What a replica shows; nothing where the group is too young for it.
    pub(super) fn seen(&self, replica: usize, now: Timestamp) -> Option<&Facts> {
        let versions = std::iter::once(&self.newest).chain(self.older.iter().rev());
        let mut shown = versions.filter(|version| version.shown.get(replica).is_some_and(|at| *at <= now));
        shown.next().map(|version| &version.facts)
    }
}

impl State {
    fn lags(&mut self, most: std::time::Duration) -> [Timestamp; REPLICAS] {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let now = self.now;
        std::array::from_fn(|_| now + std::time::Duration::from_millis(self.rng.u64(0..=most)))
    }

    pub(super) fn any_replica(&mut self) -> usize {
        self.rng.usize(0..REPLICAS)
    }

    pub(super) fn insert_group(&mut self, directory: DirectoryId, id: GroupId, facts: Facts) {
        let settings = &self.microsoft.settings;
        let shown = self.lags(settings.replica_lag.max(settings.young));
        self.log_change(directory, id, None, Some(&facts));
        self.add_drive(directory, id, &facts);
        self.welcome(directory, &facts, facts.members.len());
        if let Some(entry) = self.microsoft.directories.get_mut(&directory) {
            entry.groups.insert(id, GroupEntry { older: Vec::new(), newest: Version { facts, shown } });
        }
    }

    /// Changes a group; a change that changes nothing leaves no trace.
    pub(super) fn write_group(&mut self, directory: DirectoryId, id: GroupId, change: impl FnOnce(&mut Facts)) {
        let entry = self.microsoft.directories.get(&directory).and_then(|entry| entry.groups.get(&id));
        let Some(before) = entry.map(|entry| entry.truth().clone()) else { return };
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return;
        }
        let shown = self.lags(self.microsoft.settings.replica_lag);
        self.log_change(directory, id, Some(&before), Some(&after));
        self.welcome(directory, &after, after.members.difference(&before.members).count());
        let (now, index_lag) = (self.now, self.microsoft.settings.index_lag);
        let entry = self.microsoft.directories.get_mut(&directory).and_then(|entry| entry.groups.get_mut(&id));
        if let Some(entry) = entry {
            let newest = std::mem::replace(&mut entry.newest, Version { facts: after, shown });
            entry.older.push(newest);
            // The index is later than every replica.
            let everywhere = |version: &Version| version.shown.iter().all(|at| *at + index_lag <= now);
            if everywhere(&entry.newest) {
                entry.older.clear();
            } else if let Some(settled) = entry.older.iter().rposition(everywhere) {
                entry.older.drain(..settled);
            }
        }
    }

    /// Everybody who is added gets a mail, unless the group was created with `WelcomeEmailDisabled`.
    fn welcome(&mut self, directory: DirectoryId, facts: &Facts, people: usize) {
        if let Some(entry) = self.microsoft.directories.get_mut(&directory)
            && !facts.behavior.iter().any(|option| option == "WelcomeEmailDisabled")
        {
            entry.welcomed += people;
        }
    }

    /// The group as some replica shows it.
    pub(super) fn seen_group(&mut self, app: &App, id: &str) -> Result<(GroupId, &Facts), Answer> {
        let replica = self.any_replica();
        self.seen_on(app, id, replica)
    }

    pub(super) fn seen_on(&mut self, app: &App, id: &str, replica: usize) -> Result<(GroupId, &Facts), Answer> {
        self.seen_at(app, id, replica, self.now)
    }

    /// The group as a replica showed it at that moment.
    pub(super) fn seen_at(
        &mut self,
        app: &App,
        id: &str,
        replica: usize,
        at: Timestamp,
    ) -> Result<(GroupId, &Facts), Answer> {
        let group = GroupId(id.parse().map_err(|_| missing(id))?);
        if !self.directory(app.directory)?.groups.contains_key(&group) {
            self.trespass_on(app, group.0);
        }
        let entry = self.directory(app.directory)?.groups.get(&group).ok_or_else(|| missing(id))?;
        let seen = entry.seen(replica, at).filter(|facts| facts.deleted.is_none());
        Ok((group, seen.ok_or_else(|| missing(id))?))
    }

    /// The group as it is, for a write: some replica has to know it already, else `young` is the refusal.
    pub(super) fn group_to_write(&mut self, app: &App, id: &str, young: Answer) -> Result<GroupId, Answer> {
        let replica = self.any_replica();
        let group = GroupId(id.parse().map_err(|_| missing(id))?);
        if !self.directory(app.directory)?.groups.contains_key(&group) {
            self.trespass_on(app, group.0);
        }
        let now = self.now;
        let entry = self.directory(app.directory)?.groups.get(&group).ok_or_else(|| missing(id))?;
        if entry.truth().deleted.is_some() {
            return Err(missing(id));
        }
        entry.seen(replica, now).map(|_| group).ok_or(young)
    }

    pub(super) fn facts(&self, directory: DirectoryId, group: GroupId) -> Result<&Facts, Answer> {
        let entry = self.directory(directory)?.groups.get(&group);
        entry.map(GroupEntry::truth).ok_or_else(|| missing(group))
    }
}
