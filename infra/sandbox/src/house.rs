//! The functions around the simulated services, in one process: the webhook function in front, the queue, the sync function, and the minute's round.
//!
//! What runs here is what runs on Lambda: the same handlers take the same events. Only what carries them differs: tables, secrets and queue in memory, and a loop in
//! the place of API Gateway, SQS and EventBridge.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::clock::{Clock, SimulatedClock};
use shared::graph::{Entra, Graph};
use shared::http::{Api, CALL_TIMEOUT, Call, Caller, Deadline, Transport};
use shared::ids::{DirectoryId, TenantId};
use shared::queue::Queue;
use shared::queue::memory::{MemoryQueue, Received};
use shared::secrets::Secrets;
use shared::secrets::memory::MemorySecrets;
use shared::store::Store;
use shared::store::memory::MemoryStore;
use shared::sync::{Pass, Sync, SyncError, fill_person_index, queue_due_looks, queue_webex_events};
use shared::tenant::{self, Settings, Tenant};
use shared::tokens::{Tokens, TokensError};
use shared::webex::{NewWebhook, TokenPair, Webex, WebhookEvent, WebhookOwner, WebhookResource};
use shared::webhook_keys::{CachedWebhookKeys, Kind};
use uuid::Uuid;
use webhook::Webhook;

use crate::door::Door;
use crate::{TenantHandle, World};

const PREFIX: &str = "sandbox";

const GRAPH: &str = "https://graph.microsoft.com/v1.0";

/// Where the webhook function would be reached.
const FUNCTIONS: &str = "https://functions.example";

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
    /// The queue.
    pub queue: Arc<MemoryQueue>,
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
    /// To the queue.
    pub queue: Arc<dyn Queue>,
}

