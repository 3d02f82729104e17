//! However many take at once, a quota is kept; and while nobody takes much, it costs next to nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::clock::SimulatedClock;
use domain::ids::TenantId;
use engine::quota::{self, Priority, Quota, Taken, Taker};
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

/// What is granted of one after the other, each `milliseconds` after the one before.
async fn granted(quota: Quota, priority: Priority, takes: &[(i64, usize)]) -> Vec<(Timestamp, usize)> {
    let (store, mut now, mut granted) = (store(), start(), vec![]);
    for (milliseconds, count) in takes {
        now += SignedDuration::from_millis(*milliseconds);
        let known = quota::read(&store, quota).await.unwrap();
        // Whoever draws nought writes: so all of them are counted.
        let taker = Taker { priority, now, lot: 0 };
        if taker.take(&store, quota, *count, known).await.unwrap() == Taken::Granted {
            granted.push((now, *count));
        }
    }
    granted
}

fn most_within(window: SignedDuration, granted: &[(Timestamp, usize)]) -> usize {
    let within = |from: Timestamp| granted.iter().filter(move |(at, _)| *at >= from && *at < from + window);
    granted.iter().map(|(from, _)| within(*from).map(|(_, count)| count).sum()).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_window_has_more_than_its_limit(takes in prop::collection::vec((0..400i64, 1..8usize), 1..900)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (quota, window, limit) in [
            (Quota::Webex(TENANT), 60, 300),
            (Quota::GraphWrites(TENANT), 150, 3_000),
            (Quota::AllGraphWrites, 300, 35_000),
            (Quota::SharePoint(TENANT), 60, 1_200),
        ] {
            let granted = runtime.block_on(granted(quota, Priority::Awaited, &takes));
            prop_assert!(most_within(SignedDuration::from_secs(window), &granted) <= limit, "{quota:?}");
        }
    }
}

#[tokio::test]
async fn under_pressure_nearly_all_of_a_quota_is_used() {
    let pressed: Vec<(i64, usize)> = (0..12_000).map(|_| (50, 2)).collect();
    let granted = granted(Quota::Webex(TENANT), Priority::Awaited, &pressed).await;
    let used: usize = granted.iter().map(|(_, count)| count).sum();
    assert!((1_700..=2_000).contains(&used), "{used} calls in ten minutes");
}

#[tokio::test]
async fn repair_leaves_half_of_the_bucket_to_what_somebody_waits_for() {
    let (store, quota, now) = (store(), Quota::Webex(TENANT), start());
    let take = async |priority, now| {
        let known = quota::read(&store, quota).await.unwrap();
        Taker { priority, now, lot: 0 }.take(&store, quota, 2, known).await.unwrap()
    };
    let mut repairs = 0;
    while take(Priority::Repair, now).await == Taken::Granted {
        repairs += 1;
    }
    assert!(repairs < 30, "{repairs}");
    assert_eq!(take(Priority::Awaited, now).await, Taken::Granted);
    let Taken::NotBefore(until) = take(Priority::Repair, now).await else { panic!("there is room") };
    assert_eq!(take(Priority::Repair, until).await, Taken::Granted, "then there is room");
}

#[tokio::test]
async fn an_idle_bucket_is_written_by_one_in_eight_for_all_of_them() {
    let (store, quota) = (store(), Quota::Webex(TENANT));
    let mut now = start();
    for lot in 0..80 {
        now += SignedDuration::from_secs(600);
        let known = quota::read(&store, quota).await.unwrap();
        let taker = Taker { priority: Priority::Awaited, now, lot };
        assert_eq!(taker.take(&store, quota, 2, known).await.unwrap(), Taken::Granted);
    }
    assert_eq!(store.requests().writes(), 10);
}

#[tokio::test]
async fn one_large_taking_is_granted_and_the_next_waits_for_it() {
    let granted = granted(Quota::GraphWrites(TENANT), Priority::Awaited, &[(0, 900), (1_000, 1), (60_000, 1)]).await;
    assert_eq!(granted.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [900, 1]);
}

#[test]
fn those_who_find_a_bucket_full_come_back_at_moments_of_their_own() {
    let back = |lot| Taker { priority: Priority::Repair, now: start(), lot }.comes_back(start());
    let moments: BTreeSet<Timestamp> = (0..100).map(|n| back(n * 0x9e37_79b9_7f4a_7c15)).collect();
    assert!(moments.len() > 95, "{}", moments.len());
    assert!(moments.iter().all(|at| *at >= start() && *at < start() + SignedDuration::from_secs(30)));
}
