//! Attacks on the one door.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use sandbox::DirectoryRole;
use sandbox::house::{House, Reach};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::table::Item;

use crate::setup_browser::{Browser, Customers, Page};

/// Acme's administrator with Webex connected, and Globex, whose directory has consented long ago.
async fn attacker(customers: &Customers) -> Browser {
    let roles = ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"];
    customers.world().consent(customers.globex.directory, &roles);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected");
    browser
}

async fn nothing_is_connected(customers: &Customers) {
    assert_eq!(customers.tenants().await, []);
    assert_eq!(customers.organization(customers.acme.org).await.unwrap().directory, None);
}

#[tokio::test]
async fn another_directory_cannot_be_attached_by_swapping_the_tenant_of_the_way_back() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let own = customers.acme.administrator.object;
    let at_consent = browser.sign_in_at_microsoft(own).await.onwards();
    let back = browser.decide(&at_consent, own, "accept").await;
    let (acme, globex) = (customers.acme.directory.to_string(), customers.globex.directory.to_string());
    assert!(back.contains(&format!("tenant={acme}")));
    browser.open(&back.replace(&acme, &globex)).await.fails(400, "The consent is for another directory");
    nothing_is_connected(&customers).await;
    for tenant in ["", "organizations", "acme.example"] {
        let at_consent = browser.sign_in_at_microsoft(own).await.onwards();
        let back = browser.decide(&at_consent, own, "accept").await;
        browser.open(&back.replace(&acme, tenant)).await.fails(400, "for another directory");
    }
    browser.open("/oauth/microsoft/consent").await.is(200, "Connect Microsoft 365");
    nothing_is_connected(&customers).await;
}

#[tokio::test]
async fn an_employee_of_a_directory_that_consented_cannot_attach_it() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let employee = customers.world().add_entra_only(&customers.globex, "Eve");
    browser.sign_in_at_microsoft(employee).await.fails(403, "may not connect the directory");
    customers.world().give_directory_role(employee, DirectoryRole::UserAdministrator);
    browser.sign_in_at_microsoft(employee).await.fails(403, "may not connect the directory");
    browser.open("/oauth/microsoft/consent").await.is(200, "Connect Microsoft 365");
    nothing_is_connected(&customers).await;
}

#[tokio::test]
async fn a_consent_page_that_was_never_left_proves_nothing() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let own = customers.acme.administrator.object;
    // Signed in, but not consented: looking for the proof does not begin.
    browser.sign_in_at_microsoft(own).await.onwards();
    customers
        .world()
        .consent(customers.acme.directory, &["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"]);
    browser.open("/oauth/microsoft/consent").await.is(200, "<h1>Connect Microsoft 365</h1>");
    nothing_is_connected(&customers).await;
}

#[tokio::test]
async fn claims_that_are_not_for_us_here_and_now_are_refused() {
    let customers = Customers::new().await;
    let mut browser = attacker(&customers).await;
    let globex = customers.globex.directory.to_string();
    let forgeries: Vec<(&str, Value)> = vec![
        ("aud", customers.acme.files_app.client_id.as_str().into()),
        ("tid", globex.as_str().into()),
        ("iss", format!("https://login.microsoftonline.com/{globex}/v2.0").into()),
        ("iss", "https://evil.example/v2.0".into()),
        ("nonce", "another".into()),
        ("nonce", Value::Null),
        ("exp", 1_700_000_000.into()),
        ("nbf", 1_900_000_000.into()),
        ("tid", "not a directory".into()),
    ];
    for (claim, value) in forgeries {
        let forged = value.clone();
        customers.world().forge_id_tokens(move |claims| claims[claim] = forged.clone());
        let page = browser.sign_in_at_microsoft(customers.acme.administrator.object).await;
        page.fails(400, "could not be verified");
        assert_eq!(page.header("location"), "", "{claim} {value}");
    }
    customers.world().forge_id_tokens(|_| {});
    browser.sign_in_at_microsoft(customers.acme.administrator.object).await.onwards();
    nothing_is_connected(&customers).await;
}

/// How an id_token is spoilt on its way.
type Spoilt = Box<dyn Fn(&str) -> String + Send>;

/// Something between us and Microsoft's token endpoint.
struct Between {
    world: Arc<dyn Transport>,
    spoilt: Arc<Mutex<Option<Spoilt>>>,
}

#[async_trait]
impl Transport for Between {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let is_token = request.uri().path() == "/organizations/oauth2/v2.0/token";
        let answer = self.world.send(request, timeout).await?;
        let spoilt = self.spoilt.lock().unwrap();
        let Some(spoilt) = spoilt.as_ref().filter(|_| is_token) else { return Ok(answer) };
        let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
        body["id_token"] = spoilt(body["id_token"].as_str().unwrap()).into();
        Ok(answer.map(|_| body.to_string().into()))
    }
}

