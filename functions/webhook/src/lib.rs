//! Where Webex's webhooks and Graph's change notifications come in: prove the sender, say where to look, answer at once.
//!
//! # Guarantees
//! - No table and no API call: one secret, kept for five minutes, and the queue.
//! - Whoever cannot prove to be the sender gets one and the same answer, whatever was wrong: tenant, signature, clientState or body.
//! - 2xx is answered only when everything that the delivery asks for is in the queue; 503 asks the sender to try again.
//! - Bodies and secrets are in no log.

mod answer;
mod graph;
mod webex;

use std::borrow::Cow;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clients::webex::signature;
use domain::clock::Clock;
use domain::ids::TenantId;
use engine::credentials::webhook_keys::{CachedWebhookKeys, Kind};
use http::Method;
use secrecy::SecretString;
use store::message::{Ask, Cause, Message, Version};
use store::queue::Queue;
use uuid::Uuid;

use crate::answer::Refusal;

/// The largest body that is looked at, in bytes after decoding.
pub const LARGEST_BODY: usize = 256 * 1024;

/// The function: HTTP in, messages out.
pub struct Webhook {
    queue: Arc<dyn Queue>,
    keys: CachedWebhookKeys,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    /// A function that queues here and checks with these keys.
    pub fn new(queue: Arc<dyn Queue>, keys: CachedWebhookKeys, clock: Arc<dyn Clock>) -> Self {
        Self { queue, keys, clock }
    }

    /// Answers one request of API Gateway (HTTP API, payload format 2.0): `POST /webhooks/webex/{tenant}`, `POST /webhooks/graph/{tenant}`, `GET /healthz`.
    pub async fn handle(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let path: Vec<&str> = request.raw_path.as_deref().unwrap_or_default().split('/').collect();
        let answer = match (&request.request_context.http.method, path.as_slice()) {
            (&Method::GET, ["", "healthz"]) => Ok(answer::empty(200)),
            (&Method::POST, ["", "webhooks", "webex", tenant]) => self.webex(tenant, &request).await,
            (&Method::POST, ["", "webhooks", "graph", tenant]) => match graph::validation_token(&request) {
                Some(token) => answer::validation(&token),
                None => self.graph(tenant, &request).await,
            },
            _ => Err(Refusal::NoSuchRoute),
        };
        answer.unwrap_or_else(|refusal| {
            tracing::info!(status = refusal.status(), "refused: {refusal}");
            answer::empty(refusal.status())
        })
    }

    async fn webex(
        &self,
        tenant: &str,
        request: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayV2httpResponse, Refusal> {
        let raw = body(request)?;
        let header = request.headers.get(signature::HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (tenant, secrets) = self.secrets(tenant, Kind::Webex).await?;
        let tenant = tenant.filter(|_| webex::is_signed(&secrets, &raw, header)).ok_or(Refusal::Unproven)?;
        let hint = webex::read(&raw)?;
        let count = hint.ask.iter().len();
        self.queue(tenant, hint.cause(), hint.ask).await?;
        tracing::info!(%tenant, resource = ?hint.resource, count, "webex webhook");
        Ok(answer::empty(200))
    }

    async fn graph(
        &self,
        tenant: &str,
        request: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayV2httpResponse, Refusal> {
        let raw = body(request)?;
        let (tenant, secrets) = self.secrets(tenant, Kind::Graph).await?;
        let delivery = graph::Delivery::parse(&raw)?;
        let tenant = tenant.filter(|_| delivery.knows(&secrets)).ok_or(Refusal::Unproven)?;
        let asks = delivery.asks()?;
        let count = asks.len();
        self.queue(tenant, Cause::GraphNotification, asks).await?;
        tracing::info!(%tenant, resource = "groups", count, "graph notification");
        Ok(answer::empty(202))
    }

    /// The secrets to accept for the tenant of a path; for what is no tenant's id those of nobody, so that it costs the same.
    async fn secrets(&self, tenant: &str, kind: Kind) -> Result<(Option<TenantId>, Vec<SecretString>), Refusal> {
        let keys = self.keys.get().await.map_err(|error| {
            tracing::error!(%error, "no webhook keys");
            Refusal::Unavailable
        })?;
        let tenant: Option<TenantId> = tenant.parse().ok();
        Ok((tenant, keys.secrets(tenant.unwrap_or(TenantId(Uuid::nil())), kind)))
    }

    async fn queue(&self, tenant: TenantId, cause: Cause, asks: impl IntoIterator<Item = Ask>) -> Result<(), Refusal> {
        let at = self.clock.now();
        let messages: Vec<_> = asks.into_iter().map(|ask| Message { v: Version, tenant, at, cause, ask }).collect();
        if messages.is_empty() {
            return Ok(());
        }
        self.queue.send_all(&messages).await.map_err(|error| {
            tracing::error!(%tenant, %error, "not queued");
            Refusal::Unavailable
        })
    }
}

/// The body as it was sent: signatures are over these bytes.
fn body(request: &ApiGatewayV2httpRequest) -> Result<Cow<'_, [u8]>, Refusal> {
    let text = request.body.as_deref().unwrap_or_default();
    let raw = if request.is_base64_encoded {
        Cow::Owned(STANDARD.decode(text).map_err(|_| Refusal::Unproven)?)
    } else {
        Cow::Borrowed(text.as_bytes())
    };
    if raw.len() > LARGEST_BODY { Err(Refusal::TooLarge) } else { Ok(raw) }
}
