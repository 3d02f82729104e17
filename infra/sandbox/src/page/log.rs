//! The log of events for people to read, in their order.

use std::collections::VecDeque;

use domain::membership::Side;
use jiff::Timestamp;
use serde::Serialize;

/// The maximum number of entries; older ones are dropped.
const CAPACITY: usize = 1500;

/// The kind of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A person changed something on one side.
    Action,
    /// A message was queued that triggers a sync.
    Message,
    /// A call was refused for now, or got no answer.
    Refusal,
    /// A call changed nothing.
    Read,
    /// A call may have changed something.
    Write,
    /// A sync changed something, with its reason.
    Decision,
    /// Something waits, is excluded, or fails.
    Warning,
    /// A reconciliation cycle ended.
    Cycle,
    /// A disruption began or ended.
    Disruption,
    /// The story continued.
    Story,
}

/// A log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number; consecutive.
    pub n: u64,
    /// The simulated time.
    pub at: Timestamp,
    /// The customer's slug; none for all customers.
    pub tenant: Option<&'static str>,
    /// The kind.
    pub kind: EntryKind,
    /// A sentence.
    pub text: String,
    /// The team, or another subject.
    pub about: Option<String>,
    /// The side that was changed.
    pub side: Option<Side>,
    /// A call's status; 0 without an answer.
    pub status: Option<u16>,
}

/// The content of an entry.
#[derive(Default)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) about: Option<String>,
    pub(super) side: Option<Side>,
    pub(super) status: Option<u16>,
}

impl From<String> for Note {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Note {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Note {
    pub(super) fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }

    pub(super) fn side(self, side: Side) -> Self {
        Self { side: Some(side), ..self }
    }
}

/// The latest entries.
#[derive(Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    next: u64,
}

impl Log {
    pub(super) fn add(
        &mut self,
        at: Timestamp,
        tenant: Option<&'static str>,
        kind: EntryKind,
        note: impl Into<Note>,
    ) {
        let Note { text, about, side, status } = note.into();
        self.next += 1;
        self.entries.push_back(Entry { n: self.next, at, tenant, kind, text, about, side, status });
        if self.entries.len() > CAPACITY {
            self.entries.pop_front();
        }
    }

    /// The entries after this number.
    pub(super) fn after(&self, n: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.front().map_or(0, |entry| entry.n);
        // Numbers are consecutive, so counting finds the first new entry.
        let skipped = usize::try_from((n + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skipped)
    }
}
