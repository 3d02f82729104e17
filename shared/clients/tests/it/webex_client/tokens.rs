//! Signing in and refreshing.

use secrecy::ExposeSecret;

use super::*;

fn pair(access: u64, refresh: u64) -> Value {
    json!({ "access_token": "A", "expires_in": access, "refresh_token": "R", "refresh_token_expires_in": refresh, "scope": "a b" })
}

#[tokio::test]
async fn a_refresh_brings_both_tokens_with_the_ends_that_the_answer_says() {
    let stage = Stage::answering(good(pair(3600, 7200))).await;
    let pair = stage.webex.refresh("id", &"s+/&".into(), &"old".into(), stage.access.deadline()).await.unwrap();
    assert_eq!((pair.access.expose_secret(), pair.refresh.expose_secret()), ("A", "R"));
    let after = |seconds| now() + Duration::from_secs(seconds);
    assert_eq!((pair.access_ends_at, pair.refresh_ends_at, pair.scope.as_str()), (after(3600), after(7200), "a b"));
    let request = stage.request().await;
    let form = "grant_type=refresh_token&client_id=id&client_secret=s%2B%2F%26&refresh_token=old";
    assert_eq!((request.url.path(), request.body.as_slice()), ("/v1/access_token", form.as_bytes()));
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn no_token_shows_in_what_is_logged() {
    let stage = Stage::answering(good(pair(1, 1))).await;
    let pair = stage.webex.refresh("id", &"s".into(), &"old".into(), stage.access.deadline()).await.unwrap();
    let shown = format!("{pair:?} {:?} {:?}", stage.access, stage.webex);
    assert!(!shown.contains("\"A\"") && !shown.contains("\"R\"") && !shown.contains("the-token"), "{shown}");
}

#[tokio::test]
async fn an_answer_with_one_token_or_an_end_beyond_all_time_is_unreadable() {
    let mut single = pair(1, 1);
    single.as_object_mut().unwrap().remove("refresh_token");
    for sent in [single, pair(1, u64::from(u32::MAX) * 1000)] {
        let stage = Stage::answering(good(sent)).await;
        let error = stage.webex.refresh("id", &"s".into(), &"old".into(), stage.access.deadline()).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_a_refresh_may_be_repeated() {
    let stage = Stage::answering(status(502)).await;
    let (secret, code) = ("s".into(), "c".into());
    let exchange = CodeExchange {
        client_id: "id",
        client_secret: &secret,
        code: &code,
        redirect_uri: "https://x.example/back",
        code_verifier: Some(&secret),
    };
    assert!(stage.webex.exchange_code(&exchange, stage.access.deadline()).await.is_err());
    let form = "grant_type=authorization_code&client_id=id&client_secret=s&code=c&redirect_uri=https%3A%2F%2Fx.example%2Fback&code_verifier=s";
    assert_eq!(stage.request().await.body, form.as_bytes());

    let stage = Stage::answering(status(502)).await;
    assert!(stage.webex.refresh("id", &secret, &code, stage.access.deadline()).await.is_err());
    assert_eq!(stage.requests().await.len(), 3);
}

#[tokio::test]
async fn a_browser_is_sent_with_every_value_escaped() {
    let (webex, _) = client("https://webexapis.com/v1");
    let sign_in = SignIn {
        client_id: "id",
        redirect_uri: "https://x.example/back",
        scopes: &["spark:kms", "identity:people_read"],
        state: "a+b&c",
        code_challenge: Some("ch"),
    };
    assert_eq!(
        webex.authorize_url(&sign_in),
        "https://webexapis.com/v1/authorize?client_id=id&response_type=code&redirect_uri=https%3A%2F%2Fx.example%2Fback\
         &scope=spark%3Akms%20identity%3Apeople_read&state=a%2Bb%26c&code_challenge=ch&code_challenge_method=S256"
    );
}
