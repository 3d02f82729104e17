//! What every store, every keeper of secrets and every queue must do, each rule once. The twins in memory are always held to it; DynamoDB Local at
//! `DYNAMODB_TEST_URL` and moto at `AWS_TEST_URL` where these are set, as `./tests/all` does.

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

/// The moment at which the simulated clock of a test begins, in epoch seconds.
const START: i64 = 1_795_000_000;

fn clock() -> Arc<SimulatedClock> {
    Arc::new(SimulatedClock::starting_at(Timestamp::from_second(START).unwrap()))
}

/// Makes tests of rules: the first for the twin in memory, the second for the service, which may be out of reach.
macro_rules! hold {
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
use hold;
