//! Fault injection: failures and lies on demand.
//!
//! A [`Fault`] says which calls it strikes, how often and for how long, and with what [`Failure`].
//! A failure that answers in the shape of a success, or of another fact, is a [`Lie`]: the state
//! and the answer then disagree exactly as its documentation says.

mod edit;
mod lie;
mod mentions;
mod operation;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

pub use lie::{BrokenBody, Lie, Rows};
pub use operation::Operation;

pub(crate) use edit::{break_body, hide_rows, spoil_rows, without_people};

use crate::record::{Kind, Service, kind};
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
    /// An answer that disagrees with the state. It strikes whole calls and `$batch` items.
    Lie(Lie),
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
    tenant: Option<Uuid>,
    method: Option<String>,
    path: String,
    operation: Option<Operation>,
    object: Option<Uuid>,
    /// Ids of one person; a call that names one of them matches.
    person: Vec<Uuid>,
    skip: u32,
    times: u32,
    lasts: Option<Duration>,
    what: Failure,
}

impl Fault {
    /// Returns a fault that strikes the next call of any service, once.
    pub fn new(what: Failure) -> Self {
        Self {
            service: None,
            tenant: None,
            method: None,
            path: String::new(),
            operation: None,
            object: None,
            person: Vec::new(),
            skip: 0,
            times: 1,
            lasts: None,
            what,
        }
    }

    /// Returns a lie that strikes the next call to which it can apply, once.
    pub fn lie(lie: Lie) -> Self {
        Self::new(Failure::Lie(lie))
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

    /// Limits the fault to calls with a token of this organization or directory.
    pub fn tenant(mut self, owner: Uuid) -> Self {
        self.tenant = Some(owner);
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

    /// Limits the fault to calls that do this.
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Limits the fault to calls that name this team, room or group in path, query or body.
    pub fn object(mut self, id: Uuid) -> Self {
        self.object = Some(id);
        self
    }

    /// Limits the fault to calls that name a person by one of these ids.
    pub fn person(mut self, ids: &[Uuid]) -> Self {
        self.person = ids.to_vec();
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

    /// Strikes every matching call.
    pub fn forever(self) -> Self {
        self.times(u32::MAX)
    }

    /// Ends the fault this long after its injection, however often it struck.
    pub fn lasting(mut self, span: Duration) -> Self {
        self.lasts = Some(span);
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
            Failure::Refused | Failure::CutBefore | Failure::CutAfter | Failure::Lie(_) => {}
        }
        self
    }

    fn matches(&self, struck: &Struck<'_>) -> bool {
        let Struck { service, owner, call, part } = *struck;
        let names = |ids: &[Uuid]| mentions::of_call(call).iter().any(|id| ids.contains(id));
        self.what.can_strike(service, call, part)
            && self.service.is_none_or(|expected| expected == service)
            && self.tenant.is_none_or(|tenant| owner == Some(tenant))
            && self.method.as_deref().is_none_or(|expected| expected == call.method.as_str())
            && call.target.contains(&self.path)
            && self.operation.is_none_or(|it| Some(it) == operation::of_call(service, call))
            && self.object.is_none_or(|id| names(&[id]))
            && (self.person.is_empty() || names(&self.person))
    }
}

impl Failure {
    fn can_strike(&self, service: Service, call: &Request, part: Part) -> bool {
        match self {
            Self::Lie(lie) => lie.can_apply(kind(service, call), is_batch(call)),
            Self::BatchItem(..) => part == Part::Item,
            _ => part == Part::Call,
        }
    }
}

fn is_batch(call: &Request) -> bool {
    call.segments.last().is_some_and(|last| last == "$batch")
}

/// Part that a fault strikes: a whole call, or an item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Call,
    Item,
}

/// A request that faults may strike.
pub(crate) struct Struck<'r> {
    pub(crate) service: Service,
    /// Organization or directory of the token.
    pub(crate) owner: Option<Uuid>,
    pub(crate) call: &'r Request,
    pub(crate) part: Part,
}

/// A fault in the world.
#[derive(Clone)]
pub(crate) struct Injected {
    /// The fault as it was injected.
    pub(crate) fault: Fault,
    skip: u32,
    times: u32,
    until: Option<Timestamp>,
}

impl Injected {
    pub(crate) fn new(fault: Fault, now: Timestamp) -> Self {
        let lasts = fault.lasts.map(|span| SignedDuration::try_from(span).unwrap_or_default());
        let (skip, times, until) = (fault.skip, fault.times, lasts.map(|span| now + span));
        Self { fault, skip, times, until }
    }
}

/// A failure that strikes, and the person that it is limited to.
pub(crate) struct Strike {
    pub(crate) what: Failure,
    pub(crate) person: Vec<Uuid>,
}

/// Takes the failure that strikes this request, if any. Each fault counts the requests that it
/// matches.
pub(crate) fn take(
    faults: &mut Vec<Injected>,
    now: Timestamp,
    struck: &Struck<'_>,
) -> Option<Strike> {
    faults.retain(|injected| injected.until.is_none_or(|until| now < until));
    let mut found = None;
    for injected in faults.iter_mut().filter(|injected| injected.fault.matches(struck)) {
        if injected.skip > 0 {
            injected.skip -= 1;
        } else if found.is_none() && injected.times > 0 {
            injected.times -= u32::from(injected.times != u32::MAX);
            let Fault { what, person, .. } = injected.fault.clone();
            found = Some(Strike { what, person });
        }
    }
    faults.retain(|injected| injected.times > 0);
    found
}

pub(crate) fn response(status: u16, headers: Vec<(String, String)>, body: Value) -> Response {
    Response { headers, ..Response::new(status, body) }
}

impl Kind {
    fn is_write(self) -> bool {
        self == Self::Write
    }
}
