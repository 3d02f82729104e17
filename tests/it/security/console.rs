//! Redirects, sessions and forms of the console under attack.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::GroupId;
use serde_json::json;
use sha2::{Digest, Sha256};
use sim::AdminRole;
use store::table::Item;

use super::sign_in::attacker;
use crate::support::{Browser, Customers, Page};

#[tokio::test]
async fn redirect_works_once_in_the_same_browser() {
    let customers = Customers::new().await;
    let mut attacker = customers.browser();
    let at_webex = attacker.open("/oauth/webex").await.next_url();
    let back = attacker.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let mut stranger = customers.browser();
    stranger.open(&back).await.is_error(400, "can no longer be used");
    let mut victim = customers.browser();
    victim.open("/oauth/webex").await.next_url();
    victim.open(&back).await.is_error(400, "can no longer be used");
    assert!(!victim.cookies.contains_key("__Host-session"));
    attacker.open(&back).await.is(200, "Overview");
    attacker.open(&back).await.is_error(400, "can no longer be used");
    attacker.open("/webex").await.is(200, "Connect Webex");
}

#[tokio::test]
async fn account_cannot_enter_a_foreign_session() {
    let customers = Customers::new().await;
    let mut attacker = customers.signed_in(&customers.globex).await;
    let at_webex = attacker.go_to_webex(&[]).await;
    let back = attacker.decide(&at_webex, customers.globex.service_account, "accept").await;
    let mut victim = customers.signed_in(&customers.acme).await;
    victim.go_to_webex(&[]).await;
    victim.open(&back).await.is_error(400, "can no longer be used");
    // The same browser with another session.
    let mut borrowed = attacker.clone();
    borrowed.cookies.insert("__Host-session".into(), victim.cookies["__Host-session"].clone());
    borrowed.open(&back).await.is_error(400, "can no longer be used");
    for org in [customers.acme.org, customers.globex.org] {
        assert_eq!(customers.organization(org).await.unwrap().service_account, None);
    }
    attacker.open(&back).await.is(200, "Connected through");
}

#[tokio::test]
async fn redirect_expires_after_ten_minutes() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.next_url();
    customers.advance(601);
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await.is_error(400, "can no longer be used");
    let mut browser = attacker(&customers).await;
    let at_microsoft = browser.go_to_microsoft().await;
    let back = browser.decide(&at_microsoft, customers.acme.administrator.object, "accept").await;
    for other in ["/oauth/webex/callback", "/oauth/microsoft/consent"] {
        browser
            .open(&back.replace("/oauth/microsoft/callback", other))
            .await
            .is_error(400, "can no longer be used");
    }
    browser.open(&back).await.next_url();
    for state in ["", "x", &"A".repeat(43), &"A".repeat(5000)] {
        browser
            .open(&format!("/oauth/webex/callback?code=x&state={state}"))
            .await
            .is_error(400, "can no longer be used");
    }
}

#[tokio::test]
async fn session_id_is_new_and_stored_as_a_hash() {
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
async fn sign_out_ends_one_or_all_sessions() {
    let customers = Customers::new().await;
    let (mut here, mut there) =
        (customers.signed_in(&customers.acme).await, customers.signed_in(&customers.acme).await);
    let mut others = customers.signed_in(&customers.globex).await;
    let copy = here.clone();
    here.submit_on("/", "/sign-out", &[]).await.is(200, "You are signed out");
    copy.clone().open("/webex").await.is(200, "Sign in with Webex");
    there.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    let mut third = customers.signed_in(&customers.acme).await;
    there.submit_on("/", "/sign-out/everywhere", &[]).await.is(200, "You are signed out");
    third.open("/webex").await.is(200, "Sign in with Webex");
    others.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
}

#[tokio::test]
async fn sixth_session_of_a_person_ends_their_oldest() {
    let customers = Customers::new().await;
    let colleague = customers.add_account_with_roles("Colleague", &[AdminRole::FullAdmin]);
    let mut other = customers.browser();
    other.sign_in(colleague).await.is(200, "Overview");
    let mut browsers = vec![];
    for _ in 0..5 {
        customers.advance(1);
        browsers.push(customers.signed_in(&customers.acme).await);
    }
    for browser in &mut browsers {
        browser.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    }
    customers.advance(1);
    browsers.push(customers.signed_in(&customers.acme).await);
    browsers[0].open("/webex").await.is(200, "Sign in with Webex");
    for browser in browsers[1..].iter_mut().chain([&mut other]) {
        browser.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    }
}

#[tokio::test]
async fn session_cookie_ends_with_the_browser() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.next_url();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let answer = browser.open_without_redirects(&back).await;
    let cookies = answer.headers.get_all("set-cookie").iter();
    let cookies: Vec<&str> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("__Host-session=")).unwrap();
    assert!(!session.contains("Max-Age") && !session.contains("Expires"), "{session}");
    // The others are removed by an end that has passed.
    assert!(cookies.contains(&"__Host-flow=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"));
}

