//! Somebody vouches for us: a token that proves our app to Entra in place of a secret (a federated identity credential).
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

/// Why nobody vouches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FederationError {
    /// Throttled or out of reach: trying again helps.
    #[error("the issuer of our federated credential is out of reach for now: {0}")]
    Busy(String),
    /// Refused, and would be again.
    #[error("the issuer of our federated credential refused: {0}")]
    Refused(String),
}

/// A token that proves us for some minutes.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// The token, a JWT signed with RS256: Entra takes no other.
    pub token: SecretString,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// Who vouches for us.
#[async_trait]
pub trait Federation: Send + Sync {
    /// A token for this audience.
    async fn assertion(&self, audience: &str) -> Result<Assertion, FederationError>;
}
