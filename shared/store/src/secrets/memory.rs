//! Secrets in memory, for tests and the sandbox.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Secrets, SecretsError};

/// Secrets in memory.
#[derive(Debug, Default)]
pub struct MemorySecrets(Mutex<BTreeMap<String, SecretString>>);

impl MemorySecrets {
    /// Returns an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a copy.
    pub fn copy(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }

    /// Returns the names of all secrets, sorted.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, SecretString>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for MemorySecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        Ok(self.lock().get(name).cloned())
    }

    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError> {
        // Secrets Manager allows only these characters and this length.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
            return Err(SecretsError::Refused {
                name: name.to_owned(),
                why: "not a name for a secret".to_owned(),
            });
        }
        self.lock().insert(name.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        // The service answers the same for a secret that is not there.
        self.lock().remove(name);
        Ok(())
    }
}
