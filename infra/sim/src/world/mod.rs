//! The world: the way of a call through faults, service and record; and what people do in it.

mod accounts;
mod apps;
mod deliveries;
mod drives;
mod groups;
mod teams;
mod tenants;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use uuid::Uuid;

pub use drives::DriveFolder;
pub use groups::Group;
pub use teams::{LinkedFolder, Room, Team};
pub use tenants::{Person, TenantHandle};
pub use users::User;

use crate::answer::{Handler, answer_lie};
use crate::faults::{self, Failure, Fault, Injected, Part, Strike, Struck};
use crate::record::{Call, Kind, Service, Violation, kind};
use crate::state::{Effect, State};
use crate::wire::{Request, Response};
use crate::{microsoft, webex};

/// Webex, Entra ID and Graph, with everyone in them. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    receiver: Mutex<Option<Arc<dyn Transport>>>,
}

/// Refusal of an act of a person, by the rules that calls are under, too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused: {0}")]
pub struct Refused(pub String);

impl From<Response> for Refused {
    fn from(response: Response) -> Self {
        let body = response.body.unwrap_or_default();
        let message = body["message"].as_str().or(body["error"]["message"].as_str());
        Self(message.unwrap_or("refused").to_owned())
    }
}

impl World {
    /// Returns an empty world. All randomness in it comes from `seed`.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let now = clock.now();
        Self::with_state(clock, State::new(now, fastrand::Rng::with_seed(seed)))
    }

    /// Returns an independent world with the current state, on another clock. It has no receiver
    /// of notifications yet.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Self {
        Self::with_state(clock, self.lock().clone())
    }

    fn with_state(clock: Arc<dyn Clock>, state: State) -> Self {
        let (state, receiver) = (Mutex::new(state), Mutex::new(None));
        Self(Arc::new(Inner { clock, state, receiver }))
    }

    /// Returns the state at this moment. The guard must not be held over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = now;
        microsoft::deleted::expire_groups(&mut state);
        state.apply_late_effects();
        state
    }

    /// Carries one call through faults, service and record.
    pub(crate) async fn handle(
        &self,
        service: Service,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let call = Request::new(request);
        let is_subscription = service == Service::Graph
            && call.method == http::Method::POST
            && call.segments.ends_with(&["subscriptions".into()]);
        let receiver = self.0.receiver.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The handshake awaits the receiver, so it comes before the lock is taken.
        if let (true, Some(receiver)) = (is_subscription, receiver)
            && let Some(refusal) = microsoft::subscriptions::handshake(&call, &*receiver).await
        {
            let mut state = self.lock();
            record(&mut state, service, &call, Some(refusal.status));
            return Ok(with_ids(&mut state, service, &call, refusal).into_http());
        }
        carry(&mut self.lock(), service, &call).map(Response::into_http)
    }

    /// Sets the transport that asks receivers of Graph's notifications for their agreement while a
    /// subscription is made. Without it they agree.
    pub fn set_notification_receiver(&self, transport: Arc<dyn Transport>) {
        *self.0.receiver.lock().unwrap_or_else(PoisonError::into_inner) = Some(transport);
    }

    /// Injects a fault.
    pub fn inject(&self, fault: Fault) {
        let mut state = self.lock();
        let injected = Injected::new(fault, state.now);
        state.faults.push(injected);
    }

    /// Removes faults that were injected as equal to this one.
    pub fn remove_fault(&self, fault: &Fault) {
        self.lock().faults.retain(|injected| injected.fault != *fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Returns every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Returns the calls since the last time, and removes them from the record.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Returns the number of recorded calls of a service.
    pub fn count(&self, service: Service) -> usize {
        self.lock().calls.iter().filter(|call| call.service == service).count()
    }

    /// Returns the number of recorded calls of a service and kind.
    pub fn count_of(&self, service: Service, kind: Kind) -> usize {
        let state = self.lock();
        let is_counted = |call: &&Call| call.service == service && call.kind == kind;
        state.calls.iter().filter(is_counted).count()
    }

    /// Returns every token and code that either side issued and still knows: none may be stored in
    /// plain text.
    pub fn tokens(&self) -> Vec<String> {
        let state = self.lock();
        state.webex.tokens().chain(state.microsoft.tokens()).cloned().collect()
    }

    /// Returns every violation so far, in order.
    pub fn violations(&self) -> Vec<Violation> {
        self.lock().violations.clone()
    }

    /// Returns the violations since the last time, and removes them from the record.
    pub fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut self.lock().violations)
    }

    pub(crate) fn record_violation(&self, violation: Violation) {
        self.lock().violations.push(violation);
    }
}

