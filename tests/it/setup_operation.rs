//! Coming back: what administrators see of a running integration, and what a change of theirs sets going.

use domain::ids::{PersonId, TeamId};
use sandbox::AdminRole::{ComplianceOfficer, ReadOnlyAdmin};
use sandbox::{Failure, Fault, Role, Service};
use serde_json::json;

use crate::setup_browser::{Browser, Customers};
use crate::setup_leaving::{KEEP, living_groups, with_teams};
use crate::town::MINUTE;

fn is_in(customers: &Customers, team: TeamId, person: PersonId) -> bool {
    customers.world().team(team).unwrap().people.contains_key(&person)
}

async fn replace(browser: &mut Browser, by: PersonId) {
    browser.connect_webex(by, &[("intent", "replace")]).await.is(200, "Connected through New Officer");
}

#[tokio::test]
async fn whoever_replaces_the_account_takes_its_place_in_every_team_and_the_old_one_leaves() {
    let (mut customers, mut browser, _, teams) = with_teams(3).await;
    let (old, new) = (customers.acme.officer, customers.with_roles("New Officer", &[ComplianceOfficer, ReadOnlyAdmin]));
    let groups = living_groups(&customers);
    let members = |customers: &Customers| -> Vec<_> {
        groups.iter().map(|group| customers.world().group(*group).unwrap().members).collect()
    };
    let before = members(&customers);
    replace(&mut browser, new).await;
    customers.house.let_pass(10 * MINUTE).await;
    for team in &teams {
        assert!(is_in(&customers, *team, new) && !is_in(&customers, *team, old));
    }
    assert_eq!(members(&customers), before, "neither of the two is one of the people");

    customers.world().add_member(groups[0], customers.people[5].object);
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(teams.iter().filter(|team| is_in(&customers, **team, customers.people[5].person)).count(), 1);
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.house.let_pass(2 * MINUTE).await;
    assert!(teams.iter().all(|team| !is_in(&customers, *team, new)));
}

#[tokio::test]
async fn an_account_that_somebody_put_into_a_team_before_stays_there() {
    let (mut customers, _, _, teams) = with_teams(1).await;
    let (old, new) = (customers.acme.officer, customers.with_roles("New Officer", &[ComplianceOfficer, ReadOnlyAdmin]));
    let own = customers.world().create_team(customers.people[0].person, "With the account in it");
    customers.world().add_to_team(own, old, Role::Member).unwrap();
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 2);
    let mut browser = customers.signed_in(&customers.acme).await;
    replace(&mut browser, new).await;
    customers.house.let_pass(10 * MINUTE).await;
    assert!(is_in(&customers, own, old), "the old one");
    assert!(is_in(&customers, own, new), "the new one");
    assert!(!is_in(&customers, teams[0], old));
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.house.let_pass(2 * MINUTE).await;
    assert!(is_in(&customers, own, old) && !is_in(&customers, own, new));
}

#[tokio::test]
async fn whoever_disconnects_leaves_an_account_in_teams_that_somebody_put_it_into() {
    let (mut customers, _, _, teams) = with_teams(1).await;
    let own = customers.world().create_team(customers.people[0].person, "With the account in it");
    customers.world().add_to_team(own, customers.acme.officer, Role::Member).unwrap();
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 2);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.house.let_pass(2 * MINUTE).await;
    assert!(is_in(&customers, own, customers.acme.officer) && !is_in(&customers, teams[0], customers.acme.officer));
}

#[tokio::test]
async fn the_overview_says_why_nothing_goes_on_and_connecting_again_sets_it_going() {
    let (mut customers, mut browser, _, teams) = with_teams(1).await;
    let home = browser.open("/").await;
    home.is(200, "Last looked for changes");
    assert!(!home.html.contains("stands still"));
    customers.world().take_role(customers.acme.officer, ComplianceOfficer);
    customers.house.let_pass(10 * MINUTE).await;
    browser.open("/").await.is(200, "is no compliance officer any more");
    customers.world().add_member(living_groups(&customers)[0], customers.people[5].object);
    // Everything is asked every five minutes: here four of them are left, were it not for the new account.
    customers.house.let_pass(2 * MINUTE).await;
    assert!(!is_in(&customers, teams[0], customers.people[5].person));

    let new = customers.with_roles("New Officer", &[ComplianceOfficer, ReadOnlyAdmin]);
    replace(&mut browser, new).await;
    customers.house.let_pass(3 * MINUTE).await;
    let home = browser.open("/").await;
    assert!(!home.html.contains("stands still"), "{}", home.html);
    assert!(is_in(&customers, teams[0], customers.people[5].person), "what happened meanwhile is carried");
}

