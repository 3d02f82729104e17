//! Tokens in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

/// Duration before its end in which a token is no longer used.
pub(super) const MARGIN: SignedDuration = SignedDuration::from_mins(5);

struct CachedToken {
    token: SecretString,
    ends_at: Timestamp,
}

/// Tokens by key, each until shortly before its end.
pub(super) struct Cache<K>(Mutex<HashMap<K, CachedToken>>);

impl<K: Hash + Eq> Cache<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, CachedToken>> {
        // A panic elsewhere leaves whole entries behind, so the map is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the token if it lasts for a while.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<SecretString> {
        let tokens = self.lock();
        let cached = tokens.get(key).filter(|cached| cached.ends_at > now + MARGIN);
        cached.map(|cached| cached.token.clone())
    }

    pub(super) fn insert(&self, key: K, token: SecretString, ends_at: Timestamp) {
        self.lock().insert(key, CachedToken { token, ends_at });
    }

    /// Removes a token that a service refused. Another one of the same key stays.
    pub(super) fn evict_refused(&self, key: &K, refused: &SecretString) {
        let is_refused =
            |cached: &CachedToken| cached.token.expose_secret() == refused.expose_secret();
        self.lock().retain(|of, cached| of != key || !is_refused(cached));
    }

    /// Removes the tokens whose key fulfills `is_stale`.
    pub(super) fn evict(&self, is_stale: impl Fn(&K) -> bool) {
        self.lock().retain(|key, _| !is_stale(key));
    }
}
