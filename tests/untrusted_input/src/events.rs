//! Events of API Gateway: deliveries, and requests of browsers.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use clients::graph::{Entra, Graph};
use clients::http::Transport;
use clients::webex::{Notification, Webex, signature as signed};
use domain::clock::SimulatedClock;
use domain::ids::TenantId;
use engine::credentials::tokens::Tokens;
use engine::credentials::webhook_keys::{CachedWebhookKeys, WebhookKeys, WebhookKind};
use hmac::{Hmac, KeyInit, Mac};
use oauth::{Allowed, Deps, Oauth};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha1::Sha1;
use store::queue::memory::MemoryQueue;
use store::secrets::Secrets;
use store::secrets::memory::MemorySecrets;
use store::table::memory::MemoryStore;
use uuid::Uuid;
use webhook::Webhook;

use crate::answers::Script;
use crate::{noon, run};

const PREFIX: &str = "untrusted";
const TENANT: TenantId = TenantId(Uuid::from_u128(0x0190_a5c2_7f3b_7c1d_8e2f_3a4b_5c6d_7e8f));
const KEYS: &str =
    r#"{"current": "1", "1": "aG9zdGlsZS1rZXktMS1mb3ItdGVzdHMtb25seS1ub3RoaW5nLXJlYWw="}"#;
const WEBEX_APP: &str = r#"{"client_id": "client", "client_secret": "secret"}"#;

/// Both functions behind API Gateway, over an empty table and services that do not answer.
struct Functions {
    clock: Arc<SimulatedClock>,
    secrets: Arc<MemorySecrets>,
    queue: Arc<MemoryQueue>,
}

impl Functions {
    fn new() -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(noon()));
        let secrets = Arc::new(MemorySecrets::new());
        for (name, secret) in
            [("webhooks", KEYS), ("webex-app", WEBEX_APP), ("microsoft-app", WEBEX_APP)]
        {
            run(secrets.put(&format!("{PREFIX}/{name}"), secret.into())).unwrap();
        }
        Self { queue: Arc::new(MemoryQueue::new(clock.clone())), clock, secrets }
    }

    fn webhook(&self) -> Webhook {
        let keys = CachedWebhookKeys::new(self.secrets.clone(), self.clock.clone(), PREFIX);
        Webhook::new(self.queue.clone(), keys, self.clock.clone())
    }

    fn oauth(&self) -> Oauth {
        let silent: Arc<dyn Transport> = Arc::new(Script::read(b""));
        let (store, clock) = (Arc::new(MemoryStore::new(self.clock.clone())), self.clock.clone());
        let (login, base) =
            ("https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0");
        let webex = Webex::new("https://webexapis.com/v1", silent.clone(), clock.clone()).unwrap();
        let entra = Entra::new(login, base, silent.clone(), clock.clone()).unwrap();
        let tokens = Tokens::new(
            self.secrets.clone(),
            store.clone(),
            clock.clone(),
            webex.clone(),
            entra,
            PREFIX,
        );
        let graph = Graph::new(base, silent.clone(), clock.clone()).unwrap();
        let parts = Deps {
            store,
            queue: self.queue.clone(),
            tokens,
            webex,
            graph,
            login: login.into(),
            transport: silent,
            clock,
            public: "https://functions.example".parse().unwrap(),
            allowed: Allowed::Everyone,
        };
        Oauth::new(parts).unwrap()
    }

    fn secret(&self, kind: WebhookKind) -> SecretString {
        run(WebhookKeys::load(self.secrets.as_ref(), PREFIX)).unwrap().secret(TENANT, kind)
    }

    /// Returns the number of queued messages.
    fn queued(&self) -> usize {
        let messages = self.queue.receive(usize::MAX);
        assert!(
            messages
                .iter()
                .all(|received| received.message.tenant == TENANT && received.message.at == noon())
        );
        messages.len()
    }
}

/// A second implementation, written only for this comparison.
fn hmac_sha1(secret: &[u8], body: &[u8]) -> String {
    let mac =
        Hmac::<Sha1>::new_from_slice(secret).unwrap().chain_update(body).finalize().into_bytes();
    mac.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

/// Checks a signature (first line) over a body (the rest): only the right one is accepted, for this
/// body and secret only.
pub fn signature(text: &[u8]) {
    let (header, body) = match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &[][..]),
    };
    let (header, secret) = (String::from_utf8_lossy(header), b"a secret of a webhook");
    let right = hmac_sha1(secret, body);
    assert_eq!(signed::verify(secret, body, &header).is_ok(), *header == right);
    assert!(signed::verify(secret, body, &right).is_ok());
    assert!(signed::verify(b"another secret", body, &right).is_err());
    assert!(signed::verify(secret, &[body, b" "].concat(), &right).is_err());
    for other in [
        &right[1..],
        &right.to_uppercase().replace(|c: char| c.is_ascii_digit(), "x"),
        &format!("{right}0"),
    ] {
        assert!(signed::verify(secret, body, other).is_err());
    }
}

fn delivery(service: &str, body: &[u8], signature: &str) -> ApiGatewayV2httpRequest {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(body);
    let event = json!({
        "version": "2.0",
        "rawPath": format!("/webhooks/{service}/{TENANT}"),
        "headers": {"x-spark-signature": signature},
        "body": body,
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": 0},
        "isBase64Encoded": true,
    });
    serde_json::from_value(event).unwrap()
}

