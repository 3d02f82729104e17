//! Both services, the binaries between them, and the events of one morning, in real time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clients::clock::WallClock;
use clients::http::{Net, Transport};
use domain::ids::{GroupId, TeamId};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use sandbox::local_stack::FUNCTIONS_URL;
use serde_json::{Value, json};
use sim::{
    AppRegistration, FederatedCredential, MembershipRole, Person, Servers, TenantHandle, World,
    issuer_keys,
};
use uuid::Uuid;

use super::gateway::Gateway;
use super::lambda::Instance;
use super::relay::{AwsCalls, ISSUER, KEY_ARN, open};
use super::stack::{Function, Services, Source, Stack};
use super::{Evidence, FunctionRecord};
use crate::support::Browser;

/// The longest wait for anything. It says nothing about how long things take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Longest time until a removal is proved: its two questions are three minutes apart.
const PROOF_TIMEOUT: Duration = Duration::from_secs(360);

/// A token is renewed this long before it expires.
pub(super) const RENEWAL_MARGIN: Duration = Duration::from_secs(5 * 60);

/// The lifetime of a token that must be renewed at once.
pub(super) const SHORT_LIFE: Duration = Duration::from_secs(5 * 60 + 3);

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) acme: TenantHandle,
    pub(super) people: Vec<Person>,
    stack: Stack,
    pub(super) functions: BTreeMap<String, Arc<Instance>>,
    /// The AWS proxy of each function: its address and its recorded calls.
    aws: BTreeMap<String, (String, AwsCalls)>,
    outside: Arc<dyn Transport>,
    net: Net,
    servers: Servers,
    /// The browser's cookies at the end.
    pub(super) cookies: Vec<String>,
}

/// Prints the functions' logs when a test fails.
impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, function) in &self.functions {
                println!("{name}: {:#?}", function.log());
            }
        }
    }
}

/// Names that must not appear in a log.
const PEOPLE: [&str; 4] =
    ["Wilhelmina Oberon", "Xanthippe Quill", "Yorick Zephyr", "Zenobia Vantongeren"];

impl Scene {
    /// Deploys the stack, and starts both services and all functions.
    pub(super) async fn set(services: &Services) -> Self {
        let world = World::new(Arc::new(WallClock), 23);
        let acme = world.add_tenant("Acme");
        world.withdraw_consent(acme.directory);
        let people = PEOPLE.iter().map(|name| world.add_person(&acme, name)).collect();
        register_redirects(&world);
        let name = format!("groups-{}", Uuid::new_v4().simple());
        let stack = services.deploy(
            &name,
            &json!({
                "parameters": {
                    "WebexClientId": acme.webex_app.client_id,
                    "MicrosoftClientId": acme.microsoft_app.client_id,
                    "FilesClientId": acme.files_app.client_id,
                    "AllowedOrganizations": "*",
                    "KmsKeyArn": KEY_ARN,
                    "LogLevel": "info,clients=debug",
                },
                "client_secrets": {"webex-app": acme.webex_app.client_secret},
            }),
        );
        trust_roles(&world, &stack);
        let servers = sim::serve(&world).await.unwrap();
        let net = Net::new().unwrap();
        let (mut functions, mut aws) = (BTreeMap::new(), BTreeMap::new());
        for (name, function) in &stack.functions {
            let (address, calls) = open(services, function).await;
            let environment = environment(function, &address, &servers);
            if let Some(source) = &function.queue {
                // Lambda refuses a queue whose visibility timeout is shorter than the function's
                // timeout.
                let job = json!({"QueueUrl": source.url, "AttributeNames": ["VisibilityTimeout"]});
                let answer = sqs(&net, &address, "GetQueueAttributes", job).await;
                let hidden: u32 =
                    answer["Attributes"]["VisibilityTimeout"].as_str().unwrap().parse().unwrap();
                assert!(hidden >= function.seconds);
            }
            functions.insert(
                name.clone(),
                Arc::new(Instance::start(name, function, &environment).await),
            );
            aws.insert(name.clone(), (address, calls));
        }
        let gateway = Gateway { functions: functions.clone(), routes: stack.routes.clone() };
        let outside: Arc<dyn Transport> = Arc::new(gateway.open().await);
        world.set_notification_receiver(outside.clone());
        Self { world, acme, people, stack, functions, aws, outside, net, servers, cookies: vec![] }
    }

