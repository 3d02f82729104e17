//! The oauth function in Lambda, behind API Gateway.

use std::process::ExitCode;

use aws::clients::Clients;
use aws::{config, function, log};
use lambda_runtime::Error;
use oauth::{Allowed, Deps, Oauth};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let oauth = Oauth::new(deps().await?)?;
    function::serve_http(None, oauth::LARGEST_BODY, async |request| oauth.handle(request).await)
        .await
}

async fn deps() -> Result<Deps, Error> {
    let allowed = config::parsed("ALLOWED_ORGANIZATIONS", Allowed::parse)?;
    let public = config::url("PUBLIC_URL", &config::required("PUBLIC_URL")?)?.parse()?;
    let Clients { aws, store, queue, webex, graph, login_url: login, tokens } =
        // Without a key of the operator, AWS's own encrypts the secrets.
        Clients::creating_secrets_under(config::required("KMS_KEY_ARN").ok()).await?;
    let (transport, clock) = (aws.net, aws.clock);
    Ok(Deps { store, queue, tokens, webex, graph, login, transport, clock, public, allowed })
}
