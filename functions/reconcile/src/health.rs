//! The health check of the deployment's own address, from outside: DNS, certificate, domain mapping
//! and the webhook function.

use std::time::Duration;

use clients::http::Transport;

/// Longest wait for the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks `<public_url>/healthz`, and counts a missing or wrong answer.
pub async fn check(transport: &dyn Transport, public_url: &str) {
    if let Err(reason) = probe(transport, public_url).await {
        // Not an error: cycles work without the address, and an alarm counts these.
        metrics::counter!("AddressUnreachable").increment(1);
        tracing::warn!(event = "address_unreachable", reason, "the own address does not answer");
    }
}

async fn probe(transport: &dyn Transport, public_url: &str) -> Result<(), String> {
    let request = http::Request::get(format!("{public_url}/healthz"))
        .body(bytes::Bytes::new())
        .map_err(|error| error.to_string())?;
    let answer = transport.send(request, TIMEOUT).await.map_err(|error| error.to_string())?;
    if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::Bytes;
    use clients::http::TransportError;

    use super::*;

    struct Answers(u16);

    #[async_trait]
    impl Transport for Answers {
        async fn send(
            &self,
            request: http::Request<Bytes>,
            _: Duration,
        ) -> Result<http::Response<Bytes>, TransportError> {
            assert_eq!(request.uri(), "https://groups.example/healthz");
            let answer = http::Response::builder().status(self.0).body(Bytes::new());
            Ok(answer.unwrap_or_default())
        }
    }

    #[tokio::test]
    async fn only_a_success_is_healthy() {
        assert_eq!(probe(&Answers(200), "https://groups.example").await, Ok(()));
        for status in [401, 404, 503] {
            assert!(probe(&Answers(status), "https://groups.example").await.is_err(), "{status}");
        }
    }
}
