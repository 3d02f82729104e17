//! The tenant's brake: what all links together removed in 24 hours, against all memberships. Disasters come one person at a time, over many teams.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use domain::ids::TenantId;
use domain::merge::BrakeLimit;
use store::keys;
use store::table::{Change, Condition, Store, StoreError, Test, Write, from_item, to_value};

/// Most groups of a tenant that may be found deleted within 24 hours before nothing more is concluded from it.
pub const GROUPS_GONE_LIMIT: usize = 3;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Ledger {
    #[serde(default)]
    removals: Vec<Removals>,
    #[serde(default)]
    groups_gone: Vec<Timestamp>,
    #[serde(default)]
    memberships: i64,
    #[serde(default)]
    version: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Removals {
    at: Timestamp,
    people: usize,
}

/// What the brake says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Go on; it is counted.
    Granted,
    /// It would pass the limit; nothing was counted.
    Refused,
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_hours(24)
}

impl Ledger {
    fn forget_what_is_old(&mut self, now: Timestamp) {
        self.removals.retain(|removals| is_recent(removals.at, now));
        self.groups_gone.retain(|at| is_recent(*at, now));
    }

    fn lets_go(&self, people: usize, limit: BrakeLimit) -> Leave {
        let lately: usize = self.removals.iter().map(|removals| removals.people).sum();
        let most = limit.of(usize::try_from(self.memberships).unwrap_or(0));
        if lately + people > most { Leave::Refused } else { Leave::Granted }
    }
}

/// Asks for leave to remove `people` people, and counts them if it is granted.
pub async fn ask_to_remove(
    store: &dyn Store,
    tenant: TenantId,
    people: usize,
    limit: BrakeLimit,
    now: Timestamp,
) -> Result<Leave, StoreError> {
    change(store, tenant, now, |ledger| {
        if ledger.lets_go(people, limit) == Leave::Refused {
            return Leave::Refused;
        }
        ledger.removals.push(Removals { at: now, people });
        Leave::Granted
    })
    .await
}

/// Whether leave to remove `people` people would be granted. Nothing is counted.
pub async fn would_let_go(
    store: &dyn Store,
    tenant: TenantId,
    people: usize,
    limit: BrakeLimit,
    now: Timestamp,
) -> Result<Leave, StoreError> {
    let mut ledger: Ledger = store.get(&keys::brake(tenant)).await?.map(from_item).transpose()?.unwrap_or_default();
    ledger.forget_what_is_old(now);
    Ok(ledger.lets_go(people, limit))
}

/// Counts a group that was found deleted, and says whether anything may be concluded from it.
pub async fn group_is_gone(store: &dyn Store, tenant: TenantId, now: Timestamp) -> Result<Leave, StoreError> {
    change(store, tenant, now, |ledger| {
        if ledger.groups_gone.len() >= GROUPS_GONE_LIMIT {
            return Leave::Refused;
        }
        ledger.groups_gone.push(now);
        Leave::Granted
    })
    .await
}

/// Part of a transaction: a link has more or fewer memberships than before.
pub fn count_memberships(tenant: TenantId, more: i64) -> Write {
    Write::Update(keys::brake(tenant), vec![Change::Add("memberships", more)], Condition::Any)
}

async fn change(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
    ask: impl Fn(&mut Ledger) -> Leave,
) -> Result<Leave, StoreError> {
    let key = keys::brake(tenant);
    for _ in 0..10 {
        let mut ledger: Ledger = store.get(&key).await?.map(from_item).transpose()?.unwrap_or_default();
        ledger.forget_what_is_old(now);
        if ask(&mut ledger) == Leave::Refused {
            return Ok(Leave::Refused);
        }
        let changes = vec![
            Change::Set("removals", to_value(&ledger.removals)?),
            Change::Set("groups_gone", to_value(&ledger.groups_gone)?),
            Change::Set("version", to_value(&(ledger.version + 1))?),
        ];
        let unchanged = match ledger.version {
            0 => Test::Missing("version"),
            version => Test::Equals("version", to_value(&version)?),
        };
        let condition = Condition::Holds(vec![unchanged]);
        let first = ledger.version == 0 && ledger.memberships == 0;
        match store.update(&key, changes.clone(), condition).await {
            Err(StoreError::ConditionFailed) if first => match store.update(&key, changes, Condition::Absent).await {
                Err(StoreError::ConditionFailed) => {}
                other => return other.map(|_| Leave::Granted),
            },
            Err(StoreError::ConditionFailed) => {}
            other => return other.map(|_| Leave::Granted),
        }
    }
    Err(StoreError::Busy("the tenant's brake is asked by too many at once".into()))
}
