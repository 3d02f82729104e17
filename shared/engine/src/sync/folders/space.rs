//! One space: whether it is to have a folder, the folder itself, and the name of both.

use super::{Halt, Pass};
use crate::folders::names::{are_one, folder_name};
use crate::folders::{self, Folder, LinkMemory, Space, Standing, StoredSpace};
use crate::quota::Quota;
use crate::sync::{Sync, SyncError};
use clients::graph::{DriveId, DriveItem, Made, Moved};
use clients::http::{Api, CALL_TIMEOUT, Class, Failure};
use clients::webex::{Room, WebexId};
use domain::ids::RoomId;
use domain::membership::Side;

/// SharePoint's units that it takes at most to see to one folder: read by its id and by its name, make or rename, and once more where a name is taken.
const FOLDER_UNITS: usize = 7;

/// Names that are tried.
const NAMES_TRIED: usize = 4;

/// How looking at a space ended.
pub(super) enum Settled {
    /// So it stands.
    Stands(Standing),
    /// It is none of ours, and never had anything.
    Forgotten,
    /// It is gone on with later.
    Halted(Halt),
}

impl From<Standing> for Settled {
    fn from(standing: Standing) -> Self {
        Self::Stands(standing)
    }
}

impl Sync {
    /// Sees to one space, and stores how it stands. The officer steps out of it again whatever happens.
    pub(super) async fn see_to(
        &self,
        pass: &mut Pass<'_>,
        id: RoomId,
        room: Option<Room>,
    ) -> Result<Option<Halt>, SyncError> {
        let now = self.clock.now();
        if !pass.desk.deadline.leaves_time(now, CALL_TIMEOUT) {
            return Ok(Some(Halt::Until(now)));
        }
        let Some(mut stored) = pass.spaces.remove(&id) else { return Ok(None) };
        if let Some(room) = &room {
            // A space that was moved to another region has another id of the same uuid.
            stored.region.clone_from(&room.id.region);
        }
        let mut settled = self.settle(pass, id, room.as_ref(), &mut stored).await;
        if stored.space.stepped_in.is_some() {
            let stepped_out = match &room {
                Some(room) => self.step_out(pass, &room.id).await,
                None => Ok(()),
            };
            match stepped_out {
                Ok(()) => stored.space.stepped_in = None,
                Err(error) => settled = settled.and(Err(error)),
            }
        }
        let (tenant, of) = (pass.desk.tenant.tenant, (pass.link.team, id));
        let (ended, said, failed) = match settled {
            Ok(ended) => (ended, None, None),
            Err(error) => match as_its_own(error) {
                Ok(said) => (Standing::CallFailed.into(), Some(said), None),
                // The next look begins where this one ended.
                Err(error) => (Settled::Halted(Halt::Until(now)), None, Some(error)),
            },
        };
        let kept = match &ended {
            Settled::Forgotten => folders::delete(tenant, of),
            Settled::Stands(standing) => {
                if standing.state() == folders::State::Failing {
                    tracing::warn!(%tenant, team = %pass.link.team, space = %id, ?standing, said, "a folder fails");
                }
                stored.space.stands(*standing, said, (pass.started, self.clock.now()));
                folders::put(tenant, of, &stored.region, &stored.space)?
            }
            Settled::Halted(_) => folders::put(tenant, of, &stored.region, &stored.space)?,
        };
        self.store.write(vec![kept, pass.lease.check()?]).await?;
        if !matches!(ended, Settled::Forgotten) {
            pass.spaces.insert(id, stored);
        }
        match (failed, ended) {
            (Some(error), _) => Err(error),
            (None, Settled::Halted(halt)) => Ok(Some(halt)),
            _ => Ok(None),
        }
    }

