//! Admin consent, and authentication of the app.

use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use sim::{
    AppRegistration, BeforeConsent, DirectoryRole, FederatedCredential, issue_token, issuer_header,
    issuer_keys,
};

use crate::ask::{Reply, Stage, send, stage};
use crate::browser::{BACK, Seen, address, open, part, post, submit};
use crate::keys::verified;

const LOGIN: &str = "https://login.microsoftonline.com";
const DEFAULT: &str = "https://graph.microsoft.com/.default";

fn registered() -> Stage {
    let stage = stage();
    stage.world.register_microsoft_redirect(AppRegistration::Groups, BACK);
    stage.world.register_microsoft_redirect(AppRegistration::Files, BACK);
    stage.world.withdraw_consent(stage.acme.directory);
    stage
}

fn client(stage: &Stage, app: AppRegistration) -> &str {
    match app {
        AppRegistration::Groups => &stage.acme.microsoft_app.client_id,
        AppRegistration::Files => &stage.acme.files_app.client_id,
    }
}

fn asked(stage: &Stage, app: AppRegistration, authority: &str, scope: &str) -> String {
    let query = [
        ("client_id", client(stage, app)),
        ("redirect_uri", BACK),
        ("scope", scope),
        ("state", "st&te"),
    ];
    address(&format!("{LOGIN}/{authority}/v2.0/adminconsent"), &query)
}

async fn decide(
    stage: &Stage,
    app: AppRegistration,
    account: impl ToString,
    decision: &str,
) -> Seen {
    let form = [("account", &*account.to_string()), ("decision", decision)];
    submit(&stage.world, &asked(stage, app, "organizations", DEFAULT), &form).await
}

async fn token(stage: &Stage, form: &[(&str, &str)]) -> Reply {
    let usual = [("grant_type", "client_credentials"), ("scope", DEFAULT)];
    let form = [&usual[..], form].concat();
    post(&stage.world, &format!("{LOGIN}/{}/oauth2/v2.0/token", stage.acme.directory), &form).await
}

async fn by_secret(stage: &Stage, app: AppRegistration) -> Reply {
    let secret = match app {
        AppRegistration::Groups => &stage.acme.microsoft_app.client_secret,
        AppRegistration::Files => &stage.acme.files_app.client_secret,
    };
    token(stage, &[("client_id", client(stage, app)), ("client_secret", secret)]).await
}

/// Returns the roles of the app's token, or the code of the error.
async fn roles(stage: &Stage, app: AppRegistration) -> Value {
    let answer = by_secret(stage, app).await;
    match answer.body["access_token"].as_str() {
        Some(token) => part(token, 1)["roles"].clone(),
        None => answer.body["error_codes"][0].clone(),
    }
}

#[tokio::test]
async fn consent_shows_permissions_and_grants_one_app() {
    let stage = registered();
    let globex = stage.world.add_tenant("Globex");
    let admin = stage.acme.administrator.object;
    let address =
        asked(&stage, AppRegistration::Groups, &stage.acme.directory.to_string(), DEFAULT);
    open(&stage.world, &address).await.shows(200, "Global Administrator");
    let page = submit(&stage.world, &address, &[("account", &admin.to_string())]).await;
    for permission in ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"] {
        page.shows(200, &format!("({permission})</li>"));
    }
    assert_eq!(roles(&stage, AppRegistration::Groups).await, 700016, "seeing grants nothing");
    let form = [("account", &*admin.to_string()), ("decision", "accept")];
    let back = submit(&stage.world, &address, &form).await.back();
    assert_eq!(back["admin_consent"], "True");
    assert_eq!(
        (back["tenant"].as_str(), back["state"].as_str()),
        (&*stage.acme.directory.to_string(), "st&te")
    );
    assert!(
        back["scope"]
            .split(' ')
            .any(|scope| scope == "https://graph.microsoft.com/Group.ReadWrite.All")
    );
    assert!(!back.contains_key("error"));
    let granted = json!(["Group.ReadWrite.All", "GroupSettings.Read.All", "User.Read.All"]);
    assert_eq!(roles(&stage, AppRegistration::Groups).await, granted);
    assert_eq!(roles(&stage, AppRegistration::Files).await, 700016, "consent is per app");
    assert_eq!(stage.world.consented(AppRegistration::Files, globex.directory), None);
    let back = decide(&stage, AppRegistration::Files, admin, "accept").await.back();
    assert_eq!(
        back["tenant"],
        stage.acme.directory.to_string(),
        "the directory that the administrator belongs to"
    );
    assert_eq!(roles(&stage, AppRegistration::Files).await, json!(["Files.ReadWrite.All"]));
}

