//! Wiring of the sync function: configuration, clients, and the loop of the Lambda runtime.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws::config;
use aws::dynamo::DynamoStore;
use aws::log;
use aws::sdk;
use aws::secrets_manager::SecretsManager;
use aws::sqs::SqsQueue;
use aws::sts::Sts;
use aws::trace;
use aws_lambda_events::sqs::SqsEvent;
use clients::clock::WallClock;
use clients::graph::{Entra, Graph};
use clients::http::{Deadline, Net};
use clients::webex::Webex;
use engine::credentials::tokens::Tokens;
use engine::sync::Sync;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// Time that is left for storing how the looks ended, after the last call.
const CLOSING: SignedDuration = SignedDuration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let metrics = log::metrics("sync")?;
    let sync = Arc::new(wire()?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let sync = Arc::clone(&sync);
        async move {
            let ends = Timestamp::UNIX_EPOCH + Duration::from_millis(event.context.deadline);
            let looks = ::sync::handle(&sync, event.payload, Deadline(ends - CLOSING));
            let response = trace::under(event.context.xray_trace_id, looks).await;
            if let Err(error) = metrics.flush(std::io::stdout()) {
                tracing::warn!(%error, "the metrics of this invocation are lost");
            }
            Ok::<_, Error>(response)
        }
    }))
    .await
}

fn wire() -> Result<Sync, Error> {
    let net = Arc::new(Net::new()?);
    let sdk = sdk::sdk_config(&net)?;
    let clock = Arc::new(WallClock);
    let store =
        Arc::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&sdk), config::required("TABLE_NAME")?, clock.clone()));
    let queue = Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), config::required("SYNC_QUEUE_URL")?));
    let secrets = Arc::new(SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk)));
    let webex = Webex::new(&config::url("WEBEX_API_URL", "https://webexapis.com/v1")?, net.clone(), clock.clone())?;
    let graph_url = config::url("GRAPH_URL", "https://graph.microsoft.com/v1.0")?;
    let graph = Graph::new(&graph_url, net.clone(), clock.clone())?;
    let login_url = config::url("ENTRA_LOGIN_URL", "https://login.microsoftonline.com")?;
    let entra = Entra::new(&login_url, &graph_url, net, clock.clone())?;
    let tokens =
        Tokens::new(secrets, store.clone(), clock.clone(), webex.clone(), entra, config::required("SECRETS_PREFIX")?);
    let tokens = tokens.vouched_for_by(Arc::new(Sts::new(aws_sdk_sts::Client::new(&sdk), clock.clone())));
    Ok(Sync { store, queue, tokens: Arc::new(tokens), webex, graph, clock })
}
