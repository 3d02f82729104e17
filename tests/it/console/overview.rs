//! The overview, and what pages say of a team as it is now.

use engine::link::LinkState;

use super::pending_approvals::after_mass_removal;
use super::teams::team_path;
use crate::support::{MINUTE, active_groups, with_linked_teams};

#[tokio::test]
async fn overview_counts_teams_by_state_and_leads_to_their_lists() {
    let (customers, mut browser, _, teams) = with_linked_teams(3).await;
    let page = browser.open("/").await;
    page.is(200, "<a href=\"/teams?state=active\"><span class=\"number\">3</span> Teams in sync");
    page.is(200, "Setup is complete");
    page.is(200, "The group “Team 0” was created");
    assert!(!page.html.contains("Teams not in sync"), "a state without teams has no tile");
    customers.world().remove_member(active_groups(&customers)[0], customers.people[0].object);
    browser
        .submit_on(
            &team_path(teams[0]),
            &team_path(teams[0]),
            &[("action", "unlink"), ("sure", "yes")],
        )
        .await;
    browser.open("/").await.is(200, "<span class=\"number\">1</span> Teams unlinked");
}

#[tokio::test]
async fn overview_counts_links_up_to_a_hundred() {
    let (mut customers, mut browser, _, _) = with_linked_teams(1).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    for n in 0..101 {
        customers.world().create_team(customers.people[1].person, &format!("Asked {n}"));
    }
    customers.stack.let_pass(15 * MINUTE).await;
    let page = browser.open("/").await;
    page.is(
        200,
        "<a href=\"/teams?state=asked\"><span class=\"number\">100+</span> Creators asked",
    );
}

#[tokio::test]
async fn team_with_pending_removals_shows_people_as_they_were_last_read() {
    let (_customers, mut browser, team, _) = after_mass_removal().await;
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Waiting for you: 3 people differ");
    let (_, people) = page.html.split_once("aria-label=\"People on both sides\"").unwrap();
    let (_, row) = people.split_once("<th scope=\"row\">Person 04").unwrap();
    let row = row.split("</tr>").next().unwrap();
    assert!(row.contains("<td data-label=\"Webex team\">Member</td>"), "{row}");
    assert!(row.contains("<td data-label=\"Microsoft 365 group\">—<br>"), "{row}");
    assert!(row.contains("Member until "), "{row}");
    assert!(row.contains("Their removal from the team waits for you."), "{row}");
}

#[tokio::test]
async fn team_is_in_sync_only_if_its_people_are() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    let person = customers.people[4].person;
    customers.world().add_to_team(teams[0], person, sim::MembershipRole::Member).unwrap();
    customers.stack.let_pass(5 * MINUTE).await;
    browser.save(&[("direction", "microsoft")]).await.is(200, "saved");
    customers.world().remove_from_team(teams[0], person).unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let page = browser.open(&team_path(teams[0])).await;
    page.is(200, "Not in sync: 1 person differs");
    page.is(200, "the direction is from Microsoft 365 only");
    browser
        .open(&format!("/teams?state={}", LinkState::Differing))
        .await
        .is(200, "Not in sync: 1 person differs");
    browser.open("/").await.is(200, "<span class=\"number\">1</span> Teams not in sync");
}

#[tokio::test]
async fn page_of_a_requested_sync_follows_it() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    let path = team_path(teams[0]);
    let page = browser.submit_on(&path, &path, &[("action", "sync")]).await;
    page.is(200, "is being synced");
    assert_eq!(page.header("refresh"), "2");
    customers.stack.let_pass(MINUTE / 30).await;
    let url = page.url.clone();
    let page = browser.open(&url).await;
    page.is(200, "The team was synced.");
    assert_eq!(page.header("refresh"), "");
    customers.stack.let_pass(5 * MINUTE).await;
    let page = browser.open(&url).await;
    assert!(!page.html.contains("was synced."), "an old address says nothing");
}

#[tokio::test]
async fn every_page_leads_to_its_section_of_the_guide() {
    let (_customers, mut browser, _, _) = with_linked_teams(1).await;
    for (path, section) in
        [("/", "overview"), ("/settings", "settings"), ("/held", "removals-that-wait")]
    {
        browser.open(path).await.is(200, &format!("<a href=\"/help#{section}\">"));
    }
    let guide = browser.open("/help").await;
    guide.is(200, "<h3 id=\"overview\">");
    guide.is(200, "<a href=\"/settings\"><code>/settings</code></a>");
}
