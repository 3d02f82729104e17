//! Attacks on sign-in, sessions and proofs. Each is a row of the threat model in `SECURITY.md`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Clock;
use engine::offboard::OffboardingStage;
use engine::tenant::settings::{AlertRecipient, RemovalLimits, Running, TeamDeleted};
use oauth::Forms;
use sha2::{Digest, Sha256};
use sim::{AdminRole, Fault, Service};
use store::table::Store;

use crate::support::{Browser, Customers, KEEP, MINUTE, Page, active_groups, with_linked_teams};

/// The service whose fresh sign-in a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    Webex,
    Microsoft,
}

fn asked(page: &Page) -> Asks {
    match page.asks_for_proof() {
        false => Asks::Nothing,
        true if page.html.contains("Sign in again with Webex") => Asks::Webex,
        true => Asks::Microsoft,
    }
}

/// A form with the proof that it asks for.
pub(super) type Row = (&'static str, &'static [(&'static str, &'static str)], Asks);

const TEAM: &str = "/teams/{team}";
const ADOPT: &str = "/teams/{team}/adopt";
const PERSON: &str = "/people/{person}";
const ENTRY: &str = "/teams/{team}/done/{entry}";

/// All routes with forms, and for each the forms that need different proofs. What changes only a
/// page, or ends in a consent or a grant, asks for nothing but the role.
pub(super) const FORMS: [Row; 42] = [
    ("/webex", &[], Asks::Nothing),
    ("/webex", &[("intent", "replace")], Asks::Webex),
    ("/oauth/microsoft", &[], Asks::Nothing),
    ("/oauth/microsoft/consent", &[("action", "connect")], Asks::Nothing),
    ("/oauth/microsoft/consent", &[("action", "release")], Asks::Nothing),
    ("/folders", &[], Asks::Nothing),
    ("/people/fix", &[], Asks::Nothing),
    (PERSON, &[("action", "sign-in")], Asks::Nothing),
    (PERSON, &[("action", "confirm")], Asks::Microsoft),
    (PERSON, &[("action", "revoke")], Asks::Nothing),
    ("/people/names", &[("pair", "x/y")], Asks::Microsoft),
    ("/existing", &[("action", "find")], Asks::Nothing),
    ("/selection", &[("action", "create")], Asks::Nothing),
    (TEAM, &[("action", "sync")], Asks::Nothing),
    (TEAM, &[("action", "discard")], Asks::Nothing),
    (TEAM, &[("action", "equal")], Asks::Nothing),
    (TEAM, &[("action", "unlink")], Asks::Nothing),
    (TEAM, &[("action", "folder")], Asks::Nothing),
    (TEAM, &[("action", "apply")], Asks::Webex),
    (ADOPT, &[("action", "sign-in")], Asks::Nothing),
    (ADOPT, &[("action", "adopt")], Asks::Microsoft),
    (ENTRY, &[("hash", "x")], Asks::Nothing),
    ("/preview", &[("seen", "0")], Asks::Webex),
    ("/settings", &[("switch", "off")], Asks::Nothing),
    ("/settings", &[("switch", "off"), ("link_people", "9999")], Asks::Nothing),
    ("/settings", &[("enabled", "yes")], Asks::Nothing),
    ("/settings", &[("link_people", "1")], Asks::Nothing),
    ("/settings", &[("link_people", "9999")], Asks::Webex),
    ("/settings", &[("link_percent", " 100 ")], Asks::Webex),
    ("/settings", &[("tenant_people", "999999")], Asks::Webex),
    ("/settings", &[("tenant_percent", "100")], Asks::Webex),
    ("/settings", &[("on_team_deleted", "keep-group")], Asks::Nothing),
    ("/settings", &[("on_team_deleted", "delete-group")], Asks::Microsoft),
    ("/disconnect", &[("groups", "delete")], Asks::Nothing),
    ("/disconnect", &[("sure", "yes"), ("groups", "keep")], Asks::Webex),
    ("/disconnect", &[("sure", "yes"), ("groups", "delete")], Asks::Microsoft),
    ("/disconnect", &[("sure", "yes")], Asks::Webex),
    ("/receipt", &[("groups", "keep"), ("count", "9")], Asks::Nothing),
    ("/receipt", &[("groups", "delete"), ("count", "9")], Asks::Webex),
    ("/sessions", &[("session", "x")], Asks::Nothing),
    ("/sign-out/everywhere", &[], Asks::Nothing),
    ("/sign-out", &[], Asks::Nothing),
];

