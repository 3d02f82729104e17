//! Wiring of the oauth function: configuration, clients, and the loop of the Lambda runtime.

use std::process::ExitCode;
use std::sync::Arc;

use aws::config;
use aws::config::ConfigError;
use aws::dynamo::DynamoStore;
use aws::log;
use aws::sdk;
use aws::secrets_manager::SecretsManager;
use aws::sqs::SqsQueue;
use aws::sts::Sts;
use aws::trace;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use clients::clock::WallClock;
use clients::graph::{Entra, Graph};
use clients::http::Net;
use clients::webex::Webex;
use engine::credentials::tokens::Tokens;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use oauth::{Allowed, Oauth, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    log::to_stdout()?;
    let oauth = Arc::new(wire()?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let oauth = Arc::clone(&oauth);
        async move { Ok::<_, Error>(trace::under(event.context.xray_trace_id, oauth.handle(event.payload)).await) }
    }))
    .await
}

fn wire() -> Result<Oauth, Error> {
    const ALLOWED: &str = "ALLOWED_ORGANIZATIONS";
    let allowed = std::env::var(ALLOWED).unwrap_or_default();
    let allowed = Allowed::parse(&allowed).map_err(|why| ConfigError::Unusable { name: ALLOWED, why })?;
    let public = config::url("PUBLIC_URL", &config::required("PUBLIC_URL")?)?.parse()?;
    let net = Arc::new(Net::new()?);
    let sdk = sdk::sdk_config(&net)?;
    let clock = Arc::new(WallClock);
    let store =
        Arc::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&sdk), config::required("TABLE_NAME")?, clock.clone()));
    let secrets = Arc::new(SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk)));
    let webex = Webex::new(&config::url("WEBEX_API_URL", "https://webexapis.com/v1")?, net.clone(), clock.clone())?;
    let graph_url = config::url("GRAPH_URL", "https://graph.microsoft.com/v1.0")?;
    let graph = Graph::new(&graph_url, net.clone(), clock.clone())?;
    let login = config::url("ENTRA_LOGIN_URL", "https://login.microsoftonline.com")?;
    let entra = Entra::new(&login, &graph_url, net.clone(), clock.clone())?;
    let prefix = config::required("SECRETS_PREFIX")?;
    let tokens = Tokens::new(secrets, store.clone(), clock.clone(), webex.clone(), entra.clone(), prefix);
    let tokens = tokens.vouched_for_by(Arc::new(Sts::new(aws_sdk_sts::Client::new(&sdk), clock.clone())));
    let queue = Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), config::required("SYNC_QUEUE_URL")?));
    Ok(Oauth::new(Parts { store, queue, tokens, webex, graph, entra, login, transport: net, clock, public, allowed })?)
}
