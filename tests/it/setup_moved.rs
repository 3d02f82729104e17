//! An externalId that moved from one account to another waits for an administrator who signs in freshly with Microsoft.

use domain::clock::Clock;
use domain::ids::PersonId;
use domain::membership::LeftOut;
use engine::people::PersonIndex;
use sandbox::{DirectoryRole, Person, Registration, Role};

use crate::setup_browser::{Browser, Customers, Page};
use crate::town::MINUTE;

/// Acme, connected, where somebody else bears the id of the last person by now.
async fn with_a_moved_id() -> (Customers, Browser, Person, String) {
    let mut customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    customers.house.see_everybody(tenant).await.unwrap();
    let before = customers.people[5];
    let now = customers.world().add_webex_only(&customers.acme, "Married Name");
    customers.world().set_external_id(before.person, None);
    customers.house.see_everybody(tenant).await.unwrap();
    customers.world().set_external_id(now, Some(before.object));
    customers.house.see_everybody(tenant).await.unwrap();
    let moved = Person { person: now, object: before.object };
    assert_eq!(left_out(&customers, now).await, Some(LeftOut::MovedObjectId));
    (customers, browser, moved, format!("/people/{now}"))
}

async fn left_out(customers: &Customers, person: PersonId) -> Option<LeftOut> {
    let index = PersonIndex::new(customers.house.ground().store.as_ref(), customers.tenant().await);
    index.people([person]).await.unwrap()[&person].left_out()
}

/// Confirms what a page shows.
async fn confirm(browser: &mut Browser, path: &str, page: &Page) -> Page {
    let form = [("action", "confirm"), ("csrf", &page.csrf()), ("hash", &page.field("hash"))];
    browser.submit(path, &form).await
}

/// Sends the form of a page with a guess at what it would have shown.
async fn guess(browser: &mut Browser, path: &str) -> Page {
    browser.submit_on(path, path, &[("action", "confirm"), ("hash", "guessed")]).await
}

