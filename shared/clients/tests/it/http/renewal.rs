//! Tests of tokens that a service refuses before their end.

use std::sync::Mutex;

use async_trait::async_trait;
use clients::http::{Renewal, RenewalError};
use secrecy::ExposeSecret;

use super::*;

/// Gives this answer, and records the refused tokens.
struct Renewer {
    answer: Result<&'static str, RenewalError>,
    refused: Mutex<Vec<String>>,
}

#[async_trait]
impl Renewal for Renewer {
    async fn renew(
        &self,
        refused: &SecretString,
        _: Deadline,
    ) -> Result<SecretString, RenewalError> {
        self.refused.lock().unwrap().push(refused.expose_secret().to_owned());
        tokio::task::yield_now().await;
        self.answer.clone().map(SecretString::from)
    }
}

/// Returns a client whose token is renewed with this answer.
fn client(
    service: &MockServer,
    answer: Result<&'static str, RenewalError>,
) -> (Client, Arc<Renewer>) {
    let renewer = Arc::new(Renewer { answer, refused: Mutex::default() });
    let mut client = Client::of(Api::Webex, &service.uri());
    client.access = client.access.renewed_by(renewer.clone());
    (client, renewer)
}

/// Starts a service that accepts only one token.
async fn service_accepting(token: &str) -> MockServer {
    let service = service().await;
    Mock::given(header("authorization", format!("Bearer {token}").as_str()))
        .respond_with(ResponseTemplate::new(200))
        .with_priority(1)
        .mount(&service)
        .await;
    answers(&service, refusal(401, "InvalidAuthenticationToken", "Access token is invalid.")).await;
    service
}

#[tokio::test]
async fn refused_token_is_renewed_once_and_the_call_repeated() {
    let service = service_accepting("new").await;
    let (client, renewer) = client(&service, Ok("new"));
    client.call(post()).await.unwrap();
    client.call(Call::get("/things")).await.unwrap();
    assert_eq!(*renewer.refused.lock().unwrap(), ["the-token"]);
    assert_eq!(requests(&service).await, 3, "the second call uses the new token at once");
    assert_eq!(client.slept(), Duration::ZERO);
}

#[tokio::test]
async fn calls_at_the_same_time_renew_once() {
    let service = service_accepting("new").await;
    let (client, renewer) = client(&service, Ok("new"));
    let (one, two) =
        tokio::join!(client.call(Call::get("/things")), client.call(Call::get("/things")));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(renewer.refused.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn another_refusal_is_final() {
    let service = service_accepting("none").await;
    let (client, renewer) = client(&service, Ok("new"));
    for _ in 0..2 {
        let error = client.call(Call::get("/things")).await.unwrap_err();
        assert_eq!(error.status(), Some(401));
    }
    assert_eq!(renewer.refused.lock().unwrap().len(), 1);
    assert_eq!(requests(&service).await, 3);
}

#[tokio::test]
async fn failed_renewal_says_why() {
    let service = service_accepting("none").await;
    let error = async |answer| client(&service, answer).0.call(post()).await.unwrap_err();
    let new = error(Err(RenewalError::AlreadyNew)).await;
    assert_eq!(new.status(), Some(401));
    let later = error(Err(RenewalError::Later("the secrets are out of reach".into()))).await;
    assert_eq!((later.status(), later.class()), (None, ErrorClass::Transient));
    assert!(later.had_no_effect(), "{later}");
    let gone = error(Err(RenewalError::NotGranted(new.clone()))).await;
    assert_eq!(gone.failure, CallFailure::NotRenewed(Box::new(new)));
    assert_eq!(gone.class(), ErrorClass::NeedsAdministrator);
}

#[tokio::test]
async fn bodiless_401_of_the_service_counts() {
    let service = service().await;
    let answer = ResponseTemplate::new(401).insert_header("www-authenticate", "Bearer");
    answers_first(&service, 1, answer).await;
    answers(&service, ResponseTemplate::new(200)).await;
    client(&service, Ok("new")).0.call(Call::get("/things")).await.unwrap();
}
