//! The report of a cycle: counts and failures, as stored with its lease and logged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tenant::suspension::SuspensionReason;

/// Counts and failures of one cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CycleReport {
    /// Start of the cycle.
    pub began: Timestamp,
    /// `true` for a full cycle, `false` for one with the parts of every minute only.
    pub full: bool,
    /// Spaces with changed memberships.
    pub spaces: usize,
    /// Links and folders whose next sync was due.
    pub due: usize,
    /// Changed groups that are linked.
    pub groups: usize,
    /// Syncs requested by the sweep over all links.
    pub sweep_requests: usize,
    /// People that were read.
    pub people: usize,
    /// People who became eligible.
    pub became_eligible: usize,
    /// Webhooks and subscriptions that were created, reactivated or renewed.
    pub repaired: usize,
    /// Alerts that were sent.
    pub alerts_sent: usize,
    /// Teams that the search found.
    pub candidates: usize,
    /// Calls of backfill and search, and for further pages of events.
    pub background_calls: usize,
    /// Reason of the tenant's suspension, if it is suspended.
    pub suspension: Option<SuspensionReason>,
    /// Failures, each with the part's code and the error.
    pub failures: Vec<String>,
}

impl CycleReport {
    /// Adds the report to the metrics.
    pub(super) fn count(&self) {
        metrics::counter!("ReconciliationCycles").increment(1);
        // Only the operator can mend the one, and the tenant's admins the others.
        let is_our_fault = self.suspension == Some(SuspensionReason::OwnCredential);
        let is_theirs = self.suspension.is_some() && !is_our_fault;
        metrics::counter!("OwnCredentialRefused").increment(u64::from(is_our_fault));
        metrics::counter!("Suspensions").increment(u64::from(is_theirs));
        metrics::counter!("CycleFailures").increment(self.failures.len() as u64);
        metrics::counter!("WebhooksRepaired").increment(self.repaired as u64);
    }
}
