//! Undoing what was done after a mistake, and resolving differences.

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

/// Returns the address of the newest sync. A decision of the same moment can come before it.
pub(crate) fn newest_sync(page: &Page) -> String {
    let (_, done) = page.html.split_once("<ol class=\"done\">").unwrap();
    let entries = done.split("<h3>").skip(1);
    let entry = entries.into_iter().find(|entry| !entry.contains("Full Administrator")).unwrap();
    entry.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Returns the address of the newest activity entry.
pub(crate) fn newest_entry(page: &Page) -> String {
    let (_, done) = page.html.split_once("<ol class=\"done\">").unwrap();
    done.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The scope of an undo that changes only the side that was changed.
pub(crate) const CHANGED_SIDE: &str = "changed-side";

/// The scope of an undo that adds people on both sides.
pub(crate) const BOTH_SIDES: &str = "both-sides";

/// Returns the form of an undo, if the page offers it.
pub(crate) fn undo_form(page: &Page, scope: &str) -> Option<[(&'static str, String); 2]> {
    let (_, offer) = page.html.split_once(&format!("id=\"undo-{scope}\""))?;
    let (_, hash) = offer.split_once("name=\"hash\" value=\"")?;
    Some([("hash", hash.split('"').next()?.to_owned()), ("undo", scope.to_owned())])
}

/// Opens an entry and undoes it.
pub(crate) async fn undo(browser: &mut Browser, entry: &str, scope: &str) -> Page {
    let form = undo_form(&browser.open(entry).await, scope).expect("an undo");
    send_undo(browser, entry, &form).await
}

pub(super) async fn send_undo(
    browser: &mut Browser,
    entry: &str,
    form: &[(&'static str, String)],
) -> Page {
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.submit_on("/activity", entry, &form).await
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
    page.is(200, "Add 2 people to the team and the group");
    page.is(200, "Person 05 is added to the group");
    let form = undo_form(&page, BOTH_SIDES).unwrap();
    send_undo(&mut browser, &entry, &form).await.is(200, "is being synced");
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (6, 6));
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Made member of the team by an administrator");
    browser.open(&entry).await.is(200, "There is nothing to undo");
    customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (6, 6), "it stays so");
    let mut browser = customers.signed_in(&customers.acme).await;
    send_undo(&mut browser, &entry, &form).await.is(409, "so nothing was changed");
}

#[tokio::test]
async fn undo_of_a_removal_leaves_the_other_side_as_it_is() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    browser.open(&entry).await.is(200, "Add 2 people to the team</h2>");
    undo(&mut browser, &entry, CHANGED_SIDE).await.is(200, "is being synced");
    customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (6, 4));
}

#[tokio::test]
async fn undo_of_additions_removes_the_named_people_and_no_one_else() {
    let (mut customers, mut browser, team, group) = team_of_six().await;
    browser.save(&[("link_people", "1"), ("link_percent", "1")]).await.is(200, "saved");
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let page = browser.open(&entry).await;
    page.is(200, "Remove 5 people from the team</button>");
    assert_eq!(undo_form(&page, BOTH_SIDES), None, "no button empties the other side");
    undo(&mut browser, &entry, CHANGED_SIDE).await.is(200, "is being synced");
    customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (1, 6), "the group keeps its people");
    let mut browser = customers.signed_in(&customers.acme).await;
    assert!(!browser.open(&team_path(team)).await.html.contains("wait for you"));

    // Beyond what the undo named, the limit holds.
    for person in &customers.people[1..4] {
        customers.world().add_to_team(team, person.person, MembershipRole::Member).unwrap();
    }
    customers.stack.let_pass(30 * MINUTE).await;
    for person in &customers.people[1..4] {
        customers.world().remove_from_team(team, person.person).unwrap();
    }
    customers.stack.let_pass(30 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (1, 6));
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open(&team_path(team)).await.is(200, "wait for you");
}

#[tokio::test]
async fn changed_restore_plan_is_shown_again() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let form = undo_form(&browser.open(&entry).await, BOTH_SIDES).unwrap();
    customers
        .world()
        .add_to_team(team, customers.people[5].person, MembershipRole::Member)
        .unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let page = send_undo(&mut browser, &entry, &form).await;
    page.is(409, "so nothing was changed");
    page.is(409, "Add 1 person to the team and the group");
    assert_ne!(undo_form(&page, BOTH_SIDES).unwrap(), form);
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (5, 5));
}

#[tokio::test]
async fn concurrent_restores_happen_once() {
    let (mut customers, mut browser, team, group) = after_wrong_removal().await;
    let mut other = customers.signed_in(&customers.acme).await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    let form = undo_form(&browser.open(&entry).await, BOTH_SIDES).unwrap();
    let (one, two) =
        tokio::join!(send_undo(&mut browser, &entry, &form), send_undo(&mut other, &entry, &form));
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
    let form = undo_form(&browser.open(&entry).await, BOTH_SIDES).unwrap();

    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&entry).await.is_error(404, "no such team");
    send_undo(&mut globex, &entry, &form).await.is_error(404, "no such team");
    let (there, id) = entry.rsplit_once('/').unwrap();
    browser
        .open(&format!("{there}/{}", id.replace(|c: char| c.is_ascii_digit(), "1")))
        .await
        .is_error(404, "no longer exists");
    browser.open(&format!("{there}/{}", id.to_uppercase())).await.is_error(404, "Page not found");

    browser.save(&[("running", "preview")]).await.is(200, "saved");
    browser.open(&entry).await.is(200, "Preview mode is on");
    send_undo(&mut browser, &entry, &form).await.is(409, "nothing is changed on either side");
    browser.save(&[("running", "live")]).await.is(200, "saved");

    let end = [("action", "unlink"), ("sure", "yes")];
    browser
        .submit_on(&team_path(team), &team_path(team), &end)
        .await
        .is(200, "The team is unlinked");
    browser.open(&entry).await.is(200, "no longer has a linked group");
    send_undo(&mut browser, &entry, &form).await.is(409, "no group to sync with");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(count_on_both_sides(&customers, team, group), (4, 4));
}
