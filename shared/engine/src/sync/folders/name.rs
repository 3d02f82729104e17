//! The folder of a space and its name.

use super::FolderRun;
use super::space::folder_of;
use crate::activity::Note;
use crate::folders::names::{folder_name, is_same_name};
use crate::folders::{Folder, Space, SpaceStatus};
use crate::sync::{Deps, SyncError};
use clients::graph::{DriveId, DriveItem, FolderCreation, Moved};
use domain::ids::RoomId;
use domain::membership::Side;

/// Most names that are tried.
const NAMES_TRIED: usize = 4;

impl Deps {
    /// Compares the title and the folder's name with their last known values.
    ///
    /// A renamed space renames its folder; a folder that a person renamed keeps its name. Returns
    /// the status of the folder, or `None` if it is gone.
    pub(super) async fn sync_name(
        &self,
        run: &mut FolderRun<'_>,
        id: RoomId,
        space: &mut Space,
        title: &str,
        mut item: DriveItem,
    ) -> Result<Option<SpaceStatus>, SyncError> {
        let Some(folder) = space.folder.clone() else { return Ok(None) };
        let space_was_renamed = space.title.as_deref().is_some_and(|known| known != title);
        let mut avoided: Vec<String> = vec![];
        for _ in 0..NAMES_TRIED {
            let folder_was_renamed = item.name != folder.name;
            let folder_wins = folder_was_renamed && run.context.settings.last_word == Side::Group;
            let name = run.name_for(title, id, &avoided);
            if !space_was_renamed || folder_wins || item.name == name {
                break;
            }
            match self.graph.rename_item(&run.files, &folder.drive, &item, &name).await? {
                Moved::Renamed(renamed) => {
                    // An answer is not a reading. Without one, the title stays, and with it the
                    // reason to rename.
                    let shown = self.graph.drive_item(&run.files, &folder.drive, &item.id).await?;
                    if shown.is_none_or(|shown| shown.name != renamed.name) {
                        return Ok(Some(SpaceStatus::FolderNotConfirmed));
                    }
                    let (from, to) = (item.name.clone(), renamed.name.clone());
                    run.note(Note::FolderRenamed { from, to });
                    item = renamed;
                    break;
                }
                Moved::NameTaken => avoided.push(name),
                // Another change came first: compare again.
                Moved::Changed => {
                    match self.graph.drive_item(&run.files, &folder.drive, &item.id).await? {
                        Some(read) => item = read,
                        None => return Ok(None),
                    }
                }
                Moved::NotFound => return Ok(None),
            }
        }
        (space.title, space.folder) = (Some(title.to_owned()), Some(folder_of(folder.drive, item)));
        Ok(Some(SpaceStatus::Linked))
    }

    /// Makes the folder of a space, or adopts one that no other space has.
    ///
    /// Returns the status of a space that gets none: every name is taken, or no reading shows it.
    pub(super) async fn make_folder(
        &self,
        run: &mut FolderRun<'_>,
        id: RoomId,
        space: &mut Space,
        title: &str,
    ) -> Result<Result<Folder, SpaceStatus>, SyncError> {
        let Some(library) = run.library.clone() else { return Ok(Err(SpaceStatus::New)) };
        // A folder that was deleted gets its last name again, if the title has not changed since.
        let last = space.folder.as_ref().filter(|_| space.title.as_deref() == Some(title));
        let base = last.map_or_else(|| title.to_owned(), |folder| folder.name.clone());
        let mut avoided: Vec<String> = vec![];
        for _ in 0..NAMES_TRIED {
            let name = run.name_for(&base, id, &avoided);
            let made = self.graph.make_folder(&run.files, &library.drive, &name).await;
            if made.as_ref().is_err_and(|error| error.status() == Some(404)) {
                // The library is gone. The next folder sync asks which one the group has.
                run.folders.library = None;
            }
            let item = match made? {
                FolderCreation::Created(item) => {
                    // Webex takes a link to a folder that is not there.
                    let shown = self.graph.drive_item(&run.files, &library.drive, &item.id).await?;
                    if shown.is_none() {
                        return Ok(Err(SpaceStatus::FolderNotConfirmed));
                    }
                    let folder = item.name.clone();
                    run.note(Note::FolderCreated { folder, space: title.into() });
                    Some(item)
                }
                FolderCreation::NameTaken => {
                    let found = self.graph.item_at_root(&run.files, &library.drive, &name).await?;
                    // People's own folder is used, since a second one would split their files.
                    let free = found.filter(|item| {
                        item.is_folder() && !run.is_of_other_space(&library.drive, item)
                    });
                    if free.is_some() {
                        let folder = name.clone();
                        run.note(Note::FolderAdopted { folder, space: title.into() });
                    }
                    free
                }
            };
            if let Some(item) = item {
                let folder = folder_of(library.drive, item);
                (space.title, space.folder) = (Some(title.to_owned()), Some(folder.clone()));
                return Ok(Ok(folder));
            }
            avoided.push(name);
        }
        Ok(Err(SpaceStatus::NoName))
    }
}

impl FolderRun<'_> {
    /// Returns a name that no other space's folder has, and that is not avoided.
    fn name_for(&self, title: &str, id: RoomId, avoided: &[String]) -> String {
        let others = || self.spaces.values().filter_map(|stored| stored.space.folder.as_ref());
        folder_name(title, id, |name| {
            others().any(|folder| is_same_name(&folder.name, name))
                || avoided.iter().any(|one| is_same_name(one, name))
        })
    }

    /// Returns `true` if a folder belongs to another space.
    pub(super) fn is_of_other_space(&self, drive: &DriveId, item: &DriveItem) -> bool {
        let mut folders = self.spaces.values().filter_map(|stored| stored.space.folder.as_ref());
        folders.any(|folder| folder.drive == *drive && folder.item == item.id)
    }
}
