//! Responses. Only the handshake's has a body, so a rejection reveals nothing.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// Maximum length of a validation token in characters.
const LONGEST_TOKEN: usize = 1024;

/// Reason for a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// The path is neither a webhook nor the health check.
    #[error("no such route")]
    NoSuchRoute,
    /// The sender is not authentic for this tenant, or there is no such tenant.
    #[error("unproven sender")]
    NotAuthenticated,
    /// The sender is authentic, but the body is no notification, or the handshake has no usable
    /// token.
    #[error("not a notification")]
    NotANotification,
    /// The body is too large.
    #[error("body too large")]
    TooLarge,
    /// The secret or the queue is unreachable.
    #[error("secret or queue out of reach")]
    Unavailable,
}

impl Rejection {
    /// Returns the status of the response.
    pub(crate) fn status(self) -> i64 {
        match self {
            Self::NoSuchRoute => 404,
            Self::NotAuthenticated => 401,
            Self::NotANotification => 400,
            Self::TooLarge => 413,
            Self::Unavailable => 503,
        }
    }
}

/// Returns a response without a body.
pub(crate) fn empty(status: i64) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response
}

/// Returns Graph's token as plain text, which no browser takes for a page.
pub(crate) fn validation(token: &str) -> Result<ApiGatewayV2httpResponse, Rejection> {
    // Anyone can send a token, and the answer repeats it.
    if token.is_empty() || token.chars().nth(LONGEST_TOKEN).is_some() {
        return Err(Rejection::NotANotification);
    }
    let mut response = empty(200);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.body = Some(Body::Text(token.to_owned()));
    tracing::info!("graph handshake");
    Ok(response)
}
