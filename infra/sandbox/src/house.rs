//! The functions around the simulated services, in one process: the webhook function in front, the queue, the sync function, and the minute's round.
//!
//! What runs here is what runs on Lambda: the same handlers take the same events. Only what carries them differs: tables, secrets and queue in memory, and a loop in
//! the place of API Gateway, SQS and EventBridge.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use clients::graph::{Entra, Graph};
use clients::http::{CALL_TIMEOUT, Deadline, Transport};
use clients::webex::{TokenPair, Webex};
use domain::clock::{Clock, SimulatedClock};
use domain::ids::TenantId;
use engine::credentials::tokens::{Tokens, TokensError};
use engine::credentials::webhook_keys::CachedWebhookKeys;
use engine::reconcile::Rounds;
use engine::sync::{Sync, SyncError};
use engine::tenant::files_consent::{self, FilesConsent};
use engine::tenant::{self, Settings, Tenant};
use jiff::{SignedDuration, Timestamp};
use oauth::{Allowed, Oauth, Parts};
use reconcile::Event;
use serde_json::json;
use store::message::Queued;
use store::message::Turn;
use store::queue::Queue;
use store::queue::memory::{MemoryQueue, Received};
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use store::table::memory::MemoryStore;
use store::table::{Query, Store};
use uuid::Uuid;
use webhook::Webhook;

use crate::door::{Door, SetupDoor};
use crate::{Registration, TenantHandle, World};

/// What the names of secrets begin with.
pub(crate) const PREFIX: &str = "sandbox";

const GRAPH: &str = "https://graph.microsoft.com/v1.0";

/// Where the functions would be reached.
pub const FUNCTIONS: &str = "https://functions.example";

/// Where a browser finds everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Webex's API, with the version.
    pub webex: String,
    /// Microsoft's sign-in.
    pub login: String,
    /// The functions.
    pub functions: String,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            webex: "https://webexapis.com/v1".into(),
            login: "https://login.microsoftonline.com".into(),
            functions: FUNCTIONS.into(),
        }
    }
}

/// How long one invocation of a function may take.
const INVOCATION: SignedDuration = SignedDuration::from_secs(60);

/// What stays when a function is cut off: all that is stored.
#[derive(Clone)]
pub struct Ground {
    /// The time of day.
    pub clock: Arc<SimulatedClock>,
    /// The services.
    pub world: World,
    /// The table.
    pub store: Arc<MemoryStore>,
    /// The secrets.
    pub secrets: Arc<MemorySecrets>,
    /// The queue of looks.
    pub queue: Arc<MemoryQueue>,
    /// The queue of turns.
    pub turns: Arc<MemoryQueue<Turn>>,
}

impl Ground {
    /// An empty ground with both services.
    pub fn new(start: Timestamp, seed: u64) -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(start));
        Self {
            world: World::new(clock.clone(), seed),
            store: Arc::new(MemoryStore::new(clock.clone())),
            secrets: Arc::new(MemorySecrets::new()),
            queue: Arc::new(MemoryQueue::new(clock.clone())),
            turns: Arc::new(MemoryQueue::new(clock.clone())),
            clock,
        }
    }

    /// Another ground that is as this one is now, with a clock of its own: what happens on one does not happen on the other.
    pub fn copy(&self) -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(self.clock.now()));
        Self {
            world: self.world.copy(clock.clone()),
            store: Arc::new(self.store.copy(clock.clone())),
            secrets: Arc::new(self.secrets.copy()),
            queue: Arc::new(self.queue.copy(clock.clone())),
            turns: Arc::new(self.turns.copy(clock.clone())),
            clock,
        }
    }
}

/// With what the functions reach out. Tests put something in between.
pub struct Reach {
    /// To Webex and Microsoft.
    pub transport: Arc<dyn Transport>,
    /// To the table.
    pub store: Arc<dyn Store>,
    /// To the secrets.
    pub secrets: Arc<dyn Secrets>,
    /// To the queue.
    pub queue: Arc<dyn Queue>,
}

impl Reach {
    /// Straight to the ground.
    pub fn to(ground: &Ground) -> Self {
        Self {
            transport: ground.world.transport(),
            store: ground.store.clone(),
            secrets: ground.secrets.clone(),
            queue: ground.queue.clone(),
        }
    }
}

/// How often functions were invoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invocations {
    /// By deliveries of both services.
    pub webhook: u64,
    /// By batches of messages.
    pub sync: u64,
    /// By the schedule, and by batches of turns.
    pub reconcile: u64,
}

