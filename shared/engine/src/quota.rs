//! Rate limiters for the services' quotas, shared by all functions: a leaky bucket in the table
//! for each quota (GCRA).
//!
//! A bucket is one number: the moment at which it will have drained. Taking from it moves that
//! moment on; a caller waits if the moment is too far away. Of the small takes from an idle bucket
//! one in eight is written, for all eight. So a tenant in sync costs next to nothing, and a busy
//! one is counted exactly.
//!
//! # Assumptions
//! The services' own limits hold: a 429 starts the tenant's backoff, whatever is counted here.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::stored::load_rebuildable;
use domain::ids::TenantId;
use store::table::{Change, Condition, Key, Store, StoreError, Test, milliseconds, moment};

/// One in this many small takes from an idle bucket is written, for all of them.
const SAMPLED: i64 = 8;

/// Range in milliseconds over which waiting callers return, so that they do not all return at once.
const JITTER_MS: u128 = 30_000;

/// A level that no bucket reaches.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Attempts before a contended bucket counts as full.
const MAX_TRIES: usize = 3;

/// A shared quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Calls of the service account: about 300 a minute, of which the cycles need some.
    Webex(TenantId),
    /// Writes of our app in a tenant's directory: 3,000 in 150 seconds.
    /// <https://learn.microsoft.com/graph/throttling-limits>
    GraphWrites(TenantId),
    /// Writes of our app in all directories: 35,000 in 300 seconds.
    AllGraphWrites,
    /// Resource units of our app in a tenant's SharePoint: with the smallest license 1,200 a
    /// minute and 1.2 million a day. Reading an item costs one, everything else two.
    /// <https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online>
    SharePoint(TenantId),
}

/// Priority of a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A person waits for the work.
    Awaited,
    /// Repair and deferred work: it leaves half of the bucket to other work.
    Repair,
}

/// Part of a quota of all tenants that one of them can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    Whole,
    /// Half of it: the other half is for tenants that use less.
    Half,
}

impl Share {
    /// Returns the share of a tenant whose own quota has this bucket.
    ///
    /// A few tenants at the limits of their quotas could use up one that all tenants have.
    pub fn of(own: Quota, bucket: Option<Bucket>, now: Timestamp) -> Self {
        let half = own.drain_time(own.rate().burst / 2);
        match bucket {
            Some(bucket) if bucket.drained_at > now + half => Self::Half,
            _ => Self::Whole,
        }
    }
}

/// Answer of a rate limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquire {
    /// The calls are counted and can be made.
    Acquired,
    /// The calls cannot be made before this moment.
    RetryAt(Timestamp),
}

/// Drain rate and size of a bucket. Burst and refill together stay below the service's limit in
/// any window of it.
struct Rate {
    /// Milliseconds in which one call drains.
    interval: i64,
    /// Calls that the bucket holds.
    burst: i64,
}

impl Quota {
    /// The key of its bucket.
    pub(crate) fn key(self) -> Key {
        match self {
            Self::Webex(tenant) => Key::new(format!("TENANT#{tenant}"), "RATE#webex"),
            Self::GraphWrites(tenant) => Key::new(format!("TENANT#{tenant}"), "RATE#graph"),
            Self::AllGraphWrites => Key::new("APP", "RATE#graph"),
            Self::SharePoint(tenant) => Key::new(format!("TENANT#{tenant}"), "RATE#sharepoint"),
        }
    }

    fn rate(self) -> Rate {
        let (interval, burst) = match self {
            // 100 at once and 180 a minute: 280 of about 300.
            Self::Webex(_) => (333, 100),
            // 300 at once and 2,679 in 150 seconds: 2,979 of 3,000.
            Self::GraphWrites(_) => (56, 300),
            // 1,500 at once and 33,333 in 300 seconds: 34,833 of 35,000.
            Self::AllGraphWrites => (9, 1_500),
            // 300 at once and 800 a minute: 1,100 of 1,200, and 1.15 million a day.
            Self::SharePoint(_) => (75, 300),
        };
        Rate { interval, burst }
    }

    /// Returns `true` if a take is so small that one in some is written for all.
    fn is_small(self, count: usize) -> bool {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        // All eight at once use a quarter of the bucket at most, so a wrong guess does little harm.
        count.saturating_mul(SAMPLED) <= self.rate().burst / 4
    }

    /// Returns the time in which this many calls drain.
    fn drain_time(self, count: i64) -> SignedDuration {
        SignedDuration::from_millis(self.rate().interval.saturating_mul(count))
    }

    /// Returns the level up to which work of this priority can fill a share of the bucket.
    fn capacity(self, priority: Priority, share: Share) -> SignedDuration {
        let burst = self.rate().burst;
        let burst = match priority {
            Priority::Awaited => burst,
            Priority::Repair => burst / 2,
        };
        self.drain_time(match share {
            Share::Whole => burst,
            Share::Half => burst / 2,
        })
    }
}

/// A bucket as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Bucket {
    #[serde(with = "milliseconds")]
    drained_at: Timestamp,
}

impl Bucket {
    /// Returns the moment from which the bucket has room for work of this priority, or `None` if
    /// it has room now.
    pub fn full_until(self, quota: Quota, priority: Priority, now: Timestamp) -> Option<Timestamp> {
        self.share_full_until(quota, priority, Share::Whole, now)
    }

