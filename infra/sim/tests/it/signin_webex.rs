//! Signing in with Webex.

use serde_json::{Value, json};

use crate::ask::{Reply, Stage, stage, webex_id};
use crate::browser::{BACK, Seen, VERIFIER, address, challenge, open, post, submit};

const AUTHORIZE: &str = "https://webexapis.com/v1/authorize";
const SCOPE: &str = "spark:people_read identity:organizations_read";

/// Returns the address for a sign-in, with one parameter changed, or removed if empty.
fn asked(stage: &Stage, changed: (&str, &str)) -> String {
    let challenge = challenge();
    let usual = [
        ("client_id", stage.acme.webex_app.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", SCOPE),
        ("state", "st&te"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let query = usual.map(|(name, value)| if name == changed.0 { changed } else { (name, value) });
    let query: Vec<_> = query.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    address(AUTHORIZE, &query)
}

fn registered() -> Stage {
    let stage = stage();
    stage.world.register_webex_redirect(BACK);
    stage
}

async fn decide(stage: &Stage, account: &str, decision: &str) -> Seen {
    let form = [("account", account), ("decision", decision)];
    submit(&stage.world, &asked(stage, ("", "")), &form).await
}

/// Returns a code for the administrator.
async fn code(stage: &Stage) -> String {
    decide(stage, &stage.acme.administrator.person.to_string(), "accept").await.back()["code"]
        .clone()
}

async fn exchange(stage: &Stage, code: &str, changed: (&str, &str)) -> Reply {
    let app = &stage.acme.webex_app;
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", app.client_id.as_str()),
        ("client_secret", app.client_secret.as_str()),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let form = usual.map(|(name, value)| if name == changed.0 { changed } else { (name, value) });
    let form: Vec<_> = form.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    post(&stage.world, "https://webexapis.com/v1/access_token", &form).await
}

#[tokio::test]
async fn sign_in_chooses_asks_and_redirects() {
    let stage = registered();
    stage.world.add_webex_only(&stage.acme, "<b>Eve & \"Co\"");
    let address = asked(&stage, ("", ""));
    let first = open(&stage.world, &address).await;
    first.shows(200, "<optgroup label=\"Acme\">");
    first.shows(200, "Full Administrator · full.administrator@acme.example · full administrator");
    first.shows(200, "&lt;b&gt;Eve &amp; &quot;Co&quot;");
    let administrator = stage.acme.administrator.person.to_string();
    first.shows(200, &administrator);
    let second = submit(&stage.world, &address, &[("account", &administrator)]).await;
    second.shows(200, "<li>spark:people_read</li>");
    second.shows(200, "<li>identity:organizations_read</li>");
    second.shows(200, &format!("name=\"account\" value=\"{administrator}\""));
    let back = decide(&stage, "full.administrator@acme.example", "accept").await.back();
    assert_eq!((back["state"].as_str(), back["from"].as_str()), ("st&te", "them"));
    assert_eq!(back.keys().collect::<Vec<_>>(), ["code", "from", "state"]);
}

#[tokio::test]
async fn declined_sign_in_returns_no_code() {
    let stage = registered();
    let back = decide(&stage, &stage.acme.service_account.to_string(), "decline").await.back();
    assert_eq!((back["error"].as_str(), back["state"].as_str()), ("access_denied", "st&te"));
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn requests_of_unknown_clients_get_a_page() {
    let stage = registered();
    for changed in [
        ("client_id", "C0"),
        ("client_id", ""),
        ("redirect_uri", "https://ours.example/callback"),
        ("redirect_uri", "https://theirs.example/"),
        ("redirect_uri", ""),
    ] {
        let seen = open(&stage.world, &asked(&stage, changed)).await;
        seen.shows(400, "Invalid request");
    }
}

#[tokio::test]
async fn other_request_errors_are_redirected() {
    let stage = registered();
    for (changed, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "spark:people_read spark:everything"), "invalid_scope"),
        (("scope", ""), "invalid_scope"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
    ] {
        let back = open(&stage.world, &asked(&stage, changed)).await.back();
        assert_eq!(
            (back["error"].as_str(), back["state"].as_str()),
            (error, "st&te"),
            "{changed:?}"
        );
    }
    stage.world.set_webex_scopes(&["spark:people_read"]);
    let back = open(&stage.world, &asked(&stage, ("", ""))).await.back();
    assert_eq!(back["error"], "invalid_scope", "a scope that the registration does not tick");
}

#[tokio::test]
async fn a_code_gives_tokens_with_the_granted_scopes() {
    let stage = registered();
    let pair = exchange(&stage, &code(&stage).await, ("", "")).await;
    assert_eq!(
        (pair.status, pair.body["scope"].as_str()),
        (200, Some("identity:organizations_read spark:people_read"))
    );
    assert_eq!(pair.body["token_type"], "Bearer");
    let token = pair.body["access_token"].as_str().unwrap();
    let me = stage.webex_as(token, "GET", "/people/me", Value::Null).await;
    assert_eq!(me.body["orgId"], webex_id("us", "ORGANIZATION", stage.acme.org));
    assert_eq!(me.body["roles"], json!([webex_id("us", "ROLE", "id_full_admin")]));
    assert_eq!(me.body["id"], webex_id("us", "PEOPLE", stage.acme.administrator.person));
    let organization = format!("/organizations/{}", webex_id("us", "ORGANIZATION", stage.acme.org));
    let organization = stage.webex_as(token, "GET", &organization, Value::Null).await;
    assert_eq!(
        (organization.status, organization.body["displayName"].as_str()),
        (200, Some("Acme"))
    );
    assert_eq!(
        stage.webex_as(token, "GET", "/teams", Value::Null).await.status,
        403,
        "no scope for it"
    );
    let app = &stage.acme.webex_app;
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("refresh_token", pair.body["refresh_token"].as_str().unwrap()),
    ];
    let next = post(&stage.world, "https://webexapis.com/v1/access_token", &form).await;
    assert_eq!((next.status, &next.body["scope"]), (200, &pair.body["scope"]));
}

#[tokio::test]
async fn a_code_is_bound_to_client_uri_and_verifier() {
    let stage = registered();
    for (changed, status) in [
        (("client_secret", "wrong"), 401),
        (("client_id", "C0"), 401),
        (("redirect_uri", "https://ours.example/callback"), 400),
        (("redirect_uri", ""), 400),
        (("code_verifier", "another-verifier-of-at-least-forty-three-ch"), 400),
        (("code_verifier", ""), 400),
        (("code", "unknown"), 400),
        (("grant_type", "password"), 400),
    ] {
        let refused = exchange(&stage, &code(&stage).await, changed).await;
        assert_eq!(refused.status, status, "{changed:?}");
        assert!(refused.body["access_token"].is_null());
    }
    let plain = asked(&stage, ("code_challenge", ""));
    let plain = plain.replace("&code_challenge_method=S256", "");
    let form = [("account", "full.administrator@acme.example"), ("decision", "accept")];
    let unchallenged = submit(&stage.world, &plain, &form).await.back()["code"].clone();
    assert_eq!(
        exchange(&stage, &unchallenged, ("", "")).await.status,
        400,
        "a verifier without a challenge"
    );
    let unchallenged = submit(&stage.world, &plain, &form).await.back()["code"].clone();
    assert_eq!(exchange(&stage, &unchallenged, ("code_verifier", "")).await.status, 200);
}

#[tokio::test]
async fn a_code_works_once_and_for_ten_minutes() {
    let stage = registered();
    let once = code(&stage).await;
    assert_eq!(exchange(&stage, &once, ("", "")).await.status, 200);
    assert_eq!(exchange(&stage, &once, ("", "")).await.status, 400);
    let (in_time, late) = (code(&stage).await, code(&stage).await);
    stage.advance(599);
    assert_eq!(exchange(&stage, &in_time, ("", "")).await.status, 200);
    stage.advance(1);
    assert_eq!(exchange(&stage, &late, ("", "")).await.status, 400);
}

#[tokio::test]
async fn only_active_people_sign_in() {
    let stage = registered();
    let bot = stage.world.add_bot(&stage.acme, "Helper");
    let pending = stage.world.add_pending(&stage.acme, "Pat Pending").person;
    let gone = stage.world.add_webex_only(&stage.acme, "Gone Girl");
    stage.world.deactivate(gone);
    for person in [bot, pending, gone] {
        let page = open(&stage.world, &asked(&stage, ("", ""))).await;
        assert!(!page.html.contains(&person.to_string()));
        decide(&stage, &person.to_string(), "accept").await.shows(400, "no such account");
    }
    let former = code(&stage).await;
    stage.world.deactivate(stage.acme.administrator.person);
    assert_eq!(exchange(&stage, &former, ("", "")).await.status, 400);
}

#[tokio::test]
async fn a_scope_without_the_role_grants_nothing() {
    let stage = registered();
    let ada = stage.world.add_person(&stage.acme, "Ada").person;
    let address = asked(&stage, ("scope", "spark-compliance:events_read spark:people_read"));
    let form = [("account", &*ada.to_string()), ("decision", "accept")];
    let code = submit(&stage.world, &address, &form).await.back()["code"].clone();
    let pair = exchange(&stage, &code, ("", "")).await;
    let token = pair.body["access_token"].as_str().unwrap();
    assert_eq!(
        stage.webex_as(token, "GET", "/events?resource=memberships", Value::Null).await.status,
        403
    );
    let me = stage.webex_as(token, "GET", "/people/me", Value::Null).await;
    assert_eq!(me.body["roles"], json!([]));
}
