//! The answers. None but the handshake's has a body, so that a refusal tells nothing.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// The longest validation token that is sent back, in characters.
const LONGEST_TOKEN: usize = 1024;

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Neither a webhook nor the health check.
    #[error("no such route")]
    NoSuchRoute,
    /// The sender is not who may send for this tenant, or there is no such tenant.
    #[error("unproven sender")]
    Unproven,
    /// The sender is right, but what it sent is no notification; or a handshake without a usable token.
    #[error("not a notification")]
    NotANotification,
    /// The body is too large to be looked at.
    #[error("body too large")]
    TooLarge,
    /// Secret or queue are out of reach.
    #[error("secret or queue out of reach")]
    Unavailable,
}

impl Refusal {
    /// The status to answer with.
    pub(crate) fn status(self) -> i64 {
        match self {
            Self::NoSuchRoute => 404,
            Self::Unproven => 401,
            Self::NotANotification => 400,
            Self::TooLarge => 413,
            Self::Unavailable => 503,
        }
    }
}

/// A status without a body.
pub(crate) fn empty(status: i64) -> ApiGatewayV2httpResponse {
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = status;
    answer
}

/// Graph's handshake: its own token back, as text that no browser takes for a page.
pub(crate) fn validation(token: &str) -> Result<ApiGatewayV2httpResponse, Refusal> {
    if token.is_empty() || token.chars().nth(LONGEST_TOKEN).is_some() {
        return Err(Refusal::NotANotification);
    }
    let mut answer = empty(200);
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.body = Some(Body::Text(token.to_owned()));
    tracing::info!("graph handshake");
    Ok(answer)
}
