//! Transport over the network.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{ANSWER_LIMIT, Transport, TransportError};

/// Timeout of name lookup, connection and TLS. It allows for one lost packet and a slow processor.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Network transport by reqwest with rustls. It follows no redirects and decompresses nothing,
/// because no call asks for compression.
#[derive(Debug, Clone)]
pub struct Net(reqwest::Client);

impl Net {
    /// Returns a client with its own connections, opened at first use. Call it once, outside of the
    /// handler.
    pub fn new() -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            // A redirect would take the token to another host.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        client.build().map(Self).map_err(|error| TransportError::NotSent(error.to_string()))
    }

    /// Returns the client with its connections, for the AWS SDK.
    pub fn client(&self) -> reqwest::Client {
        self.0.clone()
    }
}

#[async_trait]
impl Transport for Net {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::NotSent(error.to_string()))?;
        *request.timeout_mut() = Some(timeout);
        let mut response = self.0.execute(request).await.map_err(transport_error)?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = BytesMut::new();
        // The length is optional, so the loop below checks the size again.
        if response.content_length().is_some_and(|length| length > ANSWER_LIMIT as u64) {
            return Err(TransportError::TooLong);
        }
        while let Some(chunk) = response.chunk().await.map_err(transport_error)? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(TransportError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body.freeze()).map_err(|error| TransportError::NoAnswer(error.to_string()))
    }
}

fn transport_error(error: reqwest::Error) -> TransportError {
    // The query can hold a name.
    let error = error.without_url();
    let causes =
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let message = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    // Only these two are certain to have sent nothing.
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(message)
    } else {
        TransportError::NoAnswer(message)
    }
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;
    use rustls::crypto::aws_lc_rs::default_provider;

    #[test]
    fn post_quantum_key_exchange_is_offered_first() {
        let offered: Vec<_> =
            default_provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(offered.first(), Some(&NamedGroup::X25519MLKEM768));
    }
}
