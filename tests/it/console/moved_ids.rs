//! A moved external id waits for an admin who signs in again with Microsoft.

use domain::clock::Clock;
use domain::ids::PersonId;
use domain::membership::ExclusionReason;
use engine::people::PersonIndex;
use sim::{AppRegistration, DirectoryRole, Fault, Lie, MembershipRole, Person, Service};

use crate::support::{Browser, Customers, MINUTE, Page};

/// Returns Acme, connected, where the last person's id has moved to another account.
pub(super) async fn with_moved_id() -> (Customers, Browser, Person, String) {
    let mut customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    customers.stack.scan_people(tenant).await.unwrap();
    let before = customers.people[5];
    let now = customers.world().add_webex_only(&customers.acme, "Married Name");
    customers.world().set_external_id(before.person, None);
    // As long as it has the user's name, no other account can be the user.
    customers.world().set_email(before.person, "former@acme.example");
    customers.stack.scan_people(tenant).await.unwrap();
    customers.world().set_external_id(now, Some(before.object));
    customers.stack.scan_people(tenant).await.unwrap();
    let moved = Person { person: now, object: before.object };
    assert_eq!(exclusion(&customers, now).await, Some(ExclusionReason::MovedObjectId));
    (customers, browser, moved, format!("/people/{now}"))
}

async fn exclusion(customers: &Customers, person: PersonId) -> Option<ExclusionReason> {
    let index =
        PersonIndex::new(customers.stack.backend().store.as_ref(), customers.tenant().await);
    index.people([person]).await.unwrap()[&person].excluded()
}

/// Confirms what a page shows.
async fn submit_confirmation(browser: &mut Browser, path: &str, page: &Page) -> Page {
    let form = [("action", "confirm"), ("csrf", &page.csrf()), ("hash", &page.field("hash"))];
    browser.submit_without_proof(path, &form).await
}

/// Submits a page's form with a guessed hash.
async fn submit_guess(browser: &mut Browser, path: &str) -> Page {
    let csrf = browser.open(path).await.csrf();
    let form = [("action", "confirm"), ("hash", "guessed"), ("csrf", &csrf)];
    browser.submit_without_proof(path, &form).await
}

const SIGN_IN_AGAIN: &str = "Sign in again with Microsoft";

#[tokio::test]
async fn directory_admin_confirms_and_person_joins() {
    let (mut customers, mut browser, moved, path) = with_moved_id().await;
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    customers.stack.let_pass(MINUTE).await;
    let team = customers.world().create_team(customers.people[0].person, "Lighthouse");
    customers.world().add_to_team(team, moved.person, MembershipRole::Member).unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let members = |customers: &Customers| {
        customers.world().groups(customers.acme.directory).into_values().next().unwrap().members
    };
    assert!(!members(&customers).contains(&moved.object), "until an admin confirms it");

    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open("/people?why=moved").await.is(200, &format!("href=\"{path}\""));
    let page = browser.open(&path).await;
    let before = customers.people[5];
    for shown in
        ["Person 05", "Married Name", &before.person.to_string(), &moved.object.to_string()]
    {
        page.is(200, shown);
    }
    page.is(200, "Sign in with Microsoft");
    let administrator = customers.acme.administrator;
    let page = browser.sign_in_fresh(&path, administrator.object).await;
    page.is(200, "an administrator of the directory");
    customers.advance(1);
    submit_confirmation(&mut browser, &path, &page).await.is(200, "Confirmed: the person");
    let page = browser.open(&path).await;
    page.is(200, "Eligible");
    page.is(200, &administrator.person.to_string());
    page.is(200, &administrator.object.to_string());
    customers.stack.let_pass(30 * MINUTE).await;
    assert!(members(&customers).contains(&moved.object), "{:?}", members(&customers));
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

#[tokio::test]
async fn others_cannot_confirm() {
    let (customers, mut browser, moved, path) = with_moved_id().await;
    submit_guess(&mut browser, &path).await.is(200, SIGN_IN_AGAIN);
    let page = browser.sign_in_fresh(&path, customers.people[0].object).await;
    page.is(200, "who is not a Global Administrator");
    submit_guess(&mut browser, &path).await.is(200, SIGN_IN_AGAIN);
    customers
        .world()
        .give_directory_role(customers.people[0].object, DirectoryRole::UserAdministrator);
    browser
        .sign_in_fresh(&path, customers.people[0].object)
        .await
        .is(200, "who is not a Global Administrator");
    submit_guess(&mut browser, &path).await.is(200, SIGN_IN_AGAIN);
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::MovedObjectId));
}

