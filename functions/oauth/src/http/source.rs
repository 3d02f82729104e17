//! The address that a request came from, for the record of decisions.

use std::convert::Infallible;
use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::extract::FromRequestParts;
use http::request::Parts;

/// The address of a browser, as API Gateway saw it. No header of the browser can change it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceAddress(Option<Arc<str>>);

impl SourceAddress {
    /// Reads the address of an event.
    pub(crate) fn read(event: &ApiGatewayV2httpRequest) -> Self {
        Self(event.request_context.http.source_ip.as_deref().map(Arc::from))
    }

    /// Returns the address of a request.
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

impl From<&SourceAddress> for String {
    fn from(address: &SourceAddress) -> Self {
        address.0.as_deref().unwrap_or_default().to_owned()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SourceAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}
