//! The functions' dependencies over a backend, built as the functions build them in production.

use std::sync::Arc;

use clients::graph::{Entra, Graph};
use clients::http::{InvalidBaseUrl, Transport};
use clients::webex::Webex;
use domain::clock::Clock;
use engine::credentials::tokens::Tokens;
use engine::credentials::webhook_keys::CachedWebhookKeys;
use engine::reconcile::Reconciler;
use engine::sync::{Deps, PeopleInMemory};
use oauth::{Allowed, Oauth};
use webhook::Webhook;

use super::backend::{Backend, Connections};
use super::error::{LocalStackError, setup_error};

/// The prefix of all secrets' names.
pub const SECRETS_PREFIX: &str = "sandbox";

/// The public URL of the functions.
pub const FUNCTIONS_URL: &str = "https://functions.example";

const GRAPH: &str = "https://graph.microsoft.com/v1.0";

/// The addresses that a browser uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Webex's API, with the version.
    pub webex: String,
    /// Microsoft's sign-in.
    pub login: String,
    /// The functions.
    pub functions: String,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            webex: "https://webexapis.com/v1".into(),
            login: "https://login.microsoftonline.com".into(),
            functions: FUNCTIONS_URL.into(),
        }
    }
}

/// Connections and clients, from which each function gets its dependencies.
pub(super) struct Wiring {
    connections: Connections,
    clock: Arc<dyn Clock>,
    webex: Webex,
    graph: Graph,
    entra: Entra,
}

impl Wiring {
    pub(super) fn new(
        backend: &Backend,
        connections: Connections,
        addresses: &Addresses,
    ) -> Result<Self, InvalidBaseUrl> {
        let clock: Arc<dyn Clock> = backend.clock.clone();
        let transport = || connections.transport.clone();
        Ok(Self {
            webex: Webex::new(&addresses.webex, transport(), clock.clone())?,
            graph: Graph::new(GRAPH, transport(), clock.clone())?,
            entra: Entra::new(&addresses.login, GRAPH, transport(), clock.clone())?,
            clock,
            connections,
        })
    }

    pub(super) fn webhook(&self) -> Webhook {
        Webhook::new(self.connections.queue.clone(), self.webhook_keys(), self.clock.clone())
    }

    pub(super) fn sync(&self) -> Deps {
        Deps {
            store: self.connections.store.clone(),
            queue: self.connections.queue.clone(),
            tokens: Arc::new(self.tokens()),
            webex: self.webex.clone(),
            graph: self.graph.clone(),
            clock: self.clock.clone(),
            people_in_memory: PeopleInMemory::default(),
        }
    }

    pub(super) fn reconcile(&self, backend: &Backend, allowed: Allowed) -> Reconciler {
        Reconciler {
            sync: self.sync(),
            requests: backend.reconcile_queue.clone(),
            keys: self.webhook_keys(),
            // Both services call https addresses only, whatever address a browser uses.
            public_url: FUNCTIONS_URL.to_owned(),
            allowed,
        }
    }

    pub(super) fn oauth(
        &self,
        allowed: Allowed,
        addresses: &Addresses,
    ) -> Result<Oauth, LocalStackError> {
        let deps = oauth::Deps {
            store: self.connections.store.clone(),
            queue: self.connections.queue.clone(),
            tokens: self.tokens(),
            webex: self.webex.clone(),
            graph: self.graph.clone(),
            login: addresses.login.clone(),
            transport: self.transport(),
            clock: self.clock.clone(),
            public: addresses.functions.parse().map_err(setup_error)?,
            allowed,
        };
        Oauth::new(deps).map_err(setup_error)
    }

    fn transport(&self) -> Arc<dyn Transport> {
        self.connections.transport.clone()
    }

    fn webhook_keys(&self) -> CachedWebhookKeys {
        let secrets = self.connections.secrets.clone();
        CachedWebhookKeys::new(secrets, self.clock.clone(), SECRETS_PREFIX)
    }

    /// A token cache for one function: in production the functions are separate processes.
    fn tokens(&self) -> Tokens {
        Tokens::new(
            self.connections.secrets.clone(),
            self.connections.store.clone(),
            self.clock.clone(),
            self.webex.clone(),
            self.entra.clone(),
            SECRETS_PREFIX,
        )
    }
}
