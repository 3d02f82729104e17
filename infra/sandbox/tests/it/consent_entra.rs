//! What a directory's administrator grants, and with what the app proves itself.

use std::time::Duration;

use base64::Engine;
use sandbox::{BeforeConsent, DirectoryRole, FederatedCredential, Registration, issued, issuer_header, issuer_keys};
use serde_json::{Value, json};

use crate::ask::{Reply, Stage, send, stage};
use crate::browser::{BACK, Seen, address, open, part, post, submit};
use crate::keys::verified;

const LOGIN: &str = "https://login.microsoftonline.com";
const DEFAULT: &str = "https://graph.microsoft.com/.default";

fn registered() -> Stage {
    let stage = stage();
    stage.world.register_microsoft_redirect(Registration::Groups, BACK);
    stage.world.register_microsoft_redirect(Registration::Files, BACK);
    stage.world.withdraw_consent(stage.acme.directory);
    stage
}

fn client(stage: &Stage, app: Registration) -> &str {
    match app {
        Registration::Groups => &stage.acme.microsoft_app.client_id,
        Registration::Files => &stage.acme.files_app.client_id,
    }
}

fn asked(stage: &Stage, app: Registration, authority: &str, scope: &str) -> String {
    let query = [("client_id", client(stage, app)), ("redirect_uri", BACK), ("scope", scope), ("state", "st&te")];
    address(&format!("{LOGIN}/{authority}/v2.0/adminconsent"), &query)
}

async fn decide(stage: &Stage, app: Registration, account: impl ToString, decision: &str) -> Seen {
    let form = [("account", &*account.to_string()), ("decision", decision)];
    submit(&stage.world, &asked(stage, app, "organizations", DEFAULT), &form).await
}

async fn token(stage: &Stage, form: &[(&str, &str)]) -> Reply {
    let usual = [("grant_type", "client_credentials"), ("scope", DEFAULT)];
    let form = [&usual[..], form].concat();
    post(&stage.world, &format!("{LOGIN}/{}/oauth2/v2.0/token", stage.acme.directory), &form).await
}

async fn by_secret(stage: &Stage, app: Registration) -> Reply {
    let secret = match app {
        Registration::Groups => &stage.acme.microsoft_app.client_secret,
        Registration::Files => &stage.acme.files_app.client_secret,
    };
    token(stage, &[("client_id", client(stage, app)), ("client_secret", secret)]).await
}

/// The roles of the app's token, or the number of the refusal.
async fn roles(stage: &Stage, app: Registration) -> Value {
    let answer = by_secret(stage, app).await;
    match answer.body["access_token"].as_str() {
        Some(token) => part(token, 1)["roles"].clone(),
        None => answer.body["error_codes"][0].clone(),
    }
}

#[tokio::test]
async fn an_administrator_sees_the_permissions_and_grants_them_to_one_app_in_one_directory() {
    let stage = registered();
    let globex = stage.world.add_tenant("Globex");
    let admin = stage.acme.administrator.object;
    let wish = asked(&stage, Registration::Groups, &stage.acme.directory.to_string(), DEFAULT);
    open(&stage.world, &wish).await.shows(200, "Global Administrator");
    let page = submit(&stage.world, &wish, &[("account", &admin.to_string())]).await;
    for permission in ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"] {
        page.shows(200, &format!("({permission})</li>"));
    }
    assert_eq!(roles(&stage, Registration::Groups).await, 700016, "seeing grants nothing");
    let form = [("account", &*admin.to_string()), ("decision", "accept")];
    let back = submit(&stage.world, &wish, &form).await.back();
    assert_eq!(back["admin_consent"], "True");
    assert_eq!((back["tenant"].as_str(), back["state"].as_str()), (&*stage.acme.directory.to_string(), "st&te"));
    assert!(back["scope"].split(' ').any(|scope| scope == "https://graph.microsoft.com/Group.ReadWrite.All"));
    assert!(!back.contains_key("error"));
    let granted = json!(["Group.ReadWrite.All", "GroupSettings.Read.All", "User.Read.All"]);
    assert_eq!(roles(&stage, Registration::Groups).await, granted);
    assert_eq!(roles(&stage, Registration::Files).await, 700016, "consent is per app");
    assert_eq!(stage.world.consented(Registration::Files, globex.directory), None);
    let back = decide(&stage, Registration::Files, admin, "accept").await.back();
    assert_eq!(back["tenant"], stage.acme.directory.to_string(), "the directory that the administrator belongs to");
    assert_eq!(roles(&stage, Registration::Files).await, json!(["Files.ReadWrite.All"]));
}

#[tokio::test]
async fn declining_goes_back_with_admin_consent_true_and_an_error() {
    let stage = registered();
    let back = decide(&stage, Registration::Groups, stage.acme.administrator.object, "decline").await.back();
    assert_eq!((back["admin_consent"].as_str(), back["error"].as_str()), ("True", "consent_required"));
    assert!(back["error_description"].starts_with("AADSTS65004:"), "{back:?}");
    assert!(back["error_description"].contains("Trace ID:") && back["error_description"].contains("Timestamp:"));
    assert_eq!((back["state"].as_str(), back.get("tenant")), ("st&te", None));
    assert_eq!(stage.world.consented(Registration::Groups, stage.acme.directory), None);
}

