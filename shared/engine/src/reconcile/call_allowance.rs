//! The calls that a cycle may spend on long listings, and on work that no one waits for.

use super::SyncError;
use super::context::Cycle;
use crate::quota::{Acquire, Priority, Quota, RateLimiter};

/// Background calls of one cycle: at most a fifth of the 300 calls that an account has per minute.
const CALLS_PER_CYCLE: usize = 60;

/// Calls of a sync that this cycle requested.
const CALLS_PER_SYNC: usize = 2;

/// Calls taken from the tenant's quota at a time.
// Each take is a write to the table, which would be dear for single calls.
const BATCH: usize = 10;

/// Background calls that a cycle may still make.
pub(super) struct CallAllowance {
    left: usize,
    /// Calls that are taken from the quota and not made yet.
    taken: usize,
}

/// Answer to a request for calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallPermit {
    Granted,
    /// A later cycle continues.
    Later,
}

impl CallAllowance {
    /// Returns the calls that the requested syncs and earlier background parts leave.
    pub(super) fn of(cycle: &Cycle<'_>) -> Self {
        let report = &cycle.report;
        let syncs = report.spaces + report.due + report.groups + report.sweep_requests;
        let before = CALLS_PER_SYNC * syncs + report.background_calls;
        Self { left: CALLS_PER_CYCLE.saturating_sub(before), taken: 0 }
    }

    /// Returns the calls for further pages of events, which the background parts then lack.
    pub(super) fn of_events() -> Self {
        Self { left: CALLS_PER_CYCLE, taken: 0 }
    }

    /// Takes `calls` from the allowance and from the tenant's quota.
    pub(super) async fn try_acquire(
        &mut self,
        cycle: &mut Cycle<'_>,
        calls: usize,
    ) -> Result<CallPermit, SyncError> {
        if self.left < calls || !cycle.has_time() {
            return Ok(CallPermit::Later);
        }
        while self.taken < calls {
            let now = cycle.now();
            let jitter_seed = now.as_millisecond().unsigned_abs().into();
            let limiter = RateLimiter { priority: Priority::Repair, now, jitter_seed };
            // The bucket that was read with the tenant saves the first read.
            let known = cycle.snapshot.webex_calls.take();
            let quota = Quota::Webex(cycle.tenant());
            if limiter.take(cycle.store(), quota, BATCH, known).await? != Acquire::Acquired {
                return Ok(CallPermit::Later);
            }
            self.taken += BATCH;
        }
        self.left -= calls;
        self.taken -= calls;
        cycle.report.background_calls += calls;
        Ok(CallPermit::Granted)
    }
}
