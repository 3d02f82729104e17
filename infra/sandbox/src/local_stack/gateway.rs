//! A stand-in for API Gateway: passes HTTP requests to a function, and its answers back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use oauth::Oauth;
use webhook::Webhook;

/// The route to the webhook function, for every host.
pub(super) struct WebhookGateway(pub(super) Arc<Webhook>);

/// The route to the setup pages, for every host.
pub(super) struct PagesGateway(pub(super) Arc<Oauth>);

#[async_trait]
impl Transport for WebhookGateway {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        http_response(self.0.handle(lambda_event(request)).await)
    }
}

#[async_trait]
impl Transport for PagesGateway {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        http_response(self.0.handle(lambda_event(request)).await)
    }
}

/// The address that all browsers of the local stack have. It is for documentation only.
const BROWSER_ADDRESS: &str = "192.0.2.7";

fn lambda_event(request: http::Request<Bytes>) -> ApiGatewayV2httpRequest {
    let (mut parts, body) = request.into_parts();
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
    event.request_context.http.source_ip = Some(BROWSER_ADDRESS.into());
    event.request_context.request_id = Some("local".to_owned());
    event.query_string_parameters = parameters.into();
    // API Gateway moves the cookies out of the headers, with bytes that no header should have.
    let lines = parts.headers.get_all(COOKIE).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    let cookies = lines.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>());
    event.cookies = Some(cookies.collect::<Vec<_>>()).filter(|cookies| !cookies.is_empty());
    parts.headers.remove(COOKIE);
    event.is_base64_encoded = !is_text(&parts.headers);
    event.body = Some(if event.is_base64_encoded {
        STANDARD.encode(&body)
    } else {
        String::from_utf8_lossy(&body).into_owned()
    });
    event.headers = parts.headers;
    event
}

/// Returns `true` for the types of bodies that API Gateway passes as text. Others, forms among
/// them, it encodes.
fn is_text(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    const TEXTS: [&str; 4] = ["", "application/json", "application/xml", "application/javascript"];
    media_type.starts_with("text/") || TEXTS.contains(&media_type.as_str())
}

fn http_response(
    answer: ApiGatewayV2httpResponse,
) -> Result<http::Response<Bytes>, TransportError> {
    let body = match answer.body {
        Some(Body::Text(text)) => Bytes::from(text),
        Some(Body::Binary(bytes)) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    let mut response = http::Response::new(body);
    *response.headers_mut() = answer.headers;
    for cookie in answer.cookies {
        response.headers_mut().append(SET_COOKIE, cookie.try_into().map_err(unreadable)?);
    }
    let status = u16::try_from(answer.status_code).map_err(unreadable)?;
    *response.status_mut() = http::StatusCode::from_u16(status).map_err(unreadable)?;
    Ok(response)
}

fn unreadable(error: impl std::fmt::Display) -> TransportError {
    TransportError::NoAnswer(error.to_string())
}
