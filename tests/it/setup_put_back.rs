//! What an administrator decides about people by name: putting them back as they were before something was done, and making them equal.

use domain::ids::{GroupId, TeamId};
use sandbox::Role;

use crate::setup_browser::{Browser, Customers, Page};
use crate::setup_leaving::{living_groups, with_teams};
use crate::town::MINUTE;

pub(crate) fn page_of(team: TeamId) -> String {
    format!("/teams/{team}")
}

/// How many of the first six people are in the team, and in the group.
pub(crate) fn are_in(customers: &Customers, team: TeamId, group: GroupId) -> (usize, usize) {
    let (there, members) =
        (customers.world().team(team).unwrap().people, customers.world().group(group).unwrap().members);
    let people = || customers.people[..6].iter();
    let in_team = people().filter(|person| there.contains_key(&person.person)).count();
    (in_team, people().filter(|person| members.contains(&person.object)).count())
}

/// The address of the newest thing that was done.
pub(crate) fn newest(page: &Page) -> String {
    let (_, done) = page.html.split_once("<ol class=\"done\">").unwrap();
    done.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// A team of all six people.
async fn of_six() -> (Customers, Browser, TeamId, GroupId) {
    let (mut customers, _, _, teams) = with_teams(1).await;
    let group = living_groups(&customers)[0];
    for person in &customers.people[1..6] {
        customers.world().add_member(group, person.object);
    }
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(are_in(&customers, teams[0], group), (6, 6));
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, teams[0], group)
}

/// ... of whom two were removed from the group, and so from the team.
pub(crate) async fn after_a_mistake() -> (Customers, Browser, TeamId, GroupId) {
    let (mut customers, _, team, group) = of_six().await;
    for person in &customers.people[4..6] {
        customers.world().remove_member(group, person.object);
    }
    customers.house.let_pass(30 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (4, 4));
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, team, group)
}

#[tokio::test]
async fn people_are_put_back_on_both_sides_as_they_were_before_a_look() {
    let (mut customers, mut browser, team, group) = after_a_mistake().await;
    let entry = newest(&browser.open(&page_of(team)).await);
    let page = browser.open(&entry).await;
    page.is(200, "Person 04 is removed from the team");
    page.is(200, "2 people would become");
    page.is(200, "Person 05</th><td>—</td><td>—</td><td>Member</td>");
    let put_back = [("hash", page.field("hash"))];
    let put_back = [(put_back[0].0, put_back[0].1.as_str())];
    browser.submit_on(&entry, &entry, &put_back).await.is(200, "is being looked at");
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (6, 6));
    let page = browser.open(&page_of(team)).await;
    page.is(200, "An administrator wants: member in the team");
    browser.open(&entry).await.is(200, "There is nobody to put back");
    customers.house.let_pass(60 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (6, 6), "it stays so");
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.submit_on(&page_of(team), &entry, &put_back).await.is(409, "so nothing was decided");
}

#[tokio::test]
async fn whoever_came_is_put_back_out_without_waiting_for_the_brake() {
    let (mut customers, mut browser, team, group) = of_six().await;
    browser.save(&[("link_people", "1"), ("link_percent", "1")]).await.is(200, "saved");
    let entry = newest(&browser.open(&page_of(team)).await);
    let page = browser.open(&entry).await;
    page.is(200, "5 people would become");
    let put_back = [("hash", page.field("hash"))];
    browser.submit_on(&entry, &entry, &[(put_back[0].0, &put_back[0].1)]).await.is(200, "is being looked at");
    customers.house.let_pass(30 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (1, 1));
    assert!(!browser.open(&page_of(team)).await.html.contains("wait for you"));
}

#[tokio::test]
async fn if_somebody_came_back_meanwhile_nothing_is_done_and_the_new_plan_is_shown() {
    let (mut customers, mut browser, team, group) = after_a_mistake().await;
    let entry = newest(&browser.open(&page_of(team)).await);
    let hash = browser.open(&entry).await.field("hash");
    customers.world().add_to_team(team, customers.people[5].person, Role::Member).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    let page = browser.submit_on(&entry, &entry, &[("hash", &hash)]).await;
    page.is(409, "so nothing was decided");
    page.is(409, "1 person would become");
    assert_ne!(page.field("hash"), hash);
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (5, 5));
}

