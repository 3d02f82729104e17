//! Restoring members after a mistake, and resolving differences.

use domain::ids::{GroupId, TeamId};
use sim::MembershipRole;

use crate::support::{Browser, Customers, MINUTE, Page, active_groups, with_linked_teams};

pub(crate) fn team_path(team: TeamId) -> String {
    format!("/teams/{team}")
}

/// Counts how many of the first six people are in the team, and in the group.
pub(crate) fn count_on_both_sides(
    customers: &Customers,
    team: TeamId,
    group: GroupId,
) -> (usize, usize) {
    let (there, members) = (
        customers.world().team(team).unwrap().people,
        customers.world().group(group).unwrap().members,
    );
    let people = || customers.people[..6].iter();
    let in_team = people().filter(|person| there.contains_key(&person.person)).count();
    (in_team, people().filter(|person| members.contains(&person.object)).count())
}

/// Returns the address of the newest activity entry.
pub(crate) fn newest_entry(page: &Page) -> String {
    let (_, done) = page.html.split_once("<ol class=\"done\">").unwrap();
    done.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Returns a team of all six people.
async fn team_of_six() -> (Customers, Browser, TeamId, GroupId) {
    let (mut customers, _, _, teams) = with_linked_teams(1).await;
    let group = active_groups(&customers)[0];
    for person in &customers.people[1..6] {
        customers.world().add_member(group, person.object);
    }
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, teams[0], group), (6, 6));
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, teams[0], group)
}

/// Returns a team of six, two of whom were removed from the group, and so from the team.
pub(crate) async fn after_wrong_removal() -> (Customers, Browser, TeamId, GroupId) {
    let (mut customers, _, team, group) = team_of_six().await;
    for person in &customers.people[4..6] {
        customers.world().remove_member(group, person.object);
    }
    customers.stack.let_pass(30 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (4, 4));
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, team, group)
}

#[tokio::test]
async fn members_are_restored_on_both_sides() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let page = browser.open(&entry).await;
    page.is(200, "Person 04 was removed from the team");
    page.is(200, "2 people would become");
    page.is(200, "Person 05</th><td>—</td><td>—</td><td>Member</td>");
    let fields = [("hash", page.field("hash"))];
    let fields = [(fields[0].0, fields[0].1.as_str())];
    browser.submit_on(&entry, &entry, &fields).await.is(200, "is being synced");
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (6, 6));
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Made member of the team by an administrator");
    browser.open(&entry).await.is(200, "There is no one to restore");
    customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (6, 6), "it stays so");
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.submit_on(&team_path(team), &entry, &fields).await.is(409, "so nothing was changed");
}

#[tokio::test]
async fn restoring_removes_additions_without_a_limit() {
    let (mut customers, mut browser, team, group) = team_of_six().await;
    browser.save(&[("link_people", "1"), ("link_percent", "1")]).await.is(200, "saved");
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let page = browser.open(&entry).await;
    page.is(200, "5 people would become");
    let fields = [("hash", page.field("hash"))];
    browser
        .submit_on(&entry, &entry, &[(fields[0].0, &fields[0].1)])
        .await
        .is(200, "is being synced");
    customers.stack.let_pass(30 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (1, 1));
    assert!(!browser.open(&team_path(team)).await.html.contains("wait for you"));
}

#[tokio::test]
async fn changed_restore_plan_is_shown_again() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let hash = browser.open(&entry).await.field("hash");
    customers
        .world()
        .add_to_team(team, customers.people[5].person, MembershipRole::Member)
        .unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let page = browser.submit_on(&entry, &entry, &[("hash", &hash)]).await;
    page.is(409, "so nothing was changed");
    page.is(409, "1 person would become");
    assert_ne!(page.field("hash"), hash);
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (5, 5));
}