/// Returns a path of a route; the ids are of nothing.
pub(super) fn filled(pattern: &str) -> String {
    let id = "11111111-1111-4111-8111-111111111111";
    let entry = "2026-11-23T08:00:00.000Z-11111111";
    pattern.replace("{team}", id).replace("{person}", id).replace("{entry}", entry)
}

#[tokio::test]
async fn every_route_with_forms_declares_its_proof() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let listed: BTreeSet<&str> = FORMS.iter().map(|(path, ..)| *path).collect();
    let mut with_forms = BTreeSet::new();
    for (pattern, forms) in oauth::routes() {
        let wrong = http::Request::delete(format!("https://functions.example{}", filled(pattern)));
        let refused = browser.send(wrong, String::new()).await;
        let takes_forms = refused.header("allow").contains("POST");
        assert_eq!(takes_forms, forms == Forms::WithProof, "{pattern} declares no proof");
        if takes_forms {
            with_forms.insert(pattern);
        }
    }
    assert_eq!(with_forms, listed);
}

#[tokio::test]
async fn form_without_its_proof_changes_nothing() {
    let customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    let lasting = |customers: &Customers| -> BTreeMap<_, _> {
        let items = customers.items().into_iter();
        items
            .filter(|(key, _)| !key.starts_with("STATE#") && !key.starts_with("SESSION#"))
            .collect()
    };
    for (pattern, form, expected) in FORMS {
        let ends_sessions = pattern.starts_with("/sign-out");
        let mut browser = match ends_sessions {
            true => customers.signed_in(&customers.acme).await,
            false => browser.clone(),
        };
        let csrf = browser.open("/webex").await.csrf();
        let mut form = form.to_vec();
        form.push(("csrf", &csrf));
        let before = lasting(&customers);
        let page = browser.submit_without_proof(&filled(pattern), &form).await;
        assert_eq!(asked(&page), expected, "{pattern} {form:?}: {} {}", page.status, page.html);
        if expected != Asks::Nothing {
            assert_eq!(lasting(&customers), before, "{pattern} {form:?}");
        }
    }
}

/// Opens the page that asks for a proof, and returns what leads back from it.
async fn back_from_proof(
    browser: &mut Browser,
    path: &str,
    form: &[(&str, &str)],
    account: impl ToString,
) -> String {
    let csrf = browser.open("/webex").await.csrf();
    let mut form = form.to_vec();
    form.push(("csrf", &csrf));
    let to = browser.submit_without_proof(path, &form).await.next_url();
    browser.decide(&to, account, "accept").await
}

const DELETE: [(&str, &str); 2] = [("sure", "yes"), ("groups", "delete")];

#[tokio::test]
async fn proof_of_another_account_counts_for_nothing() {
    let (customers, mut browser, _, _) = with_linked_teams(1).await;
    let colleague = customers.add_account_with_roles("Colleague", &[AdminRole::FullAdmin]);
    let ordinary = customers.people[0];
    for (form, account, words) in [
        (&KEEP[..], colleague.to_string(), "That is another account"),
        (&KEEP[..], ordinary.person.to_string(), "That is another account"),
        (&DELETE[..], ordinary.object.to_string(), "may not connect the directory"),
    ] {
        let back = back_from_proof(&mut browser, "/disconnect", form, account).await;
        let page = browser.open(&back).await;
        page.is_error(403, words);
        page.is(403, "href=\"/disconnect\">Go back and try again");
        let csrf = browser.open("/webex").await.csrf();
        let form = [form, &[("csrf", csrf.as_str())]].concat();
        assert!(browser.submit_without_proof("/disconnect", &form).await.asks_for_proof());
    }
    assert!(customers.organization(customers.acme.org).await.unwrap().directory.is_some());
}

