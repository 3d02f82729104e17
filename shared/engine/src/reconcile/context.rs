//! The context of a running cycle, which all its parts share.

use jiff::Timestamp;

use super::outage::Outages;
use super::{CycleReport, Reconciler, SyncError};
use crate::tenant::TenantSnapshot;
use clients::http::{Access, CALL_TIMEOUT, Deadline};
use domain::ids::{DirectoryId, TenantId};
use store::table::Store;

/// A running cycle.
pub(super) struct Cycle<'a> {
    pub(super) reconciler: &'a Reconciler,
    /// The tenant as the cycle found it. Parts note a new backoff here.
    pub(super) snapshot: TenantSnapshot,
    pub(super) deadline: Deadline,
    /// The counts and failures so far.
    pub(super) report: CycleReport,
    /// Services that fail for the tenant as a whole.
    pub(super) outages: Outages,
}

impl Cycle<'_> {
    pub(super) fn tenant(&self) -> TenantId {
        self.snapshot.tenant.tenant
    }

    pub(super) fn directory(&self) -> DirectoryId {
        self.snapshot.tenant.directory
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.reconciler.sync.store.as_ref()
    }

    pub(super) fn now(&self) -> Timestamp {
        // Not the beginning of the cycle, which can be a minute ago.
        self.reconciler.sync.clock.now()
    }

    /// Returns an access token of the service account.
    pub(super) async fn webex(&self) -> Result<Access, SyncError> {
        let tokens = &self.reconciler.sync.tokens;
        let account = self.snapshot.tenant.service_account;
        // Asked each time: the cache answers, and a token that ends meanwhile is replaced.
        Ok(tokens.webex(self.tenant(), account, self.deadline).await?)
    }

    /// Returns an access token of our app in the tenant's directory.
    pub(super) async fn graph(&self) -> Result<Access, SyncError> {
        Ok(self.reconciler.sync.tokens.graph(self.directory(), self.deadline).await?)
    }

    /// Returns `true` if the cycle can still read one more page and act on it.
    pub(super) fn has_time(&self) -> bool {
        self.deadline.leaves_time(self.now(), CALL_TIMEOUT * 2)
    }
}
