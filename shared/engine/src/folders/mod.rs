//! The folders of a team's spaces as they are stored.
//!
//! They have their own lease and schedule, so they never hold up people and names.
//!
//! # Guarantees
//! Only the holder of the lease writes what is stored of a team's folders. A request for a folder
//! run is never lost: it is stored before a message is sent, and the holder has to know it when it
//! gives the lease back.

mod lease;
mod model;
pub mod names;
mod row;
mod space;

pub use crate::codes::{FolderBlocker, SpaceState, SpaceStatus};
pub use lease::{FolderClosing, FolderLease, take_lease};
pub(crate) use model::pause;
pub use model::{AlertState, Blocked, FULL_SYNC_INTERVAL, Folders, Library};
pub(crate) use row::postpone;
pub use row::{FolderRequest, FolderRow, key, load, partition, request_sync};
pub use space::{Folder, LinkHistory, Space, SpaceKey, Spaces, purge, spaces};
pub(crate) use space::{SpaceOutcome, StoredSpace, delete, put, stored};