#[tokio::test]
async fn proof_stays_in_its_session_and_ends() {
    let (customers, mut browser, _, _) = with_linked_teams(1).await;
    let own = customers.acme.administrator;
    let back = back_from_proof(&mut browser, "/disconnect", &KEEP, own.person).await;
    let mut other = customers.signed_in(&customers.acme).await;
    let mut borrowed = browser.clone();
    borrowed.cookies.insert("__Host-session".into(), other.cookies["__Host-session"].clone());
    borrowed.open(&back).await.is_error(400, "can no longer be used");
    let offered = browser.open(&back).await;
    offered.is(200, "You signed in again");
    assert!(customers.organization(customers.acme.org).await.unwrap().directory.is_some());
    browser.open(&back).await.is_error(400, "can no longer be used");
    // Another session of the same person has no proof.
    let csrf = other.open("/webex").await.csrf();
    let form = [&KEEP[..], &[("csrf", csrf.as_str())]].concat();
    assert_eq!(asked(&other.submit_without_proof("/disconnect", &form).await), Asks::Webex);
    customers.advance(601);
    let csrf = browser.open("/webex").await.csrf();
    let form = [&KEEP[..], &[("csrf", csrf.as_str())]].concat();
    assert_eq!(asked(&browser.submit_without_proof("/disconnect", &form).await), Asks::Webex);
    // A proof for Webex is none for Microsoft.
    browser.submit("/disconnect", &[("sure", ""), ("csrf", &csrf)]).await.is(422, "Nothing was");
    let back = back_from_proof(&mut browser, "/disconnect", &KEEP, own.person).await;
    browser.open(&back).await.is(200, "You signed in again");
    let csrf = browser.open("/webex").await.csrf();
    let form = [&DELETE[..], &[("csrf", csrf.as_str())]].concat();
    assert_eq!(asked(&browser.submit_without_proof("/disconnect", &form).await), Asks::Microsoft);
}

#[tokio::test]
async fn offered_form_is_what_was_sent_and_cannot_be_forged() {
    let (customers, mut browser, _, _) = with_linked_teams(1).await;
    let page = browser.open("/settings").await;
    let names = [("link_people", "5000"), ("fallback_owner", "\"><script>alert(1)</script>")];
    let mut form = page.form();
    form.retain(|(name, _)| names.iter().all(|(changed, _)| changed != name));
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let form = [&form[..], &names].concat();
    let own = customers.acme.administrator.person;
    let to = browser.submit_without_proof("/settings", &form).await.next_url();
    assert!(to.contains("prompt=login"), "{to}");
    let back = browser.decide(&to, own, "accept").await;
    let offered = browser.open(&format!("{back}&action=https://evil.example&csrf=x")).await;
    offered.is(200, "action=\"/settings\"");
    offered.is(200, "name=\"link_people\" value=\"5000\"");
    assert!(!offered.html.contains("<script") && !offered.html.contains("evil"));
    assert_eq!(offered.html.matches("name=\"csrf\"").count(), 2, "the shell's and its own");
    assert_eq!(customers.settings().await.removal_limits, RemovalLimits::default());
}

#[tokio::test]
async fn former_administrator_changes_nothing() {
    type Loss = fn(&Customers);
    let losses: [(&str, Loss); 3] = [
        ("role", |one| one.world().take_role(one.acme.administrator.person, AdminRole::FullAdmin)),
        ("active", |one| one.world().deactivate(one.acme.administrator.person)),
        ("account", |one| one.world().delete_account(one.acme.administrator.person)),
    ];
    for (case, lose) in losses {
        let (customers, mut browser, _, _) = with_linked_teams(1).await;
        let page = browser.open("/settings").await;
        let before = customers.settings().await;
        lose(&customers);
        let refused = browser.save_on(&page, &[("enabled", "")]).await;
        refused.is_error(403, "no longer an administrator");
        assert_eq!(customers.settings().await, before, "{case}");
        assert!(!browser.cookies.contains_key("__Host-session"), "{case}: the session has ended");
        browser.open("/settings").await.is(200, "Sign in with Webex");
    }
}

#[tokio::test]
async fn former_administrator_reads_five_minutes_at_most() {
    let (customers, mut browser, _, _) = with_linked_teams(1).await;
    customers.advance(400);
    browser.open("/teams").await.is(200, "Team 0");
    customers.world().take_role(customers.acme.administrator.person, AdminRole::FullAdmin);
    customers.world().take_calls();
    browser.open("/teams").await.is(200, "Team 0");
    assert_eq!(customers.world().calls(), [], "the role was just read");
    customers.advance(301);
    browser.open("/teams").await.is_error(403, "no longer an administrator");
    browser.open("/teams").await.is(200, "Sign in with Webex");
    let (customers, mut browser, _, _) = with_linked_teams(1).await;
    customers.world().take_role(customers.acme.administrator.person, AdminRole::FullAdmin);
    customers.advance(301);
    browser.open("/").await.is(200, "Sign in with Webex");
}

