//! Spaces and folders on a team's page, and after offboarding.

use domain::ids::TeamId;
use engine::decision::Decider;
use engine::folders::{self, SpaceStatus};
use engine::tenant::{Folders, ServiceAccountMode, Settings};

use crate::support::stored_items;
use crate::support::{Browser, Customers, MINUTE, with_linked_teams};

fn team_path(team: TeamId) -> String {
    format!("/teams/{team}")
}

/// Returns one team with a second space, both linked to folders.
pub(super) async fn with_folders() -> (Customers, Browser, domain::ids::TenantId, TeamId) {
    let (mut customers, browser, tenant, teams) = with_linked_teams(1).await;
    let acme = customers.acme.clone();
    customers.stack.consent_to_files(tenant, &acme).await.unwrap();
    change_settings(&customers, |settings| settings.folders = Folders::EachSpace).await;
    let team = teams[0];
    customers.world().create_room(customers.people[0].person, "Gears & <Cogs>", Some(team));
    engine::reconcile::request_sync_of_every_link(store(&customers), tenant, now(&customers))
        .await
        .unwrap();
    customers.stack.let_pass(5 * MINUTE).await;
    (customers, browser, tenant, team)
}

fn store(customers: &Customers) -> &dyn store::table::Store {
    customers.stack.backend().store.as_ref()
}

fn now(customers: &Customers) -> jiff::Timestamp {
    domain::clock::Clock::now(customers.stack.backend().clock.as_ref())
}

async fn change_settings(customers: &Customers, change: impl FnOnce(&mut Settings)) {
    let tenant = customers.tenant().await;
    let (before, version) = engine::tenant::settings::load(store(customers), tenant).await.unwrap();
    let mut settings = before.clone();
    change(&mut settings);
    let (seen, by) = ((&before, version), Decider::operator(now(customers)));
    engine::tenant::settings::save(store(customers), tenant, &settings, seen, by).await.unwrap();
}

#[tokio::test]
async fn team_page_shows_spaces_and_folders() {
    let (mut customers, mut browser, tenant, team) = with_folders().await;
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Spaces and folders");
    page.is(200, "<th scope=\"row\">General</th>");
    page.is(200, "<th scope=\"row\">Gears &#38; &#60;Cogs&#62;</th>");
    page.is(
        200,
        "/Shared%20Documents/Gears%20&#38;%20Cogs\" rel=\"noreferrer\">Gears &#38; Cogs</a>",
    );
    page.is(200, "<td data-label=\"State\">linked</td>");
    // A person removes the link; the page shows that, and links it again.
    let general = team.general_space();
    customers.world().unlink_folder(general);
    browser
        .submit_on(&team_path(team), &team_path(team), &[("action", "sync")])
        .await
        .is(200, "being synced");
    customers.stack.let_pass(MINUTE).await;
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Someone removed the link. The folder stays.");
    page.is(200, "Link again");
    let again = [("action", "folder"), ("room", &general.to_string())];
    browser
        .submit_on(&team_path(team), &team_path(team), &again)
        .await
        .is(200, "The space is being checked.");
    customers.stack.let_pass(MINUTE).await;
    let spaces = folders::spaces(store(&customers), tenant, team).await.unwrap();
    assert_eq!(spaces[&general].status, SpaceStatus::Linked);
    assert!(customers.world().room(general).unwrap().folder.is_some());
    // An unknown space.
    let unknown = [("action", "folder"), ("room", "00000000-0000-4000-8000-000000000000")];
    browser
        .submit_on(&team_path(team), &team_path(team), &unknown)
        .await
        .is(409, "so nothing was changed");
    let nothing = [("action", "folder"), ("room", "x")];
    assert_eq!(browser.submit_on(&team_path(team), &team_path(team), &nothing).await.status, 400);
}

#[tokio::test]
async fn team_page_names_the_folder_blocker() {
    let (customers, mut browser, _, team) = with_folders().await;
    change_settings(&customers, |settings| {
        settings.service_account_mode = ServiceAccountMode::Observer
    })
    .await;
    browser.open(&team_path(team)).await.is(200, "Only members of the team can link folders");
    change_settings(&customers, |settings| settings.folders = Folders::No).await;
    browser
        .open(&team_path(team))
        .await
        .is(200, "Folders are switched off. What was linked stays as it is.");
}

#[tokio::test]
async fn team_page_without_folders_has_no_section() {
    let (_customers, mut browser, _, teams) = with_linked_teams(1).await;
    let page = browser.open(&team_path(teams[0])).await;
    assert!(!page.html.contains("Spaces and folders"));
}

#[tokio::test]
async fn foreign_admin_reaches_no_folder() {
    let (customers, _, _, team) = with_folders().await;
    let mut other = customers.connected(&customers.globex).await;
    other.open(&team_path(team)).await.is_error(404, "no such team");
}

#[tokio::test]
async fn offboarding_keeps_folders_and_stores_nothing() {
    let (mut customers, mut browser, tenant, team) = with_folders().await;
    let group = *customers.world().groups(customers.acme.directory).keys().next().unwrap();
    let (before, linked) = (
        customers.world().drive_folders(group),
        customers.world().room(team.general_space()).unwrap().folder,
    );
    assert!(linked.is_some());
    let form = [("sure", "yes"), ("groups", "keep"), ("links", "purge")];
    browser.submit_on("/disconnect", "/disconnect", &form).await.is(200, "Disconnected");
    browser
        .open("/receipt")
        .await
        .is(200, "Folders, files and their links in Webex stay as they are.");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(customers.world().drive_folders(group), before);
    assert_eq!(customers.world().room(team.general_space()).unwrap().folder, linked);
    assert_eq!(stored_items(&customers, tenant), [format!("TENANT#{tenant}/OFFBOARDING")]);
}