/// All forms, with the change that each would make.
const FORMS: [(&str, &[(&str, &str)]); 12] = [
    ("/webex", &[("intent", "replace")]),
    ("/oauth/microsoft", &[]),
    ("/settings", &[("switch", "off")]),
    ("/settings", &[("enabled", "")]),
    ("/disconnect", &[("sure", "yes"), ("groups", "delete"), ("links", "purge")]),
    ("/receipt", &[("groups", "delete"), ("count", "9")]),
    (
        "/people/fix",
        &[("pair", "00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002")],
    ),
    ("/oauth/microsoft/consent", &[("action", "connect")]),
    ("/oauth/microsoft/consent", &[("action", "release")]),
    ("/sessions", &[("session", "x")]),
    ("/sign-out", &[]),
    ("/sign-out/everywhere", &[]),
];

#[tokio::test]
async fn forms_need_the_csrf_token_of_the_session() {
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
            browser.submit(path, &form).await.is_error(403, "The form has expired");
        }
        // A token in the query or in JSON is not part of the form.
        let elsewhere = format!("https://functions.example{path}?csrf={own}");
        browser.send(http::Request::post(elsewhere), String::new()).await.is_error(403, "expired");
        let json = http::Request::post(format!("https://functions.example{path}"))
            .header("content-type", "application/json");
        browser.send(json, json!({ "csrf": own }).to_string()).await.is_error(403, "expired");
        let foreign = http::Request::post(format!("https://functions.example{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site");
        browser
            .send(foreign, format!("csrf={own}&sure=yes&switch=off"))
            .await
            .is_error(403, "expired");
    }
    let changed = differing(&before, &customers.items());
    let changed: Vec<_> = changed
        .into_iter()
        .filter(|key| !key.starts_with("SESSION#") && !key.starts_with("STATE#"))
        // The sign-in is recorded.
        .filter(|key| !key.contains("#RECORD/"))
        .collect();
    assert_eq!(
        changed,
        ["ORG#".to_owned() + &customers.globex.org.to_string()],
        "Globex signed up, and no more"
    );
    assert!(customers.settings().await.switched_on_at.is_some());
}

fn differing(before: &BTreeMap<String, Item>, after: &BTreeMap<String, Item>) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let keys = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    keys.map(|key| key.trim_end_matches("/-").to_owned()).collect()
}

#[tokio::test]
async fn no_redirect_to_foreign_addresses() {
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
        assert!(
            !page.html.contains("evil.example") && !page.html.contains("javascript"),
            "{}",
            page.html
        );
        let at_webex = browser
            .open(&format!("/oauth/webex?to={to}&redirect_uri={to}&return={to}"))
            .await
            .next_url();
        assert!(at_webex.starts_with("https://webexapis.com/v1/authorize?"), "{at_webex}");
        assert!(!at_webex.contains("evil"), "{at_webex}");
        let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
        let page = browser.open_without_redirects(&format!("{back}&to={to}")).await;
        assert_eq!((page.status, page.header("location")), (303, "/"));
    }
    let mut visitor = customers.browser();
    for path in ["/settings?to=//evil.example", "/webex//evil.example", "//evil.example/settings"] {
        let page: Page = visitor.open_without_redirects(path).await;
        let to = page.header("location");
        assert!(to.is_empty() || to == "/?to=settings", "{path}: {to}");
    }
}

