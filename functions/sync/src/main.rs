//! The sync function in Lambda.

use std::process::ExitCode;

use aws::clients::Clients;
use aws::{function, log};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let metrics = log::metrics("sync")?;
    let deps = Clients::from_env().await?.into_deps();
    function::serve(Some(metrics), async |event, deadline| {
        // Never an error: it would have all messages of the batch delivered again.
        Ok(sync::handle(&deps, event, deadline).await)
    })
    .await
}
