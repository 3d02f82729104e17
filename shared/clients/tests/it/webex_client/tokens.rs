//! Tests of sign-in and refresh.

use secrecy::ExposeSecret;

use super::*;

fn pair(access: u64, refresh: u64) -> Value {
    json!({
        "access_token": "A",
        "expires_in": access,
        "refresh_token": "R",
        "refresh_token_expires_in": refresh,
        "scope": "a b",
    })
}

#[tokio::test]
async fn refresh_returns_both_tokens_with_expiry() {
    let service = Service::answering(good(pair(3600, 7200))).await;
    let pair = service
        .webex
        .refresh("id", &"s+/&".into(), &"old".into(), service.access.deadline())
        .await
        .unwrap();
    assert_eq!((pair.access.expose_secret(), pair.refresh.expose_secret()), ("A", "R"));
    let after = |seconds| now() + Duration::from_secs(seconds);
    assert_eq!(
        (pair.access_ends_at, pair.refresh_ends_at, pair.scope.as_str()),
        (after(3600), after(7200), "a b")
    );
    let request = service.request().await;
    let form = "grant_type=refresh_token&client_id=id&client_secret=s%2B%2F%26&refresh_token=old";
    assert_eq!(
        (request.url.path(), request.body.as_slice()),
        ("/v1/access_token", form.as_bytes())
    );
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn debug_output_hides_tokens() {
    let service = Service::answering(good(pair(1, 1))).await;
    let pair = service
        .webex
        .refresh("id", &"s".into(), &"old".into(), service.access.deadline())
        .await
        .unwrap();
    let shown = format!("{pair:?} {:?} {:?}", service.access, service.webex);
    assert!(
        !shown.contains("\"A\"") && !shown.contains("\"R\"") && !shown.contains("the-token"),
        "{shown}"
    );
}

#[tokio::test]
async fn incomplete_token_answer_is_unreadable() {
    let mut single = pair(1, 1);
    single.as_object_mut().unwrap().remove("refresh_token");
    for sent in [single, pair(1, u64::from(u32::MAX) * 1000)] {
        let service = Service::answering(good(sent)).await;
        let error = service
            .webex
            .refresh("id", &"s".into(), &"old".into(), service.access.deadline())
            .await
            .unwrap_err();
        assert!(matches!(error.failure, CallFailure::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn code_exchange_is_not_repeated_but_refresh_is() {
    let service = Service::answering(status(502)).await;
    let (secret, code) = ("s".into(), "c".into());
    let exchange = CodeExchange {
        client_id: "id",
        client_secret: &secret,
        code: &code,
        redirect_uri: "https://x.example/back",
        code_verifier: Some(&secret),
    };
    assert!(service.webex.exchange_code(&exchange, service.access.deadline()).await.is_err());
    let form = "grant_type=authorization_code&client_id=id&client_secret=s&code=c\
         &redirect_uri=https%3A%2F%2Fx.example%2Fback&code_verifier=s";
    assert_eq!(service.request().await.body, form.as_bytes());

    let service = Service::answering(status(502)).await;
    assert!(service.webex.refresh("id", &secret, &code, service.access.deadline()).await.is_err());
    assert_eq!(service.requests().await.len(), 3);
}

#[tokio::test]
async fn authorize_url_escapes_all_values() {
    let (webex, _) = client("https://webexapis.com/v1");
    let sign_in = SignIn {
        client_id: "id",
        redirect_uri: "https://x.example/back",
        scopes: &["spark:kms", "identity:people_read"],
        state: "a+b&c",
        code_challenge: Some("ch"),
        prompt: Prompt::Any,
    };
    let url = "https://webexapis.com/v1/authorize?client_id=id&response_type=code\
               &redirect_uri=https%3A%2F%2Fx.example%2Fback\
               &scope=spark%3Akms%20identity%3Apeople_read&state=a%2Bb%26c\
               &code_challenge=ch&code_challenge_method=S256";
    assert_eq!(webex.authorize_url(&sign_in), url);
    let again = SignIn { prompt: Prompt::Login, ..sign_in };
    assert_eq!(webex.authorize_url(&again), format!("{url}&prompt=login"));
}
