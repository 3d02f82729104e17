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
    function::serve(Some(metrics), async |request, _| Ok(webhook.handle(request).await)).await
}
