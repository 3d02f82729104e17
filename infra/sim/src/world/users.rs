//! Acts of administrators on users of a directory, and on the directory's policies.

use domain::ids::{DirectoryId, ObjectId};
use jiff::{SignedDuration, Timestamp};

use super::{Refused, World};
use crate::microsoft::{deleted, directories};
use crate::state::microsoft::{UserEntry, UserKind, UserOrigin};

/// A user as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The display name.
    pub name: String,
    /// The userPrincipalName.
    pub principal: String,
    /// Moment of the deletion, if the user was deleted.
    pub deleted: Option<Timestamp>,
}

impl World {
    /// Returns the user, deleted or not.
    pub fn user(&self, user: ObjectId) -> Option<User> {
        let state = self.lock();
        let directory = directories::of_user(&state, user)?;
        let entry = state.microsoft.directories.get(&directory)?.users.get(&user)?;
        Some(User {
            name: entry.name.clone(),
            principal: entry.principal.clone(),
            deleted: entry.deleted,
        })
    }

    /// Deletes a user, who leaves every group at once.
    pub fn delete_user(&self, user: ObjectId) {
        let mut state = self.lock();
        if let Some(directory) = directories::of_user(&state, user) {
            deleted::remove_user(&mut state, directory, user);
        }
    }

    /// Restores a deleted user, who returns to the groups that still exist.
    pub fn restore_user(&self, user: ObjectId) {
        let mut state = self.lock();
        if let Some(directory) = directories::of_user(&state, user) {
            deleted::restore_user(&mut state, directory, user);
        }
    }

    fn change_user(&self, user: ObjectId, change: impl FnOnce(&mut UserEntry)) {
        directories::change_user(&mut self.lock(), user, change);
    }

    /// Blocks a user's sign-in.
    pub fn block_sign_in(&self, user: ObjectId) {
        self.change_user(user, |entry| entry.enabled = false);
    }

    /// Makes a user a guest, or a member again.
    pub fn set_user_kind(&self, user: ObjectId, kind: UserKind) {
        self.change_user(user, |entry| entry.kind = kind);
    }

    /// Invites an internal user's outside account in place of the own one, or the reverse. The
    /// object id, userPrincipalName and userType stay.
    pub fn set_user_origin(&self, user: ObjectId, origin: UserOrigin) {
        self.change_user(user, |entry| entry.origin = origin);
    }

    /// Deletes a user and creates another one with the same name and userPrincipalName, as an
    /// administrator does when a person returns. No group has the new user.
    ///
    /// # Errors
    /// If there is no such user.
    pub fn recreate_user(&self, user: ObjectId) -> Result<ObjectId, Refused> {
        let mut state = self.lock();
        let directory = directories::of_user(&state, user);
        let directory = directory.ok_or_else(|| Refused("no such user".into()))?;
        deleted::remove_user(&mut state, directory, user);
        let new = ObjectId(state.uuid());
        let entry = directories::find_mut(&mut state, directory)?;
        let old = entry.users.get_mut(&user).ok_or_else(|| Refused("no such user".into()))?;
        let created = UserEntry { deleted: None, former_groups: Vec::new(), ..old.clone() };
        // A deleted user's name is free again: theirs gets a prefix.
        old.principal.insert_str(0, &user.0.simple().to_string());
        entry.users.insert(new, created);
        Ok(new)
    }

    /// Sets the department, which a naming policy may use.
    pub fn set_department(&self, user: ObjectId, department: &str) {
        self.change_user(user, |entry| entry.department = department.into());
    }

    /// Gives the user another userPrincipalName.
    pub fn set_principal(&self, user: ObjectId, principal: &str) {
        self.change_user(user, |entry| entry.principal = principal.into());
    }

    /// Gives the user a mail address other than the userPrincipalName.
    pub fn set_mail(&self, user: ObjectId, mail: &str) {
        self.change_user(user, |entry| entry.mail = Some(mail.into()));
    }

    /// Gives the user a further mail address.
    pub fn add_alias(&self, user: ObjectId, alias: &str) {
        self.change_user(user, |entry| entry.aliases.push(alias.into()));
    }

    /// Sets a value of the directory's `Group.Unified` settings, for instance
    /// `PrefixSuffixNamingRequirement` to `GRP_[GroupName]`.
    pub fn set_group_setting(&self, directory: DirectoryId, name: &str, value: &str) {
        if let Ok(directory) = directories::find_mut(&mut self.lock(), directory) {
            directory.settings.insert(name.into(), value.into());
        }
    }

    /// Switches the expiration policy on, with this many days of life after each renewal, or off.
    pub fn set_group_lifetime(&self, directory: DirectoryId, days: Option<u16>) {
        if let Ok(directory) = directories::find_mut(&mut self.lock(), directory) {
            let lifetime = |days| SignedDuration::from_hours(24 * i64::from(days));
            directory.lifetime = days.map(lifetime);
        }
    }
}
