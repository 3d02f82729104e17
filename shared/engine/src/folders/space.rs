//! What is known of one space and its folder, an item each below the team's partition.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use clients::graph::{DriveId, ItemId};
use clients::webex::{LinkedFolder, Region};
use domain::ids::{RoomId, TeamId, TenantId};
use store::keys::team_partition;
use store::table::{
    Change, Condition, Key, Query, Store, StoreError, TRANSACTION_LIMIT, Write, from_item, milliseconds, moment,
    to_value,
};

/// With which look a space is seen, if it can be.
const SEEN_AT_THE_LATEST: usize = 3;

/// What the sort keys of spaces begin with.
const PREFIX: &str = "SPACE#";

/// A space of a team, and its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Space {
    /// Its title as last carried to the folder.
    pub title: Option<String>,
    /// Its folder.
    pub folder: Option<Folder>,
    /// Whether Webex had the link.
    pub link: LinkMemory,
    /// How it stands.
    pub standing: Standing,
    /// What a service said of it, with its request id.
    pub said: Option<String>,
    /// Since when it stands so.
    pub since: Timestamp,
    /// How many looks ended so.
    pub tries: usize,
    /// When it is tried again by itself.
    pub next_try: Option<Timestamp>,
    /// Start of the last look at it.
    pub looked: Timestamp,
    /// When the officer was about to step in: it leaves again, whatever happens.
    pub stepped_in: Option<Timestamp>,
}

/// A space's folder as last known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The library.
    pub drive: DriveId,
    /// The folder in it: it keeps its id whatever it is called.
    pub item: ItemId,
    /// What it is called.
    pub name: String,
    /// Where people open it.
    pub url: String,
}

impl Folder {
    /// Whether a space is linked to this folder.
    pub(crate) fn is_linked_by(&self, linked: &LinkedFolder) -> bool {
        self.drive.as_str() == linked.drive && self.item.as_str() == linked.item
    }
}

/// Whether Webex had a space's link. A link that was there and is not was removed by a person; one that never was has to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkMemory {
    /// It was never read back.
    #[default]
    Never,
    /// It was read back, to this folder.
    Took {
        /// The library.
        drive: String,
        /// The folder in it.
        item: String,
    },
}

impl LinkMemory {
    /// It was just read back.
    pub(crate) fn of(linked: &LinkedFolder) -> Self {
        Self::Took { drive: linked.drive.clone(), item: linked.item.clone() }
    }

    /// Whether the link was to this folder.
    pub(crate) fn is_to(&self, drive: &str, item: &str) -> bool {
        matches!(self, Self::Took { drive: own, item: of_own } if own == drive && of_own == item)
    }
}

/// How a space and its folder stand, as the pages group it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Something has to come first.
    Waiting,
    /// The folder is there, and the space is linked to it.
    Linked,
    /// Something went wrong; it is tried again.
    Failing,
    /// It is left as it is.
    Left,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Linked => "linked",
            Self::Failing => "failing",
            Self::Left => "left alone",
        })
    }
}

/// How a space and its folder stand, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was not looked at yet.
    #[default]
    New,
    /// The folder is there, and the space is linked to it.
    Linked,
    /// The space is archived.
    Archived,
    /// A call failed.
    CallFailed,
    /// Webex took the link, and does not show it.
    DidNotTake,
    /// The title cannot be read.
    Untitled,
    /// Nobody says to whom the space belongs.
    OwnerUnknown,
    /// Every name that the folder could have is taken.
    NoName,
    /// The space is in the team no more.
    LeftTeam,
    /// The space was deleted, or cannot be seen.
    NotVisible,
    /// The space belongs to another organization.
    Foreign,
    /// The space was linked to a folder of another site.
    OtherFolder,
    /// Somebody removed the link.
    Unlinked,
}

impl Standing {
    /// The state that it is.
    pub fn state(self) -> State {
        match self {
            Self::New | Self::Archived => State::Waiting,
            Self::Linked => State::Linked,
            Self::CallFailed | Self::DidNotTake | Self::Untitled | Self::OwnerUnknown | Self::NoName => State::Failing,
            Self::LeftTeam | Self::NotVisible | Self::Foreign | Self::OtherFolder | Self::Unlinked => State::Left,
        }
    }

    /// Why it is so, in a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::New => "It was not looked at yet.",
            Self::Linked => "What is shared in the space is kept in this folder.",
            Self::Archived => "The space is archived.",
            Self::CallFailed => "A call failed.",
            Self::DidNotTake => "Webex took the link, and does not show it.",
            Self::Untitled => "Webex does not say what the space is called.",
            Self::OwnerUnknown => "Webex does not say to whom the space belongs.",
            Self::NoName => "Files or folders of other spaces have every name that the folder could have.",
            Self::LeftTeam => "The space is in the team no more. Its folder and its link stay.",
            Self::NotVisible => "The space was deleted, or cannot be seen. Its folder stays.",
            Self::Foreign => "The space belongs to another organization.",
            Self::OtherFolder => "The space is linked to a folder of another site.",
            Self::Unlinked => "Somebody removed the link. The folder stays.",
        }
    }

    /// What can be done, in a sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::New | Self::CallFailed | Self::DidNotTake | Self::Untitled | Self::OwnerUnknown => {
                "It is tried again by itself."
            }
            Self::Linked | Self::NotVisible => "",
            Self::Archived => "It goes on when the space is brought back.",
            Self::NoName => "Rename what has the space's title in the group's library.",
            Self::LeftTeam => "Move it back into the team, or link another folder in Webex.",
            Self::Foreign => "Such spaces are never linked.",
            Self::OtherFolder => "Remove that link in Webex if the group's site is to be used.",
            Self::Unlinked => "“Link again” links it to its folder.",
        }
    }
}

