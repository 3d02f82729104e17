//! The world: tenants, people, and the way of a call through faults, service and record.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::clock::Clock;
use domain::ids::{DirectoryId, ObjectId, OrgId, PersonId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::faults::{self, Failure, Fault, Part};
use crate::microsoft::{self, DirectoryRole, Microsoft, Registration, UserKind};
use crate::outbox::Delivery;
use crate::record::{Call, Item, Kind, Service, Violation};
use crate::webex::{self, AccountStatus, AdminRole, TokenPair, UserType, Webex};
use crate::wire::{Answer, Request};

/// Webex, Entra ID and Graph, with everybody in them. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    receiver: Mutex<Option<Arc<dyn Transport>>>,
}

#[derive(Clone)]
pub(crate) struct State {
    /// The moment of the present call.
    pub(crate) now: Timestamp,
    pub(crate) rng: fastrand::Rng,
    pub(crate) webex: Webex,
    pub(crate) microsoft: Microsoft,
    pub(crate) faults: Vec<Fault>,
    pub(crate) calls: Vec<Call>,
    /// Items of the batch being answered.
    pub(crate) items: Vec<Item>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) outbox: Vec<Delivery>,
    /// The last deliveries that went out.
    pub(crate) sent: Vec<Delivery>,
}

/// An act that the service refuses to people, too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused: {0}")]
pub struct Refused(pub String);

/// What an app proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

/// One person on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// The Entra user.
    pub object: ObjectId,
    /// The Webex account.
    pub person: PersonId,
}

/// A Webex organization and an Entra directory that belong to one customer, as they are right after the administrators have connected them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantHandle {
    /// Its name; mail addresses end in `@<slug>.example`.
    pub name: String,
    /// The Webex organization.
    pub org: OrgId,
    /// The Entra directory, in which the app is consented with `Group.ReadWrite.All`, `User.Read.All`, `GroupSettings.Read.All`.
    pub directory: DirectoryId,
    /// The account that is compliance officer and read-only administrator. It has no Entra user.
    pub officer: PersonId,
    /// The officer's pair of tokens as given at the start; a refresh gives another pair.
    pub tokens: TokenPair,
    /// The integration on Webex's side, the same for all tenants.
    pub webex_app: Credentials,
    /// The app registration for people and groups, the same for all tenants.
    pub microsoft_app: Credentials,
    /// The app registration for files, the same for all tenants. No directory has consented to it.
    pub files_app: Credentials,
    /// Full administrator of the Webex organization, and Global Administrator of the directory.
    pub administrator: Person,
}