#[tokio::test]
async fn declined_consent_returns_an_error() {
    let stage = registered();
    let back = decide(&stage, AppRegistration::Groups, stage.acme.administrator.object, "decline")
        .await
        .back();
    assert_eq!(
        (back["admin_consent"].as_str(), back["error"].as_str()),
        ("True", "consent_required")
    );
    assert!(back["error_description"].starts_with("AADSTS65004:"), "{back:?}");
    assert!(
        back["error_description"].contains("Trace ID:")
            && back["error_description"].contains("Timestamp:")
    );
    assert_eq!((back["state"].as_str(), back.get("tenant")), ("st&te", None));
    assert_eq!(stage.world.consented(AppRegistration::Groups, stage.acme.directory), None);
}

#[tokio::test]
async fn only_entitled_administrators_consent() {
    let stage = registered();
    let ada = stage.world.add_entra_only(&stage.acme, "Ada");
    stage.world.give_directory_role(ada, DirectoryRole::UserAdministrator);
    let address = asked(&stage, AppRegistration::Groups, "organizations", DEFAULT);
    let page = submit(&stage.world, &address, &[("account", &ada.to_string())]).await;
    page.shows(403, "Need admin approval");
    assert!(!page.html.contains("value=\"accept\""));
    decide(&stage, AppRegistration::Groups, ada, "accept").await.shows(403, "Need admin approval");
    assert_eq!(stage.world.consented(AppRegistration::Groups, stage.acme.directory), None);
    let back = decide(&stage, AppRegistration::Groups, ada, "decline").await.back();
    assert_eq!((back["admin_consent"].as_str(), back["error"].as_str()), ("True", "access_denied"));
    stage.world.give_directory_role(ada, DirectoryRole::PrivilegedRoleAdministrator);
    assert!(
        !decide(&stage, AppRegistration::Groups, ada, "accept").await.back().contains_key("error")
    );
    assert!(stage.world.consented(AppRegistration::Groups, stage.acme.directory).is_some());
}

#[tokio::test]
async fn malformed_consent_requests_are_refused() {
    let stage = registered();
    let globex = stage.world.add_tenant("Globex");
    let acme = stage.acme.directory.to_string();
    let ask = async |authority: &str, scope: &str| {
        open(&stage.world, &asked(&stage, AppRegistration::Groups, authority, scope)).await
    };
    ask("common", DEFAULT).await.shows(400, "AADSTS90130");
    ask("nowhere.example", DEFAULT).await.shows(400, "AADSTS90002");
    let unscoped = asked(&stage, AppRegistration::Groups, &acme, "").replace("&scope=", "");
    for (seen, error) in [
        (open(&stage.world, &unscoped).await, "AADSTS900144:"),
        (ask(&acme, "https://graph.microsoft.com/Group.ReadWrite.All").await, "AADSTS70011:"),
        (ask(&acme, &format!("{DEFAULT} User.Read")).await, "AADSTS70011:"),
    ] {
        let back = seen.back();
        assert!(
            back["error_description"].starts_with(error) && back["admin_consent"] == "True",
            "{back:?}"
        );
    }
    let unknown =
        asked(&stage, AppRegistration::Groups, &acme, DEFAULT).replace("client_id=", "client_id=0");
    open(&stage.world, &unknown).await.shows(400, "AADSTS700016");
    let elsewhere = asked(&stage, AppRegistration::Groups, &acme, DEFAULT)
        .replace("ours.example", "theirs.example");
    open(&stage.world, &elsewhere).await.shows(400, "AADSTS50011");
    let form = [("account", &*globex.administrator.object.to_string()), ("decision", "accept")];
    let foreign =
        submit(&stage.world, &asked(&stage, AppRegistration::Groups, &acme, DEFAULT), &form).await;
    foreign.shows(400, "AADSTS50020");
}

