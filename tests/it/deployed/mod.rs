//! The binaries as they are deployed: under a Runtime API, with what `template.yaml` says they get and may do, from the sign-in to a group in step, and until a
//! tenant has left. What they did in AWS and what they wrote is kept for the tests.

mod gateway;
mod lambda;
mod policy;
mod relay;
mod scene;
mod stack;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use self::policy::{Deed, Statement};
use self::scene::Scene;
use self::stack::Services;

/// Serves on a free port of 127.0.0.1; says at which address.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// What one function left behind.
struct Trail {
    deeds: Vec<Deed>,
    policy: Vec<Statement>,
    log: Vec<String>,
}

/// What the whole run left behind.
struct Evidence {
    functions: BTreeMap<String, Trail>,
    /// Words that no log may hold, and what each one is.
    secrets: BTreeMap<String, &'static str>,
}

impl Evidence {
    /// The lines that are no metrics.
    fn lines(&self, function: &str) -> Vec<Value> {
        let lines = self.functions[function].log.iter().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &Value| line.get("_aws").is_none()).collect()
    }
}

/// The run is made once for all tests of this module; nothing where there are no services to make it with.
fn evidence() -> Option<&'static Evidence> {
    static EVIDENCE: LazyLock<Option<Evidence>> = LazyLock::new(|| {
        let services = Services::at_hand()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Some(runtime.block_on(async {
            let mut scene = Scene::set(&services).await;
            scene.play().await;
            scene.evidence()
        }))
    });
    EVIDENCE.as_ref()
}

#[test]
fn the_binaries_lead_from_the_sign_in_to_a_group_in_step_and_let_a_tenant_leave() {
    // What the scene asserts as it goes.
    if let Some(evidence) = evidence() {
        assert_eq!(evidence.functions.len(), 4);
    }
}

#[test]
fn each_role_allows_what_its_function_needs_and_nothing_else() {
    let Some(evidence) = evidence() else { return };
    // Lambda itself writes logs and traces under the role.
    let is_of_lambda = |what: &str| what.starts_with("logs:") || what.starts_with("xray:");
    // Whether other teams answer is asked when one has been missing for a quarter of an hour of the wall's clock.
    let takes_longer = |about: &str, function: &str| function == "sync" && about.ends_with("/index/gsi2");
    let mut needless = vec![];
    for (function, trail) in &evidence.functions {
        assert!(!trail.deeds.is_empty(), "{function} did nothing");
        for statement in &trail.policy {
            let is_played = !statement.actions().iter().all(|action| is_of_lambda(action))
                && !statement.resources().iter().all(|about| takes_longer(about, function));
            let unused = statement.unused(&trail.deeds).into_iter().filter(|_| is_played);
            needless.extend(unused.map(|what| (function, what)));
        }
    }
    assert_eq!(needless, [], "rights that nobody needs");
}

#[test]
fn a_restored_table_takes_the_place_of_the_stacks_own() {
    let Some(services) = Services::at_hand() else { return };
    let parameters = json!({
        "SecretsPrefix": Uuid::new_v4(), "RestoredTable": "as-it-was",
        "WebexClientId": "C", "WebexClientSecret": "c", "MicrosoftClientId": "c", "WebhooksKey": "k",
    });
    let stack = services.deploy(&format!("restored-{}", Uuid::new_v4().simple()), &parameters);
    for (name, function) in &stack.functions {
        let table = function.environment.get("TABLE_NAME").map(String::as_str);
        assert_eq!(table, (name != "webhook").then_some("as-it-was"), "{name}");
        let about = function.policy.iter().flat_map(Statement::resources).filter(|about| about.contains(":dynamodb:"));
        for about in about {
            let (_, table) = about.split_once(":table/").unwrap();
            assert_eq!(table.split('/').next(), Some("as-it-was"), "{name}");
        }
    }
}

#[test]
fn no_log_holds_a_token_a_secret_a_mail_or_a_name() {
    let Some(evidence) = evidence() else { return };
    assert!(evidence.secrets.len() > 30, "{}", evidence.secrets.len());
    for (function, trail) in &evidence.functions {
        for line in &trail.log {
            for (secret, what) in &evidence.secrets {
                assert!(!line.contains(secret), "{function} logs {what}: {line}");
            }
        }
    }
}

