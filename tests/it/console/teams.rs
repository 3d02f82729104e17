//! The pages of teams: lists, previews, exclusions, and the end of a link.

use domain::ids::TeamId;
use engine::link::LinkState;
use engine::tenant::settings::Running;
use sim::{Fault, Service};

use crate::support::{Customers, DAY, MINUTE, Page, active_groups, with_linked_teams};

pub(super) fn team_path(team: TeamId) -> String {
    format!("/teams/{team}")
}

/// Returns the numbers of the preview's first row.
fn totals(page: &Page) -> Vec<&str> {
    let (_, row) = page.html.split_once("All </th>").unwrap();
    let cells = row.split("</tr>").next().unwrap().split("</td>");
    cells
        .filter_map(|cell| Some(cell.rsplit_once('>')?.1))
        .filter(|cell| !cell.is_empty())
        .collect()
}

pub(super) fn count_in_team(
    customers: &Customers,
    team: TeamId,
    people: std::ops::Range<usize>,
) -> usize {
    let there = customers.world().team(team).unwrap().people;
    customers.people[people].iter().filter(|person| there.contains_key(&person.person)).count()
}

#[tokio::test]
async fn sync_now_runs_at_once() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    customers.world().take_calls();
    browser
        .submit_on(&team_path(teams[0]), &team_path(teams[0]), &[("action", "sync")])
        .await
        .is(200, "is being synced");
    customers.stack.let_pass(crate::support::MINUTE / 30).await;
    let has_run = customers.world().take_calls().iter().any(|call| call.path.contains("/teams/"));
    assert!(has_run);
}

#[tokio::test]
async fn ended_link_leaves_both_sides_unchanged() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(2).await;
    let unconfirmed = browser
        .submit_on(&team_path(teams[0]), &team_path(teams[0]), &[("action", "unlink")])
        .await;
    unconfirmed.is(422, "confirm that you want to end the link");
    let end = [("action", "unlink"), ("sure", "yes")];
    let ended = browser.submit_on(&team_path(teams[0]), &team_path(teams[0]), &end).await;
    ended.is(200, "The team is unlinked");
    ended.is(200, "Ended the link.");
    assert!(
        ended.html.find("Ended the link.") < ended.html.find("was created"),
        "the newest comes first"
    );
    let groups = active_groups(&customers);
    assert_eq!(groups.len(), 2);
    let claimed = customers.items().into_keys().filter(|key| key.starts_with("GROUP#")).count();
    assert_eq!(claimed, 1, "the group can be adopted again");
    for group in groups {
        customers.world().add_member(group, customers.people[5].object);
    }
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(
        (count_in_team(&customers, teams[0], 5..6), count_in_team(&customers, teams[1], 5..6)),
        (0, 1)
    );
    browser.open("/teams?state=ended").await.is(200, "Team 0");
    let twice = browser.submit_on(&team_path(teams[0]), &team_path(teams[0]), &end).await;
    assert_eq!(twice.status, 409);
}

#[tokio::test]
async fn team_page_explains_each_exclusion() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    let stranger = customers.world().add_webex_only(&customers.acme, "Unsynchronized Uwe");
    customers.world().add_to_team(teams[0], stranger, sim::MembershipRole::Member).unwrap();
    let guest = customers.world().add_guest(&customers.acme, "Guest Gerda");
    customers.world().add_member(active_groups(&customers)[0], guest);
    customers.stack.let_pass(5 * MINUTE).await;
    let page = browser.open(&team_path(teams[0])).await;
    page.is(200, "Unsynchronized Uwe");
    page.is(200, "has no externalId");
    page.is(200, "Synchronize the person from Entra ID");
    page.is(200, "is a guest of the directory");
    page.is(200, "guest.gerda");
    assert!(
        page.html.find("Unsynchronized Uwe") < page.html.find("Person 00"),
        "who is asked about comes first"
    );
}

#[tokio::test]
async fn teams_are_listed_once_by_state_and_title() {
    let (mut customers, mut browser, _, _) = with_linked_teams(1).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    let many: Vec<String> = (0..70).map(|n| format!("Asked {n:02}")).collect();
    many.iter()
        .for_each(|title| _ = customers.world().create_team(customers.people[1].person, title));
    customers.stack.let_pass(15 * MINUTE).await;
    let (mut seen, mut at, mut pages) = (Vec::new(), Some("/teams".to_owned()), 0);
    while let Some(path) = at {
        let page = browser.open(&path).await;
        seen.extend(
            many.iter().filter(|title| page.html.contains(&format!(">{title}</a>"))).cloned(),
        );
        let next = page
            .html
            .split_once("class=\"button\" href=\"")
            .map(|(_, rest)| rest.split('"').next().unwrap());
        at = next.map(|next| next.replace("&#38;", "&"));
        pages += 1;
    }
    seen.sort();
    assert_eq!((seen, pages), (many, 2));
    let found = browser.open("/teams?title=aSKED+1").await;
    found.is(200, "Asked 11");
    assert!(!found.html.contains("Asked 21") && !found.html.contains("Team 0"));
    let found = browser.open("/teams?title=ED+21").await;
    found.is(200, "Asked 21");
    assert!(!found.html.contains("Asked 11"), "anywhere in the title");
    let active = browser.open(&format!("/teams?state={}", LinkState::Active)).await;
    active.is(200, "Team 0");
    assert!(!active.html.contains("Asked 11"));
    browser.open("/teams?state=held").await.is(200, "No team matches.");
    browser.open("/teams?from=active.%22").await.is_error(404, "Page not found");
}

