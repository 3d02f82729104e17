//! The log of events for people to read, in their order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::membership::Side;
use jiff::Timestamp;
use serde::Serialize;

/// The maximum number of entries of people and decisions, and of routine; older ones are dropped.
const CAPACITY: usize = 1500;

/// The kind of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    /// Time passed at once.
    Time,
}

impl EntryKind {
    /// Returns `true` for what happens all the time, also when no one does anything.
    fn is_routine(self) -> bool {
        match self {
            Self::Message | Self::Refusal | Self::Read | Self::Cycle => true,
            Self::Action
            | Self::Write
            | Self::Decision
            | Self::Warning
            | Self::Disruption
            | Self::Story
            | Self::Time => false,
        }
    }
}

/// A log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number, in the order of events.
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

/// The latest entries. Routine has its own, so that it cannot push out a decision.
#[derive(Default)]
pub(super) struct Log {
    routine: VecDeque<Entry>,
    notable: VecDeque<Entry>,
    next: u64,
    counts: BTreeMap<(Option<&'static str>, EntryKind), u64>,
    dropped: BTreeSet<EntryKind>,
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
        *self.counts.entry((tenant, kind)).or_default() += 1;
        let entry = Entry { n: self.next, at, tenant, kind, text, about, side, status };
        let entries = if kind.is_routine() { &mut self.routine } else { &mut self.notable };
        entries.push_back(entry);
        if entries.len() > CAPACITY {
            self.dropped.extend(entries.pop_front().map(|entry| entry.kind));
        }
    }

    /// The entries after this number, oldest first.
    pub(super) fn after(&self, n: u64) -> impl Iterator<Item = &Entry> {
        let mut new: Vec<&Entry> = [&self.routine, &self.notable]
            .into_iter()
            .flat_map(|entries| entries.range(entries.partition_point(|entry| entry.n <= n)..))
            .collect();
        new.sort_by_key(|entry| entry.n);
        new.into_iter()
    }

    /// The number of entries of a kind so far, with those that were dropped.
    pub(super) fn count(&self, tenant: &'static str, kind: EntryKind) -> u64 {
        self.counts.get(&(Some(tenant), kind)).copied().unwrap_or(0)
    }

    /// The kinds of which entries were dropped.
    pub(super) fn dropped(&self) -> &BTreeSet<EntryKind> {
        &self.dropped
    }
}
