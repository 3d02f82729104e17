//! AWS STS vouches for the role that the function runs under.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sts::Client;
use jiff::{SignedDuration, Timestamp};

use crate::sdk::{Failure, failure};
use domain::clock::Clock;
use engine::credentials::federation::{Assertion, Federation, FederationError};

/// How long a token is wanted for. It is used at once; STS gives from one minute to an hour.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// The account does not give such tokens: an administrator of it has to switch them on, once.
const DISABLED: &str = "OutboundWebIdentityFederationDisabled";

/// STS would have to vouch for longer than the role's own credentials last. Lambda renews them before their end.
const NEARLY_OVER: &str = "SessionDurationEscalation";

/// Outbound web identity federation of an AWS account.
pub struct Sts {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Sts {
    /// STS in this client's region: the global endpoint gives no such tokens.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }
}

#[async_trait]
impl Federation for Sts {
    async fn assertion(&self, audience: &str) -> Result<Assertion, FederationError> {
        let asked_at = self.clock.now();
        let request = self.client.get_web_identity_token().audience(audience).signing_algorithm("RS256");
        let seconds = i32::try_from(LIFE.as_secs()).unwrap_or(i32::MAX);
        let answer = request.duration_seconds(seconds).send().await.map_err(|error| match failure(&error) {
            Failure::Busy(what) => FederationError::Busy(what),
            Failure::Refused(what) if what.contains(NEARLY_OVER) => FederationError::Busy(what),
            Failure::Refused(what) if what.contains(DISABLED) => FederationError::Refused(format!(
                "this AWS account has outbound web identity federation switched off (aws iam enable-outbound-web-identity-federation): {what}"
            )),
            Failure::Refused(what) => FederationError::Refused(what),
        })?;
        let ends_at = answer.expiration.and_then(|end| Timestamp::from_second(end.secs()).ok());
        let token = answer.web_identity_token.ok_or_else(|| FederationError::Busy("STS gave no token".into()))?;
        Ok(Assertion { token: token.into(), ends_at: ends_at.unwrap_or(asked_at + LIFE) })
    }
}
