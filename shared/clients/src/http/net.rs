//! The net.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{ANSWER_LIMIT, Transport, TransportError};

/// Name, connection and TLS: long enough for one packet that is sent again, and a slow processor.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The real net, by reqwest: TLS by rustls, no redirects, and nothing is unpacked: what was never asked for in a compressed form is no answer in one.
#[derive(Debug, Clone)]
pub struct Net(reqwest::Client);

impl Net {
    /// A client with its own connections; made once, outside the handler. Connections are opened at first use.
    pub fn new() -> Result<Self, TransportError> {
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT_TIMEOUT);
        client.build().map(Self).map_err(|error| TransportError::NotSent(error.to_string()))
    }

    /// The client with its connections, for those who speak HTTP by themselves.
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
        let mut request =
            reqwest::Request::try_from(request).map_err(|error| TransportError::NotSent(error.to_string()))?;
        *request.timeout_mut() = Some(timeout);
        let mut response = self.0.execute(request).await.map_err(classified)?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = BytesMut::new();
        // An answer can say how long it is, and need not: then it shows on the way.
        if response.content_length().is_some_and(|length| length > ANSWER_LIMIT as u64) {
            return Err(TransportError::TooLong);
        }
        while let Some(chunk) = response.chunk().await.map_err(classified)? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(TransportError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body.freeze()).map_err(|error| TransportError::NoAnswer(error.to_string()))
    }
}

fn classified(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let whole = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let words = whole.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(words)
    } else {
        TransportError::NoAnswer(words)
    }
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;
    use rustls::crypto::aws_lc_rs::default_provider;

    #[test]
    fn a_key_exchange_is_proof_against_quantum_computers_where_the_service_knows_one() {
        let offered: Vec<_> = default_provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(offered.first(), Some(&NamedGroup::X25519MLKEM768));
    }
}
