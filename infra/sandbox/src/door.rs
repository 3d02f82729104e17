//! What API Gateway does: takes a POST to the webhook function's address, hands it to the function, and brings the answer back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::encodings::Body;
use bytes::Bytes;
use shared::http::{Transport, TransportError};
use webhook::Webhook;

/// The way in to the webhook function, whatever the host.
pub(crate) struct Door(pub(crate) Arc<Webhook>);

#[async_trait]
impl Transport for Door {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default();
        let mut parameters: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            parameters.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        let mut event = ApiGatewayV2httpRequest::default();
        event.raw_path = Some(parts.uri.path().to_owned());
        event.raw_query_string = Some(query.to_owned());
        event.request_context.http.path = Some(parts.uri.path().to_owned());
        event.request_context.http.method = parts.method;
        event.query_string_parameters = parameters.into();
        event.headers = parts.headers;
        event.body = Some(String::from_utf8_lossy(&body).into_owned());
        let answer = self.0.handle(event).await;
        let body = match answer.body {
            Some(Body::Text(text)) => Bytes::from(text),
            Some(Body::Binary(bytes)) => Bytes::from(bytes),
            _ => Bytes::new(),
        };
        let mut response = http::Response::builder().status(u16::try_from(answer.status_code).unwrap_or(500));
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers);
        }
        response.body(body).map_err(|error| TransportError::NoAnswer(error.to_string()))
    }
}