#[tokio::test]
async fn unknown_role_lets_read_and_not_change() {
    let (customers, mut browser, _, _) = with_linked_teams(1).await;
    let page = browser.open("/settings").await;
    let before = customers.settings().await;
    customers.advance(301);
    let down = Fault::status(503).on(Service::Webex).path("/people/").times(u32::MAX);
    customers.world().inject(down);
    browser.open("/teams").await.is(200, "Team 0");
    let refused = browser.save_on(&page, &[("enabled", "")]).await;
    refused.is_error(503, "Your role couldn't be checked");
    assert_eq!(customers.settings().await, before);
    customers.world().clear_faults();
    // A service account that cannot see roles says nothing about anyone.
    customers.world().take_role(customers.acme.service_account, AdminRole::ReadOnlyAdmin);
    let refused = browser.save_on(&page, &[("enabled", "")]).await;
    refused.is_error(503, "Your role couldn't be checked");
    browser.open("/teams").await.is(200, "Team 0");
    // A sign-in of the last minutes says the role itself.
    browser.sign_in(customers.acme.administrator.person).await.is(200, "Overview");
    browser.save(&[("enabled", "")]).await.is(200, "saved");
}

#[tokio::test]
async fn planted_session_connects_nothing_unseen() {
    let customers = Customers::new().await;
    let mut attacker = customers.signed_in(&customers.globex).await;
    attacker.connect_webex(customers.globex.service_account, &[]).await.is(200, "Connected");
    // The administrator of Acme's directory, in the attacker's session.
    let mut victim = attacker.clone();
    let shown = victim.consent(customers.acme.administrator.object).await;
    shown.is(200, "Confirm the connection");
    for words in ["Acme", "acme.example", "Globex", &customers.globex.org.to_string()] {
        shown.is(200, words);
    }
    assert_eq!(customers.tenants().await, [], "nothing is joined before");
    // A return or a reload joins nothing, and neither does a form without the token.
    victim.open("/oauth/microsoft/consent").await.is(200, "Confirm the connection");
    let directory = customers.acme.directory.to_string();
    let forged = [("action", "connect"), ("directory", directory.as_str())];
    victim.submit("/oauth/microsoft/consent", &forged).await.is_error(403, "expired");
    let csrf = shown.csrf();
    let globex = customers.globex.directory.to_string();
    let other = [("action", "connect"), ("directory", globex.as_str()), ("csrf", &csrf)];
    victim.submit("/oauth/microsoft/consent", &other).await.is_error(409, "out of date");
    victim.decide_connection("decline").await.is(200, "Connect Microsoft 365");
    let again = [("action", "connect"), ("directory", directory.as_str()), ("csrf", &csrf)];
    victim.submit("/oauth/microsoft/consent", &again).await.is_error(409, "out of date");
    assert_eq!(customers.tenants().await, []);
    for page in ["/", "/webex", "/oauth/microsoft", "/prerequisites", "/sessions"] {
        victim.open(page).await.is(200, &format!("<code>{}</code>", customers.globex.org));
    }
}

#[tokio::test]
async fn remembered_sign_in_connects_no_directory() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    let own = customers.acme.administrator.object;
    browser.sign_in_at_microsoft(own).await.next_url();
    customers.advance(1200);
    let asked = browser.go_to_microsoft().await;
    assert!(asked.contains("&prompt=login&max_age=600"), "{asked}");
    let back = browser.decide(&asked.replace("&prompt=login&max_age=600", ""), own, "accept").await;
    browser.open(&back).await.is_error(403, "was not a fresh sign-in");
    // A confirmation that waits too long needs another sign-in.
    browser.consent(own).await.is(200, "Confirm the connection");
    let page = browser.open("/oauth/microsoft/consent").await;
    customers.advance(25 * 60);
    browser.open("/webex").await.is(200, "Connect Webex");
    customers.advance(6 * 60);
    let (csrf, directory) = (page.csrf(), page.field("directory"));
    let form = [("action", "connect"), ("directory", directory.as_str()), ("csrf", &csrf)];
    browser.submit("/oauth/microsoft/consent", &form).await.is_error(409, "out of date");
    assert_eq!(customers.tenants().await, []);
}