#[tokio::test]
async fn nobody_but_a_global_or_privileged_role_administrator_can_consent() {
    let stage = registered();
    let ada = stage.world.add_entra_only(&stage.acme, "Ada");
    stage.world.give_directory_role(ada, DirectoryRole::UserAdministrator);
    let wish = asked(&stage, Registration::Groups, "organizations", DEFAULT);
    let page = submit(&stage.world, &wish, &[("account", &ada.to_string())]).await;
    page.shows(403, "Need admin approval");
    assert!(!page.html.contains("value=\"accept\""));
    decide(&stage, Registration::Groups, ada, "accept").await.shows(403, "Need admin approval");
    assert_eq!(stage.world.consented(Registration::Groups, stage.acme.directory), None);
    let back = decide(&stage, Registration::Groups, ada, "decline").await.back();
    assert_eq!((back["admin_consent"].as_str(), back["error"].as_str()), ("True", "access_denied"));
    stage.world.give_directory_role(ada, DirectoryRole::PrivilegedRoleAdministrator);
    assert!(!decide(&stage, Registration::Groups, ada, "accept").await.back().contains_key("error"));
    assert!(stage.world.consented(Registration::Groups, stage.acme.directory).is_some());
}

#[tokio::test]
async fn consents_that_are_asked_for_wrongly_are_refused() {
    let stage = registered();
    let globex = stage.world.add_tenant("Globex");
    let acme = stage.acme.directory.to_string();
    let ask = async |authority: &str, scope: &str| {
        open(&stage.world, &asked(&stage, Registration::Groups, authority, scope)).await
    };
    ask("common", DEFAULT).await.shows(400, "AADSTS90130");
    ask("nowhere.example", DEFAULT).await.shows(400, "AADSTS90002");
    let unscoped = asked(&stage, Registration::Groups, &acme, "").replace("&scope=", "");
    for (seen, error) in [
        (open(&stage.world, &unscoped).await, "AADSTS900144:"),
        (ask(&acme, "https://graph.microsoft.com/Group.ReadWrite.All").await, "AADSTS70011:"),
        (ask(&acme, &format!("{DEFAULT} User.Read")).await, "AADSTS70011:"),
    ] {
        let back = seen.back();
        assert!(back["error_description"].starts_with(error) && back["admin_consent"] == "True", "{back:?}");
    }
    let unknown = asked(&stage, Registration::Groups, &acme, DEFAULT).replace("client_id=", "client_id=0");
    open(&stage.world, &unknown).await.shows(400, "AADSTS700016");
    let elsewhere = asked(&stage, Registration::Groups, &acme, DEFAULT).replace("ours.example", "theirs.example");
    open(&stage.world, &elsewhere).await.shows(400, "AADSTS50011");
    let form = [("account", &*globex.administrator.object.to_string()), ("decision", "accept")];
    let foreign = submit(&stage.world, &asked(&stage, Registration::Groups, &acme, DEFAULT), &form).await;
    foreign.shows(400, "AADSTS50020");
}

#[tokio::test]
async fn delegated_scopes_bring_the_app_into_the_directory_without_roles() {
    let stage = registered();
    let wish = asked(&stage, Registration::Groups, "organizations", "User.Read");
    let form = [("account", "full.administrator@acme.example"), ("decision", "accept")];
    let back = submit(&stage.world, &wish, &form).await.back();
    assert_eq!(back["scope"], "https://graph.microsoft.com/User.Read");
    assert_eq!(roles(&stage, Registration::Groups).await, Value::Null);
}

#[tokio::test]
async fn a_consent_takes_its_time_to_be_known_everywhere() {
    for (before, shown) in [(BeforeConsent::AppUnknown, json!(700016)), (BeforeConsent::NoRoles, Value::Null)] {
        let stage = registered();
        stage.world.graph_settings(|settings| {
            (settings.consent_lag, settings.before_consent) = (Duration::from_secs(60), before);
        });
        decide(&stage, Registration::Groups, stage.acme.administrator.object, "accept").await.back();
        assert_eq!(roles(&stage, Registration::Groups).await, shown);
        stage.advance(60);
        assert_eq!(roles(&stage, Registration::Groups).await[0], "Group.ReadWrite.All");
        stage.world.consent(stage.acme.directory, &[]);
        assert_eq!(roles(&stage, Registration::Groups).await[0], "Group.ReadWrite.All", "a change lags, too");
        stage.advance(60);
        assert_eq!(roles(&stage, Registration::Groups).await, Value::Null);
    }
}

