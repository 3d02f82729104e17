//! The functions over a backend, and the loop that runs them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clients::http::{CALL_TIMEOUT, Deadline, Transport};
use domain::clock::Clock;
use domain::ids::TenantId;
use engine::reconcile::Reconciler;
use engine::sync::Deps;
use jiff::{SignedDuration, Timestamp};
use oauth::{Allowed, Oauth};
use reconcile::Event;
use serde_json::json;
use sim::Delivery;
use store::message::ReconcileRequest;
use store::queue::memory::Received;
use webhook::Webhook;

use super::backend::{Backend, Connections};
use super::error::{LocalStackError, setup_error};
use super::gateway::{PagesGateway, WebhookGateway};
use super::sqs::{batch, delete_handled};
use super::wiring::{Addresses, Wiring};

/// A span without changes after which nothing of them is open: longer than the lag window.
pub const QUIET: Duration = Duration::from_secs(20 * 60);

/// The maximum duration of an invocation.
const INVOCATION: SignedDuration = SignedDuration::from_secs(60);

/// The messages that an event source passes to one invocation.
const BATCH: usize = 10;

/// The number of invocations of each function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invocations {
    /// Invocations by deliveries of both services.
    pub webhook: u64,
    /// Invocations by batches of messages.
    pub sync: u64,
    /// Invocations by the schedule, and by batches of reconcile requests.
    pub reconcile: u64,
}

/// The functions over a backend.
pub struct LocalStack {
    backend: Backend,
    addresses: Addresses,
    sync: Deps,
    reconcile: Reconciler,
    webhook: Arc<Webhook>,
    oauth: Arc<Oauth>,
    tenants: Vec<TenantId>,
    next_cycle_at: Timestamp,
    invocations: Mutex<Invocations>,
}

/// Construction.
impl LocalStack {
    /// Wires the functions directly to a backend.
    ///
    /// # Errors
    /// None in practice: the base URLs are constants.
    pub fn new(backend: &Backend) -> Result<Self, LocalStackError> {
        Self::with_connections(backend, Connections::to(backend))
    }

    /// Wires the functions to a backend, for these organizations only.
    pub fn for_organizations(backend: &Backend, allowed: Allowed) -> Result<Self, LocalStackError> {
        Self::wired(backend, Connections::to(backend), allowed, Addresses::default())
    }

    /// Wires the functions for browsers that find everything at these addresses.
    ///
    /// The transport has to find the services there, too.
    pub fn served_at(
        backend: &Backend,
        addresses: Addresses,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, LocalStackError> {
        let connections = Connections { transport, ..Connections::to(backend) };
        Self::wired(backend, connections, Allowed::Everyone, addresses)
    }

    /// Wires the functions to a backend through these connections.
    pub fn with_connections(
        backend: &Backend,
        connections: Connections,
    ) -> Result<Self, LocalStackError> {
        Self::wired(backend, connections, Allowed::Everyone, Addresses::default())
    }

    fn wired(
        backend: &Backend,
        connections: Connections,
        allowed: Allowed,
        addresses: Addresses,
    ) -> Result<Self, LocalStackError> {
        let wiring = Wiring::new(backend, connections, &addresses).map_err(setup_error)?;
        let webhook = Arc::new(wiring.webhook());
        let receiver = Arc::new(WebhookGateway(webhook.clone()));
        backend.world.set_notification_receiver(receiver);
        Ok(Self {
            sync: wiring.sync(),
            reconcile: wiring.reconcile(backend, allowed.clone()),
            webhook,
            oauth: Arc::new(wiring.oauth(allowed, &addresses)?),
            addresses,
            tenants: vec![],
            next_cycle_at: backend.clock.now(),
            invocations: Mutex::default(),
            backend: backend.clone(),
        })
    }
}

/// Access to the parts.
impl LocalStack {
    /// The backend.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The sync function's dependencies.
    pub fn sync(&self) -> &Deps {
        &self.sync
    }

    /// The reconcile function's dependencies.
    pub fn reconcile(&self) -> &Reconciler {
        &self.reconcile
    }

    /// The moment at which the schedule starts the next reconciliation cycles.
    pub fn next_cycle_at(&self) -> Timestamp {
        self.next_cycle_at
    }

    /// The tenants that signed up, in order.
    pub fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// Replaces the tenants by those of an earlier stack over the same backend.
    pub fn set_tenants(&mut self, tenants: &[TenantId]) {
        self.tenants = tenants.to_vec();
    }

    pub(super) fn add_tenant(&mut self, tenant: TenantId) {
        self.tenants.push(tenant);
    }

    pub(super) fn functions_url(&self) -> &str {
        &self.addresses.functions
    }

