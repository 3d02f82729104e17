//! Tests of the SDK's own variables. Each runs this binary again in a separate environment.

use std::process::Command;

use aws::sdk::sdk_config;
use clients::http::Net;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Variables that Lambda sets.
const OF_LAMBDA: [(&str, &str); 3] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "key"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

/// Variables that say what this machine has.
const OF_MACHINE: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "HOME"];

/// Reads the configuration, calls three services, and prints what it found. Runs only in the
/// environment of another test.
#[tokio::test]
#[ignore = "other tests run it"]
async fn reads_configuration() {
    let config = match sdk_config(&Net::new().unwrap()).await {
        Ok(config) => config,
        Err(error) => return println!("{error}"),
    };
    println!("fips {:?}, dual-stack {:?}", config.use_fips(), config.use_dual_stack());
    println!("retries {:?}", config.retry_config().map(|retries| retries.mode()));
    let dynamodb = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await;
    let sqs = aws_sdk_sqs::Client::new(&config).list_queues().send().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config).list_secrets().send().await;
    println!("answers {} {} {}", dynamodb.is_ok(), sqs.is_ok(), secrets.is_ok());
}

/// Runs [`reads_configuration`] with these variables only. Returns what it printed.
async fn printed(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "configuration::reads_configuration", "--ignored", "--nocapture"]);
    let saved = OF_MACHINE.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
    command.env_clear().envs(saved).envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn with_lambda(variables: &[(&str, &str)]) -> String {
    printed(&[&OF_LAMBDA[..], variables].concat()).await
}

async fn service(status: u16) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_string("{}");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn count(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_service_can_have_its_own_endpoint() {
    let (all, dynamodb) = (service(200).await, service(200).await);
    let (all_url, dynamodb_url) = (all.uri(), dynamodb.uri());
    let endpoints =
        [("AWS_ENDPOINT_URL", &*all_url), ("AWS_ENDPOINT_URL_DYNAMODB", &*dynamodb_url)];
    let printed = with_lambda(&endpoints).await;
    assert!(printed.contains("answers true true true"), "{printed}");
    assert_eq!((count(&all).await, count(&dynamodb).await), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_are_the_sdks() {
    for (variables, attempts, mode) in [
        (vec![], 3, "Standard"),
        (vec![("AWS_MAX_ATTEMPTS", "2")], 2, "Standard"),
        (vec![("AWS_MAX_ATTEMPTS", "1"), ("AWS_RETRY_MODE", "adaptive")], 1, "Adaptive"),
    ] {
        let broken = service(500).await;
        let url = broken.uri();
        let printed =
            with_lambda(&[&variables[..], &[("AWS_ENDPOINT_URL_DYNAMODB", &*url)]].concat()).await;
        assert_eq!(count(&broken).await, attempts, "{variables:?}");
        assert!(printed.contains(&format!("retries Some({mode})")), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fips_and_dual_stack_endpoints_are_the_sdks() {
    let nowhere = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let once = ("AWS_MAX_ATTEMPTS", "1");
    let printed = with_lambda(&[
        nowhere,
        once,
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ])
    .await;
    assert!(printed.contains("fips Some(true), dual-stack Some(true)"), "{printed}");
    let printed = with_lambda(&[nowhere, once]).await;
    assert!(printed.contains("fips None, dual-stack None"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_variable_of_lambda_is_named() {
    for (missing, _) in OF_LAMBDA {
        let others: Vec<_> =
            OF_LAMBDA.iter().copied().filter(|(name, _)| *name != missing).collect();
        let printed = printed(&others).await;
        assert!(printed.contains(&format!("the environment variable {missing} is not set")));
    }
}