/// The functions, wired.
pub struct House {
    ground: Ground,
    addresses: Addresses,
    sync: Sync,
    rounds: Rounds,
    webhook: Arc<Webhook>,
    oauth: Arc<Oauth>,
    tenants: Vec<TenantId>,
    next_round: Timestamp,
    invocations: Mutex<Invocations>,
}

/// Why a tenant could not be signed up.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// A token could not be kept or had.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A round or a look.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// Anything of the set-up.
    #[error("{0}")]
    SetUp(String),
}

fn set_up(error: impl std::fmt::Display) -> HouseError {
    HouseError::SetUp(error.to_string())
}

impl House {
    /// Wires the functions over a ground.
    ///
    /// # Errors
    /// None in practice: the base URLs are constants.
    pub fn new(ground: &Ground) -> Result<Self, HouseError> {
        Self::reaching_out(ground, Reach::to(ground))
    }

    /// Wires the functions over a ground, for these organizations only.
    pub fn for_organizations(ground: &Ground, allowed: Allowed) -> Result<Self, HouseError> {
        Self::wired(ground, Reach::to(ground), allowed, Addresses::default())
    }

    /// Wires the functions for browsers that find everything at these addresses; the services have to be reached there, too.
    pub fn served(ground: &Ground, addresses: Addresses, transport: Arc<dyn Transport>) -> Result<Self, HouseError> {
        Self::wired(ground, Reach { transport, ..Reach::to(ground) }, Allowed::Everybody, addresses)
    }

    /// Wires the functions with something between them and the ground.
    pub fn reaching_out(ground: &Ground, reach: Reach) -> Result<Self, HouseError> {
        Self::wired(ground, reach, Allowed::Everybody, Addresses::default())
    }

    fn wired(ground: &Ground, reach: Reach, allowed: Allowed, addresses: Addresses) -> Result<Self, HouseError> {
        let clock: Arc<dyn Clock> = ground.clock.clone();
        let Reach { transport, store, secrets, queue } = reach;
        let webex = Webex::new(&addresses.webex, transport.clone(), clock.clone()).map_err(set_up)?;
        let graph = Graph::new(GRAPH, transport.clone(), clock.clone()).map_err(set_up)?;
        let entra = Entra::new(&addresses.login, GRAPH, transport.clone(), clock.clone()).map_err(set_up)?;
        let keys = || CachedWebhookKeys::new(secrets.clone(), clock.clone(), PREFIX);
        // Each function has tokens of its own: they are processes of their own.
        let tokens = || {
            let (webex, entra) = (webex.clone(), entra.clone());
            Tokens::new(secrets.clone(), store.clone(), clock.clone(), webex, entra, PREFIX)
        };
        let sync = || Sync {
            store: store.clone(),
            queue: queue.clone(),
            tokens: Arc::new(tokens()),
            webex: webex.clone(),
            graph: graph.clone(),
            clock: clock.clone(),
        };
        let oauth = Oauth::new(Parts {
            store: store.clone(),
            queue: queue.clone(),
            tokens: tokens(),
            webex: webex.clone(),
            graph: graph.clone(),
            entra: entra.clone(),
            login: addresses.login.clone(),
            transport: transport.clone(),
            clock: clock.clone(),
            public: addresses.functions.parse().map_err(set_up)?,
            allowed,
        });
        let webhook = Arc::new(Webhook::new(queue.clone(), keys(), clock.clone()));
        ground.world.reach_receivers_through(Arc::new(Door(webhook.clone())));
        // Both services call https addresses only, and reach the function through its door whatever a browser finds it at.
        let public_url = FUNCTIONS.to_owned();
        let rounds = Rounds { sync: sync(), turns: ground.turns.clone(), keys: keys(), public_url };
        Ok(Self {
            addresses,
            oauth: Arc::new(oauth.map_err(set_up)?),
            webhook,
            rounds,
            sync: sync(),
            tenants: vec![],
            next_round: ground.clock.now(),
            invocations: Mutex::default(),
            ground: ground.clone(),
        })
    }

    /// The ground that the house stands on.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// The sync function's insides.
    pub fn sync(&self) -> &Sync {
        &self.sync
    }

    /// The reconcile function's insides.
    pub fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// When the schedule starts the next rounds.
    pub fn next_round(&self) -> Timestamp {
        self.next_round
    }

    /// The tenants that signed up, in order.
    pub fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// The setup pages, as API Gateway puts them before a browser.
    pub fn setup_pages(&self) -> Arc<dyn Transport> {
        Arc::new(SetupDoor(self.oauth.clone()))
    }

