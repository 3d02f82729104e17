//! The merge: what each side was last known to be, what it is read to be now, and so what has to be carried over. Pure: no I/O, no async, no clock.
//!
//! A look goes through it in this order: [`see`] overlays a reading with what is recent and settles old intents; [`Draft::of`] compares and
//! says what is wanted; [`Draft::brake`] holds what looks like a disaster; [`Draft::order`] makes [`Plan`] of it, within the limits of owners;
//! [`Plan::intend`] is stored; the steps are taken; [`Memory::after`] says what is known then.
//!
//! # Guarantees
//! * A side that did not change is never the reason for a write.
//! * With nothing agreed, nobody is removed.
//! * A second look at the same readings plans nothing.
//! * Whoever does not take part is in no step, and keeps what was agreed.

mod brake;
mod draft;
mod memory;
mod names;
mod order;
mod see;

pub use brake::{Brake, BrakeLimit, HeldFor, Holding};
pub use draft::{Draft, Held, Retry, Subject, Terms, Wanted};
pub use memory::{Instruction, Intent, Memory, Outcome, Owed, OwedTo, PerTruth, Recent, Refusal, Touched};
pub use names::{Decoration, Former, GroupName, NameIntent, NameReading, NameTerms, NameWrite, Names, TeamName};
pub use order::{Limits, Plan, Step};
pub use see::{Seen, see};

use jiff::{SignedDuration, Timestamp};

/// How long a value seen or written on the Microsoft side stands, whatever readings show: Entra's replicas lag, and differ.
pub const RECENT: SignedDuration = SignedDuration::from_mins(15);

/// When what began at `at` is no longer recent. A moment comes out of the table: it can be the last that there is.
fn after_recent(at: Timestamp) -> Timestamp {
    at.checked_add(RECENT).unwrap_or(Timestamp::MAX)
}

/// Most owners of a group. <https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions>
pub const OWNER_LIMIT: usize = 100;

/// Which side's changes are carried over.
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
    fn carries_from(self, source: crate::membership::Side) -> bool {
        self == Self::Both || source == crate::membership::Side::Group
    }
}
