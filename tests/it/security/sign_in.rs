//! Forged tokens and foreign directories at the sign-in with Microsoft.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use sandbox::local_stack::{Connections, LocalStack};
use serde_json::{Value, json};
use sim::DirectoryRole;

use crate::support::{Browser, Customers};

/// Signs in Acme's admin with Webex connected; the directory of Globex has consented before.
pub(super) async fn attacker(customers: &Customers) -> Browser {
    let roles = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
    customers.world().consent(customers.globex.directory, &roles);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    browser
}

async fn assert_nothing_connected(customers: &Customers) {
    assert_eq!(customers.tenants().await, []);
    assert_eq!(customers.organization(customers.acme.org).await.unwrap().directory, None);
}

#[tokio::test]
async fn swapped_tenant_attaches_no_directory() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let own = customers.acme.administrator.object;
    let at_consent = browser.sign_in_at_microsoft(own).await.next_url();
    let back = browser.decide(&at_consent, own, "accept").await;
    let (acme, globex) =
        (customers.acme.directory.to_string(), customers.globex.directory.to_string());
    assert!(back.contains(&format!("tenant={acme}")));
    browser
        .open(&back.replace(&acme, &globex))
        .await
        .is_error(400, "The consent is for another directory");
    assert_nothing_connected(&customers).await;
    for tenant in ["", "organizations", "acme.example"] {
        let at_consent = browser.sign_in_at_microsoft(own).await.next_url();
        let back = browser.decide(&at_consent, own, "accept").await;
        browser.open(&back.replace(&acme, tenant)).await.is_error(400, "for another directory");
    }
    browser.open("/oauth/microsoft/consent").await.is(200, "Connect Microsoft 365");
    assert_nothing_connected(&customers).await;
}

#[tokio::test]
async fn employee_attaches_no_directory() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let employee = customers.world().add_entra_only(&customers.globex, "Eve");
    browser.sign_in_at_microsoft(employee).await.is_error(403, "may not connect the directory");
    customers.world().give_directory_role(employee, DirectoryRole::UserAdministrator);
    browser.sign_in_at_microsoft(employee).await.is_error(403, "may not connect the directory");
    browser.open("/oauth/microsoft/consent").await.is(200, "Connect Microsoft 365");
    assert_nothing_connected(&customers).await;
}

#[tokio::test]
async fn unvisited_consent_page_proves_nothing() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let own = customers.acme.administrator.object;
    // Signed in, but not consented: the check does not start.
    browser.sign_in_at_microsoft(own).await.next_url();
    customers.world().consent(
        customers.acme.directory,
        &["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"],
    );
    browser.open("/oauth/microsoft/consent").await.is(200, "<h1>Connect Microsoft 365</h1>");
    assert_nothing_connected(&customers).await;
}

#[tokio::test]
async fn foreign_or_stale_claims_are_refused() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let globex = customers.globex.directory.to_string();
    let forgeries: Vec<(&str, Value)> = vec![
        ("aud", customers.acme.files_app.client_id.as_str().into()),
        ("tid", globex.as_str().into()),
        ("iss", format!("https://login.microsoftonline.com/{globex}/v2.0").into()),
        ("iss", "https://evil.example/v2.0".into()),
        ("nonce", "another".into()),
        ("nonce", Value::Null),
        ("exp", 1_700_000_000.into()),
        ("nbf", 1_900_000_000.into()),
        ("tid", "not a directory".into()),
    ];
    for (claim, value) in forgeries {
        let forged = value.clone();
        customers.world().forge_id_tokens(move |claims| claims[claim] = forged.clone());
        let page = browser.sign_in_at_microsoft(customers.acme.administrator.object).await;
        page.is_error(400, "could not be verified");
        assert_eq!(page.header("location"), "", "{claim} {value}");
    }
    customers.world().forge_id_tokens(|_| {});
    browser.sign_in_at_microsoft(customers.acme.administrator.object).await.next_url();
    assert_nothing_connected(&customers).await;
}