#[tokio::test]
async fn app_tokens_are_signed_and_stand_for_one_app_in_one_directory() {
    let stage = stage();
    let answer = by_secret(&stage, Registration::Groups).await;
    let keys = format!("{LOGIN}/{}/discovery/v2.0/keys", stage.acme.directory);
    let keys = send(&stage.world, "GET", &keys, &[], Default::default()).await.unwrap().body;
    let claims = verified(answer.body["access_token"].as_str().unwrap(), &keys);
    assert_eq!((&claims["tid"], &claims["idtyp"]), (&json!(stage.acme.directory), &json!("app")));
    assert_eq!(claims["appid"], client(&stage, Registration::Groups));
    let form = [("client_id", client(&stage, Registration::Groups)), ("grant_type", "client_credentials")];
    let any = post(&stage.world, &format!("{LOGIN}/organizations/oauth2/v2.0/token"), &form).await;
    assert_eq!(any.body["error_codes"], json!([9001023]));
    stage.world.consent_to(Registration::Files, stage.acme.directory, &["Files.ReadWrite.All"]);
    let files = by_secret(&stage, Registration::Files).await;
    let bearer = format!("Bearer {}", files.body["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let ask = async || {
        let url = "https://graph.microsoft.com/v1.0/groups";
        send(&stage.world, "GET", url, &headers, Default::default()).await.unwrap().status
    };
    assert_eq!(ask().await, 403, "files are not groups");
    stage.world.remove_app(Registration::Files, stage.acme.directory);
    assert_eq!(ask().await, 401);
    assert_eq!(stage.graph("GET", "/groups", Value::Null).await.status, 200, "the other app is still there");
}

#[tokio::test]
async fn the_secret_may_come_by_http_basic() {
    let stage = stage();
    let app = &stage.acme.microsoft_app;
    let ask = async |secret: &str| {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", app.client_id));
        let basic = format!("Basic {pair}");
        let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let body = format!("grant_type=client_credentials&scope={DEFAULT}");
        let url = format!("{LOGIN}/{}/oauth2/v2.0/token", stage.acme.directory);
        send(&stage.world, "POST", &url, &headers, body.into()).await.unwrap().status
    };
    assert_eq!((ask(&app.client_secret).await, ask("wrong").await), (200, 401));
}

#[tokio::test]
async fn a_federated_credential_proves_the_app_if_issuer_subject_audience_and_signature_fit() {
    let stage = stage();
    let now = 1_795_420_800;
    let header = issuer_header();
    let claims = json!({"iss": "https://issuer.example", "sub": "arn:aws:iam::1:role/sync",
        "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 300});
    let with = |mut claims: Value, name: &str, value: Value| {
        claims[name] = value;
        claims
    };
    let ask = async |app: Registration, assertion: &str| {
        let form = [
            ("client_id", client(&stage, app)),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        let answer = token(&stage, &form).await;
        if answer.status == 200 { json!(200) } else { answer.body["error_codes"][0].clone() }
    };
    let good = issued(&header, &claims).unwrap();
    assert_eq!(ask(Registration::Groups, &good).await, 70021, "it is not switched on");
    stage.world.consent_to(Registration::Files, stage.acme.directory, &["Files.ReadWrite.All"]);
    stage.world.add_federated_credential(
        Registration::Groups,
        FederatedCredential {
            issuer: "https://issuer.example".into(),
            subject: "arn:aws:iam::1:role/sync".into(),
            audience: "api://AzureADTokenExchange".into(),
            keys: issuer_keys(),
        },
    );
    assert_eq!(ask(Registration::Groups, &good).await, 200);
    assert_eq!(ask(Registration::Files, &good).await, 70021, "the other app has none");
    let listed = with(claims.clone(), "aud", json!(["api://AzureADTokenExchange"]));
    assert_eq!(ask(Registration::Groups, &issued(&header, &listed).unwrap()).await, 200);
    for (name, value) in [
        ("iss", json!("https://issuer.example/")),
        ("sub", json!("arn:aws:iam::1:role/other")),
        ("aud", json!("api://AzureADTokenExchangeUSGov")),
    ] {
        let changed = with(claims.clone(), name, value);
        assert_eq!(ask(Registration::Groups, &issued(&header, &changed).unwrap()).await, 70021, "{name}");
    }
    for (name, value) in [("exp", json!(now)), ("nbf", json!(now + 1))] {
        let changed = with(claims.clone(), name, value);
        assert_eq!(ask(Registration::Groups, &issued(&header, &changed).unwrap()).await, 700024, "{name}");
    }
    for header in [with(header.clone(), "kid", json!("other")), with(header.clone(), "alg", json!("ES384"))] {
        assert_eq!(ask(Registration::Groups, &issued(&header, &claims).unwrap()).await, 70021, "{header}");
    }
    let other = issued(&header, &with(claims.clone(), "jti", json!("1"))).unwrap();
    let swapped = format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    assert_eq!(ask(Registration::Groups, &swapped).await, 70021, "the signature of another token");
    assert_eq!(ask(Registration::Groups, "no.token").await, 50027);
    assert_eq!(by_secret(&stage, Registration::Groups).await.status, 200, "the secret still works");
    stage.world.clear_federated_credentials(Registration::Groups);
    assert_eq!(ask(Registration::Groups, &good).await, 70021);
}
