//! The refresh of the service account's tokens, by one process at a time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ServiceAccountTokens, Tokens, TokensError};
use clients::http::Deadline;
use clients::webex::TokenPair;
use domain::ids::{PersonId, TenantId};
use store::keys;
use store::table::{
    AttributeValue, Change, Condition, Key, StoreError, Test, from_item, milliseconds, moment,
};

/// Most time that a refresh takes.
const REFRESH_TIME: SignedDuration = SignedDuration::from_secs(60);

/// The lives of the service account's tokens, for maintenance that reads no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lives {
    #[serde(with = "milliseconds")]
    obtained_at: Timestamp,
    #[serde(with = "milliseconds")]
    access_ends_at: Timestamp,
    #[serde(with = "milliseconds")]
    refresh_ends_at: Timestamp,
}

impl Lives {
    /// Returns `true` if a quarter of one life is left, or less: time to try again for days.
    fn end_soon(&self, now: Timestamp) -> bool {
        [self.access_ends_at, self.refresh_ends_at]
            .into_iter()
            // In the last quarter of a life there is time for many further tries.
            .any(|end| end.duration_since(now) * 4 < end.duration_since(self.obtained_at))
    }
}

fn key(tenant: TenantId) -> Key {
    keys::cursor(tenant, "refresh")
}

impl Tokens {
    /// Stores the tokens of the service account.
    pub async fn save(
        &self,
        tenant: TenantId,
        account: PersonId,
        pair: TokenPair,
    ) -> Result<(), TokensError> {
        let tokens = ServiceAccountTokens::new(account, pair, self.clock.now());
        self.put(tenant, &tokens).await
    }

    async fn put(
        &self,
        tenant: TenantId,
        tokens: &ServiceAccountTokens,
    ) -> Result<(), TokensError> {
        let name = self.tenant_secret(tenant);
        let json = serde_json::to_string(tokens)
            .map_err(|error| TokensError::Secret { name: name.clone(), why: error.to_string() })?;
        self.evict(tenant);
        self.secrets.put(&name, json.into()).await?;
        let lives = vec![
            Change::Set("obtained_at", moment(self.clock.now())),
            Change::Set("access_ends_at", moment(tokens.access_ends_at)),
            Change::Set("refresh_ends_at", moment(tokens.refresh_ends_at)),
            // A refresh of older tokens that is under way has to stop.
            Change::Set("busy_until", moment(Timestamp::UNIX_EPOCH)),
        ];
        self.store.update(&key(tenant), lives, Condition::Any).await?;
        Ok(())
    }

    /// Refreshes the tokens well before their end, and returns the end of the refresh token.
    ///
    /// A refresh also extends the life of the refresh token.
    pub async fn keep_alive(
        &self,
        tenant: TenantId,
        deadline: Deadline,
    ) -> Result<Timestamp, TokensError> {
        let known = self.store.get(&key(tenant)).await?;
        // An item without lives was written before they were stored.
        let lives: Option<Lives> = known.and_then(|item| from_item(item).ok());
        if let Some(lives) = lives.filter(|lives| !lives.end_soon(self.clock.now())) {
            return Ok(lives.refresh_ends_at);
        }
        let tokens = self.service_account(tenant).await?;
        Ok(self.refresh(tenant, &tokens, deadline).await?.refresh_ends_at)
    }

    /// Refreshes the tokens, unless another process does: a refresh token may work only once.
    pub(super) async fn refresh(
        &self,
        tenant: TenantId,
        seen: &ServiceAccountTokens,
        deadline: Deadline,
    ) -> Result<ServiceAccountTokens, TokensError> {
        let busy_until = self.begin_refresh(tenant).await?;
        // Read under the mark: another process can have refreshed before it.
        let current = self.service_account(tenant).await?;
        if current.differ_from(&seen.access) {
            // Another process was faster. Our time runs out without harm.
            return Ok(current);
        }
        let app = self.webex_app().await?;
        let refreshed = self
            .webex
            .refresh(&app.client_id, &app.client_secret, &current.refresh, deadline)
            .await;
        let pair = match refreshed {
            Ok(pair) => pair,
            Err(error) => {
                // The next caller must hear the refusal, not that a refresh is under way.
                self.end_refresh(tenant, busy_until).await?;
                return Err(TokensError::Refresh(error));
            }
        };
        let item = self.store.get(&key(tenant)).await?;
        let is_ours = item.is_some_and(|item| item.get("busy_until") == Some(&busy_until));
        if !is_ours {
            // The account was connected again, or replaced: its tokens must not be overwritten.
            return Err(TokensError::BeingRefreshed);
        }
        let tokens = ServiceAccountTokens::new(current.account, pair, self.clock.now());
        self.put(tenant, &tokens).await?;
        Ok(tokens)
    }

    /// Removes the mark of a refresh that failed, unless another one has begun.
    async fn end_refresh(&self, tenant: TenantId, mark: AttributeValue) -> Result<(), TokensError> {
        let end = vec![Change::Set("busy_until", moment(Timestamp::UNIX_EPOCH))];
        let is_ours = Condition::Holds(vec![Test::Equals("busy_until", mark)]);
        match self.store.update(&key(tenant), end, is_ours).await {
            Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Marks the tokens as being refreshed, and returns the mark.
    async fn begin_refresh(&self, tenant: TenantId) -> Result<AttributeValue, TokensError> {
        let (key, now) = (key(tenant), self.clock.now());
        let busy_until = moment(now + REFRESH_TIME);
        let begin = vec![Change::Set("busy_until", busy_until.clone())];
        let free = Condition::AbsentOr(vec![Test::Below("busy_until", now.as_millisecond())]);
        match self.store.update(&key, begin, free).await {
            Ok(_) => Ok(busy_until),
            Err(StoreError::ConditionFailed) => Err(TokensError::BeingRefreshed),
            Err(error) => Err(error.into()),
        }
    }
}
