//! One space of a folder run.

use super::{FolderRun, Halt};
use crate::folders::{
    self, Folder, LinkHistory, Space, SpaceOutcome, SpaceState, SpaceStatus, StoredSpace,
};
use crate::quota::Quota;
use crate::sync::{Deps, SyncError};
use clients::graph::{DriveId, DriveItem};
use clients::http::{Api, CALL_TIMEOUT, CallError, CallFailure, ErrorClass};
use clients::webex::{Membership, Room, WebexId};
use domain::ids::RoomId;

/// Most units of SharePoint for one folder: read by id and by name, make or rename, once more where
/// a name is taken, and read again.
const FOLDER_UNITS: usize = 8;

/// The end of a run over one space.
pub(super) enum SpaceEnd {
    /// The space has this status.
    Status(SpaceStatus),
    /// The space is not the team's and never had anything.
    Unknown,
    /// The run continues later.
    Halted(Halt),
}

impl From<SpaceStatus> for SpaceEnd {
    fn from(status: SpaceStatus) -> Self {
        Self::Status(status)
    }
}

impl SpaceEnd {
    fn unless_halted(self, status: SpaceStatus) -> Self {
        if matches!(self, Self::Halted(_)) { self } else { status.into() }
    }
}

impl Deps {
    /// Runs over one space, and stores its status.
    ///
    /// The service account leaves a space that it joined, whatever happens.
    pub(super) async fn sync_space(
        &self,
        run: &mut FolderRun<'_>,
        id: RoomId,
        room: Option<Room>,
    ) -> Result<Option<Halt>, SyncError> {
        let now = self.clock.now();
        if !run.context.deadline.leaves_time(now, CALL_TIMEOUT) {
            return Ok(Some(Halt::Until(now)));
        }
        let Some(mut stored) = run.spaces.remove(&id) else { return Ok(None) };
        if let Some(room) = &room {
            // A space that was moved to another region has another id with the same uuid.
            stored.region.clone_from(&room.id.region);
        }
        let mut result = self.resolve_space(run, id, room.as_ref(), &mut stored).await;
        if stored.space.joined_at.is_some() {
            let space = WebexId::new(stored.region.clone(), id);
            match self.leave_space(run, &space).await {
                Ok(None) => stored.space.joined_at = None,
                Ok(Some(_)) => result = result.map(|end| end.unless_halted(SpaceStatus::NotLeft)),
                // Not visible is not left: a later run asks again.
                Err(SyncError::Call(error)) if room.is_none() && is_not_visible(&error) => {}
                Err(error) => result = result.and(Err(error)),
            }
        }
        let (end, said, failed) = match result {
            Ok(end) => (end, None, None),
            Err(error) => match answer_for_space(error) {
                Ok(said) => (SpaceStatus::CallFailed.into(), Some(said), None),
                // The next run begins where this one ended.
                Err(error) => (SpaceEnd::Halted(Halt::Until(now)), None, Some(error)),
            },
        };
        self.store_space(run, id, stored, &end, said).await?;
        match (failed, end) {
            (Some(error), _) => Err(error),
            (None, SpaceEnd::Halted(halt)) => Ok(Some(halt)),
            _ => Ok(None),
        }
    }

    async fn store_space(
        &self,
        run: &mut FolderRun<'_>,
        id: RoomId,
        mut stored: StoredSpace,
        end: &SpaceEnd,
        said: Option<String>,
    ) -> Result<(), SyncError> {
        let key = run.space_key(id);
        if let SpaceEnd::Status(status) = *end {
            if status.state() == SpaceState::Failing {
                tracing::warn!(
                    event = "folder_failed", tenant = %key.tenant, team = %key.team, space = %id,
                    ?status, said, "The folder of a space failed."
                );
            }
            let outcome = SpaceOutcome { status, said, started: run.started };
            stored.space.record(outcome, self.clock.now());
        }
        let is_unknown = matches!(end, SpaceEnd::Unknown);
        let write = if is_unknown {
            folders::delete(key)
        } else {
            folders::put(key, &stored.region, &stored.space)?
        };
        // A run that lost its lease must not write over the one that has it.
        self.store.write(vec![write, run.lease.check()?]).await?;
        if !is_unknown {
            run.spaces.insert(id, stored);
        }
        Ok(())
    }

