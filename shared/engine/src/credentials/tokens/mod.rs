//! Access tokens: the service account's for Webex, and the apps' for Graph.
//!
//! The service account's tokens are in a secret, refreshed by one process at a time. The apps' are
//! in memory only. A token that is refused before its end is renewed by the access that has it.

mod cache;
mod error;
mod refresh;
mod renewal;
mod secret;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use self::cache::{Cache, MARGIN};
pub use self::error::TokensError;
use self::renewal::{AccountRenewal, AppRenewal};
pub use self::secret::{GrantedToken, MicrosoftApp, ServiceAccountTokens, WebexApp};
use self::secret::{StoredMicrosoftApp, parse};
use crate::credentials::federation::{Assertion, Federation};
use crate::credentials::registration::Registration;
use clients::graph::{Credential, Entra};
use clients::http::{Access, Deadline};
use clients::webex::Webex;
use domain::clock::Clock;
use domain::ids::{DirectoryId, PersonId, TenantId};
use store::secrets::Secrets;
use store::table::Store;

/// Access tokens of all tenants. Made once per process. Clones share their caches.
#[derive(Clone)]
pub struct Tokens {
    secrets: Arc<dyn Secrets>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    webex: Webex,
    entra: Entra,
    prefix: String,
    service_accounts: Arc<Cache<(TenantId, PersonId)>>,
    apps: Arc<Cache<(Registration, DirectoryId)>>,
    federation: Option<Arc<dyn Federation>>,
    assertion: Arc<Mutex<Option<Assertion>>>,
    secrets_end_at: Arc<Mutex<HashMap<Registration, Timestamp>>>,
    cached_webex_app: Arc<Mutex<Option<CachedWebexApp>>>,
}

/// Our integration in Webex, as it was read.
struct CachedWebexApp {
    app: WebexApp,
    read_at: Timestamp,
}

/// Time for which a sign-in uses the integration as it was read.
const WEBEX_APP_LASTS: SignedDuration = SignedDuration::from_mins(1);