    /// Returns a function of the deployed template.
    pub(super) fn function(&self, name: &str) -> &Function {
        &self.stack.functions[name]
    }

    pub(super) fn browser(&self) -> Browser {
        Browser::new(self.outside.clone(), self.world.transport_beside(&self.servers))
    }

    /// Sends the event of the schedule, which runs every minute.
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html>
    pub(super) async fn schedule(&self) {
        let event = json!({
            "version": "0",
            "id": Uuid::new_v4(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": "123456789012",
            "time": format!("{:.0}", Timestamp::now()),
            "region": "eu-central-1",
            "resources": ["arn:aws:scheduler:eu-central-1:123456789012:schedule/default/EveryMinute"],
            "detail": "{}",
        });
        self.functions["reconcile"].invoke(event).await.unwrap();
    }

    /// Delivers the messages of a queue to its function, and deletes those that succeeded.
    async fn feed(&self, function: &str, source: &Source) -> usize {
        let receive = json!({
            "QueueUrl": source.url,
            "MaxNumberOfMessages": source.most,
            "MessageSystemAttributeNames": ["All"],
        });
        let received = sqs(&self.net, &self.aws[function].0, "ReceiveMessage", receive).await;
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return 0;
        }
        let traced = |message: &Value| {
            let body = message["Body"].as_str().unwrap();
            let mut message = message.clone();
            if let Some(header) = self.aws.values().find_map(|(_, calls)| calls.trace_of(body)) {
                message["Attributes"]["AWSTraceHeader"] = header.into();
            }
            record(source, &message)
        };
        let records: Vec<_> = messages.iter().map(traced).collect();
        let answer = self.functions[function].invoke(json!({"Records": records})).await.unwrap();
        let failed = answer["batchItemFailures"].as_array().unwrap();
        assert_eq!(
            *failed,
            Vec::<Value>::new(),
            "{function}: {:#?}",
            self.functions[function].log()
        );
        for message in &messages {
            let delete = json!({"QueueUrl": source.url, "ReceiptHandle": message["ReceiptHandle"]});
            sqs(&self.net, &self.aws[function].0, "DeleteMessage", delete).await;
        }
        messages.len()
    }

    /// Delivers webhooks and notifications, and empties the queues.
    pub(super) async fn deliver_all(&self) {
        for delivery in self.world.take_deliveries(Timestamp::now()) {
            let mut request =
                http::Request::post(delivery.url.as_str()).body(delivery.body).unwrap();
            request.headers_mut().extend(delivery.headers);
            let answer = self.outside.send(request, Duration::from_secs(30)).await.unwrap();
            assert!(answer.status().is_success(), "{}: {}", delivery.url, answer.status());
        }
        let mut moved = 1;
        while moved > 0 {
            moved = 0;
            for (name, function) in &self.stack.functions {
                if let Some(source) = &function.queue {
                    moved += self.feed(name, source).await;
                }
            }
        }
    }

    /// Repeats until the condition holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        loop {
            self.deliver_all().await;
            if holds(self) {
                return;
            }
            assert!(began.elapsed() < TIMEOUT, "{what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Repeats with one cycle a second, in place of one a minute.
    pub(super) async fn cycles_until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        self.cycles_within(TIMEOUT, what, holds).await;
    }

    /// Repeats until the condition holds that needs the proof of a removal.
    pub(super) async fn until_proved(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        self.cycles_within(PROOF_TIMEOUT, what, holds).await;
    }

