//! Tests of quotas: limits under load, and the cost of idle buckets.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::clock::SimulatedClock;
use domain::ids::TenantId;
use engine::quota::{self, Acquire, Bucket, Priority, Quota, RateLimiter, Share};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use store::table::memory::MemoryStore;
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::nil());

fn store() -> MemoryStore {
    MemoryStore::new(Arc::new(SimulatedClock::starting_at(start())))
}

fn start() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// Returns the granted requests, each `milliseconds` after the one before.
async fn granted(
    quota: Quota,
    priority: Priority,
    requests: &[(i64, usize)],
) -> Vec<(Timestamp, usize)> {
    let (store, mut now, mut granted) = (store(), start(), vec![]);
    for (milliseconds, count) in requests {
        now += SignedDuration::from_millis(*milliseconds);
        let known = quota::read(&store, quota).await.unwrap();
        // A seed of 0 always writes, so each request is counted.
        let limiter = RateLimiter { priority, now, jitter_seed: 0 };
        if limiter.take(&store, quota, *count, known).await.unwrap() == Acquire::Acquired {
            granted.push((now, *count));
        }
    }
    granted
}

fn max_within(window: SignedDuration, granted: &[(Timestamp, usize)]) -> usize {
    let within =
        |from: Timestamp| granted.iter().filter(move |(at, _)| *at >= from && *at < from + window);
    granted.iter().map(|(from, _)| within(*from).map(|(_, count)| count).sum()).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_window_exceeds_its_limit(
        requests in prop::collection::vec((0..400i64, 1..8usize), 1..900),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (quota, window, limit) in [
            (Quota::Webex(TENANT), 60, 300),
            (Quota::GraphWrites(TENANT), 150, 3_000),
            (Quota::AllGraphWrites, 300, 35_000),
            (Quota::SharePoint(TENANT), 60, 1_200),
        ] {
            let granted = runtime.block_on(granted(quota, Priority::Awaited, &requests));
            let window = SignedDuration::from_secs(window);
            prop_assert!(max_within(window, &granted) <= limit, "{quota:?}");
        }
    }
}

#[tokio::test]
async fn pressure_uses_nearly_the_whole_quota() {
    let requests: Vec<(i64, usize)> = (0..12_000).map(|_| (50, 2)).collect();
    let granted = granted(Quota::Webex(TENANT), Priority::Awaited, &requests).await;
    let used: usize = granted.iter().map(|(_, count)| count).sum();
    assert!((1_700..=2_000).contains(&used), "{used} calls in ten minutes");
}

#[tokio::test]
async fn repair_leaves_half_of_the_bucket() {
    let (store, quota, now) = (store(), Quota::Webex(TENANT), start());
    let take = async |priority, now| {
        let known = quota::read(&store, quota).await.unwrap();
        RateLimiter { priority, now, jitter_seed: 0 }.take(&store, quota, 2, known).await.unwrap()
    };
    let mut repairs = 0;
    while take(Priority::Repair, now).await == Acquire::Acquired {
        repairs += 1;
    }
    assert!(repairs < 30, "{repairs}");
    assert_eq!(take(Priority::Awaited, now).await, Acquire::Acquired);
    let Acquire::RetryAt(until) = take(Priority::Repair, now).await else { panic!("not limited") };
    assert_eq!(take(Priority::Repair, until).await, Acquire::Acquired, "room at that time");
}

#[tokio::test]
async fn one_in_eight_writes_an_idle_bucket() {
    let (store, quota) = (store(), Quota::Webex(TENANT));
    let mut now = start();
    for jitter_seed in 0..80 {
        now += SignedDuration::from_secs(600);
        let known = quota::read(&store, quota).await.unwrap();
        let limiter = RateLimiter { priority: Priority::Awaited, now, jitter_seed };
        assert_eq!(limiter.take(&store, quota, 2, known).await.unwrap(), Acquire::Acquired);
    }
    assert_eq!(store.requests().writes(), 10);
}

/// The refusals of a modest tenant beside greedy ones, and the units that all of them got.
#[derive(Debug)]
struct Shared {
    refusals: usize,
    units: usize,
}

/// A rule for the share of a tenant.
type ShareOf = fn(Quota, Option<Bucket>, Timestamp) -> Share;

/// Lets greedy tenants write all that they can for ten minutes, and a modest one now and then.
async fn share_writes(greedy: usize, pauses: &[i64], share_of: ShareOf) -> Shared {
    let (store, quota) = (store(), Quota::AllGraphWrites);
    let take = async |tenant: usize, count: usize, now: Timestamp| {
        let own = Quota::GraphWrites(TenantId(Uuid::from_u128(tenant as u128)));
        let limiter = RateLimiter { priority: Priority::Awaited, now, jitter_seed: 0 };
        let known = quota::read(&store, own).await.unwrap();
        if limiter.take(&store, own, count, known).await.unwrap() != Acquire::Acquired {
            return None;
        }
        let share = share_of(own, known, now);
        let known = quota::read(&store, quota).await.unwrap();
        Some(limiter.take_share(&store, quota, share, count, known).await.unwrap())
    };
    let mut pauses = pauses.iter().cycle();
    let mut found = Shared { refusals: 0, units: 0 };
    let mut next = start();
    for step in 0..2_400 {
        let now = start() + SignedDuration::from_millis(250 * step);
        for tenant in 1..=greedy {
            while let Some(Acquire::Acquired) = take(tenant, 20, now).await {
                found.units += 20;
            }
        }
        if now >= next {
            next = now + SignedDuration::from_secs(*pauses.next().unwrap());
            match take(0, 20, now).await {
                Some(Acquire::Acquired) => found.units += 20,
                _ => found.refusals += 1,
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn modest_tenant_never_waits_for_greedy_ones(
        greedy in 1..30usize,
        pauses in prop::collection::vec(5..60i64, 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(share_writes(greedy, &pauses, Share::of));
        // All of them begin at once, with empty buckets.
        prop_assert!(found.refusals <= 1, "{found:?}");
    }
}

#[tokio::test]
async fn shares_leave_the_whole_quota_in_use() {
    let with = share_writes(12, &[10], Share::of).await;
    let without = share_writes(12, &[10], |_, _, _| Share::Whole).await;
    assert!(without.refusals > 10, "the greedy ones take all of it: {without:?}");
    assert!(with.units * 100 >= without.units * 98, "{with:?}, {without:?}");
}

#[tokio::test]
async fn large_request_delays_the_next_one() {
    let granted = granted(
        Quota::GraphWrites(TENANT),
        Priority::Awaited,
        &[(0, 900), (1_000, 1), (60_000, 1)],
    )
    .await;
    assert_eq!(granted.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [900, 1]);
}

#[test]
fn retries_after_a_full_bucket_have_jitter() {
    let retry_at = |jitter_seed| {
        RateLimiter { priority: Priority::Repair, now: start(), jitter_seed }.with_jitter(start())
    };
    let times: BTreeSet<Timestamp> =
        (0..100).map(|n| retry_at(n * 0x9e37_79b9_7f4a_7c15)).collect();
    assert!(times.len() > 95, "{}", times.len());
    assert!(times.iter().all(|at| *at >= start() && *at < start() + SignedDuration::from_secs(30)));
}
