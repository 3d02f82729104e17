//! Tokens of AWS STS for the role of the function.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sts::Client;
use jiff::{SignedDuration, Timestamp};

use crate::sdk::{SdkFailure, failure};
use domain::clock::Clock;
use engine::credentials::federation::{Assertion, Federation, FederationError};

/// Requested lifetime of a token. It is used at once; STS allows one minute to an hour.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// Error code if the account issues no such tokens. An admin of the account must enable them once.
const DISABLED: &str = "OutboundWebIdentityFederationDisabled";

/// Command that allows the tokens.
const ENABLE: &str = "aws iam enable-outbound-web-identity-federation";
/// Error code if the token would outlive the role's credentials. Lambda renews these before they
/// end.
const NEARLY_OVER: &str = "SessionDurationEscalation";

/// Outbound web identity federation of an AWS account.
pub struct Sts {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Sts {
    /// Returns a client of STS in this region. The global endpoint issues no such tokens.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }
}

#[async_trait]
impl Federation for Sts {
    async fn assertion(&self, audience: &str) -> Result<Assertion, FederationError> {
        let asked_at = self.clock.now();
        let request =
            self.client.get_web_identity_token().audience(audience).signing_algorithm("RS256");
        let seconds = i32::try_from(LIFE.as_secs()).unwrap_or(i32::MAX);
        let sent = request.duration_seconds(seconds).send().await;
        let answer = sent.map_err(|error| match failure(&error) {
            SdkFailure::Busy(what) => FederationError::Busy(what),
            // New credentials come before the next try.
            SdkFailure::Refused(what) if what.contains(NEARLY_OVER) => FederationError::Busy(what),
            // The operator can mend it with one command, so the error names it.
            SdkFailure::Refused(what) if what.contains(DISABLED) => not_enabled(&what),
            SdkFailure::Refused(what) => FederationError::Refused(what),
        })?;
        let ends_at = answer.expiration.and_then(|end| Timestamp::from_second(end.secs()).ok());
        let token = answer
            .web_identity_token
            .ok_or_else(|| FederationError::Busy("STS gave no token".into()))?;
        // Counted from before the request: a token must not be used after its end.
        Ok(Assertion { token: token.into(), ends_at: ends_at.unwrap_or(asked_at + LIFE) })
    }
}

fn not_enabled(what: &str) -> FederationError {
    FederationError::Refused(format!(
        "this AWS account does not allow outbound web identity federation ({ENABLE}): {what}"
    ))
}
