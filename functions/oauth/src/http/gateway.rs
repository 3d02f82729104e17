//! API Gateway's events (HTTP API, payload format 2.0) to requests, and responses back.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, Uri};
use url::form_urlencoded;

use crate::http::cookies::RequestCookies;
use crate::http::error::Failure;
use crate::http::source::SourceAddress;

/// The largest accepted body, in bytes after decoding. Our forms are far smaller.
pub const LARGEST_BODY: usize = 64 * 1024;

/// Lets a browser load our own stylesheet and send forms to us. A sign-in elsewhere starts with a
/// link, because browsers hold a form's whole chain of redirects against `form-action`.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors \
                      'none'; base-uri 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not "no-referrer": with it a browser does not say that our own forms are same-origin.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
];

/// Converts an event to a request, with its cookies as an extension.
///
/// # Errors
/// A body that is too large or not base64, and a path that none of our pages has.
pub(crate) fn request(event: ApiGatewayV2httpRequest) -> Result<Request, Failure> {
    let body = body(&event)?;
    let (cookies, source) = (RequestCookies::read(&event), SourceAddress::read(&event));
    let path = event.raw_path.unwrap_or_default();
    // Our addresses have no escapes, so an escape must not give one a second spelling.
    if !path.starts_with('/') || path.contains('%') {
        return Err(Failure::NoSuchPage);
    }
    let query = event.raw_query_string.unwrap_or_default();
    // Written again, because an event can carry bytes that a URI cannot.
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form_urlencoded::parse(query.as_bytes()))
        .finish();
    let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
    let mut request = Request::new(axum::body::Body::from(body));
    *request.uri_mut() = uri.parse::<Uri>().map_err(|_| Failure::NoSuchPage)?;
    *request.method_mut() = match event.request_context.http.method {
        Method::HEAD => Method::GET,
        other => other,
    };
    *request.headers_mut() = event.headers;
    request.extensions_mut().insert(cookies);
    request.extensions_mut().insert(source);
    Ok(request)
}

fn body(event: &ApiGatewayV2httpRequest) -> Result<Vec<u8>, Failure> {
    let text = event.body.as_deref().unwrap_or_default();
    // Before decoding, which copies the body; base64 is a third longer than its content.
    if text.len() > LARGEST_BODY.saturating_mul(2) {
        return Err(Failure::TooLarge);
    }
    let bytes = if event.is_base64_encoded {
        STANDARD.decode(text).map_err(|_| Failure::NotAForm)?
    } else {
        text.as_bytes().to_vec()
    };
    if bytes.len() > LARGEST_BODY { Err(Failure::TooLarge) } else { Ok(bytes) }
}

/// Converts a response to API Gateway's shape, with the security headers that every answer has.
pub(crate) async fn answer(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    for (name, value) in SECURITY_HEADERS {
        answer.headers.insert(name, HeaderValue::from_static(value));
    }
    // Before the answer's own headers, which let browsers keep the stylesheet.
    answer.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in &parts.headers {
        // Payload format 2.0 has a separate list for cookies.
        if name == header::SET_COOKIE {
            answer.cookies.extend(value.to_str().ok().map(str::to_owned));
        } else if name != header::CONTENT_LENGTH {
            // The length is API Gateway's to say: it encodes the body.
            answer.headers.insert(name, value.clone());
        }
    }
    // Our own answers are in memory already, so no limit is needed.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    // All our answers are text, so nothing is lost here.
    answer.body = Some(Body::Text(String::from_utf8_lossy(&body).into_owned()));
    answer
}