impl Tokens {
    /// Tokens from the secrets below `prefix`.
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
            service_accounts: Arc::new(Cache::new()),
            apps: Arc::new(Cache::new()),
            federation: None,
            assertion: Arc::default(),
            secrets_end_at: Arc::default(),
            cached_webex_app: Arc::default(),
        }
    }

    /// Adds the issuer of a federated credential, used if a secret has no `client_secret`.
    pub fn with_federation(self, federation: Arc<dyn Federation>) -> Self {
        Self { federation: Some(federation), ..self }
    }

    /// Returns the service account's access to Webex.
    ///
    /// A token in memory belongs to this very account: a tenant can replace its account.
    pub async fn webex(
        &self,
        tenant: TenantId,
        service_account: PersonId,
        deadline: Deadline,
    ) -> Result<Access, TokensError> {
        // By account as well, so that a replaced account's token is never used.
        let key = (tenant, service_account);
        let token = match self.service_accounts.get(&key, self.clock.now()) {
            Some(token) => token,
            None => {
                let mut tokens = self.own_tokens(tenant, service_account).await?;
                if tokens.access_ends_at <= self.clock.now() + MARGIN {
                    tokens = self.refresh(tenant, &tokens, deadline).await?;
                }
                self.service_accounts.insert(key, tokens.access.clone(), tokens.access_ends_at);
                tokens.access
            }
        };
        let renewal = AccountRenewal { tokens: self.clone(), tenant, service_account };
        Ok(Access::with_token(token, deadline).renewed_by(Arc::new(renewal)))
    }

    /// Returns the access to Graph in a directory, for people, roles and names.
    pub async fn graph(
        &self,
        directory: DirectoryId,
        deadline: Deadline,
    ) -> Result<Access, TokensError> {
        self.app_access(Registration::Groups, directory, deadline).await
    }

    /// Returns the access to Graph in a directory, for drives only.
    ///
    /// # Errors
    /// `NoApp` if the deployment has no folders.
    pub async fn files(
        &self,
        directory: DirectoryId,
        deadline: Deadline,
    ) -> Result<Access, TokensError> {
        self.app_access(Registration::Files, directory, deadline).await
    }

    async fn app_access(
        &self,
        registration: Registration,
        directory: DirectoryId,
        deadline: Deadline,
    ) -> Result<Access, TokensError> {
        let key = (registration, directory);
        let token = match self.apps.get(&key, self.clock.now()) {
            Some(token) => token,
            None => self.cached_app_token(key, deadline).await?,
        };
        let renewal = AppRenewal { tokens: self.clone(), registration, directory };
        Ok(Access::with_token(token, deadline).renewed_by(Arc::new(renewal)))
    }

    async fn cached_app_token(
        &self,
        key: (Registration, DirectoryId),
        deadline: Deadline,
    ) -> Result<SecretString, TokensError> {
        // Callers at the same time may each ask, because Entra accepts all tokens that it gave.
        let token = self.app_token(key.0, key.1, deadline).await?.token;
        self.apps.insert(key, token.access.clone(), token.ends_at);
        Ok(token.access)
    }

    /// Asks Entra for a new token of an app.
    ///
    /// If Entra refuses our own credential, it is read again: it may have been rotated.
    pub async fn app_token(
        &self,
        registration: Registration,
        directory: DirectoryId,
        deadline: Deadline,
    ) -> Result<GrantedToken, TokensError> {
        let MicrosoftApp { client_id, credential } = self.microsoft_app(registration).await?;
        match self.entra.token(directory, &client_id, &credential, deadline).await {
            Ok(token) => Ok(GrantedToken { client_id, token }),
            // The secret may have been rotated by hand since it was read.
            Err(error) if error.kind.is_our_own() => {
                // A refused assertion is not used again.
                *self.assertion.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let rotated = self.microsoft_app(registration).await?;
                // The same credential would be refused again.
                if rotated.credential.fields() == credential.fields() {
                    return Err(error.into());
                }
                let MicrosoftApp { client_id, credential } = rotated;
                let token = self.entra.token(directory, &client_id, &credential, deadline).await?;
                Ok(GrantedToken { client_id, token })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Loads our integration in Webex.
    pub async fn webex_app(&self) -> Result<WebexApp, TokensError> {
        // Read each time: refreshes are rare, and a secret that was rotated counts at once.
        const NAME: &str = "webex-app";
        self.app(NAME).await?.ok_or_else(|| self.wrong(NAME, "does not exist"))
    }

    /// Returns our integration in Webex as this process read it within the last minute. Anyone can
    /// begin a sign-in, so it must not cost a read of the secret each time.
    pub async fn cached_webex_app(&self) -> Result<WebexApp, TokensError> {
        let cached = || self.cached_webex_app.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let is_fresh =
            |known: &&CachedWebexApp| now.duration_since(known.read_at) < WEBEX_APP_LASTS;
        if let Some(known) = cached().as_ref().filter(is_fresh) {
            return Ok(known.app.clone());
        }
        let app = self.webex_app().await?;
        *cached() = Some(CachedWebexApp { app: app.clone(), read_at: now });
        Ok(app)
    }

    /// Loads an app registration, with its credential.
    ///
    /// # Errors
    /// `NoApp` if the deployment has no such registration.
    pub async fn microsoft_app(
        &self,
        registration: Registration,
    ) -> Result<MicrosoftApp, TokensError> {
        let stored = self.app(registration.secret()).await?;
        let StoredMicrosoftApp { client_id, client_secret, ends_at } =
            stored.ok_or(TokensError::NoApp(registration))?;
        self.note_end(registration, ends_at);
        let credential = match (client_secret, &self.federation) {
            // A stored secret is an explicit choice, so it goes before federation.
            (Some(secret), _) => Credential::Secret(secret),
            (None, Some(federation)) => {
                Credential::Assertion(self.assertion(federation.as_ref()).await?)
            }
            (None, None) => return Err(self.wrong(registration.secret(), "has no client_secret")),
        };
        Ok(MicrosoftApp { client_id, credential })
    }

    fn note_end(&self, registration: Registration, ends_at: Option<Timestamp>) {
        let mut ends = self.secrets_end_at.lock().unwrap_or_else(PoisonError::into_inner);
        match ends_at {
            Some(ends_at) => ends.insert(registration, ends_at),
            // The end of the secret before must not raise an alert about this one.
            None => ends.remove(&registration),
        };
    }

    /// Returns the present assertion. One works for both apps and all directories.
    async fn assertion(&self, federation: &dyn Federation) -> Result<SecretString, TokensError> {
        let known = || self.assertion.lock().unwrap_or_else(PoisonError::into_inner);
        // Entra refuses an assertion that ends while it is on its way.
        let soon = self.clock.now() + SignedDuration::from_mins(1);
        if let Some(assertion) = known().as_ref().filter(|assertion| assertion.ends_at > soon) {
            return Ok(assertion.token.clone());
        }
        let assertion = federation.assertion(self.entra.audience()).await?;
        let token = assertion.token.clone();
        *known() = Some(assertion);
        Ok(token)
    }

    /// Drops a tenant's tokens that a service no longer accepts.
    pub fn purge(&self, tenant: TenantId, directory: DirectoryId) {
        self.evict(tenant);
        for registration in [Registration::Groups, Registration::Files] {
            self.purge_app(registration, directory);
        }
    }

    /// Drops the token of an app in a directory, which consented again or no longer accepts it.
    pub fn purge_app(&self, registration: Registration, directory: DirectoryId) {
        self.apps.evict(|key| *key == (registration, directory));
    }

    /// Returns `true` if the deployment has such an app registration.
    pub async fn has_app(&self, registration: Registration) -> Result<bool, TokensError> {
        let name = format!("{}/{}", self.prefix, registration.secret());
        Ok(self.secrets.get(&name).await?.is_some())
    }

    /// Returns the end of an app registration's secret, if this process has read it.
    pub fn secret_ends_at(&self, registration: Registration) -> Option<Timestamp> {
        let ends = self.secrets_end_at.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&registration).copied()
    }

    /// Deletes the service account's tokens, at once and for good.
    pub async fn discard(&self, tenant: TenantId) -> Result<(), TokensError> {
        self.evict(tenant);
        Ok(self.secrets.delete(&self.tenant_secret(tenant)).await?)
    }

    /// Loads the tokens, which must be this account's.
    async fn own_tokens(
        &self,
        tenant: TenantId,
        account: PersonId,
    ) -> Result<ServiceAccountTokens, TokensError> {
        let tokens = self.service_account(tenant).await?;
        // A refresh that ran while another account was connected can have stored its own.
        if tokens.account == account { Ok(tokens) } else { Err(TokensError::AnotherAccount) }
    }

    async fn service_account(&self, tenant: TenantId) -> Result<ServiceAccountTokens, TokensError> {
        let name = self.tenant_secret(tenant);
        let text = self.secrets.get(&name).await?.ok_or(TokensError::NotConnected)?;
        parse(&name, &text)
    }

    async fn app<App: DeserializeOwned>(&self, name: &str) -> Result<Option<App>, TokensError> {
        let name = format!("{}/{name}", self.prefix);
        self.secrets.get(&name).await?.map(|text| parse(&name, &text)).transpose()
    }

    fn wrong(&self, name: &str, why: &str) -> TokensError {
        TokensError::Secret { name: format!("{}/{name}", self.prefix), why: why.into() }
    }

    fn evict(&self, tenant: TenantId) {
        self.service_accounts.evict(|(of, _)| *of == tenant);
    }

    fn tenant_secret(&self, tenant: TenantId) -> String {
        tenant_secret(&self.prefix, tenant)
    }
}

/// Returns the name of the secret with a tenant's tokens.
pub fn tenant_secret(prefix: &str, tenant: TenantId) -> String {
    format!("{prefix}/tenant/{tenant}")
}
