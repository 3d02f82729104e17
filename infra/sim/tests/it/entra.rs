//! Tokens for the app, and its roles in a directory.

use base64::Engine;
use serde_json::{Value, json};

use crate::ask::stage;

#[tokio::test]
async fn a_token_names_directory_app_and_roles() {
    let stage = stage();
    let token = stage.token_for(&stage.acme).await;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["tid"], json!(stage.acme.directory));
    assert_eq!(claims["appid"], stage.acme.microsoft_app.client_id.as_str());
    assert_eq!(
        claims["roles"],
        json!(["Group.ReadWrite.All", "GroupSettings.Read.All", "User.Read.All"])
    );
}

#[tokio::test]
async fn token_errors_have_distinct_codes() {
    let stage = stage();
    let secret = stage.acme.microsoft_app.client_secret.clone();
    let directory = stage.acme.directory.to_string();
    let code = async |directory: &str, secret: &str| {
        stage.ask_token(directory, secret).await.body["error_codes"][0].clone()
    };
    assert_eq!(code(&directory, "wrong").await, 7000215);
    assert_eq!(code("0b6a1f2e-0000-4000-8000-000000000000", &secret).await, 90002);
    stage.world.withdraw_consent(stage.acme.directory);
    assert_eq!(code(&directory, &secret).await, 700016);
}

#[tokio::test]
async fn tokens_end_after_an_hour_or_with_the_app() {
    let stage = stage();
    let token = stage.token_for(&stage.acme).await;
    let bearer = format!("Bearer {token}");
    let ask = async || {
        let url = "https://graph.microsoft.com/v1.0/groupSettings";
        crate::ask::send(
            &stage.world,
            "GET",
            url,
            &[("authorization", &bearer)],
            Default::default(),
        )
        .await
        .unwrap()
    };
    assert_eq!(ask().await.status, 200);
    stage.world.withdraw_consent(stage.acme.directory);
    let refused = ask().await;
    assert_eq!(refused.status, 401);
    assert!(refused.message().contains("identity of the calling application"));
    stage.world.consent(stage.acme.directory, &[]);
    stage.advance(3_600);
    assert_eq!(ask().await.code(), "InvalidAuthenticationToken");
}

#[tokio::test]
async fn a_token_without_roles_is_given_and_gets_403() {
    let stage = stage();
    stage.world.consent(stage.acme.directory, &[]);
    let refused = stage.graph("GET", "/groups", Value::Null).await;
    assert_eq!((refused.status, refused.code()), (403, "Authorization_RequestDenied"));
    stage.world.consent(stage.acme.directory, &["GroupMember.ReadWrite.All"]);
    assert_eq!(stage.graph("GET", "/groups", Value::Null).await.status, 200);
    assert_eq!(stage.graph("GET", "/groupSettings", Value::Null).await.status, 403);
}
