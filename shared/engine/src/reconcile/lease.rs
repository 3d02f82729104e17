//! The lease of a cycle: one cycle per tenant at a time, and none that a later one has answered.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::CycleReport;
use super::outage::Outages;
use crate::stored::{delete_unreadable, readable};
use clients::http::{CALL_TIMEOUT, Deadline};
use domain::ids::TenantId;
use store::keys;
use store::lease::{FirstLease, Lease, LeaseTerms};
use store::message::ReconcileRequest;
use store::table::{
    Change, Condition, Key, Store, StoreError, Test, milliseconds, moment, to_value,
};

/// Interval of full cycles: five minutes, less half a minute since no schedule is exact.
const FULL_EVERY: SignedDuration = SignedDuration::from_secs(5 * 60 - 30);

/// The exclusive right to run a tenant's cycle.
pub(super) struct CycleLease {
    lease: Lease,
    row: CycleRow,
    began: Timestamp,
}

#[derive(Deserialize)]
struct CycleRow {
    /// Start of the last full cycle.
    #[serde(default = "epoch", with = "milliseconds")]
    full_at: Timestamp,
    #[serde(default)]
    outages: Outages,
}

/// The moments that decide if a cycle may begin.
#[derive(Deserialize)]
struct CycleMoments {
    #[serde(rename = "began", with = "milliseconds")]
    _began: Timestamp,
    #[serde(rename = "lease_until", with = "milliseconds")]
    _lease_until: Timestamp,
    #[serde(flatten)]
    _row: CycleRow,
}

/// Returns `true` if no later cycle can begin, because the row cannot be read.
async fn is_unusable(store: &dyn Store, key: &Key) -> Result<bool, StoreError> {
    let row = store.get(key).await?;
    Ok(row.is_some_and(|row| readable::<CycleMoments>(row).is_none()))
}

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// The parts that a cycle runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The parts of every minute.
    Minute,
    /// All parts.
    Full,
}

impl CycleLease {
    /// Takes the lease. Returns `None` if a cycle is running, or began after the request.
    pub(super) async fn acquire(
        store: &dyn Store,
        request: &ReconcileRequest,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Self>, StoreError> {
        // Every call of the cycle has ended by then.
        let until = deadline.0 + SignedDuration::try_from(CALL_TIMEOUT).unwrap_or_default();
        let terms = LeaseTerms {
            require: vec![Test::Below("began", request.at.as_millisecond())],
            set: vec![Change::Set("began", moment(now))],
            ..LeaseTerms::new(now, until, FirstLease::Absent)
        };
        let key = key(request.tenant);
        let taken = match Lease::take(store, key.clone(), terms.clone()).await {
            Ok(None) | Err(StoreError::Malformed(_)) if is_unusable(store, &key).await? => {
                delete_unreadable(store, vec![key.clone()]).await?;
                Lease::take(store, key, terms).await?
            }
            taken => taken?,
        };
        Ok(taken.map(|(lease, row)| Self { lease, row, began: now }))
    }

    /// Returns the parts that are due in this cycle.
    pub(super) fn extent(&self) -> Extent {
        let since_full = self.began.duration_since(self.row.full_at);
        if since_full >= FULL_EVERY { Extent::Full } else { Extent::Minute }
    }

    /// Returns the outages that the last cycle knew.
    pub(super) fn outages(&self) -> &Outages {
        &self.row.outages
    }

    /// Gives the lease back and stores the report.
    pub(super) async fn release(
        self,
        store: &dyn Store,
        report: &CycleReport,
        outages: &Outages,
    ) -> Result<(), StoreError> {
        let mut changes = vec![Change::Set("report", to_value(report)?)];
        if *outages != self.row.outages {
            changes.push(Change::Set("outages", to_value(outages)?));
        }
        // Stored at the end only: a full cycle that was cut off is full again.
        if self.extent() == Extent::Full {
            changes.push(Change::Set("full_at", moment(self.began)));
        }
        match store.write(vec![self.lease.close(changes, vec![])?]).await {
            // The lease ended before the cycle did, and the next cycle has begun.
            Err(StoreError::ConditionFailed) => Ok(()),
            written => written,
        }
    }
}

fn key(tenant: TenantId) -> Key {
    keys::cursor(tenant, "cycle")
}

/// Makes the tenant's next cycle a full one, for an admin who waits for what they connected or
/// switched on.
///
/// # Errors
/// The table's.
pub async fn request_full_cycle(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    let due_now = vec![Change::Set("full_at", moment(Timestamp::UNIX_EPOCH))];
    match store.update(&key(tenant), due_now, Condition::Holds(vec![])).await {
        // Without a row there was no cycle, and the first one is full.
        Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the report of the tenant's last cycle, or `None` before the first.
///
/// # Errors
/// The table's.
pub async fn last_report(
    store: &dyn Store,
    tenant: TenantId,
) -> Result<Option<CycleReport>, StoreError> {
    #[derive(Deserialize)]
    struct Reported {
        report: Option<CycleReport>,
    }
    let row = store.get(&key(tenant)).await?;
    Ok(row.and_then(readable::<Reported>).and_then(|row| row.report))
}