    async fn settle(
        &self,
        pass: &mut Pass<'_>,
        id: RoomId,
        room: Option<&Room>,
        stored: &mut StoredSpace,
    ) -> Result<Settled, SyncError> {
        let space = &mut stored.space;
        let Some(room) = room else { return Ok(gone(pass, id, space, Standing::NotVisible)) };
        if room.team.as_ref().map(|team| team.id) != Some(pass.link.team) {
            return Ok(gone(pass, id, space, Standing::LeftTeam));
        }
        match room.owner {
            Some(owner) if owner == pass.desk.tenant.org => {}
            Some(_) => return Ok(Standing::Foreign.into()),
            None => return Ok(Standing::OwnerUnknown.into()),
        }
        if room.is_read_only {
            return Ok(Standing::Archived.into());
        }
        let Some(title) = &room.title else { return Ok(Standing::Untitled.into()) };
        // Nobody joins a space only to see whether a person has changed his mind.
        if matches!(space.standing, Standing::Unlinked | Standing::OtherFolder) && !pass.joined.contains(&id) {
            return Ok(space.standing.into());
        }
        if let Some(halt) = self.afford(pass, Quota::SharePoint(pass.desk.tenant.tenant), FOLDER_UNITS).await? {
            return Ok(Settled::Halted(halt));
        }
        let item = self.item_of(pass, space).await?;
        let is_linked =
            space.folder.as_ref().is_some_and(|folder| space.link.is_to(folder.drive.as_str(), folder.item.as_str()));
        match item {
            Some(item) if is_linked && !pass.joined.contains(&id) => {
                if self.carry_name(pass, id, (space, title), item).await?.is_none() {
                    return self.link_space(pass, (room, title), stored, None).await;
                }
                Ok(Standing::Linked.into())
            }
            item => self.link_space(pass, (room, title), stored, item).await,
        }
    }

    /// The folder of a space as it is now; `None` where it has none, or none any more: neither by its id nor by its name.
    async fn item_of(&self, pass: &Pass<'_>, space: &Space) -> Result<Option<DriveItem>, SyncError> {
        let (Some(folder), Some(library)) = (&space.folder, &pass.library) else { return Ok(None) };
        if folder.drive != library.drive {
            return Ok(None);
        }
        let mut item = self.graph.drive_item(&pass.files, &folder.drive, &folder.item).await?;
        if item.is_none() {
            let named = self.graph.item_at_root(&pass.files, &folder.drive, &folder.name).await?;
            item = named.filter(|named| named.id == folder.item);
        }
        Ok(item.filter(DriveItem::is_folder))
    }

    /// Compares title and folder name, each with what it was last known to be: a renamed space renames the folder, and a folder that a person renamed is followed. `None` where
    /// the folder vanishes meanwhile.
    pub(super) async fn carry_name(
        &self,
        pass: &mut Pass<'_>,
        id: RoomId,
        (space, title): (&mut Space, &str),
        mut item: DriveItem,
    ) -> Result<Option<()>, SyncError> {
        let Some(folder) = space.folder.clone() else { return Ok(None) };
        let space_was_renamed = space.title.as_deref().is_some_and(|known| known != title);
        let mut avoided: Vec<String> = vec![];
        for _ in 0..NAMES_TRIED {
            let folder_was_renamed = item.name != folder.name;
            let folder_stands = folder_was_renamed && pass.desk.settings.last_word == Side::Group;
            let name = pass.name_for(title, id, &avoided);
            if !space_was_renamed || folder_stands || item.name == name {
                break;
            }
            match self.graph.rename_item(&pass.files, &folder.drive, &item, &name).await? {
                Moved::Renamed(renamed) => {
                    pass.note(format!(
                        "The folder “{}” was renamed to “{}”, as its space was.",
                        item.name, renamed.name
                    ));
                    item = renamed;
                    break;
                }
                Moved::NameTaken => avoided.push(name),
                // Somebody was faster: it is compared anew.
                Moved::Changed => match self.graph.drive_item(&pass.files, &folder.drive, &item.id).await? {
                    Some(read) => item = read,
                    None => return Ok(None),
                },
                Moved::NotFound => return Ok(None),
            }
        }
        (space.title, space.folder) = (Some(title.to_owned()), Some(folder_of(folder.drive, item)));
        Ok(Some(()))
    }

