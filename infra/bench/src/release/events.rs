//! Events for the functions, and the environment they start in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use domain::ids::{TeamId, TenantId};
use engine::credentials::webhook_keys::{WebhookKeys, WebhookKind};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::message::{Job, Message, MessageVersion, Trigger};
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use uuid::Uuid;

use super::aws::{Aws, WEBHOOK_KEYS};
use crate::BenchError;
use crate::error::unexpected;

const PREFIX: &str = "bench";

/// The environment variables of every function.
pub(super) fn environment(aws: &Aws) -> BTreeMap<&'static str, String> {
    const QUEUES: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012";
    [
        ("TABLE_NAME", "table"),
        ("SYNC_QUEUE_URL", &format!("{QUEUES}/sync")),
        ("RECONCILE_QUEUE_URL", &format!("{QUEUES}/reconcile")),
        ("SECRETS_PREFIX", PREFIX),
        ("PUBLIC_URL", "https://functions.example"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_ENDPOINT_URL", &aws.endpoint),
        ("SSL_CERT_FILE", &aws.trusted().display().to_string()),
        // As the template sets it.
        ("RUST_LOG", "info"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// The path of a function's release build.
pub(super) fn binary(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| PathBuf::from("target"), PathBuf::from).join("release").join(name)
}

/// A message about a team of a tenant that does not exist, as SQS delivers it.
pub(super) fn sqs_event() -> Result<Bytes, BenchError> {
    let job = Job::Team { team: TeamId(Uuid::from_u128(2)), region: None };
    let (tenant, at) = (TenantId(Uuid::from_u128(1)), Timestamp::UNIX_EPOCH);
    let message = Message { v: MessageVersion, tenant, at, trigger: Trigger::WebexWebhook, job };
    let message = serde_json::to_string(&message).map_err(unexpected)?;
    let event = json!({"Records": [{
        "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
        "receiptHandle": "MessageReceiptHandle",
        "body": message,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795420800000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:sync",
        "awsRegion": "eu-central-1",
    }]});
    Ok(event.to_string().into())
}

/// A webhook as Webex sends it.
pub(super) struct Webhook {
    pub(super) path: String,
    pub(super) headers: Value,
    pub(super) body: String,
}

/// A webhook with a valid signature.
pub(super) async fn webhook() -> Result<Webhook, BenchError> {
    const PERSON: &str = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIzNjE4Ny1jOGRkLTQ3MjctOGIyZi1mOWM0\
                          NDdmMjkwNDY";
    const ORGANIZATION: &str = "OTZhYmMyYWEtM2RjYy0xMWU1LWExNTItZmUzNDgxOWNkYzlh";
    let tenant = TenantId(Uuid::from_u128(1));
    let secrets = MemorySecrets::new();
    let name = format!("{PREFIX}/webhooks");
    secrets.put(&name, WEBHOOK_KEYS.to_owned().into()).await.map_err(unexpected)?;
    let key = WebhookKeys::load(&secrets, PREFIX).await?.secret(tenant, WebhookKind::Webex);
    let body = json!({
        "id": "Y2lzY29zcGFyazovL3VzL1dFQkhPT0svZjRlNjA1NjAtNjYwMi00ZmIwLWEyNWEtOTQ5ODgxNjA5NDk3",
        "name": "groups",
        "resource": "memberships",
        "event": "created",
        "filter": "",
        "orgId": ORGANIZATION,
        "createdBy": PERSON,
        "ownedBy": "org",
        "status": "active",
        "actorId": PERSON,
        "data": {
            "id": "Y2lzY29zcGFyazovL3VzL01FTUJFUlNISVAvMGQwYzkxYjYtY2U2MC00NzI1LWI2ZDAtMzQ1NWQ1ZDEx\
                   ZWYzOmNkZTFkZDQwLTJmMGQtMTFlNS1iYTljLTdiNjU1NmQyMjA3Yg",
            "roomId": "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRk\
                       MTU0",
            "personId": PERSON,
            "personEmail": "person@example.com",
            "personDisplayName": "Person",
            "personOrgId": ORGANIZATION,
            "isModerator": false,
            "isMonitor": false,
            "created": "2026-11-23T07:59:59.000Z",
        },
    })
    .to_string();
    let signature = sim::sign(key.expose_secret(), body.as_bytes())
        .ok_or_else(|| unexpected("the webhook cannot be signed"))?;
    let headers = json!({
        "x-spark-signature": signature.to_str().map_err(unexpected)?,
        "content-type": "application/json",
        "user-agent": "wx-cloudapps",
    });
    Ok(Webhook { path: format!("/webhooks/webex/{tenant}"), headers, body })
}

/// A request as API Gateway's HTTP API passes it on.
pub(super) fn http_event(method: &str, path: &str, headers: Value, body: &str) -> Bytes {
    let http = json!({
        "method": method,
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
        "userAgent": "bench",
    });
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "bench",
            "domainName": "functions.example",
            "domainPrefix": "functions",
            "http": http,
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:08:00:00 +0000",
            "timeEpoch": 1_795_420_800_000_u64,
        },
        "body": Some(body).filter(|body| !body.is_empty()),
        "isBase64Encoded": false,
    })
    .to_string()
    .into()
}
