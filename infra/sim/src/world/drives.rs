//! Acts of people in the document libraries of groups.

use domain::ids::GroupId;
use jiff::Timestamp;

use super::{Refused, World};
use crate::state::drives::Drive;

/// A folder as it is, whatever replicas show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriveFolder {
    /// Its `itemId`, which a renaming does not change.
    pub id: String,
    /// Names from the library's root down, between slashes.
    pub path: String,
}

impl World {
    fn in_drive<T>(
        &self,
        group: GroupId,
        act: impl FnOnce(&mut Drive, Timestamp) -> T,
    ) -> Option<T> {
        let mut state = self.lock();
        let now = state.now;
        let mut directories = state.microsoft.directories.values_mut();
        let drive = directories.find_map(|entry| entry.drives.get_mut(&group))?;
        Some(act(drive, now))
    }

    /// Opens a group's site by hand, which creates it.
    pub fn open_site(&self, group: GroupId) {
        self.in_drive(group, |drive, now| drive.ready = Some(now));
    }

    /// Returns the folders of a group's library, without the root.
    pub fn drive_folders(&self, group: GroupId) -> Vec<DriveFolder> {
        let folders = self.in_drive(group, |drive, _| {
            let below_root = drive.folders.iter().filter(|(_, folder)| folder.parent.is_some());
            let shown =
                |id: &String| DriveFolder { id: id.clone(), path: drive.path(id)[1..].to_owned() };
            below_root.map(|(id, _)| shown(id)).collect()
        });
        folders.unwrap_or_default()
    }

    /// Returns the id of a group's library.
    pub fn drive_id(&self, group: GroupId) -> Option<String> {
        self.in_drive(group, |drive, _| drive.id.clone())
    }

    /// Creates a folder in the library's root.
    ///
    /// # Errors
    /// If there is no such library, or already a folder of this name.
    pub fn make_drive_folder(&self, group: GroupId, name: &str) -> Result<String, Refused> {
        let made = self.in_drive(group, |drive, now| {
            let root = drive.root();
            drive.child(&root, name).is_none().then(|| drive.add(name.into(), Some(root), now))
        });
        made.flatten().ok_or_else(|| Refused("there is such a folder, or no library".into()))
    }

    /// Renames a folder.
    pub fn rename_drive_folder(&self, group: GroupId, id: &str, name: &str) {
        self.in_drive(group, |drive, now| drive.rename(id, name, now));
    }

    /// Deletes a folder with everything in it.
    pub fn delete_drive_folder(&self, group: GroupId, id: &str) {
        self.in_drive(group, |drive, _| drive.remove(id));
    }
}