    /// Makes the folder of a space, or adopts the one that is there, unless another space has it. `None` where every name is somebody else's.
    pub(super) async fn make(
        &self,
        pass: &mut Pass<'_>,
        id: RoomId,
        (space, title): (&mut Space, &str),
    ) -> Result<Option<Folder>, SyncError> {
        let Some(library) = pass.library.clone() else { return Ok(None) };
        // One that was deleted is made under the name that it had, if that was still the space's.
        let last =
            space.folder.as_ref().filter(|_| space.title.as_deref() == Some(title)).map(|folder| folder.name.clone());
        let wanted = last.unwrap_or_else(|| title.to_owned());
        let mut avoided: Vec<String> = vec![];
        for _ in 0..NAMES_TRIED {
            let name = pass.name_for(&wanted, id, &avoided);
            let item = match self.graph.make_folder(&pass.files, &library.drive, &name).await? {
                Made::Made(item) => {
                    pass.note(format!("The folder “{}” was made for the space “{title}”.", item.name));
                    Some(item)
                }
                Made::NameTaken => {
                    let there = self.graph.item_at_root(&pass.files, &library.drive, &name).await?;
                    let free = there.filter(|item| item.is_folder() && !pass.is_anothers(&library.drive, item));
                    if free.is_some() {
                        pass.note(format!("The folder “{name}” was there already, and is the space “{title}”'s now."));
                    }
                    free
                }
            };
            if let Some(item) = item {
                let folder = folder_of(library.drive, item);
                (space.title, space.folder) = (Some(title.to_owned()), Some(folder.clone()));
                return Ok(Some(folder));
            }
            avoided.push(name);
        }
        Ok(None)
    }

    async fn step_out(&self, pass: &mut Pass<'_>, room: &WebexId<RoomId>) -> Result<(), SyncError> {
        let officer = WebexId::new(pass.desk.tenant.region.clone(), pass.desk.tenant.officer);
        let membership = match pass.membership.take() {
            Some(membership) => Some(membership),
            None => self.webex.membership_in(&pass.webex, room, &officer).await?.map(|membership| membership.id),
        };
        if let Some(membership) = membership {
            self.webex.remove_membership(&pass.webex, &membership).await?;
        }
        Ok(())
    }
}

impl Pass<'_> {
    /// A name that no other space's folder has, nor anything among those to be avoided.
    fn name_for(&self, title: &str, id: RoomId, avoided: &[String]) -> String {
        let others = || self.spaces.values().filter_map(|stored| stored.space.folder.as_ref());
        folder_name(title, id, |name| {
            others().any(|folder| are_one(&folder.name, name)) || avoided.iter().any(|one| are_one(one, name))
        })
    }

    /// Whether a folder is another space's.
    pub(super) fn is_anothers(&self, drive: &DriveId, item: &DriveItem) -> bool {
        let mut folders = self.spaces.values().filter_map(|stored| stored.space.folder.as_ref());
        folders.any(|folder| folder.drive == *drive && folder.item == item.id)
    }
}

pub(super) fn folder_of(drive: DriveId, item: DriveItem) -> Folder {
    Folder { drive, item: item.id, name: item.name, url: item.web_url }
}

/// A space that is no more, or not the team's: what it had stays, and one that never had anything is forgotten.
fn gone(pass: &Pass<'_>, id: RoomId, space: &Space, standing: Standing) -> Settled {
    let never_had_anything = space.folder.is_none() && space.link == LinkMemory::Never && space.stepped_in.is_none();
    let is_certain = standing != Standing::NotVisible || space.was_looked_for_in_vain();
    if never_had_anything && is_certain && id != pass.link.team.general_space() {
        return Settled::Forgotten;
    }
    standing.into()
}

/// What an error says of this one space; those that concern all of them go on upwards.
fn as_its_own(error: SyncError) -> Result<String, SyncError> {
    let SyncError::Call(call) = &error else { return Err(error) };
    let is_everybodys = match call.class() {
        Class::ThrottledUntil(_) | Class::NeedsAdministrator => true,
        Class::Transient => matches!(call.failure, Failure::NoTime),
        Class::Permanent => call.api == Api::SharePoint && call.status() == Some(403),
    };
    if is_everybodys { Err(error) } else { Ok(error.to_string()) }
}
