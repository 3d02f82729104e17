//! The state that all handlers share.

use std::sync::Arc;

use clients::graph::Graph;
use clients::http::{Api, Caller, Deadline, InvalidBaseUrl, Transport};
use clients::webex::Webex;
use domain::clock::Clock;
use domain::ids::TenantId;
use engine::credentials::tokens::Tokens;
use engine::offboard::OffboardingDeps;
use engine::sync;
use engine::tenant::allowed::Allowed;
use engine::tenant::{self, TenantSnapshot};
use jiff::SignedDuration;
use serde::Deserialize;
use store::queue::Queue;
use store::table::Store;
use url::Url;

use crate::http::cookies::CookieNames;
use crate::http::error::Failure;

/// The longest that a request may take: API Gateway waits for 30 seconds.
const LONGEST: SignedDuration = SignedDuration::from_secs(25);

/// The dependencies of the function.
pub struct Deps {
    /// The table.
    pub store: Arc<dyn Store>,
    /// The queue of team syncs.
    pub queue: Arc<dyn Queue>,
    /// Tokens of all tenants, and the credentials of our own apps.
    pub tokens: Tokens,
    /// The client for Webex.
    pub webex: Webex,
    /// The client for Microsoft Graph.
    pub graph: Graph,
    /// Base URL of Microsoft's sign-in: `https://login.microsoftonline.com`.
    pub login: String,
    /// Sends requests to Microsoft's sign-in.
    pub transport: Arc<dyn Transport>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Base URL of these pages.
    pub public: Url,
    /// The organizations that are served.
    pub allowed: Allowed,
}

/// The shared state.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) tokens: Arc<Tokens>,
    /// Reads for previews of an adoption; these pages never run a sync.
    pub(crate) sync: sync::Deps,
    pub(crate) webex: Webex,
    pub(crate) graph: Graph,
    /// Microsoft's sign-in.
    pub(crate) sign_in: Caller,
    pub(crate) login: String,
    pub(crate) clock: Arc<dyn Clock>,
    public: String,
    pub(crate) allowed: Allowed,
    pub(crate) cookies: CookieNames,
}

impl App {
    pub(crate) fn new(deps: Deps) -> Result<Self, InvalidBaseUrl> {
        let Deps { store, queue, tokens, webex, graph, login, transport, clock, public, allowed } =
            deps;
        // Shared with the previews, so that there is one cache of tokens.
        let tokens = Arc::new(tokens);
        Ok(Self {
            sign_in: Caller::new(Api::Entra, &login, transport, clock.clone(), read_refusal)?,
            cookies: CookieNames::at(&public),
            // Every path that is added begins with a slash.
            public: public.as_str().trim_end_matches('/').to_owned(),
            sync: sync::Deps {
                store: store.clone(),
                queue: queue.clone(),
                tokens: tokens.clone(),
                webex: webex.clone(),
                graph: graph.clone(),
                clock: clock.clone(),
                people_in_memory: sync::PeopleInMemory::default(),
            },
            store,
            queue,
            tokens,
            webex,
            graph,
            login,
            clock,
            allowed,
        })
    }

    /// Returns the moment by which a request that comes now has to be answered.
    pub(crate) fn deadline(&self) -> Deadline {
        // Earlier than API Gateway, so that an outage ends with our own page.
        Deadline(self.clock.now() + LONGEST)
    }

    /// Returns the dependencies of an offboarding.
    pub(crate) fn offboarding(&self) -> OffboardingDeps<'_> {
        OffboardingDeps {
            store: self.store.as_ref(),
            tokens: &self.tokens,
            webex: &self.webex,
            graph: &self.graph,
            clock: self.clock.as_ref(),
            deadline: self.deadline(),
        }
    }

    /// Returns the full URL of one of our paths.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    /// Loads a tenant with its settings; `None` while the two sides are not connected.
    pub(crate) async fn tenant_context(
        &self,
        tenant: TenantId,
    ) -> Result<Option<TenantSnapshot>, Failure> {
        let now = self.clock.now();
        let context = tenant::load_snapshot(self.store.as_ref(), tenant, &[], now).await?;
        Ok(context.map(|(context, _)| context))
    }
}

#[derive(Deserialize)]
struct SignInErrorBody {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Reads the code and the message of a refusal of Microsoft's sign-in.
fn read_refusal(body: &[u8]) -> (String, String) {
    match serde_json::from_slice::<SignInErrorBody>(body) {
        Ok(refusal) => (refusal.error, refusal.error_description),
        // A proxy on the way can answer with its own page, which has no code.
        Err(_) => Default::default(),
    }
}