fn with_header(token: &str, header: &Value, signature: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test]
async fn a_token_that_microsoft_did_not_sign_is_refused_whatever_its_header_says() {
    let spoilt: Arc<Mutex<Option<Spoilt>>> = Arc::default();
    let between = spoilt.clone();
    let customers = Customers::in_house(move |ground| {
        let transport = Arc::new(Between { world: ground.world.transport(), spoilt: between });
        let reach = Reach { transport, ..Reach::to(ground) };
        House::reaching_out(ground, reach).unwrap()
    })
    .await;
    let mut browser = attacker(&customers).await;
    let signing = "c2FuZGJveC1zaWducy10aGlz";
    let ways: Vec<(&str, Spoilt)> = vec![
        ("alg none", Box::new(|token| with_header(token, &json!({"alg": "none", "typ": "JWT"}), ""))),
        ("alg None", Box::new(|token| with_header(token, &json!({"alg": "None", "typ": "JWT", "kid": "x"}), ""))),
        ("HS256", Box::new(move |token| with_header(token, &json!({"alg": "HS256", "kid": signing}), "c2ln"))),
        ("no signature", Box::new(|token| format!("{}.", token.rsplit_once('.').unwrap().0))),
        (
            "an unknown key",
            Box::new(|token| {
                with_header(token, &json!({"alg": "RS256", "kid": "unknown"}), token.rsplit('.').next().unwrap())
            }),
        ),
        ("no key", Box::new(|token| with_header(token, &json!({"alg": "RS256"}), token.rsplit('.').next().unwrap()))),
        (
            "another key",
            Box::new(|token| {
                with_header(
                    token,
                    &json!({"alg": "RS256", "kid": "c2FuZGJveC1zaWduZWQtdGhhdA"}),
                    token.rsplit('.').next().unwrap(),
                )
            }),
        ),
        (
            "a key of its own",
            Box::new(move |token| {
                let header = json!({"alg": "RS256", "kid": signing, "jku": "https://evil.example/keys", "x5u": "https://evil.example/c"});
                with_header(token, &header, token.rsplit('.').next().unwrap())
            }),
        ),
        (
            "changed claims",
            Box::new(|token| {
                let mut parts = token.split('.');
                let (header, claims, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
                let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
                claims["wids"] = json!(["62e90394-69f5-4237-9190-012177145e10"]);
                format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
            }),
        ),
        ("no token", Box::new(|_| "nothing".into())),
    ];
    for (way, spoil) in ways {
        *spoilt.lock().unwrap() = Some(spoil);
        let page = browser.sign_in_at_microsoft(customers.acme.administrator.object).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{way}: {}", page.html);
        page.fails(400, "could not be verified");
    }
    *spoilt.lock().unwrap() = None;
    browser.sign_in_at_microsoft(customers.acme.administrator.object).await.onwards();
    nothing_is_connected(&customers).await;
}

#[tokio::test]
async fn a_way_back_works_only_in_the_browser_that_went_and_only_once() {
    let customers = Customers::new().await;
    let mut attacker = customers.browser();
    let at_webex = attacker.open("/oauth/webex").await.onwards();
    let back = attacker.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let mut stranger = customers.browser();
    stranger.open(&back).await.fails(400, "cannot be used any more");
    let mut victim = customers.browser();
    victim.open("/oauth/webex").await.onwards();
    victim.open(&back).await.fails(400, "cannot be used any more");
    assert!(!victim.cookies.contains_key("__Host-session"));
    attacker.open(&back).await.is(200, "Overview");
    attacker.open(&back).await.fails(400, "cannot be used any more");
    attacker.open("/webex").await.is(200, "Connect Webex");
}

#[tokio::test]
async fn nobody_gets_his_account_into_somebody_elses_session() {
    let customers = Customers::new().await;
    let mut attacker = customers.signed_in(&customers.globex).await;
    let at_webex = attacker.go_to_webex(&[]).await;
    let back = attacker.decide(&at_webex, customers.globex.officer, "accept").await;
    let mut victim = customers.signed_in(&customers.acme).await;
    victim.go_to_webex(&[]).await;
    victim.open(&back).await.fails(400, "cannot be used any more");
    // The same browser, but somebody else's session.
    let mut borrowed = attacker.clone();
    borrowed.cookies.insert("__Host-session".into(), victim.cookies["__Host-session"].clone());
    borrowed.open(&back).await.fails(400, "cannot be used any more");
    for org in [customers.acme.org, customers.globex.org] {
        assert_eq!(customers.organization(org).await.unwrap().officer, None);
    }
    attacker.open(&back).await.is(200, "Connected through");
}

#[tokio::test]
async fn a_way_that_takes_longer_than_ten_minutes_or_leads_elsewhere_is_over() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.onwards();
    customers.advance(601);
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await.fails(400, "cannot be used any more");
    let mut browser = attacker(&customers).await;
    let at_microsoft = browser.go_to_microsoft().await;
    let back = browser.decide(&at_microsoft, customers.acme.administrator.object, "accept").await;
    for other in ["/oauth/webex/callback", "/oauth/microsoft/consent"] {
        browser.open(&back.replace("/oauth/microsoft/callback", other)).await.fails(400, "cannot be used any more");
    }
    browser.open(&back).await.onwards();
    for state in ["", "x", &"A".repeat(43), &"A".repeat(5000)] {
        browser.open(&format!("/oauth/webex/callback?code=x&state={state}")).await.fails(400, "cannot be used");
    }
}