/// The functions, wired.
pub struct House {
    ground: Ground,
    transport: Arc<dyn Transport>,
    sync: Sync,
    webhook: Arc<Webhook>,
    tenants: Vec<TenantId>,
    next_round: Timestamp,
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
        let reach =
            Reach { transport: ground.world.transport(), store: ground.store.clone(), queue: ground.queue.clone() };
        Self::reaching_out(ground, reach)
    }

    /// Wires the functions with something between them and the ground.
    pub fn reaching_out(ground: &Ground, reach: Reach) -> Result<Self, HouseError> {
        let clock: Arc<dyn Clock> = ground.clock.clone();
        let Reach { transport, store, queue } = reach;
        let webex = Webex::new("https://webexapis.com/v1", transport.clone(), clock.clone()).map_err(set_up)?;
        let graph = Graph::new(GRAPH, transport.clone(), clock.clone()).map_err(set_up)?;
        let entra = Entra::new("https://login.microsoftonline.com", GRAPH, transport.clone(), clock.clone());
        let entra = entra.map_err(set_up)?;
        let tokens = Tokens::new(ground.secrets.clone(), store.clone(), clock.clone(), webex.clone(), entra, PREFIX);
        let keys = CachedWebhookKeys::new(ground.secrets.clone(), clock.clone(), PREFIX);
        Ok(Self {
            webhook: Arc::new(Webhook::new(queue.clone(), keys, clock.clone())),
            transport,
            sync: Sync { store, queue, tokens, webex, graph, clock },
            tenants: vec![],
            next_round: ground.clock.now(),
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

    /// The tenants that signed up, in order.
    pub fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// Signs a tenant up as the setup pages do: tenant and settings, the officer's tokens, its webhooks, and the person index.
    pub async fn sign_up(&mut self, handle: &TenantHandle, settings: Settings) -> Result<TenantId, HouseError> {
        let tenant = TenantId(Uuid::from_u128(handle.org.0.as_u128() ^ 1));
        let secrets = &self.ground.secrets;
        for (name, app) in [("webex-app", &handle.webex_app), ("microsoft-app", &handle.microsoft_app)] {
            let json = json!({"client_id": app.client_id, "client_secret": app.client_secret}).to_string();
            secrets.put(&format!("{PREFIX}/{name}"), json.into()).await.map_err(set_up)?;
        }
        let keys =
            json!({"current": "1", "keys": {"1": "c2FuZGJveC1rZXktMS1mb3Itc2FuZGJveC11c2Utb25seQ=="}}).to_string();
        secrets.put(&format!("{PREFIX}/webhooks"), keys.into()).await.map_err(set_up)?;
        let kept = Tenant {
            tenant,
            org: handle.org,
            directory: handle.directory,
            officer: handle.officer,
            region: Default::default(),
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
        self.register_webhooks(tenant).await?;
        self.subscribe(tenant, handle.directory).await?;
        self.tenants.push(tenant);
        self.fill_index(tenant).await?;
        Ok(tenant)
    }

    /// Signs up no further tenant, but knows those of an earlier house on the same ground.
    pub fn take_over(&mut self, tenants: &[TenantId]) {
        self.tenants = tenants.to_vec();
    }

    async fn register_webhooks(&self, tenant: TenantId) -> Result<(), HouseError> {
        let deadline = self.deadline();
        let access = self.sync.tokens.webex(tenant, deadline).await?;
        let secret = self.derived(tenant, Kind::Webex).await?;
        use WebhookEvent::{Created, Deleted, Updated};
        use WebhookResource::{AttachmentActions, Memberships, Rooms};
        for (resource, event) in [
            (Rooms, Created),
            (Rooms, Updated),
            (Memberships, Created),
            (Memberships, Updated),
            (Memberships, Deleted),
            (AttachmentActions, Created),
        ] {
            let webhook = NewWebhook {
                name: format!("{resource:?} {event:?}"),
                target_url: format!("{FUNCTIONS}/webhooks/webex/{tenant}"),
                resource,
                event,
                filter: None,
                secret: secret.clone(),
                owned_by: WebhookOwner::Creator,
            };
            self.sync.webex.create_webhook(&access, &webhook).await.map_err(set_up)?;
        }
        Ok(())
    }

    async fn derived(&self, tenant: TenantId, kind: Kind) -> Result<SecretString, HouseError> {
        let keys = CachedWebhookKeys::new(self.ground.secrets.clone(), self.ground.clock.clone(), PREFIX);
        Ok(keys.get().await.map_err(set_up)?.secret(tenant, kind))
    }

    /// Asks Graph to notify of changed groups. Nothing renews the subscription: it lives for four weeks, the longest that Graph gives.
    async fn subscribe(&self, tenant: TenantId, directory: DirectoryId) -> Result<(), HouseError> {
        self.ground.world.reach_receivers_through(Arc::new(Door(self.webhook.clone())));
        let access = self.sync.tokens.graph(directory, self.deadline()).await?;
        let url = format!("{FUNCTIONS}/webhooks/graph/{tenant}");
        let wanted = json!({
            "resource": "/groups",
            "changeType": "updated,deleted",
            "notificationUrl": url,
            "lifecycleNotificationUrl": url,
            "clientState": self.derived(tenant, Kind::Graph).await?.expose_secret(),
            "expirationDateTime": self.ground.clock.now() + SignedDuration::from_hours(28 * 24),
        });
        let said = |body: &[u8]| (String::new(), String::from_utf8_lossy(body).into_owned());
        let caller = Caller::new(Api::Graph, GRAPH, self.transport.clone(), self.ground.clock.clone(), said);
        let call = Call::new(http::Method::POST, "/subscriptions").json(&wanted);
        caller.map_err(set_up)?.call(&access, call).await.map(drop).map_err(set_up)
    }

    /// One pass over all people of a tenant.
    pub async fn fill_index(&self, tenant: TenantId) -> Result<(), HouseError> {
        while let Some(progress) = fill_person_index(&self.sync, tenant, self.deadline()).await? {
            if progress.pass == Pass::Through {
                break;
            }
        }
        Ok(())
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
        if now >= self.next_round {
            self.next_round = now + SignedDuration::from_mins(1);
            self.round().await;
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

    /// Hands a batch of messages to the sync function, as SQS would, and deletes those that did not fail.
    pub async fn invoke_sync(&self, received: Vec<Received>) {
        let mut event = SqsEvent::default();
        for one in &received {
            let mut record = SqsMessage::default();
            record.message_id = Some(format!("{:?}", one.receipt));
            record.body = serde_json::to_string(&one.message).ok();
            record.attributes.insert("ApproximateReceiveCount".into(), one.receives.to_string());
            event.records.push(record);
        }
        let failed = sync::handle(&self.sync, event, self.deadline()).await.batch_item_failures;
        for one in received {
            if !failed.iter().any(|failure| failure.item_identifier == format!("{:?}", one.receipt)) {
                self.ground.queue.delete(one.receipt);
            }
        }
    }

    /// What the schedule starts every minute: Webex's events, and due looks.
    async fn round(&self) {
        for &tenant in &self.tenants {
            if let Err(error) = queue_webex_events(&self.sync, tenant, self.deadline()).await {
                tracing::warn!(%tenant, %error, "events could not be read");
            }
            if let Err(error) = queue_due_looks(&self.sync, tenant, 1000).await {
                tracing::warn!(%tenant, %error, "due looks could not be queued");
            }
        }
    }
}

/// How long nothing may happen before a story is told on: longer than recent.
pub const QUIET: Duration = Duration::from_secs(20 * 60);