    async fn cycles_within(&self, limit: Duration, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let began = Instant::now();
        loop {
            self.schedule().await;
            self.deliver_all().await;
            if holds(self).await {
                return;
            }
            assert!(began.elapsed() < limit, "{what}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    pub(super) fn group(&self) -> Option<(GroupId, sim::Group)> {
        self.world.groups(self.acme.directory).into_iter().next()
    }

    pub(super) fn is_in_sync(&self, team: TeamId) -> bool {
        let Some((_, group)) = self.group() else {
            return false;
        };
        let team = self.world.team(team).unwrap();
        let of = |has_role: fn(&MembershipRole) -> bool| -> BTreeSet<_> {
            let there =
                self.people.iter().filter(|one| team.people.get(&one.person).is_some_and(has_role));
            there.map(|one| one.object).collect()
        };
        of(|_| true) == group.members
            && of(|role| *role == MembershipRole::Moderator) == group.owners
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut secrets = BTreeMap::from([
            (self.acme.webex_app.client_secret.clone(), "Webex's client secret"),
            (self.acme.microsoft_app.client_secret.clone(), "Microsoft's client secret"),
            (self.acme.files_app.client_secret.clone(), "the client secret for files"),
            (self.stack.webhooks_key.clone(), "the webhooks' key"),
            ("Obelisk".to_owned(), "a team's name"),
            ("eyJ".to_owned(), "a signed token"),
        ]);
        for (what, words) in [
            (
                "a person's name",
                &[
                    "Wilhelmina",
                    "Oberon",
                    "Xanthippe",
                    "Quill",
                    "Yorick",
                    "Zephyr",
                    "Zenobia",
                    "Vantongeren",
                ][..],
            ),
            ("the service account's name", &["Compliance Officer"]),
            ("an administrator's name", &["Full Administrator"]),
            ("a mail address", &["@acme.example", "@"]),
        ] {
            secrets.extend(words.iter().map(|word| ((*word).to_owned(), what)));
        }
        secrets.extend(self.world.tokens().into_iter().map(|token| (token, "a token")));
        secrets.extend(self.cookies.iter().map(|cookie| (cookie.clone(), "a session")));
        let functions = self.functions.iter().map(|(name, instance)| {
            let record = FunctionRecord {
                calls: self.aws[name].1.all(),
                policy: instance.function.policy.clone(),
                log: instance.log(),
            };
            (name.clone(), record)
        });
        Evidence { functions: functions.collect(), secrets }
    }
}

fn register_redirects(world: &World) {
    world.register_webex_redirect(&format!("{FUNCTIONS_URL}/oauth/webex/callback"));
    for (app, path) in [
        (AppRegistration::Groups, "/oauth/microsoft/callback"),
        (AppRegistration::Groups, "/oauth/microsoft/consent"),
        (AppRegistration::Files, "/oauth/microsoft/consent"),
    ] {
        world.register_microsoft_redirect(app, &format!("{FUNCTIONS_URL}{path}"));
    }
}

/// Lets both Entra applications accept the roles' identity tokens.
fn trust_roles(world: &World, stack: &Stack) {
    for role in stack.outputs["FederatedSubjects"].split(' ') {
        let credential = FederatedCredential {
            issuer: ISSUER.into(),
            subject: role.into(),
            audience: "api://AzureADTokenExchange".into(),
            keys: issuer_keys(),
        };
        world.add_federated_credential(AppRegistration::Groups, credential.clone());
        world.add_federated_credential(AppRegistration::Files, credential);
    }
}

/// Returns the environment of a function: only the addresses differ from the template.
fn environment(
    function: &Function,
    aws: &str,
    servers: &Servers,
) -> BTreeMap<&'static str, String> {
    let mut environment = BTreeMap::from([
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("AWS_ENDPOINT_URL", aws.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
    ]);
    for (variable, value) in [
        ("PUBLIC_URL", FUNCTIONS_URL.to_owned()),
        ("WEBEX_API_URL", format!("{}/v1", servers.webex)),
        ("ENTRA_LOGIN_URL", servers.login.clone()),
        ("GRAPH_URL", format!("{}/v1.0", servers.graph)),
    ] {
        if function.environment.contains_key(variable) {
            environment.insert(variable, value);
        }
    }
    environment
}

/// Calls SQS under a function's role, as Lambda's poller does.
async fn sqs(net: &Net, aws: &str, action: &str, call: Value) -> Value {
    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20261124/eu-central-1/sqs/\
        aws4_request, SignedHeaders=host, Signature=0";
    let request = http::Request::post(format!("{aws}/"))
        .header(CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .header("authorization", SIGNED)
        .body(Bytes::from(call.to_string()))
        .unwrap();
    let answer = net.send(request, Duration::from_secs(10)).await.unwrap();
    assert!(answer.status().is_success(), "{action}: {:?}", answer.body());
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// Returns a message as a record of the queue event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
fn record(source: &Source, message: &Value) -> Value {
    json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": source.arn,
        "awsRegion": "eu-central-1",
    })
}