impl Space {
    /// Whether it was looked for as often as it is before it counts as gone: a space that was just made is not seen at once by every server.
    pub(crate) fn was_looked_for_in_vain(&self) -> bool {
        self.standing == Standing::NotVisible && self.tries >= SEEN_AT_THE_LATEST - 1
    }

    /// Takes down how a look at it ended.
    pub(crate) fn stands(&mut self, standing: Standing, said: Option<String>, (started, now): (Timestamp, Timestamp)) {
        if self.standing != standing {
            (self.standing, self.since, self.tries) = (standing, now, 0);
        }
        self.tries += 1;
        self.said = said;
        self.looked = started;
        self.next_try = match standing.state() {
            State::Failing => Some(now + super::pause(self.tries)),
            State::Left if standing == Standing::NotVisible && self.tries < SEEN_AT_THE_LATEST => {
                Some(now + super::pause(self.tries))
            }
            // Nobody tells when an archived space is brought back.
            State::Waiting => Some(now + SignedDuration::from_hours(24)),
            State::Linked | State::Left => None,
        };
    }
}

/// A space as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct StoredSpace {
    /// The region in its id.
    pub(crate) region: Region,
    /// When a look at it was last wanted.
    #[serde(default, with = "milliseconds")]
    pub(crate) wanted: Timestamp,
    /// When an administrator last wanted it linked whatever was so before.
    #[serde(default, with = "milliseconds")]
    again: Timestamp,
    /// What is known.
    #[serde(default)]
    pub(crate) space: Space,
}

impl StoredSpace {
    /// One that nobody has told of.
    pub(crate) fn new(region: Region) -> Self {
        Self { region, wanted: Timestamp::UNIX_EPOCH, again: Timestamp::UNIX_EPOCH, space: Space::default() }
    }

    /// Takes what an administrator wants into what is known: that somebody removed the link counts no more.
    pub(crate) fn heed(&mut self) {
        if self.again > self.space.looked {
            (self.space.link, self.space.standing) = (LinkMemory::Never, Standing::New);
        }
    }
}

/// The spaces of a team.
pub type Spaces = BTreeMap<RoomId, Space>;

fn key(tenant: TenantId, (team, room): (TeamId, RoomId)) -> Key {
    Key::new(team_partition(tenant, team), format!("{PREFIX}{room}"))
}

/// Part of a transaction: there is such a space, and somebody should look at it. What is known of it stays.
pub(super) fn wanted(
    tenant: TenantId,
    of: (TeamId, RoomId),
    region: &Region,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let changes = vec![Change::Set("region", to_value(region)?), Change::Set("wanted", moment(now))];
    Ok(Write::Update(key(tenant, of), changes, Condition::Any))
}

/// Part of a transaction: an administrator wants a space linked whatever was so before. `ConditionFailed` where nothing is known of it.
pub(super) fn wanted_again(tenant: TenantId, of: (TeamId, RoomId), now: Timestamp) -> Write {
    let changes = vec![Change::Set("wanted", moment(now)), Change::Set("again", moment(now))];
    Write::Update(key(tenant, of), changes, Condition::Holds(vec![]))
}

/// Part of a transaction: what is known of a space.
pub(crate) fn put(tenant: TenantId, of: (TeamId, RoomId), region: &Region, space: &Space) -> Result<Write, StoreError> {
    let changes = vec![Change::Set("region", to_value(region)?), Change::Set("space", to_value(space)?)];
    Ok(Write::Update(key(tenant, of), changes, Condition::Any))
}

/// Part of a transaction: a space is forgotten.
pub(crate) fn delete(tenant: TenantId, of: (TeamId, RoomId)) -> Write {
    Write::Delete(key(tenant, of), Condition::Any)
}

/// What is known of a team's spaces, for the pages.
pub async fn spaces(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<Spaces, StoreError> {
    Ok(stored(store, tenant, team).await?.into_iter().map(|(room, stored)| (room, stored.space)).collect())
}

/// The same with what looks go by.
pub(crate) async fn stored(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<BTreeMap<RoomId, StoredSpace>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let (mut spaces, mut start) = (BTreeMap::new(), None);
    loop {
        let page = store.query(&query, 1000, start.as_ref()).await?;
        for item in page.items {
            let room = Key::of(&item).and_then(|key| key.sk.strip_prefix(PREFIX)?.parse().ok());
            let room = room.ok_or_else(|| StoreError::Malformed(format!("a space of team {team}")))?;
            spaces.insert(room, from_item(item)?);
        }
        start = page.next;
        if start.is_none() {
            return Ok(spaces);
        }
    }
}

/// Forgets what is known of a team's spaces. Folders, files and links stay as they are.
pub async fn forget(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<usize, StoreError> {
    let rooms: Vec<RoomId> = stored(store, tenant, team).await?.into_keys().collect();
    for some in rooms.chunks(TRANSACTION_LIMIT) {
        store.write(some.iter().map(|room| delete(tenant, (team, *room))).collect()).await?;
    }
    Ok(rooms.len())
}
