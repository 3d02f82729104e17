//! A team of a run, and its state.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use sha2::{Digest, Sha256};

use super::BackfillRun;
use crate::backfill::candidate::{Candidate, Outlook};
pub use crate::codes::BackfillFailure;
use crate::link::SyncFailure;
use clients::webex::Region;
use domain::ids::{TeamId, TenantId};
use store::table::{
    Condition, Cursor, EXPIRES_AT, Key, Query, Store, StoreError, Write, from_item, to_item,
};

/// Time for which a chosen team is kept after its last change.
// As long as the activity, which tells what became of the team.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// State of a chosen team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChosenState {
    /// It is not begun. In a stopped run it never will be.
    Waiting,
    /// Its link exists, and its outcome is open.
    Started,
    /// Team and group are in sync.
    Done,
    /// It failed.
    Failed,
}

impl fmt::Display for ChosenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
        })
    }
}

/// Failure of a link before the run, which says nothing about the run's own syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EarlierFailure {
    pub(crate) since: Timestamp,
    pub(crate) tries: u32,
}

impl EarlierFailure {
    pub(crate) fn of(failure: &SyncFailure) -> Self {
        Self { since: failure.since, tries: failure.tries }
    }
}

/// A team that an admin chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenTeam {
    /// The team.
    pub team: TeamId,
    /// The region in its id.
    pub region: Region,
    /// Its title, which becomes the group's name.
    pub title: String,
    /// The people of its group, as counted.
    pub outlook: Outlook,
    /// Time at which its people were read.
    pub read_at: Timestamp,
    /// Reason of its failure.
    pub why: Option<BackfillFailure>,
    /// Failure of its link before the run began it.
    #[serde(default)]
    pub(crate) earlier_failure: Option<EarlierFailure>,
}

impl From<Candidate> for ChosenTeam {
    fn from(candidate: Candidate) -> Self {
        let Candidate { team, region, title, outlook, read_at, .. } = candidate;
        Self { team, region, title, outlook, read_at, why: None, earlier_failure: None }
    }
}

/// A change of a chosen team's state.
#[derive(Clone, Copy)]
pub(crate) struct Transition {
    pub(crate) from: ChosenState,
    pub(crate) to: ChosenState,
}

impl ChosenTeam {
    /// Returns the team as failed for this reason.
    pub(crate) fn failed(self, why: BackfillFailure) -> Self {
        Self { why: Some(why), ..self }
    }

    /// Returns a digest of everything that the page shows of the team.
    pub(super) fn digest(&self) -> [u64; 2] {
        // All that the admin is shown of the team, so that a confirmation covers it.
        let shown = serde_json::json!([self.team, self.title, self.outlook]).to_string();
        let digest = Sha256::digest(shown);
        let half = |at: usize| {
            digest.iter().skip(at).take(8).fold(0, |half, byte| (half << 8) | u64::from(*byte))
        };
        [half(0), half(8)]
    }

    pub(super) fn put(&self, key: &Key, now: Timestamp) -> Result<Write, StoreError> {
        let mut item = to_item(key, self)?;
        let expires_at = (now + RETENTION).as_second().to_string();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(expires_at));
        Ok(Write::Put(item, Condition::Any))
    }
}

/// The partition of a tenant's chosen teams.
pub(crate) fn partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#CHOSEN")
}

/// Returns the sort-key prefix of the teams of a run in this state.
pub(super) fn prefix(number: u64, state: ChosenState) -> String {
    format!("{number:08}#{state}#")
}

/// Returns the key of a team of run `number` in this state.
pub(super) fn key(tenant: TenantId, number: u64, state: ChosenState, team: TeamId) -> Key {
    // The state is in the key, so that a page of one state is a plain query.
    Key::new(partition(tenant), format!("{}{team}", prefix(number, state)))
}

/// Returns a page of the teams of a run in this state, and the next cursor.
///
/// # Errors
/// The table refuses a malformed cursor.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    run: &BackfillRun,
    state: ChosenState,
    limit: usize,
    start: Option<&Cursor>,
) -> Result<(Vec<ChosenTeam>, Option<Cursor>), StoreError> {
    let query = Query::Partition { pk: partition(tenant), prefix: prefix(run.number, state) };
    let page = store.query(&query, limit, start).await?;
    let chosen = page.items.into_iter().map(from_item).collect::<Result<Vec<_>, _>>()?;
    Ok((chosen, page.next))
}
