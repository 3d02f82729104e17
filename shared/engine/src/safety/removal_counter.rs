//! The tenant's removal counter: removals of all links in 24 hours, against all memberships.
//!
//! Disasters come one person at a time, over many teams. A small item for each hour holds the
//! number of removals that were first planned in it. Each is counted in the transaction that marks
//! the person as counted, so a further try costs nothing, and what never happened is given back.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use domain::ids::{GroupId, TenantId};
use domain::merge::RemovalLimit;
use store::keys;
use store::pages;
use store::table::{
    Change, Condition, EXPIRES_AT, Key, Query, Store, StoreError, Test, Write, from_item, to_value,
};
use store::versioned::{self, Decision};

/// Most groups that may be found deleted within 24 hours before nothing more follows from it.
pub const GROUP_DELETION_LIMIT: usize = 3;

const HOUR: i64 = 3_600;

/// Hours that can hold removals of the last 24 hours: the first and the last of them in part.
const HOURS: i64 = 25;

/// Items of one page of a query.
const PAGE: usize = 100;

/// Removals of the last day, as they were read.
#[derive(Clone, Debug, Default)]
pub struct RemovalCounter {
    /// Counts by hour since the epoch.
    removals: BTreeMap<i64, i64>,
    memberships: i64,
}

#[derive(Default, Deserialize)]
struct HourRow {
    #[serde(default)]
    removals: i64,
}

#[derive(Default, Deserialize)]
struct TenantRow {
    #[serde(default)]
    memberships: i64,
    #[serde(default)]
    deleted_groups: Vec<DeletedGroup>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct DeletedGroup {
    group: GroupId,
    at: Timestamp,
}

/// The answer of the removal counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalPermit {
    /// Permitted.
    Granted,
    /// Above the limit.
    Refused,
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

/// Returns `true` if what happened at `at` still counts.
pub(crate) fn is_within_a_day(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_hours(24)
}

/// Loads what counts at `now`.
pub async fn load(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<RemovalCounter, StoreError> {
    let Key { pk, sk: prefix } = keys::removal_counter(tenant);
    let mut counter = RemovalCounter::default();
    for item in pages::all(store, &Query::Partition { pk, prefix: prefix.clone() }, PAGE).await? {
        let sort_key = Key::of(&item).map(|key| key.sk).unwrap_or_default();
        if sort_key == prefix {
            counter.memberships = from_item::<TenantRow>(item)?.memberships;
        // The table deletes late: items of earlier days can still be there.
        } else if let Some(hour) = keys::removal_hour(&sort_key)
            && hour > hour_of(now) - HOURS
        {
            // An error ends the run: without this hour, the limit would permit too much.
            counter.removals.insert(hour, from_item::<HourRow>(item)?.removals);
        }
    }
    Ok(counter)
}

impl RemovalCounter {
    /// Returns the answer for so many further removals.
    pub fn permits(&self, people: usize, limit: RemovalLimit) -> RemovalPermit {
        match self.room(limit) < count(people) {
            true => RemovalPermit::Refused,
            false => RemovalPermit::Granted,
        }
    }

    fn room(&self, limit: RemovalLimit) -> i64 {
        // A count below zero is wrong, and permits the least.
        let memberships = usize::try_from(self.memberships).unwrap_or(0);
        count(limit.of(memberships)).saturating_sub(self.removals.values().sum())
    }

    /// Part of a transaction: counts so many removals. It fails if others were counted meanwhile
    /// and the limit no longer permits these.
    pub fn count(
        &self,
        tenant: TenantId,
        people: usize,
        limit: RemovalLimit,
        now: Timestamp,
    ) -> Result<Write, StoreError> {
        let hour = hour_of(now);
        // The condition counts what others added since the reading.
        let known = self.removals.get(&hour).copied().unwrap_or(0);
        let room = self.room(limit).saturating_sub(count(people));
        let below = Test::Below("removals", known.saturating_add(room).saturating_add(1));
        add(tenant, hour, count(people), Condition::AbsentOr(vec![below]))
    }
}

/// Part of a transaction: gives back removals that were counted at `at` and never happened.
pub fn give_back(tenant: TenantId, at: Timestamp, people: usize) -> Result<Write, StoreError> {
    add(tenant, hour_of(at), -count(people), Condition::Any)
}

fn add(
    tenant: TenantId,
    hour: i64,
    people: i64,
    condition: Condition,
) -> Result<Write, StoreError> {
    // The hour must outlive the day that it counts for.
    let ends_at = (hour + HOURS + 1) * HOUR;
    let changes =
        vec![Change::Add("removals", people), Change::Set(EXPIRES_AT, to_value(&ends_at)?)];
    Ok(Write::Update(keys::removals_of_hour(tenant, hour), changes, condition))
}

fn count(people: usize) -> i64 {
    i64::try_from(people).unwrap_or(i64::MAX)
}

/// Counts a group that was found deleted, once. `Refused` means that nothing follows from it.
pub async fn record_group_deletion(
    store: &dyn Store,
    tenant: TenantId,
    group: GroupId,
    now: Timestamp,
) -> Result<RemovalPermit, StoreError> {
    versioned::update(store, &keys::removal_counter(tenant), |row: Option<TenantRow>| {
        let mut groups = row.unwrap_or_default().deleted_groups;
        groups.retain(|deleted| is_within_a_day(deleted.at, now));
        // The same deletion is asked about again after a crash.
        if groups.iter().any(|deleted| deleted.group == group) {
            return Ok(Decision::Keep(RemovalPermit::Granted));
        }
        if groups.len() >= GROUP_DELETION_LIMIT {
            return Ok(Decision::Keep(RemovalPermit::Refused));
        }
        groups.push(DeletedGroup { group, at: now });
        let changes = vec![Change::Set("deleted_groups", to_value(&groups)?)];
        Ok(Decision::Write(changes, RemovalPermit::Granted))
    })
    .await
}

/// Part of a transaction: counts so many more memberships, or fewer if negative.
pub(crate) fn count_memberships(tenant: TenantId, more: i64) -> Write {
    let change = vec![Change::Add("memberships", more)];
    Write::Update(keys::removal_counter(tenant), change, Condition::Any)
}
