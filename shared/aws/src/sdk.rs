//! Configuration of the AWS clients, and classification of their errors.

use std::time::Duration;

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_sdk_dynamodb::error::{
    ConnectorError, DisplayErrorContext, ProvideErrorMetadata, SdkError,
};
use aws_sdk_dynamodb::operation::RequestId;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;

use crate::config::{self, ConfigError};
use clients::http::Net;

/// Time limit of an operation including its retries.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Variables that Lambda sets. Without them, the first call would fail instead of the start.
const OF_LAMBDA: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Returns the configuration of all clients. Call it once at start.
///
/// The SDK reads its own variables: `AWS_ENDPOINT_URL` and those of single services, FIPS and
/// dual-stack endpoints, retries. Region and credentials come only from the environment, as Lambda
/// sets them, so no metadata service is asked.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
///
/// # Errors
/// A variable that Lambda sets is missing.
pub async fn sdk_config(net: &Net) -> Result<SdkConfig, ConfigError> {
    // A missing variable must stop the start, where the operator sees it.
    for name in OF_LAMBDA {
        config::required(name)?;
    }
    let loader = loader(net)
        // The default chain would ask the metadata service of a server, and wait for it.
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new());
    Ok(loader.load().await)
}

/// Returns a loader with our time limits and connections, without region and credentials.
pub fn loader(net: &Net) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT);
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts.build())
        .http_client(NetHttpClient(net.client()))
}

/// HTTP client of the SDK over the connections and TLS of [`Net`], in place of a second stack.
#[derive(Debug, Clone)]
struct NetHttpClient(reqwest::Client);

impl HttpClient for NetHttpClient {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for NetHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(client) = self.clone();
        HttpConnectorFuture::new(async move {
            let mut request =
                request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // The SDK copies the invocation's header, with its chain of functions. Lambda would
            // count our own chains as a loop. A message's trace is in its attributes.
            request.headers_mut().remove("x-amzn-trace-id");
            let request = request
                .map(reqwest::Body::wrap)
                .try_into()
                .map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
            let response =
                client.execute(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            let response = http::Response::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Class of an error of any AWS service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SdkFailure {
    /// Throttled, unreachable or broken for now.
    Busy(String),
    /// It would be refused again.
    Refused(String),
}

/// Classifies an error, with the service's code, message and request id.
pub(crate) fn failure<E>(error: &SdkError<E, HttpResponse>) -> SdkFailure
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
            if context.raw().status().is_server_error() || is_transient(code) {
                SdkFailure::Busy(what)
            } else {
                SdkFailure::Refused(what)
            }
        }
        SdkError::TimeoutError(_) => SdkFailure::Busy("no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            SdkFailure::Busy("no connection".to_owned())
        }
        // The service may have done it, and a repetition is safe by its condition.
        SdkError::ResponseError(_) => SdkFailure::Busy("an answer that cannot be read".to_owned()),
        // The request itself or the credentials are at fault, and would be again.
        other => SdkFailure::Refused(format!("not sent: {}", DisplayErrorContext(other))),
    }
}

/// Returns `true` for error codes, and reasons of cancelled transactions, that describe a passing
/// state of the service.
pub(crate) fn is_transient(code: &str) -> bool {
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
