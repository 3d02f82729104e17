//! The tenant's removal counter: removals of all links in 24 hours, against all memberships.
//!
//! Disasters come one person at a time, over many teams.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use domain::ids::TenantId;
use domain::merge::RemovalLimit;
use store::keys;
use store::table::{Change, Condition, Store, StoreError, Write, from_item, to_value};
use store::versioned::{self, Decision};

/// Most groups that may be found deleted within 24 hours before nothing more follows from it.
pub const GROUP_DELETION_LIMIT: usize = 3;

#[derive(Clone, Debug, Default, Deserialize)]
struct RemovalCounter {
    #[serde(default)]
    removals: Vec<Removals>,
    #[serde(default)]
    groups_deleted: Vec<Timestamp>,
    #[serde(default)]
    memberships: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Removals {
    at: Timestamp,
    people: usize,
}

/// The answer of the removal counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalPermit {
    /// Permitted and counted.
    Granted,
    /// Above the limit; nothing was counted.
    Refused,
}

fn is_within_a_day(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_hours(24)
}

impl RemovalCounter {
    fn drop_expired(&mut self, now: Timestamp) {
        self.removals.retain(|removals| is_within_a_day(removals.at, now));
        self.groups_deleted.retain(|at| is_within_a_day(*at, now));
    }

    fn permits(&self, people: usize, limit: RemovalLimit) -> RemovalPermit {
        let removed: usize = self.removals.iter().map(|removals| removals.people).sum();
        let most = limit.of(usize::try_from(self.memberships).unwrap_or(0));
        if removed + people > most { RemovalPermit::Refused } else { RemovalPermit::Granted }
    }
}

/// Counts so many removals if the limit permits them.
pub async fn acquire_removals(
    store: &dyn Store,
    tenant: TenantId,
    people: usize,
    limit: RemovalLimit,
    now: Timestamp,
) -> Result<RemovalPermit, StoreError> {
    update(store, tenant, now, |counter| {
        if counter.permits(people, limit) == RemovalPermit::Refused {
            return RemovalPermit::Refused;
        }
        counter.removals.push(Removals { at: now, people });
        RemovalPermit::Granted
    })
    .await
}

/// Returns the answer for so many removals, without counting them.
pub async fn would_permit(
    store: &dyn Store,
    tenant: TenantId,
    people: usize,
    limit: RemovalLimit,
    now: Timestamp,
) -> Result<RemovalPermit, StoreError> {
    let item = store.get(&keys::removal_counter(tenant)).await?;
    let mut counter: RemovalCounter = item.map(from_item).transpose()?.unwrap_or_default();
    counter.drop_expired(now);
    Ok(counter.permits(people, limit))
}

/// Counts a group that was found deleted. `Refused` means that nothing follows from it.
pub async fn record_group_deletion(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<RemovalPermit, StoreError> {
    update(store, tenant, now, |counter| {
        if counter.groups_deleted.len() >= GROUP_DELETION_LIMIT {
            return RemovalPermit::Refused;
        }
        counter.groups_deleted.push(now);
        RemovalPermit::Granted
    })
    .await
}

/// Part of a transaction: counts so many more memberships, or fewer if negative.
pub fn count_memberships(tenant: TenantId, more: i64) -> Write {
    let change = vec![Change::Add("memberships", more)];
    Write::Update(keys::removal_counter(tenant), change, Condition::Any)
}

async fn update(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
    decide: impl Fn(&mut RemovalCounter) -> RemovalPermit,
) -> Result<RemovalPermit, StoreError> {
    versioned::update(store, &keys::removal_counter(tenant), |row: Option<RemovalCounter>| {
        let mut counter = row.unwrap_or_default();
        counter.drop_expired(now);
        if decide(&mut counter) == RemovalPermit::Refused {
            return Ok(Decision::Keep(RemovalPermit::Refused));
        }
        let changes = vec![
            Change::Set("removals", to_value(&counter.removals)?),
            Change::Set("groups_deleted", to_value(&counter.groups_deleted)?),
        ];
        Ok(Decision::Write(changes, RemovalPermit::Granted))
    })
    .await
}
