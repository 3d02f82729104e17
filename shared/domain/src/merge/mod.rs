//! The merge: compares what each side shows with its baseline, and plans the writes that make both
//! sides equal. Pure: no I/O, no async, no clock.
//!
//! A sync run uses it in this order: [`PersonState::questions`] says which absences need proof.
//! [`apply_overlay`] judges them, overlays a reading with the values of the lag window, and settles
//! open intents and unconfirmed values. [`Draft::of`] compares and collects the differences.
//! [`Draft::limit_removals`] holds back unusually many removals. [`Draft::order`] turns the rest
//! into a [`Plan`] within the limits on owners, and [`Plan::portion`] cuts it to what one run can
//! finish. The run stores [`Plan::intend`], makes the calls, and stores what
//! [`PersonState::after`] returns.
//!
//! # Guarantees
//! * A side that did not change never causes a write.
//! * A listing alone never says that a person is gone.
//! * A write that was acknowledged and lost is never taken for an act of a person.
//! * Without a baseline, no one is removed.
//! * A second run with the same readings plans nothing.
//! * Excluded people are in no step, and keep their baseline.

mod absence;
mod baseline;
mod decoration;
mod diff;
mod name;
mod overlay;
mod plan;
mod removal_limit;
mod rename;
mod role_override;
mod unconfirmed;

pub use absence::{Absence, Certainty, Evidence, PROOF_PAUSE, Proof};
pub use baseline::{
    Deferred, DeferredBy, Dirty, LagEntry, PerAspect, PersonState, RuleRefusal, StepOutcome,
    WriteIntent,
};
pub use decoration::{Decoration, NameReading, display_name};
pub use diff::{Difference, Draft, PersonRemoval, Retry, Subject, Terms};
pub use name::{NameState, NameTerms, TeamName};
pub use overlay::{OverlaidReading, apply_overlay};
pub use plan::{OwnerLimits, PORTION, Plan, PlanStep, Work};
pub use removal_limit::{ApprovalReason, ApprovalState, Missing, RemovalGuard, RemovalLimit};
pub use rename::{Former, GroupName, IntentCall, NameIntent, NameWrite, OurRename};
pub use role_override::Override;
pub use unconfirmed::{PersonFailure, TRIES, Unanswered, Unconfirmed};

use jiff::{SignedDuration, Timestamp};

/// Lag window: how long a value seen or written in Microsoft 365 counts, whatever readings show.
/// Entra's replicas lag and differ.
pub const LAG_WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Returns the end of the lag window that starts at `at`. Stored moments can be out of range, so
/// this saturates.
fn after_lag_window(at: Timestamp) -> Timestamp {
    later(at, LAG_WINDOW)
}

fn later(at: Timestamp, pause: SignedDuration) -> Timestamp {
    // A time from outside can be near the end of all times.
    at.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// Maximum number of owners of a group.
/// <https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions>
pub const OWNER_LIMIT: usize = 100;

/// Side whose changes are synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Changes on either side.
    #[default]
    Both,
    /// Changes in Microsoft 365 only, as in Cisco's integration.
    Microsoft,
}

impl Direction {
    fn syncs_from(self, source: crate::membership::Side) -> bool {
        self == Self::Both || source == crate::membership::Side::Group
    }
}
