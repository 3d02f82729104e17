//! Microsoft Graph and Entra's token endpoint: what we call, and nothing more. <https://learn.microsoft.com/graph/api/overview>
//!
//! # Guarantees
//! A listing is complete or an error. What is addressed to one group is written one call after the other. A member or owner is removed by a URL that ends in
//! `/$ref`: without it the same call deletes the user.

mod batch;
mod client;
mod deleted;
mod delta;
mod drives;
pub mod error;
mod groups;
mod organization;
mod relations;
mod search;
mod settings;
mod subscriptions;
mod token;
mod users;

pub use client::Graph;
pub use deleted::{DeletedGroup, Deletion};
pub use delta::{Delta, DeltaFrom};
pub use drives::{Drive, DriveId, DriveItem, InvalidDriveId, ItemId, Made, Moved};
pub use error::is_young;
pub use groups::{DirectoryObject, Group, GroupReading, NewGroup, ObjectKind, RELATIONS_PER_CALL, Renamed, Upserted};
pub use organization::{Organization, VerifiedDomain};
pub use relations::{Bind, BindOutcome, Bound, Relation, Unbound};
pub use search::GroupsFound;
pub use settings::{GroupCreation, GroupSettings};
pub use subscriptions::{SUBSCRIPTION_LIFE, Subscription};
pub use token::{AppToken, Credential, Entra, TokenError, TokenErrorKind};
pub use users::{User, UserKind};