#[tokio::test]
async fn concurrent_restores_happen_once() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let mut other = customers.signed_in(&customers.acme).await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let hash = browser.open(&entry).await.field("hash");
    let fields = [("hash", hash.as_str())];
    let (one, two) = tokio::join!(
        browser.submit_on(&entry, &entry, &fields),
        other.submit_on(&entry, &entry, &fields)
    );
    assert!([one.status, two.status].contains(&200), "{} {}", one.status, two.status);
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (6, 6));
    let done = browser
        .open(&team_path(team))
        .await
        .html
        .matches("Person 05 was added to the group")
        .count();
    assert_eq!(done, 1);
}

/// Returns the person and the hash of the form with these words, in a person's row.
fn difference(page: &Page, person: usize, words: &str) -> (String, String) {
    let row = format!("<th scope=\"row\">Person {person:02}");
    let (_, row) = page.html.split_once(&row).unwrap();
    let form = row.split("<form").find(|form| form.contains(words)).unwrap();
    let field = |name: &str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    (field("person"), field("hash"))
}

#[tokio::test]
async fn difference_is_resolved_towards_either_side() {
    let (mut customers, mut browser, team, group) = team_of_six().await;
    browser.save(&[("direction", "microsoft")]).await.is(200, "saved");
    for person in &customers.people[3..5] {
        customers.world().remove_from_team(team, person.person).unwrap();
    }
    customers.stack.let_pass(30 * MINUTE).await;
    assert_eq!(
        count_on_both_sides(&customers, team, group),
        (4, 6),
        "changes in Webex are not applied"
    );
    let mut browser = customers.signed_in(&customers.acme).await;
    for (person, as_in, words) in
        [(3, "group", "Add to the team"), (4, "team", "Remove from the group")]
    {
        let page = browser.open(&team_path(team)).await;
        let (who, hash) = difference(&page, person, words);
        let equal =
            [("action", "equal"), ("person", who.as_str()), ("as", as_in), ("hash", hash.as_str())];
        browser
            .submit_on(&team_path(team), &team_path(team), &equal)
            .await
            .is(200, "is being synced");
        customers.stack.let_pass(20 * MINUTE).await;
        browser
            .submit_on(&team_path(team), &team_path(team), &equal)
            .await
            .is(409, "so nothing was changed");
    }
    assert_eq!(count_on_both_sides(&customers, team, group), (5, 5));
    let page = browser.open(&team_path(team)).await;
    assert!(!page.html.contains("value=\"equal\""), "no difference is left");
    browser
        .submit_on(&team_path(team), &team_path(team), &[("action", "equal"), ("person", "x/y")])
        .await
        .is_error(400, "form");
}

#[tokio::test]
async fn no_restore_where_nothing_can_be_applied() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let hash = browser.open(&entry).await.field("hash");
    let fields = [("hash", hash.as_str())];

    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&entry).await.is_error(404, "no such team");
    globex.submit_on("/webex", &entry, &fields).await.is_error(404, "no such team");
    let (there, id) = entry.rsplit_once('/').unwrap();
    browser
        .open(&format!("{there}/{}", id.replace(|c: char| c.is_ascii_digit(), "1")))
        .await
        .is_error(404, "no longer exists");
    browser.open(&format!("{there}/{}", id.to_uppercase())).await.is_error(404, "Page not found");

    browser.save(&[("running", "preview")]).await.is(200, "saved");
    browser.open(&entry).await.is(200, "Preview mode is on");
    browser
        .submit_on(&team_path(team), &entry, &fields)
        .await
        .is(409, "nothing is changed on either side");
    browser.save(&[("running", "live")]).await.is(200, "saved");

    let end = [("action", "unlink"), ("sure", "yes")];
    browser
        .submit_on(&team_path(team), &team_path(team), &end)
        .await
        .is(200, "The team is unlinked");
    browser.open(&entry).await.is(200, "no longer has a linked group");
    browser.submit_on(&team_path(team), &entry, &fields).await.is(409, "no group to sync with");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (4, 4));
}