fn carry(state: &mut State, service: Service, call: &Request) -> Result<Response, TransportError> {
    let struck = Struck { service, owner: owner(state, service, call), call, part: Part::Call };
    let strike = faults::take(&mut state.faults, state.now, &struck);
    let outcome = match strike {
        Some(strike) => strike_down(state, service, call, strike),
        None => Ok(service.answer(state, call)),
    };
    let outcome = outcome.map(|response| with_ids(state, service, call, response));
    record(state, service, call, outcome.as_ref().ok().map(|response| response.status));
    outcome
}

/// Lets a call fail.
fn strike_down(
    state: &mut State,
    service: Service,
    call: &Request,
    strike: Strike,
) -> Result<Response, TransportError> {
    match strike.what {
        Failure::Refused => Err(TransportError::NotSent("connection refused".into())),
        Failure::CutBefore => Err(TransportError::NoAnswer("connection cut".into())),
        Failure::CutAfter => {
            service.answer(state, call);
            Err(TransportError::NoAnswer("connection cut".into()))
        }
        Failure::Status(status, headers, body) => Ok(faults::response(status, headers, body)),
        Failure::StatusAfter(status, headers, body) => {
            service.answer(state, call);
            Ok(faults::response(status, headers, body))
        }
        Failure::Lie(lie) => Ok(answer_lie(state, &service, call, &lie, &strike.person)),
        Failure::BatchItem(..) => Ok(service.answer(state, call)),
    }
}

impl Handler for Service {
    fn answer(&self, state: &mut State, call: &Request) -> Response {
        match self {
            Self::Webex => webex::handle(state, call),
            Self::Entra => microsoft::entra::handle(state, call),
            Self::Graph => microsoft::handle(state, call),
        }
    }

    fn effect(&self, state: &mut State, call: &Request) -> Option<Effect> {
        match self {
            Self::Webex => webex::effect(state, call),
            Self::Entra => None,
            Self::Graph => microsoft::effect(state, call),
        }
    }

    fn already_there(&self, call: &Request) -> Response {
        match self {
            Self::Webex => webex::already_there(),
            Self::Entra | Self::Graph => microsoft::already_there(call),
        }
    }

    fn not_there(&self, call: &Request) -> Response {
        match self {
            Self::Webex => webex::not_found(),
            Self::Entra | Self::Graph => microsoft::not_there(call),
        }
    }
}

/// Adds the ids that every response of a service has.
fn with_ids(state: &mut State, service: Service, call: &Request, response: Response) -> Response {
    match service {
        Service::Webex => webex::with_ids(state, response),
        Service::Entra | Service::Graph => microsoft::with_ids(state, call, response),
    }
}

fn record(state: &mut State, service: Service, call: &Request, status: Option<u16>) {
    let items = std::mem::take(&mut state.items);
    let has_write = items.iter().any(|item| item.kind == Kind::Write);
    state.calls.push(Call {
        at: state.now,
        service,
        method: call.method.to_string(),
        path: call.target.clone(),
        status,
        owner: owner(state, service, call),
        kind: if has_write { Kind::Write } else { kind(service, call) },
        items,
    });
}

fn owner(state: &State, service: Service, call: &Request) -> Option<Uuid> {
    match service {
        Service::Webex => state.webex.org_of_token(call.token()?).map(|org| org.0),
        Service::Graph => state.microsoft.directory_of_token(call.token()?).map(|id| id.0),
        Service::Entra => call.segments.first()?.parse().ok(),
    }
}
