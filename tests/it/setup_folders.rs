//! The spaces of a team and their folders on the team's page, and what becomes of them when a customer leaves.

use domain::ids::TeamId;
use engine::folders::{self, Standing};
use engine::tenant::{Folders, OfficerStanding, Settings};

use crate::setup_browser::{Browser, Customers};
use crate::setup_leaving::{items_of, with_teams};
use crate::town::MINUTE;

fn page_of(team: TeamId) -> String {
    format!("/teams/{team}")
}

/// One team with a further space, both linked.
async fn with_folders() -> (Customers, Browser, domain::ids::TenantId, TeamId) {
    let (mut customers, browser, tenant, teams) = with_teams(1).await;
    let acme = customers.acme.clone();
    customers.house.consent_to_files(tenant, &acme).await.unwrap();
    set(&customers, |settings| settings.folders = Folders::EachSpace).await;
    let team = teams[0];
    customers.world().create_room(customers.people[0].person, "Gears & <Cogs>", Some(team));
    engine::reconcile::look_at_every_link(store(&customers), tenant, now(&customers)).await.unwrap();
    customers.house.let_pass(5 * MINUTE).await;
    (customers, browser, tenant, team)
}

fn store(customers: &Customers) -> &dyn store::table::Store {
    customers.house.ground().store.as_ref()
}

fn now(customers: &Customers) -> jiff::Timestamp {
    domain::clock::Clock::now(customers.house.ground().clock.as_ref())
}

async fn set(customers: &Customers, change: impl FnOnce(&mut Settings)) {
    let tenant = customers.tenant().await;
    let (mut settings, version) = engine::tenant::settings::load(store(customers), tenant).await.unwrap();
    change(&mut settings);
    engine::tenant::settings::save(store(customers), tenant, &settings, version).await.unwrap();
}

#[tokio::test]
async fn the_page_of_a_team_shows_each_space_with_its_folder_and_why() {
    let (mut customers, mut browser, tenant, team) = with_folders().await;
    let page = browser.open(&page_of(team)).await;
    page.is(200, "Spaces and folders");
    page.is(200, "<th scope=\"row\">General</th>");
    page.is(200, "<th scope=\"row\">Gears &#38; &#60;Cogs&#62;</th>");
    page.is(200, "/Shared%20Documents/Gears%20&#38;%20Cogs\" rel=\"noreferrer\">Gears &#38; Cogs</a>");
    page.is(200, "<td>linked</td>");
    // Somebody removes the link; the page says so, and links it again.
    let general = team.general_space();
    customers.world().unlink_folder(general);
    browser.submit_on(&page_of(team), &page_of(team), &[("action", "sync")]).await.is(200, "looked at");
    customers.house.let_pass(MINUTE).await;
    let page = browser.open(&page_of(team)).await;
    page.is(200, "Somebody removed the link. The folder stays.");
    page.is(200, "Link again");
    let again = [("action", "folder"), ("room", &general.to_string())];
    browser.submit_on(&page_of(team), &page_of(team), &again).await.is(200, "The space is being looked at.");
    customers.house.let_pass(MINUTE).await;
    let spaces = folders::spaces(store(&customers), tenant, team).await.unwrap();
    assert_eq!(spaces[&general].standing, Standing::Linked);
    assert!(customers.world().room(general).unwrap().folder.is_some());
    // A space that nothing is known of.
    let unknown = [("action", "folder"), ("room", "00000000-0000-4000-8000-000000000000")];
    browser.submit_on(&page_of(team), &page_of(team), &unknown).await.is(409, "so nothing was decided");
    let nothing = [("action", "folder"), ("room", "x")];
    assert_eq!(browser.submit_on(&page_of(team), &page_of(team), &nothing).await.status, 400);
}

#[tokio::test]
async fn the_page_says_what_keeps_folders_waiting() {
    let (customers, mut browser, _, team) = with_folders().await;
    set(&customers, |settings| settings.standing = OfficerStanding::Outside).await;
    browser.open(&page_of(team)).await.is(200, "Only somebody in the team can link folders");
    set(&customers, |settings| settings.folders = Folders::No).await;
    browser.open(&page_of(team)).await.is(200, "Folders are switched off. What was linked stays as it is.");
}

#[tokio::test]
async fn where_folders_were_never_wanted_nothing_is_said_of_them() {
    let (_customers, mut browser, _, teams) = with_teams(1).await;
    let page = browser.open(&page_of(teams[0])).await;
    assert!(!page.html.contains("Spaces and folders"));
}

#[tokio::test]
async fn another_organizations_administrator_reaches_no_folder_of_it() {
    let (customers, _, _, team) = with_folders().await;
    let mut other = customers.connected(&customers.globex).await;
    other.open(&page_of(team)).await.fails(404, "no such team");
}

#[tokio::test]
async fn whoever_leaves_keeps_folders_and_links_and_nothing_is_stored_of_them() {
    let (mut customers, mut browser, tenant, team) = with_folders().await;
    let group = *customers.world().groups(customers.acme.directory).keys().next().unwrap();
    let (before, linked) =
        (customers.world().drive_folders(group), customers.world().room(team.general_space()).unwrap().folder);
    assert!(linked.is_some());
    let form = [("sure", "yes"), ("groups", "keep"), ("links", "forget")];
    browser.submit_on("/disconnect", "/disconnect", &form).await.is(200, "Disconnected");
    browser.open("/receipt").await.is(200, "Folders, files and their links in Webex stay as they are.");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(customers.world().drive_folders(group), before);
    assert_eq!(customers.world().room(team.general_space()).unwrap().folder, linked);
    assert_eq!(items_of(&customers, tenant), [format!("TENANT#{tenant}/LEAVING")]);
}
