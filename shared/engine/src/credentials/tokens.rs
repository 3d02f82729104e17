//! The tokens of a tenant's calls: the officer's pair from its secret, refreshed by one at a time, and the app's from Entra, in memory only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::credentials::federation::{Assertion, Federation, FederationError};
use crate::credentials::registration::Registration;
use clients::graph::{Credential, Entra, TokenError};
use clients::http::{Access, CallError, Deadline};
use clients::webex::{TokenPair, Webex};
use domain::clock::Clock;
use domain::ids::{DirectoryId, PersonId, TenantId};
use store::keys;
use store::secrets::{Secrets, SecretsError};
use store::table::{Change, Condition, Store, StoreError, Test, from_item, milliseconds, moment};

/// How long before its end a token is no longer used.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The secret is out of reach.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A secret that must be there is not, or is not what it should be.
    #[error("the secret {name} {why}")]
    Secret {
        /// Which.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The deployment has no such app registration: its secret does not exist. Without the one for files there are no folders to offer.
    #[error("the secret of the app registration for {0} does not exist")]
    NoApp(Registration),
    /// There is no pair of the officer's: Webex was never connected, or is disconnected.
    #[error("the tenant has no officer's tokens")]
    NotConnected,
    /// Somebody else is refreshing the pair at this moment.
    #[error("the officer's tokens are being refreshed")]
    BeingRefreshed,
    /// The officer's pair could not be refreshed.
    #[error("the officer's tokens could not be refreshed: {0}")]
    Refresh(CallError),
    /// Nobody vouches for us.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// Entra gives no token.
    #[error(transparent)]
    Entra(#[from] TokenError),
    /// The table is out of reach.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The officer's tokens as they are kept, in the secret `<prefix>/tenant/<id>`.
#[derive(Clone, Serialize, Deserialize)]
pub struct OfficerTokens {
    #[serde(serialize_with = "expose")]
    access: SecretString,
    access_ends_at: Timestamp,
    #[serde(serialize_with = "expose")]
    refresh: SecretString,
    refresh_ends_at: Timestamp,
}

fn expose<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl From<TokenPair> for OfficerTokens {
    fn from(pair: TokenPair) -> Self {
        let TokenPair { access, refresh, access_ends_at, refresh_ends_at, .. } = pair;
        Self { access, access_ends_at, refresh, refresh_ends_at }
    }
}

/// Our integration in Webex.
#[derive(Debug, Deserialize)]
pub struct WebexApp {
    /// Its client id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}

#[derive(Deserialize)]
struct StoredMicrosoftApp {
    client_id: String,
    /// Absent where somebody vouches for us.
    client_secret: Option<SecretString>,
    /// When the secret ends, where whoever stored it says so.
    ends_at: Option<Timestamp>,
}

/// One of our app registrations in Entra, and what proves us to be it.
#[derive(Debug, Clone)]
pub struct MicrosoftApp {
    /// Its client id.
    pub client_id: String,
    /// Secret or assertion.
    pub credential: Credential,
}

/// When the officer's tokens were had and when they end: what upkeep goes by, without reading the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ends {
    #[serde(with = "milliseconds")]
    had_at: Timestamp,
    #[serde(with = "milliseconds")]
    access_ends_at: Timestamp,
    #[serde(with = "milliseconds")]
    refresh_ends_at: Timestamp,
}

impl Ends {
    /// A quarter of one life is left, or less: time enough to try again for days, whatever the lives are.
    fn are_near(&self, now: Timestamp) -> bool {
        [self.access_ends_at, self.refresh_ends_at]
            .into_iter()
            .any(|end| end.duration_since(now) * 4 < end.duration_since(self.had_at))
    }
}

struct Held {
    token: SecretString,
    ends_at: Timestamp,
}

/// Has the tokens of all tenants at hand. Made once, outside the handler.
pub struct Tokens {
    secrets: Arc<dyn Secrets>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    webex: Webex,
    entra: Entra,
    prefix: String,
    officers: Mutex<HashMap<(TenantId, PersonId), Held>>,
    apps: Mutex<HashMap<(Registration, DirectoryId), Held>>,
    federation: Option<Arc<dyn Federation>>,
    assertion: Mutex<Option<Assertion>>,
    secrets_end_at: Mutex<HashMap<Registration, Timestamp>>,
}

impl Tokens {
    /// Takes secrets below `prefix`.
    pub fn new(
        secrets: Arc<dyn Secrets>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        webex: Webex,
        entra: Entra,
        prefix: impl Into<String>,
    ) -> Self {
        Self {
            secrets,
            store,
            clock,
            webex,
            entra,
            prefix: prefix.into(),
            officers: Mutex::default(),
            apps: Mutex::default(),
            federation: None,
            assertion: Mutex::default(),
            secrets_end_at: Mutex::default(),
        }
    }

    /// With somebody who vouches for the app where its secret holds no `client_secret`.
    pub fn vouched_for_by(self, federation: Arc<dyn Federation>) -> Self {
        Self { federation: Some(federation), ..self }
    }

    /// The officer's access to Webex. A token that is held was had for this very account: the tenant can have replaced it.
    pub async fn webex(&self, tenant: TenantId, officer: PersonId, deadline: Deadline) -> Result<Access, TokensError> {
        if let Some(token) = held(&self.officers, &(tenant, officer), self.clock.now()) {
            return Ok(Access::with_token(token, deadline));
        }
        let mut tokens = self.officer(tenant).await?;
        if tokens.access_ends_at <= self.clock.now() + MARGIN {
            tokens = self.refresh(tenant, &tokens, deadline).await?;
        }
        let token = tokens.access.clone();
        hold(&self.officers, (tenant, officer), Held { token: tokens.access, ends_at: tokens.access_ends_at });
        Ok(Access::with_token(token, deadline))
    }

    /// The app's access to Graph in a directory, for people, roles and names.
    pub async fn graph(&self, directory: DirectoryId, deadline: Deadline) -> Result<Access, TokensError> {
        self.access_of(Registration::Groups, directory, deadline).await
    }

    /// The files app's access to Graph in a directory, for drives and nothing else.
    ///
    /// # Errors
    /// `NoApp` where the deployment has no folders to offer.
    pub async fn files(&self, directory: DirectoryId, deadline: Deadline) -> Result<Access, TokensError> {
        self.access_of(Registration::Files, directory, deadline).await
    }

    async fn access_of(
        &self,
        registration: Registration,
        directory: DirectoryId,
        deadline: Deadline,
    ) -> Result<Access, TokensError> {
        let of = (registration, directory);
        if let Some(token) = held(&self.apps, &of, self.clock.now()) {
            return Ok(Access::with_token(token, deadline));
        }
        let app = self.microsoft_app(registration).await?;
        let token = self.entra.token(directory, &app.client_id, &app.credential, deadline).await?;
        let access = Access::with_token(token.access.clone(), deadline);
        hold(&self.apps, of, Held { token: token.access, ends_at: token.ends_at });
        Ok(access)
    }

    /// Our integration in Webex.
    pub async fn webex_app(&self) -> Result<WebexApp, TokensError> {
        const NAME: &str = "webex-app";
        self.app(NAME).await?.ok_or_else(|| self.wrong(NAME, "does not exist"))
    }

    /// An app registration on Microsoft's side.
    ///
    /// # Errors
    /// `NoApp` where the deployment has no such registration.
    pub async fn microsoft_app(&self, registration: Registration) -> Result<MicrosoftApp, TokensError> {
        let stored = self.app(registration.secret()).await?;
        let StoredMicrosoftApp { client_id, client_secret, ends_at } =
            stored.ok_or(TokensError::NoApp(registration))?;
        self.note_end(registration, ends_at);
        let credential = match (client_secret, &self.federation) {
            (Some(secret), _) => Credential::Secret(secret),
            (None, Some(federation)) => Credential::Assertion(self.assertion(federation.as_ref()).await?),
            (None, None) => return Err(self.wrong(registration.secret(), "has no client_secret")),
        };
        Ok(MicrosoftApp { client_id, credential })
    }

    fn note_end(&self, registration: Registration, ends_at: Option<Timestamp>) {
        let mut ends = self.secrets_end_at.lock().unwrap_or_else(PoisonError::into_inner);
        match ends_at {
            Some(ends_at) => ends.insert(registration, ends_at),
            None => ends.remove(&registration),
        };
    }

    /// What vouches for us now: one token does for both apps and all directories while it lasts.
    async fn assertion(&self, federation: &dyn Federation) -> Result<SecretString, TokensError> {
        let known = || self.assertion.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = self.clock.now() + SignedDuration::from_mins(1);
        if let Some(assertion) = known().as_ref().filter(|assertion| assertion.ends_at > soon) {
            return Ok(assertion.token.clone());
        }
        let assertion = federation.assertion(self.entra.audience()).await?;
        let token = assertion.token.clone();
        *known() = Some(assertion);
        Ok(token)
    }

    /// A service no longer takes a token that should be good: the next access has a new one.
    pub fn forget(&self, tenant: TenantId, directory: DirectoryId) {
        self.let_go(tenant);
        [Registration::Groups, Registration::Files].into_iter().for_each(|app| self.forget_app(app, directory));
    }

    /// The directory consented to an app anew, or no longer takes its token: the next access has a new one.
    pub fn forget_app(&self, registration: Registration, directory: DirectoryId) {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).remove(&(registration, directory));
    }

    /// Keeps an officer's pair.
    pub async fn keep(&self, tenant: TenantId, pair: impl Into<OfficerTokens>) -> Result<(), TokensError> {
        let (name, tokens) = (self.tenant_secret(tenant), pair.into());
        let json = serde_json::to_string(&tokens)
            .map_err(|error| TokensError::Secret { name: name.clone(), why: error.to_string() })?;
        self.let_go(tenant);
        self.secrets.put(&name, json.into()).await?;
        let ends = vec![
            Change::Set("had_at", moment(self.clock.now())),
            Change::Set("access_ends_at", moment(tokens.access_ends_at)),
            Change::Set("refresh_ends_at", moment(tokens.refresh_ends_at)),
            // Whoever is just refreshing an older pair finds its turn over.
            Change::Set("busy_until", moment(Timestamp::UNIX_EPOCH)),
        ];
        self.store.update(&keys::cursor(tenant, "refresh"), ends, Condition::Any).await?;
        Ok(())
    }

    /// Refreshes the officer's pair well before its end, which also keeps its refresh token alive. Returns when that ends.
    pub async fn keep_alive(&self, tenant: TenantId, deadline: Deadline) -> Result<Timestamp, TokensError> {
        let known = self.store.get(&keys::cursor(tenant, "refresh")).await?;
        // An item without ends is from before they were stored.
        let ends: Option<Ends> = known.and_then(|item| from_item(item).ok());
        if let Some(ends) = ends.filter(|ends| !ends.are_near(self.clock.now())) {
            return Ok(ends.refresh_ends_at);
        }
        let tokens = self.officer(tenant).await?;
        Ok(self.refresh(tenant, &tokens, deadline).await?.refresh_ends_at)
    }

    /// Whether the deployment has such an app registration.
    pub async fn has_app(&self, registration: Registration) -> Result<bool, TokensError> {
        Ok(self.secrets.get(&format!("{}/{}", self.prefix, registration.secret())).await?.is_some())
    }

    /// When the secret of an app registration ends, as far as this process has seen.
    pub fn secret_ends_at(&self, registration: Registration) -> Option<Timestamp> {
        self.secrets_end_at.lock().unwrap_or_else(PoisonError::into_inner).get(&registration).copied()
    }

    /// Deletes an officer's pair, at once and for good.
    pub async fn discard(&self, tenant: TenantId) -> Result<(), TokensError> {
        self.let_go(tenant);
        Ok(self.secrets.delete(&self.tenant_secret(tenant)).await?)
    }

    /// Refreshes the pair, unless somebody else is just doing so: a refresh token may work only once.
    async fn refresh(
        &self,
        tenant: TenantId,
        seen: &OfficerTokens,
        deadline: Deadline,
    ) -> Result<OfficerTokens, TokensError> {
        let now = self.clock.now();
        let (turn, busy_until) = (keys::cursor(tenant, "refresh"), moment(now + SignedDuration::from_secs(60)));
        let take = vec![Change::Set("busy_until", busy_until.clone())];
        let free = Condition::Holds(vec![Test::Below("busy_until", now.as_millisecond())]);
        match self.store.update(&turn, take.clone(), free).await {
            Err(StoreError::ConditionFailed) => match self.store.update(&turn, take, Condition::Absent).await {
                Err(StoreError::ConditionFailed) => return Err(TokensError::BeingRefreshed),
                other => other?,
            },
            other => other?,
        };
        let current = self.officer(tenant).await?;
        if current.access.expose_secret() != seen.access.expose_secret() {
            // Somebody was faster. The turn ends by itself.
            return Ok(current);
        }
        let app = self.webex_app().await?;
        let pair = self
            .webex
            .refresh(&app.client_id, &app.client_secret, &current.refresh, deadline)
            .await
            .map_err(TokensError::Refresh)?;
        let is_ours = self.store.get(&turn).await?.is_some_and(|item| item.get("busy_until") == Some(&busy_until));
        if !is_ours {
            // The account was connected anew, or replaced: its pair must not be overwritten.
            return Err(TokensError::BeingRefreshed);
        }
        let tokens = OfficerTokens::from(pair);
        self.keep(tenant, tokens.clone()).await?;
        Ok(tokens)
    }

    async fn officer(&self, tenant: TenantId) -> Result<OfficerTokens, TokensError> {
        let name = self.tenant_secret(tenant);
        let text = self.secrets.get(&name).await?.ok_or(TokensError::NotConnected)?;
        parsed(&name, &text)
    }

    async fn app<App: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<App>, TokensError> {
        let name = format!("{}/{name}", self.prefix);
        self.secrets.get(&name).await?.map(|text| parsed(&name, &text)).transpose()
    }

    fn wrong(&self, name: &str, why: &str) -> TokensError {
        TokensError::Secret { name: format!("{}/{name}", self.prefix), why: why.into() }
    }

    /// Holds no token of the tenant's officers any more.
    fn let_go(&self, tenant: TenantId) {
        self.officers.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != tenant);
    }

    fn tenant_secret(&self, tenant: TenantId) -> String {
        format!("{}/tenant/{tenant}", self.prefix)
    }
}

fn parsed<T: serde::de::DeserializeOwned>(name: &str, text: &SecretString) -> Result<T, TokensError> {
    // serde_json's message can quote the text: only where it is wrong is said.
    let place = |error: serde_json::Error| format!("is wrong in line {}, column {}", error.line(), error.column());
    serde_json::from_str(text.expose_secret())
        .map_err(|error| TokensError::Secret { name: name.into(), why: place(error) })
}

fn held<K: std::hash::Hash + Eq>(tokens: &Mutex<HashMap<K, Held>>, of: &K, now: Timestamp) -> Option<SecretString> {
    let tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.get(of).filter(|held| held.ends_at > now + MARGIN).map(|held| held.token.clone())
}

fn hold<K: std::hash::Hash + Eq>(tokens: &Mutex<HashMap<K, Held>>, of: K, token: Held) {
    tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(of, token);
}
