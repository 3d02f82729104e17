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
mod people_scan;
mod report;
mod subscription;
mod sweep;
mod team_search;
mod webex_events;
mod webhooks;

pub use lease::{last_report, request_full_cycle};
pub use report::CycleReport;
pub use sweep::request_sync_of_every_link;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::webhook_keys::CachedWebhookKeys;
use crate::offboard::{self, OffboardingDeps, OffboardingError};
use crate::sync::{Deps, SyncError};
use crate::tenant;
use crate::tenant::suspension::{self, Begun, Refusal, Suspension};
use clients::http::{Deadline, ErrorClass};
use context::Cycle;
use domain::ids::TenantId;
use futures::TryStreamExt;
use lease::{CycleLease, Extent};
use store::message::ReconcileRequest;
use store::pages::pages;
use store::queue::Queue;
use store::table::{Key, Query, StoreErrorClass};

/// Tenants per page of their list.
const TENANTS_PAGE: usize = 1000;

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
}

/// A part of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    WebexEvents,
    Due,
    Sweep,
    GraphDelta,
    ChangedPeople,
    PeopleScan,
    ServiceAccountTokens,
    FilesConsent,
    Webhooks,
    Subscription,
    Notify,
    Backfill,
    TeamSearch,
}

/// First part of every full cycle: nothing that fails later ends the sign-in.
const FIRST: &[Part] = &[Part::ServiceAccountTokens];

/// Parts of every cycle while the integration is switched on.
const EVERY_MINUTE: &[Part] = &[Part::WebexEvents, Part::Due, Part::Sweep];

/// Further parts of a full cycle, every five minutes.
const EVERY_FIVE_MINUTES: &[Part] = &[
    Part::GraphDelta,
    Part::ChangedPeople,
    Part::PeopleScan,
    Part::FilesConsent,
    Part::Webhooks,
    Part::Subscription,
    Part::Notify,
];

/// Further parts of a full cycle while the integration is switched off. People are counted, and
/// webhooks report from the moment at which it is switched on.
const WHILE_SWITCHED_OFF: &[Part] =
    &[Part::Webhooks, Part::Subscription, Part::PeopleScan, Part::Notify];

/// Last parts of every cycle while switched on: they use the calls that the others leave.
const IN_THE_BACKGROUND: &[Part] = &[Part::Backfill, Part::TeamSearch];

