//! A held plan as it was shown, and what an administrator decided about it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use domain::ids::{TeamId, TenantId};
use domain::merge::{Held, HeldFor};
use store::keys::team_partition;
use store::table::{Change, Condition, Key, Query, Store, StoreError, Test, Write, from_item, to_item, to_value};

/// Removals in one item of a plan.
const PER_ITEM: usize = 500;

/// A plan of removals that waits for an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlan {
    /// Why it is held.
    pub why: HeldFor,
    /// Since when this very plan waits.
    pub at: Timestamp,
    /// Who would be removed, and from where.
    pub removals: BTreeSet<Held>,
    /// What was decided about it.
    pub decision: Decision,
}

/// What an administrator decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Nothing yet.
    #[default]
    Open,
    /// Exactly these removals may be made.
    Apply,
    /// These people are put back where they vanished.
    Discard,
}

#[derive(Serialize, Deserialize)]
struct Part {
    why: HeldFor,
    at: Timestamp,
    removals: Vec<Held>,
    hash: String,
    #[serde(default)]
    decision: Decision,
}

impl HeldPlan {
    /// What an administrator confirms that he saw: it differs as soon as anybody else would be removed.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for Held { person, side } in &self.removals {
            hash.update(format!("{}/{}/{side}\n", person.object, person.person));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The items of this plan.
    pub fn puts(&self, tenant: TenantId, team: TeamId) -> Result<Vec<Write>, StoreError> {
        let removals: Vec<Held> = self.removals.iter().copied().collect();
        let part = |(n, removals): (usize, &[Held])| {
            let part = Part {
                why: self.why,
                at: self.at,
                removals: removals.to_vec(),
                hash: self.hash(),
                decision: self.decision,
            };
            Ok(Write::Put(to_item(&key(tenant, team, n), &part)?, Condition::Any))
        };
        removals.chunks(PER_ITEM).enumerate().map(part).collect()
    }

    /// Takes the items away.
    pub fn deletes(&self, tenant: TenantId, team: TeamId) -> Vec<Write> {
        (0..self.removals.len().div_ceil(PER_ITEM))
            .map(|n| Write::Delete(key(tenant, team, n), Condition::Any))
            .collect()
    }
}

fn key(tenant: TenantId, team: TeamId, n: usize) -> Key {
    Key::new(team_partition(tenant, team), format!("HELD#{n:04}"))
}

/// The plan that waits, if one does.
pub async fn load(store: &dyn Store, tenant: TenantId, team: TeamId) -> Result<Option<HeldPlan>, StoreError> {
    let query = Query::Partition { pk: team_partition(tenant, team), prefix: "HELD#".into() };
    let mut plan: Option<HeldPlan> = None;
    let mut start = None;
    loop {
        let page = store.query(&query, 100, start.as_ref()).await?;
        for item in page.items {
            let Part { why, at, removals, decision, .. } = from_item(item)?;
            plan.get_or_insert(HeldPlan { why, at, removals: BTreeSet::new(), decision }).removals.extend(removals);
        }
        start = page.next;
        if start.is_none() {
            return Ok(plan);
        }
    }
}

/// Decides about the plan with this hash. `ConditionFailed` where another plan waits by now: show that one.
pub async fn decide(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    hash: &str,
    decision: Decision,
) -> Result<(), StoreError> {
    let seen = Condition::Holds(vec![Test::Equals("hash", to_value(&hash)?)]);
    store.update(&key(tenant, team, 0), vec![Change::Set("decision", to_value(&decision)?)], seen).await.map(drop)
}