#[tokio::test]
async fn directory_administrator_takes_their_directory_back() {
    let customers = Customers::new().await;
    // Acme's directory was connected with Globex's organization.
    let mut wrong = customers.signed_in(&customers.globex).await;
    wrong.connect_webex(customers.globex.service_account, &[]).await.is(200, "Connected");
    wrong.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    let taken = customers.organization(customers.globex.org).await.unwrap().tenant;
    let reader = customers.world().add_webex_only(&customers.globex, "Reader");
    wrong
        .save(&[("recipient", "person"), ("recipient_person", &reader.to_string())])
        .await
        .is(200, "saved");
    let mut right = customers.signed_in(&customers.acme).await;
    right.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    // Only an administrator of the directory may.
    right.sign_in_at_microsoft(customers.people[0].object).await.is_error(403, "may not connect");
    let shown = right.consent(customers.acme.administrator.object).await;
    shown.is(200, "belongs to another organization");
    shown.is(200, &customers.globex.org.to_string());
    right.decide_connection("connect").await.is_error(409, "belongs to another organization");
    assert_eq!(customers.tenants().await, [taken]);

    right.decide_connection("release").await.is(200, "Connect them");
    let globex = customers.organization(customers.globex.org).await.unwrap();
    assert_eq!((globex.directory, globex.offboarded), (None, Some(taken)));
    wrong.open("/").await.is(200, "has released it from your organization");
    let cards = customers.world().cards_to(reader);
    assert!(cards.iter().any(|card| card.markdown.contains("has released it")), "{cards:?}");
    right.confirm_connection().await.is(200, "Acme is connected");
    let acme = customers.organization(customers.acme.org).await.unwrap();
    assert_eq!(acme.directory.unwrap().id, customers.acme.directory);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let customers = Customers::new().await;
    let colleague = customers.add_account_with_roles("Colleague", &[AdminRole::FullAdmin]);
    let mut first = customers.signed_in(&customers.acme).await;
    let mut second = customers.browser();
    second.sign_in(colleague).await.is(200, "Overview");
    let mut foreign = customers.signed_in(&customers.globex).await;
    let page = first.open("/sessions").await;
    page.is(200, "Colleague");
    assert_eq!(page.html.matches("name=\"session\"").count(), 2, "{}", page.html);
    let hashes: BTreeSet<String> = page
        .html
        .split("name=\"session\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    // Another organization, a guess, and a hash as a cookie end and open nothing.
    for hash in hashes.iter().map(String::as_str).chain(["x", "ORG", &"A".repeat(43)]) {
        foreign
            .submit_on("/sessions", "/sessions", &[("session", hash)])
            .await
            .is_error(409, "out of date");
        let mut thief = customers.browser();
        thief.cookies.insert("__Host-session".into(), hash.into());
        thief.open("/sessions").await.is(200, "Sign in with Webex");
    }
    let own = page.html.split("this session").nth(1).unwrap();
    let own = own.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let theirs = hashes.iter().find(|hash| *hash != own).unwrap();
    first.submit_on("/sessions", "/sessions", &[("session", theirs)]).await.is(200, "this session");
    second.open("/webex").await.is(200, "Sign in with Webex");
    first.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    foreign.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    customers.advance(31 * 60);
    let mut later = customers.signed_in(&customers.acme).await;
    let page = later.open("/sessions").await;
    assert_eq!(page.html.matches("name=\"session\"").count(), 1, "the ended one is gone");
}

#[tokio::test]
async fn sign_out_leaves_nothing_in_the_browser() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let csrf = browser.open("/").await.csrf();
    let form = format!("csrf={csrf}");
    let request = http::Request::post("https://functions.example/sign-out")
        .header("content-type", "application/x-www-form-urlencoded");
    let page = browser.send(request, form).await;
    assert_eq!(page.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
}

#[tokio::test]
async fn hidden_characters_are_visible_on_pages_and_in_files() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    customers.world().rename_team(teams[0], "Pay\u{202e}roll\u{2066}\u{7}");
    customers.stack.let_pass(5 * MINUTE).await;
    let path = format!("/teams/{}", teams[0]);
    for page in ["/teams", &path, "/activity", "/activity.csv"] {
        let page = browser.open(page).await;
        page.is(200, "Pay\u{fffd}roll\u{fffd}");
        assert!(!page.html.contains(['\u{202e}', '\u{2066}', '\u{7}']), "{}", page.html);
    }
}

#[tokio::test]
async fn release_of_no_ones_directory_changes_nothing() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    browser.consent(customers.acme.administrator.object).await.is(200, "Connect them");
    browser.decide_connection("release").await.is(200, "Connect them");
    assert_eq!(customers.tenants().await, []);
}