impl World {
    /// An empty world. All that is random in it comes from `seed`.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = clock.now();
        let (webex, microsoft) = (Webex::new(&mut rng), Microsoft::new(&mut rng));
        let state = State {
            now,
            rng,
            webex,
            microsoft,
            faults: Vec::new(),
            calls: Vec::new(),
            items: Vec::new(),
            violations: Vec::new(),
            outbox: Vec::new(),
            sent: Vec::new(),
        };
        Self(Arc::new(Inner { clock, state: Mutex::new(state), receiver: Mutex::new(None) }))
    }

    /// Another world that is as this one is now, on another clock: what happens in one does not happen in the other. Receivers are not reached from it yet.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(self.lock().clone());
        Self(Arc::new(Inner { clock, state, receiver: Mutex::new(None) }))
    }

    /// The state at this moment. Whoever holds it must not await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = now;
        state.pass_time();
        state
    }

    /// Carries one call through faults, service and record.
    pub(crate) async fn handle(
        &self,
        service: Service,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let call = Request::new(request);
        let receiver = self.0.receiver.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let subscribes = call.method == http::Method::POST && call.segments.ends_with(&["subscriptions".into()]);
        if let (true, Some(receiver)) = (subscribes && service == Service::Graph, receiver)
            && let Some(refusal) = microsoft::handshake(&call, &*receiver).await
        {
            return Ok(self.lock().refuse(service, &call, refusal).into_http());
        }
        self.lock().handle(service, &call).map(Answer::into_http)
    }

    /// A new customer: organization, directory, officer with tokens, administrator, app consented. Its rooms and teams live in region `us` for every other
    /// tenant, beginning with the first, else in `urn:TEAM:eu-central-1_k`.
    pub fn add_tenant(&self, name: &str) -> TenantHandle {
        let mut state = self.lock();
        let org = state.add_org(name);
        let directory = state.add_directory(name, &["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"]);
        let officer = state.add_account(org, "Compliance Officer", UserType::User, AccountStatus::Active, None);
        state.make_officer(officer);
        let tokens = state.issue_tokens(officer, webex::OFFICER_SCOPES);
        let object = state.add_user(directory, "Full Administrator", UserKind::Member);
        state.give_directory_role(object, DirectoryRole::GlobalAdministrator);
        let external = Some(object.to_string());
        let person = state.add_account(org, "Full Administrator", UserType::User, AccountStatus::Active, external);
        state.account(person, |account| {
            account.roles.insert(AdminRole::FullAdmin);
        });
        TenantHandle {
            name: name.into(),
            org,
            directory,
            officer,
            tokens,
            webex_app: state.webex.app.clone(),
            microsoft_app: state.microsoft.credentials(Registration::Groups),
            files_app: state.microsoft.credentials(Registration::Files),
            administrator: Person { object, person },
        }
    }

    /// Somebody whom the directory synchronizes to Webex: `externalId` is the object id, and both accounts are active.
    pub fn add_person(&self, tenant: &TenantHandle, name: &str) -> Person {
        let mut state = self.lock();
        let object = state.add_user(tenant.directory, name, UserKind::Member);
        let external = Some(object.to_string());
        let person = state.add_account(tenant.org, name, UserType::User, AccountStatus::Active, external);
        Person { object, person }
    }

    /// Somebody who was synchronized, but has never signed in to Webex (`active: true`, `accountStatus: pending`).
    pub fn add_pending(&self, tenant: &TenantHandle, name: &str) -> Person {
        let person = self.add_person(tenant, name);
        self.lock().account(person.person, |account| account.status = AccountStatus::Pending);
        person
    }

    /// Somebody on Webex whom the directory does not know (no `externalId`).
    pub fn add_webex_only(&self, tenant: &TenantHandle, name: &str) -> PersonId {
        self.lock().add_account(tenant.org, name, UserType::User, AccountStatus::Active, None)
    }

    /// Somebody in the directory who has no Webex account.
    pub fn add_entra_only(&self, tenant: &TenantHandle, name: &str) -> ObjectId {
        self.lock().add_user(tenant.directory, name, UserKind::Member)
    }

    /// A guest of the directory without a Webex account.
    pub fn add_guest(&self, tenant: &TenantHandle, name: &str) -> ObjectId {
        self.lock().add_user(tenant.directory, name, UserKind::Guest)
    }

    /// A room device of the organization (`userType: room`).
    pub fn add_device(&self, tenant: &TenantHandle, name: &str) -> PersonId {
        self.lock().add_account(tenant.org, name, UserType::Room, AccountStatus::Active, None)
    }

    /// A bot: it can be in spaces, and SCIM does not list it.
    pub fn add_bot(&self, tenant: &TenantHandle, name: &str) -> PersonId {
        self.lock().add_account(tenant.org, name, UserType::Bot, AccountStatus::Active, None)
    }

    /// A Webex organization that is nobody's customer.
    pub fn add_foreign_organization(&self, name: &str) -> OrgId {
        self.lock().add_org(name)
    }

    /// Somebody of any organization, for instance of a foreign one.
    pub fn add_account_of(&self, org: OrgId, name: &str) -> PersonId {
        self.lock().add_account(org, name, UserType::User, AccountStatus::Active, None)
    }

    /// Through this the receivers of Graph's notifications are asked, while a subscription is made, whether they agree. Without it they are
    /// taken to agree.
    pub fn reach_receivers_through(&self, transport: Arc<dyn Transport>) {
        *self.0.receiver.lock().unwrap_or_else(PoisonError::into_inner) = Some(transport);
    }

    /// Orders a failure.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes orders back that are this one, and of which nothing is spent: of [`Fault::times`] without end, always.
    pub fn withdraw(&self, fault: &Fault) {
        self.lock().faults.retain(|ordered| ordered != fault);
    }

    /// Takes all ordered failures back.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The calls since the last time; they are forgotten.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// How many calls of this service are on record.
    pub fn count(&self, service: Service) -> usize {
        self.lock().calls.iter().filter(|call| call.service == service).count()
    }

    /// How many calls of this service and kind are on record.
    pub fn count_of(&self, service: Service, kind: Kind) -> usize {
        self.lock().calls.iter().filter(|call| call.service == service && call.kind == kind).count()
    }

    /// Every token and code that either side ever gave to anybody and still knows: what nobody may write down.
    pub fn tokens(&self) -> Vec<String> {
        let state = self.lock();
        state.webex.tokens().chain(state.microsoft.tokens()).cloned().collect()
    }

    /// What never should have happened, in order.
    pub fn violations(&self) -> Vec<Violation> {
        self.lock().violations.clone()
    }

    /// What never should have happened since the last time; it is forgotten.
    pub fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut self.lock().violations)
    }

    pub(crate) fn violated(&self, violation: Violation) {
        self.lock().violations.push(violation);
    }
}

