//! Local services in place of AWS, with a separate table, prefix and queue for each test.

use std::io::Write;
use std::sync::{Arc, Once};
use std::time::Duration;

use aws::dynamo::DynamoStore;
use aws::sdk::loader;
use aws::secrets_manager::SecretsManager;
use aws::sqs::SqsQueue;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_types::SdkConfig;
use clients::http::Net;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(300);

/// Returns the address of a service from a variable. If it is unset, prints the skipped test, and
/// once a notice that the output capture does not hide.
fn address(variable: &str, reported: &'static Once) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        println!(
            "skipped, because {variable} is not set: {}",
            std::thread::current().name().unwrap_or("a test")
        );
        reported.call_once(|| {
            let message =
                format!("\nSKIPPED: the tests that need {variable}. ./tests/all runs them.\n");
            std::io::stderr().write_all(message.as_bytes()).unwrap();
        });
    }
    address
}

fn dynamodb_address() -> Option<String> {
    static REPORTED: Once = Once::new();
    address("DYNAMODB_TEST_URL", &REPORTED)
}

fn moto_address() -> Option<String> {
    static REPORTED: Once = Once::new();
    address("AWS_TEST_URL", &REPORTED)
}

/// Returns the configuration of the functions with this address for every service.
pub(super) async fn config(endpoint_url: String) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let loader = loader(&Net::new().unwrap()).region(Region::new("eu-central-1"));
    loader.credentials_provider(credentials).endpoint_url(endpoint_url).load().await
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

fn index(name: &str) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(&format!("{name}pk"), KeyType::Hash))
        .key_schema(key(&format!("{name}sk"), KeyType::Range))
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes("expires_at")
                .build(),
        )
        .build()
        .unwrap()
}

/// Creates an empty table.
pub(super) async fn table() -> Option<super::store::Subject> {
    // 16 MB through an unoptimized parser on a busy machine exceed the functions' timeout.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(TIMEOUT)
        .operation_timeout(TIMEOUT)
        .build();
    let config = config(dynamodb_address()?).await.into_builder().timeout_config(timeouts).build();
    let client = aws_sdk_dynamodb::Client::new(&config);
    let name = format!("contract-{}", Uuid::now_v7());
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("gsi1pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("gsi1sk", ScalarAttributeType::N))
        .attribute_definitions(attribute("gsi2pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("gsi2sk", ScalarAttributeType::S))
        .global_secondary_indexes(index("gsi1"))
        .global_secondary_indexes(index("gsi2"))
        .send()
        .await
        .unwrap();
    let clock = super::clock();
    Some(super::store::Subject {
        store: Arc::new(DynamoStore::new(client, name, clock.clone())),
        clock,
    })
}

/// Returns secrets under an unused prefix.
pub(super) async fn secrets() -> Option<super::secrets::Subject> {
    let secrets =
        SecretsManager::new(aws_sdk_secretsmanager::Client::new(&config(moto_address()?).await));
    Some(super::secrets::Subject {
        secrets: Box::new(secrets),
        prefix: format!("contract/{}", Uuid::now_v7()),
    })
}

/// Creates an empty queue.
pub(super) async fn queue() -> Option<super::queue::Subject> {
    let client = aws_sdk_sqs::Client::new(&config(moto_address()?).await);
    let name = format!("contract-{}", Uuid::now_v7());
    let url = client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
    Some(super::queue::Subject::Sqs { queue: SqsQueue::new(client.clone(), &url), client, url })
}
