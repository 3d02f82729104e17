//! The function behind API Gateway: configuration, clients, run.

use std::process::ExitCode;
use std::sync::Arc;

use aws::config;
use aws::log;
use aws::sdk::sdk_config;
use aws::secrets_manager::SecretsManager;
use aws::sqs::SqsQueue;
use aws::trace;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use clients::clock::WallClock;
use clients::http::Net;
use engine::credentials::webhook_keys::CachedWebhookKeys;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use webhook::Webhook;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let queue_url = config::required("SYNC_QUEUE_URL")?;
    let prefix = config::required("SECRETS_PREFIX")?;
    let aws = sdk_config(&Net::new()?)?;
    let clock = Arc::new(WallClock);
    let secrets = Arc::new(SecretsManager::new(aws_sdk_secretsmanager::Client::new(&aws)));
    let queue = Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&aws), queue_url));
    let webhook = Webhook::new(queue, CachedWebhookKeys::new(secrets, clock.clone(), prefix), clock);
    let webhook = &webhook;

    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Error>(trace::under(event.context.xray_trace_id, webhook.handle(event.payload)).await)
    }))
    .await
}
