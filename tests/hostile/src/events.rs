//! What API Gateway hands over: deliveries, and requests of browsers.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use clients::graph::{Entra, Graph};
use clients::http::Transport;
use clients::webex::{Notification, Webex, signature as signed};
use domain::clock::SimulatedClock;
use domain::ids::TenantId;
use engine::credentials::tokens::Tokens;
use engine::credentials::webhook_keys::{CachedWebhookKeys, Kind, WebhookKeys};
use hmac::{Hmac, KeyInit, Mac};
use oauth::{Allowed, Oauth, Parts};
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

const PREFIX: &str = "hostile";
const TENANT: TenantId = TenantId(Uuid::from_u128(0x0190_a5c2_7f3b_7c1d_8e2f_3a4b_5c6d_7e8f));
const KEYS: &str = r#"{"current": "1", "keys": {"1": "aG9zdGlsZS1rZXktMS1mb3ItdGVzdHMtb25seS1ub3RoaW5nLXJlYWw="}}"#;
const WEBEX_APP: &str = r#"{"client_id": "client", "client_secret": "secret"}"#;

/// The two functions behind API Gateway, over an empty table and services that answer nothing.
struct House {
    clock: Arc<SimulatedClock>,
    secrets: Arc<MemorySecrets>,
    queue: Arc<MemoryQueue>,
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(SimulatedClock::starting_at(noon()));
        let secrets = Arc::new(MemorySecrets::new());
        for (name, secret) in [("webhooks", KEYS), ("webex-app", WEBEX_APP), ("microsoft-app", WEBEX_APP)] {
            run(secrets.put(&format!("{PREFIX}/{name}"), secret.into())).unwrap();
        }
        Self { queue: Arc::new(MemoryQueue::new(clock.clone())), clock, secrets }
    }

    fn webhook(&self) -> Webhook {
        let keys = CachedWebhookKeys::new(self.secrets.clone(), self.clock.clone(), PREFIX);
        Webhook::new(self.queue.clone(), keys, self.clock.clone())
    }

    fn oauth(&self) -> Oauth {
        let nobody: Arc<dyn Transport> = Arc::new(Script::read(b""));
        let (store, clock) = (Arc::new(MemoryStore::new(self.clock.clone())), self.clock.clone());
        let (login, base) = ("https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0");
        let webex = Webex::new("https://webexapis.com/v1", nobody.clone(), clock.clone()).unwrap();
        let entra = Entra::new(login, base, nobody.clone(), clock.clone()).unwrap();
        let tokens =
            Tokens::new(self.secrets.clone(), store.clone(), clock.clone(), webex.clone(), entra.clone(), PREFIX);
        let graph = Graph::new(base, nobody.clone(), clock.clone()).unwrap();
        let parts = Parts {
            store,
            queue: self.queue.clone(),
            tokens,
            webex,
            graph,
            entra,
            login: login.into(),
            transport: nobody,
            clock,
            public: "https://functions.example".parse().unwrap(),
            allowed: Allowed::Everybody,
        };
        Oauth::new(parts).unwrap()
    }

    fn secret(&self, kind: Kind) -> SecretString {
        run(WebhookKeys::load(self.secrets.as_ref(), PREFIX)).unwrap().secret(TENANT, kind)
    }

    /// What is queued.
    fn queued(&self) -> usize {
        let messages = self.queue.receive(usize::MAX);
        assert!(messages.iter().all(|received| received.message.tenant == TENANT && received.message.at == noon()));
        messages.len()
    }
}

/// Written for this alone, byte by byte, so that it is not the same code twice.
fn hmac_sha1(secret: &[u8], body: &[u8]) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret).unwrap().chain_update(body).finalize().into_bytes();
    mac.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

/// The first line is a signature, the rest a body: only the one right signature is taken, and only for this very body and secret.
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
    for other in [&right[1..], &right.to_uppercase().replace(|c: char| c.is_ascii_digit(), "x"), &format!("{right}0")] {
        assert!(signed::verify(secret, body, other).is_err());
    }
}

fn delivery(service: &str, body: &[u8], signature: &str) -> ApiGatewayV2httpRequest {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(body);
    let event = json!({
        "version": "2.0", "rawPath": format!("/webhooks/{service}/{TENANT}"), "headers": {"x-spark-signature": signature}, "body": body,
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": 0}, "isBase64Encoded": true
    });
    serde_json::from_value(event).unwrap()
}

/// A body without a signature asks for nothing. With one it asks for one thing at most, of its own tenant, and its answer says nothing. A body for Graph's way in asks
/// for something only if it names the clientState.
pub fn notification(body: &[u8]) {
    let house = House::new();
    let webhook = house.webhook();
    let status = |request| {
        let answer = run(webhook.handle(request));
        assert!(answer.body.is_none() && answer.headers.is_empty(), "{answer:?}");
        answer.status_code
    };
    assert!(matches!(status(delivery("webex", body, "")), 401 | 413));
    assert_eq!(house.queued(), 0);
    let right = hmac_sha1(house.secret(Kind::Webex).expose_secret().as_bytes(), body);
    let answered = status(delivery("webex", body, &right));
    let queued = house.queued();
    match (Notification::parse(body), answered) {
        (Ok(read), 200) => {
            assert!(queued <= 1 && (read.resource.is_some() || read.event.is_some()));
            assert!(read.data_id.is_none_or(|id| !id.contains(['/', '.', '?', '#', '%']) && id.len() <= 1_000));
        }
        (Err(_), 400) | (_, 400 | 413) => assert_eq!(queued, 0),
        (read, other) => panic!("{other} for {read:?}"),
    }
    let answered = status(delivery("graph", body, ""));
    let secret = house.secret(Kind::Graph);
    let names_it = body.windows(64).any(|part| part == secret.expose_secret().as_bytes());
    assert!(matches!(answered, 401 | 413) || names_it && matches!(answered, 202 | 400), "{answered}");
    assert!(house.queued() == 0 || answered == 202);
}

/// Whatever event comes in place of one of API Gateway's: nobody gets in, nothing is queued, and no answer is more than it should be.
pub fn gateway_event(text: &[u8]) {
    let Ok(event) = serde_json::from_slice::<ApiGatewayV2httpRequest>(text) else { return };
    let house = House::new();
    let answer = run(house.webhook().handle(event.clone()));
    assert!([200, 202, 400, 401, 404, 413].contains(&answer.status_code), "{}", answer.status_code);
    assert_eq!(house.queued(), 0, "nobody has signed it");
    if let Some(Body::Text(token)) = &answer.body {
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(token.chars().count() <= 1_024);
    }
    let answer = run(house.oauth().handle(event));
    is_sealed(&answer);
}

/// That a browser that nobody signed in with gets pages, our own redirects, and no session.
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
        assert!(cookie.starts_with("__Host-flow=") || cookie.starts_with("__Host-session=; "), "{cookie}");
        assert!(!cookie.contains(['\r', '\n']), "{cookie:?}");
    }
    let html = if let Some(Body::Text(html)) = &answer.body { html.as_str() } else { "" };
    if header("content-type").starts_with("text/html") {
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    }
}
