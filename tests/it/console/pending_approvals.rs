//! Pending approvals: each is decided once, by an admin who saw it.

use domain::ids::{GroupId, TeamId};

use super::teams::{count_in_team, team_path};
use crate::support::{Browser, Customers, MINUTE, active_groups, with_linked_teams};

/// Returns a team of six, three of whom were removed from the group; the limit is one.
pub(super) async fn after_mass_removal() -> (Customers, Browser, TeamId, GroupId) {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    browser.save(&[("link_people", "1"), ("link_percent", "1")]).await.is(200, "saved");
    let group = active_groups(&customers)[0];
    for person in &customers.people[1..] {
        customers.world().add_member(group, person.object);
    }
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(count_in_team(&customers, teams[0], 0..6), 6);
    for person in &customers.people[3..] {
        customers.world().remove_member(group, person.object);
    }
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(count_in_team(&customers, teams[0], 0..6), 6, "no one is removed yet");
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, teams[0], group)
}

#[tokio::test]
async fn pending_approval_is_shown_and_applied() {
    let (mut customers, mut browser, team, group) = after_mass_removal().await;
    browser.open("/").await.is(200, &format!("href=\"{}\"", team_path(team)));
    browser.open("/teams?state=held").await.is(200, "Team 0");
    let page = browser.open(&team_path(team)).await;
    page.is(200, "3 removals wait for you");
    let (_, table) = page.html.split_once("aria-label=\"Pending removals").unwrap();
    let table = table.split("</table>").next().unwrap();
    for (n, person) in (0..6).map(|n| (n, format!("Person {n:02}"))) {
        assert_eq!(table.contains(&person), n >= 3, "{person}");
    }
    customers.world().add_member(group, customers.people[5].object);
    let hash = page.field("hash");
    let decide = [("action", "apply"), ("hash", hash.as_str())];
    browser.submit_on(&team_path(team), &team_path(team), &decide).await.is(200, "is being synced");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(count_in_team(&customers, team, 3..5), 0);
    assert_eq!(count_in_team(&customers, team, 5..6), 1, "a returned person is not removed");
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Person 03 was removed from the team");
    assert!(!page.html.contains("wait for you</h2>"));

    let again = browser.submit_on(&team_path(team), &team_path(team), &decide).await;
    again.is(409, "so nothing was changed");
}

#[tokio::test]
async fn one_page_lists_all_pending_approvals() {
    let (mut customers, mut browser, team, _) = after_mass_removal().await;
    browser.open("/teams").await.is(200, "href=\"/held\"");
    let page = browser.open("/held").await;
    page.is(200, &format!("<a href=\"{}\">Team 0</a>: 3 removals wait for you", team_path(team)));
    for person in ["Person 03", "Person 04", "Person 05"] {
        page.is(
            200,
            &format!("{person}</th><td data-label=\"Would be removed\">from the team</td>"),
        );
    }
    let hash = page.field("hash");
    customers
        .connected(&customers.globex)
        .await
        .open("/held")
        .await
        .is(200, "No removals wait for your approval.");
    let decide = [("action", "apply"), ("hash", hash.as_str())];
    browser.submit_on("/held", &team_path(team), &decide).await.is(200, "is being synced");
    browser.open("/held").await.is(200, "Decided; will be applied");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(count_in_team(&customers, team, 3..6), 0);
    browser.open("/held").await.is(200, "No removals wait for your approval.");
    browser.open("/held?from=%22").await.is_error(404, "Page not found");
}

#[tokio::test]
async fn discarded_approval_restores_members() {
    let (mut customers, mut browser, team, group) = after_mass_removal().await;
    let hash = browser.open(&team_path(team)).await.field("hash");
    let decide = [("action", "discard"), ("hash", hash.as_str())];
    browser.submit_on(&team_path(team), &team_path(team), &decide).await.is(200, "is being synced");
    customers.stack.let_pass(10 * MINUTE).await;
    let members = customers.world().group(group).unwrap().members;
    assert!(customers.people[3..].iter().all(|person| members.contains(&person.object)));
    assert_eq!(count_in_team(&customers, team, 0..6), 6);
}

#[tokio::test]
async fn larger_approval_is_shown_again() {
    let (mut customers, mut browser, team, group) = after_mass_removal().await;
    let hash = browser.open(&team_path(team)).await.field("hash");
    customers.world().remove_member(group, customers.people[2].object);
    customers.stack.let_pass(10 * MINUTE).await;
    for action in ["apply", "discard"] {
        let page = browser
            .submit_on(&team_path(team), &team_path(team), &[("action", action), ("hash", &hash)])
            .await;
        page.is(409, "so nothing was changed");
        page.is(409, "4 removals wait for you");
        assert_ne!(page.field("hash"), hash);
    }
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(count_in_team(&customers, team, 0..6), 6);
}

#[tokio::test]
async fn foreign_team_is_not_found() {
    let (mut customers, mut browser, team, _) = after_mass_removal().await;
    let hash = browser.open(&team_path(team)).await.field("hash");
    let mut globex = customers.connected(&customers.globex).await;
    let before = customers.items();
    globex.open(&team_path(team)).await.is_error(404, "no such team");
    for action in ["sync", "apply", "discard", "unlink"] {
        let form = [("action", action), ("hash", hash.as_str()), ("sure", "yes")];
        globex.submit_on("/webex", &team_path(team), &form).await.is_error(404, "no such team");
    }
    let of_acme = |items: std::collections::BTreeMap<String, _>| -> Vec<_> {
        items.into_iter().filter(|(key, _)| key.contains(&team.to_string())).collect()
    };
    assert_eq!(of_acme(customers.items()), of_acme(before));
    customers.stack.let_pass(MINUTE).await;
    assert_eq!(count_in_team(&customers, team, 0..6), 6);
    let shouting = team_path(team).to_uppercase().replace("/TEAMS", "/teams");
    browser.open(&shouting).await.is_error(404, "Page not found");
}
