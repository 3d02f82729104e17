//! From the start of a function to its first answer, and what it takes from then on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::{TeamId, TenantId};
use engine::credentials::webhook_keys::{Kind, WebhookKeys};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha1::Sha1;
use store::message::{Ask, Cause, Message, Version};
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use uuid::Uuid;

use crate::aws::Aws;
use crate::connection;
use crate::lambda::Instance;
use crate::{NotMeasured, milliseconds, within};

/// How often each function is started.
const STARTS: usize = 50;

/// Events of each start after the first.
const WARM: usize = 20;

/// What a function may take from its start until it asks for work, and hold in memory.
const INIT: Duration = Duration::from_millis(15);
const MEMORY: u64 = 20 * 1024;

const PREFIX: &str = "bench";

/// What the secret of the webhooks' keys holds.
pub(crate) const KEYS: &str =
    r#"{"current": "1", "keys": {"1": "YmVuY2gta2V5LTEtZm9yLW1lYXN1cmluZy1hbmQtbm90aGluZy1lbHNl"}}"#;

/// A function, and an event for it.
struct Function {
    name: &'static str,
    /// What the event is, and what it has the function ask AWS for.
    event: &'static str,
    payload: Bytes,
}

/// What came of all starts of a function, each in order of length.
#[derive(Default)]
struct Measured {
    init: Vec<Duration>,
    first: Vec<Duration>,
    first_processor: Vec<Duration>,
    warm: Vec<Duration>,
    warm_processor: Vec<Duration>,
    peak: u64,
}

