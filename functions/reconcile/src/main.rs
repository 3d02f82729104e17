//! The reconcile function in Lambda.

use std::process::ExitCode;

use aws::clients::Clients;
use aws::{config, function, log};
use engine::reconcile::Reconciler;
use engine::tenant::allowed::Allowed;
use lambda_runtime::{Diagnostic, Error};
use reconcile::{Event, health};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let metrics = log::metrics("reconcile")?;
    let clients = Clients::from_env().await?;
    let net = clients.aws.net.clone();
    let reconciler = Reconciler {
        requests: clients.aws.queue("RECONCILE_QUEUE_URL")?,
        keys: clients.aws.webhook_keys(),
        public_url: config::required_url("PUBLIC_URL")?,
        allowed: config::parsed("ALLOWED_ORGANIZATIONS", Allowed::parse)?,
        sync: clients.into_deps(),
    };
    function::serve(Some(metrics), async |event, deadline| {
        let is_scheduled = matches!(event, Event::Schedule(_));
        let checked = async {
            // Once a minute, and not once for each tenant.
            if is_scheduled {
                health::check(net.as_ref(), &reconciler.public_url).await;
            }
        };
        let handled = reconcile::handle(&reconciler, event, deadline);
        // Side by side: an address that does not answer must not delay the cycles.
        let (handled, ()) = tokio::join!(handled, checked);
        // Only the schedule's event fails as a whole; requests fail one by one.
        handled.map_err(|error| Diagnostic {
            error_type: "ScheduleFailed".into(),
            error_message: error.to_string(),
        })
    })
    .await
}
