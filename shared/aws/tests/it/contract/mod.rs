//! Rules for every store, secret store and queue. The in-memory twins are always tested. DynamoDB
//! Local and moto are tested if `DYNAMODB_TEST_URL` and `AWS_TEST_URL` are set, as `./tests/all`
//! does.

mod aws;
mod failures;
mod federation;
mod links;
mod queue;
mod queue_in_memory;
mod secrets;
mod store;
mod store_in_memory;
mod store_queries;

use std::sync::Arc;

use domain::clock::SimulatedClock;
use jiff::Timestamp;

/// Start of the simulated clock, in epoch seconds.
const START: i64 = 1_795_000_000;

fn clock() -> Arc<SimulatedClock> {
    Arc::new(SimulatedClock::starting_at(Timestamp::from_second(START).unwrap()))
}

/// Defines a test of each rule for the in-memory twin, and one for the service if it is available.
macro_rules! contract_tests {
    ($memory:path, $service:path, $($rule:ident)+) => {
        mod in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::$rule($memory()).await;
                }
            )+
        }

        mod in_service {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    if let Some(subject) = $service().await {
                        super::$rule(subject).await;
                    }
                }
            )+
        }
    };
}
use contract_tests;
