//! Both services, the binaries between them, and what happens there on one morning, in the time of the wall.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clients::clock::WallClock;
use clients::http::{Net, Transport};
use domain::ids::{GroupId, TeamId};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use sandbox::house::FUNCTIONS;
use sandbox::{
    Fault, FederatedCredential, Person, Registration, Role, Servers, Service, TenantHandle, World, issuer_keys,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::gateway::Gateway;
use super::lambda::Instance;
use super::relay::{Deeds, ISSUER, open};
use super::stack::{Services, Source, Stack};
use super::{Evidence, Trail};
use crate::setup_browser::Browser;
use crate::setup_leaving::KEEP;

/// How long anything may take before it counts as not happening. Nothing is said of how long it does take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long before its end a token is renewed.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// The life of a token that has to be renewed right after it was given.
const NEARLY_OVER: Duration = Duration::from_secs(5 * 60 + 3);

pub(super) struct Scene {
    world: World,
    acme: TenantHandle,
    people: Vec<Person>,
    stack: Stack,
    functions: BTreeMap<String, Arc<Instance>>,
    /// The way to AWS of each function, under its role.
    aws: BTreeMap<String, (String, Deeds)>,
    outside: Arc<dyn Transport>,
    net: Net,
    servers: Servers,
    webhooks_key: String,
    /// What the browser bears at the end.
    cookies: Vec<String>,
}

/// Whoever reads of a failure wants to know what the functions said of it.
impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, function) in &self.functions {
                println!("{name}: {:#?}", function.log());
            }
        }
    }
}

impl Scene {
    pub(super) async fn set(services: &Services) -> Self {
        let world = World::new(Arc::new(WallClock), 23);
        let acme = world.add_tenant("Acme");
        world.withdraw_consent(acme.directory);
        let names = ["Wilhelmina Oberon", "Xanthippe Quill", "Yorick Zephyr", "Zenobia Vantongeren"];
        let people = names.iter().map(|name| world.add_person(&acme, name)).collect();
        world.register_webex_redirect(&format!("{FUNCTIONS}/oauth/webex/callback"));
        for (app, path) in [
            (Registration::Groups, "/oauth/microsoft/callback"),
            (Registration::Groups, "/oauth/microsoft/consent"),
            (Registration::Files, "/oauth/microsoft/consent"),
        ] {
            world.register_microsoft_redirect(app, &format!("{FUNCTIONS}{path}"));
        }
        let webhooks_key = "ZGVwbG95ZWQta2V5LTEtZm9yLXRlc3QtdXNlLW9ubHk=".to_owned();
        let name = format!("groups-{}", Uuid::new_v4().simple());
        let stack = services.deploy(
            &name,
            &json!({
                "SecretsPrefix": &name,
                "WebexClientId": acme.webex_app.client_id,
                "WebexClientSecret": acme.webex_app.client_secret,
                "MicrosoftClientId": acme.microsoft_app.client_id,
                "FilesClientId": acme.files_app.client_id,
                "WebhooksKey": webhooks_key,
                "LogLevel": "info,shared=debug",
            }),
        );
        for role in stack.outputs["FederatedSubjects"].split(' ') {
            let credential = FederatedCredential {
                issuer: ISSUER.into(),
                subject: role.into(),
                audience: "api://AzureADTokenExchange".into(),
                keys: issuer_keys(),
            };
            world.add_federated_credential(Registration::Groups, credential.clone());
            world.add_federated_credential(Registration::Files, credential);
        }
        let servers = sandbox::serve(&world).await.unwrap();
        let net = Net::new().unwrap();
        let (mut functions, mut aws) = (BTreeMap::new(), BTreeMap::new());
        for (name, function) in &stack.functions {
            let (address, deeds) = open(services, function).await;
            let mut environment = BTreeMap::from([
                ("AWS_REGION", "eu-central-1".to_owned()),
                ("AWS_ACCESS_KEY_ID", "test".into()),
                ("AWS_SECRET_ACCESS_KEY", "test".into()),
                ("AWS_ENDPOINT_URL", address.clone()),
                ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ]);
            // Only where they are can differ from what the template says.
            for (variable, value) in [
                ("PUBLIC_URL", FUNCTIONS.to_owned()),
                ("WEBEX_API_URL", format!("{}/v1", servers.webex)),
                ("ENTRA_LOGIN_URL", servers.login.clone()),
                ("GRAPH_URL", format!("{}/v1.0", servers.graph)),
            ] {
                if function.environment.contains_key(variable) {
                    environment.insert(variable, value);
                }
            }
            if let Some(source) = &function.queue {
                // Lambda asks how long a message stays hidden, and refuses a queue that would show it too early.
                let ask = json!({"QueueUrl": source.url, "AttributeNames": ["VisibilityTimeout"]});
                let answer = sqs(&net, &address, "GetQueueAttributes", ask).await;
                let hidden: u32 = answer["Attributes"]["VisibilityTimeout"].as_str().unwrap().parse().unwrap();
                assert!(hidden >= function.seconds);
            }
            functions.insert(name.clone(), Arc::new(Instance::start(name, function, &environment).await));
            aws.insert(name.clone(), (address, deeds));
        }
        let gateway = Gateway { functions: functions.clone(), routes: stack.routes.clone() };
        let outside: Arc<dyn Transport> = Arc::new(gateway.open().await);
        world.reach_receivers_through(outside.clone());
        Self { world, acme, people, stack, functions, aws, outside, net, servers, webhooks_key, cookies: vec![] }
    }