impl Reconciler {
    /// Requests a cycle of every tenant. Returns the number of tenants.
    ///
    /// # Errors
    /// The table or the queue is out of reach.
    pub async fn schedule(&self) -> Result<usize, SyncError> {
        let query = Query::Partition { pk: "TENANTS".into(), prefix: String::new() };
        let mut pages = pages(self.sync.store.as_ref(), &query, TENANTS_PAGE);
        let mut count = 0;
        while let Some(items) = pages.try_next().await? {
            let tenants = items.iter().filter_map(|item| Key::of(item)?.sk.parse().ok());
            let at = self.sync.clock.now();
            let requests: Vec<ReconcileRequest> = tenants
                .map(|tenant| ReconcileRequest { v: Default::default(), tenant, at })
                .collect();
            self.requests.send_all(&requests).await?;
            count += requests.len();
        }
        Ok(count)
    }

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
        let mut cycle = Cycle { reconciler: self, snapshot, deadline, report };
        run_parts(&mut cycle, extent).await?;
        let report = cycle.report;
        lease.release(store, &report).await?;
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
        let mut cycle =
            Cycle { reconciler: self, snapshot, deadline, report: CycleReport::default() };
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

/// Runs the parts of a cycle in their order.
async fn run_parts(cycle: &mut Cycle<'_>, extent: Extent) -> Result<(), SyncError> {
    if !maintain::try_resume(cycle, extent).await? {
        return Ok(());
    }
    let is_on = cycle.snapshot.settings.switched_on_at.is_some();
    let (every_minute, background) =
        if is_on { (EVERY_MINUTE, IN_THE_BACKGROUND) } else { (&[][..], &[][..]) };
    let (first, full) = match (extent, is_on) {
        (Extent::Minute, _) => (&[][..], &[][..]),
        (Extent::Full, true) => (FIRST, EVERY_FIVE_MINUTES),
        (Extent::Full, false) => (FIRST, WHILE_SWITCHED_OFF),
    };
    for part in [first, every_minute, full, background].concat() {
        // A backoff that began in an earlier part concerns all later ones.
        if cycle.snapshot.throttled_until.is_some() && part != Part::ServiceAccountTokens {
            continue;
        }
        let mut outcome = run_part(cycle, part).await;
        if outcome.as_ref().is_err_and(|error| error.suspension_reason().is_some()) {
            // A token can end early: a new one is tried before the tenant is suspended.
            cycle.reconciler.sync.tokens.purge(cycle.tenant(), cycle.directory());
            outcome = run_part(cycle, part).await;
        }
        match outcome {
            Ok(()) => clear_refusal(cycle, part).await?,
            Err(error) => record_failure(cycle, part, error).await?,
        }
        if cycle.report.suspension.is_some() {
            return maintain::notify_suspension(cycle).await;
        }
    }
    Ok(())
}

async fn run_part(cycle: &mut Cycle<'_>, part: Part) -> Result<(), SyncError> {
    match part {
        Part::WebexEvents => webex_events::run(cycle).await,
        Part::Due => due::run(cycle).await,
        Part::Sweep => sweep::run(cycle).await,
        Part::GraphDelta => graph_delta::run(cycle).await,
        Part::ChangedPeople => people_scan::index_changed_people(cycle).await,
        Part::PeopleScan => people_scan::continue_scan(cycle).await,
        Part::ServiceAccountTokens => maintain::keep_tokens_alive(cycle).await,
        Part::FilesConsent => files_consent::run(cycle).await,
        Part::Webhooks => webhooks::run(cycle).await,
        Part::Subscription => subscription::run(cycle).await,
        Part::Notify => notify::run(cycle).await,
        Part::Backfill => backfill::run(cycle).await,
        Part::TeamSearch => team_search::run(cycle).await,
    }
}

/// Forgets an earlier refusal of this part, which works now.
async fn clear_refusal(cycle: &mut Cycle<'_>, part: Part) -> Result<(), SyncError> {
    let is_this = |refused: &mut Suspension| refused.unconfirmed == Some(part.to_string());
    if cycle.snapshot.unconfirmed.take_if(is_this).is_some() {
        suspension::end(cycle.store(), cycle.tenant()).await?;
    }
    Ok(())
}

/// Records the error of a part, with its effect on the tenant: a backoff or a suspension.
///
/// # Errors
/// The part's own error, if the table or the queue is out of reach: no part can run without them.
async fn record_failure(
    cycle: &mut Cycle<'_>,
    part: Part,
    error: SyncError,
) -> Result<(), SyncError> {
    let (tenant, now) = (cycle.tenant(), cycle.now());
    let Some(class) = error.class() else { return Err(error) };
    let reason = error.to_string();
    if let ErrorClass::ThrottledUntil(until) = class {
        tenant::set_backoff(cycle.store(), tenant, error.api(), until).await?;
        cycle.snapshot.throttled_until = Some(until);
    }
    if let Some(why) = error.suspension_reason().filter(|_| part.proves_access()) {
        let refusal = Refusal { why, of: part.to_string(), said: reason.clone() };
        let begun = suspension::begin(cycle.store(), tenant, refusal, now).await?;
        cycle.report.suspension = (begun != Begun::NotYet).then_some(why);
        if begun == Begun::Now {
            tracing::error!(
                event = "tenant_suspended",
                %tenant,
                ?why,
                reason,
                "suspended a tenant"
            );
        }
    }
    tracing::warn!(
        event = "cycle_part_failed",
        %tenant,
        %part,
        reason,
        "failed to run a part of a reconciliation cycle"
    );
    cycle.report.failures.push(format!("{part}: {reason}"));
    Ok(())
}

impl Part {
    /// Returns `true` if a refused call of this part means that the tenant lost a permission.
    fn proves_access(self) -> bool {
        matches!(
            self,
            Self::WebexEvents
                | Self::GraphDelta
                | Self::ChangedPeople
                | Self::PeopleScan
                | Self::ServiceAccountTokens
        )
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebexEvents => "webex-events",
            Self::Due => "due",
            Self::Sweep => "sweep",
            Self::GraphDelta => "graph-delta",
            Self::ChangedPeople => "changed-people",
            Self::PeopleScan => "people-scan",
            Self::ServiceAccountTokens => "service-account-tokens",
            Self::FilesConsent => "files-consent",
            Self::Webhooks => "webhooks",
            Self::Subscription => "subscription",
            Self::Notify => "notify",
            Self::Backfill => "backfill",
            Self::TeamSearch => "team-search",
        })
    }
}
