//! What happened, in the order in which it did, for people to read.

use std::collections::VecDeque;

use domain::membership::Side;
use jiff::Timestamp;
use serde::Serialize;

/// Older entries are forgotten.
const KEPT: usize = 1500;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// Somebody did something on one of the sides.
    Act,
    /// A message was queued: what gave rise to a look.
    Message,
    /// A call that was refused for now, or got no answer.
    Refusal,
    /// A call that changed nothing.
    Read,
    /// A call that may have changed something.
    Write,
    /// What a look did, and because of what.
    Decision,
    /// Something waits, is left out, or fails.
    Caution,
    /// A round found something, or nothing.
    Round,
    /// A trouble began or ended.
    Trouble,
    /// The story goes on.
    Story,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number; they grow by one.
    pub n: u64,
    /// When, in simulated time.
    pub at: Timestamp,
    /// Whose, by the name in addresses; everybody's where there is none.
    pub tenant: Option<&'static str>,
    /// What it is about.
    pub kind: EntryKind,
    /// It, in words.
    pub text: String,
    /// The team, or what else it is about.
    pub about: Option<String>,
    /// The side that was changed.
    pub side: Option<Side>,
    /// A call's status; 0 where no answer came.
    pub status: Option<u16>,
}

/// An entry that has no number yet.
#[derive(Default)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) about: Option<String>,
    pub(super) side: Option<Side>,
    pub(super) status: Option<u16>,
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Words {
    pub(super) fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }

    pub(super) fn side(self, side: Side) -> Self {
        Self { side: Some(side), ..self }
    }
}

/// All that happened lately.
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
        words: impl Into<Words>,
    ) {
        let Words { text, about, side, status } = words.into();
        self.next += 1;
        self.entries.push_back(Entry { n: self.next, at, tenant, kind, text, about, side, status });
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
    }

    /// What came after the entry of this number.
    pub(super) fn after(&self, n: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.front().map_or(0, |entry| entry.n);
        let skipped = usize::try_from((n + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skipped)
    }
}
