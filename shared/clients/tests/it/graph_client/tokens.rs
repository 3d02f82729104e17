//! Tests of tokens for our app.

use clients::graph::{AppToken, Credential, TokenError};

use super::*;

/// Unsigned token with the claims `{"roles": ["Group.ReadWrite.All"]}`.
const WITH_ROLE: &str = "e30.eyJyb2xlcyI6IFsiR3JvdXAuUmVhZFdyaXRlLkFsbCJdfQ.x";
const WITHOUT_ROLES: &str = "e30.e30.x";
const DIRECTORY: &str = "a1b2c3d4-0000-4000-8000-000000000000";

async fn token(server: &MockServer, answer: ResponseTemplate) -> Result<AppToken, TokenError> {
    token_by(server, answer, Credential::Secret("a+secret&".into())).await
}

async fn token_by(
    server: &MockServer,
    answer: ResponseTemplate,
    credential: Credential,
) -> Result<AppToken, TokenError> {
    let at = format!("/{DIRECTORY}/oauth2/v2.0/token");
    Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(server).await;
    let clock = Arc::new(SimulatedClock::starting_at(noon()));
    let net = Arc::new(Net::new().unwrap());
    let entra = Entra::new(&server.uri(), "https://graph.microsoft.us/v1.0", net, clock).unwrap();
    let directory: DirectoryId = DIRECTORY.parse().unwrap();
    entra.token(directory, "the-client", &credential, deadline()).await
}

fn granted(token: &str) -> ResponseTemplate {
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}))
}

#[tokio::test]
async fn token_is_for_the_configured_cloud() {
    let server = MockServer::start().await;

    let token = token(&server, granted(WITH_ROLE)).await.unwrap();

    assert_eq!(token.access.expose_secret(), WITH_ROLE);
    assert_eq!(token.roles, ["Group.ReadWrite.All"]);
    assert_eq!(token.ends_at, noon() + Duration::from_secs(3599));
    assert!(!format!("{token:?}").contains(WITH_ROLE));
    let request = &server.received_requests().await.unwrap()[0];
    let form = std::str::from_utf8(&request.body).unwrap();
    let expected = "grant_type=client_credentials&client_id=the-client\
        &scope=https%3A%2F%2Fgraph.microsoft.us%2F.default&client_secret=a%2Bsecret%26";
    assert_eq!(form, expected);
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn assertion_is_sent_without_secret() {
    let server = MockServer::start().await;

    let answer =
        token_by(&server, granted(WITH_ROLE), Credential::Assertion("a.signed.token".into())).await;

    assert!(answer.is_ok());
    let request = &server.received_requests().await.unwrap()[0];
    let expected = "grant_type=client_credentials&client_id=the-client\
        &scope=https%3A%2F%2Fgraph.microsoft.us%2F.default\
        &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
        &client_assertion=a.signed.token";
    assert_eq!(std::str::from_utf8(&request.body).unwrap(), expected);
}

#[test]
fn cloud_decides_the_federation_audience() {
    for (login, audience) in [
        ("https://login.microsoftonline.com", "api://AzureADTokenExchange"),
        ("https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"),
        ("https://login.partner.microsoftonline.cn/", "api://AzureADTokenExchangeChina"),
    ] {
        let clock = Arc::new(SimulatedClock::starting_at(noon()));
        let entra =
            Entra::new(login, "https://graph.example/v1.0", Arc::new(Net::new().unwrap()), clock)
                .unwrap();
        assert_eq!(entra.audience(), audience);
    }
}

#[tokio::test]
async fn missing_federated_credential_is_explained() {
    let server = MockServer::start().await;
    let description =
        "AADSTS70021: No matching federated identity record found for presented assertion.";
    let body = json!({
        "error": "invalid_request",
        "error_description": description,
        "error_codes": [70_021],
    });

    let error = token(&server, ResponseTemplate::new(400).set_body_json(body)).await.unwrap_err();

    let text = error.to_string();
    assert!(
        text.starts_with("the app registration has no federated credential")
            && text.contains("AADSTS70021"),
        "{text}"
    );
}

#[tokio::test]
async fn token_without_roles_is_valid() {
    let server = MockServer::start().await;
    assert!(token(&server, granted(WITHOUT_ROLES)).await.unwrap().roles.is_empty());
}

#[tokio::test]
async fn unreadable_token_is_an_error() {
    let server = MockServer::start().await;
    let error = token(&server, granted("opaque")).await.unwrap_err();
    assert_eq!((error.kind, error.class()), (TokenErrorKind::Other, ErrorClass::Transient));
    assert!(!error.to_string().contains("opaque"));
}

#[tokio::test]
async fn token_errors_are_distinguished() {
    for (status, number, kind) in [
        (400, 700_016, TokenErrorKind::ConsentGone),
        (400, 7_000_112, TokenErrorKind::ConsentGone),
        (400, 650_052, TokenErrorKind::ConsentGone),
        (400, 500_011, TokenErrorKind::ConsentGone),
        (401, 7_000_229, TokenErrorKind::ConsentGone),
        (401, 7_000_218, TokenErrorKind::BadCredential),
        (401, 700_024, TokenErrorKind::NotFederated),
        (401, 700_027, TokenErrorKind::NotFederated),
        (400, 700_211, TokenErrorKind::NotFederated),
        (401, 7_000_215, TokenErrorKind::BadCredential),
        (401, 7_000_222, TokenErrorKind::BadCredential),
        (400, 70_021, TokenErrorKind::NotFederated),
        (400, 700_213, TokenErrorKind::NotFederated),
        (400, 90_002, TokenErrorKind::ConsentGone),
        (400, 53_003, TokenErrorKind::Other),
    ] {
        for description in [format!("AADSTS{number}: words. Trace ID: t"), "words".to_owned()] {
            let server = MockServer::start().await;
            let body = json!({
                "error": "invalid_client",
                "error_description": description,
                "error_codes": [number],
            });

            let error = token(&server, ResponseTemplate::new(status).set_body_json(body))
                .await
                .unwrap_err();

            // A new federated credential appears and disappears while Entra replicates it.
            let class = if number == 70_021 {
                ErrorClass::Transient
            } else {
                ErrorClass::NeedsAdministrator
            };
            assert_eq!((error.kind, error.class()), (kind, class), "{number}");
            assert_eq!(error.call.refusal().unwrap().1, "invalid_client");
        }
    }
}

#[tokio::test]
async fn busy_token_endpoint_is_not_lost_consent() {
    for (answer, class) in [
        (ResponseTemplate::new(503), ErrorClass::Transient),
        (
            ResponseTemplate::new(400).set_body_json(json!({"error": "temporarily_unavailable"})),
            ErrorClass::Transient,
        ),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "9"),
            ErrorClass::ThrottledUntil(noon() + Duration::from_secs(9)),
        ),
    ] {
        let server = MockServer::start().await;
        let error = token(&server, answer).await.unwrap_err();
        assert_eq!((error.kind, error.class()), (TokenErrorKind::Other, class));
    }
}
