//! A running integration: replaced accounts, lost roles, and what resumes it.

use domain::ids::{PersonId, TeamId};
use sandbox::AdminRole::{ComplianceOfficer, ReadOnlyAdmin};
use serde_json::json;
use sim::{Failure, Fault, MembershipRole, Service};

use crate::support::{Browser, Customers, KEEP, MINUTE, active_groups, with_linked_teams};

fn is_in(customers: &Customers, team: TeamId, person: PersonId) -> bool {
    customers.world().team(team).unwrap().people.contains_key(&person)
}

async fn replace(browser: &mut Browser, by: PersonId) {
    browser
        .connect_webex(by, &[("intent", "replace")])
        .await
        .is(200, "Connected through New Account");
}

#[tokio::test]
async fn replaced_account_leaves_every_team() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(3).await;
    let (old, new) = (
        customers.acme.service_account,
        customers.add_account_with_roles("New Account", &[ComplianceOfficer, ReadOnlyAdmin]),
    );
    let groups = active_groups(&customers);
    let members = |customers: &Customers| -> Vec<_> {
        groups.iter().map(|group| customers.world().group(*group).unwrap().members).collect()
    };
    let before = members(&customers);
    replace(&mut browser, new).await;
    customers.stack.let_pass(10 * MINUTE).await;
    for team in &teams {
        assert!(is_in(&customers, *team, new) && !is_in(&customers, *team, old));
    }
    assert_eq!(members(&customers), before, "neither of the two is one of the people");

    customers.world().add_member(groups[0], customers.people[5].object);
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(
        teams.iter().filter(|team| is_in(&customers, **team, customers.people[5].person)).count(),
        1
    );
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.stack.let_pass(2 * MINUTE).await;
    assert!(teams.iter().all(|team| !is_in(&customers, *team, new)));
}

#[tokio::test]
async fn account_added_by_a_person_stays_when_replaced() {
    let (mut customers, _, _, teams) = with_linked_teams(1).await;
    let (old, new) = (
        customers.acme.service_account,
        customers.add_account_with_roles("New Account", &[ComplianceOfficer, ReadOnlyAdmin]),
    );
    let own = customers.world().create_team(customers.people[0].person, "With the account in it");
    customers.world().add_to_team(own, old, MembershipRole::Member).unwrap();
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 2);
    let mut browser = customers.signed_in(&customers.acme).await;
    replace(&mut browser, new).await;
    customers.stack.let_pass(10 * MINUTE).await;
    assert!(is_in(&customers, own, old), "the old one");
    assert!(is_in(&customers, own, new), "the new one");
    assert!(!is_in(&customers, teams[0], old));
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.stack.let_pass(2 * MINUTE).await;
    assert!(is_in(&customers, own, old) && !is_in(&customers, own, new));
}

#[tokio::test]
async fn account_added_by_a_person_stays_when_disconnected() {
    let (mut customers, _, _, teams) = with_linked_teams(1).await;
    let own = customers.world().create_team(customers.people[0].person, "With the account in it");
    customers
        .world()
        .add_to_team(own, customers.acme.service_account, MembershipRole::Member)
        .unwrap();
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 2);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.stack.let_pass(2 * MINUTE).await;
    assert!(
        is_in(&customers, own, customers.acme.service_account)
            && !is_in(&customers, teams[0], customers.acme.service_account)
    );
}

#[tokio::test]
async fn overview_shows_suspension_until_reconnected() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    let home = browser.open("/").await;
    home.is(200, "Last checked for changes");
    assert!(!home.html.contains("Sync is paused"));
    customers.world().take_role(customers.acme.service_account, ComplianceOfficer);
    customers.stack.let_pass(10 * MINUTE).await;
    browser.open("/").await.is(200, "no longer has the compliance officer role");
    customers.world().add_member(active_groups(&customers)[0], customers.people[5].object);
    // Without a new account, the next check would be four minutes away.
    customers.stack.let_pass(2 * MINUTE).await;
    assert!(!is_in(&customers, teams[0], customers.people[5].person));

    let new = customers.add_account_with_roles("New Account", &[ComplianceOfficer, ReadOnlyAdmin]);
    replace(&mut browser, new).await;
    customers.stack.let_pass(3 * MINUTE).await;
    let home = browser.open("/").await;
    assert!(!home.html.contains("Sync is paused"), "{}", home.html);
    assert!(
        is_in(&customers, teams[0], customers.people[5].person),
        "changes made meanwhile are applied"
    );
}

#[tokio::test]
async fn new_consent_ends_the_suspension() {
    let (mut customers, ..) = with_linked_teams(1).await;
    customers.world().withdraw_consent(customers.acme.directory);
    customers.stack.let_pass(100 * MINUTE).await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open("/").await.is(200, "has to authorize it again");
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    customers.stack.let_pass(2 * MINUTE).await;
    assert!(!browser.open("/").await.html.contains("Sync is paused"));
}

#[tokio::test]
async fn changes_of_preview_apply_soon_after() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    browser.open("/").await.is(200, "In preview mode");
    for group in active_groups(&customers) {
        customers.world().add_member(group, customers.people[5].object);
    }
    customers.stack.let_pass(20 * MINUTE).await;
    assert!(teams.iter().all(|team| !is_in(&customers, *team, customers.people[5].person)));
    browser.save(&[("running", "live")]).await.is(200, "saved");
    customers.stack.let_pass(3 * MINUTE).await;
    assert!(teams.iter().all(|team| is_in(&customers, *team, customers.people[5].person)));
}

#[tokio::test]
async fn missing_scopes_are_named() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let granted = ["spark-compliance:events_read", "identity:people_read", "spark:people_read"];
    let tokens = customers.world().issue_tokens(customers.acme.service_account, &granted);
    let answer = json!({
        "access_token": tokens.access_token, "expires_in": 1209600,
        "refresh_token": tokens.refresh_token, "refresh_token_expires_in": 7776000,
        "token_type": "Bearer", "scope": granted.join(" "),
    });
    let at_webex = browser.go_to_webex(&[]).await;
    let back = browser.decide(&at_webex, customers.acme.service_account, "accept").await;
    let partly =
        Fault::new(Failure::Status(200, vec![], answer)).on(Service::Webex).path("/access_token");
    customers.world().inject(partly);
    let page = browser.open(&back).await;
    page.is_error(403, "spark-compliance:memberships_write");
    assert!(!page.html.contains("spark-compliance:events_read"), "{}", page.html);
    assert!(customers.organization(customers.acme.org).await.unwrap().service_account.is_none());
    assert!(
        customers.stack.backend().secrets.names().iter().all(|name| !name.contains("/tenant/"))
    );
}
