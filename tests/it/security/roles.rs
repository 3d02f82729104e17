//! Roles below a full administrator's: what they see, and that they change nothing.

use std::collections::BTreeMap;

use sim::AdminRole;

use super::attacks::{FORMS, filled};
use crate::support::{Browser, Customers, with_linked_teams};

/// Pages about teams, settings and connections.
const PAGES: [&str; 11] = [
    "/teams",
    "/prerequisites",
    "/settings",
    "/held",
    "/existing",
    "/selection",
    "/sessions",
    "/webex",
    "/oauth/microsoft",
    "/disconnect",
    "/people/names",
];

/// Pages about people and what was done to them.
const PEOPLE: [&str; 4] = ["/people", "/activity", "/activity.csv", "/help"];

const REFUSED: &str = "Only full administrators can change this";

async fn signed_in_as(customers: &Customers, role: AdminRole) -> Browser {
    let account = customers.add_account_with_roles("Limited", &[role]);
    let mut browser = customers.browser();
    browser.sign_in(account).await.is(200, "Your role is");
    browser
}

/// Sends every form, and expects that each is refused and changes nothing.
async fn expect_no_change(customers: &Customers, browser: &mut Browser) {
    let lasting = |customers: &Customers| -> BTreeMap<_, _> {
        customers.items().into_iter().filter(|(key, _)| !key.starts_with("SESSION#")).collect()
    };
    let csrf = browser.open("/people").await.csrf();
    let before = lasting(customers);
    for (pattern, form, _) in FORMS.iter().filter(|(pattern, ..)| *pattern != "/sign-out") {
        let mut form = form.to_vec();
        form.push(("csrf", &csrf));
        let page = browser.submit_without_proof(&filled(pattern), &form).await;
        page.is_error(403, REFUSED);
    }
    assert_eq!(lasting(customers), before);
}

#[tokio::test]
async fn read_only_administrator_sees_everything_and_changes_nothing() {
    let (customers, mut full, _, teams) = with_linked_teams(1).await;
    full.submit_on("/", "/settings", &[("switch", "off")]).await.is(200, "is off");
    let mut browser = signed_in_as(&customers, AdminRole::ReadOnlyAdmin).await;
    for path in PAGES.iter().chain(&PEOPLE) {
        assert_eq!(browser.open(path).await.status, 200, "{path}");
    }
    browser.open(&format!("/teams/{}", teams[0])).await.is(200, "Team 0");
    browser.open("/oauth/microsoft/consent").await.is_error(403, REFUSED);
    expect_no_change(&customers, &mut browser).await;
    browser.submit_on("/", "/sign-out", &[]).await.is(200, "You are signed out");
}

#[tokio::test]
async fn user_administrator_sees_people_and_activity_only() {
    let (customers, .., teams) = with_linked_teams(1).await;
    let mut browser = signed_in_as(&customers, AdminRole::UserAdmin).await;
    for path in PEOPLE {
        assert_eq!(browser.open(path).await.status, 200, "{path}");
    }
    let team = format!("/teams/{}", teams[0]);
    for path in PAGES.into_iter().chain([team.as_str()]) {
        let page = browser.open(path).await;
        page.is_error(403, "Your role doesn't include this page");
        assert!(!page.html.contains("Team 0"), "{path}: {}", page.html);
    }
    let home = browser.open("/").await;
    home.is(200, "<h1>People");
    assert!(!home.html.contains("href=\"/settings\""), "{}", home.html);
    expect_no_change(&customers, &mut browser).await;
}

#[tokio::test]
async fn lesser_role_counts_from_the_next_form_and_ends_no_session() {
    let (customers, mut browser, ..) = with_linked_teams(1).await;
    let person = customers.acme.administrator.person;
    let page = browser.open("/settings").await;
    let before = customers.settings().await;
    customers.world().take_role(person, AdminRole::FullAdmin);
    customers.world().give_role(person, AdminRole::ReadOnlyAdmin);
    browser.save_on(&page, &[("link_people", "1")]).await.is_error(403, REFUSED);
    assert_eq!(customers.settings().await, before);
    browser.open("/settings").await.is(200, "you see everything and change nothing");
    customers.world().give_role(person, AdminRole::FullAdmin);
    browser.save_on(&page, &[("link_people", "1")]).await.is(200, "saved");
    let shown = browser.open("/settings").await;
    assert!(!shown.html.contains("Your role is"), "{}", shown.html);
}
