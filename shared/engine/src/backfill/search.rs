//! How far the search for teams is: through which people it has gone, and who comes next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Wish, next_version, own_key};
use domain::ids::{PersonId, TenantId};
use store::table::{Cursor, Key, Store, StoreError, Write, from_item};

/// Which search of the tenant's it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchNumber(pub u64);

/// A search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Which.
    pub number: SearchNumber,
    /// How it stands.
    pub stage: Stage,
    /// When it began.
    pub began: Timestamp,
    /// When it came to its end, or was stopped.
    pub ended: Option<Timestamp>,
    /// People whose spaces were read.
    pub people: usize,
    /// Teams that were found.
    pub teams: usize,
    /// People and spaces that Webex would not show.
    pub hidden: usize,
    /// Rounds in a row in which Webex did not answer for whoever comes next.
    #[serde(default)]
    pub(crate) tries: u32,
    /// Who comes next.
    pub(crate) pending: Vec<PersonId>,
    /// Where the person index is gone on with after them.
    pub(crate) further: Further,
    version: u64,
}

/// Where the person index is gone on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Further {
    /// At its beginning.
    Beginning,
    /// Behind whoever was taken from it.
    Behind(Cursor),
    /// Nobody comes any more.
    Nobody,
}

/// How a search stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum Stage {
    /// Each round goes on with it.
    Going,
    /// An administrator halted it, and can let it go on.
    Paused,
    /// An administrator ended it. What it found is kept.
    Stopped,
    /// Everybody was asked; what only earlier searches found is being taken away.
    Sweeping {
        /// Where that is gone on with.
        next: Option<Cursor>,
    },
    /// It is through.
    Done,
}

fn key(tenant: TenantId) -> Key {
    own_key(tenant, "SEARCH")
}

/// The tenant's last search, if there ever was one.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Search>, StoreError> {
    store.get(&key(tenant)).await?.map(from_item).transpose()
}

impl Search {
    /// The search as it goes on from what was read, to be stored in its place.
    pub(crate) fn put(&self, tenant: TenantId) -> Result<Write, StoreError> {
        next_version(&key(tenant), self, self.version)
    }

    /// What is stored now is the next version.
    pub(crate) fn was_put(&mut self) {
        self.version += 1;
    }
}

/// Begins a search, unless one is under way.
pub async fn begin(store: &dyn Store, tenant: TenantId, now: Timestamp) -> Result<Wish, StoreError> {
    let before = load(store, tenant).await?;
    if before.as_ref().is_some_and(|before| !matches!(before.stage, Stage::Stopped | Stage::Done)) {
        return Ok(Wish::Moved);
    }
    let (number, version) = before.map_or((0, 0), |before| (before.number.0, before.version));
    let search = Search {
        number: SearchNumber(number + 1),
        stage: Stage::Going,
        began: now,
        ended: None,
        people: 0,
        teams: 0,
        hidden: 0,
        tries: 0,
        pending: vec![],
        further: Further::Beginning,
        version,
    };
    Wish::of(store.write(vec![search.put(tenant)?]).await)
}

/// What an administrator can want of a search that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Halt.
    Pause,
    /// Go on.
    GoOn,
    /// End, and keep what was found.
    Stop,
}

/// Does what an administrator wants of the search.
pub async fn order(store: &dyn Store, tenant: TenantId, order: Order, now: Timestamp) -> Result<Wish, StoreError> {
    // A round that goes on at the same moment stores a version of its own.
    for _ in 0..5 {
        let Some(mut search) = load(store, tenant).await? else { return Ok(Wish::Moved) };
        (search.stage, search.ended) = match (order, &search.stage) {
            (Order::Pause, Stage::Going) => (Stage::Paused, None),
            (Order::GoOn, Stage::Paused) => (Stage::Going, None),
            (Order::Stop, Stage::Going | Stage::Paused) => (Stage::Stopped, Some(now)),
            _ => return Ok(Wish::Moved),
        };
        match store.write(vec![search.put(tenant)?]).await {
            Err(StoreError::ConditionFailed) => {}
            written => return Wish::of(written),
        }
    }
    Err(StoreError::Busy("the search goes on too fast".into()))
}
