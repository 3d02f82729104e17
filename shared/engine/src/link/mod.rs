//! The link of a team and its group, its lease, and its people.
//!
//! # Guarantees
//! Only the holder of the lease writes the link and its people. One conditional update takes the
//! lease, and every later write requires that it is still held.

mod action;
mod claim;
mod lease;
mod listing;
mod model;
mod people;
mod request_override;
mod requests;
mod row;
mod service_account;
mod successor;
mod unlink;

pub use crate::codes::{CardAnswer, FailureKind, FailureReason};
pub(crate) use action::{ACTION_LEASE, Begun, FollowUp, LinkAction};
pub(crate) use claim::released;
pub use claim::{Claim, claims};
pub(crate) use lease::take_for;
pub use lease::{Closing, Lease, take_lease};
pub(crate) use listing::listing;
pub use listing::{LinkCount, LinkState, count, page};
pub use model::{
    Asked, Card, CreationRequest, Ended, GroupOrigin, Link, LinkCounts, Phase, RenameRefusal,
    SyncFailure, Unseen, WayBack,
};
pub use people::{CountedRemoval, LastChange, LinkPerson, Who, delete_person, people, put_person};
pub use request_override::{
    OverrideOutcome, OverrideProposal, ProposedRoles, UndoScope, request_override,
};
pub use requests::{Schedule, SyncRequests, raise};
use row::index_attributes;
pub use row::{LinkRow, creation, due_condition, key, partition};
pub use service_account::{JoinedBy, ServiceAccountPresence};
pub(crate) use successor::{creation_after, purge_people};
pub use unlink::{Unlinked, unlink};