#[tokio::test]
async fn a_session_is_new_with_every_sign_in_and_what_the_table_holds_is_none() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let planted = "A".repeat(43);
    browser.cookies.insert("__Host-session".into(), planted.clone());
    browser.sign_in(customers.acme.administrator.person).await.is(200, "Overview");
    let first = browser.cookies["__Host-session"].clone();
    assert_ne!(first, planted);
    browser.sign_in(customers.acme.administrator.person).await.is(200, "Overview");
    let second = browser.cookies["__Host-session"].clone();
    assert_ne!(first, second);
    let mut old = customers.browser();
    old.cookies.insert("__Host-session".into(), first);
    old.open("/webex").await.is(200, "Sign in with Webex");
    let mut thief = customers.browser();
    thief.cookies.insert("__Host-session".into(), URL_SAFE_NO_PAD.encode(Sha256::digest(&second)));
    thief.open("/webex").await.is(200, "Sign in with Webex");
    browser.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_one_button_ends_all() {
    let customers = Customers::new().await;
    let (mut here, mut there) =
        (customers.signed_in(&customers.acme).await, customers.signed_in(&customers.acme).await);
    let mut others = customers.signed_in(&customers.globex).await;
    let kept = here.clone();
    here.submit_on("/", "/sign-out", &[]).await.is(200, "You are signed out");
    kept.clone().open("/webex").await.is(200, "Sign in with Webex");
    there.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    let mut third = customers.signed_in(&customers.acme).await;
    there.submit_on("/", "/sign-out/everywhere", &[]).await.is(200, "You are signed out");
    third.open("/webex").await.is(200, "Sign in with Webex");
    others.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
}

/// Every form there is, with what would be changed by it.
const FORMS: [(&str, &[(&str, &str)]); 9] = [
    ("/webex", &[("intent", "replace")]),
    ("/oauth/microsoft", &[]),
    ("/settings", &[("switch", "off")]),
    ("/settings", &[("enabled", "")]),
    ("/disconnect", &[("sure", "yes"), ("groups", "delete"), ("links", "forget")]),
    ("/receipt", &[("groups", "delete"), ("count", "9")]),
    ("/people/fix", &[("pair", "00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002")]),
    ("/sign-out", &[]),
    ("/sign-out/everywhere", &[]),
];

#[tokio::test]
async fn no_form_is_taken_without_the_sessions_own_token() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    let before = customers.items();
    let theirs = customers.signed_in(&customers.globex).await.open("/webex").await.csrf();
    let own = browser.open("/webex").await.csrf();
    for (path, form) in FORMS {
        for csrf in [None, Some(""), Some("x"), Some(theirs.as_str())] {
            let mut form = form.to_vec();
            form.extend(csrf.map(|csrf| ("csrf", csrf)));
            browser.submit(path, &form).await.fails(403, "The form has expired");
        }
        // In the query it is not in the form, and as JSON it is none.
        let elsewhere = format!("https://functions.example{path}?csrf={own}");
        browser.send(http::Request::post(elsewhere), String::new()).await.fails(403, "expired");
        let json =
            http::Request::post(format!("https://functions.example{path}")).header("content-type", "application/json");
        browser.send(json, json!({ "csrf": own }).to_string()).await.fails(403, "expired");
        let foreign = http::Request::post(format!("https://functions.example{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site");
        browser.send(foreign, format!("csrf={own}&sure=yes&switch=off")).await.fails(403, "expired");
    }
    let changed = differing(&before, &customers.items());
    let changed: Vec<_> =
        changed.into_iter().filter(|key| !key.starts_with("SESSION#") && !key.starts_with("STATE#")).collect();
    assert_eq!(changed, ["ORG#".to_owned() + &customers.globex.org.to_string()], "Globex signed up, and no more");
    assert!(customers.settings().await.switched_on_at.is_some());
}