#[tokio::test]
async fn step_up_lasts_ten_minutes_in_its_session() {
    let (customers, mut browser, moved, path) = with_moved_id().await;
    let administrator = customers.acme.administrator.object;
    let page = browser.sign_in_fresh(&path, administrator).await;
    customers.advance(601);
    submit_confirmation(&mut browser, &path, &page).await.is(200, SIGN_IN_AGAIN);
    let page = browser.sign_in_fresh(&path, administrator).await;
    let mut other = customers.signed_in(&customers.acme).await;
    let theirs = other.open(&path).await;
    theirs.is(200, "Sign in with Microsoft");
    let form = [("action", "confirm"), ("csrf", &theirs.csrf()), ("hash", &page.field("hash"))];
    other.submit_without_proof(&path, &form).await.is(200, SIGN_IN_AGAIN);
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::MovedObjectId));

    // The redirect works once, in the session that started it.
    let at_microsoft = browser.go_to_fresh_sign_in(&path).await;
    let back = browser.decide(&at_microsoft, administrator, "accept").await;
    let mut borrowed = browser.clone();
    borrowed.cookies.insert("__Host-session".into(), other.cookies["__Host-session"].clone());
    borrowed.open(&back).await.is_error(400, "can no longer be used");
    browser.open(&back).await.is(200, "an administrator of the directory");
    browser.open(&back).await.is_error(400, "can no longer be used");
    other.open(&path).await.is(200, "Sign in with Microsoft");
}

fn state_of(url: &str) -> &str {
    let (_, rest) = url.rsplit_once("&state=").unwrap();
    rest.split('&').next().unwrap()
}

#[tokio::test]
async fn weak_step_up_proof_is_refused() {
    let (customers, mut browser, moved, path) = with_moved_id().await;
    let (own, globex) =
        (customers.acme.administrator.object, customers.globex.directory.to_string());
    let issuer = format!("https://login.microsoftonline.com/{globex}/v2.0");
    let long_ago = customers.stack.backend().clock.now().as_second() - 3_600;
    type Claims = Vec<(&'static str, serde_json::Value)>;
    let forgeries: [(u16, &str, Claims); 5] = [
        (
            403,
            "That is another directory",
            vec![("tid", globex.as_str().into()), ("iss", issuer.into())],
        ),
        (400, "could not be verified", vec![("tid", globex.as_str().into())]),
        (400, "could not be verified", vec![("nonce", "another".into())]),
        (403, "was not a fresh sign-in", vec![("auth_time", long_ago.into())]),
        (403, "was not a fresh sign-in", vec![("auth_time", serde_json::Value::Null)]),
    ];
    for (status, words, claims) in forgeries {
        customers.world().forge_id_tokens(move |token| {
            claims.iter().for_each(|(claim, value)| token[*claim] = value.clone());
        });
        let page = browser.sign_in_fresh(&path, own).await;
        page.is_error(status, words);
        page.is(status, "href=\"/people\">Go back and try again");
        submit_guess(&mut browser, &path).await.is(200, SIGN_IN_AGAIN);
    }
    customers.world().forge_id_tokens(|_| {});
    let at_microsoft = browser.go_to_fresh_sign_in(&path).await;
    let back = browser.decide(&at_microsoft, own, "accept").await;
    let of_connecting = browser.go_to_microsoft().await;
    let theirs = browser.decide(&of_connecting, own, "accept").await;
    browser
        .open(&back.replace(state_of(&back), state_of(&theirs)))
        .await
        .is_error(400, "did not confirm the sign-in");
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::MovedObjectId));
}

#[tokio::test]
async fn remembered_browser_signs_in_again() {
    let (customers, mut browser, _, path) = with_moved_id().await;
    let own = customers.acme.administrator.object;
    customers.advance(1_200);
    let asked = browser.go_to_fresh_sign_in(&path).await;
    assert!(asked.contains("&prompt=login&max_age=600"), "{asked}");
    assert!(asked.contains("scope=openid%20profile&"), "nothing but who it is: {asked}");
    assert!(
        asked.contains(&format!("/{}/oauth2/v2.0/authorize", customers.acme.directory)),
        "{asked}"
    );
    let back = browser.decide(&asked.replace("&prompt=login&max_age=600", ""), own, "accept").await;
    browser.open(&back).await.is_error(403, "was not a fresh sign-in");
    customers.world().set_optional_claims(AppRegistration::Groups, &[]);
    let asked = browser.go_to_fresh_sign_in(&path).await;
    let back = browser.decide(&asked.replace("&prompt=login&max_age=600", ""), own, "accept").await;
    browser.open(&back).await.is_error(403, "was not a fresh sign-in");
    browser.sign_in_fresh(&path, own).await.is(200, "an administrator of the directory");
}