    /// The way in for webhooks and notifications, as API Gateway puts it before both services.
    pub fn webhooks(&self) -> Arc<dyn Transport> {
        Arc::new(Door(self.webhook.clone()))
    }

    /// Puts our own apps' credentials and the webhooks' key in place, and registers where both services send browsers back to, as a deployment does.
    pub async fn deploy(&self, handle: &TenantHandle) -> Result<(), HouseError> {
        let functions = &self.addresses.functions;
        self.ground.world.register_webex_redirect(&format!("{functions}/oauth/webex/callback"));
        for (app, path) in [
            (Registration::Groups, "/oauth/microsoft/callback"),
            (Registration::Groups, "/oauth/microsoft/consent"),
            (Registration::Files, "/oauth/microsoft/consent"),
        ] {
            self.ground.world.register_microsoft_redirect(app, &format!("{functions}{path}"));
        }
        let secrets = &self.ground.secrets;
        let (groups, files) = (Registration::Groups.secret(), Registration::Files.secret());
        for (name, app) in
            [("webex-app", &handle.webex_app), (groups, &handle.microsoft_app), (files, &handle.files_app)]
        {
            let json = json!({"client_id": app.client_id, "client_secret": app.client_secret}).to_string();
            secrets.put(&format!("{PREFIX}/{name}"), json.into()).await.map_err(set_up)?;
        }
        let keys =
            json!({"current": "1", "keys": {"1": "c2FuZGJveC1rZXktMS1mb3Itc2FuZGJveC11c2Utb25seQ=="}}).to_string();
        secrets.put(&format!("{PREFIX}/webhooks"), keys.into()).await.map_err(set_up)
    }

    /// Makes the first round of a tenant, which comes within a minute otherwise: webhooks, subscription, and who is who.
    pub async fn take_in(&mut self, tenant: TenantId) -> Result<(), HouseError> {
        self.tenants.push(tenant);
        let turn = Turn { v: Default::default(), tenant, at: self.ground.clock.now() };
        self.rounds.take_turn(&turn, self.deadline()).await?;
        Ok(())
    }

    /// All tenants that are listed, connected or leaving.
    pub async fn listed(&self) -> Result<Vec<TenantId>, HouseError> {
        let query = Query::Partition { pk: "TENANTS".into(), prefix: String::new() };
        let page = self.ground.store.query(&query, 100, None).await.map_err(set_up)?;
        let ids = page.items.iter().filter_map(store::table::Key::of).filter_map(|key| key.sk.parse().ok());
        Ok(ids.collect())
    }

    /// Signs a tenant up without the setup pages: tenant and settings, the officer's tokens, its webhooks, and the person index.
    pub async fn sign_up(&mut self, handle: &TenantHandle, settings: Settings) -> Result<TenantId, HouseError> {
        let tenant = TenantId(Uuid::from_u128(handle.org.0.as_u128() ^ 1));
        self.deploy(handle).await?;
        let kept = Tenant {
            tenant,
            org: handle.org,
            directory: handle.directory,
            officer: handle.officer,
            region: Default::default(),
            files: None,
        };
        tenant::put(self.ground.store.as_ref(), &kept, &settings).await.map_err(set_up)?;
        let pair = TokenPair {
            access: handle.tokens.access_token.clone().into(),
            refresh: handle.tokens.refresh_token.clone().into(),
            access_ends_at: handle.tokens.access_ends,
            refresh_ends_at: handle.tokens.refresh_ends,
            scope: String::new(),
        };
        self.sync.tokens.keep(tenant, pair).await?;
        self.take_in(tenant).await?;
        Ok(tenant)
    }

    /// An administrator of the tenant's directory consents to files, without the setup pages.
    pub async fn consent_to_files(&self, tenant: TenantId, handle: &TenantHandle) -> Result<(), HouseError> {
        self.ground.world.consent_to(Registration::Files, handle.directory, &["Files.ReadWrite.All"]);
        let (since, by) = (self.ground.clock.now(), handle.administrator.object);
        let consent = FilesConsent { since, by, by_name: "Full Administrator".into(), lost: None };
        files_consent::keep(self.ground.store.as_ref(), tenant, &consent).await.map_err(set_up)
    }

    /// Signs up no further tenant, but knows those of an earlier house on the same ground.
    pub fn take_over(&mut self, tenants: &[TenantId]) {
        self.tenants = tenants.to_vec();
    }

    /// One pass over all people of a tenant.
    pub async fn see_everybody(&self, tenant: TenantId) -> Result<(), HouseError> {
        Ok(self.rounds.see_everybody(tenant, self.deadline()).await?)
    }