#[tokio::test]
async fn authorizing_again_sets_a_tenant_going_whose_consent_was_lost() {
    let (mut customers, ..) = with_teams(1).await;
    customers.world().withdraw_consent(customers.acme.directory);
    customers.house.let_pass(100 * MINUTE).await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open("/").await.is(200, "has to authorize it again");
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    customers.house.let_pass(2 * MINUTE).await;
    assert!(!browser.open("/").await.html.contains("stands still"));
}

#[tokio::test]
async fn what_waited_during_preview_is_carried_soon_after_it_ends() {
    let (mut customers, mut browser, _, teams) = with_teams(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    browser.open("/").await.is(200, "In preview mode");
    for group in living_groups(&customers) {
        customers.world().add_member(group, customers.people[5].object);
    }
    customers.house.let_pass(20 * MINUTE).await;
    assert!(teams.iter().all(|team| !is_in(&customers, *team, customers.people[5].person)));
    browser.save(&[("running", "live")]).await.is(200, "saved");
    customers.house.let_pass(3 * MINUTE).await;
    assert!(teams.iter().all(|team| is_in(&customers, *team, customers.people[5].person)));
}

#[tokio::test]
async fn each_number_of_the_prerequisites_leads_to_those_whom_it_is_about() {
    let mut customers = Customers::new().await;
    let pending = customers.world().add_pending(&customers.acme, "Pending Petra");
    customers.world().add_webex_only(&customers.acme, "Unsynchronized Uwe");
    customers.world().delete_user(customers.people[3].object);
    let mut browser = customers.connected(&customers.acme).await;
    browser.open("/people").await.is(200, "People are still being counted");
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    let prerequisites = browser.open("/prerequisites").await;
    let all = browser.open("/people").await;
    for (reason, one) in
        [("not-synchronized", "Unsynchronized Uwe"), ("no-entra-user", "Person 03"), ("not-signed-in", "Pending Petra")]
    {
        prerequisites.is(200, &format!("href=\"/people?why={reason}\""));
        all.is(200, one);
        let list = browser.open(&format!("/people?why={reason}")).await;
        list.is(200, one);
        for other in ["Unsynchronized Uwe", "Person 03", "Pending Petra", "Person 00"] {
            assert_eq!(list.html.contains(other), other == one, "{other} in {reason}");
        }
    }
    assert!(!all.html.contains("Person 00"));
    customers.world().activate(pending.person);
    browser.open("/people?from=%22").await.fails(404, "no such page");
}

#[tokio::test]
async fn a_list_of_many_people_goes_on_until_everybody_was_shown_once() {
    let mut customers = Customers::new().await;
    let many: Vec<_> = (0..230).map(|n| format!("Nobody {n:03}")).collect();
    many.iter().for_each(|name| _ = customers.world().add_webex_only(&customers.acme, name));
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    let (mut seen, mut at, mut pages) = (Vec::new(), Some("/people?why=not-synchronized".to_owned()), Vec::new());
    while let Some(path) = at {
        let page = browser.open(&path).await;
        seen.extend(many.iter().filter(|name| page.html.contains(name.as_str())).cloned());
        let next = page.html.split_once("class=\"button\" href=\"").map(|(_, rest)| rest.split('"').next().unwrap());
        at = next.map(|next| next.replace("&#38;", "&"));
        pages.push(path);
    }
    seen.sort();
    assert_eq!(seen, many);
    assert!((3..=5).contains(&pages.len()), "{pages:?}");

    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&pages[1]).await.fails(404, "no such page");
}

#[tokio::test]
async fn an_account_that_did_not_grant_everything_is_told_what_is_missing() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let granted = ["spark-compliance:events_read", "identity:people_read", "spark:people_read"];
    let tokens = customers.world().issue_tokens(customers.acme.officer, &granted);
    let answer = json!({
        "access_token": tokens.access_token, "expires_in": 1209600,
        "refresh_token": tokens.refresh_token, "refresh_token_expires_in": 7776000,
        "token_type": "Bearer", "scope": granted.join(" "),
    });
    let at_webex = browser.go_to_webex(&[]).await;
    let back = browser.decide(&at_webex, customers.acme.officer, "accept").await;
    let partly = Fault::new(Failure::Status(200, vec![], answer)).on(Service::Webex).path("/access_token");
    customers.world().fault(partly);
    let page = browser.open(&back).await;
    page.fails(403, "spark-compliance:memberships_write");
    assert!(!page.html.contains("spark-compliance:events_read"), "{}", page.html);
    assert!(customers.organization(customers.acme.org).await.unwrap().officer.is_none());
    assert!(customers.house.ground().secrets.names().iter().all(|name| !name.contains("/tenant/")));
}
