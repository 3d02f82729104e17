//! Progress of the search for teams through the people of the index.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{UpdateOutcome, own_key};
pub use crate::codes::BackfillCommand;
use domain::ids::{PersonId, TenantId};
use store::table::{Change, Cursor, Key, Store, StoreError, Write, from_item, to_value};
use store::versioned::{self, Decision, Version};

/// Number of a search, counted per tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchNumber(pub u64);

/// A search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Its number.
    pub number: SearchNumber,
    /// Its stage.
    pub stage: SearchStage,
    /// Its start.
    pub began: Timestamp,
    /// Its end, or when an admin stopped it.
    pub ended: Option<Timestamp>,
    /// People whose spaces were read.
    pub people: usize,
    /// Teams found.
    pub teams: usize,
    /// People and spaces that Webex did not show.
    pub hidden: usize,
    /// Cycles in a row in which Webex did not answer for the next person.
    #[serde(default)]
    pub(crate) tries: u32,
    /// People to read next.
    pub(crate) pending: Vec<PersonId>,
    /// Position in the person index after them.
    pub(crate) position: IndexPosition,
    version: u64,
}

/// Position in the person index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IndexPosition {
    /// Before the first person.
    Start,
    /// After the people who were taken from the index.
    After(Cursor),
    /// After the last person.
    End,
}

/// Stage of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum SearchStage {
    /// The cycles continue it.
    Running,
    /// An admin paused it and can resume it.
    Paused,
    /// An admin stopped it. Its candidates are kept.
    Stopped,
    /// All people are read, and candidates of earlier searches only are being deleted.
    Sweeping {
        /// Next page to delete from.
        next: Option<Cursor>,
    },
    /// It is complete.
    Done,
}

impl SearchStage {
    fn is_over(&self) -> bool {
        matches!(self, Self::Stopped | Self::Done)
    }
}

fn key(tenant: TenantId) -> Key {
    own_key(tenant, "SEARCH")
}

/// Returns the tenant's last search, if there was one.
///
/// # Errors
/// The table's.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Search>, StoreError> {
    store.get(&key(tenant)).await?.map(from_item).transpose()
}

impl Search {
    /// Returns the write that stores the search over the version that was read.
    pub(crate) fn put(&self, tenant: TenantId) -> Result<Write, StoreError> {
        versioned::put(&key(tenant), self, Version::of_new(self.version))
    }

    /// Notes that the search is stored.
    pub(crate) fn advance_version(&mut self) {
        self.version += 1;
    }
}

/// Begins a search, unless one is running or paused.
///
/// # Errors
/// The table's.
pub async fn begin(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<UpdateOutcome, StoreError> {
    let before = load(store, tenant).await?;
    // Two searches would share the tenant's quota and show half of each.
    if before.as_ref().is_some_and(|before| !before.stage.is_over()) {
        return Ok(UpdateOutcome::Stale);
    }
    let (number, version) = before.map_or((0, 0), |before| (before.number.0, before.version));
    let search = Search {
        number: SearchNumber(number + 1),
        stage: SearchStage::Running,
        began: now,
        ended: None,
        people: 0,
        teams: 0,
        hidden: 0,
        tries: 0,
        pending: vec![],
        position: IndexPosition::Start,
        version,
    };
    UpdateOutcome::of(store.write(vec![search.put(tenant)?]).await)
}

/// Carries out an admin's command to the search.
///
/// # Errors
/// The table's, and `Busy` if the cycles keep changing the search.
pub async fn order(
    store: &dyn Store,
    tenant: TenantId,
    order: BackfillCommand,
    now: Timestamp,
) -> Result<UpdateOutcome, StoreError> {
    versioned::update(store, &key(tenant), |search: Option<Search>| {
        let stage = search.map(|search| search.stage);
        let (stage, ended) = match (order, stage) {
            (BackfillCommand::Pause, Some(SearchStage::Running)) => (SearchStage::Paused, None),
            (BackfillCommand::Resume, Some(SearchStage::Paused)) => (SearchStage::Running, None),
            (BackfillCommand::Stop, Some(SearchStage::Running | SearchStage::Paused)) => {
                (SearchStage::Stopped, Some(now))
            }
            // The search went on after the page was shown, for example to its end.
            _ => return Ok(Decision::Keep(UpdateOutcome::Stale)),
        };
        let changes =
            vec![Change::Set("stage", to_value(&stage)?), Change::Set("ended", to_value(&ended)?)];
        Ok(Decision::Write(changes, UpdateOutcome::Done))
    })
    .await
}
