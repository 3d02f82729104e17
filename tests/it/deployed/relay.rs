//! Between one function and AWS: every call is held against the function's role before it goes on, refused as AWS refuses it, and kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use clients::http::{Net, Transport};
use http::StatusCode;
use jiff::Timestamp;
use sandbox::{issued, issuer_header};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::policy::{Deed, Statement};
use super::serve;
use super::stack::{Function, Services};

/// Who vouches for roles.
pub(super) const ISSUER: &str = "https://sts.simulated.example";

const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// What a function did in AWS.
#[derive(Clone, Default)]
pub(super) struct Deeds(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    deeds: Vec<Deed>,
    /// The trace header of each message that was sent, by the message's body.
    traces: HashMap<String, String>,
}

impl Deeds {
    pub(super) fn all(&self) -> Vec<Deed> {
        self.lock().deeds.clone()
    }

    /// Under which trace a message was sent. SQS hands it on; the stand-in forgets it of messages that were sent several at a time.
    pub(super) fn trace_of(&self, body: &str) -> Option<String> {
        self.lock().traces.get(body).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sends(&self, call: &Value) {
        let several = call["Entries"].as_array().cloned().unwrap_or_else(|| vec![call.clone()]);
        for message in several {
            let header = message["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str();
            let body = message["MessageBody"].as_str().unwrap().to_owned();
            self.lock().traces.extend(header.map(|header| (body, header.to_owned())));
        }
    }
}

struct Relay {
    net: Net,
    services: Services,
    role: String,
    account: String,
    region: String,
    policy: Vec<Statement>,
    deeds: Deeds,
}

/// Opens the way of a function to AWS; says at which address.
pub(super) async fn open(services: &Services, function: &Function) -> (String, Deeds) {
    let mut arn = function.arn.split(':').skip(3).map(str::to_owned);
    let (region, account) = (arn.next().unwrap(), arn.next().unwrap());
    let deeds = Deeds::default();
    let relay = Relay {
        net: Net::new().unwrap(),
        services: services.clone(),
        role: function.role.clone(),
        account,
        region,
        policy: function.policy.clone(),
        deeds: deeds.clone(),
    };
    (serve(Router::new().fallback(relayed).with_state(Arc::new(relay))).await, deeds)
}

async fn relayed(State(relay): State<Arc<Relay>>, request: Request) -> http::Response<Body> {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap();
    let target = parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    let deeds = match &target {
        Some(target) => {
            let call = serde_json::from_slice(&body).unwrap();
            if target.starts_with("AmazonSQS.SendMessage") {
                relay.deeds.sends(&call);
            }
            relay.wanted(target, &call)
        }
        None => {
            vec![Deed { action: "sts:GetWebIdentityToken".into(), resource: "*".into(), context: sts_context(&body) }]
        }
    };
    if let Some(deed) = deeds.iter().find(|deed| !relay.policy.iter().any(|statement| statement.allows(deed))) {
        let message = format!(
            "User: {} is not authorized to perform: {} on resource: {}",
            relay.role, deed.action, deed.resource
        );
        let refusal = json!({"__type": "AccessDeniedException", "message": message}).to_string();
        let answer = http::Response::builder().status(400).header("content-type", "application/x-amz-json-1.0");
        return answer.body(Body::from(refusal)).unwrap();
    }
    relay.deeds.lock().deeds.extend(deeds.clone());
    let Some(target) = target else { return relay.vouch(&deeds[0]) };
    let service = if target.starts_with("DynamoDB") { &relay.services.dynamodb } else { &relay.services.aws };
    parts.uri = format!("{service}/").parse().unwrap();
    for header in [http::header::HOST, http::header::CONTENT_LENGTH] {
        parts.headers.remove(header);
    }
    match relay.net.send(http::Request::from_parts(parts, body), Duration::from_secs(30)).await {
        Ok(mut answer) => {
            answer.headers_mut().remove(http::header::TRANSFER_ENCODING);
            answer.map(Body::from)
        }
        Err(error) => {
            let mut answer = http::Response::new(Body::from(error.to_string()));
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
            answer
        }
    }
}

fn sts_context(body: &Bytes) -> BTreeMap<String, String> {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    assert_eq!(form["Action"], "GetWebIdentityToken");
    let keys = [
        ("sts:IdentityTokenAudience", "Audience.member.1"),
        ("sts:DurationSeconds", "DurationSeconds"),
        ("sts:SigningAlgorithm", "SigningAlgorithm"),
    ];
    keys.map(|(key, field)| (key.to_owned(), form[field].clone())).into()
}

impl Relay {
    /// What a call does, in IAM's words. A transaction does each of its parts.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
    fn wanted(&self, target: &str, call: &Value) -> Vec<Deed> {
        let (service, operation) = target.split_once('.').unwrap();
        match (service.split('_').next().unwrap(), operation) {
            ("DynamoDB", "TransactWriteItems") => {
                let parts = call["TransactItems"].as_array().unwrap().iter();
                let parts = parts.flat_map(|part| part.as_object().unwrap().iter());
                let deed = |(kind, part): (&String, &Value)| {
                    let action =
                        if kind == "ConditionCheck" { "ConditionCheckItem".into() } else { format!("{kind}Item") };
                    self.on_table(&action, &part["TableName"], None)
                };
                parts.map(deed).collect()
            }
            ("DynamoDB", "BatchGetItem") => {
                let tables = call["RequestItems"].as_object().unwrap().keys();
                tables.map(|table| self.on_table(operation, &json!(table), None)).collect()
            }
            ("DynamoDB", _) => vec![self.on_table(operation, &call["TableName"], call["IndexName"].as_str())],
            ("AmazonSQS", _) => {
                let action = operation.trim_end_matches("Batch");
                let name = call["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap();
                vec![self.deed("sqs", action, name)]
            }
            ("secretsmanager", _) => {
                let name = call.get("SecretId").unwrap_or(&call["Name"]).as_str().unwrap();
                let found = if name.starts_with("arn:") { name.to_owned() } else { self.known_secret(name) };
                vec![Deed { action: format!("secretsmanager:{operation}"), resource: found, context: BTreeMap::new() }]
            }
            other => panic!("an unknown call: {other:?}"),
        }
    }

    fn deed(&self, service: &str, action: &str, rest: &str) -> Deed {
        let resource = format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account);
        Deed { action: format!("{service}:{action}"), resource, context: BTreeMap::new() }
    }

    fn on_table(&self, action: &str, table: &Value, index: Option<&str>) -> Deed {
        let index = index.map(|index| format!("/index/{index}")).unwrap_or_default();
        self.deed("dynamodb", action, &format!("table/{}{index}", table.as_str().unwrap()))
    }

    /// The ARN of a secret ends in six characters that only AWS knows; a role that names it has them.
    fn known_secret(&self, name: &str) -> String {
        let arn = format!("arn:aws:secretsmanager:{}:{}:secret:{name}-", self.region, self.account);
        let resources = self.policy.iter().flat_map(Statement::resources);
        let mut exact = resources.filter(|known| known.strip_prefix(&arn).is_some_and(|rest| rest.len() == 6));
        exact.next().cloned().unwrap_or(arn + "AbCdEf")
    }

    /// STS's answer, in the place of a service that the stand-in does not know.
    fn vouch(&self, deed: &Deed) -> http::Response<Body> {
        let now = Timestamp::now().as_second();
        let seconds: i64 = deed.context["sts:DurationSeconds"].parse().unwrap();
        let claims = json!({
            "iss": ISSUER, "sub": self.role, "aud": deed.context["sts:IdentityTokenAudience"], "iat": now, "exp": now + seconds
        });
        let token = issued(&issuer_header(), &claims).unwrap();
        let ends = Timestamp::from_second(now + seconds).unwrap();
        let answer = format!(
            "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetWebIdentityTokenResult>\
             <WebIdentityToken>{token}</WebIdentityToken><Expiration>{ends}</Expiration></GetWebIdentityTokenResult>\
             <ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>"
        );
        http::Response::builder().header("content-type", "text/xml").body(Body::from(answer)).unwrap()
    }
}
