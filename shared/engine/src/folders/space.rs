//! The state of one space and its folder, an item each below the team's partition.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codes::{SpaceState, SpaceStatus};
use crate::stored::readable;
use clients::graph::{DriveId, ItemId};
use clients::webex::{LinkedFolder, Region};
use domain::ids::{RoomId, TeamId, TenantId};
use store::keys::team_partition;
use store::pages;
use store::table::{
    Change, Condition, Key, Query, Store, StoreError, TRANSACTION_LIMIT, Write, milliseconds,
    moment, to_value,
};

/// Folder runs after which a space that is not visible counts as gone.
const MAX_SYNCS_UNSEEN: usize = 3;

/// Prefix of the items' sort keys.
const PREFIX: &str = "SPACE#";

/// Items of one page of a query.
const PAGE: usize = 1000;

/// A space of a team, and its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Space {
    /// The title that the folder last got.
    pub title: Option<String>,
    /// The folder.
    pub folder: Option<Folder>,
    /// The link in Webex.
    pub link: LinkHistory,
    /// The status.
    pub status: SpaceStatus,
    /// The service's answer, with its request id.
    pub said: Option<String>,
    /// The beginning of the status.
    pub since: Timestamp,
    /// The number of folder runs that ended with the status.
    pub tries: usize,
    /// The moment of the next try without a request.
    pub next_try: Option<Timestamp>,
    /// The beginning of the last folder run that read it.
    pub synced_at: Timestamp,
    /// The moment before the service account joined. It leaves again, whatever happens.
    pub joined_at: Option<Timestamp>,
}

/// A space's folder as last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The library.
    pub drive: DriveId,
    /// The folder's id, which renames do not change.
    pub item: ItemId,
    /// The folder's name.
    pub name: String,
    /// The address at which people open it.
    pub url: String,
}

impl Folder {
    /// Returns `true` if a space is linked to this folder.
    pub(crate) fn is_linked_by(&self, linked: &LinkedFolder) -> bool {
        self.drive.as_str() == linked.drive && self.item.as_str() == linked.item
    }
}

/// The link that Webex is known to have had.
///
/// A link that is missing after it was confirmed was removed by a person. One that was never
/// confirmed has yet to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkHistory {
    /// No reading showed the link.
    #[default]
    Never,
    /// A reading showed the link to this folder.
    Confirmed {
        /// The library.
        drive: String,
        /// The folder's id.
        item: String,
    },
}

impl LinkHistory {
    /// The history of a link that was just read.
    pub(crate) fn of(linked: &LinkedFolder) -> Self {
        Self::Confirmed { drive: linked.drive.clone(), item: linked.item.clone() }
    }

    /// Returns `true` if the link was to this folder.
    pub(crate) fn is_to(&self, drive: &str, item: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Confirmed { drive: own, item: of_own } => own == drive && of_own == item,
        }
    }
}

/// The outcome of a folder run for one space.
pub(crate) struct SpaceOutcome {
    /// The status.
    pub(crate) status: SpaceStatus,
    /// The service's answer.
    pub(crate) said: Option<String>,
    /// The beginning of the run.
    pub(crate) started: Timestamp,
}

impl Space {
    /// Returns `true` if the next run that does not see the space takes it for gone.
    ///
    /// Not every server shows a new space at once.
    pub(crate) fn is_search_exhausted(&self) -> bool {
        self.status == SpaceStatus::NotVisible && self.tries >= MAX_SYNCS_UNSEEN - 1
    }

    /// Records the outcome of a folder run.
    pub(crate) fn record(&mut self, outcome: SpaceOutcome, now: Timestamp) {
        let SpaceOutcome { status, said, started } = outcome;
        // Another state is progress, so its pauses begin again.
        if self.status != status {
            (self.status, self.since, self.tries) = (status, now, 0);
        }
        self.tries += 1;
        self.said = said;
        self.synced_at = started;
        self.next_try = match status.state() {
            SpaceState::Failing => Some(now + super::pause(self.tries)),
            SpaceState::Left
                if status == SpaceStatus::NotVisible && self.tries < MAX_SYNCS_UNSEEN =>
            {
                Some(now + super::pause(self.tries))
            }
            // No event tells when an archived space is restored.
            SpaceState::Waiting => Some(now + SignedDuration::from_hours(24)),
            SpaceState::Linked | SpaceState::Left => None,
        };
    }
}

