//! The reconcile function in Lambda.

use std::process::ExitCode;

use aws::clients::Clients;
use aws::{config, function, log};
use engine::reconcile::Reconciler;
use lambda_runtime::{Diagnostic, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let metrics = log::metrics("reconcile")?;
    let clients = Clients::from_env().await?;
    let reconciler = Reconciler {
        requests: clients.aws.queue("RECONCILE_QUEUE_URL")?,
        keys: clients.aws.webhook_keys(),
        public_url: config::required_url("PUBLIC_URL")?,
        sync: clients.into_deps(),
    };
    function::serve(Some(metrics), async |event, deadline| {
        // Only the schedule's event fails as a whole; requests fail one by one.
        reconcile::handle(&reconciler, event, deadline).await.map_err(|error| Diagnostic {
            error_type: "ScheduleFailed".into(),
            error_message: error.to_string(),
        })
    })
    .await
}