#[tokio::test]
async fn delegated_consent_adds_the_app_without_roles() {
    let stage = registered();
    let address = asked(&stage, AppRegistration::Groups, "organizations", "User.Read");
    let form = [("account", "full.administrator@acme.example"), ("decision", "accept")];
    let back = submit(&stage.world, &address, &form).await.back();
    assert_eq!(back["scope"], "https://graph.microsoft.com/User.Read");
    assert_eq!(roles(&stage, AppRegistration::Groups).await, Value::Null);
}

#[tokio::test]
async fn consent_replicates_with_a_lag() {
    for (before, shown) in
        [(BeforeConsent::AppUnknown, json!(700016)), (BeforeConsent::NoRoles, Value::Null)]
    {
        let stage = registered();
        stage.world.graph_settings(|settings| {
            (settings.consent_lag, settings.before_consent) = (Duration::from_secs(60), before);
        });
        decide(&stage, AppRegistration::Groups, stage.acme.administrator.object, "accept")
            .await
            .back();
        assert_eq!(roles(&stage, AppRegistration::Groups).await, shown);
        stage.advance(60);
        assert_eq!(roles(&stage, AppRegistration::Groups).await[0], "Group.ReadWrite.All");
        stage.world.consent(stage.acme.directory, &[]);
        assert_eq!(
            roles(&stage, AppRegistration::Groups).await[0],
            "Group.ReadWrite.All",
            "a change lags, too"
        );
        stage.advance(60);
        assert_eq!(roles(&stage, AppRegistration::Groups).await, Value::Null);
    }
}

