//! A space's link in Webex, for which the officer has to be in the space.

use super::Pass;
use super::space::{Settled, folder_of};
use crate::folders::{self, LinkMemory, Standing, StoredSpace};
use crate::quota::Quota;
use crate::sync::{Sync, SyncError};
use clients::graph::{DriveItem, ItemId};
use clients::http::Access;
use clients::webex::{FolderToLink, Joined, LinkedFolder, Room, WebexId};

/// Calls of Webex's that it takes at most to link one space: whether it is in, in, read, link, read back, out.
const LINKING: usize = 6;

impl Sync {
    /// Reads what the space is linked to, and links it to its folder where it is not, unless a person wants it otherwise. `item` is the folder as it is now.
    pub(super) async fn link_space(
        &self,
        pass: &mut Pass<'_>,
        (room, title): (&Room, &str),
        stored: &mut StoredSpace,
        item: Option<DriveItem>,
    ) -> Result<Settled, SyncError> {
        let id = room.id.id;
        if !pass.joined.contains(&id) {
            if let Some(halt) = self.afford(pass, Quota::Webex(pass.desk.tenant.tenant), LINKING).await? {
                return Ok(Settled::Halted(halt));
            }
            self.step_in(pass, room, stored).await?;
        }
        let Some(library) = pass.library.clone() else { return Ok(Standing::New.into()) };
        let space = &mut stored.space;
        let linked = self.webex.linked_folder(&pass.webex, &room.id).await?;
        let is_ours = |linked: &LinkedFolder| {
            let is_of_folder = space.folder.as_ref().is_some_and(|folder| folder.is_linked_by(linked));
            is_of_folder || space.link.is_to(&linked.drive, &linked.item)
        };
        match &linked {
            None if space.link != LinkMemory::Never => return Ok(Standing::Unlinked.into()),
            None => {}
            Some(linked) if is_ours(linked) => {}
            Some(linked) if linked.drive != library.drive.as_str() => return Ok(Standing::OtherFolder.into()),
            // Another folder of the group's own site: it is the space's from now on, if it is one and nobody else's.
            Some(linked) => {
                let there = match ItemId::try_from(linked.item.clone()) {
                    Ok(item) => self.graph.drive_item(&pass.files, &library.drive, &item).await?,
                    Err(_) => None,
                };
                match there {
                    Some(there) if there.is_folder() && !pass.is_anothers(&library.drive, &there) => {
                        pass.note(format!(
                            "The space “{title}” was linked to “{}” already, which is its folder now.",
                            there.name
                        ));
                        space.link = LinkMemory::of(linked);
                        (space.title, space.folder) = (Some(title.into()), Some(folder_of(library.drive, there)));
                        return Ok(Standing::Linked.into());
                    }
                    Some(_) => return Ok(Standing::OtherFolder.into()),
                    None => {}
                }
            }
        }
        let carried = match item {
            Some(item) => self.carry_name(pass, id, (space, title), item).await?,
            None => None,
        };
        let folder = match (carried, &space.folder) {
            (Some(()), Some(folder)) => folder.clone(),
            _ => match self.make(pass, id, (space, title)).await? {
                Some(folder) => folder,
                None => return Ok(Standing::NoName.into()),
            },
        };
        if let Some(linked) = linked.as_ref().filter(|linked| folder.is_linked_by(linked) && linked.name == folder.name)
        {
            space.link = LinkMemory::of(linked);
            return Ok(Standing::Linked.into());
        }
        let folders::Folder { drive, item, name, url } = &folder;
        let to_link = FolderToLink { url, name, drive: drive.as_str(), item: item.as_str() };
        self.link_to(&pass.webex, room, (linked.as_ref(), to_link)).await?;
        // Webex checks nothing of what it is told: what counts is what it shows.
        let shown = self.webex.linked_folder(&pass.webex, &room.id).await?;
        let Some(shown) = shown.filter(|shown| folder.is_linked_by(shown)) else {
            return Ok(Standing::DidNotTake.into());
        };
        if linked.is_none_or(|linked| !folder.is_linked_by(&linked)) {
            pass.note(format!("The space “{title}” was linked to its folder “{}”.", folder.name));
        }
        space.link = LinkMemory::of(&shown);
        Ok(Standing::Linked.into())
    }

    /// One folder a space: what is there is changed, and nothing is put beside it.
    async fn link_to(
        &self,
        webex: &Access,
        room: &Room,
        (linked, folder): (Option<&LinkedFolder>, FolderToLink<'_>),
    ) -> Result<(), SyncError> {
        let asked = match linked {
            Some(linked) => self.webex.relink_folder(webex, (&room.id, &linked.id), folder).await,
            None => self.webex.link_folder(webex, &room.id, folder).await,
        };
        match asked {
            // Somebody was faster, or an earlier try of this call was.
            Err(error) if error.status() == Some(409) => Ok(()),
            asked => Ok(asked?),
        }
    }

    /// The officer steps into a space for as long as it links it, unless it is in there anyway. That it is about to is stored before.
    async fn step_in(&self, pass: &mut Pass<'_>, room: &Room, stored: &mut StoredSpace) -> Result<(), SyncError> {
        let officer = WebexId::new(pass.desk.tenant.region.clone(), pass.desk.tenant.officer);
        let was_about_to = stored.space.stepped_in.is_some();
        if !was_about_to {
            // Asked before: a refusal to be put in would not say whether it was in before, and it would be taken out.
            if self.webex.membership_in(&pass.webex, &room.id, &officer).await?.is_some() {
                return Ok(());
            }
            stored.space.stepped_in = Some(self.clock.now());
            let of = (pass.link.team, room.id.id);
            let about_to = folders::put(pass.desk.tenant.tenant, of, &stored.region, &stored.space)?;
            self.store.write(vec![about_to, pass.lease.check()?]).await?;
        }
        match self.webex.join(&pass.webex, &room.id, &officer).await? {
            Joined::Now(membership) => pass.membership = Some(membership),
            // A person put it there, and it stays.
            Joined::Before if !was_about_to => stored.space.stepped_in = None,
            Joined::Before => {}
        }
        Ok(())
    }
}
