//! A summary of the last reconciliation cycle of a customer.

use engine::phrases::failures::suspension;
use engine::reconcile::{CycleReport, last_report};
use engine::tenant::suspension::SuspensionReason;
use jiff::Timestamp;
use serde::Serialize;

use super::cast::Customer;
use super::environment::Environment;

/// A summary of a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CycleSummary {
    pub(super) began: Timestamp,
    /// Counts: of what every cycle checks always, of everything else if there is any.
    counts: Vec<Count>,
    /// The reason of the customer's suspension, if any.
    #[serde(skip)]
    pub(super) suspension: Option<SuspensionReason>,
    /// The suspension and other failures, in words.
    failures: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Count {
    what: &'static str,
    count: usize,
}

impl Count {
    fn of(count: usize, one: &'static str, many: &'static str) -> Self {
        Self { what: if count == 1 { one } else { many }, count }
    }
}

impl From<CycleReport> for CycleSummary {
    fn from(report: CycleReport) -> Self {
        let always = [
            Count::of(report.spaces, "space with events", "spaces with events"),
            Count::of(report.due, "due sync", "due syncs"),
        ];
        let sometimes = [
            Count::of(report.groups, "changed group", "changed groups"),
            Count::of(report.sweep_requests, "overdue link", "overdue links"),
            Count::of(report.people, "person read", "people read"),
            Count::of(report.became_eligible, "person now eligible", "people now eligible"),
            Count::of(
                report.repaired,
                "webhook or subscription repaired",
                "webhooks and subscriptions repaired",
            ),
            Count::of(report.alerts_sent, "alert sent", "alerts sent"),
        ];
        // A full cycle searches for changed groups, and says so if it finds none.
        let is_shown = |n: usize, count: usize| count > 0 || (report.full && n == 0);
        let shown = sometimes.into_iter().enumerate();
        let shown = shown.filter(|(n, one)| is_shown(*n, one.count)).map(|(_, one)| one);
        let in_words = report.suspension.map(|reason| suspension(reason).to_owned());
        Self {
            began: report.began,
            counts: always.into_iter().chain(shown).collect(),
            suspension: report.suspension,
            failures: in_words.into_iter().chain(report.failures).collect(),
        }
    }
}

impl CycleSummary {
    /// `2 spaces with events, 0 due syncs`.
    pub(super) fn in_words(&self) -> String {
        let counts = self.counts.iter().map(|Count { what, count }| format!("{count} {what}"));
        counts.chain(self.failures.iter().cloned()).collect::<Vec<_>>().join(", ")
    }
}

/// The summary of the customer's last cycle.
pub(super) async fn last_cycle(env: &Environment, customer: &Customer) -> Option<CycleSummary> {
    let report = last_report(env.backend().store.as_ref(), customer.tenant).await;
    report.ok().flatten().map(CycleSummary::from)
}
