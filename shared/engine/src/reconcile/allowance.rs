//! What is left of the officer's calls for work that nobody waits for.

use super::{Round, SyncError};
use crate::quota::{Priority, Quota, Taken, Taker};

/// Calls of one round for work that nobody waits for: a third of what an account may call in a minute is at most taken by it.
const CALLS_PER_ROUND: usize = 60;

/// What a look that this round asked for is going to call.
const CALLS_PER_LOOK: usize = 2;

/// Calls that are taken from the tenant's quota at a time.
const TAKEN_AT_ONCE: usize = 10;

/// Calls that a round may still make.
pub(super) struct Allowance {
    left: usize,
    /// Those of them that are taken from the quota.
    taken: usize,
}

/// Whether calls may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    Granted,
    /// Another round goes on.
    Later,
}

impl Round<'_> {
    /// What is left when the looks that this round asked for are counted.
    pub(super) fn allowance(&self) -> Allowance {
        let looks = self.report.spaces + self.report.due + self.report.groups + self.report.swept;
        let before = CALLS_PER_LOOK * looks + self.report.called;
        Allowance { left: CALLS_PER_ROUND.saturating_sub(before), taken: 0 }
    }

    /// Asks for so many calls.
    pub(super) async fn may_call(&mut self, allowance: &mut Allowance, calls: usize) -> Result<Leave, SyncError> {
        if allowance.left < calls || !self.has_time() {
            return Ok(Leave::Later);
        }
        while allowance.taken < calls {
            let now = self.now();
            let lot = now.as_millisecond().unsigned_abs().into();
            let taker = Taker { priority: Priority::Repair, now, lot };
            let (quota, known) = (Quota::Webex(self.tenant()), self.at_hand.webex_calls.take());
            if taker.take(self.store(), quota, TAKEN_AT_ONCE, known).await? != Taken::Granted {
                return Ok(Leave::Later);
            }
            allowance.taken += TAKEN_AT_ONCE;
        }
        allowance.left -= calls;
        allowance.taken -= calls;
        self.report.called += calls;
        Ok(Leave::Granted)
    }
}
