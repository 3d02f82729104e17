//! A backfill run: the teams that an admin chose, and their outcome.
//!
//! An admin chooses teams, sees the totals, and confirms them by their hash. The tenant's cycles
//! then begin some teams at a time. A team whose people have changed since is not begun: it fails
//! with that reason and can be chosen again.

mod chooser;
mod team;

pub use chooser::Chooser;
pub use team::{BackfillFailure, ChosenState, ChosenTeam, page};
pub(crate) use team::{EarlierFailure, Transition, partition};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{UpdateOutcome, own_key};
use domain::ids::TenantId;
use store::table::{Condition, Cursor, Key, Store, StoreError, Write, from_item};
use store::versioned::{self, Version};

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillRun {
    /// Its number, counted per tenant.
    pub number: u64,
    /// Its stage.
    pub stage: BackfillStage,
    /// Time of its confirmation.
    pub began: Option<Timestamp>,
    /// Number of teams in each state.
    pub counts: BackfillCounts,
    /// Totals over all teams.
    pub totals: BackfillTotals,
    /// Digest of all chosen teams, independent of their order.
    digest: [u64; 2],
    /// Hash by which it was confirmed.
    confirmed: Option<String>,
    version: u64,
}

/// Stage of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum BackfillStage {
    /// An admin is choosing, and nothing is begun.
    #[default]
    Choosing,
    /// The cycles add all teams of a source.
    Selecting {
        /// The source.
        source: SelectionSource,
        /// Next page of the source.
        next: Option<Cursor>,
    },
    /// The cycles create groups.
    Running,
    /// An admin paused it: no further team is begun.
    Paused,
    /// An admin stopped it for good: no further team is begun.
    Stopped,
    /// It is complete.
    Done,
}

/// Source of a choice of many teams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum SelectionSource {
    /// The candidates whose title begins with this.
    Candidate {
        /// Beginning of the title in lower case; empty for all.
        title: String,
    },
    /// The teams that failed in an earlier run.
    Failed {
        /// Number of that run.
        number: u64,
    },
}

/// Number of a run's teams in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackfillCounts {
    /// Not begun.
    pub waiting: usize,
    /// Begun, with an open outcome.
    pub started: usize,
    /// Teams in sync with their groups.
    pub done: usize,
    /// Failed.
    pub failed: usize,
}

impl BackfillCounts {
    fn of(&mut self, state: ChosenState) -> &mut usize {
        match state {
            ChosenState::Waiting => &mut self.waiting,
            ChosenState::Started => &mut self.started,
            ChosenState::Done => &mut self.done,
            ChosenState::Failed => &mut self.failed,
        }
    }
}

/// Totals over the teams of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackfillTotals {
    /// Teams, and so groups.
    pub teams: usize,
    /// People in those groups, counted once in each.
    pub people: usize,
    /// Owners among them.
    pub owners: usize,
    /// People who would stay in the team only.
    pub excluded: usize,
}

fn key(tenant: TenantId) -> Key {
    own_key(tenant, "BACKFILL")
}

/// Returns the tenant's last run, or an empty one before the first.
///
/// # Errors
/// The table's.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<BackfillRun, StoreError> {
    Ok(store.get(&key(tenant)).await?.map(from_item).transpose()?.unwrap_or_default())
}

/// Context of a write to a run.
#[derive(Clone, Copy)]
pub(crate) struct RunContext<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) tenant: TenantId,
    pub(crate) now: Timestamp,
}

impl BackfillRun {
    /// Returns the hash of everything that the page shows of the run.
    pub fn hash(&self) -> String {
        let BackfillTotals { teams, people, owners, excluded } = self.totals;
        let [high, low] = self.digest;
        let shown = format!("{} {teams} {people} {owners} {excluded} {high} {low}", self.number);
        Sha256::digest(shown).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns `true` if no team is open and none will be begun.
    pub fn is_over(&self) -> bool {
        match self.stage {
            BackfillStage::Done => true,
            // Teams that were begun before the stop go on to their own outcome.
            BackfillStage::Stopped => self.counts.started == 0,
            _ => false,
        }
    }

    fn for_choosing(self) -> Self {
        // Number 0 stands for no run: the tenant never chose any teams.
        if self.is_over() || self.number == 0 { self.restarted() } else { self }
    }

    fn restarted(self) -> Self {
        // Another number keeps the teams of earlier runs out of this one.
        Self { number: self.number + 1, version: self.version, ..Self::default() }
    }

    fn add_chosen(&mut self, chosen: &ChosenTeam) {
        self.totals.teams += 1;
        self.totals.people += chosen.outlook.people;
        self.totals.owners += chosen.outlook.owners;
        self.totals.excluded += chosen.outlook.excluded_count();
        self.counts.waiting += 1;
        self.toggle_digest(chosen);
    }

    fn remove_chosen(&mut self, chosen: &ChosenTeam) {
        let BackfillTotals { teams, people, owners, excluded } = &mut self.totals;
        *teams = teams.saturating_sub(1);
        // A stored total can be older than the team's count, and must not wrap.
        *people = people.saturating_sub(chosen.outlook.people);
        *owners = owners.saturating_sub(chosen.outlook.owners);
        *excluded = excluded.saturating_sub(chosen.outlook.excluded_count());
        self.counts.waiting = self.counts.waiting.saturating_sub(1);
        self.toggle_digest(chosen);
    }

    /// Adds the team to the digest, or removes it: twice the same team cancels out.
    fn toggle_digest(&mut self, chosen: &ChosenTeam) {
        for (half, of_one) in self.digest.iter_mut().zip(chosen.digest()) {
            // Adding and removing a team must give the same digest in any order.
            *half ^= of_one;
        }
    }

    /// Moves a team to another state, with further writes in the same transaction.
    pub(crate) async fn move_team(
        &mut self,
        context: RunContext<'_>,
        chosen: &ChosenTeam,
        Transition { from, to }: Transition,
        others: Vec<Write>,
    ) -> Result<UpdateOutcome, StoreError> {
        let RunContext { store, tenant, now } = context;
        let count = self.counts.of(from);
        *count = count.saturating_sub(1);
        *self.counts.of(to) += 1;
        let key = |state| team::key(tenant, self.number, state, chosen.team);
        // Without further conditions: the version of the run guards the whole transaction.
        let mut writes = vec![Write::Delete(key(from), Condition::Any), chosen.put(&key(to), now)?];
        writes.extend(others);
        self.write(store, tenant, writes).await
    }

    /// Ends the run after its last team.
    pub(crate) async fn end(
        &mut self,
        store: &dyn Store,
        tenant: TenantId,
    ) -> Result<UpdateOutcome, StoreError> {
        self.stage = BackfillStage::Done;
        self.write(store, tenant, vec![]).await
    }

    fn put(&self, tenant: TenantId) -> Result<Write, StoreError> {
        versioned::put(&key(tenant), self, Version::of_new(self.version))
    }

    /// Stores the run over the version that was read, with further writes.
    async fn write(
        &mut self,
        store: &dyn Store,
        tenant: TenantId,
        mut writes: Vec<Write>,
    ) -> Result<UpdateOutcome, StoreError> {
        writes.push(self.put(tenant)?);
        let outcome = UpdateOutcome::of(store.write(writes).await)?;
        // A cycle writes the same copy again for its next team.
        if outcome == UpdateOutcome::Done {
            self.version += 1;
        }
        Ok(outcome)
    }
}
