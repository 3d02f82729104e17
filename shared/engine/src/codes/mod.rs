//! Codes with values, which the table keeps in place of sentences.
//!
//! The module [`phrases`](crate::phrases) puts them into words. Stored codes never change; their
//! wording can.

mod activity;
mod adoption;
mod alert;
mod backfill;
mod decision;
mod failure;
mod folders;
mod offboard;
mod suspension;

pub use activity::{ChangeReason, Note, Refusal};
pub use adoption::AdoptionBlocker;
pub use alert::{AlertMessage, FailingPerson, Provider, Urgency};
pub use backfill::{BackfillBlocker, BackfillCommand, BackfillFailure};
pub use decision::{AdoptionRight, CardAnswer, DecidedRoles, Decision, SignInRefusal};
pub use failure::{FailureKind, FailureReason, StuckStep};
pub use folders::{FolderBlocker, SpaceState, SpaceStatus};
pub use offboard::{Groups, Links, OffboardingFailure};
pub use suspension::SuspensionReason;
