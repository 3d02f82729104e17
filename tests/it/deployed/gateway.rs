//! API Gateway's HTTP API in front of the functions: the template's routes, and events in payload
//! format 2.0.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clients::http::{Net, Transport, TransportError};
use http::request::Parts;
use jiff::Timestamp;
use sandbox::local_stack::FUNCTIONS_URL;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::lambda::Instance;
use super::serve;

const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// The functions by name, and the routes to them.
pub(super) struct Gateway {
    pub(super) functions: BTreeMap<String, Arc<Instance>>,
    pub(super) routes: BTreeMap<String, String>,
}

/// Resolves the functions' address to the gateway, as DNS does.
pub(super) struct Outside {
    net: Net,
    gateway: String,
}

impl Gateway {
    pub(super) async fn open(self) -> Outside {
        let gateway = serve(Router::new().fallback(handled).with_state(Arc::new(self))).await;
        Outside { net: Net::new().unwrap(), gateway }
    }

    /// Returns the route of a request and its `{tenant}`; `$default` if no route matches.
    fn route(&self, method: &str, path: &str) -> (&str, Value) {
        let asked: Vec<_> = path.split('/').collect();
        for route in self.routes.keys() {
            let Some((only, pattern)) = route.split_once(' ') else {
                continue;
            };
            let parts: Vec<_> = pattern.split('/').collect();
            let name = |part: &str| {
                part.strip_prefix('{').and_then(|part| part.strip_suffix('}')).map(str::to_owned)
            };
            let is_it = only == method
                && parts.len() == asked.len()
                && parts
                    .iter()
                    .zip(&asked)
                    .all(|(part, asked)| part == asked || name(part).is_some());
            if is_it {
                let named = parts
                    .iter()
                    .zip(&asked)
                    .filter_map(|(part, asked)| Some((name(part)?, json!(asked))));
                return (route, named.collect());
            }
        }
        ("$default", Value::Null)
    }
}

#[async_trait]
impl Transport for Outside {
    async fn send(
        &self,
        mut request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let to = request.uri().to_string().replacen(FUNCTIONS_URL, &self.gateway, 1);
        *request.uri_mut() = to.parse().map_err(|_| TransportError::NotSent(to))?;
        self.net.send(request, timeout).await
    }
}

async fn handled(State(gateway): State<Arc<Gateway>>, request: Request) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap();
    let (route, parameters) = gateway.route(parts.method.as_str(), parts.uri.path());
    let function = &gateway.functions[&gateway.routes[route]];
    let answer = function
        .invoke(event(&parts, &body, route, &parameters))
        .await
        .unwrap_or_else(|_| json!({"statusCode": 502}));
    response(&answer)
}

/// Returns the event of a request, in payload format 2.0.
fn event(parts: &Parts, body: &Bytes, route: &str, parameters: &Value) -> Value {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let value = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let cookies = parts
        .headers
        .get_all("cookie")
        .iter()
        .flat_map(|cookies| value(cookies).split("; ").map(str::to_owned).collect::<Vec<_>>());
    let headers: BTreeMap<_, _> = parts
        .headers
        .iter()
        .filter(|(name, _)| *name != "cookie")
        .map(|(name, header)| (name.as_str(), value(header)))
        .collect();
    let asked: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    // Text or base64, by the content type: API Gateway decides by more, but these routes need no
    // more.
    let is_text = headers.get("content-type").is_none_or(|kind| {
        ["text/", "application/json", "application/x-www-form-urlencoded"]
            .iter()
            .any(|text| kind.starts_with(text))
    });
    let now = Timestamp::now();
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "cookies": Some(cookies.collect::<Vec<_>>()).filter(|cookies| !cookies.is_empty()),
        "headers": headers,
        "queryStringParameters": Some(asked).filter(|asked| !asked.is_empty()),
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "simulated",
            "domainName": "functions.example",
            "domainPrefix": "functions",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": route,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "body": Some(body).filter(|body| !body.is_empty()).map(|body| {
            if is_text { String::from_utf8(body.to_vec()).unwrap() } else { STANDARD.encode(body) }
        }),
        "isBase64Encoded": !is_text,
    })
}

fn response(answer: &Value) -> http::Response<Body> {
    let mut response = http::Response::builder()
        .status(u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap());
    let single = answer["headers"].as_object().into_iter().flatten();
    let single = single.map(|(name, value)| (name.clone(), value.clone()));
    let cookies = answer["cookies"].as_array().into_iter().flatten();
    let cookies = cookies.map(|cookie| ("set-cookie".to_owned(), cookie.clone()));
    for (name, value) in single.chain(cookies) {
        response = response.header(name, value.as_str().unwrap());
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let is_encoded = answer["isBase64Encoded"].as_bool().unwrap_or_default();
    let body = if is_encoded { STANDARD.decode(body).unwrap() } else { body.into() };
    response.body(Body::from(body)).unwrap()
}