    /// The setup pages behind API Gateway.
    pub fn setup_pages(&self) -> Arc<dyn Transport> {
        Arc::new(PagesGateway(self.oauth.clone()))
    }

    /// The webhook function behind API Gateway.
    pub fn webhooks(&self) -> Arc<dyn Transport> {
        Arc::new(WebhookGateway(self.webhook.clone()))
    }

    /// The number of invocations of each function.
    pub fn invocations(&self) -> Invocations {
        *self.count()
    }

    fn count(&self) -> MutexGuard<'_, Invocations> {
        self.invocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn deadline(&self) -> Deadline {
        Deadline(self.backend.clock.now() + INVOCATION)
    }
}

/// The passing of time.
impl LocalStack {
    /// Scans all people of a tenant.
    pub async fn scan_people(&self, tenant: TenantId) -> Result<(), LocalStackError> {
        Ok(self.reconcile.scan_people(tenant, self.deadline()).await?)
    }

    /// Lets `span` pass: webhooks arrive, messages are received, cycles run every minute.
    pub async fn let_pass(&mut self, span: SignedDuration) {
        let end = self.backend.clock.now() + span;
        while self.step(end).await {}
    }

    /// Runs everything that is due, for a caller that advances the clock.
    pub async fn run_due(&mut self) {
        let now = self.backend.clock.now();
        while self.step(now).await {}
    }

    /// Runs one thing that is due, or advances the clock to the next; returns `false` at `end`.
    pub async fn step(&mut self, end: Timestamp) -> bool {
        let now = self.backend.clock.now();
        // Before the queue, so that a delivery and its message are handled at the same moment.
        self.deliver_webhooks().await;
        let received = self.backend.queue.receive(BATCH);
        if !received.is_empty() {
            self.invoke_sync(received).await;
            return true;
        }
        let requests = self.backend.reconcile_queue.receive(BATCH);
        if !requests.is_empty() {
            self.invoke_reconcile(requests).await;
            return true;
        }
        if now >= self.next_cycle_at {
            self.next_cycle_at = now + SignedDuration::from_mins(1);
            self.invoke_schedule().await;
            return true;
        }
        if now >= end {
            return false;
        }
        // Steps of at least half a second keep their number small.
        let soon = now + SignedDuration::from_millis(500);
        let next = [self.backend.queue.next_visible_at(), self.backend.world.next_delivery_at()];
        let next = next.into_iter().flatten().chain([self.next_cycle_at, end]);
        let next = next.min().unwrap_or(end);
        self.backend.clock.advance_to(next.max(soon).min(end.max(soon)));
        true
    }

    /// Passes due webhooks and notifications to the webhook function.
    pub async fn deliver_webhooks(&self) {
        for delivery in self.backend.world.take_deliveries(self.backend.clock.now()) {
            self.count().webhook += 1;
            let sender = delivery.sender;
            if !self.is_accepted(delivery).await {
                self.backend.world.delivery_failed(sender);
            }
        }
    }

    async fn is_accepted(&self, delivery: Delivery) -> bool {
        let Ok(url) = delivery.url.parse() else {
            return false;
        };
        let mut request = http::Request::new(delivery.body);
        *request.method_mut() = http::Method::POST;
        *request.headers_mut() = delivery.headers;
        *request.uri_mut() = url;
        let gateway = WebhookGateway(self.webhook.clone());
        let answer = gateway.send(request, CALL_TIMEOUT).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Passes messages to the sync function, and deletes those that did not fail.
    pub async fn invoke_sync(&self, received: Vec<Received>) {
        self.count().sync += 1;
        let response = sync::handle(&self.sync, batch(&received), self.deadline()).await;
        delete_handled(&self.backend.queue, received, &response);
    }

    /// Passes the schedule's event to the reconcile function.
    async fn invoke_schedule(&self) {
        self.count().reconcile += 1;
        let event = json!({"schedule": "every minute"});
        let Ok(event) = serde_json::from_value::<Event>(event) else {
            return;
        };
        if let Err(error) = reconcile::handle(&self.reconcile, event, self.deadline()).await {
            tracing::warn!(event = "schedule_failed", %error, "the schedule's event failed");
        }
    }

    /// Passes reconcile requests to the reconcile function, and deletes those that did not fail.
    async fn invoke_reconcile(&self, received: Vec<Received<ReconcileRequest>>) {
        self.count().reconcile += 1;
        let event = Event::Requests(batch(&received));
        match reconcile::handle(&self.reconcile, event, self.deadline()).await {
            Ok(response) => delete_handled(&self.backend.reconcile_queue, received, &response),
            Err(error) => {
                tracing::warn!(event = "reconcile_failed", %error, "a batch of requests failed");
            }
        }
    }
}