#[tokio::test]
async fn declining_changes_nothing() {
    let (customers, mut browser, _, path) = with_moved_id().await;
    let asked = browser.go_to_fresh_sign_in(&path).await;
    let consenting = asked.replace("prompt=login", "prompt=consent");
    let back = browser.decide(&consenting, customers.acme.administrator.object, "decline").await;
    let page = browser.open(&back).await;
    page.is_error(403, "You declined at Microsoft");
    page.is(403, "href=\"/people\">Go back and try again");
    browser.open(&path).await.is(200, "Sign in with Microsoft");
}

#[tokio::test]
async fn changed_id_is_shown_and_not_confirmed() {
    let (customers, mut browser, moved, path) = with_moved_id().await;
    let own = customers.acme.administrator.object;
    let page = browser.sign_in_fresh(&path, own).await;

    // Two accounts hold the id.
    let third = customers.world().add_webex_only(&customers.acme, "Third");
    customers.world().set_external_id(third, Some(moved.object));
    browser
        .open(&format!("/people/{third}"))
        .await
        .is(200, "Two Webex accounts have the same externalId");
    submit_confirmation(&mut browser, &path, &page).await.is(409, "so nothing was confirmed");
    // A different account holds the id.
    customers.world().set_external_id(moved.person, None);
    submit_confirmation(&mut browser, &path, &page).await.is(409, "so nothing was confirmed");
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::NotSynchronized));
    assert_eq!(exclusion(&customers, third).await, Some(ExclusionReason::MovedObjectId));
    browser.open(&format!("/people/{third}")).await.is(200, "Is this the same person?");
    // No account holds the id.
    customers.world().set_external_id(third, None);
    submit_confirmation(&mut browser, &path, &page).await.is(409, "No externalId says which");
    // The account holds the id of another user.
    customers.world().set_external_id(moved.person, Some(customers.people[4].object));
    submit_confirmation(&mut browser, &path, &page).await.is(409, "so nothing was confirmed");
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::SharedObjectId));
    // The account is deleted.
    customers.world().delete_account(moved.person);
    let form = [("action", "confirm"), ("csrf", &page.csrf()), ("hash", &page.field("hash"))];
    browser.submit(&path, &form).await.is_error(404, "There is no such person here");
}

#[tokio::test]
async fn concurrent_confirmations_count_once() {
    let (customers, mut one, moved, path) = with_moved_id().await;
    let own = customers.acme.administrator.object;
    let mut other = customers.signed_in(&customers.acme).await;
    let (first, second) =
        (one.sign_in_fresh(&path, own).await, other.sign_in_fresh(&path, own).await);
    let mut again = one.clone();
    let pages = tokio::join!(
        submit_confirmation(&mut one, &path, &first),
        submit_confirmation(&mut other, &path, &second),
        submit_confirmation(&mut again, &path, &first)
    );
    for page in [&pages.0, &pages.1, &pages.2] {
        page.is(200, "Confirmed: the person");
    }
    assert_eq!(exclusion(&customers, moved.person).await, None);
    let key = format!("OBJECT#{}#{}/-", customers.tenant().await, moved.object);
    let stored = customers.items()[&key].clone();
    submit_confirmation(&mut one, &path, &first).await.is(200, "Confirmed: the person");
    assert_eq!(customers.items()[&key], stored, "nothing is written twice");
}

#[tokio::test]
async fn foreign_person_is_not_found() {
    let (customers, _, moved, path) = with_moved_id().await;
    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&path).await.is_error(404, "There is no such person here");
    let csrf = globex.open("/people").await.csrf();
    for action in ["confirm", "sign-in"] {
        let page =
            globex.submit(&path, &[("action", action), ("csrf", &csrf), ("hash", "x")]).await;
        page.is_error(404, "There is no such person here");
    }
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::MovedObjectId));
    for path in ["/people/x", "/people/", &path.to_uppercase().replace("PEOPLE", "people")] {
        globex.open(path).await.is_error(404, "Page not found");
    }
}

#[tokio::test]
async fn person_stays_known_after_one_answer_that_they_are_gone() {
    let (customers, mut browser, moved, path) = with_moved_id().await;
    let lie = Fault::lie(Lie::NotThere).on(Service::Webex).path("/v2/Users/");
    customers.world().inject(lie.person(&[moved.person.0]).forever());
    browser.open(&path).await.is_error(404, "There is no such person here");
    assert_eq!(exclusion(&customers, moved.person).await, Some(ExclusionReason::MovedObjectId));
    customers.world().clear_faults();
    browser.open(&path).await.is(200, "Married Name");
}
