//! Tests of the STS call. The answers are mocked, because the local services do not know this
//! action.

use std::time::Duration;

use aws::sts::Sts;
use engine::credentials::federation::{Federation, FederationError};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use wiremock::{MockServer, ResponseTemplate};

use super::START;
use super::failures::{config, serve};

const ANSWER: &str = r#"
<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    <GetWebIdentityTokenResult>
        <WebIdentityToken>a.signed.token</WebIdentityToken>
        <Expiration>2026-11-24T09:05:00Z</Expiration>
    </GetWebIdentityTokenResult>
    <ResponseMetadata><RequestId>REQUEST</RequestId></ResponseMetadata>
</GetWebIdentityTokenResponse>"#;

async fn call(
    status: u16,
    body: String,
) -> (MockServer, Result<engine::credentials::federation::Assertion, FederationError>) {
    let server = serve(ResponseTemplate::new(status).set_body_raw(body, "text/xml")).await;
    let client = aws_sdk_sts::Client::new(&config(&server).await);
    let answer = Sts::new(client, super::clock()).assertion("api://AzureADTokenExchange").await;
    (server, answer)
}

fn refusal(code: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <Error><Type>Sender</Type><Code>{code}</Code><Message>why</Message></Error>
            <RequestId>REQUEST</RequestId>
        </ErrorResponse>"#
    )
}

#[tokio::test]
async fn sts_request_has_audience_and_algorithm() {
    let (server, answer) = call(200, ANSWER.into()).await;
    let assertion = answer.unwrap();
    assert_eq!(assertion.token.expose_secret(), "a.signed.token");
    assert_eq!(assertion.ends_at, "2026-11-24T09:05:00Z".parse().unwrap());
    let request = &server.received_requests().await.unwrap()[0];
    let mut sent: Vec<(String, String)> =
        url::form_urlencoded::parse(&request.body).into_owned().collect();
    sent.sort();
    let expected = [
        ("Action", "GetWebIdentityToken"),
        ("Audience.member.1", "api://AzureADTokenExchange"),
        ("DurationSeconds", "300"),
        ("SigningAlgorithm", "RS256"),
        ("Version", "2011-06-15"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn missing_expiration_is_the_requested_duration() {
    let (_server, answer) =
        call(200, ANSWER.replace("<Expiration>2026-11-24T09:05:00Z</Expiration>", "")).await;
    assert_eq!(
        answer.unwrap().ends_at,
        Timestamp::from_second(START).unwrap() + Duration::from_secs(300)
    );
}

#[tokio::test]
async fn disabled_federation_is_explained() {
    let (_server, answer) = call(400, refusal("OutboundWebIdentityFederationDisabled")).await;
    let text = answer.unwrap_err().to_string();
    assert!(
        text.contains("enable-outbound-web-identity-federation") && text.contains("REQUEST"),
        "{text}"
    );
}

#[tokio::test]
async fn transient_errors_differ_from_refusals() {
    for code in ["Throttling", "SessionDurationEscalation"] {
        assert!(
            matches!(call(400, refusal(code)).await.1, Err(FederationError::Busy(_))),
            "{code}"
        );
    }
    assert!(matches!(call(403, refusal("AccessDenied")).await.1, Err(FederationError::Refused(_))));
}
