//! Secrets: JSON texts under a name.

pub mod memory;

use async_trait::async_trait;
use secrecy::SecretString;

/// Why a secret could not be had or kept.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SecretsError {
    /// Throttled or out of reach: trying again helps.
    #[error("the secret {name} is out of reach for now: {why}")]
    Busy {
        /// Which secret.
        name: String,
        /// What the service said.
        why: String,
    },
    /// The service refused, and would again.
    #[error("the secret {name} was refused: {why}")]
    Refused {
        /// Which secret.
        name: String,
        /// What the service said.
        why: String,
    },
}

/// Where secrets are kept.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's present value; `None` where there is no such secret.
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError>;
    /// Makes the secret or gives it a new value.
    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError>;
    /// Deletes the secret at once, without a recovery window, so that its name can be used again. One that does not exist is gone already.
    async fn delete(&self, name: &str) -> Result<(), SecretsError>;
}