    /// Returns the moment from which a share of the bucket has room, or `None` if it has room now.
    pub fn share_full_until(
        self,
        quota: Quota,
        priority: Priority,
        share: Share,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let until = self.drained_at - quota.capacity(priority, share);
        (until > now).then_some(until)
    }
}

/// A caller of rate-limited services.
#[derive(Clone, Copy, Debug)]
pub struct RateLimiter {
    /// Priority of its work.
    pub priority: Priority,
    /// Now.
    pub now: Timestamp,
    /// A number that differs between callers. It decides which of them writes for the others while
    /// a bucket is idle.
    pub jitter_seed: u128,
}

/// A write to a bucket.
struct Take {
    change: Change,
    condition: Condition,
}

impl RateLimiter {
    /// Takes `count` from a quota if its bucket is not full. `known` is the bucket if the caller
    /// has read it, and saves a read.
    ///
    /// One large take may overfill the bucket; later callers wait for it.
    ///
    /// # Errors
    /// The table's.
    pub async fn take(
        self,
        store: &dyn Store,
        quota: Quota,
        count: usize,
        known: Option<Bucket>,
    ) -> Result<Acquire, StoreError> {
        self.take_share(store, quota, Share::Whole, count, known).await
    }

    /// Takes `count` from a quota if this share of its bucket is not full.
    ///
    /// # Errors
    /// The table's.
    pub async fn take_share(
        self,
        store: &dyn Store,
        quota: Quota,
        share: Share,
        count: usize,
        known: Option<Bucket>,
    ) -> Result<Acquire, StoreError> {
        self.take_up_to(store, quota, count, known, quota.capacity(self.priority, share)).await
    }

    /// Counts calls that were made without taking them before, however full the bucket is.
    ///
    /// # Errors
    /// The table's.
    pub async fn add(
        self,
        store: &dyn Store,
        quota: Quota,
        count: usize,
        known: Option<Bucket>,
    ) -> Result<(), StoreError> {
        self.take_up_to(store, quota, count, known, A_DAY).await.map(drop)
    }

    /// Gives back calls that were taken and not made. A few are not worth a write.
    ///
    /// # Errors
    /// The table's.
    pub async fn give_back(
        self,
        store: &dyn Store,
        quota: Quota,
        count: usize,
    ) -> Result<(), StoreError> {
        if quota.is_small(count) {
            return Ok(());
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let back = quota.rate().interval.saturating_mul(count).saturating_neg();
        let change = vec![Change::Add("drained_at", back)];
        store.update(&quota.key(), change, Condition::Any).await.map(drop)
    }

    async fn take_up_to(
        self,
        store: &dyn Store,
        quota: Quota,
        count: usize,
        known: Option<Bucket>,
        capacity: SignedDuration,
    ) -> Result<Acquire, StoreError> {
        let mut bucket = known;
        for _ in 0..MAX_TRIES {
            let full_until = bucket.map(|bucket| bucket.drained_at - capacity);
            if let Some(until) = full_until.filter(|until| *until > self.now) {
                return Ok(Acquire::RetryAt(until));
            }
            let Some(Take { change, condition }) = self.take_from(bucket, quota, count, capacity)
            else {
                return Ok(Acquire::Acquired);
            };
            match store.update(&quota.key(), vec![change], condition).await {
                Ok(_) => return Ok(Acquire::Acquired),
                // Another caller took from it since, so its level is read again.
                Err(StoreError::ConditionFailed) => bucket = read(store, quota).await?,
                Err(error) => return Err(error),
            }
        }
        // A bucket with this many concurrent callers is not idle.
        Ok(Acquire::RetryAt(self.now + SignedDuration::from_secs(1)))
    }

    /// Returns the write that takes from a bucket with room, or `None` if another caller counts it.
    fn take_from(
        self,
        bucket: Option<Bucket>,
        quota: Quota,
        count: usize,
        capacity: SignedDuration,
    ) -> Option<Take> {
        let is_small = quota.is_small(count);
        let interval = quota.rate().interval;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let below = |level: Timestamp| {
            let level = level.as_millisecond().saturating_add(1);
            Condition::Holds(vec![Test::Below("drained_at", level)])
        };
        // A busy bucket is counted exactly: that is where the quota can run out.
        if bucket.is_some_and(|bucket| bucket.drained_at > self.now) {
            let change = Change::Add("drained_at", interval.saturating_mul(count));
            return Some(Take { change, condition: below(self.now + capacity) });
        }
        // A large take is always counted, also while the bucket is idle.
        let for_all = count.saturating_mul(SAMPLED);
        if is_small && !self.jitter_seed.is_multiple_of(SAMPLED.unsigned_abs().into()) {
            return None;
        }
        let drained_at = self.now + quota.drain_time(if is_small { for_all } else { count });
        // Setting the moment would erase what another caller took since the bucket was read.
        let condition = if bucket.is_some() { below(self.now) } else { Condition::Absent };
        Some(Take { change: Change::Set("drained_at", moment(drained_at)), condition })
    }

    /// Adds this caller's jitter to `until`, so that waiting callers do not retry together.
    pub fn with_jitter(self, until: Timestamp) -> Timestamp {
        let jitter = i64::try_from(self.jitter_seed % JITTER_MS).unwrap_or(0);
        until + SignedDuration::from_millis(jitter)
    }
}

/// Returns the bucket of a quota, or `None` before anything was counted.
///
/// # Errors
/// The table's.
pub async fn read(store: &dyn Store, quota: Quota) -> Result<Option<Bucket>, StoreError> {
    load_rebuildable(store, &quota.key()).await
}
