//! Removals that wait for an administrator, as they were shown, and the decision about them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codes::Decision;
use crate::decision::Decider;
use crate::stored::readable;
use domain::ids::{TeamId, TenantId};
use domain::merge::{ApprovalReason, PersonRemoval};
use store::keys::team_partition;
use store::pages;
use store::table::{
    Change, Condition, Key, Query, Store, StoreError, Test, Write, to_item, to_value,
};

/// Most removals in one item.
// Far below the 400 KB that an item can have.
const PER_ITEM: usize = 500;

/// Items of one page of a query.
const PAGE: usize = 100;

/// Prefix of the items' sort keys.
const PREFIX: &str = "HELD#";

/// Removals that wait for an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingApproval {
    /// The reason.
    pub why: ApprovalReason,
    /// Since when these very removals wait.
    pub at: Timestamp,
    /// The removals.
    pub removals: BTreeSet<PersonRemoval>,
    /// The decision.
    pub decision: ApprovalDecision,
}

/// An administrator's decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalDecision {
    /// None yet.
    #[default]
    Open,
    /// Exactly these removals may be made.
    Apply,
    /// These people are added again where they are missing.
    Discard,
}

#[derive(Serialize, Deserialize)]
struct Part {
    why: ApprovalReason,
    at: Timestamp,
    removals: Vec<PersonRemoval>,
    hash: String,
    #[serde(default)]
    decision: ApprovalDecision,
}

impl PendingApproval {
    /// Returns the hash that an administrator confirms. It covers all removals.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        // The set is sorted, so equal removals have one hash.
        for PersonRemoval { person, side } in &self.removals {
            hash.update(format!("{}/{}/{side}\n", person.object, person.person));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Part of a transaction: stores the removals, in several items if they are many.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let removals: Vec<PersonRemoval> = self.removals.iter().copied().collect();
        let hash = self.hash();
        let part = |(n, removals): (usize, &[PersonRemoval])| {
            let part = Part {
                why: self.why,
                at: self.at,
                removals: removals.to_vec(),
                hash: hash.clone(),
                decision: self.decision,
            };
            Ok(Write::Put(to_item(&key(tenant, team, n), &part)?, Condition::Any))
        };
        removals.chunks(PER_ITEM).enumerate().map(part).collect()
    }

    /// Part of a transaction: deletes the items.
    pub fn deletes(&self, tenant: TenantId, team: TeamId) -> Vec<Write> {
        (0..self.removals.len().div_ceil(PER_ITEM))
            .map(|n| Write::Delete(key(tenant, team, n), Condition::Any))
            .collect()
    }
}

fn key(tenant: TenantId, team: TeamId, n: usize) -> Key {
    // Padded, so that the first part, which has the decision, is read first.
    Key::new(team_partition(tenant, team), format!("{PREFIX}{n:04}"))
}

/// Loads the removals that wait.
pub async fn load(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
) -> Result<Option<PendingApproval>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: PREFIX.into() };
    let mut pending: Option<PendingApproval> = None;
    for item in pages::all(store, &query, PAGE).await? {
        // A part of what was shown is no proposal: the next sync makes a new one.
        let Some(Part { why, at, removals, decision, .. }) = readable(item) else {
            return Ok(None);
        };
        pending
            .get_or_insert(PendingApproval { why, at, removals: BTreeSet::new(), decision })
            .removals
            .extend(removals);
    }
    Ok(pending)
}

/// Stores a decision about the removals with this hash.
///
/// # Errors
/// `ConditionFailed` if other removals wait by now: show those.
pub async fn decide(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    hash: &str,
    decision: ApprovalDecision,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    let seen = Condition::Holds(vec![Test::Equals("hash", to_value(&hash)?)]);
    let change = vec![Change::Set("decision", to_value(&decision)?)];
    // The first part decides for all: one update cannot be done by halves.
    let mut writes = vec![Write::Update(key(tenant, team, 0), change, seen)];
    let pending = load(store, tenant, team).await?.ok_or(StoreError::ConditionFailed)?;
    let total = pending.removals.len();
    let removals = pending.removals.into_iter().take(Decision::MOST_NAMED).collect();
    writes.extend(match decision {
        ApprovalDecision::Open => vec![],
        ApprovalDecision::Apply => {
            by.of_team(tenant, team, Decision::RemovalsApproved { removals, total })?
        }
        ApprovalDecision::Discard => {
            by.of_team(tenant, team, Decision::RemovalsRejected { removals, total })?
        }
    });
    store.write(writes).await
}
