//! The result of the story as data.

use jiff::SignedDuration;
use serde::Serialize;
use sim::{Call, Kind, Service};

/// The form of the story on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    /// One JSON object after the last step.
    Json,
}

/// The result of all steps.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    in_sync: bool,
    steps: Vec<Step>,
    calls: Calls,
    problems: Vec<String>,
}

/// A step that is over.
#[derive(Serialize)]
struct Step {
    number: usize,
    title: String,
    /// The simulated time until both sides were in sync.
    in_sync_after_seconds: Option<f64>,
    calls: Calls,
}

/// Calls to each service.
#[derive(Default, Serialize)]
struct Calls {
    webex: Counts,
    graph: Counts,
    entra: Counts,
}

#[derive(Default, Serialize)]
struct Counts {
    reads: usize,
    writes: usize,
}

impl Report {
    /// Adds a step that begins.
    pub(crate) fn open(&mut self, number: usize, title: &str) {
        let (title, calls) = (title.to_owned(), Calls::default());
        self.steps.push(Step { number, title, in_sync_after_seconds: None, calls });
    }

    /// Ends the step that began last.
    pub(crate) fn close(&mut self, took: Option<SignedDuration>, calls: &[Call]) {
        if let Some(step) = self.steps.last_mut() {
            step.in_sync_after_seconds = took.map(|took| took.as_secs_f64());
            step.calls = Calls::of(calls);
        }
    }

    /// Ends the story.
    pub(crate) fn end(&mut self, calls: &[Call], problems: &[String]) {
        self.in_sync = problems.is_empty();
        self.calls = Calls::of(calls);
        self.problems = problems.to_vec();
    }
}

impl Calls {
    fn of(calls: &[Call]) -> Self {
        let count = |service: Service, kind: Kind| {
            calls.iter().filter(|call| call.service == service && call.kind == kind).count()
        };
        let counts = |service| Counts {
            reads: count(service, Kind::Read),
            writes: count(service, Kind::Write),
        };
        Self {
            webex: counts(Service::Webex),
            graph: counts(Service::Graph),
            entra: counts(Service::Entra),
        }
    }
}
