//! The secrets of webhooks and the clientState of subscriptions.
//!
//! They are derived, not stored: a check reads one secret and no table.
//!
//! `<prefix>/webhooks` is
//! `{"current": "<generation>", "<generation>": "<base64 key>"}`.
//! Every generation is accepted; new secrets are derived from `current`. To change the key, add a
//! generation, make it `current` after 15 minutes (by then every cache has it), and remove the old
//! one when no webhook uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use tokio::sync::Mutex;

use domain::clock::Clock;
use domain::ids::TenantId;
use store::secrets::{Secrets, SecretsError};

/// Duration for which keys are used without being read again.
pub const CACHED_FOR: Duration = Duration::from_secs(5 * 60);

/// Age from which keys are read again because a proof matches none of them. Strangers can send
/// false proofs, so this bounds the readings.
const DOUBTED_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Shortest key, in bytes: the output of the hash, as RFC 2104 advises.
pub const SHORTEST_KEY: usize = 32;

/// The use of a derived secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookKind {
    /// The `secret` of the tenant's Webex webhooks.
    Webex,
    /// The `clientState` of the tenant's Graph subscription (64 characters; Graph takes up to 128).
    Graph,
}

impl fmt::Display for WebhookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Webex => "webex",
            Self::Graph => "graph",
        })
    }
}

/// The reason why there are no keys.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WebhookKeysError {
    /// The secret could not be read.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// There is no such secret.
    #[error("there is no secret {0}")]
    Missing(String),
    /// The secret has the wrong content. The error names the place, never the content.
    #[error("the secret {name} cannot be used: {why}")]
    Malformed {
        /// The secret's name.
        name: String,
        /// The fault.
        why: String,
    },
}

/// The keys of all generations.
pub struct WebhookKeys {
    current: String,
    keys: BTreeMap<String, Hmac<Sha256>>,
}

impl fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys themselves must not reach a log.
        let generations: Vec<_> = self.keys.keys().collect();
        f.debug_struct("WebhookKeys")
            .field("current", &self.current)
            .field("generations", &generations)
            .finish()
    }
}

#[derive(Deserialize)]
struct Stored {
    current: String,
    #[serde(flatten)]
    keys: BTreeMap<String, SecretString>,
}

impl WebhookKeys {
    /// Reads `<prefix>/webhooks`.
    pub async fn load(secrets: &dyn Secrets, prefix: &str) -> Result<Self, WebhookKeysError> {
        let name = format!("{prefix}/webhooks");
        match secrets.get(&name).await? {
            Some(secret) => {
                Self::parse(&secret).map_err(|why| WebhookKeysError::Malformed { name, why })
            }
            None => Err(WebhookKeysError::Missing(name)),
        }
    }

    fn parse(secret: &SecretString) -> Result<Self, String> {
        // The error's own text may quote the secret.
        let Stored { current, keys } =
            serde_json::from_str(secret.expose_secret()).map_err(|error| {
                format!(
                    "line {} column {}: {:?} error",
                    error.line(),
                    error.column(),
                    error.classify()
                )
            })?;
        if !keys.contains_key(&current) {
            return Err("no key of the current generation".to_owned());
        }
        let keys = keys.into_iter().map(|(generation, key)| {
            let unusable = || {
                format!(
                    "the key of generation {generation} is not base64 of {SHORTEST_KEY} bytes or \
                     more"
                )
            };
            let decoded = STANDARD.decode(key.expose_secret()).map_err(|_| unusable())?;
            let bytes = SecretSlice::from(decoded);
            // A short key could be found by trying, and it signs for every tenant.
            if bytes.expose_secret().len() < SHORTEST_KEY {
                return Err(unusable());
            }
            let mac = Hmac::new_from_slice(bytes.expose_secret()).map_err(|_| unusable())?;
            Ok((generation, mac))
        });
        Ok(Self { current, keys: keys.collect::<Result<_, String>>()? })
    }

    /// Returns the name of the current generation with a fingerprint of its key. Webhooks are made
    /// again when it changes: a new deployment has another key under the same name.
    pub fn current(&self) -> String {
        // A key can be replaced under the same name, and webhooks have to follow.
        let fingerprint = self.keys.get(&self.current).map(|key| {
            let mac = key.clone().chain_update("fingerprint").finalize().into_bytes();
            format!("{:x}", Bytes::copy_from_slice(&mac[..8]))
        });
        format!("{}-{}", self.current, fingerprint.unwrap_or_default())
    }

    /// Returns the secret to use: hex HMAC-SHA256 of `<tenant uuid>:<kind>` by the current key.
    pub fn secret(&self, tenant: TenantId, kind: WebhookKind) -> SecretString {
        // `parse` made sure of the current generation, so there is exactly one.
        self.derive(tenant, kind, |generation| generation == self.current)
            .next()
            .unwrap_or_default()
    }

    /// Returns the secrets to accept, one per generation.
    pub fn secrets(&self, tenant: TenantId, kind: WebhookKind) -> Vec<SecretString> {
        self.derive(tenant, kind, |_| true).collect()
    }