#[tokio::test]
async fn preview_pages_show_changes_and_apply_none() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    let group = active_groups(&customers)[0];
    customers.world().add_member(group, customers.people[5].object);
    customers.world().create_team(customers.people[4].person, "Not yet there");
    customers.stack.let_pass(5 * MINUTE).await;
    browser.open("/").await.is(200, "href=\"/preview\"");
    let page = browser.open("/preview").await;
    page.is(200, "Preview mode is on");
    page.is(200, "3 teams");
    assert_eq!(totals(&page), ["1", "2", "0", "0", "0", "0", "0"]);
    page.is(200, "Not yet there</a>");
    let changed =
        teams.iter().filter(|team| page.html.contains(&team_path(**team))).collect::<Vec<_>>();
    assert_eq!(changed.len(), 1, "the team of which nothing would be done is not named");
    let one = browser.open(&team_path(*changed[0])).await;
    one.is(200, "What would be done");
    one.is(200, "Person 05 is added to the team");
    assert_eq!(teams.iter().map(|team| count_in_team(&customers, *team, 5..6)).sum::<usize>(), 0);
    assert_eq!(active_groups(&customers).len(), 2);
    browser.open("/preview?from=active.%22").await.is_error(404, "Page not found");
}

#[tokio::test]
async fn preview_is_applied_once_as_shown() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    let page = browser.open("/preview").await;
    page.is(200, "have not been checked in preview mode yet");
    assert!(!page.html.contains("Apply these changes"));
    let group = active_groups(&customers)[0];
    customers.world().add_member(group, customers.people[5].object);
    customers.stack.let_pass(5 * MINUTE).await;
    let of_team_five = |customers: &Customers| {
        teams.iter().map(|team| count_in_team(customers, *team, 5..6)).sum::<usize>()
    };
    let shown = browser.open("/preview").await;
    shown.is(200, "Apply these changes");

    customers.world().add_member(group, customers.people[4].object);
    customers.stack.let_pass(10 * MINUTE).await;
    let seen = [("seen", &*shown.field("seen"))];
    let moved = browser.submit_on("/preview", "/preview", &seen).await;
    moved.is(409, "This page was out of date");
    assert_eq!(totals(&moved)[..2], ["0", "2"]);
    assert_eq!(customers.settings().await.running, Running::Preview);
    assert_eq!(of_team_five(&customers), 0);

    let mut globex = customers.connected(&customers.globex).await;
    let seen = [("seen", &*moved.field("seen"))];
    globex
        .submit_on("/preview", "/preview", &seen)
        .await
        .is_error(409, "This page was out of date");
    browser
        .submit_on("/preview", "/preview", &[("seen", "all")])
        .await
        .is_error(400, "Nothing was changed.");
    let (first, second) = {
        let mut other = customers.signed_in(&customers.acme).await;
        (
            browser.submit_on("/preview", "/preview", &seen).await,
            other.submit_on("/preview", "/preview", &seen).await,
        )
    };
    first.is(200, "Teams");
    second.is_error(409, "This page was out of date");
    assert_eq!(customers.settings().await.running, Running::Live);
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(of_team_five(&customers), 1);
}

#[tokio::test]
async fn refused_rename_is_deferred_and_retried_daily() {
    let (mut customers, _, _, teams) = with_linked_teams(1).await;
    let (group, page) = (active_groups(&customers)[0], team_path(teams[0]));
    customers.stack.let_pass(40 * MINUTE).await;
    let refused =
        Fault::status(403).on(Service::Webex).method("PUT").path("/teams/").times(u32::MAX);
    customers.world().inject(refused);
    customers.world().rename_group(group, customers.people[0].object, "Harbour");
    customers.stack.let_pass(10 * MINUTE).await;
    let deferred = "name “Harbour” yet: it is retried once a day";
    customers.signed_in(&customers.acme).await.open(&page).await.is(200, deferred);
    customers.world().clear_faults();
    customers.stack.let_pass(DAY).await;
    assert_eq!(customers.world().team(teams[0]).unwrap().title, "Harbour");
    assert!(!customers.signed_in(&customers.acme).await.open(&page).await.html.contains(deferred));
}
