//! What the last round of a customer found, in a form for people.

use engine::reconcile::{Report, last_report};
use engine::tenant::suspension::Why;
use jiff::Timestamp;
use serde::Serialize;

use super::play::Play;

/// What a round found. To show something more of a report, name it in [`Found::from`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// When it began.
    pub(super) began: Timestamp,
    /// How much of what: what is looked into every minute always, everything else where there was any.
    parts: Vec<Part>,
    /// Why the customer stands still, if so.
    #[serde(skip)]
    pub(super) standstill: Option<Why>,
    /// The same in words, and what went wrong in parts.
    troubles: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Part {
    what: &'static str,
    count: usize,
}

impl From<Report> for Found {
    fn from(report: Report) -> Self {
        let every_minute = [("spaces with events", report.spaces), ("due looks", report.due)];
        let now_and_then = [
            ("changed groups", report.groups),
            ("links swept", report.swept),
            ("people read", report.people),
            ("people who can take part now", report.can_take_part),
            ("webhooks and subscriptions mended", report.repaired),
            ("notices told", report.told),
        ];
        // A full round looks for changed groups whether or not it finds any.
        let shown =
            now_and_then.into_iter().enumerate().filter(|(n, (_, count))| *count > 0 || (report.full && *n == 0));
        let parts = every_minute.into_iter().chain(shown.map(|(_, part)| part));
        let still = report.standstill.map(|why| why.line().to_owned());
        Self {
            began: report.began,
            parts: parts.map(|(what, count)| Part { what, count }).collect(),
            standstill: report.standstill,
            troubles: still.into_iter().chain(report.troubles).collect(),
        }
    }
}

impl Found {
    /// `2 spaces with events, 0 due looks`.
    pub(super) fn in_words(&self) -> String {
        let parts = self.parts.iter().map(|Part { what, count }| format!("{count} {what}"));
        parts.chain(self.troubles.iter().cloned()).collect::<Vec<_>>().join(", ")
    }
}

impl Play {
    /// What the customer's last round found.
    pub(super) async fn last_round(&self, at: usize) -> Option<Found> {
        let store = self.house.ground().store.as_ref();
        last_report(store, self.customers[at].tenant).await.ok().flatten().map(Found::from)
    }
}
