//! A team's folders as they are stored, with the moments that their lease and runs use.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Folders;
use super::space::{self, SpaceKey};
use crate::stored::readable;
use clients::webex::Region;
use domain::ids::{RoomId, TeamId, TenantId};
use store::keys;
use store::table::{
    Change, Condition, Key, Store, StoreError, Test, Write, milliseconds, moment, to_value,
};

/// A team's folders with the moments that their lease and runs use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderRow {
    /// The folders.
    #[serde(default)]
    // A request creates the row, and has only its own moments.
    pub folders: Folders,
    /// The end of the lease.
    #[serde(default, with = "milliseconds")]
    pub lease_until: Timestamp,
    /// The id of the lease.
    #[serde(default)]
    pub lease: String,
    /// The latest request for a folder run.
    #[serde(default, with = "milliseconds")]
    pub requested_at: Timestamp,
    /// The latest request for a full folder run.
    #[serde(default, with = "milliseconds")]
    pub full_requested_at: Timestamp,
    /// The beginning of the last folder run.
    #[serde(default, with = "milliseconds")]
    pub synced_at: Timestamp,
    /// The moment of the next folder run without a request.
    #[serde(rename = "gsi1sk", with = "milliseconds")]
    pub next_sync_at: Timestamp,
}

impl FolderRow {
    /// Returns `true` if a lease is held at `now`.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }

    /// Returns `true` if the last run answers a request of `at` and all known since.
    pub fn has_answered(&self, at: Timestamp) -> bool {
        self.synced_at >= at && self.synced_at >= self.requested_at
    }
}

/// The subject of a request for a folder run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderRequest {
    /// One space.
    Space(RoomId, Region),
    /// A known space that an administrator wants linked again, whatever people did to the link.
    Relink(RoomId),
    /// Every space of the team.
    All,
}

/// The partition of a tenant's folder rows.
pub fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#FOLDERS")
}

/// The key of a team's folder row.
pub fn key(tenant: TenantId, team: TeamId) -> Key {
    Key::new(partition(tenant), team.to_string())
}

/// Loads a team's folders; `None` before the first request.
pub async fn load(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Option<FolderRow>, StoreError> {
    Ok(store.get(&key(tenant, team)).await?.and_then(readable))
}

/// Parts of a transaction: requests a folder run as of `now`, and makes it due.
///
/// Send a message afterwards. If that is cut off, the next cycle sends it.
pub fn request_sync(
    tenant: TenantId,
    team: TeamId,
    request: &FolderRequest,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let mut changes = vec![
        Change::Set("requested_at", moment(now)),
        Change::Set("gsi1pk", to_value(&keys::due_partition(tenant))?),
        Change::Set("gsi1sk", moment(now)),
    ];
    let mut writes = vec![];
    match request {
        FolderRequest::All => changes.push(Change::Set("full_requested_at", moment(now))),
        FolderRequest::Space(room, region) => {
            // A run that answers the request must find the space, so both are written at once.
            writes.push(space::request_write(SpaceKey { tenant, team, room: *room }, region, now)?);
        }
        FolderRequest::Relink(room) => {
            writes.push(space::relink_write(SpaceKey { tenant, team, room: *room }, now));
        }
    }
    writes.push(Write::Update(key(tenant, team), changes, Condition::Any));
    Ok(writes)
}

/// Moves the next folder run, unless the schedule has changed since `row` was read.
pub(crate) async fn postpone(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    row: &FolderRow,
    until: Timestamp,
) -> Result<(), StoreError> {
    let unchanged = Condition::Holds(vec![
        // A request or a run that came first has its own time.
        Test::Equals("gsi1sk", moment(row.next_sync_at)),
        Test::Equals("requested_at", moment(row.requested_at)),
    ]);
    let later = vec![Change::Set("gsi1sk", moment(until))];
    match store.update(&key(tenant, team), later, unchanged).await {
        // The row has changed, and its new time counts.
        Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
        Err(error) => Err(error),
    }
}