pub(crate) fn environment(aws: &Aws) -> BTreeMap<&'static str, String> {
    [
        ("TABLE_NAME", "table"),
        ("SYNC_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/sync"),
        ("RECONCILE_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/reconcile"),
        ("SECRETS_PREFIX", PREFIX),
        ("PUBLIC_URL", "https://functions.example"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_ENDPOINT_URL", &aws.endpoint),
        ("SSL_CERT_FILE", &aws.trusted().display().to_string()),
        // What the template sets.
        ("RUST_LOG", "info"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Where the release builds are.
pub(crate) fn binary(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join("release").join(name)
}

pub(crate) async fn table() -> Result<String, NotMeasured> {
    let aws = Aws::open().await?;
    let mut rows = vec![];
    for function in functions().await? {
        let measured = measure(&function, &aws).await?;
        rows.push(row(&function, &measured));
    }
    Ok(format!(
        "Each function was started {STARTS} times; each start had one event and {WARM} more. Half of the figures are below the first of two, 99 of a hundred below the second.\n\n\
         | function | start to first `/next` | first event, with its TLS connections | processor for it | an event when warm | processor for it | most memory | event |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n{}\n\n\
         Meant are {} and {} MiB at most. {}",
        rows.join("\n"),
        milliseconds(INIT),
        MEMORY / 1024,
        connection::in_words(&aws).await?
    ))
}

async fn measure(function: &Function, aws: &Aws) -> Result<Measured, NotMeasured> {
    let (binary, environment) = (binary(function.name), environment(aws));
    let mut measured = Measured::default();
    for _ in 0..STARTS {
        let mut instance = Instance::start(&binary, &environment).await?;
        measured.init.push(instance.init);
        let first = instance.invoke(&function.payload).await?;
        is_as_meant(function, &first.answer)?;
        measured.first.push(first.took);
        measured.first_processor.push(first.processor);
        for _ in 0..WARM {
            let warm = instance.invoke(&function.payload).await?;
            measured.warm.push(warm.took);
            measured.warm_processor.push(warm.processor);
        }
        measured.peak = measured.peak.max(instance.peak());
    }
    let Measured { init, first, first_processor, warm, warm_processor, .. } = &mut measured;
    for times in [init, first, first_processor, warm, warm_processor] {
        times.sort_unstable();
    }
    Ok(measured)
}

fn row(function: &Function, measured: &Measured) -> String {
    let both = |times: &[Duration]| format!("{}, {}", milliseconds(within(times, 50)), milliseconds(within(times, 99)));
    format!(
        "| {} | {} | {} | {} | {} | {} | {:.1} MiB | {} |",
        function.name,
        both(&measured.init),
        both(&measured.first),
        both(&measured.first_processor),
        both(&measured.warm),
        both(&measured.warm_processor),
        measured.peak as f64 / 1024.0,
        function.event
    )
}

/// That the function did what the event asks for: HTTP is not refused, and no message failed.
fn is_as_meant(function: &Function, answer: &Bytes) -> Result<(), NotMeasured> {
    let said: Value = serde_json::from_slice(answer).unwrap_or_default();
    let is_well = match function.name {
        "webhook" | "oauth" => said["statusCode"].as_u64().is_some_and(|status| status < 400),
        _ => said["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
    };
    is_well.then_some(()).ok_or_else(|| NotMeasured::NotAsMeant(format!("{}: {said}", function.name)))
}

async fn functions() -> Result<[Function; 4], NotMeasured> {
    let ask = Ask::Team { team: TeamId(Uuid::from_u128(2)), region: None };
    let (tenant, at) = (TenantId(Uuid::from_u128(1)), Timestamp::UNIX_EPOCH);
    let message = Message { v: Version, tenant, at, cause: Cause::WebexWebhook, ask };
    let message = serde_json::to_string(&message).map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
    let sqs = json!({"Records": [{
        "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78", "receiptHandle": "MessageReceiptHandle", "body": message,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795420800000"}, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:sync", "awsRegion": "eu-central-1",
    }]});
    let Webhook { path, headers, body } = webhook().await?;
    Ok([
        Function {
            name: "webhook",
            event: "a webhook that is checked and queued: a secret, then the queue",
            payload: http_event("POST", &path, headers, &body),
        },
        Function { name: "sync", event: "a message of nobody: the table", payload: sqs.to_string().into() },
        Function {
            name: "reconcile",
            event: "the schedule without a tenant: the table",
            payload: json!({"schedule": "every minute"}).to_string().into(),
        },
        Function {
            name: "oauth",
            event: "on the way to Webex's sign-in: a secret",
            payload: http_event("GET", "/oauth/webex", json!({}), ""),
        },
    ])
}

/// A webhook as Webex sends it.
pub(crate) struct Webhook {
    pub(crate) path: String,
    pub(crate) headers: Value,
    pub(crate) body: String,
}

pub(crate) async fn webhook() -> Result<Webhook, NotMeasured> {
    let tenant = TenantId(Uuid::from_u128(1));
    let secrets = MemorySecrets::new();
    let kept = secrets.put(&format!("{PREFIX}/webhooks"), KEYS.to_owned().into()).await;
    kept.map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
    let key = WebhookKeys::load(&secrets, PREFIX).await?.secret(tenant, Kind::Webex);
    let body = json!({
        "id": "Y2lzY29zcGFyazovL3VzL1dFQkhPT0svZjRlNjA1NjAtNjYwMi00ZmIwLWEyNWEtOTQ5ODgxNjA5NDk3", "name": "groups", "resource": "memberships",
        "event": "created", "filter": "", "orgId": "OTZhYmMyYWEtM2RjYy0xMWU1LWExNTItZmUzNDgxOWNkYzlh", "createdBy": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIzNjE4Ny1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY", "ownedBy": "org",
        "status": "active", "actorId": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIzNjE4Ny1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY",
        "data": {
            "id": "Y2lzY29zcGFyazovL3VzL01FTUJFUlNISVAvMGQwYzkxYjYtY2U2MC00NzI1LWI2ZDAtMzQ1NWQ1ZDExZWYzOmNkZTFkZDQwLTJmMGQtMTFlNS1iYTljLTdiNjU1NmQyMjA3Yg",
            "roomId": "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0",
            "personId": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIzNjE4Ny1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY", "personEmail": "person@example.com",
            "personDisplayName": "Person", "personOrgId": "OTZhYmMyYWEtM2RjYy0xMWU1LWExNTItZmUzNDgxOWNkYzlh", "isModerator": false, "isMonitor": false,
            "created": "2026-11-23T07:59:59.000Z",
        },
    })
    .to_string();
    let mut mac = Hmac::<Sha1>::new_from_slice(key.expose_secret().as_bytes())
        .map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
    mac.update(body.as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let headers =
        json!({"x-spark-signature": signature, "content-type": "application/json", "user-agent": "wx-cloudapps"});
    Ok(Webhook { path: format!("/webhooks/webex/{tenant}"), headers, body })
}

/// A request as API Gateway's HTTP API hands it over.
pub(crate) fn http_event(method: &str, path: &str, headers: Value, body: &str) -> Bytes {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "bench", "domainName": "functions.example", "domainPrefix": "functions",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench"},
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default", "time": "23/Nov/2026:08:00:00 +0000", "timeEpoch": 1_795_420_800_000_u64,
        },
        "body": Some(body).filter(|body| !body.is_empty()), "isBase64Encoded": false,
    })
    .to_string()
    .into()
}
