//! A webhook function on in-memory twins, and requests in the form of API Gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::clock::SimulatedClock;
use domain::ids::TenantId;
use engine::credentials::webhook_keys::{CachedWebhookKeys, WebhookKeys, WebhookKind};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha1::Sha1;
use store::message::Message;
use store::queue::memory::MemoryQueue;
use store::queue::{Queue, QueueError};
use store::secrets::memory::MemorySecrets;
use store::secrets::{Secrets, SecretsError};
use uuid::uuid;
use webhook::Webhook;

pub(crate) const TENANT: TenantId = TenantId(uuid!("0190a5c2-7f3b-7c1d-8e2f-3a4b5c6d7e8f"));
pub(crate) const START: &str = "2026-11-23T08:00:00Z";
const PREFIX: &str = "groups";

/// A switch that makes a service fail.
#[derive(Default)]
pub(crate) struct Reach(AtomicBool);

impl Reach {
    pub(crate) fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Secrets that count reads.
#[derive(Default)]
pub(crate) struct CountedSecrets {
    secrets: MemorySecrets,
    reads: AtomicUsize,
    pub(crate) reach: Reach,
}

impl CountedSecrets {
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Secrets for CountedSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.reach.is_cut() {
            return Err(SecretsError::Busy { name: name.to_owned(), why: "cut".to_owned() });
        }
        self.secrets.get(name).await
    }

    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError> {
        self.secrets.put(name, value).await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        self.secrets.delete(name).await
    }
}

/// A queue that can fail.
pub(crate) struct FrailQueue {
    queue: MemoryQueue,
    pub(crate) reach: Reach,
}

#[async_trait]
impl Queue for FrailQueue {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        if self.reach.is_cut() {
            Err(QueueError::Busy("cut".to_owned()))
        } else {
            self.queue.send(message, delay).await
        }
    }

    async fn send_spaced(&self, messages: &[Message], _: Duration) -> Result<(), QueueError> {
        if self.reach.is_cut() {
            Err(QueueError::Busy("cut".to_owned()))
        } else {
            self.queue.send_all(messages).await
        }
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) secrets: Arc<CountedSecrets>,
    pub(crate) queue: Arc<FrailQueue>,
    webhook: Webhook,
}

impl World {
    /// Returns a world with one generation of keys, `1`.
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(START.parse::<Timestamp>().unwrap()));
        let secrets = Arc::new(CountedSecrets::default());
        let queue = Arc::new(FrailQueue {
            queue: MemoryQueue::new(clock.clone()),
            reach: Reach::default(),
        });
        let keys = CachedWebhookKeys::new(secrets.clone(), clock.clone(), PREFIX);
        let webhook = Webhook::new(queue.clone(), keys, clock.clone());
        let world = Self { clock, secrets, queue, webhook };
        world.keep_keys("1", &["1"]).await;
        world
    }

    /// Stores keys of these generations, each derived from its name.
    pub(crate) async fn keep_keys(&self, current: &str, generations: &[&str]) {
        let key = |generation: &str| STANDARD.encode(generation.repeat(32));
        let mut secret: Value =
            generations.iter().map(|g| ((*g).to_owned(), Value::from(key(g)))).collect();
        secret["current"] = current.into();
        let secret = secret.to_string();
        self.secrets.put("groups/webhooks", SecretString::from(secret)).await.unwrap();
    }

    /// Returns the secret that the current keys derive for a tenant.
    pub(crate) async fn secret(&self, tenant: TenantId, kind: WebhookKind) -> String {
        let keys = WebhookKeys::load(&self.secrets.secrets, PREFIX).await.unwrap();
        keys.secret(tenant, kind).expose_secret().to_owned()
    }

    pub(crate) async fn handle(
        &self,
        request: ApiGatewayV2httpRequest,
    ) -> ApiGatewayV2httpResponse {
        self.webhook.handle(request).await
    }

    /// Sends a correctly signed Webex delivery to the tenant.
    pub(crate) async fn webex(&self, body: &str) -> ApiGatewayV2httpResponse {
        let signature = sign(&self.secret(TENANT, WebhookKind::Webex).await, body.as_bytes());
        self.handle(webex_request(&TENANT.to_string(), body, &signature)).await
    }

    /// Sends a Graph delivery to the tenant; fills in a missing `clientState`.
    pub(crate) async fn graph(&self, mut items: Vec<Value>) -> ApiGatewayV2httpResponse {
        let secret = self.secret(TENANT, WebhookKind::Graph).await;
        for item in &mut items {
            let item = item.as_object_mut().unwrap();
            item.entry("clientState").or_insert_with(|| secret.clone().into());
        }
        self.handle(request("POST", &graph_path(), &json!({"value": items}).to_string())).await
    }

    /// Returns and removes all queued messages.
    pub(crate) fn queued(&self) -> Vec<Message> {
        self.queue.queue.receive(usize::MAX).into_iter().map(|received| received.message).collect()
    }
}

pub(crate) fn graph_path() -> String {
    format!("/webhooks/graph/{TENANT}")
}

pub(crate) fn sign(secret: &str, raw: &[u8]) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes())
        .unwrap()
        .chain_update(raw)
        .finalize()
        .into_bytes();
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a request in payload format 2.0.
pub(crate) fn request(method: &str, path: &str, body: &str) -> ApiGatewayV2httpRequest {
    let http = json!({
        "method": method,
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
    });
    serde_json::from_value(json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": http, "timeEpoch": 0},
        "body": body,
        "isBase64Encoded": false,
    }))
    .unwrap()
}

pub(crate) fn webex_request(tenant: &str, body: &str, signature: &str) -> ApiGatewayV2httpRequest {
    let mut request = request("POST", &format!("/webhooks/webex/{tenant}"), body);
    request.headers.insert("x-spark-signature", signature.parse().unwrap());
    request
}

/// Returns the response exactly as API Gateway receives it.
pub(crate) fn wire(answer: &ApiGatewayV2httpResponse) -> String {
    serde_json::to_string(answer).unwrap()
}
