//! Microsoft Graph and Entra's token endpoint, reduced to the calls that we need.
//! <https://learn.microsoft.com/graph/api/overview>
//!
//! # Guarantees
//! - A listing is complete or an error.
//! - Writes to one group are sequential.
//! - A removal of a member or owner uses a URL that ends in `/$ref`. Without it the same call
//!   deletes the user.

mod batch;
mod client;
mod deleted;
mod delta;
mod drives;
pub mod error;
mod groups;
mod new_group;
mod organization;
mod questions;
mod relations;
mod search;
mod settings;
mod subscriptions;
mod token;
mod users;

pub use client::Graph;
pub use deleted::{DeletedGroup, Deletion};
pub use delta::{Delta, DeltaFrom, Then};
pub use drives::{Drive, DriveId, DriveItem, FolderCreation, InvalidDriveId, ItemId, Moved};
pub use error::is_not_replicated;
pub use groups::{DirectoryObject, Group, GroupReading, ObjectKind, Renamed, Upserted};
pub use new_group::{NewGroup, RELATIONS_PER_CALL};
pub use organization::{DirectoryProfile, VerifiedDomain};
pub use relations::{Bind, BindOutcome, Bound, Relation, Unbound};
pub use search::GroupsFound;
pub use settings::{GroupCreation, GroupSettings};
pub use subscriptions::{SUBSCRIPTION_LIFE, Subscription};
pub use token::{AppToken, Credential, Entra, TokenError, TokenErrorKind};
pub use users::{User, UserKind};