    fn derive(
        &self,
        tenant: TenantId,
        kind: WebhookKind,
        is_accepted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = SecretString> {
        self.keys.iter().filter(move |(generation, _)| is_accepted(generation)).map(
            move |(_, key)| {
                // With both, a secret that leaks proves nothing for another tenant or use.
                let mac = key.clone().chain_update(format!("{tenant}:{kind}"));
                SecretString::from(format!(
                    "{:x}",
                    Bytes::copy_from_slice(&mac.finalize().into_bytes())
                ))
            },
        )
    }
}

/// Keys that are read again after five minutes, or when a proof matches none of them. Older ones
/// are never used.
pub struct CachedWebhookKeys {
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    prefix: String,
    cached: Mutex<Option<(Timestamp, Arc<WebhookKeys>)>>,
}

impl CachedWebhookKeys {
    /// The keys under this prefix; nothing is read yet.
    pub fn new(
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        prefix: impl Into<String>,
    ) -> Self {
        Self { secrets, clock, prefix: prefix.into(), cached: Mutex::new(None) }
    }

    /// Returns keys that are at most [`CACHED_FOR`] old. Concurrent callers share one reading.
    pub async fn get(&self) -> Result<Arc<WebhookKeys>, WebhookKeysError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some((read_at, keys)) = &*cached {
            let age = now.duration_since(*read_at);
            if (SignedDuration::ZERO..SignedDuration::from_secs(CACHED_FOR.as_secs().cast_signed()))
                // A clock that was set back must not make a copy last for ever.
                .contains(&age)
            {
                return Ok(keys.clone());
            }
        }
        let keys = Arc::new(WebhookKeys::load(&*self.secrets, &self.prefix).await?);
        *cached = Some((now, keys.clone()));
        Ok(keys)
    }

    /// Returns other keys than `doubted` ones, which a proof did not match: the keys can have been
    /// rotated by hand. Returns `None` if they were read just now, or if the reading is not newer.
    pub async fn instead_of(
        &self,
        doubted: &Arc<WebhookKeys>,
    ) -> Result<Option<Arc<WebhookKeys>>, WebhookKeysError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some((read_at, keys)) = &*cached {
            // Another request has read them since.
            if !Arc::ptr_eq(keys, doubted) {
                return Ok(Some(keys.clone()));
            }
            if (SignedDuration::ZERO..DOUBTED_AFTER).contains(&now.duration_since(*read_at)) {
                return Ok(None);
            }
        }
        let keys = Arc::new(WebhookKeys::load(&*self.secrets, &self.prefix).await?);
        *cached = Some((now, keys.clone()));
        Ok(Some(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::uuid;

    const TENANT: TenantId = TenantId(uuid!("0190a5c2-7f3b-7c1d-8e2f-3a4b5c6d7e8f"));
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn parse(secret: serde_json::Value) -> Result<WebhookKeys, String> {
        WebhookKeys::parse(&SecretString::from(secret.to_string()))
    }

    #[test]
    fn a_secret_is_the_hmac_sha256_of_tenant_and_kind() {
        let keys = parse(json!({"current": "a", "a": KEY})).unwrap();
        assert_eq!(
            keys.secret(TENANT, WebhookKind::Webex).expose_secret(),
            "628d60c91e8389ce32c449295052570b664e10f4f434d9953a8d69b07d9e4e5f"
        );
        assert_eq!(
            keys.secret(TENANT, WebhookKind::Graph).expose_secret(),
            "bffa50c3d5c2256d917275fc8b60db676293fed150f7425a76051ccd0c9c41ce"
        );
    }

    #[test]
    fn current_derives_and_all_generations_are_accepted() {
        let other = STANDARD.encode([7; 32]);
        let old = parse(json!({"current": "1", "1": KEY})).unwrap();
        let new = parse(json!({"current": "2", "1": KEY, "2": other})).unwrap();
        let texts = |secrets: Vec<SecretString>| -> Vec<_> {
            secrets.iter().map(|s| s.expose_secret().to_owned()).collect()
        };
        let (before, after) =
            (old.secret(TENANT, WebhookKind::Webex), new.secret(TENANT, WebhookKind::Webex));
        assert_ne!(before.expose_secret(), after.expose_secret());
        assert_eq!(texts(new.secrets(TENANT, WebhookKind::Webex)), texts(vec![before, after]));
        assert!(new.current().starts_with("2-"));
    }

    #[test]
    fn another_key_under_the_same_name_is_another_generation() {
        let current = |key: &str| parse(json!({"current": "1", "1": key})).unwrap().current();
        assert_eq!(current(KEY), current(KEY));
        assert_ne!(current(KEY), current(&STANDARD.encode([7; 32])));
    }

    #[test]
    fn letters_and_digits_are_a_key() {
        let generated = "Zk3".repeat(15);
        assert!(parse(json!({"current": "1", "1": generated[..44]})).is_ok());
    }

    #[test]
    fn an_unusable_secret_is_refused_without_quoting_it() {
        for secret in [
            json!({"current": "b", "a": KEY}),
            json!({"current": "a", "a": "c2hvcnQ="}),
            json!({"current": "a", "a": ""}),
            json!({"current": "a", "a": KEY, "b": "?secret?"}),
            json!({"current": "a", "a": "?secret?"}),
            json!("?secret?"),
        ] {
            let why = parse(secret.clone()).unwrap_err();
            assert!(!why.contains("?secret?") && !why.contains(KEY), "{secret}: {why}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = parse(json!({"current": "a", "a": KEY})).unwrap();
        assert_eq!(format!("{keys:?}"), r#"WebhookKeys { current: "a", generations: ["a"] }"#);
    }
}