    async fn resolve_space(
        &self,
        run: &mut FolderRun<'_>,
        id: RoomId,
        room: Option<&Room>,
        stored: &mut StoredSpace,
    ) -> Result<SpaceEnd, SyncError> {
        let space = &mut stored.space;
        let Some(room) = room else { return Ok(gone(run, id, space, SpaceStatus::NotVisible)) };
        if room.team.as_ref().map(|team| team.id) != Some(run.link.team) {
            return Ok(gone(run, id, space, SpaceStatus::LeftTeam));
        }
        match room.owner {
            Some(owner) if owner == run.context.tenant.org => {}
            Some(_) => return Ok(SpaceStatus::OtherOrganization.into()),
            None => return Ok(SpaceStatus::OwnerUnknown.into()),
        }
        if room.is_read_only {
            return Ok(SpaceStatus::Archived.into());
        }
        let Some(title) = &room.title else { return Ok(SpaceStatus::Untitled.into()) };
        // The service account joins no space only to see if a person has changed the link.
        let is_left = matches!(space.status, SpaceStatus::Unlinked | SpaceStatus::OtherFolder);
        if is_left && !run.joined.contains(&id) {
            return Ok(space.status.into());
        }
        let quota = Quota::SharePoint(run.context.tenant.tenant);
        if let Some(halt) = self.acquire(run, quota, FOLDER_UNITS).await? {
            return Ok(SpaceEnd::Halted(halt));
        }
        let item = self.find_folder(run, space).await?;
        let is_linked = space
            .folder
            .as_ref()
            .is_some_and(|folder| space.link.is_to(folder.drive.as_str(), folder.item.as_str()));
        match item {
            // A link that was confirmed is not read again: that would take a membership.
            Some(item) if is_linked && !run.joined.contains(&id) => {
                match self.sync_name(run, id, space, title, item).await? {
                    Some(status) => Ok(status.into()),
                    None => self.link_space(run, room, title, stored, None).await,
                }
            }
            item => self.link_space(run, room, title, stored, item).await,
        }
    }

    /// Reads a space's folder by its id, then by its name; `None` if it has none.
    async fn find_folder(
        &self,
        run: &FolderRun<'_>,
        space: &Space,
    ) -> Result<Option<DriveItem>, SyncError> {
        let (Some(folder), Some(library)) = (&space.folder, &run.library) else { return Ok(None) };
        // The group has another library by now, and the folder is made there.
        if folder.drive != library.drive {
            return Ok(None);
        }
        let mut item = self.graph.drive_item(&run.files, &folder.drive, &folder.item).await?;
        if item.is_none() {
            // Another kind of question: one answer that it is gone proves nothing.
            let named = self.graph.item_at_root(&run.files, &folder.drive, &folder.name).await?;
            item = named.filter(|named| named.id == folder.item);
        }
        Ok(item.filter(DriveItem::is_folder))
    }

    /// Removes the service account from a space that it joined for a link. Returns a membership
    /// that Webex shows still.
    async fn leave_space(
        &self,
        run: &mut FolderRun<'_>,
        room: &WebexId<RoomId>,
    ) -> Result<Option<Membership>, SyncError> {
        let tenant = &run.context.tenant;
        let account = WebexId::new(tenant.region.clone(), tenant.service_account);
        let membership = match run.membership.take() {
            Some(membership) => Some(membership),
            None => {
                let membership = self.webex.membership_in(&run.webex, room, &account).await?;
                membership.map(|membership| membership.id)
            }
        };
        let Some(membership) = membership else { return Ok(None) };
        self.webex.remove_membership(&run.webex, &membership).await?;
        // An answer is not a reading: nothing else would find an account that was left behind.
        Ok(self.webex.membership_in(&run.webex, room, &account).await?)
    }
}

fn is_not_visible(error: &CallError) -> bool {
    matches!(error.status(), Some(403 | 404 | 410))
}

pub(super) fn folder_of(drive: DriveId, item: DriveItem) -> Folder {
    Folder { drive, item: item.id, name: item.name, url: item.web_url }
}

/// The end for a space that is not the team's. What it had stays.
fn gone(run: &FolderRun<'_>, id: RoomId, space: &Space, status: SpaceStatus) -> SpaceEnd {
    let never_had_anything =
        space.folder.is_none() && space.link == LinkHistory::Never && space.joined_at.is_none();
    let is_certain = status != SpaceStatus::NotVisible || space.is_search_exhausted();
    if never_had_anything && is_certain && id != run.link.team.general_space() {
        return SpaceEnd::Unknown;
    }
    status.into()
}

/// Returns the service's answer for this one space.
///
/// # Errors
/// Errors that concern all spaces.
fn answer_for_space(error: SyncError) -> Result<String, SyncError> {
    let SyncError::Call(call) = &error else { return Err(error) };
    let concerns_all = match call.class() {
        ErrorClass::ThrottledUntil(_) | ErrorClass::NeedsAdministrator => true,
        ErrorClass::Transient => matches!(call.failure, CallFailure::NoTime),
        // A lost permission is the app's, and so concerns every space.
        ErrorClass::Permanent => call.api == Api::SharePoint && call.status() == Some(403),
    };
    if concerns_all { Err(error) } else { Ok(error.to_string()) }
}
