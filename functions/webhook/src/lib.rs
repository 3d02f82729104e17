//! Receives Webex webhooks and Graph change notifications: authenticates the sender, queues the
//! work, answers at once.
//!
//! # Guarantees
//! - No table and no API calls. One secret, cached for five minutes, and the queue. A delivery
//!   without a valid proof has the secret read again, at most every 30 seconds.
//! - Every unauthenticated sender gets the same response, whatever was wrong: tenant, signature,
//!   clientState or body.
//! - A 2xx means that all work of the delivery is queued. A 503 asks the sender to retry.
//! - Bodies and secrets are never logged.

mod graph;
mod response;
mod webex;

use std::borrow::Cow;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clients::webex::signature;
use domain::clock::Clock;
use domain::ids::TenantId;
use engine::credentials::webhook_keys::{CachedWebhookKeys, WebhookKeysError, WebhookKind};
use http::Method;
use secrecy::SecretString;
use store::message::{Job, Message, MessageVersion, Trigger};
use store::queue::Queue;
use uuid::Uuid;

use crate::response::Rejection;

/// Maximum size of a body in bytes, after decoding.
pub const LARGEST_BODY: usize = 256 * 1024;

/// The function: HTTP requests in, queue messages out.
pub struct Webhook {
    queue: Arc<dyn Queue>,
    keys: CachedWebhookKeys,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    /// Returns the function for this queue and these keys.
    pub fn new(queue: Arc<dyn Queue>, keys: CachedWebhookKeys, clock: Arc<dyn Clock>) -> Self {
        Self { queue, keys, clock }
    }

    /// Answers one request of API Gateway (HTTP API, payload format 2.0): `POST
    /// /webhooks/webex/{tenant}`, `POST /webhooks/graph/{tenant}`, `GET /healthz`.
    pub async fn handle(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let path: Vec<&str> = request.raw_path.as_deref().unwrap_or_default().split('/').collect();
        let response = match (&request.request_context.http.method, path.as_slice()) {
            // It reads no secret, so that it answers for the address alone.
            (&Method::GET, ["", "healthz"]) => Ok(response::empty(200)),
            (&Method::POST, ["", "webhooks", "webex", tenant]) => {
                self.webex(tenant, &request).await
            }
            (&Method::POST, ["", "webhooks", "graph", tenant]) => {
                // A handshake has no clientState yet, and its answer reveals nothing.
                match graph::validation_token(&request) {
                    Some(token) => response::validation(&token),
                    None => self.graph(tenant, &request).await,
                }
            }
            _ => Err(Rejection::NoSuchRoute),
        };
        response.unwrap_or_else(|refusal| {
            let is_unproven = refusal == Rejection::NotAuthenticated;
            // Only these count: the alarm looks for a key that no longer fits.
            metrics::counter!("WebhooksRefused").increment(u64::from(is_unproven));
            // Anyone on the internet can cause refusals, so they are no warnings.
            tracing::info!(status = refusal.status(), "refused: {refusal}");
            response::empty(refusal.status())
        })
    }

    async fn webex(
        &self,
        tenant: &str,
        request: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayV2httpResponse, Rejection> {
        let raw = body(request)?;
        // A missing signature is checked like a wrong one, and takes as long.
        let header = request
            .headers
            .get(signature::HEADER)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let is_signed = |secrets: &[SecretString]| webex::is_signed(secrets, &raw, header);
        let tenant = self.authenticate(tenant, WebhookKind::Webex, is_signed).await?;
        let hint = webex::read(&raw)?;
        let count = hint.job.iter().len();
        self.queue(tenant, hint.trigger(), hint.job).await?;
        tracing::info!(%tenant, resource = ?hint.resource, count, "webex webhook");
        Ok(response::empty(200))
    }

    async fn graph(
        &self,
        tenant: &str,
        request: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayV2httpResponse, Rejection> {
        let raw = body(request)?;
        let delivery = graph::NotificationBatch::parse(&raw)?;
        let is_authentic = |secrets: &[SecretString]| delivery.is_authentic(secrets);
        let tenant = self.authenticate(tenant, WebhookKind::Graph, is_authentic).await?;
        let jobs = delivery.jobs()?;
        let count = jobs.len();
        self.queue(tenant, Trigger::GraphNotification, jobs).await?;
        tracing::info!(%tenant, resource = "groups", count, "graph notification");
        // Graph asks for 202 where the work is only queued.
        Ok(response::empty(202))
    }

    /// Returns the tenant in the path if the sender has one of its secrets. If not, the keys are
    /// read again, because they can have been rotated. Without such a tenant it checks a random
    /// secret, so that the response takes as long.
    async fn authenticate(
        &self,
        tenant: &str,
        kind: WebhookKind,
        has_one: impl Fn(&[SecretString]) -> bool,
    ) -> Result<TenantId, Rejection> {
        let unavailable = |error: WebhookKeysError| {
            tracing::error!(%error, "no webhook keys");
            Rejection::Unavailable
        };
        let id: Option<TenantId> = tenant.parse().ok();
        // One spelling only, as the pages insist on: each address has one tenant and one log entry.
        let tenant = id.filter(|id| id.to_string() == tenant);
        let named = tenant.unwrap_or(TenantId(Uuid::nil()));
        let keys = self.keys.get().await.map_err(unavailable)?;
        let mut is_authentic = has_one(&keys.secrets(named, kind));
        if !is_authentic
            && let Some(keys) = self.keys.instead_of(&keys).await.map_err(unavailable)?
        {
            is_authentic = has_one(&keys.secrets(named, kind));
        }
        tenant.filter(|_| is_authentic).ok_or(Rejection::NotAuthenticated)
    }

    async fn queue(
        &self,
        tenant: TenantId,
        trigger: Trigger,
        jobs: impl IntoIterator<Item = Job>,
    ) -> Result<(), Rejection> {
        // Our own time: only a reading from now on can answer this delivery.
        let at = self.clock.now();
        let messages: Vec<_> = jobs
            .into_iter()
            .map(|job| Message { v: MessageVersion, tenant, at, trigger, job })
            .collect();
        // Also without work: the alarm compares the senders who are proven and those who are not.
        metrics::counter!("WebhooksAccepted").increment(1);
        // The delivery is authentic, but no team depends on its resource.
        if messages.is_empty() {
            return Ok(());
        }
        // A 503, and no other place for the work: the next cycle finds what was lost.
        self.queue.send_all(&messages).await.map_err(|error| {
            tracing::error!(%tenant, %error, "not queued");
            Rejection::Unavailable
        })
    }
}

/// Returns the body as sent. Signatures cover these bytes.
fn body(request: &ApiGatewayV2httpRequest) -> Result<Cow<'_, [u8]>, Rejection> {
    let text = request.body.as_deref().unwrap_or_default();
    // Before decoding, which copies the body; base64 is a third longer than its content.
    if text.len() > LARGEST_BODY.saturating_mul(2) {
        return Err(Rejection::TooLarge);
    }
    // No signature can cover bytes that cannot be decoded.
    let raw = if request.is_base64_encoded {
        Cow::Owned(STANDARD.decode(text).map_err(|_| Rejection::NotAuthenticated)?)
    } else {
        Cow::Borrowed(text.as_bytes())
    };
    if raw.len() > LARGEST_BODY { Err(Rejection::TooLarge) } else { Ok(raw) }
}