#[tokio::test]
async fn app_tokens_are_signed_for_one_app_and_directory() {
    let stage = stage();
    let answer = by_secret(&stage, AppRegistration::Groups).await;
    let keys = format!("{LOGIN}/{}/discovery/v2.0/keys", stage.acme.directory);
    let keys = send(&stage.world, "GET", &keys, &[], Default::default()).await.unwrap().body;
    let claims = verified(answer.body["access_token"].as_str().unwrap(), &keys);
    assert_eq!((&claims["tid"], &claims["idtyp"]), (&json!(stage.acme.directory), &json!("app")));
    assert_eq!(claims["appid"], client(&stage, AppRegistration::Groups));
    let form = [
        ("client_id", client(&stage, AppRegistration::Groups)),
        ("grant_type", "client_credentials"),
    ];
    let any = post(&stage.world, &format!("{LOGIN}/organizations/oauth2/v2.0/token"), &form).await;
    assert_eq!(any.body["error_codes"], json!([9001023]));
    stage.world.consent_to(AppRegistration::Files, stage.acme.directory, &["Files.ReadWrite.All"]);
    let files = by_secret(&stage, AppRegistration::Files).await;
    let bearer = format!("Bearer {}", files.body["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let ask = async || {
        let url = "https://graph.microsoft.com/v1.0/groups";
        send(&stage.world, "GET", url, &headers, Default::default()).await.unwrap().status
    };
    assert_eq!(ask().await, 403, "files are not groups");
    stage.world.remove_app(AppRegistration::Files, stage.acme.directory);
    assert_eq!(ask().await, 401);
    assert_eq!(
        stage.graph("GET", "/groups", Value::Null).await.status,
        200,
        "the other app is still there"
    );
}

#[tokio::test]
async fn the_secret_may_come_by_http_basic() {
    let stage = stage();
    let app = &stage.acme.microsoft_app;
    let ask = async |secret: &str| {
        let pair =
            base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", app.client_id));
        let basic = format!("Basic {pair}");
        let headers = [
            ("authorization", basic.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let body = format!("grant_type=client_credentials&scope={DEFAULT}");
        let url = format!("{LOGIN}/{}/oauth2/v2.0/token", stage.acme.directory);
        send(&stage.world, "POST", &url, &headers, body.into()).await.unwrap().status
    };
    assert_eq!((ask(&app.client_secret).await, ask("wrong").await), (200, 401));
}

/// A stage with a federated credential, and the issuer's header and claims.
struct Federated {
    stage: Stage,
    header: Value,
    claims: Value,
}

/// Moment of the stage, in seconds.
const NOW: i64 = 1_795_420_800;

impl Federated {
    fn new() -> Self {
        let claims = json!({
            "iss": "https://issuer.example",
            "sub": "arn:aws:iam::1:role/sync",
            "aud": "api://AzureADTokenExchange",
            "iat": NOW,
            "exp": NOW + 300,
        });
        Self { stage: stage(), header: issuer_header(), claims }
    }

    /// Registers the issuer for the app for groups.
    fn register(&self) {
        let world = &self.stage.world;
        world.consent_to(
            AppRegistration::Files,
            self.stage.acme.directory,
            &["Files.ReadWrite.All"],
        );
        world.add_federated_credential(
            AppRegistration::Groups,
            FederatedCredential {
                issuer: "https://issuer.example".into(),
                subject: "arn:aws:iam::1:role/sync".into(),
                audience: "api://AzureADTokenExchange".into(),
                keys: issuer_keys(),
            },
        );
    }

    fn good(&self) -> String {
        issue_token(&self.header, &self.claims).unwrap()
    }

    /// Returns a token with one claim changed.
    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        issue_token(&self.header, &claims).unwrap()
    }

    /// Returns 200, or the code of the error.
    async fn ask(&self, app: AppRegistration, assertion: &str) -> Value {
        let form = [
            ("client_id", client(&self.stage, app)),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        let answer = token(&self.stage, &form).await;
        if answer.status == 200 { json!(200) } else { answer.body["error_codes"][0].clone() }
    }
}

#[tokio::test]
async fn federated_credentials_authenticate_the_app() {
    let federated = Federated::new();
    let good = federated.good();
    let groups = AppRegistration::Groups;
    assert_eq!(federated.ask(groups, &good).await, 70021, "it is not switched on");
    federated.register();
    assert_eq!(federated.ask(groups, &good).await, 200);
    assert_eq!(federated.ask(AppRegistration::Files, &good).await, 70021, "the other app has none");
    let listed = federated.with("aud", json!(["api://AzureADTokenExchange"]));
    assert_eq!(federated.ask(groups, &listed).await, 200);
    assert_eq!(by_secret(&federated.stage, groups).await.status, 200, "the secret still works");
    federated.stage.world.clear_federated_credentials(groups);
    assert_eq!(federated.ask(groups, &good).await, 70021);
}

#[tokio::test]
async fn other_assertions_do_not_authenticate_the_app() {
    let federated = Federated::new();
    federated.register();
    let good = federated.good();
    let ask = async |assertion: &str| federated.ask(AppRegistration::Groups, assertion).await;
    for (name, value) in [
        ("iss", json!("https://issuer.example/")),
        ("sub", json!("arn:aws:iam::1:role/other")),
        ("aud", json!("api://AzureADTokenExchangeUSGov")),
    ] {
        assert_eq!(ask(&federated.with(name, value)).await, 70021, "{name}");
    }
    for (name, value) in [("exp", json!(NOW)), ("nbf", json!(NOW + 1))] {
        assert_eq!(ask(&federated.with(name, value)).await, 700024, "{name}");
    }
    for (name, value) in [("kid", json!("other")), ("alg", json!("ES384"))] {
        let mut header = federated.header.clone();
        header[name] = value;
        let assertion = issue_token(&header, &federated.claims).unwrap();
        assert_eq!(ask(&assertion).await, 70021, "{header}");
    }
    let other = federated.with("jti", json!("1"));
    let swapped =
        format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    assert_eq!(ask(&swapped).await, 70021, "the signature of another token");
    assert_eq!(ask("no.token").await, 50027);
}