/// Pages that need no id.
const PAGES: [&str; 11] = [
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
    "/sessions",
];

/// Asserts that no page or form of the other customer shows these words, whatever ids are sent.
async fn assert_pages_show_none(globex: &mut Browser, ids: [&str; 3], foreign: &[String]) {
    for path in PAGES {
        assert_shows_none(&globex.open(path).await, foreign);
        for id in ids {
            let query = format!("{path}?tenant={id}&org={id}&id={id}");
            assert_shows_none(&globex.open(&query).await, foreign);
        }
    }
    let csrf = globex.open("/").await.csrf();
    let [org, _, tenant] = ids;
    for (path, form) in FORMS.iter().filter(|(path, _)| !path.starts_with("/sign-out")) {
        let mut form = form.to_vec();
        form.extend([("csrf", csrf.as_str()), ("tenant", tenant), ("org", org), ("version", "1")]);
        assert_shows_none(&globex.submit(path, &form).await, foreign);
    }
}

#[track_caller]
fn assert_shows_none(page: &Page, foreign: &[String]) {
    for one in foreign {
        assert!(!page.html.contains(one.as_str()), "{one} at {}: {}", page.url, page.html);
    }
}

/// Asserts that settings of the other customer cannot name groups, people and spaces of Acme.
async fn assert_settings_reject_foreign_ids(customers: &Customers, group: GroupId) {
    let mut globex = customers.connected(&customers.globex).await;
    let group = group.to_string();
    for (field, value) in [
        ("pilot_group", group.as_str()),
        ("fallback_owner", &customers.people[0].object.to_string()),
        ("fallback_owner", "person.00@acme.example"),
    ] {
        globex.save(&[(field, value)]).await.is(422, "The directory has no");
    }
    let room =
        customers.world().create_room(customers.people[0].person, "Theirs", None).to_string();
    globex
        .save(&[("recipient", "space"), ("recipient_space", &room)])
        .await
        .is(422, "cannot write there");
    let id = customers.people[0].person.to_string();
    for person in ["person.00@acme.example", &id] {
        globex
            .save(&[("recipient", "person"), ("recipient_person", person)])
            .await
            .is(422, "has no person with this address");
    }
}

#[tokio::test]
async fn foreign_session_reads_and_changes_nothing() {
    let mut customers = Customers::new().await;
    let mut acme = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    acme.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let own = customers.acme.clone();
    let group = customers.world().create_group(customers.people[0].object, "Secret plans").unwrap();
    customers.world().create_team(customers.people[0].person, "Secret team");
    customers.stack.let_pass(crate::support::MINUTE).await;

    let mut globex = customers.connected(&customers.globex).await;
    let of_acme = |key: &String| {
        key.contains(&tenant.to_string())
            || key.contains(&own.org.to_string())
            || key.contains(&own.directory.to_string())
    };
    let before: BTreeMap<_, _> =
        customers.items().into_iter().filter(|(key, _)| of_acme(key)).collect();
    let secrets = customers.stack.backend().secrets.names();
    let foreign = [
        own.org.to_string(),
        own.directory.to_string(),
        tenant.to_string(),
        own.service_account.to_string(),
        "Acme".into(),
        "Secret".into(),
        "Person 0".into(),
        "acme.example".into(),
    ];
    let id = tenant.to_string();
    let (org, directory) = (own.org.to_string(), own.directory.to_string());
    assert_pages_show_none(&mut globex, [&org, &directory, &id], &foreign).await;
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
    assert_settings_reject_foreign_ids(&customers, group).await;
    let after: BTreeMap<_, _> =
        customers.items().into_iter().filter(|(key, _)| of_acme(key)).collect();
    assert_eq!(differing(&before, &after), Vec::<String>::new());
    assert!(secrets.iter().all(
        |name| !name.contains(&id) || customers.stack.backend().secrets.names().contains(name)
    ));
}
