//! Deletion with a way back: soft-deleted groups for 30 days, and the expiration policy that deletes on its own.

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::SignedDuration;
use serde_json::Value;

use super::replicas::Relation;
use super::{App, READ_GROUPS, WRITE_GROUPS, missing, selected};
use crate::wire::{Answer, Outcome, Request};
use crate::world::State;

const RESTORABLE: SignedDuration = SignedDuration::from_hours(30 * 24);
const DEFAULT: [&str; 10] = [
    "id",
    "deletedDateTime",
    "displayName",
    "description",
    "groupTypes",
    "mail",
    "mailEnabled",
    "mailNickname",
    "securityEnabled",
    "visibility",
];

impl State {
    fn deleted_group(&mut self, app: &App, id: &str) -> Result<GroupId, Answer> {
        let group = GroupId(id.parse().map_err(|_| missing(id))?);
        let deleted = self.facts(app.directory, group).is_ok_and(|facts| facts.deleted.is_some());
        if deleted {
            return Ok(group);
        }
        if !self.directory(app.directory)?.groups.contains_key(&group) {
            self.trespass_on(app, group.0);
        }
        Err(missing(id))
    }

    fn deleted_json(&self, app: &App, group: GroupId, call: &Request) -> Result<Value, Answer> {
        let facts = self.facts(app.directory, group)?;
        let mut shown = selected(self.group_json(app, group, facts), call, &DEFAULT);
        shown["@odata.type"] = "#microsoft.graph.group".into();
        Ok(shown)
    }

    pub(super) fn list_deleted(&mut self, app: &App, call: &Request) -> Outcome {
        app.needs(READ_GROUPS)?;
        let groups = self.directory(app.directory)?.groups.iter();
        let deleted = groups.filter(|(_, entry)| entry.truth().deleted.is_some()).map(|(id, _)| *id);
        let items = deleted.map(|id| Ok((id.0, self.deleted_json(app, id, call)?))).collect::<Result<_, Answer>>()?;
        self.listing(call, items, 0, "groups")
    }

    pub(super) fn get_deleted(&mut self, app: &App, id: &str, call: &Request) -> Outcome {
        app.needs(READ_GROUPS)?;
        let group = self.deleted_group(app, id)?;
        Ok(Answer::ok(self.deleted_json(app, group, call)?))
    }

    pub(super) fn restore(&mut self, app: &App, id: &str, call: &Request) -> Outcome {
        app.needs(WRITE_GROUPS)?;
        let group = self.deleted_group(app, id)?;
        self.restore_group(app.directory, group);
        Ok(Answer::ok(self.deleted_json(app, group, call)?))
    }

    /// A restored group begins a new lifetime.
    pub(super) fn restore_group(&mut self, directory: DirectoryId, group: GroupId) {
        let now = self.now;
        self.write_group(directory, group, |facts| {
            facts.deleted = None;
            facts.renewed = now;
        });
    }

    pub(super) fn purge(&mut self, app: &App, id: &str) -> Outcome {
        app.needs(WRITE_GROUPS)?;
        let group = self.deleted_group(app, id)?;
        self.purge_group(app.directory, group);
        Ok(Answer::empty(204))
    }

    fn purge_group(&mut self, directory: DirectoryId, group: GroupId) {
        let facts = self.facts(directory, group).ok().cloned();
        if let Some(facts) = facts {
            self.log_change(directory, group, Some(&facts), None);
        }
        if let Some(entry) = self.microsoft.directories.get_mut(&directory) {
            entry.groups.remove(&group);
        }
    }

    /// Deletes what the expiration policy ends, and purges what was deleted 30 days ago.
    /// Looked at once a minute: every call passes here.
    pub(crate) fn expire_groups(&mut self) {
        let now = self.now;
        if self.microsoft.swept.is_some_and(|swept| now < swept + SignedDuration::from_mins(1)) {
            return;
        }
        self.microsoft.swept = Some(now);
        let mut ended = Vec::new();
        for (directory, entry) in &self.microsoft.directories {
            for (group, versions) in &entry.groups {
                let facts = versions.truth();
                match (facts.deleted, entry.lifetime) {
                    (Some(deleted), _) if deleted + RESTORABLE <= now => ended.push((*directory, *group, None)),
                    // One day after its end.
                    (None, Some(lifetime)) if facts.renewed + lifetime + SignedDuration::from_hours(24) <= now => {
                        ended.push((*directory, *group, Some(now)));
                    }
                    _ => {}
                }
            }
        }
        for (directory, group, deleted) in ended {
            match deleted {
                Some(now) => self.write_group(directory, group, |facts| facts.deleted = Some(now)),
                None => self.purge_group(directory, group),
            }
        }
    }

    /// A user leaves every group at once; a group may so lose its last owner.
    pub(super) fn remove_user(&mut self, directory: DirectoryId, user: ObjectId) {
        let Ok(entry) = self.directory(directory) else { return };
        let mut left = Vec::new();
        for (group, versions) in &entry.groups {
            for relation in [Relation::Members, Relation::Owners] {
                if versions.truth().people(relation).contains(&user) {
                    left.push((*group, relation));
                }
            }
        }
        for (group, relation) in &left {
            self.write_group(directory, *group, |facts| {
                facts.people_mut(*relation).remove(&user);
            });
        }
        let now = self.now;
        let entry = self.microsoft.directories.get_mut(&directory).and_then(|entry| entry.users.get_mut(&user));
        if let Some(entry) = entry {
            (entry.deleted, entry.left) = (Some(now), left);
        }
    }

    /// A restored user is back in the groups that still exist.
    pub(super) fn bring_back(&mut self, directory: DirectoryId, user: ObjectId) {
        let entry = self.microsoft.directories.get_mut(&directory).and_then(|entry| entry.users.get_mut(&user));
        let Some(entry) = entry else { return };
        entry.deleted = None;
        for (group, relation) in std::mem::take(&mut entry.left) {
            self.write_group(directory, group, |facts| {
                facts.people_mut(relation).insert(user);
            });
        }
    }
}
