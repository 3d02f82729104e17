//! The folders of a team's spaces, as they are stored: what is known of each space, and when somebody has to look.
//!
//! They have a lease and a next look of their own, beside the link's, so that they never hold up people and names.
//!
//! # Guarantees
//! Whoever holds the lease is the only one who writes what is known of the team's folders, until the lease ends. A wish for a look is never lost: it is stored before anybody is
//! told, and the holder's last word requires it to be known.

pub mod names;
mod space;

pub use space::{Folder, LinkMemory, Space, Spaces, Standing, State, forget, spaces};
pub(crate) use space::{StoredSpace, delete, put, stored};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use clients::graph::DriveId;
use clients::webex::Region;
use domain::ids::{GroupId, RoomId, TeamId, TenantId};
use store::table::never;
use store::table::{Change, Condition, Key, Store, StoreError, Test, Write, from_item, milliseconds, moment, to_value};

/// How often every space of a team is compared without anybody asking: one daily look in seven.
pub const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Pauses after one failure, two, and so on. A site comes within minutes, hours, or days.
const PAUSES: [i64; 11] = [30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/// What is known of a team's folders besides its spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Folders {
    /// The group's document library, once it is there.
    pub library: Option<Library>,
    /// What keeps all of them waiting.
    pub hindrance: Option<Hindered>,
    /// When a comparison of every space began that is not through.
    pub whole_since: Option<Timestamp>,
    /// When the last comparison of every space began that is through.
    pub whole_at: Timestamp,
    /// Whether an administrator was made to know that something does not go on.
    pub notice: Notice,
}

/// Whether an administrator was made to know something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// There is none.
    #[default]
    None,
    /// It stands.
    Raised,
}

/// A group's document library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// Whose it is: a link can get another group.
    pub group: GroupId,
    /// Its id.
    pub drive: DriveId,
    /// Where people open it.
    pub url: String,
}

/// Something keeps all folders of a team waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindered {
    /// What.
    pub by: Hindrance,
    /// What a service said, with its request id.
    pub said: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// How many looks ended so.
    pub tries: usize,
}

/// What can keep all folders of a team waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hindrance {
    /// The group's site is not there yet.
    NoSite,
    /// The officer is not in the team, so that it may link nothing there.
    OfficerOutside,
    /// The team is archived.
    Archived,
    /// A call failed.
    CallFailed,
}

impl Hindrance {
    /// What is so, in a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::NoSite => "The group's SharePoint site is not there yet.",
            Self::OfficerOutside => {
                "Only somebody in the team can link folders, and the account that the integration works with is not in it."
            }
            Self::Archived => "The team is archived.",
            Self::CallFailed => "Folders could not be looked at.",
        }
    }

    /// What can be done, in a sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoSite => {
                "Microsoft makes it within minutes, seldom hours. It comes at once when somebody opens the group's files in Outlook or Teams."
            }
            Self::OfficerOutside => {
                "Add that account to the team as a moderator, or let it stand inside in the settings."
            }
            Self::Archived => "Folders go on when the team is brought back.",
            Self::CallFailed => "It is tried again by itself.",
        }
    }
}

impl Folders {
    /// Remembers what keeps everything waiting, since when and how often.
    pub fn is_hindered(&mut self, by: Hindrance, said: Option<String>, now: Timestamp) {
        let before = self.hindrance.as_ref().filter(|before| before.by == by);
        let (since, tries) = before.map_or((now, 0), |before| (before.since, before.tries));
        self.hindrance = Some(Hindered { by, said, since, tries: tries + 1 });
    }

    /// Whether every space is to be compared.
    pub(crate) fn is_whole_due(&self, wished_at: Timestamp, now: Timestamp) -> bool {
        self.whole_since.is_some()
            || wished_at > self.whole_at
            || self.whole_at == Timestamp::UNIX_EPOCH
            || now >= self.whole_at + WHOLE_EVERY
    }
}

/// How long after so many failures something is tried again. Several of one team are not tried at the same moment.
pub(crate) fn pause(tries: usize) -> SignedDuration {
    SignedDuration::from_secs(PAUSES[tries.saturating_sub(1).min(PAUSES.len() - 1)])
}

/// A team's folders with what their lease and their looks go by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What is known.
    #[serde(default)]
    pub folders: Folders,
    /// Until when somebody holds them.
    #[serde(default, with = "milliseconds")]
    pub lease_until: Timestamp,
    /// Who.
    #[serde(default)]
    pub lease: String,
    /// Wishes for a look up to here are known.
    #[serde(default, with = "milliseconds")]
    pub wanted: Timestamp,
    /// The last wish to have every space compared.
    #[serde(default, with = "milliseconds")]
    pub whole_wanted: Timestamp,
    /// Start of the last look.
    #[serde(default, with = "milliseconds")]
    pub looked: Timestamp,
    /// When the next look is due without anybody asking.
    #[serde(rename = "gsi1sk", with = "milliseconds")]
    pub next_look: Timestamp,
}

impl Kept {
    /// Whether somebody holds them at this moment.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }

    /// Whether the last look answers a wish of `at`, and every wish known since.
    pub fn has_answered(&self, at: Timestamp) -> bool {
        self.looked >= at && self.looked >= self.wanted
    }
}