    fn browser(&self) -> Browser {
        Browser::before(self.outside.clone(), self.world.transport_beside(&self.servers))
    }

    /// What the schedule starts every minute.
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html>
    async fn schedule(&self) {
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

    /// Hands what waits in a queue to its function, and deletes what did not fail.
    async fn feed(&self, function: &str, source: &Source) -> usize {
        let receive = json!({
            "QueueUrl": source.url, "MaxNumberOfMessages": source.most, "MessageSystemAttributeNames": ["All"],
        });
        let received = sqs(&self.net, &self.aws[function].0, "ReceiveMessage", receive).await;
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return 0;
        }
        let traced = |message: &Value| {
            let body = message["Body"].as_str().unwrap();
            let mut message = message.clone();
            if let Some(header) = self.aws.values().find_map(|(_, deeds)| deeds.trace_of(body)) {
                message["Attributes"]["AWSTraceHeader"] = header.into();
            }
            record(source, &message)
        };
        let records: Vec<_> = messages.iter().map(traced).collect();
        let answer = self.functions[function].invoke(json!({"Records": records})).await.unwrap();
        let failed = answer["batchItemFailures"].as_array().unwrap();
        assert_eq!(*failed, Vec::<Value>::new(), "{function}: {:#?}", self.functions[function].log());
        for message in &messages {
            let delete = json!({"QueueUrl": source.url, "ReceiptHandle": message["ReceiptHandle"]});
            sqs(&self.net, &self.aws[function].0, "DeleteMessage", delete).await;
        }
        messages.len()
    }

