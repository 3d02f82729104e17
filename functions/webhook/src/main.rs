//! The webhook function in Lambda, behind API Gateway.

use std::process::ExitCode;

use aws::clients::AwsClients;
use aws::{function, log};
use lambda_runtime::Error;
use webhook::Webhook;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let metrics = log::metrics("webhook")?;
    let aws = AwsClients::from_env().await?;
    let keys = aws.webhook_keys();
    let webhook = Webhook::new(aws.queue("SYNC_QUEUE_URL")?, keys, aws.clock);
    let handler = async |request| webhook.handle(request).await;
    function::serve_http(Some(metrics), webhook::LARGEST_BODY, handler).await
}
