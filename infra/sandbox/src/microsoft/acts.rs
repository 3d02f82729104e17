//! What people and administrators do in Entra and Microsoft 365, and the truth to assert on.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{DirectoryId, GroupId, ObjectId};
use jiff::{SignedDuration, Timestamp};

use super::replicas::{Facts, GroupKind, GroupRule, Relation};
use super::{GraphSettings, UserKind};
use crate::world::{Refused, State, World, slug};

/// A group as it is, whatever replicas show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The display name, with its decoration.
    pub display_name: String,
    /// The key that an upsert gave it.
    pub unique_name: Option<String>,
    /// The nickname.
    pub mail_nickname: String,
    /// `Private` or `Public`.
    pub visibility: String,
    /// Its members.
    pub members: BTreeSet<ObjectId>,
    /// Its owners.
    pub owners: BTreeSet<ObjectId>,
    /// When it was soft-deleted.
    pub deleted: Option<Timestamp>,
    /// When it was renewed or created.
    pub renewed: Timestamp,
}

/// A user as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The display name.
    pub name: String,
    /// The userPrincipalName.
    pub principal: String,
    /// Whether the user was deleted.
    pub deleted: Option<Timestamp>,
}

/// The visibility of a group of which nobody is told who is in it.
pub(super) const HIDDEN: &str = "HiddenMembership";

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

impl State {
    fn directory_of_group(&self, group: GroupId) -> Option<DirectoryId> {
        let found = self.microsoft.directories.iter().find(|(_, entry)| entry.groups.contains_key(&group));
        found.map(|(id, _)| *id)
    }

    fn directory_of_user(&self, user: ObjectId) -> Option<DirectoryId> {
        let found = self.microsoft.directories.iter().find(|(_, entry)| entry.users.contains_key(&user));
        found.map(|(id, _)| *id)
    }

    fn change_group(&mut self, group: GroupId, change: impl FnOnce(&mut Facts)) {
        if let Some(directory) = self.directory_of_group(group) {
            self.write_group(directory, group, change);
        }
    }

    pub(super) fn user_entry(&mut self, user: ObjectId, change: impl FnOnce(&mut super::users::UserEntry)) {
        let mut entries = self.microsoft.directories.values_mut();
        if let Some(entry) = entries.find_map(|directory| directory.users.get_mut(&user)) {
            change(entry);
        }
    }
}

impl World {
    /// Adjusts how Graph behaves, from now on.
    pub fn graph_settings(&self, adjust: impl FnOnce(&mut GraphSettings)) {
        adjust(&mut self.lock().microsoft.settings);
    }