#[test]
fn every_line_of_a_log_is_one_json_object_with_a_level_and_the_request() {
    let Some(evidence) = evidence() else { return };
    for function in evidence.functions.keys() {
        let lines = evidence.lines(function);
        assert!(!lines.is_empty(), "{function} logs nothing");
        for line in lines {
            assert!(line["level"].is_string() && line["fields"]["message"].is_string(), "{function}: {line}");
            let spans = line["spans"].as_array().unwrap();
            assert!(spans.iter().any(|span| span["requestId"].is_string()), "{function}: {line}");
        }
    }
}

#[test]
fn a_look_says_tenant_team_cause_and_the_request_ids_of_what_it_wrote() {
    let Some(evidence) = evidence() else { return };
    let looked = evidence.lines("sync").into_iter().filter(|line| line["fields"]["message"] == "looked");
    let wrote: Vec<_> = looked.filter(|line| line["fields"]["changes"].as_u64().unwrap() > 0).collect();
    assert!(wrote.len() >= 3, "{wrote:#?}");
    for line in wrote {
        for field in ["tenant", "team", "cause"] {
            assert!(line["fields"][field].is_string(), "{line}");
        }
        assert_ne!(line["fields"]["request_ids"], "[]", "{line}");
    }
}

#[test]
fn what_a_function_queues_goes_on_under_its_trace() {
    let Some(evidence) = evidence() else { return };
    let spans = |line: &Value| line["spans"].as_array().unwrap().clone();
    let root = |header: &Value| header.as_str().unwrap().split(';').next().unwrap().to_owned();
    let of = |function: &str, message: &str| -> BTreeSet<String> {
        let lines = evidence.lines(function).into_iter();
        let lines = lines.filter(|line| line["fields"]["message"].as_str().unwrap().contains(message));
        lines.filter_map(|line| spans(&line).iter().find_map(|span| Some(root(span.get("xrayTraceId")?)))).collect()
    };
    let looked = evidence.lines("sync").into_iter().filter(|line| line["fields"]["message"] == "looked");
    let sent_under: BTreeSet<_> =
        looked.filter_map(|line| spans(&line).iter().find_map(|span| Some(root(span.get("sent_under")?)))).collect();
    for (function, message) in [("webhook", "webex webhook"), ("webhook", "graph notification"), ("reconcile", "round")]
    {
        let traces = of(function, message);
        assert!(!traces.is_disjoint(&sent_under), "{function}: {traces:?} {sent_under:?}");
    }
}

#[test]
fn metrics_are_written_in_the_embedded_format() {
    let Some(evidence) = evidence() else { return };
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for function in ["sync", "reconcile"] {
        let lines = evidence.functions[function].log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut count = 0;
        for line in lines.filter(|line| line.get("_aws").is_some()) {
            count += 1;
            assert!(line["_aws"]["Timestamp"].is_i64(), "{line}");
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                assert_eq!(directive["Namespace"], "WebexTeamsGroups");
                assert_eq!(directive["Dimensions"], json!([["function"]]), "{line}");
                assert_eq!(line["function"], function);
                for metric in directive["Metrics"].as_array().unwrap() {
                    let name = metric["Name"].as_str().unwrap();
                    let value = &line[name];
                    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
                    let values = values.iter().map(|value| value.as_f64().unwrap());
                    *sums.entry(name.into()).or_default() += values.sum::<f64>();
                }
            }
        }
        assert!(count > 0, "{function}");
    }
    for name in [
        "Looks",
        "Rounds",
        "PeopleAddedToGroups",
        "PeopleAddedToTeams",
        "PeopleRemovedFromGroups",
        "Lag",
        "WebexCalls",
        "GraphCalls",
        "EntraCalls",
    ] {
        assert!(sums.get(name).is_some_and(|sum| *sum > 0.0), "{name}: {sums:?}");
    }
}