#[tokio::test]
async fn destructive_acts_work_with_their_proof() {
    let (mut customers, mut browser, tenant, _) = with_linked_teams(2).await;
    browser
        .save(&[("on_team_deleted", "delete-group"), ("link_people", "500")])
        .await
        .is(200, "saved");
    let settings = customers.settings().await;
    assert_eq!(settings.on_team_deleted, TeamDeleted::DeleteGroup);
    assert_eq!((settings.removal_limits.link_people, settings.running), (500, Running::Live));
    assert!(!matches!(settings.alert_recipient, Some(AlertRecipient::Space(_))));
    browser.submit_on("/disconnect", "/disconnect", &DELETE).await.is(200, "Disconnected");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(active_groups(&customers), []);
    let store = customers.stack.backend().store.as_ref() as &dyn Store;
    let offboarding = engine::offboard::load(store, tenant).await.unwrap().unwrap();
    assert!(matches!(offboarding.stage, OffboardingStage::Retaining { .. }));
    assert!(offboarding.at < customers.stack.backend().clock.now());
}

/// A browser that must see and change nothing of Acme, and the statuses that it may get.
type Stranger = (&'static str, Browser, &'static [u16]);

/// Returns browsers without a session of Acme, with each kind of cookie that is none.
async fn strangers(customers: &Customers, own: &Browser) -> Vec<Stranger> {
    const OUT: &[u16] = &[200, 303, 400, 404];
    let with = |value: &str| {
        let mut browser = customers.browser();
        browser.cookies.insert("__Host-session".into(), value.into());
        browser
    };
    let token = own.cookies["__Host-session"].clone();
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&token));
    let mut ended = customers.signed_in(&customers.acme).await;
    let copy = ended.clone();
    ended.submit_on("/", "/sign-out", &[]).await.is(200, "You are signed out");
    let mut lookalike = customers.browser();
    lookalike.cookies.insert("\u{2000}__Host-session".into(), token.clone());
    let mut lost = customers.browser();
    let former = customers.add_account_with_roles("Former", &[AdminRole::FullAdmin]);
    lost.sign_in(former).await.is(200, "Overview");
    customers.world().take_role(former, AdminRole::FullAdmin);
    customers.advance(301);
    let foreign = customers.signed_in(&customers.globex).await;
    vec![
        ("no session", customers.browser(), OUT),
        ("hash as a token", with(&hash), OUT),
        ("a character less", with(&token[1..]), OUT),
        ("other case", with(&token.to_lowercase()), OUT),
        ("lookalike name", lookalike, OUT),
        ("ended session", copy, OUT),
        ("former administrator", lost, &[200, 303, 400, 403, 404]),
        ("another organization", foreign, &[200, 303, 400, 403, 404, 409, 422]),
    ]
}

#[tokio::test]
async fn no_route_serves_a_session_that_is_none() {
    let (customers, own, tenant, teams) = with_linked_teams(1).await;
    let lasting = |customers: &Customers| -> BTreeMap<_, _> {
        let (tenant, org) = (tenant.to_string(), customers.acme.org.to_string());
        let items = customers.items().into_iter();
        items
            // The refusal of the former administrator is recorded.
            .filter(|(key, _)| !key.starts_with("SESSION#") && !key.contains("#RECORD"))
            .filter(|(key, _)| key.contains(&tenant) || key.contains(&org))
            .collect()
    };
    let person = customers.people[0].person.to_string();
    let own_words = ["Team 0", "Person 0", "acme.example", "Compliance Officer"];
    for (case, stranger, allowed) in strangers(&customers, &own).await {
        let before = lasting(&customers);
        for (pattern, _) in oauth::routes().filter(|(pattern, _)| *pattern != "/healthz") {
            let path = pattern
                .replace("{team}", &teams[0].to_string())
                .replace("{person}", &person)
                .replace("{entry}", "2026-11-23T08:00:00.000Z-11111111");
            let mut browser = stranger.clone();
            let shown = browser.open_without_redirects(&path).await;
            let mut browser = stranger.clone();
            let form = [("csrf", "x"), ("sure", "yes"), ("action", "apply"), ("switch", "off")];
            let sent = browser.submit_without_proof(&path, &form).await;
            for page in [shown, sent] {
                let is_allowed = allowed.contains(&page.status) || page.status == 405;
                assert!(is_allowed, "{case} at {path}: {} {}", page.status, page.html);
                for word in own_words {
                    assert!(!page.html.contains(word), "{case} at {path}: {}", page.html);
                }
            }
        }
        assert_eq!(lasting(&customers), before, "{case}");
    }
}