    /// Somebody creates a group of their own, and is its owner and member. The service decorates the name.
    pub fn create_group(&self, by: ObjectId, name: &str) -> Option<GroupId> {
        let mut state = self.lock();
        let directory = state.directory_of_user(by)?;
        let entry = state.microsoft.directories.get(&directory)?;
        let display_name = entry.decorated(name, &entry.users.get(&by)?.department);
        let id = GroupId(state.uuid());
        let mail_nickname = format!("{}-{}", slug(name), &id.0.simple().to_string()[..6]);
        let domain = state.microsoft.directories.get(&directory).map(|entry| entry.domain.clone())?;
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
        };
        state.insert_group(directory, id, facts);
        Some(id)
    }

    /// An administrator makes a group a security group. In the directory such a one is created as it is.
    pub fn make_security_group(&self, group: GroupId) {
        self.lock().change_group(group, |facts| facts.kind = GroupKind::Security);
    }

    /// Nobody is told any more who is in a group. In the directory such a one is created as it is.
    pub fn hide_members(&self, group: GroupId) {
        self.lock().change_group(group, |facts| facts.visibility = HIDDEN.into());
    }

    /// An administrator changes who decides who is in the group.
    pub fn set_group_rule(&self, group: GroupId, rule: GroupRule) {
        self.lock().change_group(group, |facts| facts.rule = rule);
    }

    /// To how many people the directory wrote that they were added to a group.
    pub fn welcome_mails(&self, directory: DirectoryId) -> usize {
        self.lock().microsoft.directories.get(&directory).map_or(0, |entry| entry.welcomed)
    }

    /// An owner adds somebody to a group.
    pub fn add_member(&self, group: GroupId, user: ObjectId) {
        self.lock().change_group(group, |facts| {
            facts.members.insert(user);
        });
    }

    /// An owner takes somebody out of a group.
    pub fn remove_member(&self, group: GroupId, user: ObjectId) {
        self.lock().change_group(group, |facts| {
            facts.members.remove(&user);
        });
    }

    /// An owner makes somebody an owner; whether a member, too, is another matter.
    pub fn add_owner(&self, group: GroupId, user: ObjectId) {
        self.lock().change_group(group, |facts| {
            facts.owners.insert(user);
        });
    }

    /// An owner ends somebody's ownership.
    ///
    /// # Errors
    /// Where it is the last owner.
    pub fn remove_owner(&self, group: GroupId, user: ObjectId) -> Result<(), Refused> {
        let mut state = self.lock();
        let directory = state.directory_of_group(group).ok_or_else(|| Refused("no such group".into()))?;
        if state.facts(directory, group)?.owners.iter().eq([&user]) {
            return Err(Refused("The group must have at least one owner, hence this owner cannot be removed.".into()));
        }
        state.write_group(directory, group, |facts| {
            facts.people_mut(Relation::Owners).remove(&user);
        });
        Ok(())
    }

    /// Somebody renames a group. The service decorates the name, with that person's department, and cuts it.
    pub fn rename_group(&self, group: GroupId, by: ObjectId, name: &str) {
        let mut state = self.lock();
        let Some(directory) = state.directory_of_group(group) else { return };
        let Some(entry) = state.microsoft.directories.get(&directory) else { return };
        let department = entry.users.get(&by).map_or("", |user| user.department.as_str());
        let decorated = entry.decorated(name, department);
        state.write_group(directory, group, |facts| facts.display_name = decorated);
    }

    /// Somebody deletes a group; it can be restored for 30 days.
    pub fn delete_group(&self, group: GroupId) {
        let mut state = self.lock();
        let now = state.now;
        state.change_group(group, |facts| facts.deleted = Some(now));
    }

    /// Somebody restores a deleted group.
    pub fn restore_group(&self, group: GroupId) {
        let mut state = self.lock();
        if let Some(directory) = state.directory_of_group(group) {
            state.restore_group(directory, group);
        }
    }

    /// The group, deleted or not; nothing once it is gone for good.
    pub fn group(&self, group: GroupId) -> Option<Group> {
        let state = self.lock();
        let directory = state.directory_of_group(group)?;
        state.facts(directory, group).ok().map(Group::from)
    }

    /// All groups of a directory, the deleted ones, too.
    pub fn groups(&self, directory: DirectoryId) -> BTreeMap<GroupId, Group> {
        let state = self.lock();
        let groups = state.microsoft.directories.get(&directory).map(|entry| entry.groups.iter());
        groups.into_iter().flatten().map(|(id, entry)| (*id, Group::from(entry.truth()))).collect()
    }

    /// How many of the directory's groups have so many members.
    pub fn groups_of(&self, directory: DirectoryId, members: usize) -> usize {
        let state = self.lock();
        let groups = state.microsoft.directories.get(&directory).map(|entry| entry.groups.values());
        groups.into_iter().flatten().filter(|entry| entry.truth().members.len() == members).count()
    }

    /// The user, deleted or not.
    pub fn user(&self, user: ObjectId) -> Option<User> {
        let state = self.lock();
        let directory = state.directory_of_user(user)?;
        let entry = state.microsoft.directories.get(&directory)?.users.get(&user)?;
        Some(User { name: entry.name.clone(), principal: entry.principal.clone(), deleted: entry.deleted })
    }

    /// An administrator deletes a user, who leaves every group at once.
    pub fn delete_user(&self, user: ObjectId) {
        let mut state = self.lock();
        if let Some(directory) = state.directory_of_user(user) {
            state.remove_user(directory, user);
        }
    }

    /// An administrator restores a deleted user, who is back in the groups that still exist.
    pub fn restore_user(&self, user: ObjectId) {
        let mut state = self.lock();
        if let Some(directory) = state.directory_of_user(user) {
            state.bring_back(directory, user);
        }
    }

    /// Makes a user a guest, or a member again.
    pub fn set_user_kind(&self, user: ObjectId, kind: UserKind) {
        self.lock().user_entry(user, |entry| entry.kind = kind);
    }

    /// The department, which a naming policy may use.
    pub fn set_department(&self, user: ObjectId, department: &str) {
        self.lock().user_entry(user, |entry| entry.department = department.into());
    }

    /// The user gets another userPrincipalName.
    pub fn set_principal(&self, user: ObjectId, principal: &str) {
        self.lock().user_entry(user, |entry| entry.principal = principal.into());
    }

    /// Sets a value of the directory's `Group.Unified` settings, for instance `PrefixSuffixNamingRequirement` to `GRP_[GroupName]`.
    pub fn set_group_setting(&self, directory: DirectoryId, name: &str, value: &str) {
        if let Ok(directory) = self.lock().directory_mut(directory) {
            directory.settings.insert(name.into(), value.into());
        }
    }

    /// Switches the expiration policy on, with groups living so many days after each renewal, or off.
    pub fn set_group_lifetime(&self, directory: DirectoryId, days: Option<u16>) {
        if let Ok(directory) = self.lock().directory_mut(directory) {
            directory.lifetime = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        }
    }
}