/// Checks a body: unsigned, it queues nothing. Signed, it queues at most one message of its
/// tenant, and the response reveals nothing. A Graph body needs the clientState.
pub fn notification(body: &[u8]) {
    let functions = Functions::new();
    let webhook = functions.webhook();
    let status = |request| {
        let answer = run(webhook.handle(request));
        assert!(answer.body.is_none() && answer.headers.is_empty(), "{answer:?}");
        answer.status_code
    };
    assert!(matches!(status(delivery("webex", body, "")), 401 | 413));
    assert_eq!(functions.queued(), 0);
    let right = hmac_sha1(functions.secret(WebhookKind::Webex).expose_secret().as_bytes(), body);
    let answered = status(delivery("webex", body, &right));
    let queued = functions.queued();
    match (Notification::parse(body), answered) {
        (Ok(read), 200) => {
            assert!(queued <= 1 && (read.resource.is_some() || read.event.is_some()));
            assert!(
                read.data_id
                    .is_none_or(|id| !id.contains(['/', '.', '?', '#', '%']) && id.len() <= 1_000)
            );
        }
        (Err(_), 400) | (_, 400 | 413) => assert_eq!(queued, 0),
        (read, other) => panic!("{other} for {read:?}"),
    }
    let answered = status(delivery("graph", body, ""));
    let secret = functions.secret(WebhookKind::Graph);
    let names_it = body.windows(64).any(|part| part == secret.expose_secret().as_bytes());
    assert!(
        matches!(answered, 401 | 413) || names_it && matches!(answered, 202 | 400),
        "{answered}"
    );
    assert!(functions.queued() == 0 || answered == 202);
}

/// Checks any event of API Gateway: no sign-in, nothing queued, and no larger response than
/// allowed.
pub fn gateway_event(text: &[u8]) {
    let Ok(event) = serde_json::from_slice::<ApiGatewayV2httpRequest>(text) else {
        return;
    };
    let functions = Functions::new();
    let answer = run(functions.webhook().handle(event.clone()));
    assert!([200, 202, 400, 401, 404, 413].contains(&answer.status_code), "{}", answer.status_code);
    assert_eq!(functions.queued(), 0, "it is not signed");
    if let Some(Body::Text(token)) = &answer.body {
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(token.chars().count() <= 1_024);
    }
    let answer = run(functions.oauth().handle(event));
    is_sealed(&answer);
}

/// Checks a cookie header, in the event's list and as a header: the cookie of the redirect flow
/// counts only if its name is byte-equal, and if it occurs once.
pub fn cookies(header: &[u8]) {
    let oauth = Functions::new().oauth();
    let set = |event: ApiGatewayV2httpRequest| {
        let answer = run(oauth.handle(event));
        let flow = answer.cookies.iter().find_map(|cookie| cookie.strip_prefix("__Host-flow="));
        flow.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned()
    };
    let text = String::from_utf8_lossy(header).into_owned();
    let sign_in = |cookies: serde_json::Value| {
        let event = json!({
            "version": "2.0",
            "rawPath": "/oauth/webex",
            "headers": {},
            "cookies": cookies,
            "requestContext": {"http": {"method": "GET"}, "timeEpoch": 0},
            "isBase64Encoded": false,
        });
        serde_json::from_value::<ApiGatewayV2httpRequest>(event).unwrap()
    };
    let parts: Vec<&str> = text.split("; ").collect();
    for listed in [json!([text]), json!(parts)] {
        assert_takes_only_ours(text.as_bytes(), &set(sign_in(listed)));
    }
    if let Ok(value) = http::HeaderValue::from_bytes(header) {
        let mut event = sign_in(json!(null));
        event.headers.insert("cookie", value);
        assert_takes_only_ours(header, &set(event));
    }
}

/// Asserts that the flow continues exactly with the one cookie that is ours.
fn assert_takes_only_ours(header: &[u8], flow: &str) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let ours: Vec<&[u8]> = header
        .split(|byte| *byte == b';')
        .filter_map(|cookie| {
            let start = cookie.iter().position(|byte| !blank(byte))?;
            let end = cookie.iter().rposition(|byte| !blank(byte))?;
            cookie[start..=end].strip_prefix(b"__Host-flow=")
        })
        .collect();
    let is_token = |value: &[u8]| {
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        value.len() == 43 && value.iter().all(is_base64)
    };
    match ours.as_slice() {
        [one] if is_token(one) => assert_eq!(flow.as_bytes(), *one),
        _ => assert!(!header.windows(43).any(|part| part == flow.as_bytes()), "{flow}"),
    }
}

/// Asserts that a browser without a session gets pages and own redirects, and no session.
fn is_sealed(answer: &ApiGatewayV2httpResponse) {
    let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert!((200..500).contains(&answer.status_code), "{answer:?}");
    assert!(header("content-security-policy").starts_with("default-src 'none'"), "{answer:?}");
    let to = header("location");
    assert!(
        to.is_empty()
            || to.starts_with('/') && !to.starts_with("//") && !to.contains('\\')
            || to.starts_with("https://webexapis.com/v1/authorize?"),
        "{to}"
    );
    for cookie in &answer.cookies {
        assert!(
            cookie.starts_with("__Host-flow=") || cookie.starts_with("__Host-session=; "),
            "{cookie}"
        );
        assert!(!cookie.contains(['\r', '\n']), "{cookie:?}");
    }
    let html = if let Some(Body::Text(html)) = &answer.body { html.as_str() } else { "" };
    if header("content-type").starts_with("text/html") {
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    }
}