fn differing(before: &BTreeMap<String, Item>, after: &BTreeMap<String, Item>) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let keys = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    keys.map(|key| key.trim_end_matches("/-").to_owned()).collect()
}

#[tokio::test]
async fn no_address_from_outside_is_ever_redirected_to() {
    let customers = Customers::new().await;
    let evil = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "settings@evil.example",
        "%2F%2Fevil.example",
        "javascript:alert(1)",
    ];
    for to in evil {
        let mut browser = customers.browser();
        let page = browser.open(&format!("/?to={to}")).await;
        assert!(!page.html.contains("evil.example") && !page.html.contains("javascript"), "{}", page.html);
        let at_webex = browser.open(&format!("/oauth/webex?to={to}&redirect_uri={to}&return={to}")).await.onwards();
        assert!(at_webex.starts_with("https://webexapis.com/v1/authorize?"), "{at_webex}");
        assert!(!at_webex.contains("evil"), "{at_webex}");
        let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
        let page = browser.open_only(&format!("{back}&to={to}")).await;
        assert_eq!((page.status, page.header("location")), (303, "/"));
    }
    let mut nobody = customers.browser();
    for path in ["/settings?to=//evil.example", "/webex//evil.example", "//evil.example/settings"] {
        let page: Page = nobody.open_only(path).await;
        let to = page.header("location");
        assert!(to.is_empty() || to == "/?to=settings", "{path}: {to}");
    }
}

#[tokio::test]
async fn a_session_of_another_customer_reads_and_changes_nothing_on_any_route() {
    let mut customers = Customers::new().await;
    let mut acme = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    acme.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let own = customers.acme.clone();
    let group = customers.world().create_group(customers.people[0].object, "Secret plans").unwrap();
    customers.world().create_team(customers.people[0].person, "Secret team");
    customers.house.let_pass(crate::town::MINUTE).await;

    let mut globex = customers.connected(&customers.globex).await;
    let of_acme = |key: &String| {
        key.contains(&tenant.to_string())
            || key.contains(&own.org.to_string())
            || key.contains(&own.directory.to_string())
    };
    let before: BTreeMap<_, _> = customers.items().into_iter().filter(|(key, _)| of_acme(key)).collect();
    let secrets = customers.house.ground().secrets.names();
    let foreign = [
        own.org.to_string(),
        own.directory.to_string(),
        tenant.to_string(),
        own.officer.to_string(),
        "Acme".into(),
        "Secret".into(),
        "Person 0".into(),
        "acme.example".into(),
    ];
    let shows_nothing = |page: &Page| {
        for one in &foreign {
            assert!(!page.html.contains(one.as_str()), "{one} at {}: {}", page.url, page.html);
        }
    };
    for path in [
        "/",
        "/webex",
        "/oauth/microsoft",
        "/oauth/microsoft/consent",
        "/prerequisites",
        "/people",
        "/people/fix",
        "/settings",
        "/disconnect",
        "/receipt",
    ] {
        shows_nothing(&globex.open(path).await);
        for id in [own.org.to_string(), tenant.to_string(), own.directory.to_string()] {
            shows_nothing(&globex.open(&format!("{path}?tenant={id}&org={id}&id={id}")).await);
        }
    }
    let csrf = globex.open("/").await.csrf();
    let id = tenant.to_string();
    let org = own.org.to_string();
    for (path, form) in FORMS.iter().filter(|(path, _)| !path.starts_with("/sign-out")) {
        let mut form = form.to_vec();
        form.extend([("csrf", csrf.as_str()), ("tenant", &id), ("org", &org), ("version", "1")]);
        shows_nothing(&globex.submit(path, &form).await);
    }
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
    let mut globex = customers.connected(&customers.globex).await;
    let group = group.to_string();
    for (field, value) in [
        ("pilot_group", group.as_str()),
        ("fallback_owner", &customers.people[0].object.to_string()),
        ("fallback_owner", "person.00@acme.example"),
    ] {
        globex.save(&[(field, value)]).await.is(422, "The directory has no");
    }
    let room = customers.world().create_room(customers.people[0].person, "Theirs", None).to_string();
    globex.save(&[("told", "space"), ("told_space", &room)]).await.is(422, "cannot write there");
    globex
        .save(&[("told", "person"), ("told_person", "person.00@acme.example")])
        .await
        .is(422, "has nobody with this address");
    let after: BTreeMap<_, _> = customers.items().into_iter().filter(|(key, _)| of_acme(key)).collect();
    assert_eq!(differing(&before, &after), Vec::<String>::new());
    assert!(secrets.iter().all(|name| !name.contains(&id) || customers.house.ground().secrets.names().contains(name)));
}
