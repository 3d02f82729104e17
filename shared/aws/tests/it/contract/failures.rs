//! Tests of AWS errors. The answers are mocked, because the local services never throttle.

use aws::dynamo::DynamoStore;
use aws::secrets_manager::SecretsManager;
use aws::sqs::SqsQueue;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_types::SdkConfig;
use serde_json::{Value, json};
use store::queue::{Queue, QueueError};
use store::secrets::{Secrets, SecretsError};
use store::table::{Condition, Store, StoreError, StoreErrorClass, Write};
use wiremock::matchers::header;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::queue::message;
use super::store::{item, key};

/// Returns a service that gives this answer to every request, and its configuration.
async fn service(status: u16, body: Value) -> (MockServer, SdkConfig) {
    let server = serve(ResponseTemplate::new(status).set_body_string(body.to_string())).await;
    let config = config(&server).await;
    (server, config)
}

pub(super) async fn serve(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let answer = answer.insert_header("x-amzn-requestid", "REQUEST");
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

pub(super) async fn config(server: &MockServer) -> SdkConfig {
    let config = super::aws::config(server.uri()).await.into_builder();
    config.retry_config(RetryConfig::disabled()).build()
}

fn error(code: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.service#{code}"), "message": "why" })
}

fn store(config: &SdkConfig) -> DynamoStore {
    DynamoStore::new(aws_sdk_dynamodb::Client::new(config), "table", super::clock())
}

#[tokio::test]
async fn throttled_or_broken_table_is_busy() {
    for (status, code) in [
        (400, "ThrottlingException"),
        (400, "ProvisionedThroughputExceededException"),
        (400, "RequestLimitExceeded"),
        (400, "TransactionConflictException"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ] {
        let (_server, config) = service(status, error(code)).await;
        let answer = store(&config).get(&key("a", "1")).await;
        assert!(
            matches!(&answer, Err(StoreError::Busy(what)) if what.contains(code)),
            "{code}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn refusal_names_code_text_and_request() {
    let (_server, config) = service(400, error("AccessDeniedException")).await;
    let denied = StoreError::Denied("AccessDeniedException: why (request REQUEST)".to_owned());
    assert_eq!(store(&config).get(&key("a", "1")).await, Err(denied));
}

#[tokio::test]
async fn only_a_refusal_of_the_items_is_theirs() {
    let (_server, config) = service(400, error("ValidationException")).await;
    let refused = store(&config).get(&key("a", "1")).await.unwrap_err();
    assert_eq!(refused.class(), StoreErrorClass::Item, "{refused:?}");
    let (_server, config) = service(400, error("ResourceNotFoundException")).await;
    let denied = store(&config).get(&key("a", "1")).await.unwrap_err();
    assert_eq!(denied.class(), StoreErrorClass::Table, "{denied:?}");
}

#[tokio::test]
async fn unreachable_service_is_busy() {
    let server = MockServer::start().await;
    let config = config(&server).await;
    drop(server);
    let gone = config.into_builder().endpoint_url("http://127.0.0.1:1").build();
    assert!(matches!(store(&gone).get(&key("a", "1")).await, Err(StoreError::Busy(_))));
}

#[tokio::test]
async fn call_without_credentials_is_denied() {
    let (_server, config) = service(200, json!({})).await;
    let mut anonymous = config.into_builder();
    anonymous.set_credentials_provider(None);
    let answer = store(&anonymous.build()).get(&key("a", "1")).await;
    assert!(matches!(&answer, Err(StoreError::Denied(_))), "{answer:?}");
}

#[tokio::test]
async fn cancelled_transaction_follows_its_reasons() {
    let conflict = ["None", "TransactionConflict"];
    let condition = ["TransactionConflict", "ConditionalCheckFailed"];
    let mistake = ["ConditionalCheckFailed", "ValidationError"];
    for (codes, expected) in [(conflict, "busy"), (condition, "condition"), (mistake, "refused")] {
        let mut body = error("TransactionCanceledException");
        body["CancellationReasons"] = codes.iter().map(|code| json!({ "Code": code })).collect();
        let (_server, config) = service(400, body).await;
        let writes = ["1", "2"].map(|sk| Write::Put(item("a", sk, []), Condition::Absent)).to_vec();
        let kind = match store(&config).write(writes).await {
            Err(StoreError::Busy(_)) => "busy",
            Err(StoreError::ConditionFailed) => "condition",
            Err(StoreError::Refused(_)) => "refused",
            other => panic!("{other:?}"),
        };
        assert_eq!(kind, expected, "{codes:?}");
    }
}

#[tokio::test]
async fn unprocessed_keys_are_requested_again() {
    let left = json!({ "table": { "Keys": [{ "pk": { "S": "a" }, "sk": { "S": "1" } }] } });
    let (server, config) = service(200, json!({ "Responses": {}, "UnprocessedKeys": left })).await;
    let answer = store(&config).get_many(&[key("a", "1")]).await;
    assert!(matches!(answer, Err(StoreError::Busy(_))), "{answer:?}");
    assert!(server.received_requests().await.unwrap().len() > 1);
}

#[tokio::test]
async fn secret_errors_name_the_secret() {
    let (_server, config) = service(400, error("AccessDeniedException")).await;
    let refused =
        SecretsManager::new(aws_sdk_secretsmanager::Client::new(&config)).get("tenant/1").await;
    assert!(matches!(refused, Err(SecretsError::Refused { name, .. }) if name == "tenant/1"));
    let (_server, config) = service(400, error("ThrottlingException")).await;
    let busy =
        SecretsManager::new(aws_sdk_secretsmanager::Client::new(&config)).get("tenant/1").await;
    assert!(matches!(busy, Err(SecretsError::Busy { name, .. }) if name == "tenant/1"));
}

#[tokio::test]
async fn failed_messages_are_sent_once_more() {
    let server = MockServer::start().await;
    let failed =
        |fault| json!({ "Id": "1", "Code": "Code", "Message": "why", "SenderFault": fault });
    let answer = |failed: Value| {
        let body = json!({ "Successful": [], "Failed": failed });
        Mock::given(header("x-amz-target", "AmazonSQS.SendMessageBatch"))
            .respond_with(ResponseTemplate::new(200).set_body_string(body.to_string()))
    };
    let messages = [message(0), message(1), message(2)];
    let queue = SqsQueue::new(
        aws_sdk_sqs::Client::new(&config(&server).await),
        format!("{}/queue", server.uri()),
    );

    answer(json!([failed(false)])).up_to_n_times(1).mount(&server).await;
    answer(json!([])).up_to_n_times(1).mount(&server).await;
    assert_eq!(queue.send_all(&messages).await, Ok(()));
    let sent: Vec<Value> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|one| one.body_json().unwrap())
        .collect();
    let ids: Vec<Vec<&str>> = sent
        .iter()
        .map(|call| {
            call["Entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["Id"].as_str().unwrap())
                .collect()
        })
        .collect();
    assert_eq!(ids, [vec!["0", "1", "2"], vec!["1"]]);

    answer(json!([failed(false)])).up_to_n_times(2).mount(&server).await;
    assert_eq!(queue.send_all(&messages).await, Err(QueueError::Busy("Code: why".to_owned())));
    answer(json!([failed(true)])).mount(&server).await;
    assert_eq!(queue.send_all(&messages).await, Err(QueueError::Refused("Code: why".to_owned())));
}