#[tokio::test]
async fn an_administrator_of_the_directory_says_whose_it_is_and_the_person_joins() {
    let (mut customers, mut browser, moved, path) = with_a_moved_id().await;
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    customers.house.let_pass(MINUTE).await;
    let team = customers.world().create_team(customers.people[0].person, "Lighthouse");
    customers.world().add_to_team(team, moved.person, Role::Member).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    let members = |customers: &Customers| {
        customers.world().groups(customers.acme.directory).into_values().next().unwrap().members
    };
    assert!(!members(&customers).contains(&moved.object), "until somebody says whose it is");

    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open("/people?why=moved").await.is(200, &format!("href=\"{path}\""));
    let page = browser.open(&path).await;
    let before = customers.people[5];
    for shown in ["Person 05", "Married Name", &before.person.to_string(), &moved.object.to_string()] {
        page.is(200, shown);
    }
    page.is(200, "Sign in with Microsoft");
    let administrator = customers.acme.administrator;
    let page = browser.prove(&path, administrator.object).await;
    page.is(200, "an administrator of the directory");
    customers.advance(1);
    confirm(&mut browser, &path, &page).await.is(200, "It is confirmed");
    let page = browser.open(&path).await;
    page.is(200, "Takes part");
    page.is(200, &administrator.person.to_string());
    page.is(200, &administrator.object.to_string());
    customers.house.let_pass(30 * MINUTE).await;
    assert!(members(&customers).contains(&moved.object), "{:?}", members(&customers));
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

#[tokio::test]
async fn nobody_else_says_it() {
    let (customers, mut browser, moved, path) = with_a_moved_id().await;
    guess(&mut browser, &path).await.is(403, "sign in with Microsoft as an administrator");
    let page = browser.prove(&path, customers.people[0].object).await;
    page.is(200, "who is no Global Administrator");
    guess(&mut browser, &path).await.is(403, "Nothing was confirmed");
    customers.world().give_directory_role(customers.people[0].object, DirectoryRole::UserAdministrator);
    browser.prove(&path, customers.people[0].object).await.is(200, "who is no Global Administrator");
    guess(&mut browser, &path).await.is(403, "Nothing was confirmed");
    assert_eq!(left_out(&customers, moved.person).await, Some(LeftOut::MovedObjectId));
}

#[tokio::test]
async fn a_sign_in_counts_for_ten_minutes_in_the_session_that_asked() {
    let (customers, mut browser, moved, path) = with_a_moved_id().await;
    let administrator = customers.acme.administrator.object;
    let page = browser.prove(&path, administrator).await;
    customers.advance(601);
    confirm(&mut browser, &path, &page).await.is(403, "Nothing was confirmed");
    let page = browser.prove(&path, administrator).await;
    let mut other = customers.signed_in(&customers.acme).await;
    let theirs = other.open(&path).await;
    theirs.is(200, "Sign in with Microsoft");
    let form = [("action", "confirm"), ("csrf", &theirs.csrf()), ("hash", &page.field("hash"))];
    other.submit(&path, &form).await.is(403, "Nothing was confirmed");
    assert_eq!(left_out(&customers, moved.person).await, Some(LeftOut::MovedObjectId));

    // The way back works in the session that went, and once.
    let at_microsoft = browser.go_and_prove(&path).await;
    let back = browser.decide(&at_microsoft, administrator, "accept").await;
    let mut borrowed = browser.clone();
    borrowed.cookies.insert("__Host-session".into(), other.cookies["__Host-session"].clone());
    borrowed.open(&back).await.fails(400, "cannot be used any more");
    browser.open(&back).await.is(200, "an administrator of the directory");
    browser.open(&back).await.fails(400, "cannot be used any more");
    other.open(&path).await.is(200, "Sign in with Microsoft");
}

#[tokio::test]
async fn what_does_not_prove_that_an_administrator_of_this_directory_sits_there_now_is_refused() {
    let (customers, mut browser, moved, path) = with_a_moved_id().await;
    let (own, globex) = (customers.acme.administrator.object, customers.globex.directory.to_string());
    let issuer = format!("https://login.microsoftonline.com/{globex}/v2.0");
    let long_ago = customers.house.ground().clock.now().as_second() - 3_600;
    type Claims = Vec<(&'static str, serde_json::Value)>;
    let forgeries: [(u16, &str, Claims); 5] = [
        (403, "That is another directory", vec![("tid", globex.as_str().into()), ("iss", issuer.into())]),
        (400, "could not be verified", vec![("tid", globex.as_str().into())]),
        (400, "could not be verified", vec![("nonce", "another".into())]),
        (403, "was not a fresh sign-in", vec![("auth_time", long_ago.into())]),
        (403, "was not a fresh sign-in", vec![("auth_time", serde_json::Value::Null)]),
    ];
    for (status, words, claims) in forgeries {
        customers.world().forge_id_tokens(move |token| {
            claims.iter().for_each(|(claim, value)| token[*claim] = value.clone());
        });
        let page = browser.prove(&path, own).await;
        page.fails(status, words);
        page.is(status, "href=\"/people\">Go back and try again");
        guess(&mut browser, &path).await.is(403, "Nothing was confirmed");
    }
    customers.world().forge_id_tokens(|_| {});
    let at_microsoft = browser.go_and_prove(&path).await;
    let back = browser.decide(&at_microsoft, own, "accept").await;
    let of_connecting = browser.go_to_microsoft().await;
    let theirs = browser.decide(&of_connecting, own, "accept").await;
    let state = |url: &str| url.split("&state=").last().unwrap().split('&').next().unwrap().to_owned();
    browser.open(&back.replace(&state(&back), &state(&theirs))).await.fails(400, "did not confirm the sign-in");
    assert_eq!(left_out(&customers, moved.person).await, Some(LeftOut::MovedObjectId));
}

#[tokio::test]
async fn a_browser_that_microsoft_remembers_is_asked_again_and_cannot_leave_that_out() {
    let (customers, mut browser, _, path) = with_a_moved_id().await;
    let own = customers.acme.administrator.object;
    customers.advance(1_200);
    let asked = browser.go_and_prove(&path).await;
    assert!(asked.contains("&prompt=login&max_age=600"), "{asked}");
    assert!(asked.contains("scope=openid%20profile&"), "nothing but who it is: {asked}");
    assert!(asked.contains(&format!("/{}/oauth2/v2.0/authorize", customers.acme.directory)), "{asked}");
    let back = browser.decide(&asked.replace("&prompt=login&max_age=600", ""), own, "accept").await;
    browser.open(&back).await.fails(403, "was not a fresh sign-in");
    customers.world().set_optional_claims(Registration::Groups, &[]);
    let asked = browser.go_and_prove(&path).await;
    let back = browser.decide(&asked.replace("&prompt=login&max_age=600", ""), own, "accept").await;
    browser.open(&back).await.fails(403, "was not a fresh sign-in");
    browser.prove(&path, own).await.is(200, "an administrator of the directory");
}

#[tokio::test]
async fn declining_leads_back_and_changes_nothing() {
    let (customers, mut browser, _, path) = with_a_moved_id().await;
    let asked = browser.go_and_prove(&path).await;
    let consenting = asked.replace("prompt=login", "prompt=consent");
    let back = browser.decide(&consenting, customers.acme.administrator.object, "decline").await;
    let page = browser.open(&back).await;
    page.fails(403, "You declined at Microsoft");
    page.is(403, "href=\"/people\">Go back and try again");
    browser.open(&path).await.is(200, "Sign in with Microsoft");
}

#[tokio::test]
async fn what_moved_meanwhile_is_shown_as_it_is_and_nothing_is_confirmed() {
    let (customers, mut browser, moved, path) = with_a_moved_id().await;
    let own = customers.acme.administrator.object;
    let page = browser.prove(&path, own).await;

    // Two bear it.
    let third = customers.world().add_webex_only(&customers.acme, "Third");
    customers.world().set_external_id(third, Some(moved.object));
    browser.open(&format!("/people/{third}")).await.is(200, "Two Webex accounts have the same externalId");
    confirm(&mut browser, &path, &page).await.is(409, "so nothing was confirmed");
    // Another one bears it.
    customers.world().set_external_id(moved.person, None);
    confirm(&mut browser, &path, &page).await.is(409, "so nothing was confirmed");
    assert_eq!(left_out(&customers, moved.person).await, Some(LeftOut::NotSynchronized));
    assert_eq!(left_out(&customers, third).await, Some(LeftOut::MovedObjectId));
    browser.open(&format!("/people/{third}")).await.is(200, "Is this the same person?");
    // Nobody bears it.
    customers.world().set_external_id(third, None);
    confirm(&mut browser, &path, &page).await.is(409, "No externalId says which");
    // Again, but for another user.
    customers.world().set_external_id(moved.person, Some(customers.people[4].object));
    confirm(&mut browser, &path, &page).await.is(409, "so nothing was confirmed");
    assert_eq!(left_out(&customers, moved.person).await, Some(LeftOut::SharedObjectId));
    // The account is gone.
    customers.world().delete_account(moved.person);
    let form = [("action", "confirm"), ("csrf", &page.csrf()), ("hash", &page.field("hash"))];
    browser.submit(&path, &form).await.fails(404, "There is no such person here");
}

#[tokio::test]
async fn two_administrators_at_once_confirm_it_once() {
    let (customers, mut one, moved, path) = with_a_moved_id().await;
    let own = customers.acme.administrator.object;
    let mut other = customers.signed_in(&customers.acme).await;
    let (first, second) = (one.prove(&path, own).await, other.prove(&path, own).await);
    let mut again = one.clone();
    let pages = tokio::join!(
        confirm(&mut one, &path, &first),
        confirm(&mut other, &path, &second),
        confirm(&mut again, &path, &first)
    );
    for page in [&pages.0, &pages.1, &pages.2] {
        page.is(200, "It is confirmed");
    }
    assert_eq!(left_out(&customers, moved.person).await, None);
    let key = format!("OBJECT#{}#{}/-", customers.tenant().await, moved.object);
    let stored = customers.items()[&key].clone();
    confirm(&mut one, &path, &first).await.is(200, "It is confirmed");
    assert_eq!(customers.items()[&key], stored, "nothing is written twice");
}

#[tokio::test]
async fn another_customers_person_is_nobody_here() {
    let (customers, _, moved, path) = with_a_moved_id().await;
    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&path).await.fails(404, "There is no such person here");
    let csrf = globex.open("/people").await.csrf();
    for action in ["confirm", "sign-in"] {
        let page = globex.submit(&path, &[("action", action), ("csrf", &csrf), ("hash", "x")]).await;
        page.fails(404, "There is no such person here");
    }
    assert_eq!(left_out(&customers, moved.person).await, Some(LeftOut::MovedObjectId));
    for path in ["/people/x", "/people/", &path.to_uppercase().replace("PEOPLE", "people")] {
        globex.open(path).await.fails(404, "There is no such page");
    }
}