/// A change to an id_token in transit.
type Tamper = Box<dyn Fn(&str) -> String + Send>;

/// A proxy in front of Microsoft's token endpoint.
struct TamperingTransport {
    world: Arc<dyn Transport>,
    tamper: Arc<Mutex<Option<Tamper>>>,
}

#[async_trait]
impl Transport for TamperingTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let is_token = request.uri().path() == "/organizations/oauth2/v2.0/token";
        let answer = self.world.send(request, timeout).await?;
        let tamper = self.tamper.lock().unwrap();
        let Some(tamper) = tamper.as_ref().filter(|_| is_token) else {
            return Ok(answer);
        };
        let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
        body["id_token"] = tamper(body["id_token"].as_str().unwrap()).into();
        Ok(answer.map(|_| body.to_string().into()))
    }
}

fn with_header(token: &str, header: &Value, signature: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// The key id of the simulated Microsoft.
const SIGNING_KEY: &str = "c2FuZGJveC1zaWducy10aGlz";

/// Replaces a token's header, and keeps its signature.
fn with_own_signature(token: &str, header: &Value) -> String {
    with_header(token, header, token.rsplit('.').next().unwrap())
}

/// Adds an admin role to the claims, and keeps the signature.
fn with_admin_role(token: &str) -> String {
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}")
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["wids"] = json!(["62e90394-69f5-4237-9190-012177145e10"]);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{claims}.{signature}")
}

/// Returns the changes after which a token is no longer signed by Microsoft.
fn forgeries() -> Vec<(&'static str, Tamper)> {
    let unsigned =
        |header: Value| -> Tamper { Box::new(move |token| with_header(token, &header, "")) };
    let relabeled =
        |header: Value| -> Tamper { Box::new(move |token| with_own_signature(token, &header)) };
    let hs256 = json!({"alg": "HS256", "kid": SIGNING_KEY});
    let own_key = json!({
        "alg": "RS256",
        "kid": SIGNING_KEY,
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/c",
    });
    vec![
        ("alg none", unsigned(json!({"alg": "none", "typ": "JWT"}))),
        ("alg None", unsigned(json!({"alg": "None", "typ": "JWT", "kid": "x"}))),
        ("HS256", Box::new(move |token| with_header(token, &hs256, "c2ln"))),
        ("no signature", Box::new(|token| format!("{}.", token.rsplit_once('.').unwrap().0))),
        ("an unknown key", relabeled(json!({"alg": "RS256", "kid": "unknown"}))),
        ("no key", relabeled(json!({"alg": "RS256"}))),
        ("another key", relabeled(json!({"alg": "RS256", "kid": "c2FuZGJveC1zaWduZWQtdGhhdA"}))),
        ("a key of the attacker", relabeled(own_key)),
        ("changed claims", Box::new(with_admin_role)),
        ("no token", Box::new(|_| "nothing".into())),
    ]
}

#[tokio::test]
async fn token_not_signed_by_microsoft_is_refused() {
    let tamper: Arc<Mutex<Option<Tamper>>> = Arc::default();
    let shared_tamper = tamper.clone();
    let customers = Customers::with_stack(move |backend| {
        let transport = Arc::new(TamperingTransport {
            world: backend.world.transport(),
            tamper: shared_tamper,
        });
        let connections = Connections { transport, ..Connections::to(backend) };
        LocalStack::with_connections(backend, connections).unwrap()
    })
    .await;
    let mut browser = attacker(&customers).await;
    for (case, change) in forgeries() {
        *tamper.lock().unwrap() = Some(change);
        let page = browser.sign_in_at_microsoft(customers.acme.administrator.object).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{case}: {}", page.html);
        page.is_error(400, "could not be verified");
    }
    *tamper.lock().unwrap() = None;
    browser.sign_in_at_microsoft(customers.acme.administrator.object).await.next_url();
    assert_nothing_connected(&customers).await;
}
