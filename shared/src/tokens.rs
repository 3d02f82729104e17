//! The tokens of a tenant's calls: the officer's pair from its secret, refreshed by one at a time, and the app's from Entra, in memory only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::graph::{Entra, TokenError};
use crate::http::{Access, CallError, Deadline};
use crate::ids::{DirectoryId, TenantId};
use crate::secrets::{Secrets, SecretsError};
use crate::store::{Change, Condition, Store, StoreError, Test, moment};
use crate::tenant::keys;
use crate::webex::{TokenPair, Webex};

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
    /// Somebody else is refreshing the pair at this moment.
    #[error("the officer's tokens are being refreshed")]
    BeingRefreshed,
    /// The officer's pair could not be refreshed.
    #[error("the officer's tokens could not be refreshed: {0}")]
    Refresh(CallError),
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

#[derive(Deserialize)]
struct AppCredential {
    client_id: String,
    client_secret: SecretString,
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
    officers: Mutex<HashMap<TenantId, Held>>,
    apps: Mutex<HashMap<DirectoryId, Held>>,
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
        }
    }

    /// The officer's access to Webex.
    pub async fn webex(&self, tenant: TenantId, deadline: Deadline) -> Result<Access, TokensError> {
        if let Some(token) = held(&self.officers, &tenant, self.clock.now()) {
            return Ok(Access::with_token(token, deadline));
        }
        let mut tokens: OfficerTokens = self.secret(&self.tenant_secret(tenant)).await?;
        if tokens.access_ends_at <= self.clock.now() + MARGIN {
            tokens = self.refresh(tenant, &tokens, deadline).await?;
        }
        let token = tokens.access.clone();
        hold(&self.officers, tenant, Held { token: tokens.access, ends_at: tokens.access_ends_at });
        Ok(Access::with_token(token, deadline))
    }

    /// The app's access to Graph in a directory.
    pub async fn graph(&self, directory: DirectoryId, deadline: Deadline) -> Result<Access, TokensError> {
        if let Some(token) = held(&self.apps, &directory, self.clock.now()) {
            return Ok(Access::with_token(token, deadline));
        }
        let app: AppCredential = self.secret(&format!("{}/microsoft-app", self.prefix)).await?;
        let token = self.entra.token(directory, &app.client_id, &app.client_secret, deadline).await?;
        let access = Access::with_token(token.access.clone(), deadline);
        hold(&self.apps, directory, Held { token: token.access, ends_at: token.ends_at });
        Ok(access)
    }

    /// A service no longer takes a token that should be good: the next access has a new one.
    pub fn forget(&self, tenant: TenantId, directory: DirectoryId) {
        self.officers.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).remove(&directory);
    }

    /// Keeps an officer's pair.
    pub async fn keep(&self, tenant: TenantId, pair: impl Into<OfficerTokens>) -> Result<(), TokensError> {
        let name = self.tenant_secret(tenant);
        let json = serde_json::to_string(&pair.into())
            .map_err(|error| TokensError::Secret { name: name.clone(), why: error.to_string() })?;
        self.officers.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
        Ok(self.secrets.put(&name, json.into()).await?)
    }

    /// Refreshes the pair, unless somebody else is just doing so: a refresh token may work only once.
    async fn refresh(
        &self,
        tenant: TenantId,
        tokens: &OfficerTokens,
        deadline: Deadline,
    ) -> Result<OfficerTokens, TokensError> {
        let now = self.clock.now();
        let turn = keys::cursor(tenant, "refresh");
        let take = vec![Change::Set("busy_until", moment(now + SignedDuration::from_secs(60)))];
        let free = Condition::Holds(vec![Test::Below("busy_until", now.as_millisecond())]);
        match self.store.update(&turn, take.clone(), free).await {
            Err(StoreError::ConditionFailed) => match self.store.update(&turn, take, Condition::Absent).await {
                Err(StoreError::ConditionFailed) => return Err(TokensError::BeingRefreshed),
                other => other?,
            },
            other => other?,
        };
        let app: AppCredential = self.secret(&format!("{}/webex-app", self.prefix)).await?;
        let pair = self
            .webex
            .refresh(&app.client_id, &app.client_secret, &tokens.refresh, deadline)
            .await
            .map_err(TokensError::Refresh)?;
        let tokens = OfficerTokens::from(pair);
        self.keep(tenant, tokens.clone()).await?;
        self.store
            .update(&turn, vec![Change::Set("busy_until", moment(Timestamp::UNIX_EPOCH))], Condition::Any)
            .await?;
        Ok(tokens)
    }

    fn tenant_secret(&self, tenant: TenantId) -> String {
        format!("{}/tenant/{tenant}", self.prefix)
    }

    async fn secret<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, TokensError> {
        let wrong = |why: String| TokensError::Secret { name: name.into(), why };
        let text = self.secrets.get(name).await?.ok_or_else(|| wrong("does not exist".into()))?;
        // serde_json's message can quote the text: only where it is wrong is said.
        serde_json::from_str(text.expose_secret())
            .map_err(|error| wrong(format!("is wrong in line {}, column {}", error.line(), error.column())))
    }
}

fn held<K: std::hash::Hash + Eq>(tokens: &Mutex<HashMap<K, Held>>, of: &K, now: Timestamp) -> Option<SecretString> {
    let tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.get(of).filter(|held| held.ends_at > now + MARGIN).map(|held| held.token.clone())
}

fn hold<K: std::hash::Hash + Eq>(tokens: &Mutex<HashMap<K, Held>>, of: K, token: Held) {
    tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(of, token);
}
