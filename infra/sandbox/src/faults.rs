//! Failures on demand.

use serde_json::{Value, json};

use crate::record::Service;
use crate::wire::{Answer, Request};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// No connection comes about: the service sees nothing and the caller knows it.
    Refused,
    /// The connection breaks before the call takes effect; the caller cannot tell.
    CutBefore,
    /// The call takes effect, and its answer is lost.
    CutAfter,
    /// This answer instead of the call's effect.
    Status(u16, Vec<(String, String)>, Value),
    /// The call takes effect, and this is the answer.
    StatusAfter(u16, Vec<(String, String)>, Value),
    /// This answer for an item of a `$batch` instead of its effect; whole calls are left alone.
    BatchItem(u16, Vec<(String, String)>, Value),
}

/// An order for failures: which calls, how many of them, and what goes wrong.
///
/// ```
/// use sandbox::{Fault, Service};
/// let third_patch_lost = Fault::cut_after().on(Service::Graph).method("PATCH").path("/groups").skip(2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    service: Option<Service>,
    method: Option<String>,
    path: String,
    skip: u32,
    times: u32,
    what: Failure,
}

impl Fault {
    /// `what` happens once, to the next call of any service.
    pub fn new(what: Failure) -> Self {
        Self { service: None, method: None, path: String::new(), skip: 0, times: 1, what }
    }

    /// An answer of this status with a body in neither service's form; use [`Fault::new`] for a particular body.
    pub fn status(status: u16) -> Self {
        Self::new(Failure::Status(status, Vec::new(), json!({"message": "ordered failure"})))
    }

    /// 429 with this `Retry-After`, which may be an integer, a decimal or a date.
    pub fn throttled(retry_after: &str) -> Self {
        let body = json!({"message": "too many requests", "error": {"code": "TooManyRequests", "message": "Please retry again later."}});
        Self::new(Failure::Status(429, vec![("Retry-After".into(), retry_after.into())], body))
    }

    /// An item of a `$batch` gets this status and Graph error code.
    pub fn batch_item(status: u16, code: &str) -> Self {
        let body = json!({"error": {"code": code, "message": "ordered failure"}});
        Self::new(Failure::BatchItem(status, Vec::new(), body))
    }

    /// The connection breaks, and nothing took effect.
    pub fn cut_before() -> Self {
        Self::new(Failure::CutBefore)
    }

    /// The connection breaks after the effect.
    pub fn cut_after() -> Self {
        Self::new(Failure::CutAfter)
    }

    /// Only calls of this service.
    pub fn on(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    /// Only calls with this method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only calls whose decoded path and query contain this.
    pub fn path(mut self, fragment: &str) -> Self {
        self.path = fragment.into();
        self
    }

    /// Lets the first `calls` matching calls through.
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes this many matching calls; `u32::MAX` is for ever.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Sets a header of the answer, if there is one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match &mut self.what {
            Failure::Status(_, headers, _)
            | Failure::StatusAfter(_, headers, _)
            | Failure::BatchItem(_, headers, _) => {
                headers.push((name.into(), value.into()));
            }
            Failure::Refused | Failure::CutBefore | Failure::CutAfter => {}
        }
        self
    }

    fn matches(&self, service: Service, call: &Request, part: Part) -> bool {
        let of_item = matches!(self.what, Failure::BatchItem(..));
        (part == Part::Item) == of_item
            && self.service.is_none_or(|wanted| wanted == service)
            && self.method.as_deref().is_none_or(|wanted| wanted == call.method.as_str())
            && call.target.contains(&self.path)
    }
}

/// A whole call, or an item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Call,
    Item,
}

/// What strikes this call, if anything; each order counts the calls that it matches.
pub(crate) fn strike(faults: &mut Vec<Fault>, service: Service, call: &Request, part: Part) -> Option<Failure> {
    let mut struck = None;
    for fault in faults.iter_mut().filter(|fault| fault.matches(service, call, part)) {
        if fault.skip > 0 {
            fault.skip -= 1;
        } else if struck.is_none() && fault.times > 0 {
            fault.times = if fault.times == u32::MAX { u32::MAX } else { fault.times - 1 };
            struck = Some(fault.what.clone());
        }
    }
    faults.retain(|fault| fault.times > 0);
    struck
}

pub(crate) fn answer(status: u16, headers: Vec<(String, String)>, body: Value) -> Answer {
    Answer { headers, ..Answer::new(status, body) }
}