    fn deadline(&self) -> Deadline {
        Deadline(self.ground.clock.now() + INVOCATION)
    }

    /// Lets `span` pass: webhooks arrive, messages are received, rounds come every minute.
    pub async fn let_pass(&mut self, span: SignedDuration) {
        let end = self.ground.clock.now() + span;
        while self.step(end).await {}
    }

    /// Does everything that is due by now, for whoever moves the clock along with the wall's.
    pub async fn keep_up(&mut self) {
        let now = self.ground.clock.now();
        while self.step(now).await {}
    }

    /// One thing that is due before `end`, or the wait until the next. `false` when `end` has come.
    pub async fn step(&mut self, end: Timestamp) -> bool {
        let now = self.ground.clock.now();
        self.deliver_webhooks().await;
        let received = self.ground.queue.receive(10);
        if !received.is_empty() {
            self.invoke_sync(received).await;
            return true;
        }
        let turns = self.ground.turns.receive(10);
        if !turns.is_empty() {
            self.invoke_reconcile(turns).await;
            return true;
        }
        if now >= self.next_round {
            self.next_round = now + SignedDuration::from_mins(1);
            self.schedule().await;
            return true;
        }
        if now >= end {
            return false;
        }
        let soon = now + SignedDuration::from_millis(500);
        let next = [self.ground.queue.next_visible_at(), self.ground.world.next_delivery_at()].into_iter().flatten();
        let next = next.chain([self.next_round, end]).min().unwrap_or(end);
        self.ground.clock.advance_to(next.max(soon).min(end.max(soon)));
        true
    }

    /// Hands due webhooks and notifications to the webhook function, as API Gateway would.
    pub async fn deliver_webhooks(&self) {
        let door = Door(self.webhook.clone());
        for delivery in self.ground.world.take_deliveries(self.ground.clock.now()) {
            self.count().webhook += 1;
            let mut request = http::Request::new(delivery.body);
            *request.method_mut() = http::Method::POST;
            *request.headers_mut() = delivery.headers;
            let is_taken = match delivery.url.parse() {
                Ok(url) => {
                    *request.uri_mut() = url;
                    door.send(request, CALL_TIMEOUT).await.is_ok_and(|answer| answer.status().is_success())
                }
                Err(_) => false,
            };
            if !is_taken {
                self.ground.world.delivery_failed(delivery.sender);
            }
        }
    }

    /// How often each function was invoked.
    pub fn invocations(&self) -> Invocations {
        *self.count()
    }

    fn count(&self) -> MutexGuard<'_, Invocations> {
        self.invocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a batch of messages to the sync function, as SQS would, and deletes those that did not fail.
    pub async fn invoke_sync(&self, received: Vec<Received>) {
        self.count().sync += 1;
        let response = sync::handle(&self.sync, batch(&received), self.deadline()).await;
        delete_all_but(&self.ground.queue, received, &response);
    }

    /// What the schedule starts every minute.
    async fn schedule(&self) {
        self.count().reconcile += 1;
        let Ok(event) = serde_json::from_value::<Event>(json!({"schedule": "every minute"})) else { return };
        if let Err(error) = reconcile::handle(&self.rounds, event, self.deadline()).await {
            tracing::warn!(%error, "no turns");
        }
    }

    /// Hands a batch of turns to the reconcile function, as SQS would, and deletes those that did not fail.
    async fn invoke_reconcile(&self, received: Vec<Received<Turn>>) {
        self.count().reconcile += 1;
        let event = Event::Turns(batch(&received));
        match reconcile::handle(&self.rounds, event, self.deadline()).await {
            Ok(response) => delete_all_but(&self.ground.turns, received, &response),
            Err(error) => tracing::warn!(%error, "no rounds"),
        }
    }
}

/// Messages as SQS hands them over.
fn batch<M: Queued>(received: &[Received<M>]) -> SqsEvent {
    let mut event = SqsEvent::default();
    for one in received {
        let mut record = SqsMessage::default();
        record.message_id = Some(format!("{:?}", one.receipt));
        record.body = serde_json::to_string(&one.message).ok();
        record.attributes.insert("ApproximateReceiveCount".into(), one.receives.to_string());
        event.records.push(record);
    }
    event
}

fn delete_all_but<M: Queued>(queue: &MemoryQueue<M>, received: Vec<Received<M>>, response: &SqsBatchResponse) {
    for one in received {
        let id = format!("{:?}", one.receipt);
        if !response.batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
            queue.delete(one.receipt);
        }
    }
}

/// How long nothing may happen before a story is told on: longer than recent.
pub const QUIET: Duration = Duration::from_secs(20 * 60);