/// A space as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct StoredSpace {
    /// The region in the space's id.
    pub(crate) region: Region,
    /// The latest request for a folder run.
    #[serde(default, with = "milliseconds")]
    pub(crate) requested_at: Timestamp,
    /// The latest request of an administrator to link it again.
    #[serde(default, with = "milliseconds")]
    relink_requested_at: Timestamp,
    /// The state.
    #[serde(default)]
    pub(crate) space: Space,
}

impl StoredSpace {
    /// A space without a request.
    pub(crate) fn new(region: Region) -> Self {
        Self {
            region,
            requested_at: Timestamp::UNIX_EPOCH,
            relink_requested_at: Timestamp::UNIX_EPOCH,
            space: Space::default(),
        }
    }

    /// Applies a request to link it again: a removed link no longer counts.
    pub(crate) fn apply_relink_request(&mut self) {
        // A run that began before the request has not seen it.
        if self.relink_requested_at > self.space.synced_at {
            (self.space.link, self.space.status) = (LinkHistory::Never, SpaceStatus::New);
        }
    }
}

/// The spaces of a team.
pub type Spaces = BTreeMap<RoomId, Space>;

/// The place of a space in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The team.
    pub team: TeamId,
    /// The space.
    pub room: RoomId,
}

impl SpaceKey {
    fn key(self) -> Key {
        let Self { tenant, team, room } = self;
        Key::new(team_partition(tenant, team), format!("{PREFIX}{room}"))
    }
}

/// Part of a transaction: requests a folder run for a space. What is stored of it stays.
pub(super) fn request_write(
    space: SpaceKey,
    region: &Region,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let changes =
        vec![Change::Set("region", to_value(region)?), Change::Set("requested_at", moment(now))];
    Ok(Write::Update(space.key(), changes, Condition::Any))
}

/// Part of a transaction: requests that a known space is linked again, whatever people did.
pub(super) fn relink_write(space: SpaceKey, now: Timestamp) -> Write {
    let changes = vec![
        Change::Set("requested_at", moment(now)),
        Change::Set("relink_requested_at", moment(now)),
    ];
    // Without a row there is nothing to link again, and an update would create one.
    Write::Update(space.key(), changes, Condition::Holds(vec![]))
}

/// Part of a transaction: stores the state of a space.
pub(crate) fn put(key: SpaceKey, region: &Region, space: &Space) -> Result<Write, StoreError> {
    let changes =
        // Not the whole item: a request that came during the run stays.
        vec![Change::Set("region", to_value(region)?), Change::Set("space", to_value(space)?)];
    Ok(Write::Update(key.key(), changes, Condition::Any))
}

/// Part of a transaction: deletes a space.
pub(crate) fn delete(key: SpaceKey) -> Write {
    Write::Delete(key.key(), Condition::Any)
}

/// Loads the spaces of a team, for the pages.
pub async fn spaces(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Spaces, StoreError> {
    let stored = stored(store, tenant, team).await?.into_iter();
    Ok(stored.map(|(room, stored)| (room, stored.space)).collect())
}

/// Loads the spaces of a team, with what folder runs use.
pub(crate) async fn stored(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<BTreeMap<RoomId, StoredSpace>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let mut spaces = BTreeMap::new();
    for item in pages::all(store, &query, PAGE).await? {
        let room = Key::of(&item).and_then(|key| key.sk.strip_prefix(PREFIX)?.parse().ok());
        // A folder run finds a space again whose item cannot be read.
        let space: Option<StoredSpace> = readable(item);
        spaces.extend(room.zip(space));
    }
    Ok(spaces)
}

/// Purges what is stored of a team's spaces. Folders, files and links stay.
pub async fn purge(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<usize, StoreError> {
    let rooms: Vec<RoomId> = stored(store, tenant, team).await?.into_keys().collect();
    for some in rooms.chunks(TRANSACTION_LIMIT) {
        let deletes = some.iter().map(|&room| delete(SpaceKey { tenant, team, room }));
        store.write(deletes.collect()).await?;
    }
    Ok(rooms.len())
}
