//! Signing in with Microsoft.

use serde_json::{Value, json};
use sim::{AppRegistration, DirectoryRole, GroupMembershipClaims, TenantHandle};

use crate::ask::{Reply, Stage, send, stage};
use crate::browser::{BACK, Seen, VERIFIER, address, challenge, open, part, post, submit};
use crate::keys::verified;

const LOGIN: &str = "https://login.microsoftonline.com";
const MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

fn registered() -> Stage {
    let stage = stage();
    stage.world.register_microsoft_redirect(AppRegistration::Groups, BACK);
    stage
}

/// Returns the address for a sign-in, with one parameter changed, added, or removed if empty.
fn asked(stage: &Stage, authority: &str, changed: (&str, &str)) -> String {
    let challenge = challenge();
    let mut query = vec![
        ("client_id", stage.acme.microsoft_app.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("response_mode", "query"),
        ("scope", "openid profile https://graph.microsoft.com/User.Read"),
        ("state", "st&te"),
        ("nonce", "n0nce"),
        ("prompt", "select_account"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    query.retain(|(name, _)| *name != changed.0);
    query.extend(Some(changed).filter(|(_, value)| !value.is_empty()));
    address(&format!("{LOGIN}/{authority}/oauth2/v2.0/authorize"), &query)
}

async fn choose(stage: &Stage, authority: &str, account: impl ToString) -> Seen {
    submit(&stage.world, &asked(stage, authority, ("", "")), &[("account", &account.to_string())])
        .await
}

/// Returns a code for the administrator.
async fn code(stage: &Stage, authority: &str) -> String {
    choose(stage, authority, stage.acme.administrator.object).await.back()["code"].clone()
}

async fn exchange(stage: &Stage, authority: &str, code: &str, changed: (&str, &str)) -> Reply {
    let app = &stage.acme.microsoft_app;
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
    post(&stage.world, &format!("{LOGIN}/{authority}/oauth2/v2.0/token"), &form).await
}

async fn get(stage: &Stage, path: &str) -> Reply {
    send(&stage.world, "GET", &format!("{LOGIN}/{path}"), &[], Default::default()).await.unwrap()
}

/// Returns the claims of a user's id_token, after a check of its signature.
async fn claims(stage: &Stage, account: impl ToString) -> Value {
    let code = choose(stage, "organizations", account).await.back()["code"].clone();
    let answer = exchange(stage, "organizations", &code, ("", "")).await;
    let token = answer.body["id_token"].as_str().unwrap_or_else(|| panic!("{}", answer.body));
    verified(token, &get(stage, "organizations/discovery/v2.0/keys").await.body)
}

/// Returns the moment of authentication in the id_token of a sign-in with these parameters.
async fn authenticated(stage: &Stage, asked_with: &str) -> Option<i64> {
    let (account, url) = (
        stage.acme.administrator.object.to_string(),
        asked(stage, "organizations", ("prompt", "")),
    );
    let code = submit(&stage.world, &format!("{url}{asked_with}"), &[("account", &account)])
        .await
        .back()["code"]
        .clone();
    let answer = exchange(stage, "organizations", &code, ("", "")).await;
    let keys = get(stage, "organizations/discovery/v2.0/keys").await.body;
    verified(answer.body["id_token"].as_str().unwrap(), &keys)["auth_time"].as_i64()
}

#[tokio::test]
async fn passwords_are_reused_unless_the_request_forbids_it() {
    let stage = registered();
    let first = authenticated(&stage, "").await.unwrap();
    stage.clock.advance(std::time::Duration::from_secs(300));
    assert_eq!(authenticated(&stage, "").await, Some(first), "the browser is remembered");
    assert_eq!(authenticated(&stage, "&prompt=select_account").await, Some(first));
    assert_eq!(authenticated(&stage, "&max_age=600").await, Some(first), "recent enough");
    assert_eq!(authenticated(&stage, "&max_age=299").await, Some(first + 300));
    stage.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(authenticated(&stage, "&prompt=login").await, Some(first + 301));
    stage.world.set_optional_claims(AppRegistration::Groups, &[]);
    assert_eq!(
        authenticated(&stage, "&prompt=login").await,
        None,
        "said only where the registration or the request asks"
    );
    assert_eq!(authenticated(&stage, "&max_age=600").await, Some(first + 301));
}

#[tokio::test]
async fn discovery_names_the_issuer_or_a_placeholder() {
    let stage = stage();
    let globex = stage.world.add_tenant("Globex");
    for TenantHandle { directory, .. } in [&stage.acme, &globex] {
        let found =
            get(&stage, &format!("{directory}/v2.0/.well-known/openid-configuration")).await.body;
        assert_eq!(found["issuer"], format!("{LOGIN}/{directory}/v2.0"));
        assert_eq!(
            found["authorization_endpoint"],
            format!("{LOGIN}/{directory}/oauth2/v2.0/authorize")
        );
        assert_eq!(found["token_endpoint"], format!("{LOGIN}/{directory}/oauth2/v2.0/token"));
        assert_eq!(found["jwks_uri"], format!("{LOGIN}/{directory}/discovery/v2.0/keys"));
    }
    let any = get(&stage, "organizations/v2.0/.well-known/openid-configuration").await.body;
    assert_eq!(any["issuer"], format!("{LOGIN}/{{tenantid}}/v2.0"));
    assert_eq!(any["jwks_uri"], format!("{LOGIN}/organizations/discovery/v2.0/keys"));
    let named = get(&stage, "acme.example/v2.0/.well-known/openid-configuration").await.body;
    assert_eq!(named["issuer"], format!("{LOGIN}/{}/v2.0", stage.acme.directory));
    let unknown = get(&stage, "nowhere.example/v2.0/.well-known/openid-configuration").await;
    assert_eq!((unknown.status, &unknown.body["error_codes"]), (400, &json!([90002])));
}

#[tokio::test]
async fn the_id_token_names_user_directory_and_app() {
    let stage = registered();
    let claims = claims(&stage, stage.acme.administrator.object).await;
    let now = 1_795_420_800;
    let expected = json!({
        "iss": format!("{LOGIN}/{}/v2.0", stage.acme.directory),
        "aud": stage.acme.microsoft_app.client_id,
        "tid": stage.acme.directory, "oid": stage.acme.administrator.object, "nonce": "n0nce",
        "preferred_username": "full.administrator@acme.example", "name": "Full Administrator",
        "iat": now, "nbf": now, "auth_time": now, "exp": now + 3_600,
        "ver": "2.0", "sub": claims["sub"],
        "wids": ["62e90394-69f5-4237-9190-012177145e10", MEMBER],
    });
    assert_eq!(claims, expected);
    assert_ne!(claims["sub"], claims["oid"]);
}

#[tokio::test]
async fn wids_name_roles_if_the_manifest_asks() {
    let stage = registered();
    let ada = stage.world.add_entra_only(&stage.acme, "Ada");
    let guest = stage.world.add_guest(&stage.acme, "Guy");
    assert_eq!(claims(&stage, ada).await["wids"], json!([MEMBER]));
    assert_eq!(claims(&stage, guest).await["wids"], json!([]));
    stage.world.give_directory_role(ada, DirectoryRole::PrivilegedRoleAdministrator);
    assert_eq!(
        claims(&stage, ada).await["wids"],
        json!(["e8611ab8-c189-46e8-94e1-60213ab1f814", MEMBER])
    );
    stage.world.take_directory_role(ada, DirectoryRole::PrivilegedRoleAdministrator);
    assert_eq!(claims(&stage, ada).await["wids"], json!([MEMBER]));
    stage.world.set_group_membership_claims(AppRegistration::Groups, GroupMembershipClaims::None);
    assert_eq!(claims(&stage, stage.acme.administrator.object).await.get("wids"), None);
}

#[tokio::test]
async fn users_sign_in_to_their_own_directory() {
    let stage = registered();
    let globex = stage.world.add_tenant("Globex");
    let (acme, theirs) = (stage.acme.directory.to_string(), globex.administrator.object);
    let page = open(&stage.world, &asked(&stage, &acme, ("", ""))).await;
    page.shows(200, "Full Administrator · full.administrator@acme.example · Global Administrator");
    page.shows(200, "<optgroup label=\"Globex\">");
    choose(&stage, &acme, theirs).await.shows(400, "AADSTS50020");
    assert_eq!(claims(&stage, theirs).await["tid"], json!(globex.directory));
    assert_eq!(claims(&stage, "FULL.administrator@globex.example").await["oid"], json!(theirs));
    choose(&stage, "organizations", "no.one@acme.example").await.shows(400, "AADSTS50034");
    stage.world.block_sign_in(theirs);
    choose(&stage, "organizations", theirs).await.shows(400, "AADSTS50057");
    open(&stage.world, &asked(&stage, "nowhere.example", ("", ""))).await.shows(400, "AADSTS90002");
}

#[tokio::test]
async fn requests_of_unknown_clients_get_a_page() {
    let stage = registered();
    for (changed, code) in [
        (("client_id", "0b6a1f2e-0000-4000-8000-000000000000"), "AADSTS700016"),
        (("client_id", stage.acme.files_app.client_id.as_str()), "AADSTS50011"),
        (("redirect_uri", "https://ours.example/callback"), "AADSTS50011"),
        (("redirect_uri", ""), "AADSTS50011"),
    ] {
        open(&stage.world, &asked(&stage, "organizations", changed)).await.shows(400, code);
    }
}

#[tokio::test]
async fn other_request_errors_are_redirected() {
    let stage = registered();
    for (changed, error, code) in [
        (("response_type", "id_token"), "unsupported_response_type", "AADSTS70005:"),
        (("response_mode", "form_post"), "invalid_request", "AADSTS70007:"),
        (("scope", ""), "invalid_request", "AADSTS900144:"),
        (("scope", "openid Mail.Read"), "invalid_scope", "AADSTS70011:"),
        (("code_challenge", "short"), "invalid_request", "AADSTS501491:"),
        (("code_challenge_method", "plain"), "invalid_request", "AADSTS501491:"),
        (("prompt", "none"), "login_required", "AADSTS50058:"),
        (("prompt", "sometimes"), "invalid_request", "AADSTS90023:"),
    ] {
        let back = open(&stage.world, &asked(&stage, "organizations", changed)).await.back();
        assert_eq!(
            (back["error"].as_str(), back["state"].as_str()),
            (error, "st&te"),
            "{changed:?}"
        );
        assert!(back["error_description"].starts_with(code), "{back:?}");
    }
}

#[tokio::test]
async fn user_consent_adds_the_app_without_roles() {
    let stage = registered();
    stage.world.withdraw_consent(stage.acme.directory);
    let ada = stage.world.add_entra_only(&stage.acme, "Ada").to_string();
    choose(&stage, "organizations", &ada).await.shows(200, "<li>openid</li>");
    let address_of_page = asked(&stage, "organizations", ("", ""));
    let back =
        submit(&stage.world, &address_of_page, &[("account", &ada), ("decision", "decline")])
            .await
            .back();
    assert_eq!(
        (back["error"].as_str(), back["error_subcode"].as_str()),
        ("access_denied", "cancel")
    );
    assert!(back["error_description"].starts_with("AADSTS65004:") && !back.contains_key("code"));
    assert_eq!(stage.world.consented(AppRegistration::Groups, stage.acme.directory), None);
    let back = submit(&stage.world, &address_of_page, &[("account", &ada), ("decision", "accept")])
        .await
        .back();
    assert_eq!(exchange(&stage, "organizations", &back["code"], ("", "")).await.status, 200);
    assert_eq!(part(&stage.token_for(&stage.acme).await, 1).get("roles"), None);
    assert!(
        choose(&stage, "organizations", &ada).await.back().contains_key("code"),
        "asked once only"
    );
    let again = asked(&stage, "organizations", ("prompt", "consent"));
    submit(&stage.world, &again, &[("account", &ada)]).await.shows(200, "<li>openid</li>");
}

#[tokio::test]
async fn a_code_is_bound_to_client_uri_and_verifier() {
    let stage = registered();
    let files = &stage.acme.files_app;
    for (changed, status, code_number) in [
        (("client_id", "0b6a1f2e-0000-4000-8000-000000000000"), 400, 700016),
        (("client_id", files.client_id.as_str()), 401, 7000215),
        (("client_secret", "wrong"), 401, 7000215),
        (("client_secret", ""), 401, 7000218),
        (("code", "unknown"), 400, 70000),
        (("redirect_uri", "https://ours.example/callback"), 400, 500112),
        (("code_verifier", "another-verifier-of-at-least-forty-three-ch"), 400, 50148),
        (("code_verifier", ""), 400, 50148),
        (("grant_type", "password"), 400, 70003),
    ] {
        let code = code(&stage, "organizations").await;
        let refused = exchange(&stage, "organizations", &code, changed).await;
        assert_eq!(
            (refused.status, &refused.body["error_codes"]),
            (status, &json!([code_number])),
            "{changed:?}"
        );
    }
    let once = code(&stage, "organizations").await;
    let elsewhere = exchange(&stage, &stage.acme.directory.to_string(), &once, ("", "")).await;
    assert_eq!(elsewhere.body["error_codes"], json!([700005]));
    let (id, secret) = (&files.client_id, &files.client_secret);
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("client_secret", secret),
        ("code", &once),
    ];
    let others =
        post(&stage.world, &format!("{LOGIN}/organizations/oauth2/v2.0/token"), &form).await;
    assert_eq!(others.body["error_codes"], json!([70000]), "a code of another app");
    assert_eq!(exchange(&stage, "organizations", &once, ("", "")).await.status, 200);
    let again = exchange(&stage, "organizations", &once, ("", "")).await;
    assert_eq!(
        (&again.body["error"], &again.body["error_codes"]),
        (&json!("invalid_grant"), &json!([54005]))
    );
}

#[tokio::test]
async fn a_code_lives_for_ten_minutes() {
    let stage = registered();
    let directory = stage.acme.directory.to_string();
    let (in_time, late) = (code(&stage, &directory).await, code(&stage, &directory).await);
    stage.advance(599);
    assert_eq!(exchange(&stage, &directory, &in_time, ("", "")).await.status, 200);
    stage.advance(1);
    assert_eq!(
        exchange(&stage, &directory, &late, ("", "")).await.body["error_codes"],
        json!([70008])
    );
}

#[tokio::test]
async fn user_tokens_read_only_the_organization() {
    let stage = registered();
    let answer =
        exchange(&stage, "organizations", &code(&stage, "organizations").await, ("", "")).await;
    let bearer = format!("Bearer {}", answer.body["access_token"].as_str().unwrap());
    let ask = async |path: &str| {
        let url = format!("https://graph.microsoft.com/v1.0{path}");
        send(&stage.world, "GET", &url, &[("authorization", &bearer)], Default::default())
            .await
            .unwrap()
    };
    let organization = ask("/organization?$select=id,displayName,verifiedDomains").await;
    let shown = &organization.items()[0];
    assert_eq!(
        (&shown["id"], &shown["displayName"]),
        (&json!(stage.acme.directory), &json!("Acme"))
    );
    assert_eq!(shown["verifiedDomains"][0]["name"], "acme.example");
    assert_eq!(ask("/organization?$select=id").await.items()[0].get("displayName"), None);
    assert_eq!(ask("/groups").await.status, 403);
    assert_eq!(
        stage.graph("GET", "/organization", Value::Null).await.status,
        403,
        "the app has no permission for it"
    );
    let unasked = asked(&stage, "organizations", ("scope", "openid"));
    let form = [("account", "full.administrator@acme.example")];
    let code = submit(&stage.world, &unasked, &form).await.back()["code"].clone();
    let answer = exchange(&stage, "organizations", &code, ("", "")).await;
    let claims = part(answer.body["id_token"].as_str().unwrap(), 1);
    assert_eq!(
        (claims.get("preferred_username"), claims.get("name")),
        (None, None),
        "without the scope profile"
    );
}

#[tokio::test]
async fn id_token_claims_can_be_forged() {
    let stage = registered();
    stage.world.forge_id_tokens(|claims| claims["nonce"] = "another".into());
    assert_eq!(claims(&stage, stage.acme.administrator.object).await["nonce"], "another");
}

#[tokio::test]
async fn a_code_ends_with_its_app_or_user() {
    let stage = registered();
    let ada = stage.world.add_entra_only(&stage.acme, "Ada");
    let codes = [
        choose(&stage, "organizations", ada).await.back()["code"].clone(),
        code(&stage, "organizations").await,
    ];
    stage.world.delete_user(ada);
    assert_eq!(
        exchange(&stage, "organizations", &codes[0], ("", "")).await.body["error_codes"],
        json!([50034])
    );
    stage.world.withdraw_consent(stage.acme.directory);
    assert_eq!(
        exchange(&stage, "organizations", &codes[1], ("", "")).await.body["error_codes"],
        json!([700016])
    );
}

#[tokio::test]
async fn pages_over_http_name_the_requested_port() {
    let stage = registered();
    stage.world.register_webex_redirect(BACK);
    let servers = sim::serve(&stage.world).await.unwrap();
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let read = async |url: String| client.get(url).send().await.unwrap().bytes().await.unwrap();
    let discovery =
        format!("{}/{}/v2.0/.well-known/openid-configuration", servers.login, stage.acme.directory);
    let discovery: Value = serde_json::from_slice(&read(discovery).await).unwrap();
    let issuer = format!("{}/{}/v2.0", servers.login, stage.acme.directory);
    assert_eq!(discovery["issuer"], issuer.as_str());
    let address_of_page = asked(&stage, "organizations", ("", "")).replace(LOGIN, &servers.login);
    assert!(
        String::from_utf8_lossy(&read(address_of_page.clone()).await)
            .contains("full.administrator@acme.example")
    );
    let form = [("account", "full.administrator@acme.example"), ("decision", "accept")];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let answer = client.post(address_of_page).body(form).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let code = target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let app = &stage.acme.microsoft_app;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let token = format!("{}/organizations/oauth2/v2.0/token", servers.login);
    let answer = client.post(token).body(form).send().await.unwrap().bytes().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(part(answer["id_token"].as_str().unwrap(), 1)["iss"], issuer.as_str());
    let webex = [
        ("client_id", &*stage.acme.webex_app.client_id),
        ("redirect_uri", BACK),
        ("response_type", "code"),
    ];
    let webex = address(
        &format!("{}/v1/authorize", servers.webex),
        &[&webex[..], &[("scope", "spark:kms")]].concat(),
    );
    assert!(String::from_utf8_lossy(&read(webex).await).contains("This is a simulated Webex"));
}
