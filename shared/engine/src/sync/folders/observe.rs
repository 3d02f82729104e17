//! Reads the spaces of a folder run.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{FolderRun, Halt};
use crate::folders::{FolderBlocker, StoredSpace};
use crate::quota::Quota;
use crate::sync::spaces::known_spaces;
use crate::sync::{Deps, SyncError};
use clients::http::ErrorClass;
use clients::webex::{Room, WebexId};
use domain::ids::{RoomId, TeamId};

impl Deps {
    /// Reads the spaces that are due into `rooms`; `None` for one that is not visible.
    pub(super) async fn read_spaces(
        &self,
        run: &mut FolderRun<'_>,
        is_full: bool,
        rooms: &mut BTreeMap<RoomId, Option<Room>>,
    ) -> Result<Option<Halt>, SyncError> {
        let webex = Quota::Webex(run.context.tenant.tenant);
        let team = WebexId::new(run.link.region.clone(), run.link.team);
        let general = team.general_space();
        run.joined.insert(general.id);
        let region = || general.region.clone();
        run.spaces.entry(general.id).or_insert_with(|| StoredSpace::new(region()));
        let mut listed = BTreeMap::new();
        let full_since = is_full.then(|| *run.folders.full_sync_since.get_or_insert(run.started));
        if is_full {
            if let Some(halt) = self.acquire(run, webex, 1).await? {
                return Ok(Some(halt));
            }
            listed = self.list_spaces(run, &team).await?;
            // An account that is not in the General space is not in the team: it cannot link.
            if !listed.contains_key(&general.id) {
                return Ok(Some(Halt::Blocked(FolderBlocker::ServiceAccountOutside, None)));
            }
            let (store, tenant) = (self.store.as_ref(), run.context.tenant.tenant);
            for id in known_spaces(store, tenant, run.link.team).await? {
                run.spaces.entry(id).or_insert_with(|| StoredSpace::new(region()));
            }
        }
        let ids: Vec<RoomId> = run.spaces.keys().copied().collect();
        for id in ids {
            let Some(stored) = run.spaces.get_mut(&id) else { continue };
            stored.apply_relink_request();
            if !is_due(stored, full_since, run.started) {
                continue;
            }
            if let Some(room) = listed.remove(&id) {
                rooms.insert(id, Some(room));
                continue;
            }
            let region = stored.region.clone();
            if let Some(halt) = self.acquire(run, webex, 1).await? {
                return Ok(Some(halt));
            }
            let room = match self.webex.room(&run.webex, &WebexId::new(region, id)).await {
                // The service account does not see it, which says nothing about the other spaces.
                Err(error) if error.class() == ErrorClass::Permanent => None,
                room => room?,
            };
            rooms.insert(id, room);
        }
        Ok(None)
    }

    /// Lists the spaces of the team that the service account is in.
    async fn list_spaces(
        &self,
        run: &mut FolderRun<'_>,
        team: &WebexId<TeamId>,
    ) -> Result<BTreeMap<RoomId, Room>, SyncError> {
        let mut listed = BTreeMap::new();
        for room in self.webex.rooms_of_team(&run.webex, team).await? {
            let WebexId { id, region } = room.id.clone();
            run.joined.insert(id);
            run.spaces.entry(id).or_insert_with(|| StoredSpace::new(region));
            listed.insert(id, room);
        }
        Ok(listed)
    }
}

/// Returns `true` if a space is requested, if its time has come, or if a full run has not read it.
fn is_due(stored: &StoredSpace, full_since: Option<Timestamp>, started: Timestamp) -> bool {
    let space = &stored.space;
    let is_unread = full_since.is_some_and(|since| space.synced_at < since)
        || space.synced_at == Timestamp::UNIX_EPOCH;
    let is_requested = stored.requested_at > space.synced_at;
    let is_retried = space.next_try.is_some_and(|at| at <= started);
    // The service account may still be in a space that it joined for a link.
    is_unread || is_requested || is_retried || space.joined_at.is_some()
}

/// Sorts spaces by their right to a plain name: the General space, then the oldest.
pub(super) fn in_order(
    rooms: BTreeMap<RoomId, Option<Room>>,
    team: TeamId,
) -> Vec<(RoomId, Option<Room>)> {
    let mut rooms: Vec<_> = rooms.into_iter().collect();
    rooms.sort_by_key(|(id, room)| {
        // The id comes last, so that each run gives equal spaces the same names.
        (*id != team.general_space(), room.as_ref().and_then(|room| room.created), *id)
    });
    rooms
}
