//! What the clients of AWS have in common: one configuration, and one reading of their errors.

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

/// The longest a whole operation takes, with its retries.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;

/// The configuration of all clients, to be loaded once at start.
///
/// Region and credentials come from the environment and nowhere else, as Lambda provides them: where they are missing, a call fails at once instead of asking an
/// instance metadata service that is not there. Endpoints are the SDK's own `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .load()
        .await
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
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Failure::Busy("no answer in time".to_owned()),
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
