//! What the clients of AWS have in common: one configuration, and one reading of their errors.

use std::time::Duration;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, HttpClient, Region, RuntimeComponents, SharedCredentialsProvider,
};
use aws_sdk_dynamodb::error::{ConnectorError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;

use crate::config::{self, ConfigError};
use clients::http::Net;

/// The longest a whole operation takes, with its retries.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;

/// The configuration of all clients, to be made once at start.
///
/// Region, credentials and `AWS_ENDPOINT_URL`, where it is set, come from the environment and nowhere else, as Lambda provides them: no file is read and no metadata
/// service asked.
///
/// # Errors
/// A variable that Lambda sets is missing.
pub fn sdk_config(net: &Net) -> Result<SdkConfig, ConfigError> {
    let (session, endpoint_url) =
        (config::required("AWS_SESSION_TOKEN").ok(), config::required("AWS_ENDPOINT_URL").ok());
    let (key, secret) = (config::required("AWS_ACCESS_KEY_ID")?, config::required("AWS_SECRET_ACCESS_KEY")?);
    let credentials = Credentials::new(key, secret, session, None, "environment");
    Ok(sdk_config_of(net, config::required("AWS_REGION")?, credentials, endpoint_url))
}

/// The same with what else comes from the environment.
pub fn sdk_config_of(net: &Net, region: String, credentials: Credentials, endpoint_url: Option<String>) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(OPERATION_TIMEOUT);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts.build())
        .http_client(OverNet(net.client()));
    config.set_endpoint_url(endpoint_url);
    config.build()
}

/// The SDK's way out: the connections and the TLS of [`Net`], instead of a second stack of both.
#[derive(Debug, Clone)]
struct OverNet(reqwest::Client);

impl HttpClient for OverNet {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OverNet {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(client) = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = request
                .map(reqwest::Body::wrap)
                .try_into()
                .map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
            let response = client.execute(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            let response = http::Response::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What an error of any AWS service comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Throttled, out of reach or broken for now.
    Busy(String),
    /// It would be refused again.
    Refused(String),
}

/// Sorts an error, with the service's code, its text and the request id.
pub(crate) fn failure<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let service = context.err();
            let code = service.code().unwrap_or("no code");
            let what = format!(
                "{code}: {} (request {})",
                service.message().unwrap_or("no text"),
                service.request_id().unwrap_or("unknown")
            );
            if context.raw().status().is_server_error() || passes_by(code) {
                Failure::Busy(what)
            } else {
                Failure::Refused(what)
            }
        }
        SdkError::TimeoutError(_) => Failure::Busy("no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_io() => Failure::Busy("no connection".to_owned()),
        SdkError::ResponseError(_) => Failure::Busy("an answer that cannot be read".to_owned()),
        other => Failure::Refused(format!("not sent: {}", DisplayErrorContext(other))),
    }
}

/// Whether a code, or the reason of a cancelled transaction, stands for a state of the service and not for a mistake of the request.
pub(crate) fn passes_by(code: &str) -> bool {
    code.contains("Throttl")
        || matches!(
            code,
            "ProvisionedThroughputExceededException"
                | "ProvisionedThroughputExceeded"
                | "RequestLimitExceeded"
                | "TransactionConflictException"
                | "TransactionConflict"
                | "TransactionInProgressException"
                | "ReplicatedWriteConflictException"
                | "LimitExceededException"
                | "TooManyRequestsException"
                | "InternalServiceError"
                | "OverLimit"
        )
}
