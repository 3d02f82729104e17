//! Secrets: JSON texts under a name.

pub mod memory;

use async_trait::async_trait;
use secrecy::SecretString;

/// Error of reading or writing a secret.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SecretsError {
    /// The service is throttled or unreachable. A retry helps.
    #[error("the secret {name} is out of reach for now: {why}")]
    Busy {
        /// Name of the secret.
        name: String,
        /// Message of the service.
        why: String,
    },
    /// The service refused, and would again.
    #[error("the secret {name} was refused: {why}")]
    Refused {
        /// Name of the secret.
        name: String,
        /// Message of the service.
        why: String,
    },
}

/// A set of secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Returns the current value, or `None` if there is no such secret.
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError>;
    /// Creates the secret, or sets its value.
    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError>;
    /// Deletes the secret at once, without a recovery window, so that the name is free. A missing
    /// secret is no error.
    async fn delete(&self, name: &str) -> Result<(), SecretsError>;
}
