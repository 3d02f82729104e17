//! A proxy between one function and AWS: checks each call against the function's role, records it,
//! and forwards or denies it.

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
use serde_json::{Value, json};
use sim::{issue_token, issuer_header};
use url::form_urlencoded;

use super::leading_keys::{LEADING_KEYS, leading_keys};
use super::policy::{AwsCall, Statement, allows};
use super::serve;
use super::stack::{Function, Services};

/// The issuer of the roles' identity tokens.
pub(super) const ISSUER: &str = "https://sts.simulated.example";

/// The KMS key of the deployment.
pub(super) const KEY_ARN: &str = "arn:aws:kms:eu-central-1:123456789012:key/deployed-tests";

const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// The recorded AWS calls of a function.
#[derive(Clone, Default)]
pub(super) struct AwsCalls(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    calls: Vec<AwsCall>,
    /// The trace header of each sent message, by message body.
    traces: HashMap<String, String>,
}

impl AwsCalls {
    pub(super) fn all(&self) -> Vec<AwsCall> {
        self.lock().calls.clone()
    }

    /// Returns the trace header under which a message was sent. SQS forwards it; the local stand-in
    /// loses it for batches.
    pub(super) fn trace_of(&self, body: &str) -> Option<String> {
        self.lock().traces.get(body).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sends(&self, call: &Value) {
        let several = call["Entries"].as_array().cloned().unwrap_or_else(|| vec![call.clone()]);
        for message in several {
            let header =
                message["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str();
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
    calls: AwsCalls,
}

/// Starts the proxy of a function; returns its address.
pub(super) async fn open(services: &Services, function: &Function) -> (String, AwsCalls) {
    let mut arn = function.arn.split(':').skip(3).map(str::to_owned);
    let (region, account) = (arn.next().unwrap(), arn.next().unwrap());
    let calls = AwsCalls::default();
    let relay = Relay {
        net: Net::new().unwrap(),
        services: services.clone(),
        role: function.role.clone(),
        account,
        region,
        policy: function.policy.clone(),
        calls: calls.clone(),
    };
    (serve(Router::new().fallback(relayed).with_state(Arc::new(relay))).await, calls)
}

async fn relayed(State(relay): State<Arc<Relay>>, request: Request) -> http::Response<Body> {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap();
    let target =
        parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    let calls = match &target {
        Some(target) => {
            let call = serde_json::from_slice(&body).unwrap();
            if target.starts_with("AmazonSQS.SendMessage") {
                relay.calls.sends(&call);
            }
            let asked = relay.actions_of(target, &call);
            let of_key: Vec<_> = asked.iter().flat_map(|call| relay.actions_of_key(call)).collect();
            asked.into_iter().chain(of_key).collect()
        }
        None => {
            vec![AwsCall {
                action: "sts:GetWebIdentityToken".into(),
                resource: "*".into(),
                context: sts_context(&body),
            }]
        }
    };
    if let Some(call) = calls.iter().find(|call| !allows(&relay.policy, call)) {
        let message = format!(
            "User: {} is not authorized to perform: {} on resource: {}",
            relay.role, call.action, call.resource
        );
        let refusal = json!({"__type": "AccessDeniedException", "message": message}).to_string();
        let answer = http::Response::builder()
            .status(400)
            .header("content-type", "application/x-amz-json-1.0");
        return answer.body(Body::from(refusal)).unwrap();
    }
    relay.calls.lock().calls.extend(calls.clone());
    let Some(target) = target else {
        return relay.vouch(&calls[0]);
    };
    let service =
        if target.starts_with("DynamoDB") { &relay.services.dynamodb } else { &relay.services.aws };
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

fn sts_context(body: &Bytes) -> BTreeMap<String, Vec<String>> {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    assert_eq!(form["Action"], "GetWebIdentityToken");
    let keys = [
        ("sts:IdentityTokenAudience", "Audience.member.1"),
        ("sts:DurationSeconds", "DurationSeconds"),
        ("sts:SigningAlgorithm", "SigningAlgorithm"),
    ];
    keys.map(|(key, field)| (key.to_owned(), vec![form[field].clone()])).into()
}

impl Relay {
    /// Returns the IAM actions of a call. A transaction needs the action of each part.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
    fn actions_of(&self, target: &str, call: &Value) -> Vec<AwsCall> {
        let (service, operation) = target.split_once('.').unwrap();
        match (service.split('_').next().unwrap(), operation) {
            ("DynamoDB", "TransactWriteItems" | "TransactGetItems") => {
                let parts = call["TransactItems"].as_array().unwrap().iter();
                let parts = parts.flat_map(|part| part.as_object().unwrap().iter());
                let call = |(kind, part): (&String, &Value)| {
                    let action = if kind == "ConditionCheck" {
                        "ConditionCheckItem".into()
                    } else {
                        format!("{kind}Item")
                    };
                    self.on_table(&action, &part["TableName"], None, part)
                };
                parts.map(call).collect()
            }
            ("DynamoDB", "BatchGetItem" | "BatchWriteItem") => {
                let tables = call["RequestItems"].as_object().unwrap().iter();
                let of = |(table, part): (&String, &Value)| {
                    self.on_table(operation, &json!(table), None, part)
                };
                tables.map(of).collect()
            }
            ("DynamoDB", _) => {
                let index = call["IndexName"].as_str();
                vec![self.on_table(operation, &call["TableName"], index, call)]
            }
            ("AmazonSQS", _) => {
                let action = operation.trim_end_matches("Batch");
                let name = call["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap();
                vec![self.call("sqs", action, name)]
            }
            ("secretsmanager", _) => {
                let name = call.get("SecretId").unwrap_or(&call["Name"]).as_str().unwrap();
                let found = if name.starts_with("arn:") {
                    name.to_owned()
                } else {
                    self.known_secret(name)
                };
                // A creation with tags needs both rights.
                let tags = call.get("Tags").map(|_| "TagResource");
                let key =
                    call["KmsKeyId"].as_str().map(|key| ("KmsKeyId".into(), vec![key.into()]));
                let of = |action: &str| AwsCall {
                    action: format!("secretsmanager:{action}"),
                    resource: found.clone(),
                    context: key.clone().into_iter().collect(),
                };
                [operation].into_iter().chain(tags).map(of).collect()
            }
            other => panic!("an unknown call: {other:?}"),
        }
    }

    /// Returns the calls to KMS that a service makes for a call, under the caller's role.
    fn actions_of_key(&self, call: &AwsCall) -> Vec<AwsCall> {
        let (service, operation) = call.action.split_once(':').unwrap();
        let needed: &[&str] = match operation {
            "GetSecretValue" | "ReceiveMessage" | "GetItem" | "Query" | "BatchGetItem"
            | "ConditionCheckItem" => &["Decrypt"],
            "CreateSecret" | "PutSecretValue" | "SendMessage" | "PutItem" | "UpdateItem"
            | "DeleteItem" => &["Decrypt", "GenerateDataKey"],
            _ => &[],
        };
        let via = format!("{service}.{}.amazonaws.com", self.region);
        let mut context = BTreeMap::from([("kms:ViaService".to_owned(), vec![via])]);
        let about = match service {
            "secretsmanager" => Some(("SecretARN", call.resource.as_str())),
            "dynamodb" => {
                let table = call.resource.split('/').nth(1).unwrap();
                Some(("aws:dynamodb:tableName", table))
            }
            _ => None,
        };
        let of =
            |(key, of): (&str, &str)| (format!("kms:EncryptionContext:{key}"), vec![of.to_owned()]);
        context.extend(about.map(of));
        let of = |action: &&str| AwsCall {
            action: format!("kms:{action}"),
            resource: KEY_ARN.into(),
            context: context.clone(),
        };
        needed.iter().map(of).collect()
    }

    fn call(&self, service: &str, action: &str, rest: &str) -> AwsCall {
        let resource = format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account);
        AwsCall { action: format!("{service}:{action}"), resource, context: BTreeMap::new() }
    }

    fn on_table(&self, action: &str, table: &Value, index: Option<&str>, part: &Value) -> AwsCall {
        let index = index.map(|index| format!("/index/{index}")).unwrap_or_default();
        let about = format!("table/{}{index}", table.as_str().unwrap());
        let context = [(LEADING_KEYS.to_owned(), leading_keys(part))].into();
        AwsCall { context, ..self.call("dynamodb", action, &about) }
    }

    /// Returns the ARN's form in the role: it ends in six characters that only AWS knows.
    fn known_secret(&self, name: &str) -> String {
        let arn = format!("arn:aws:secretsmanager:{}:{}:secret:{name}-", self.region, self.account);
        let resources = self.policy.iter().flat_map(Statement::resources);
        let mut exact =
            resources.filter(|known| known.strip_prefix(&arn).is_some_and(|rest| rest.len() == 6));
        exact.next().cloned().unwrap_or(arn + "AbCdEf")
    }

    /// Answers for STS, which the local stand-in does not support.
    fn vouch(&self, call: &AwsCall) -> http::Response<Body> {
        let now = Timestamp::now().as_second();
        let seconds: i64 = call.context["sts:DurationSeconds"][0].parse().unwrap();
        let claims = json!({
            "iss": ISSUER,
            "sub": self.role,
            "aud": call.context["sts:IdentityTokenAudience"][0],
            "iat": now,
            "exp": now + seconds,
        });
        let token = issue_token(&issuer_header(), &claims).unwrap();
        let ends = Timestamp::from_second(now + seconds).unwrap();
        let answer = format!(
            "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetWebIdentityTokenResult>\
             <WebIdentityToken>{token}</WebIdentityToken><Expiration>{ends}</Expiration></GetWebIdentityTokenResult>\
             <ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>"
        );
        http::Response::builder()
            .header("content-type", "text/xml")
            .body(Body::from(answer))
            .unwrap()
    }
}
