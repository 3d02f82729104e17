//! The lease over a team's folders.

use jiff::Timestamp;

use super::{FolderRow, Folders, key};
use domain::ids::{TeamId, TenantId};
use store::lease::{FirstLease, LeaseTerms};
use store::table::{Change, Store, StoreError, Test, Write, moment, never, to_value};

/// The exclusive right to write a team's folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderLease(store::lease::Lease);

/// Takes the lease until `until`; `None` if another holder has it.
pub async fn take_lease(
    store: &dyn Store,
    tenant: TenantId,
    team: TeamId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<(FolderLease, FolderRow)>, StoreError> {
    let terms = LeaseTerms::new(now, until, FirstLease::Unprepared);
    let taken = store::lease::Lease::take(store, key(tenant, team), terms).await?;
    Ok(taken.map(|(lease, row)| (FolderLease(lease), row)))
}

/// The values that the end of a folder run stores besides the folders.
#[derive(Clone, Copy, Debug)]
pub struct FolderClosing {
    /// The beginning of the run.
    pub synced_at: Timestamp,
    /// The latest request that the run knows.
    pub requested_at: Timestamp,
    /// The moment of the next run.
    pub next_sync_at: Timestamp,
}

impl FolderLease {
    /// Part of a transaction: requires that the lease is held.
    pub fn check(&self) -> Result<Write, StoreError> {
        self.0.check()
    }

    /// Part of a transaction: stores the folders and keeps the lease.
    pub fn save(&self, folders: &Folders) -> Result<Write, StoreError> {
        self.0.save(vec![Change::Set("folders", to_value(folders)?)])
    }

    /// Part of a transaction: stores the folders and gives the lease back.
    ///
    /// The transaction fails if a run was requested that `closing` does not know.
    pub fn close(&self, folders: &Folders, closing: FolderClosing) -> Result<Write, StoreError> {
        let changes = vec![
            Change::Set("folders", to_value(folders)?),
            Change::Set("synced_at", moment(closing.synced_at)),
            Change::Set("gsi1sk", moment(closing.next_sync_at.min(never()))),
        ];
        // A request that came meanwhile must not be taken for answered.
        let known = Test::Equals("requested_at", moment(closing.requested_at));
        self.0.close(changes, vec![known])
    }

    /// Part of a transaction: deletes the folder row.
    pub fn purge(&self) -> Result<Write, StoreError> {
        self.0.delete()
    }

    /// Loads the folders, or `None` if the lease is lost.
    pub async fn read(&self, store: &dyn Store) -> Result<Option<FolderRow>, StoreError> {
        self.0.read(store).await
    }
}
