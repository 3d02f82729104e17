//! The federated identity credential: a token that proves our app to Entra in place of a secret.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

/// The reason why there is no assertion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FederationError {
    /// The issuer is throttled or out of reach: trying again helps.
    #[error("the issuer of our federated credential is out of reach for now: {0}")]
    Busy(String),
    /// The issuer refused, and would refuse again.
    #[error("the issuer of our federated credential refused: {0}")]
    Refused(String),
}

/// A token that proves our app for some minutes.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// The token, a JWT signed with RS256: Entra accepts no other.
    pub token: SecretString,
    /// The end of the token.
    pub ends_at: Timestamp,
}

/// The issuer of assertions.
#[async_trait]
pub trait Federation: Send + Sync {
    /// Returns a token for this audience.
    async fn assertion(&self, audience: &str) -> Result<Assertion, FederationError>;
}