    /// Everything that is due: webhooks and notifications arrive, queues are emptied.
    async fn turn(&self) {
        for delivery in self.world.take_deliveries(Timestamp::now()) {
            let mut request = http::Request::post(delivery.url.as_str()).body(delivery.body).unwrap();
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

    /// Goes on until it holds.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        loop {
            self.turn().await;
            if holds(self) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The same, with a round every second instead of every minute.
    async fn rounds_until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let began = Instant::now();
        loop {
            self.schedule().await;
            self.turn().await;
            if holds(self).await {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn group(&self) -> Option<(GroupId, sandbox::Group)> {
        self.world.groups(self.acme.directory).into_iter().next()
    }

    fn are_in_step(&self, team: TeamId) -> bool {
        let Some((_, group)) = self.group() else { return false };
        let team = self.world.team(team).unwrap();
        let of = |wanted: fn(&Role) -> bool| -> BTreeSet<_> {
            let there = self.people.iter().filter(|one| team.people.get(&one.person).is_some_and(wanted));
            there.map(|one| one.object).collect()
        };
        of(|_| true) == group.members && of(|role| *role == Role::Moderator) == group.owners
    }

    pub(super) async fn play(&mut self) {
        // Tokens that last for seconds: the first round renews them, and so does the first look.
        self.world.webex_settings(|settings| settings.access_life = NEARLY_OVER);
        let mut browser = self.browser();
        browser.sign_in(self.acme.administrator.person).await.is(200, "Overview");
        self.connect(&mut browser).await;
        let team = self.make_a_group(&mut browser).await;
        self.world.webex_settings(|settings| settings.access_life = Duration::from_secs(14 * 86_400));
        self.change_both_sides(team).await;
        self.give_spaces_folders(&mut browser, team).await;
        self.decide_on_removals(&mut browser, team).await;
        self.put_them_back(&mut browser, team).await;
        self.make_groups_of_what_was_there(&mut browser).await;
        // Once Webex lets nobody out for a while and a round ends it, once the page can do it all.
        self.world.fault(Fault::status(503).on(Service::Webex).path("/memberships").times(u32::MAX));
        browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "To do");
        self.world.clear_faults();
        self.until_it_has_left(&browser).await;
        self.connect(&mut browser).await;
        browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
        self.until_it_has_left(&browser).await;
        self.cookies = browser.cookies.into_values().collect();
        assert_eq!(self.world.violations(), []);
    }

    async fn connect(&self, browser: &mut Browser) {
        browser.connect_webex(self.acme.officer, &[]).await.is(200, "Connected through Compliance Officer");
        browser.connect_microsoft(&self.acme).await.is(200, "Acme is connected");
        tokio::time::sleep(NEARLY_OVER - MARGIN).await;
        self.schedule().await;
        self.turn().await;
        browser.open("/prerequisites").await.is(200, "5 of 6 people");
        browser.save(&[("enabled", "yes")]).await.is(200, "The settings are saved.");
    }

    async fn make_a_group(&self, browser: &mut Browser) -> TeamId {
        let creator = self.people[0].person;
        let team = self.world.create_team(creator, "Obelisk Reading Circle");
        self.rounds_until("the creator is asked", async |scene| !scene.world.cards_to(creator).is_empty()).await;
        let card = self.world.cards_to(creator).remove(0);
        self.world.answer_card(card.message, creator, json!({"team": team, "group": "yes"})).unwrap();
        self.until("the new team has its group", |scene| scene.are_in_step(team)).await;
        browser.open("/teams").await.is(200, "Obelisk Reading Circle");
        browser.open(&format!("/teams/{team}")).await.is(200, "Wilhelmina Oberon");
        team
    }

    async fn change_both_sides(&self, team: TeamId) {
        let people = &self.people;
        self.world.add_to_team(team, people[1].person, Role::Member).unwrap();
        self.until("who joined the team is in the group", |scene| scene.are_in_step(team)).await;
        let (group, _) = self.group().unwrap();
        self.world.add_member(group, people[2].object);
        self.until("who joined the group is in the team", |scene| scene.are_in_step(team)).await;
        self.world.rename_team(team, "Obelisk Writing Circle");
        self.until("the group has the team's name", |scene| {
            scene.group().unwrap().1.display_name == "Obelisk Writing Circle"
        })
        .await;
        self.world.remove_from_team(team, people[1].person).unwrap();
        self.until("who left the team is not in the group", |scene| scene.are_in_step(team)).await;
        self.until("Microsoft has told of its side", |scene| {
            scene.functions["webhook"].log().iter().any(|line| line.contains("graph notification"))
        })
        .await;
    }

    /// The directory consents to files, too, and each space of the team gets a folder.
    async fn give_spaces_folders(&self, browser: &mut Browser, team: TeamId) {
        self.world.open_site(self.group().unwrap().0);
        browser.open("/").await.is(200, "They need a consent of the directory");
        browser.authorize_files(&self.acme).await.is(200, "The consent is in force");
        browser.save(&[("folders", "each-space")]).await.is(200, "The settings are saved.");
        self.rounds_until("the team's space is linked to its folder", async |scene| {
            scene.world.room(team.general_space()).unwrap().folder.is_some()
        })
        .await;
    }

    /// More leave at once than the brake lets go.
    async fn decide_on_removals(&self, browser: &mut Browser, team: TeamId) {
        let several = &self.people[1..];
        for person in several {
            // One of them is there already.
            _ = self.world.add_to_team(team, person.person, Role::Member);
        }
        self.until("all who joined are in the group", |scene| scene.are_in_step(team)).await;
        browser.save(&[("link_people", "1"), ("link_percent", "1")]).await.is(200, "The settings are saved.");
        for person in several {
            self.world.remove_from_team(team, person.person).unwrap();
        }
        let page = format!("/teams/{team}");
        browser.submit_on(&page, &page, &[("action", "sync")]).await.is(200, "looked at");
        self.turn().await;
        let plan = browser.open(&page).await;
        plan.is(200, "3 removals wait for you");
        assert!(!self.are_in_step(team));
        let hash = plan.field("hash");
        browser.submit_on(&page, &page, &[("action", "apply"), ("hash", &hash)]).await;
        self.until("the removals were applied", |scene| scene.are_in_step(team)).await;
        browser.open("/people").await.is(200, "Compliance Officer");
        browser.open("/activity?person=yorick").await.is(200, "is removed from the group");
    }

    /// It was a mistake after all.
    async fn put_them_back(&self, browser: &mut Browser, team: TeamId) {
        let page = browser.open(&format!("/teams/{team}")).await;
        let (_, done) = page.html.split_once("<ol class=\"done\">").unwrap();
        let entry = done.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        let plan = browser.open(entry).await;
        plan.is(200, "3 people would become");
        let hash = plan.field("hash");
        browser.submit_on(entry, entry, &[("hash", &hash)]).await.is(200, "looked at");
        self.until("they are back on both sides", |scene| {
            let (_, group) = scene.group().unwrap();
            scene.are_in_step(team) && group.members.contains(&scene.people[1].object)
        })
        .await;
    }

    /// A team that nobody was asked about is found, chosen, and gets its group.
    async fn make_groups_of_what_was_there(&self, browser: &mut Browser) {
        browser.save(&[("new_teams", "selected")]).await.is(200, "The settings are saved.");
        let team = self.world.create_team(self.people[0].person, "Obelisk Archive").to_string();
        browser.submit_on("/existing", "/existing", &[("action", "find")]).await.is(200, "Searching since");
        self.rounds_until("the search is through", async |_| {
            browser.clone().open("/existing").await.html.contains("Find teams again")
        })
        .await;
        browser.open("/existing").await.is(200, "Obelisk Archive");
        let choose = [("action", "choose"), ("team", team.as_str())];
        let chosen = browser.submit_on("/existing", "/existing", &choose).await;
        chosen.is(200, "1 group would be created");
        let create = [("action", "create"), ("hash", &chosen.field("hash"))];
        browser.submit_on("/selection", "/selection", &create).await.is(200, "are being created");
        self.rounds_until("the group is made", async |_| {
            browser.clone().open("/selection").await.html.contains("1 of 1 done")
        })
        .await;
    }

    async fn until_it_has_left(&self, browser: &Browser) {
        self.rounds_until("the tenant has left", async |_| {
            browser.clone().open("/receipt").await.html.contains("Deleted at")
        })
        .await;
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut secrets = BTreeMap::from([
            (self.acme.webex_app.client_secret.clone(), "Webex's client secret"),
            (self.acme.microsoft_app.client_secret.clone(), "Microsoft's client secret"),
            (self.acme.files_app.client_secret.clone(), "the client secret for files"),
            (self.webhooks_key.clone(), "the webhooks' key"),
            ("Obelisk".to_owned(), "a team's name"),
            ("eyJ".to_owned(), "a signed token"),
        ]);
        for (what, words) in [
            (
                "a person's name",
                &["Wilhelmina", "Oberon", "Xanthippe", "Quill", "Yorick", "Zephyr", "Zenobia", "Vantongeren"][..],
            ),
            ("the officer's name", &["Compliance Officer"]),
            ("an administrator's name", &["Full Administrator"]),
            ("a mail address", &["@acme.example", "@"]),
        ] {
            secrets.extend(words.iter().map(|word| ((*word).to_owned(), what)));
        }
        secrets.extend(self.world.tokens().into_iter().map(|token| (token, "a token")));
        secrets.extend(self.cookies.iter().map(|cookie| (cookie.clone(), "a session")));
        let functions = self.functions.iter().map(|(name, instance)| {
            let trail =
                Trail { deeds: self.aws[name].1.all(), policy: instance.function.policy.clone(), log: instance.log() };
            (name.clone(), trail)
        });
        Evidence { functions: functions.collect(), secrets }
    }
}

/// A call of SQS under a function's role, as Lambda makes it to feed the function.
async fn sqs(net: &Net, aws: &str, action: &str, call: Value) -> Value {
    const SIGNED: &str =
        "AWS4-HMAC-SHA256 Credential=test/20261124/eu-central-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
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

/// A message as the event of the queue has it.
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
