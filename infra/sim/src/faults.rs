//! Fault injection: failures on demand.

use serde_json::{Value, json};

use crate::record::Service;
use crate::wire::{Request, Response};

/// Kind of a failure.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The connection is refused: the service sees nothing, and the caller knows it.
    Refused,
    /// The connection breaks before the call takes effect; the caller cannot tell.
    CutBefore,
    /// The call takes effect, and its response is lost.
    CutAfter,
    /// This response in place of the call's effect.
    Status(u16, Vec<(String, String)>, Value),
    /// The call takes effect, and this is the response.
    StatusAfter(u16, Vec<(String, String)>, Value),
    /// This response in place of the effect of a `$batch` item; whole calls are not affected.
    BatchItem(u16, Vec<(String, String)>, Value),
}

/// A fault to inject: the calls that it strikes, their number, and the failure.
///
/// ```
/// use sim::{Fault, Service};
/// let patches = Fault::cut_after().on(Service::Graph).method("PATCH").path("/groups");
/// let third_patch_lost = patches.skip(2);
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
    /// Returns a fault that strikes the next call of any service, once.
    pub fn new(what: Failure) -> Self {
        Self { service: None, method: None, path: String::new(), skip: 0, times: 1, what }
    }

    /// Responds with this status and a body in neither service's form; for a particular body use
    /// [`Fault::new`].
    pub fn status(status: u16) -> Self {
        Self::new(Failure::Status(status, Vec::new(), json!({"message": "ordered failure"})))
    }

    /// Responds 429 with this `Retry-After`, which may be an integer, a decimal or a date.
    pub fn throttled(retry_after: &str) -> Self {
        let error = json!({"code": "TooManyRequests", "message": "Please retry again later."});
        let body = json!({"message": "too many requests", "error": error});
        Self::new(Failure::Status(429, vec![("Retry-After".into(), retry_after.into())], body))
    }

    /// Responds to a `$batch` item with this status and Graph error code.
    pub fn batch_item(status: u16, code: &str) -> Self {
        let body = json!({"error": {"code": code, "message": "ordered failure"}});
        Self::new(Failure::BatchItem(status, Vec::new(), body))
    }

    /// Cuts the connection before the effect.
    pub fn cut_before() -> Self {
        Self::new(Failure::CutBefore)
    }

    /// Cuts the connection after the effect.
    pub fn cut_after() -> Self {
        Self::new(Failure::CutAfter)
    }

    /// Limits the fault to calls of this service.
    pub fn on(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    /// Limits the fault to calls with this method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Limits the fault to calls whose decoded path and query contain this.
    pub fn path(mut self, fragment: &str) -> Self {
        self.path = fragment.into();
        self
    }

    /// Lets the first matching calls through.
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes this many matching calls; `u32::MAX` means all.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Sets a header of the response, if there is one.
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

    fn matches(&self, service: Service, call: &Request, target_part: Target) -> bool {
        let of_item = matches!(self.what, Failure::BatchItem(..));
        (target_part == Target::Item) == of_item
            && self.service.is_none_or(|expected| expected == service)
            && self.method.as_deref().is_none_or(|expected| expected == call.method.as_str())
            && call.target.contains(&self.path)
    }
}

/// Target of a fault: a whole call, or an item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Call,
    Item,
}

/// Takes the failure that strikes this call, if any. Each fault counts the calls that it matches.
pub(crate) fn take(
    faults: &mut Vec<Fault>,
    service: Service,
    call: &Request,
    target_part: Target,
) -> Option<Failure> {
    let mut found = None;
    for fault in faults.iter_mut().filter(|fault| fault.matches(service, call, target_part)) {
        if fault.skip > 0 {
            fault.skip -= 1;
        } else if found.is_none() && fault.times > 0 {
            fault.times = if fault.times == u32::MAX { u32::MAX } else { fault.times - 1 };
            found = Some(fault.what.clone());
        }
    }
    faults.retain(|fault| fault.times > 0);
    found
}

pub(crate) fn response(status: u16, headers: Vec<(String, String)>, body: Value) -> Response {
    Response { headers, ..Response::new(status, body) }
}
