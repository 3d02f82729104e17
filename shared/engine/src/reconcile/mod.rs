//! Reconciliation cycles: the periodic pass over one tenant that finds what no webhook reported.
//!
//! A cycle runs every minute. The parts, in their order, and the most that each costs per cycle:
//!
//! | part | runs | cost |
//! | --- | --- | --- |
//! | `webex_events` | every minute | one listing per 6 hours that were missed |
//! | `due` | every minute | `SYNCS_PER_CYCLE` syncs |
//! | `sweep` | every minute, if all links need a sync | what `due` leaves of them |
//! | `graph_delta` | every 5 minutes | one call per page of changed groups |
//! | `people_scan` | every 5 minutes | 20 pages of changed people, 10 pages of all people |
//! | `maintain` | every 5 minutes, first | a token and one call |
//! | `files_consent` | every 5 minutes | one call |
//! | `webhooks`, `subscription` | every 5 minutes | 2 listings and the repairs |
//! | `notify` | every 5 minutes | one message |
//! | `backfill`, `team_search` | every minute, last | 60 calls less those of the syncs |
//!
//! # Guarantees
//! * A tenant has one cycle at a time. A request that a later cycle has answered starts none.
//! * Each part has a cursor, which moves only after its findings are in the queue or the table.
//!   The next cycle continues an interrupted one.
//! * A failed part does not stop the other parts, nor the cycles of other tenants. One refusal
//!   suspends no one: a second one, minutes later, does.
//! * A cycle writes nothing to a team or group; it requests syncs.

mod backfill;
mod call_allowance;
mod context;
mod cursor;
mod due;
mod files_consent;
mod graph_delta;
mod lease;
mod maintain;
mod notify;
mod outage;
mod parts;
mod people_scan;
mod report;
mod schedule;
mod subscription;
mod sweep;
mod team_search;
mod webex_events;
mod webhooks;

pub use lease::{last_report, request_full_cycle};
pub use report::CycleReport;
pub use sweep::request_sync_of_every_link;

use std::sync::Arc;
use std::time::Duration;

use crate::credentials::webhook_keys::CachedWebhookKeys;
use crate::offboard::{self, OffboardingDeps, OffboardingError};
use crate::sync::{Deps, SyncError};
use crate::tenant;
use crate::tenant::allowed::Allowed;
use clients::http::Deadline;
use context::Cycle;
use domain::ids::TenantId;
use lease::{CycleLease, Extent};
use parts::run_parts;
use store::message::ReconcileRequest;
use store::queue::Queue;
use store::table::StoreErrorClass;

/// Maximum number of syncs that one cycle requests: Webex's limit allows no more in a minute.
pub const SYNCS_PER_CYCLE: usize = 100;

/// Gap between two requested syncs, which spreads them over the minute and its quota.
const SYNC_SPACING: Duration = Duration::from_millis(600);

/// Dependencies of a cycle. Made once, outside the handler.
pub struct Reconciler {
    /// Table, tokens, clients, and the queue of syncs.
    pub sync: Deps,
    /// Queue of reconcile requests.
    pub requests: Arc<dyn Queue<ReconcileRequest>>,
    /// Keys that prove webhooks and subscriptions.
    pub keys: CachedWebhookKeys,
    /// Base URL of the functions, without a trailing slash.
    pub public_url: String,
    /// The organizations that are served. The tenants of others are suspended.
    pub allowed: Allowed,
}

impl Reconciler {
    /// Runs the cycle of a tenant, or continues its offboarding. Returns `None` if there is no
    /// cycle to run: another one is running, or a later one has answered the request.
    ///
    /// # Errors
    /// The table or the queue is out of reach. The report has the failures of single parts.
    pub async fn run_cycle(
        &self,
        request: &ReconcileRequest,
        deadline: Deadline,
    ) -> Result<Option<CycleReport>, SyncError> {
        match self.try_run_cycle(request, deadline).await {
            // An item of the tenant itself cannot be used, so a repetition fails as well.
            Err(SyncError::Store(error)) if error.class() == StoreErrorClass::Item => {
                metrics::counter!("UnreadableItems").increment(1);
                tracing::error!(
                    event = "cycle_impossible", tenant = %request.tenant, %error,
                    "could not run a reconciliation cycle"
                );
                Ok(None)
            }
            ran => ran,
        }
    }

    async fn try_run_cycle(
        &self,
        request: &ReconcileRequest,
        deadline: Deadline,
    ) -> Result<Option<CycleReport>, SyncError> {
        let store = self.sync.store.as_ref();
        let now = self.sync.clock.now();
        // A tenant that is listed but no longer exists is being offboarded.
        let Some((snapshot, _)) = tenant::load_snapshot(store, request.tenant, &[], now).await?
        else {
            self.continue_offboarding(request.tenant, deadline).await?;
            return Ok(None);
        };
        let Some(lease) = CycleLease::acquire(store, request, now, deadline).await? else {
            return Ok(None);
        };
        let extent = lease.extent();
        let report =
            CycleReport { began: now, full: extent == Extent::Full, ..CycleReport::default() };
        let outages = lease.outages().clone();
        let mut cycle = Cycle { reconciler: self, snapshot, deadline, report, outages };
        // An error leaves the lease to end: without table or queue, no cycle could do more.
        run_parts(&mut cycle, extent).await?;
        let Cycle { report, outages, .. } = cycle;
        lease.release(store, &report, &outages).await?;
        tracing::info!(
            event = "cycle_completed",
            tenant = %request.tenant,
            ?report,
            "completed a reconciliation cycle"
        );
        report.count();
        Ok(Some(report))
    }

    /// Reads all people of a tenant now, for a caller that cannot wait for the daily scan.
    ///
    /// # Errors
    /// A call, the table or the queue failed.
    pub async fn scan_people(&self, tenant: TenantId, deadline: Deadline) -> Result<(), SyncError> {
        let now = self.sync.clock.now();
        let snapshot = tenant::load_snapshot(self.sync.store.as_ref(), tenant, &[], now).await?;
        let Some((snapshot, _)) = snapshot else {
            return Ok(());
        };
        let (report, outages) = Default::default();
        let mut cycle = Cycle { reconciler: self, snapshot, deadline, report, outages };
        people_scan::scan_everyone(&mut cycle).await
    }

    async fn continue_offboarding(
        &self,
        tenant: TenantId,
        deadline: Deadline,
    ) -> Result<(), SyncError> {
        let Deps { store, tokens, webex, graph, clock, .. } = &self.sync;
        let deps = OffboardingDeps {
            store: store.as_ref(),
            tokens,
            webex,
            graph,
            clock: clock.as_ref(),
            deadline,
        };
        match offboard::advance(&deps, tenant).await {
            Ok(_) => Ok(()),
            Err(OffboardingError::Store(error)) => Err(error.into()),
            // The next cycle tries again.
            Err(error) => {
                tracing::warn!(
                    event = "offboarding_delayed",
                    %tenant,
                    %error,
                    "could not complete a step of an offboarding"
                );
                Ok(())
            }
        }
    }
}
