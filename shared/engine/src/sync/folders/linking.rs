//! A space's link in Webex. The service account has to be in the space to make it.

use super::FolderRun;
use super::space::{SpaceEnd, folder_of};
use crate::activity::Note;
use crate::folders::{self, Folder, Library, LinkHistory, SpaceStatus, StoredSpace};
use crate::quota::Quota;
use crate::sync::{Deps, SyncError};
use clients::graph::{DriveItem, ItemId};
use clients::webex::{FolderToLink, JoinOutcome, LinkedFolder, Room, WebexId};

/// Most calls of Webex to link one space: find the membership, join, read, link, read, leave, find
/// the membership.
const LINKING: usize = 7;

/// The answer to a link that was read.
enum Read {
    /// The link decides the status.
    Decides(SpaceStatus),
    /// The folder is made and linked.
    Continue,
}

impl Deps {
    /// Reads a space's link, and links the space to its folder unless a person wants otherwise.
    ///
    /// `item` is the folder as just read.
    pub(super) async fn link_space(
        &self,
        run: &mut FolderRun<'_>,
        room: &Room,
        title: &str,
        stored: &mut StoredSpace,
        item: Option<DriveItem>,
    ) -> Result<SpaceEnd, SyncError> {
        let id = room.id.id;
        if !run.joined.contains(&id) {
            let quota = Quota::Webex(run.context.tenant.tenant);
            if let Some(halt) = self.acquire(run, quota, LINKING).await? {
                return Ok(SpaceEnd::Halted(halt));
            }
            self.join_space(run, room, stored).await?;
        }
        let Some(library) = run.library.clone() else { return Ok(SpaceStatus::New.into()) };
        let linked = self.webex.linked_folder(&run.webex, &room.id).await?;
        let read = self.check_link(run, title, stored, &library, linked.as_ref()).await?;
        if let Read::Decides(status) = read {
            return Ok(status.into());
        }
        let space = &mut stored.space;
        let named = match item {
            Some(item) => self.sync_name(run, id, space, title, item).await?,
            None => None,
        };
        let folder = match (named, &space.folder) {
            (Some(SpaceStatus::Linked), Some(folder)) => folder.clone(),
            (Some(status), _) => return Ok(status.into()),
            (None, _) => match self.make_folder(run, id, space, title).await? {
                Ok(folder) => folder,
                Err(status) => return Ok(status.into()),
            },
        };
        let is_linked = |linked: &LinkedFolder| folder.is_linked_by(linked);
        let unchanged = linked.as_ref().filter(|linked| is_linked(linked));
        if let Some(linked) = unchanged.filter(|linked| linked.name == folder.name) {
            space.link = LinkHistory::of(linked);
            return Ok(SpaceStatus::Linked.into());
        }
        self.write_link(run, room, linked.as_ref(), &folder).await?;
        // Webex checks nothing of what it is sent: only what it shows counts.
        let shown = self.webex.linked_folder(&run.webex, &room.id).await?;
        let Some(shown) = shown.filter(is_linked) else {
            return Ok(SpaceStatus::LinkNotConfirmed.into());
        };
        if unchanged.is_none() {
            let name = folder.name.clone();
            run.note(Note::FolderLinked { folder: name, space: title.into() });
        }
        space.link = LinkHistory::of(&shown);
        Ok(SpaceStatus::Linked.into())
    }

    /// Compares the link in Webex with the space's own.
    async fn check_link(
        &self,
        run: &mut FolderRun<'_>,
        title: &str,
        stored: &mut StoredSpace,
        library: &Library,
        linked: Option<&LinkedFolder>,
    ) -> Result<Read, SyncError> {
        let space = &mut stored.space;
        let Some(linked) = linked else {
            // A link that was confirmed and is missing was removed by a person.
            let is_new = space.link == LinkHistory::Never;
            return Ok(if is_new { Read::Continue } else { Read::Decides(SpaceStatus::Unlinked) });
        };
        let is_of_folder = space.folder.as_ref().is_some_and(|folder| folder.is_linked_by(linked));
        if is_of_folder || space.link.is_to(&linked.drive, &linked.item) {
            return Ok(Read::Continue);
        }
        // A person chose another place, so theirs stays.
        if linked.drive != library.drive.as_str() {
            return Ok(Read::Decides(SpaceStatus::OtherFolder));
        }
        // Another folder of the group's site becomes the space's, unless it is another space's.
        let item = match ItemId::try_from(linked.item.clone()) {
            Ok(item) => self.graph.drive_item(&run.files, &library.drive, &item).await?,
            // An id in another form is no item of SharePoint, and becomes no path.
            Err(_) => None,
        };
        let Some(item) = item else { return Ok(Read::Continue) };
        if !item.is_folder() || run.is_of_other_space(&library.drive, &item) {
            return Ok(Read::Decides(SpaceStatus::OtherFolder));
        }
        run.note(Note::FolderFoundLinked { folder: item.name.clone(), space: title.into() });
        space.link = LinkHistory::of(linked);
        space.title = Some(title.into());
        space.folder = Some(folder_of(library.drive.clone(), item));
        Ok(Read::Decides(SpaceStatus::Linked))
    }

    /// Writes the link: changes the one that exists, and adds none beside it.
    async fn write_link(
        &self,
        run: &FolderRun<'_>,
        room: &Room,
        linked: Option<&LinkedFolder>,
        folder: &Folder,
    ) -> Result<(), SyncError> {
        let Folder { drive, item, name, url } = folder;
        let to_link = FolderToLink { url, name, drive: drive.as_str(), item: item.as_str() };
        let answer = match linked {
            Some(linked) => {
                self.webex.relink_folder(&run.webex, &room.id, &linked.id, to_link).await
            }
            None => self.webex.link_folder(&run.webex, &room.id, to_link).await,
        };
        match answer {
            // A person, or an earlier try of this call, came first.
            Err(error) if error.status() == Some(409) => Ok(()),
            answer => Ok(answer?),
        }
    }

    /// Adds the service account to a space for the time of a link, unless it is a member.
    ///
    /// That it is about to join is stored before.
    async fn join_space(
        &self,
        run: &mut FolderRun<'_>,
        room: &Room,
        stored: &mut StoredSpace,
    ) -> Result<(), SyncError> {
        let tenant = &run.context.tenant;
        let account = WebexId::new(tenant.region.clone(), tenant.service_account);
        let was_about_to = stored.space.joined_at.is_some();
        if !was_about_to {
            // Asked before: a refusal to add it would not say if it was a member before, and it
            // would be removed.
            let membership = self.webex.membership_in(&run.webex, &room.id, &account).await?;
            if membership.is_some() {
                return Ok(());
            }
            stored.space.joined_at = Some(self.clock.now());
            let key = run.space_key(room.id.id);
            let about_to = folders::put(key, &stored.region, &stored.space)?;
            self.store.write(vec![about_to, run.lease.check()?]).await?;
        }
        match self.webex.join(&run.webex, &room.id, &account).await? {
            JoinOutcome::Now(membership) => run.membership = Some(membership),
            JoinOutcome::Conflict(error) => {
                match self.webex.membership_in(&run.webex, &room.id, &account).await? {
                    // Another rule of the service keeps it out.
                    None => return Err(error.into()),
                    // A person added it, and it stays.
                    Some(_) if !was_about_to => stored.space.joined_at = None,
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}