#[tokio::test]
async fn pressing_twice_and_two_administrators_at_once_do_it_once() {
    let (mut customers, mut browser, team, group) = after_a_mistake().await;
    let mut other = customers.signed_in(&customers.acme).await;
    let entry = newest(&browser.open(&page_of(team)).await);
    let hash = browser.open(&entry).await.field("hash");
    let fields = [("hash", hash.as_str())];
    let (one, two) = tokio::join!(browser.submit_on(&entry, &entry, &fields), other.submit_on(&entry, &entry, &fields));
    assert!([one.status, two.status].contains(&200), "{} {}", one.status, two.status);
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (6, 6));
    let done = browser.open(&page_of(team)).await.html.matches("Person 05 is added to the group").count();
    assert_eq!(done, 1);
}

#[tokio::test]
async fn a_difference_that_is_left_is_made_equal_as_either_side_has_it() {
    let (mut customers, mut browser, team, group) = of_six().await;
    browser.save(&[("direction", "microsoft")]).await.is(200, "saved");
    for person in &customers.people[3..5] {
        customers.world().remove_from_team(team, person.person).unwrap();
    }
    customers.house.let_pass(30 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (4, 6), "changes in Webex are not carried");
    let mut browser = customers.signed_in(&customers.acme).await;
    for (person, as_in, words) in [(3, "group", "Add to the team"), (4, "team", "Remove from the group")] {
        let page = browser.open(&page_of(team)).await;
        let (_, row) = page.html.split_once(&format!("<th scope=\"row\">Person {person:02}")).unwrap();
        let form = row.split("<form").find(|form| form.contains(words)).unwrap();
        let field = |name: &str| {
            form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        let (who, hash) = (field("person"), field("hash"));
        let equal = [("action", "equal"), ("person", who.as_str()), ("as", as_in), ("hash", hash.as_str())];
        browser.submit_on(&page_of(team), &page_of(team), &equal).await.is(200, "is being looked at");
        customers.house.let_pass(20 * MINUTE).await;
        browser.submit_on(&page_of(team), &page_of(team), &equal).await.is(409, "so nothing was decided");
    }
    assert_eq!(are_in(&customers, team, group), (5, 5));
    let page = browser.open(&page_of(team)).await;
    assert!(!page.html.contains("value=\"equal\""), "nobody differs any more");
    browser
        .submit_on(&page_of(team), &page_of(team), &[("action", "equal"), ("person", "x/y")])
        .await
        .fails(400, "form");
}

#[tokio::test]
async fn nothing_is_decided_by_name_where_nothing_can_be_carried_out() {
    let (mut customers, mut browser, team, group) = after_a_mistake().await;
    let entry = newest(&browser.open(&page_of(team)).await);
    let hash = browser.open(&entry).await.field("hash");
    let fields = [("hash", hash.as_str())];

    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&entry).await.fails(404, "no such team");
    globex.submit_on("/webex", &entry, &fields).await.fails(404, "no such team");
    let (there, id) = entry.rsplit_once('/').unwrap();
    browser
        .open(&format!("{there}/{}", id.replace(|c: char| c.is_ascii_digit(), "1")))
        .await
        .fails(404, "not known any more");
    browser.open(&format!("{there}/{}", id.to_lowercase())).await.fails(404, "no such page");

    browser.save(&[("running", "preview")]).await.is(200, "saved");
    browser.open(&entry).await.is(200, "Preview mode is on");
    browser.submit_on(&page_of(team), &entry, &fields).await.is(409, "nothing is changed on either side");
    browser.save(&[("running", "live")]).await.is(200, "saved");

    let end = [("action", "unlink"), ("sure", "yes")];
    browser.submit_on(&page_of(team), &page_of(team), &end).await.is(200, "The link is over");
    browser.open(&entry).await.is(200, "no linked group any more");
    browser.submit_on(&page_of(team), &entry, &fields).await.is(409, "no group that anything could be carried to");
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(are_in(&customers, team, group), (4, 4));
}