/// What a wish for a look is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// One space.
    Space(RoomId, Region),
    /// One that is known, which an administrator wants linked although somebody removed the link, or linked another folder.
    Again(RoomId),
    /// Every space of the team.
    Everything,
}

/// The partition of all teams' folders.
pub fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#FOLDERS")
}

/// Where a team's folders are kept.
pub fn key(tenant: TenantId, team: TeamId) -> Key {
    Key::new(partition(tenant), team.to_string())
}

/// A team's folders; `None` before anybody wanted any.
pub async fn load(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<Option<Kept>, StoreError> {
    store.get(&key(tenant, team)).await?.map(from_item).transpose()
}

/// Parts of a transaction: a look at a team's folders is wanted as of `now`, and due. Tell the queue afterwards; where that is cut off, the next round does.
pub fn want(tenant: TenantId, team: TeamId, wish: &Wish, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let mut changes = vec![
        Change::Set("wanted", moment(now)),
        Change::Set("gsi1pk", to_value(&format!("LOOK#{tenant}"))?),
        Change::Set("gsi1sk", moment(now)),
    ];
    let mut writes = vec![];
    match wish {
        Wish::Everything => changes.push(Change::Set("whole_wanted", moment(now))),
        Wish::Space(room, region) => writes.push(space::wanted(tenant, (team, *room), region, now)?),
        Wish::Again(room) => writes.push(space::wanted_again(tenant, (team, *room), now)),
    }
    writes.push(Write::Update(key(tenant, team), changes, Condition::Any));
    Ok(writes)
}

/// The right to a team's folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: Key,
    name: String,
}

/// Takes the lease until `until`; `None` where somebody else holds it.
pub async fn take_lease(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<(Lease, Kept)>, StoreError> {
    let lease = Lease { key: key(tenant, team), name: Ulid::generate().to_string() };
    let take = || -> Result<_, StoreError> {
        Ok(vec![Change::Set("lease_until", moment(until)), Change::Set("lease", to_value(&lease.name)?)])
    };
    for free in [Test::Below("lease_until", now.as_millisecond().saturating_add(1)), Test::Missing("lease_until")] {
        match store.update(&lease.key, take()?, Condition::Holds(vec![free])).await {
            Ok(item) => return Ok(Some((lease, from_item(item)?))),
            Err(StoreError::ConditionFailed) => {}
            Err(error) => return Err(error),
        }
    }
    // A first try whose answer was lost may have taken the lease for us.
    Ok(lease.read(store).await?.map(|kept| (lease, kept)))
}

impl Lease {
    fn stands(&self) -> Result<Test, StoreError> {
        Ok(Test::Equals("lease", to_value(&self.name)?))
    }

    /// A part for every transaction of a look.
    pub fn check(&self) -> Result<Write, StoreError> {
        Ok(Write::Check(self.key.clone(), Condition::Holds(vec![self.stands()?])))
    }

    /// Stores what is known in the middle of a look; the lease goes on.
    pub fn keep(&self, folders: &Folders) -> Result<Write, StoreError> {
        let change = vec![Change::Set("folders", to_value(folders)?)];
        Ok(Write::Update(self.key.clone(), change, Condition::Holds(vec![self.stands()?])))
    }

    /// Stores what is known and gives the lease back, unless something further is wanted meanwhile: `ConditionFailed`.
    pub fn close(
        &self,
        folders: &Folders,
        (looked, next_look): (Timestamp, Timestamp),
        wanted: Timestamp,
    ) -> Result<Write, StoreError> {
        let changes = vec![
            Change::Set("folders", to_value(folders)?),
            Change::Set("looked", moment(looked)),
            Change::Set("gsi1sk", moment(next_look.min(never()))),
            Change::Set("lease_until", moment(Timestamp::UNIX_EPOCH)),
        ];
        let known = Test::Equals("wanted", moment(wanted));
        Ok(Write::Update(self.key.clone(), changes, Condition::Holds(vec![self.stands()?, known])))
    }

    /// Forgets the team's folders for good.
    pub fn forget(&self) -> Result<Write, StoreError> {
        Ok(Write::Delete(self.key.clone(), Condition::Holds(vec![self.stands()?])))
    }

    /// What is kept as it stands, if the lease does.
    pub async fn read(&self, store: &dyn Store) -> Result<Option<Kept>, StoreError> {
        let kept: Option<Kept> = store.get(&self.key).await?.map(from_item).transpose()?;
        Ok(kept.filter(|kept| kept.lease == self.name))
    }
}

/// Moves the next look, unless somebody knows better by now.
pub(crate) async fn postpone(
    store: &dyn Store,
    (tenant, team): (TenantId, TeamId),
    kept: &Kept,
    until: Timestamp,
) -> Result<(), StoreError> {
    let same = vec![Test::Equals("gsi1sk", moment(kept.next_look)), Test::Equals("wanted", moment(kept.wanted))];
    let later = vec![Change::Set("gsi1sk", moment(until))];
    match store.update(&key(tenant, team), later, Condition::Holds(same)).await {
        Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
        Err(error) => Err(error),
    }
}
