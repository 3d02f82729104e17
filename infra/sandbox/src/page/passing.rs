//! Time that passes at once: in parts, between which the page is answered.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::log::{EntryKind, Note};
use super::playground::Playground;

/// The time that passes without an answer to the page.
const PART: SignedDuration = SignedDuration::from_mins(10);

/// The shortest time that the log tells of.
const LOGGED: SignedDuration = SignedDuration::from_mins(1);

/// A span that is passing at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Passing {
    since: Timestamp,
    until: Timestamp,
}

/// A span that is passing, and the customers' numbers before it.
pub(super) struct Jump {
    passing: Passing,
    before: Vec<Numbers>,
}

/// Numbers of entries in a customer's log.
#[derive(Clone, Copy)]
struct Numbers {
    cycles: u64,
    decisions: u64,
}

impl Playground {
    /// The span that is passing at once.
    pub(super) fn passing(&self) -> Option<Passing> {
        self.jump.as_ref().map(|jump| jump.passing)
    }

    /// Begins to let time pass at once.
    pub(super) fn begin_jump(&mut self, span: SignedDuration) {
        let since = self.now();
        let passing = Passing { since, until: since + span };
        self.jump = Some(Jump { passing, before: self.numbers() });
    }

    /// Lets a part of the time pass; returns `false` after the last one.
    pub(super) async fn continue_jump(&mut self) -> bool {
        let Some(Passing { until, .. }) = self.passing() else { return false };
        self.pass(until.duration_since(self.now()).min(PART)).await;
        if self.now() < until {
            return true;
        }
        if let Some(jump) = self.jump.take() {
            self.log_jump(&jump);
        }
        false
    }

    fn numbers(&self) -> Vec<Numbers> {
        let (log, customers) = (&self.env.log, self.env.customers.iter());
        let numbers = customers.map(|customer| Numbers {
            cycles: log.count(customer.slug, EntryKind::Cycle),
            decisions: log.count(customer.slug, EntryKind::Decision),
        });
        numbers.collect()
    }

    fn log_jump(&mut self, jump: &Jump) {
        let Passing { since, until } = jump.passing;
        let span = until.duration_since(since);
        if span < LOGGED {
            return;
        }
        for (index, (before, now)) in jump.before.iter().zip(self.numbers()).enumerate() {
            let cycles = counted(now.cycles - before.cycles, "reconciliation cycle");
            let changes = match now.decisions - before.decisions {
                0 => "nothing had to be changed".into(),
                decisions => counted(decisions, "change"),
            };
            let text = format!("{} passed: {cycles}, {changes}.", in_words(span));
            let slug = self.env.customers[index].slug;
            self.env.note(Some(slug), EntryKind::Time, Note::from(text));
        }
    }
}

/// `1 day`, `15 minutes`.
fn in_words(span: SignedDuration) -> String {
    let seconds = span.as_secs().unsigned_abs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
    let (length, word) = unit.unwrap_or((1, "second"));
    counted(seconds / length, word)
}

/// `1 change`, `1,440 changes`.
fn counted(count: u64, word: &str) -> String {
    let thousands = match count / 1000 {
        0 => count.to_string(),
        thousands => format!("{thousands},{:03}", count % 1000),
    };
    if count == 1 { format!("1 {word}") } else { format!("{thousands} {word}s") }
}
