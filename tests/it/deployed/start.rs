//! Invalid configuration: the function exits at the start, and names the variable.

use std::collections::BTreeMap;

use serde_json::json;

use super::lambda::Instance;
use super::stack::Function;

fn function(environment: &[(&str, &str)]) -> Function {
    serde_json::from_value(json!({
        "arn": "arn:aws:lambda:eu-central-1:123456789012:function:one",
        "role": "",
        "seconds": 10,
        "megabytes": 256,
        "environment": environment.iter().copied().collect::<BTreeMap<_, _>>(),
        "policy": [],
        "queue": null,
    }))
    .unwrap()
}

/// Variables that Lambda sets.
const LAMBDAS: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// All variables that the functions read, with valid values.
const GOOD: [(&str, &str); 12] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "key"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("TABLE_NAME", "table"),
    ("SYNC_QUEUE_URL", "https://sqs.example/sync"),
    ("RECONCILE_QUEUE_URL", "https://sqs.example/reconcile"),
    ("SECRETS_PREFIX", "groups"),
    ("PUBLIC_URL", "https://functions.example"),
    ("WEBEX_API_URL", "https://webexapis.com/v1"),
    ("ENTRA_LOGIN_URL", "https://login.microsoftonline.com"),
    ("GRAPH_URL", "https://graph.microsoft.com/v1.0"),
    ("ALLOWED_ORGANIZATIONS", ""),
];

/// Starts a function with one variable changed; returns its log.
async fn said(name: &str, variable: &str, value: &str) -> String {
    let mut environment: BTreeMap<_, _> = GOOD.into();
    environment.insert(variable, value);
    let environment: Vec<_> = environment.into_iter().collect();
    let instance = Instance::start(name, &function(&environment), &BTreeMap::new()).await;
    assert_ne!(instance.ended().await, 0, "{name} with {variable}={value}");
    instance.log().join("\n")
}

#[tokio::test]
async fn bad_variable_stops_the_start_by_name() {
    if super::stack::Services::from_env().is_none() {
        return;
    }
    for (name, variables) in [
        ("webhook", &["SYNC_QUEUE_URL", "SECRETS_PREFIX"][..]),
        ("sync", &["TABLE_NAME", "SYNC_QUEUE_URL", "SECRETS_PREFIX"]),
        (
            "reconcile",
            &[
                "TABLE_NAME",
                "SYNC_QUEUE_URL",
                "RECONCILE_QUEUE_URL",
                "SECRETS_PREFIX",
                "PUBLIC_URL",
            ],
        ),
        ("oauth", &["TABLE_NAME", "SYNC_QUEUE_URL", "SECRETS_PREFIX", "PUBLIC_URL"]),
    ] {
        for variable in variables.iter().chain(&LAMBDAS) {
            let said = said(name, variable, " ").await;
            assert!(
                said.contains(&format!("the environment variable {variable} is not set")),
                "{name}: {said}"
            );
        }
    }
    for (name, variable, value) in [
        ("sync", "WEBEX_API_URL", "webexapis.com/v1"),
        ("sync", "ENTRA_LOGIN_URL", "https://"),
        ("reconcile", "GRAPH_URL", "graph"),
        ("reconcile", "PUBLIC_URL", "functions.example"),
        ("oauth", "PUBLIC_URL", "functions.example"),
        ("oauth", "ALLOWED_ORGANIZATIONS", "no one"),
        ("reconcile", "ALLOWED_ORGANIZATIONS", "no one"),
        ("webhook", "RUST_LOG", "clients=loud"),
        ("webhook", "SECRETS_PREFIX", "groups/tenant"),
        ("oauth", "SECRETS_PREFIX", "groups/"),
    ] {
        let said = said(name, variable, value).await;
        assert!(
            said.contains(&format!("the environment variable {variable} cannot be used: ")),
            "{name}: {said}"
        );
    }
}
