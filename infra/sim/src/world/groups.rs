//! Acts of people on groups, and the groups as they are.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::Timestamp;

use super::{Refused, World};
use crate::generate::slug;
use crate::microsoft::{HIDDEN_MEMBERSHIP, deleted, directories, replicas};
use crate::state::groups::{Facts, GroupKind, GroupRule, Relation};

/// A group as it is, whatever replicas show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The display name, with its decoration.
    pub display_name: String,
    /// Key that an upsert gave it.
    pub unique_name: Option<String>,
    /// The nickname.
    pub mail_nickname: String,
    /// `Private` or `Public`.
    pub visibility: String,
    /// Its members.
    pub members: BTreeSet<ObjectId>,
    /// Its owners.
    pub owners: BTreeSet<ObjectId>,
    /// Moment of the soft deletion, if there was one.
    pub deleted: Option<Timestamp>,
    /// Moment of the last renewal, or of the creation.
    pub renewed: Timestamp,
}

impl From<&Facts> for Group {
    fn from(facts: &Facts) -> Self {
        Self {
            display_name: facts.display_name.clone(),
            unique_name: facts.unique_name.clone(),
            mail_nickname: facts.mail_nickname.clone(),
            visibility: facts.visibility.clone(),
            members: facts.members.clone(),
            owners: facts.owners.clone(),
            deleted: facts.deleted,
            renewed: facts.renewed,
        }
    }
}

impl World {
    /// Creates a group as a person does, who is its owner and member. The service decorates the
    /// name.
    pub fn create_group(&self, by: ObjectId, name: &str) -> Option<GroupId> {
        let mut state = self.lock();
        let directory = directories::of_user(&state, by)?;
        let entry = state.microsoft.directories.get(&directory)?;
        let display_name = entry.decorated(name, &entry.users.get(&by)?.department);
        let domain = entry.domain.clone();
        let id = GroupId(state.uuid());
        let mail_nickname = format!("{}-{}", slug(name), &id.0.simple().to_string()[..6]);
        let facts = Facts {
            display_name,
            description: None,
            mail: format!("{mail_nickname}@{domain}"),
            mail_nickname,
            visibility: "Public".into(),
            unique_name: None,
            behavior: Vec::new(),
            members: BTreeSet::from([by]),
            owners: BTreeSet::from([by]),
            created: state.now,
            renewed: state.now,
            deleted: None,
            rule: GroupRule::Assigned,
            kind: GroupKind::Microsoft365,
            label: None,
        };
        replicas::insert_group(&mut state, directory, id, facts);
        Some(id)
    }

    fn change_group(&self, group: GroupId, change: impl FnOnce(&mut Facts)) {
        directories::change_group(&mut self.lock(), group, change);
    }

    /// Makes a group a security group. A real one is a security group from its creation.
    pub fn make_security_group(&self, group: GroupId) {
        self.change_group(group, |facts| facts.kind = GroupKind::Security);
    }

    /// Hides a group's members from everyone. A real one hides them from its creation.
    pub fn hide_members(&self, group: GroupId) {
        self.change_group(group, |facts| facts.visibility = HIDDEN_MEMBERSHIP.into());
    }

    /// Changes the authority over a group's members.
    pub fn set_group_rule(&self, group: GroupId, rule: GroupRule) {
        self.change_group(group, |facts| facts.rule = rule);
    }

    /// Gives a group a sensitivity label, or takes it away, as an administrator does.
    pub fn set_group_label(&self, group: GroupId, label: Option<&str>) {
        self.change_group(group, |facts| facts.label = label.map(str::to_owned));
    }

    /// Returns the number of mails that welcomed people to groups of the directory.
    pub fn welcome_mails(&self, directory: DirectoryId) -> usize {
        let state = self.lock();
        state.microsoft.directories.get(&directory).map_or(0, |entry| entry.welcome_mails)
    }

    /// Adds a member, as an owner does.
    pub fn add_member(&self, group: GroupId, user: ObjectId) {
        self.change_group(group, |facts| {
            facts.members.insert(user);
        });
    }

    /// Removes a member, as an owner does.
    pub fn remove_member(&self, group: GroupId, user: ObjectId) {
        self.change_group(group, |facts| {
            facts.members.remove(&user);
        });
    }

    /// Adds an owner, who does not become a member by that.
    pub fn add_owner(&self, group: GroupId, user: ObjectId) {
        self.change_group(group, |facts| {
            facts.owners.insert(user);
        });
    }

    /// Removes an owner.
    ///
    /// # Errors
    /// If it is the last owner.
    pub fn remove_owner(&self, group: GroupId, user: ObjectId) -> Result<(), Refused> {
        let mut state = self.lock();
        let directory = directories::of_group(&state, group);
        let directory = directory.ok_or_else(|| Refused("no such group".into()))?;
        if replicas::facts(&state, directory, group)?.owners.iter().eq([&user]) {
            let text =
                "The group must have at least one owner, hence this owner cannot be removed.";
            return Err(Refused(text.into()));
        }
        replicas::write_group(&mut state, directory, group, |facts| {
            facts.people_mut(Relation::Owners).remove(&user);
        });
        Ok(())
    }

    /// Renames a group. The service decorates the name with that person's department, and cuts it.
    pub fn rename_group(&self, group: GroupId, by: ObjectId, name: &str) {
        let mut state = self.lock();
        let Some(directory) = directories::of_group(&state, group) else {
            return;
        };
        let Some(entry) = state.microsoft.directories.get(&directory) else {
            return;
        };
        let department = entry.users.get(&by).map_or("", |user| user.department.as_str());
        let decorated = entry.decorated(name, department);
        replicas::write_group(&mut state, directory, group, |facts| {
            facts.display_name = decorated;
        });
    }

    /// Deletes a group; it can be restored for 30 days.
    pub fn delete_group(&self, group: GroupId) {
        let mut state = self.lock();
        let now = state.now;
        directories::change_group(&mut state, group, |facts| facts.deleted = Some(now));
    }

    /// Restores a deleted group.
    pub fn restore_group(&self, group: GroupId) {
        let mut state = self.lock();
        if let Some(directory) = directories::of_group(&state, group) {
            deleted::restore_group(&mut state, directory, group);
        }
    }

    /// Returns the group, deleted or not; nothing once it was purged.
    pub fn group(&self, group: GroupId) -> Option<Group> {
        let state = self.lock();
        let directory = directories::of_group(&state, group)?;
        replicas::facts(&state, directory, group).ok().map(Group::from)
    }

    /// Returns all groups of a directory, the deleted ones, too.
    pub fn groups(&self, directory: DirectoryId) -> BTreeMap<GroupId, Group> {
        let state = self.lock();
        let groups = state.microsoft.directories.get(&directory).map(|entry| entry.groups.iter());
        let shown = groups.into_iter().flatten();
        shown.map(|(id, entry)| (*id, Group::from(entry.truth()))).collect()
    }

    /// Returns the number of the directory's groups that have exactly this many members.
    pub fn count_groups_of_size(&self, directory: DirectoryId, members: usize) -> usize {
        let state = self.lock();
        let groups = state.microsoft.directories.get(&directory).map(|entry| entry.groups.values());
        let all = groups.into_iter().flatten();
        all.filter(|entry| entry.truth().members.len() == members).count()
    }
}