impl State {
    /// A new id, from the seed.
    pub(crate) fn uuid(&mut self) -> Uuid {
        uuid(&mut self.rng)
    }

    /// Lets happen what time alone brings about.
    fn pass_time(&mut self) {
        self.expire_groups();
    }

    fn handle(&mut self, service: Service, call: &Request) -> Result<Answer, TransportError> {
        let fault = faults::strike(&mut self.faults, service, call, Part::Call);
        let outcome = match fault {
            Some(Failure::Refused) => Err(TransportError::NotSent("connection refused".into())),
            Some(Failure::CutBefore) => Err(TransportError::NoAnswer("connection cut".into())),
            Some(Failure::CutAfter) => {
                self.dispatch(service, call);
                Err(TransportError::NoAnswer("connection cut".into()))
            }
            Some(Failure::Status(status, headers, body)) => {
                Ok(self.sealed(service, call, faults::answer(status, headers, body)))
            }
            Some(Failure::StatusAfter(status, headers, body)) => {
                self.dispatch(service, call);
                Ok(self.sealed(service, call, faults::answer(status, headers, body)))
            }
            Some(Failure::BatchItem(..)) | None => {
                let answer = self.dispatch(service, call);
                Ok(self.sealed(service, call, answer))
            }
        };
        self.record(service, call, outcome.as_ref().ok().map(|answer| answer.status));
        outcome
    }

    /// Answers with a refusal that was decided elsewhere.
    fn refuse(&mut self, service: Service, call: &Request, refusal: Answer) -> Answer {
        self.record(service, call, Some(refusal.status));
        self.sealed(service, call, refusal)
    }

    fn record(&mut self, service: Service, call: &Request, status: Option<u16>) {
        let items = std::mem::take(&mut self.items);
        let kind = if items.iter().any(|item| item.kind == Kind::Write) { Kind::Write } else { kind(service, call) };
        self.calls.push(Call {
            at: self.now,
            service,
            method: call.method.to_string(),
            path: call.target.clone(),
            status,
            owner: self.owner(service, call),
            kind,
            items,
        });
    }

    fn dispatch(&mut self, service: Service, call: &Request) -> Answer {
        match service {
            Service::Webex => self.webex_call(call),
            Service::Entra => self.entra_call(call),
            Service::Graph => self.graph_call(call),
        }
    }

    /// Adds the headers that every answer of a service has.
    fn sealed(&mut self, service: Service, call: &Request, answer: Answer) -> Answer {
        match service {
            Service::Webex => webex::sealed(self, answer),
            Service::Entra | Service::Graph => microsoft::sealed(self, call, answer),
        }
    }

    fn owner(&self, service: Service, call: &Request) -> Option<Uuid> {
        match service {
            Service::Webex => self.webex.org_of_token(call.bearer()?).map(|org| org.0),
            Service::Graph => self.microsoft.directory_of_token(call.bearer()?).map(|directory| directory.0),
            Service::Entra => call.segments.first()?.parse().ok(),
        }
    }
}

pub(crate) fn uuid(rng: &mut fastrand::Rng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
}

/// A text that nobody guesses, as tokens and secrets are.
pub(crate) fn secret(rng: &mut fastrand::Rng) -> String {
    (0..48).map(|_| rng.alphanumeric()).collect()
}

pub(crate) fn kind(service: Service, call: &Request) -> Kind {
    let reading = ["$batch", "getByIds", "checkMemberGroups", "validateProperties", "access_token", "authorize"];
    let reads = call.method == http::Method::GET || call.segments.last().is_some_and(|last| reading.contains(&&**last));
    if reads || service == Service::Entra { Kind::Read } else { Kind::Write }
}

/// A part of an address: what is ASCII letter or digit, in lower case, the rest as dots.
pub(crate) fn slug(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '.' }).collect();
    plain.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}
