//! How much of a service's quota is left, over all functions that run at the same time: a leaky bucket in the table for each.
//!
//! A bucket is one number: the moment at which it will have run dry. Taking from it moves that moment on, and where it is too far away already, whoever asks has to wait.
//! An idle bucket is written by one small taking in eight only, for all eight: a tenant in step costs next to nothing, and a busy one is counted exactly.
//!
//! # Assumptions
//! The services' own limits stand: a 429 shuts the tenant's gate whatever is counted here.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use domain::ids::TenantId;
use store::table::{Change, Condition, Key, Store, StoreError, Test, from_item, milliseconds, moment};

/// One in so many takes from an idle bucket, for all of them.
const SAMPLED: u128 = 8;

/// Over how many milliseconds those who found no room come back: at one moment all but one would find none again.
const BACK_WITHIN: u128 = 30_000;

/// A quota that is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Calls of the officer's account: about 300 a minute, of which rounds need some.
    Webex(TenantId),
    /// Writes of our app in a tenant's directory: 3,000 in 150 seconds. <https://learn.microsoft.com/graph/throttling-limits>
    GraphWrites(TenantId),
    /// Writes of our app in all directories: 35,000 in 300 seconds.
    AllGraphWrites,
    /// Resource units of our app in a tenant's SharePoint: with the smallest licence 1,200 a minute, and 1.2 million a day. To read an item is one, everything else two.
    /// <https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online>
    SharePoint(TenantId),
}

/// What the work is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it.
    Awaited,
    /// Repair, and work that was put off: half of the bucket is left to others.
    Repair,
}

/// Whether there is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was counted: go on.
    Granted,
    /// Not before this moment.
    NotBefore(Timestamp),
}

impl Quota {
    /// Where its bucket is kept.
    pub(crate) fn key(self) -> Key {
        match self {
            Self::Webex(tenant) => Key::new(format!("TENANT#{tenant}"), "BUDGET#webex"),
            Self::GraphWrites(tenant) => Key::new(format!("TENANT#{tenant}"), "BUDGET#graph"),
            Self::AllGraphWrites => Key::new("APP", "BUDGET#graph"),
            Self::SharePoint(tenant) => Key::new(format!("TENANT#{tenant}"), "BUDGET#sharepoint"),
        }
    }

    /// Milliseconds in which one runs out, and how many the bucket holds: in the window of the limit both together stay below it.
    fn rate(self) -> (i64, i64) {
        match self {
            Self::Webex(_) => (333, 100),
            Self::GraphWrites(_) => (56, 300),
            Self::AllGraphWrites => (9, 1_500),
            Self::SharePoint(_) => (75, 300),
        }
    }

    /// How long so many take to run out.
    fn drains(self, count: i64) -> SignedDuration {
        SignedDuration::from_millis(self.rate().0.saturating_mul(count))
    }

    /// How far the bucket may be filled for work of this priority.
    fn room(self, priority: Priority) -> SignedDuration {
        let (_, size) = self.rate();
        self.drains(match priority {
            Priority::Awaited => size,
            Priority::Repair => size / 2,
        })
    }
}

/// A bucket as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Bucket {
    #[serde(with = "milliseconds")]
    dry_at: Timestamp,
}

impl Bucket {
    /// From when on the bucket of a quota has room for work of this priority; `None` if it has now.
    pub fn full_until(self, quota: Quota, priority: Priority, now: Timestamp) -> Option<Timestamp> {
        let until = self.dry_at - quota.room(priority);
        (until > now).then_some(until)
    }
}

/// Somebody who takes.
#[derive(Clone, Copy, Debug)]
pub struct Taker {
    /// What for.
    pub priority: Priority,
    /// When.
    pub now: Timestamp,
    /// Anything that differs between takers: it decides who writes for the others while a bucket is idle.
    pub lot: u128,
}

impl Taker {
    /// Takes `count` of a quota, if its bucket is not full; a single large taking may overfill it, and others wait for that. `known` saves a read where the bucket was read before.
    pub async fn take(
        self,
        store: &dyn Store,
        quota: Quota,
        count: usize,
        known: Option<Bucket>,
    ) -> Result<Taken, StoreError> {
        let (key, (interval, size)) = (quota.key(), quota.rate());
        let cost = i64::try_from(count).unwrap_or(i64::MAX);
        // What is large is counted by itself, also while the bucket is idle.
        let for_all = cost.saturating_mul(i64::try_from(SAMPLED).unwrap_or(1));
        let is_small = for_all <= size / 4;
        let mut bucket = known;
        for _ in 0..3 {
            if let Some(until) = bucket.and_then(|bucket| bucket.full_until(quota, self.priority, self.now)) {
                return Ok(Taken::NotBefore(until));
            }
            let below = |moment: Timestamp| {
                Condition::Holds(vec![Test::Below("dry_at", moment.as_millisecond().saturating_add(1))])
            };
            let (change, unchanged) = match bucket {
                Some(Bucket { dry_at }) if dry_at > self.now => {
                    (Change::Add("dry_at", interval.saturating_mul(cost)), below(self.now + quota.room(self.priority)))
                }
                _ if is_small && !self.lot.is_multiple_of(SAMPLED) => return Ok(Taken::Granted),
                idle => {
                    let for_all = if is_small { for_all } else { cost };
                    let dry_at = self.now + quota.drains(for_all);
                    let unchanged = if idle.is_some() { below(self.now) } else { Condition::Absent };
                    (Change::Set("dry_at", moment(dry_at)), unchanged)
                }
            };
            match store.update(&key, vec![change], unchanged).await {
                Ok(_) => return Ok(Taken::Granted),
                Err(StoreError::ConditionFailed) => bucket = read(store, quota).await?,
                Err(error) => return Err(error),
            }
        }
        // So many at the same moment: the bucket is anything but idle.
        Ok(Taken::NotBefore(self.now + SignedDuration::from_secs(1)))
    }

    /// When it comes back that found no room before `until`: at a moment of its own.
    pub fn comes_back(self, until: Timestamp) -> Timestamp {
        until + SignedDuration::from_millis(i64::try_from(self.lot % BACK_WITHIN).unwrap_or(0))
    }
}

/// The bucket of a quota; `None` before anything was counted.
pub async fn read(store: &dyn Store, quota: Quota) -> Result<Option<Bucket>, StoreError> {
    store.get(&quota.key()).await?.map(from_item).transpose()
}
