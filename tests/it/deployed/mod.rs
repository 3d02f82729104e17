//! The deployed binaries under a Runtime API, with the variables and roles of `template.yaml`: from
//! the sign-in to the end of offboarding. Their AWS calls and logs are recorded for the tests.

mod dependencies;
mod gateway;
mod lambda;
mod leading_keys;
mod operator;
mod play;
mod policy;
mod relay;
mod scene;
mod stack;
mod start;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use self::leading_keys::LEADING_KEYS;
use self::policy::{AwsCall, Statement, allows};
use self::scene::Scene;
use self::stack::Services;

/// Serves on a free local port; returns the address.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// AWS calls, policy and log of one function.
struct FunctionRecord {
    calls: Vec<AwsCall>,
    policy: Vec<Statement>,
    log: Vec<String>,
}

/// The records of the whole run.
struct Evidence {
    functions: BTreeMap<String, FunctionRecord>,
    /// Words that must not appear in a log, with what each is.
    secrets: BTreeMap<String, &'static str>,
}

impl Evidence {
    /// Returns the log lines that are not metrics.
    fn lines(&self, function: &str) -> Vec<Value> {
        let lines =
            self.functions[function].log.iter().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &Value| line.get("_aws").is_none()).collect()
    }
}

/// Runs the scene once for all tests of this module; `None` without the local AWS services.
fn evidence() -> Option<&'static Evidence> {
    static EVIDENCE: LazyLock<Option<Evidence>> = LazyLock::new(|| {
        let services = Services::from_env()?;
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
fn binaries_serve_a_tenant_from_sign_in_to_offboarding() {
    // The scene asserts each step.
    if let Some(evidence) = evidence() {
        assert_eq!(evidence.functions.len(), 4);
    }
}

#[test]
fn roles_allow_exactly_what_functions_need() {
    let Some(evidence) = evidence() else { return };
    // Lambda writes logs and traces under the function's role.
    let is_of_lambda = |what: &str| what.starts_with("logs:") || what.starts_with("xray:");
    // The check for other teams needs a team that is missing for 15 minutes of real time.
    let takes_longer =
        |about: &str, function: &str| function == "sync" && about.ends_with("/index/gsi2");
    let mut needless = vec![];
    for (function, record) in &evidence.functions {
        assert!(!record.calls.is_empty(), "{function} did nothing");
        for statement in record.policy.iter().filter(|one| one.is_permission()) {
            let is_played = !statement.actions().iter().all(|action| is_of_lambda(action))
                && !statement.resources().iter().all(|about| takes_longer(about, function));
            let unused = statement.unused(&record.calls).into_iter().filter(|_| is_played);
            needless.extend(unused.map(|what| (function, what)));
        }
    }
    assert_eq!(needless, [], "rights that no call used");
}

#[test]
fn sessions_are_out_of_reach_of_other_functions() {
    let Some(evidence) = evidence() else { return };
    let is_of_pages = |call: &&AwsCall| {
        let keys = call.context.get(LEADING_KEYS).into_iter().flatten();
        let mut sessions = keys.filter(|key| {
            ["SESSION#", "STATE#", "FIXED#"].iter().any(|beginning| key.starts_with(beginning))
        });
        sessions.next().is_some()
    };
    let pages = &evidence.functions["oauth"];
    let calls: Vec<_> = pages.calls.iter().filter(is_of_pages).collect();
    let actions: BTreeSet<_> = calls.iter().map(|call| call.action.as_str()).collect();
    for action in ["GetItem", "PutItem", "UpdateItem", "DeleteItem"] {
        assert!(actions.contains(format!("dynamodb:{action}").as_str()), "{actions:?}");
    }
    for (function, record) in evidence.functions.iter().filter(|(name, _)| *name != "oauth") {
        for call in &calls {
            assert!(!allows(&record.policy, call), "{function}: {call:?}");
        }
    }
}

#[test]
fn record_of_decisions_is_append_only() {
    let Some(evidence) = evidence() else { return };
    for function in ["sync", "reconcile", "oauth"] {
        let FunctionRecord { calls, policy, .. } = &evidence.functions[function];
        let on = |action: &str, partition: &str| {
            let is_write = |call: &&AwsCall| call.action == "dynamodb:UpdateItem";
            let mut call = calls.iter().find(is_write).unwrap().clone();
            call.action = format!("dynamodb:{action}");
            call.context.insert(LEADING_KEYS.into(), vec![partition.into()]);
            allows(policy, &call)
        };
        let record = "TENANT#3b1f#RECORD";
        assert!(on("PutItem", record) && on("Query", record), "{function}");
        assert!(!on("DeleteItem", record) && !on("UpdateItem", record), "{function}");
        assert!(on("DeleteItem", "TENANT#3b1f") && on("UpdateItem", "TENANT#3b1f"), "{function}");
    }
}

#[test]
fn roles_prove_themselves_to_microsoft_only() {
    let Some(evidence) = evidence() else { return };
    const AUDIENCE: &str = "sts:IdentityTokenAudience";
    for function in ["sync", "reconcile", "oauth"] {
        let FunctionRecord { calls, policy, .. } = &evidence.functions[function];
        let call = calls.iter().find(|call| call.action == "sts:GetWebIdentityToken").unwrap();
        let to = |audiences: &[&str]| {
            let mut call = call.clone();
            call.context.insert(AUDIENCE.into(), audiences.iter().map(|&one| one.into()).collect());
            allows(policy, &call)
        };
        assert!(to(&["api://AzureADTokenExchange"]), "{function}");
        assert!(!to(&["https://evil.example"]), "{function}");
        assert!(!to(&["api://AzureADTokenExchange", "https://evil.example"]), "{function}");
        // A condition for all values holds for none.
        assert!(!to(&[]), "{function}");
    }
}

#[test]
fn secrets_of_tenants_are_under_the_customers_key() {
    let Some(evidence) = evidence() else { return };
    let calls = evidence.functions.values().flat_map(|function| &function.calls);
    let created: Vec<_> =
        calls.filter(|call| call.action == "secretsmanager:CreateSecret").collect();
    assert!(!created.is_empty());
    for call in created {
        let key = call.context.get("KmsKeyId").map(Vec::as_slice).unwrap_or_default();
        assert_eq!(key, [relay::KEY_ARN], "{}", call.resource);
    }
}

#[test]
fn restored_table_replaces_the_stacks_table() {
    let Some(services) = Services::from_env() else {
        return;
    };
    let parameters = json!({
        "parameters": {
            "RestoredTable": "as-it-was", "WebexClientId": "C", "MicrosoftClientId": "c",
        },
        "client_secrets": {},
    });
    let stack = services.deploy(&format!("restored-{}", Uuid::new_v4().simple()), &parameters);
    for (name, function) in &stack.functions {
        let table = function.environment.get("TABLE_NAME").map(String::as_str);
        assert_eq!(table, (name != "webhook").then_some("as-it-was"), "{name}");
        let about = function
            .policy
            .iter()
            .flat_map(Statement::resources)
            .filter(|about| about.contains(":dynamodb:"));
        for about in about {
            let (_, table) = about.split_once(":table/").unwrap();
            assert_eq!(table.split('/').next(), Some("as-it-was"), "{name}");
        }
    }
}

#[test]
fn logs_hold_no_token_secret_address_or_name() {
    let Some(evidence) = evidence() else { return };
    assert!(evidence.secrets.len() > 30, "{}", evidence.secrets.len());
    for (function, record) in &evidence.functions {
        for line in &record.log {
            for (secret, what) in &evidence.secrets {
                assert!(!line.contains(secret), "{function} logs {what}: {line}");
            }
        }
    }
}

#[test]
fn log_lines_are_json_with_level_and_request() {
    let Some(evidence) = evidence() else { return };
    for function in evidence.functions.keys() {
        let lines = evidence.lines(function);
        assert!(!lines.is_empty(), "{function} logs nothing");
        for line in lines {
            assert!(
                line["level"].is_string() && line["fields"]["message"].is_string(),
                "{function}: {line}"
            );
            let spans = line["spans"].as_array().unwrap();
            assert!(spans.iter().any(|span| span["requestId"].is_string()), "{function}: {line}");
        }
    }
}

#[test]
fn sync_logs_tenant_team_trigger_and_request_ids() {
    let Some(evidence) = evidence() else { return };
    let runs =
        evidence.lines("sync").into_iter().filter(|line| line["fields"]["event"] == "team_synced");
    let wrote: Vec<_> =
        runs.filter(|line| line["fields"]["changes"].as_u64().unwrap() > 0).collect();
    assert!(wrote.len() >= 3, "{wrote:#?}");
    for line in wrote {
        for field in ["tenant", "team", "trigger"] {
            assert!(line["fields"][field].is_string(), "{line}");
        }
        assert_ne!(line["fields"]["request_ids"], "[]", "{line}");
    }
}

#[test]
fn queued_messages_keep_their_trace() {
    let Some(evidence) = evidence() else { return };
    let spans = |line: &Value| line["spans"].as_array().unwrap().clone();
    let root = |header: &Value| header.as_str().unwrap().split(';').next().unwrap().to_owned();
    let of = |function: &str, message: &str| -> BTreeSet<String> {
        let lines = evidence.lines(function).into_iter();
        let lines =
            lines.filter(|line| line["fields"]["message"].as_str().unwrap().contains(message));
        lines
            .filter_map(|line| {
                spans(&line).iter().find_map(|span| Some(root(span.get("xrayTraceId")?)))
            })
            .collect()
    };
    let runs =
        evidence.lines("sync").into_iter().filter(|line| line["fields"]["event"] == "team_synced");
    let sent_under: BTreeSet<_> = runs
        .filter_map(|line| spans(&line).iter().find_map(|span| Some(root(span.get("sent_under")?))))
        .collect();
    for (function, message) in [
        ("webhook", "webex webhook"),
        ("webhook", "graph notification"),
        ("reconcile", "completed a reconciliation cycle"),
    ] {
        let traces = of(function, message);
        assert!(!traces.is_disjoint(&sent_under), "{function}: {traces:?} {sent_under:?}");
    }
}

#[test]
fn metrics_use_the_embedded_format() {
    let Some(evidence) = evidence() else { return };
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for function in ["webhook", "sync", "reconcile"] {
        let lines = evidence.functions[function]
            .log
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut count = 0;
        for line in lines.filter(|line| line.get("_aws").is_some()) {
            count += 1;
            assert!(line["_aws"]["Timestamp"].is_i64(), "{line}");
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                let namespace = directive["Namespace"].as_str().unwrap();
                assert!(namespace.starts_with("WebexTeamsGroups/groups-"), "{namespace}");
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
        "SyncRuns",
        "ReconciliationCycles",
        "PeopleAddedToGroups",
        "PeopleAddedToTeams",
        "PeopleRemovedFromGroups",
        "SyncDelay",
        "WebexCalls",
        "GraphCalls",
        "EntraCalls",
        "ScheduleRuns",
        "Tenants",
        "WebhooksAccepted",
    ] {
        assert!(sums.get(name).is_some_and(|sum| *sum > 0.0), "{name}: {sums:?}");
    }
}
