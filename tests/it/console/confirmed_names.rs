//! Accounts whose names differ from their users: confirmed in bulk, listed, and revoked.

use domain::ids::PersonId;
use domain::membership::ExclusionReason;
use sim::Person;

use super::external_ids::exclusion;
use crate::support::{Browser, Customers, Page};

const NAMES: &str = "/people/names";
const DIFFER: Option<ExclusionReason> = Some(ExclusionReason::NamesDiffer);

/// Returns Acme, connected, with people whose accounts have the ids of users with other names.
pub(super) async fn with_differing_names(names: &[&str]) -> (Customers, Browser, Vec<Person>) {
    let customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    let world = customers.world();
    let pair = |name: &&str| {
        let object = world.add_entra_only(&customers.acme, &format!("Adele {name}"));
        let person = world.add_webex_only(&customers.acme, &format!("Webex {name}"));
        world.set_external_id(person, Some(object));
        Person { person, object }
    };
    let people: Vec<Person> = names.iter().map(pair).collect();
    customers.stack.scan_people(customers.tenant().await).await.unwrap();
    for one in &people {
        assert_eq!(exclusion(&customers, one.person).await, DIFFER);
    }
    (customers, browser, people)
}

/// Returns what a page offers to confirm.
pub(super) fn offered(page: &Page) -> Vec<String> {
    let rest = page.html.split("name=\"pair\" value=\"").skip(1);
    rest.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Confirms what the page shows, with the fresh sign-in that it takes.
async fn confirm(browser: &mut Browser, page: &Page) -> Page {
    confirm_pairs(browser, page, &offered(page)).await
}

/// Confirms these pairs, with the fresh sign-in that it takes.
pub(super) async fn confirm_pairs(browser: &mut Browser, page: &Page, pairs: &[String]) -> Page {
    let csrf = page.csrf();
    let mut form: Vec<_> = pairs.iter().map(|pair| ("pair", pair.as_str())).collect();
    form.push(("csrf", &csrf));
    browser.submit(NAMES, &form).await
}

async fn revoke(browser: &mut Browser, person: PersonId) -> Page {
    let path = format!("/people/{person}");
    browser.submit_on(&path, &path, &[("action", "revoke")]).await
}

#[tokio::test]
async fn directory_admin_confirms_differing_names_in_bulk() {
    let (customers, mut browser, people) = with_differing_names(&["One", "Two", "Three"]).await;
    browser.open("/people?why=names-differ").await.is(200, &format!("href=\"{NAMES}\""));
    let page = browser.open(NAMES).await;
    for shown in ["Webex One", "webex.two@acme.example", "adele.three@acme.example"] {
        page.is(200, shown);
    }
    assert_eq!(offered(&page).len(), 3);
    // Two are chosen; the third keeps waiting.
    let two = &people[..2];
    let chosen: Vec<String> = offered(&page)
        .into_iter()
        .filter(|pair| two.iter().any(|one| pair.ends_with(&one.person.to_string())))
        .collect();
    let asked = {
        let mut unproven = browser.clone();
        unproven.proves_as = None;
        confirm_pairs(&mut unproven, &page, &chosen).await
    };
    asked.is(200, "Sign in again with Microsoft");
    assert_eq!(exclusion(&customers, two[0].person).await, DIFFER, "not without the proof");
    confirm_pairs(&mut browser, &page, &chosen).await.is(200, "2 of 2 confirmed");
    for one in two {
        assert_eq!(exclusion(&customers, one.person).await, None);
    }
    assert_eq!(exclusion(&customers, people[2].person).await, DIFFER);
    let page = browser.open(NAMES).await;
    assert_eq!(offered(&page).len(), 1);
    page.is(200, "Confirmed, although the names differ");
    page.is(200, &customers.acme.administrator.object.to_string());
    confirm_pairs(&mut browser, &page, &chosen).await.is(200, "0 of 2 confirmed");
}

#[tokio::test]
async fn bulk_confirmation_covers_only_what_was_shown() {
    let (customers, mut browser, people) = with_differing_names(&["One", "Two", "Three"]).await;
    let page = browser.open(NAMES).await;
    let world = customers.world();
    // One account is renamed, and one gets the id of another user.
    world.set_email(people[0].person, "renamed@acme.example");
    let other = world.add_entra_only(&customers.acme, "Chief Executive");
    world.set_external_id(people[1].person, Some(other));
    confirm(&mut browser, &page).await.is(200, "1 of 3 confirmed");
    assert_eq!(exclusion(&customers, people[0].person).await, DIFFER);
    assert_eq!(exclusion(&customers, people[1].person).await, DIFFER);
    assert_eq!(exclusion(&customers, people[2].person).await, None);
    // The page shows what is true now.
    let page = browser.open(NAMES).await;
    page.is(200, "renamed@acme.example");
    page.is(200, "chief.executive@acme.example");
}

#[tokio::test]
async fn forged_confirmations_confirm_no_one() {
    let (customers, mut browser, people) = with_differing_names(&["One", "Two"]).await;
    let page = browser.open(NAMES).await;
    let forged = |pair: &String| {
        let (_, person) = pair.split_once('/').unwrap();
        format!("{}/{person}", "0".repeat(64))
    };
    let forged: Vec<String> = offered(&page).iter().map(forged).collect();
    confirm_pairs(&mut browser, &page, &forged).await.is(200, "0 of 2 confirmed");
    for nonsense in ["x", "x/y", "/"] {
        let page = confirm_pairs(&mut browser, &page, &[nonsense.into()]).await;
        page.is_error(400, "be read");
    }
    let mut foreign = customers.connected(&customers.globex).await;
    let theirs = foreign.open(NAMES).await;
    assert!(!theirs.html.contains("Webex One"));
    let page = confirm_pairs(&mut foreign, &theirs, &offered(&page)).await;
    page.is(200, "0 of 2 confirmed");
    for one in people {
        assert_eq!(exclusion(&customers, one.person).await, DIFFER);
    }
}

#[tokio::test]
async fn confirmation_is_listed_and_revoked() {
    let (customers, mut browser, people) = with_differing_names(&["One", "Two"]).await;
    let page = browser.open(NAMES).await;
    confirm(&mut browser, &page).await.is(200, "2 of 2 confirmed");
    let page = browser.open(NAMES).await;
    for one in &people {
        page.is(200, &format!("href=\"/people/{}\"", one.person));
    }
    let mut foreign = customers.connected(&customers.globex).await;
    let path = format!("/people/{}", people[0].person);
    foreign
        .submit_on("/people", &path, &[("action", "revoke")])
        .await
        .is_error(404, "no such person");
    assert_eq!(exclusion(&customers, people[0].person).await, None);
    revoke(&mut browser, people[0].person).await.is(200, "Revoked");
    assert_eq!(exclusion(&customers, people[0].person).await, DIFFER);
    assert_eq!(exclusion(&customers, people[1].person).await, None);
    // A scan does not bring it back, and a second try changes nothing.
    customers.stack.scan_people(customers.tenant().await).await.unwrap();
    assert_eq!(exclusion(&customers, people[0].person).await, DIFFER);
    let page = browser.open(NAMES).await;
    assert_eq!(offered(&page).len(), 1);
    revoke(&mut browser, people[0].person).await.is(409, "so nothing was revoked");
    // Names that agree need no confirmation, and are not listed.
    customers.world().set_email(people[1].person, "adele.two@acme.example");
    customers.stack.scan_people(customers.tenant().await).await.unwrap();
    let page = browser.open(NAMES).await;
    assert!(!page.html.contains(&format!("href=\"/people/{}\"", people[1].person)));
}
