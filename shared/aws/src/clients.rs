//! All clients of a function, from the environment.

use std::sync::Arc;

use aws_types::SdkConfig;

use crate::config::{self, ConfigError};
use crate::dynamo::DynamoStore;
use crate::sdk;
use crate::secrets_manager::SecretsManager;
use crate::sqs::SqsQueue;
use crate::sts::Sts;
use clients::clock::WallClock;
use clients::graph::{Entra, Graph};
use clients::http::{InvalidBaseUrl, Net, TransportError};
use clients::webex::Webex;
use engine::credentials::tokens::Tokens;
use engine::credentials::webhook_keys::CachedWebhookKeys;
use engine::sync::{Deps, PeopleInMemory};

/// Error that stops a function at its start.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// An environment variable is missing or unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A service's URL cannot be used.
    #[error(transparent)]
    Url(#[from] InvalidBaseUrl),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Net(#[from] TransportError),
}

/// The clients of AWS that every function has: a queue, and the secrets.
pub struct AwsClients {
    /// The HTTP client, which all other clients share.
    pub net: Arc<Net>,
    /// The clock.
    pub clock: Arc<WallClock>,
    /// The secrets.
    pub secrets: Arc<SecretsManager>,
    /// Prefix of the secrets' names (`SECRETS_PREFIX`).
    pub prefix: String,
    sdk: SdkConfig,
}

impl AwsClients {
    /// Makes the clients.
    ///
    /// # Errors
    /// An environment variable is missing or unusable.
    pub async fn from_env() -> Result<Self, ClientsError> {
        Self::creating_secrets_under(None).await
    }

    /// Makes the clients; new secrets are created under this KMS key.
    ///
    /// # Errors
    /// An environment variable is missing or unusable.
    pub async fn creating_secrets_under(key_arn: Option<String>) -> Result<Self, ClientsError> {
        // One client for all: its connections and certificates are most of a cold start.
        let net = Arc::new(Net::new()?);
        let sdk = sdk::sdk_config(&net).await?;
        let secrets = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk));
        // Only what this function creates: an existing secret keeps its own key.
        let secrets = secrets.with_key(key_arn);
        let prefix = config::prefix("SECRETS_PREFIX")?;
        let clock = Arc::new(WallClock);
        Ok(Self { net, clock, secrets: Arc::new(secrets), prefix, sdk })
    }

    /// Returns the queue whose URL this variable has.
    ///
    /// # Errors
    /// The variable is missing.
    pub fn queue(&self, variable: &'static str) -> Result<Arc<SqsQueue>, ClientsError> {
        let client = aws_sdk_sqs::Client::new(&self.sdk);
        Ok(Arc::new(SqsQueue::new(client, config::required(variable)?)))
    }

    /// Returns the table whose name this variable has.
    ///
    /// # Errors
    /// The variable is missing.
    pub fn table(&self, variable: &'static str) -> Result<Arc<DynamoStore>, ClientsError> {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let name = config::required(variable)?;
        Ok(Arc::new(DynamoStore::new(client, name, self.clock.clone())))
    }

    /// Returns the keys of webhooks; nothing is read yet.
    pub fn webhook_keys(&self) -> CachedWebhookKeys {
        CachedWebhookKeys::new(self.secrets.clone(), self.clock.clone(), self.prefix.as_str())
    }
}

/// The clients of a function that works on teams and groups.
pub struct Clients {
    /// The clients of AWS.
    pub aws: AwsClients,
    /// The table.
    pub store: Arc<DynamoStore>,
    /// Queue of syncs.
    pub queue: Arc<SqsQueue>,
    /// Webex.
    pub webex: Webex,
    /// Microsoft Graph.
    pub graph: Graph,
    /// Base URL of Microsoft's sign-in.
    pub login_url: String,
    /// Tokens of all tenants.
    pub tokens: Tokens,
}

impl Clients {
    /// Makes the clients.
    ///
    /// # Errors
    /// An environment variable is missing or unusable.
    pub async fn from_env() -> Result<Self, ClientsError> {
        Self::creating_secrets_under(None).await
    }

    /// Makes the clients; new secrets are created under this KMS key.
    ///
    /// # Errors
    /// An environment variable is missing or unusable.
    pub async fn creating_secrets_under(key_arn: Option<String>) -> Result<Self, ClientsError> {
        let aws = AwsClients::creating_secrets_under(key_arn).await?;
        let (net, clock) = (&aws.net, &aws.clock);
        let store = aws.table("TABLE_NAME")?;
        let queue = aws.queue("SYNC_QUEUE_URL")?;
        let webex_url = config::url("WEBEX_API_URL", "https://webexapis.com/v1")?;
        let webex = Webex::new(&webex_url, net.clone(), clock.clone())?;
        let graph_url = config::url("GRAPH_URL", "https://graph.microsoft.com/v1.0")?;
        let graph = Graph::new(&graph_url, net.clone(), clock.clone())?;
        let login_url = config::url("ENTRA_LOGIN_URL", "https://login.microsoftonline.com")?;
        let entra = Entra::new(&login_url, &graph_url, net.clone(), clock.clone())?;
        // Made in any case. It is asked only if a secret has no `client_secret`.
        let sts = Sts::new(aws_sdk_sts::Client::new(&aws.sdk), clock.clone());
        let tokens = Tokens::new(
            aws.secrets.clone(),
            store.clone(),
            clock.clone(),
            webex.clone(),
            entra,
            aws.prefix.as_str(),
        );
        let tokens = tokens.with_federation(Arc::new(sts));
        Ok(Self { aws, store, queue, webex, graph, login_url, tokens })
    }

    /// Returns the dependencies of a sync.
    pub fn into_deps(self) -> Deps {
        Deps {
            store: self.store,
            queue: self.queue,
            tokens: Arc::new(self.tokens),
            webex: self.webex,
            graph: self.graph,
            clock: self.aws.clock,
            people_in_memory: PeopleInMemory::default(),
        }
    }
}
