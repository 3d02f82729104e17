//! Other tokens in place of those that a service refused before their end.

use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use secrecy::SecretString;

use super::{ServiceAccountTokens, Tokens, TokensError};
use crate::credentials::registration::Registration;
use clients::http::{Deadline, Renewal, RenewalError};
use domain::ids::{DirectoryId, PersonId, TenantId};

/// Age up to which a refused token counts as new. Another refresh would not help, and each call
/// would make one.
const NEW: SignedDuration = SignedDuration::from_mins(10);

/// Pause before the tokens are read again that another process refreshes.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);

/// Number of readings while another process refreshes the tokens.
const READINGS: usize = 3;

/// Renewal of a service account's token.
pub(super) struct AccountRenewal {
    pub(super) tokens: Tokens,
    pub(super) tenant: TenantId,
    pub(super) service_account: PersonId,
}

/// Renewal of an app's token in a directory.
pub(super) struct AppRenewal {
    pub(super) tokens: Tokens,
    pub(super) registration: Registration,
    pub(super) directory: DirectoryId,
}

#[async_trait]
impl Renewal for AccountRenewal {
    async fn renew(
        &self,
        refused: &SecretString,
        deadline: Deadline,
    ) -> Result<SecretString, RenewalError> {
        let (tokens, key) = (&self.tokens, (self.tenant, self.service_account));
        // Only the refused token: another run can have stored a new one.
        tokens.service_accounts.evict_refused(&key, refused);
        let renewed = self.refreshed(refused, deadline).await?;
        tokens.service_accounts.insert(key, renewed.access.clone(), renewed.access_ends_at);
        tracing::info!(
            event = "token_renewed", tenant = %self.tenant,
            "renewed a token of the service account that Webex refused"
        );
        Ok(renewed.access)
    }
}

impl AccountRenewal {
    /// Returns tokens other than the refused one: those of another process, or refreshed ones.
    async fn refreshed(
        &self,
        refused: &SecretString,
        deadline: Deadline,
    ) -> Result<ServiceAccountTokens, RenewalError> {
        let (tokens, tenant) = (&self.tokens, self.tenant);
        let stored = self.stored().await?;
        if stored.differ_from(refused) {
            return Ok(stored);
        }
        let now = tokens.clock.now();
        // A refusal of a new token is about the account. A refresh would not help.
        if now.duration_since(stored.obtained_at) < NEW {
            return Err(RenewalError::AlreadyNew);
        }
        match tokens.refresh(tenant, &stored, deadline).await {
            // Another process renews it, which takes seconds.
            Err(TokensError::BeingRefreshed) => {}
            refreshed => return refreshed.map_err(renewal_error),
        }
        for _ in 0..READINGS {
            tokens.clock.sleep(REFRESH_PAUSE).await;
            let stored = self.stored().await?;
            if stored.differ_from(refused) {
                return Ok(stored);
            }
        }
        Err(renewal_error(TokensError::BeingRefreshed))
    }

    async fn stored(&self) -> Result<ServiceAccountTokens, RenewalError> {
        self.tokens.own_tokens(self.tenant, self.service_account).await.map_err(renewal_error)
    }
}

#[async_trait]
impl Renewal for AppRenewal {
    async fn renew(
        &self,
        refused: &SecretString,
        deadline: Deadline,
    ) -> Result<SecretString, RenewalError> {
        let (tokens, key) = (&self.tokens, (self.registration, self.directory));
        tokens.apps.evict_refused(&key, refused);
        if let Some(token) = tokens.apps.get(&key, tokens.clock.now()) {
            // Another run has renewed it.
            return Ok(token);
        }
        tokens.cached_app_token(key, deadline).await.map_err(renewal_error)
    }
}

fn renewal_error(error: TokensError) -> RenewalError {
    match error {
        TokensError::Refresh(call) => RenewalError::NotGranted(call),
        TokensError::Entra(error) => RenewalError::NotGranted(error.call),
        // Our own table and secrets say nothing about the account.
        other => RenewalError::Later(other.to_string()),
    }
}
