//! The pages of teams: who is on both sides and why, what waits for a decision, and that each decision is made once, by whoever may.

use domain::ids::{GroupId, TeamId};
use engine::link::State;
use engine::tenant::settings::Running;
use sandbox::{Fault, Service};

use crate::setup_browser::{Browser, Customers};
use crate::setup_leaving::{living_groups, with_teams};
use crate::town::{DAY, MINUTE};

fn page_of(team: TeamId) -> String {
    format!("/teams/{team}")
}

fn are_in(customers: &Customers, team: TeamId, people: std::ops::Range<usize>) -> usize {
    let there = customers.world().team(team).unwrap().people;
    customers.people[people].iter().filter(|person| there.contains_key(&person.person)).count()
}

/// A team of six, of whom three were removed from the group, where one is the limit.
async fn after_a_disaster() -> (Customers, Browser, TeamId, GroupId) {
    let (mut customers, mut browser, _, teams) = with_teams(1).await;
    browser.save(&[("link_people", "1"), ("link_percent", "1")]).await.is(200, "saved");
    let group = living_groups(&customers)[0];
    for person in &customers.people[1..] {
        customers.world().add_member(group, person.object);
    }
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(are_in(&customers, teams[0], 0..6), 6);
    for person in &customers.people[3..] {
        customers.world().remove_member(group, person.object);
    }
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(are_in(&customers, teams[0], 0..6), 6, "nobody is removed yet");
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, teams[0], group)
}

#[tokio::test]
async fn a_plan_that_waits_is_found_read_and_applied() {
    let (mut customers, mut browser, team, group) = after_a_disaster().await;
    browser.open("/").await.is(200, &format!("href=\"{}\"", page_of(team)));
    browser.open("/teams?state=held").await.is(200, "Team 0");
    let page = browser.open(&page_of(team)).await;
    page.is(200, "3 removals wait for you");
    let (_, table) = page.html.split_once("aria-label=\"Removals that wait").unwrap();
    let table = table.split("</table>").next().unwrap();
    for (n, person) in (0..6).map(|n| (n, format!("Person {n:02}"))) {
        assert_eq!(table.contains(&person), n >= 3, "{person}");
    }
    customers.world().add_member(group, customers.people[5].object);
    let hash = page.field("hash");
    let decide = [("action", "apply"), ("hash", hash.as_str())];
    browser.submit_on(&page_of(team), &page_of(team), &decide).await.is(200, "is being looked at");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(are_in(&customers, team, 3..5), 0);
    assert_eq!(are_in(&customers, team, 5..6), 1, "whoever is back is not removed");
    let page = browser.open(&page_of(team)).await;
    page.is(200, "Person 03 is removed from the team");
    assert!(!page.html.contains("wait for you"));

    let again = browser.submit_on(&page_of(team), &page_of(team), &decide).await;
    again.is(409, "so nothing was decided");
}

#[tokio::test]
async fn one_page_has_all_plans_that_wait_and_each_is_decided_there() {
    let (mut customers, mut browser, team, _) = after_a_disaster().await;
    browser.open("/teams").await.is(200, "href=\"/held\"");
    let page = browser.open("/held").await;
    page.is(200, &format!("<a href=\"{}\">Team 0</a>: 3 removals wait for you", page_of(team)));
    for person in ["Person 03", "Person 04", "Person 05"] {
        page.is(200, &format!("<th scope=\"row\">{person}</th><td>from the team</td>"));
    }
    let hash = page.field("hash");
    customers.connected(&customers.globex).await.open("/held").await.is(200, "None.");
    let decide = [("action", "apply"), ("hash", hash.as_str())];
    browser.submit_on("/held", &page_of(team), &decide).await.is(200, "is being looked at");
    browser.open("/held").await.is(200, "It was decided");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(are_in(&customers, team, 3..6), 0);
    browser.open("/held").await.is(200, "None.");
    browser.open("/held?from=%22").await.fails(404, "no such page");
}

#[tokio::test]
async fn a_plan_that_is_discarded_puts_people_back_where_they_vanished() {
    let (mut customers, mut browser, team, group) = after_a_disaster().await;
    let hash = browser.open(&page_of(team)).await.field("hash");
    let decide = [("action", "discard"), ("hash", hash.as_str())];
    browser.submit_on(&page_of(team), &page_of(team), &decide).await.is(200, "is being looked at");
    customers.house.let_pass(10 * MINUTE).await;
    let members = customers.world().group(group).unwrap().members;
    assert!(customers.people[3..].iter().all(|person| members.contains(&person.object)));
    assert_eq!(are_in(&customers, team, 0..6), 6);
}

#[tokio::test]
async fn if_more_would_go_by_now_nothing_is_decided_and_the_new_plan_is_shown() {
    let (mut customers, mut browser, team, group) = after_a_disaster().await;
    let hash = browser.open(&page_of(team)).await.field("hash");
    customers.world().remove_member(group, customers.people[2].object);
    customers.house.let_pass(10 * MINUTE).await;
    for action in ["apply", "discard"] {
        let page = browser.submit_on(&page_of(team), &page_of(team), &[("action", action), ("hash", &hash)]).await;
        page.is(409, "so nothing was decided");
        page.is(409, "4 removals wait for you");
        assert_ne!(page.field("hash"), hash);
    }
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(are_in(&customers, team, 0..6), 6);
}

#[tokio::test]
async fn sync_now_does_not_wait_for_anything() {
    let (mut customers, mut browser, _, teams) = with_teams(1).await;
    customers.world().take_calls();
    browser.submit_on(&page_of(teams[0]), &page_of(teams[0]), &[("action", "sync")]).await.is(200, "looked at");
    customers.house.let_pass(crate::town::MINUTE / 30).await;
    let looked = customers.world().take_calls().iter().any(|call| call.path.contains("/teams/"));
    assert!(looked);
}

#[tokio::test]
async fn a_link_that_is_ended_leaves_both_sides_as_they_are_and_apart() {
    let (mut customers, mut browser, _, teams) = with_teams(2).await;
    let unconfirmed = browser.submit_on(&page_of(teams[0]), &page_of(teams[0]), &[("action", "unlink")]).await;
    unconfirmed.is(422, "confirm that you want to end the link");
    let end = [("action", "unlink"), ("sure", "yes")];
    let ended = browser.submit_on(&page_of(teams[0]), &page_of(teams[0]), &end).await;
    ended.is(200, "The link is over");
    ended.is(200, "Full Administrator ended the link");
    assert!(ended.html.find("ended the link:") < ended.html.find("was created"), "the newest comes first");
    let groups = living_groups(&customers);
    assert_eq!(groups.len(), 2);
    let claimed = customers.items().into_keys().filter(|key| key.starts_with("GROUP#")).count();
    assert_eq!(claimed, 1, "the group can be connected again");
    for group in groups {
        customers.world().add_member(group, customers.people[5].object);
    }
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!((are_in(&customers, teams[0], 5..6), are_in(&customers, teams[1], 5..6)), (0, 1));
    browser.open("/teams?state=ended").await.is(200, "Team 0");
    let twice = browser.submit_on(&page_of(teams[0]), &page_of(teams[0]), &end).await;
    assert_eq!(twice.status, 409);
}

#[tokio::test]
async fn the_page_says_of_everybody_who_is_left_out_why_and_what_would_change_it() {
    let (mut customers, mut browser, _, teams) = with_teams(1).await;
    let stranger = customers.world().add_webex_only(&customers.acme, "Unsynchronized Uwe");
    customers.world().add_to_team(teams[0], stranger, sandbox::Role::Member).unwrap();
    let guest = customers.world().add_guest(&customers.acme, "Guest Gerda");
    customers.world().add_member(living_groups(&customers)[0], guest);
    customers.house.let_pass(5 * MINUTE).await;
    let page = browser.open(&page_of(teams[0])).await;
    page.is(200, "Unsynchronized Uwe");
    page.is(200, "has no externalId");
    page.is(200, "Synchronize the person from Entra ID");
    page.is(200, "is a guest of the directory");
    page.is(200, "guest.gerda");
    assert!(page.html.find("Unsynchronized Uwe") < page.html.find("Person 00"), "who is asked about comes first");
}

#[tokio::test]
async fn all_teams_are_listed_once_by_state_and_title_however_many() {
    let (mut customers, mut browser, _, _) = with_teams(1).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    let many: Vec<String> = (0..70).map(|n| format!("Asked {n:02}")).collect();
    many.iter().for_each(|title| _ = customers.world().create_team(customers.people[1].person, title));
    customers.house.let_pass(15 * MINUTE).await;
    let (mut seen, mut at, mut pages) = (Vec::new(), Some("/teams".to_owned()), 0);
    while let Some(path) = at {
        let page = browser.open(&path).await;
        seen.extend(many.iter().filter(|title| page.html.contains(&format!(">{title}</a>"))).cloned());
        let next = page.html.split_once("class=\"button\" href=\"").map(|(_, rest)| rest.split('"').next().unwrap());
        at = next.map(|next| next.replace("&#38;", "&"));
        pages += 1;
    }
    seen.sort();
    assert_eq!((seen, pages), (many, 2));
    let found = browser.open("/teams?title=aSKED+1").await;
    found.is(200, "Asked 11");
    assert!(!found.html.contains("Asked 21") && !found.html.contains("Team 0"));
    let active = browser.open(&format!("/teams?state={}", State::Active)).await;
    active.is(200, "Team 0");
    assert!(!active.html.contains("Asked 11"));
    browser.open("/teams?state=held").await.is(200, "None.");
    browser.open("/teams?from=active.%22").await.fails(404, "no such page");
}

#[tokio::test]
async fn in_preview_mode_the_pages_say_what_would_be_done_and_nothing_is() {
    let (mut customers, mut browser, _, teams) = with_teams(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    let group = living_groups(&customers)[0];
    customers.world().add_member(group, customers.people[5].object);
    customers.world().create_team(customers.people[4].person, "Not yet there");
    customers.house.let_pass(5 * MINUTE).await;
    browser.open("/").await.is(200, "href=\"/preview\"");
    let page = browser.open("/preview").await;
    page.is(200, "Preview mode is on");
    page.is(200, "3 teams");
    page.is(200, "All </th><td>1</td><td>2</td><td>0</td><td>0</td><td>0</td><td>0</td><td>0</td>");
    page.is(200, "Not yet there</a>");
    let changed = teams.iter().filter(|team| page.html.contains(&page_of(**team))).collect::<Vec<_>>();
    assert_eq!(changed.len(), 1, "the team of which nothing would be done is not named");
    let one = browser.open(&page_of(*changed[0])).await;
    one.is(200, "What would be done");
    one.is(200, "Person 05 is added to the team");
    assert_eq!(teams.iter().map(|team| are_in(&customers, *team, 5..6)).sum::<usize>(), 0);
    assert_eq!(living_groups(&customers).len(), 2);
    browser.open("/preview?from=0.%22").await.fails(404, "no such page");
}

#[tokio::test]
async fn what_the_preview_shows_is_done_once_and_only_as_it_was_shown() {
    let (mut customers, mut browser, _, teams) = with_teams(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    let page = browser.open("/preview").await;
    page.is(200, "have not been looked at");
    assert!(!page.html.contains("Have it done"));
    let group = living_groups(&customers)[0];
    customers.world().add_member(group, customers.people[5].object);
    customers.house.let_pass(5 * MINUTE).await;
    let of_team_five = |customers: &Customers| teams.iter().map(|team| are_in(customers, *team, 5..6)).sum::<usize>();
    let shown = browser.open("/preview").await;
    shown.is(200, "Have it done");

    customers.world().add_member(group, customers.people[4].object);
    customers.house.let_pass(10 * MINUTE).await;
    let seen = [("seen", &*shown.field("seen"))];
    let moved = browser.submit_on("/preview", "/preview", &seen).await;
    moved.is(409, "Something changed since");
    moved.is(409, "All </th><td>0</td><td>2</td>");
    assert_eq!(customers.settings().await.running, Running::Preview);
    assert_eq!(of_team_five(&customers), 0);

    let mut globex = customers.connected(&customers.globex).await;
    let seen = [("seen", &*moved.field("seen"))];
    globex.submit_on("/preview", "/preview", &seen).await.fails(409, "Somebody else was faster");
    browser.submit_on("/preview", "/preview", &[("seen", "all")]).await.fails(400, "is no form");
    let (first, second) = {
        let mut other = customers.signed_in(&customers.acme).await;
        (browser.submit_on("/preview", "/preview", &seen).await, other.submit_on("/preview", "/preview", &seen).await)
    };
    first.is(200, "Teams");
    second.fails(409, "Somebody else was faster");
    assert_eq!(customers.settings().await.running, Running::Live);
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(of_team_five(&customers), 1);
}

#[tokio::test]
async fn another_customers_team_is_not_there() {
    let (mut customers, mut browser, team, _) = after_a_disaster().await;
    let hash = browser.open(&page_of(team)).await.field("hash");
    let mut globex = customers.connected(&customers.globex).await;
    let before = customers.items();
    globex.open(&page_of(team)).await.fails(404, "no such team");
    for action in ["sync", "apply", "discard", "unlink"] {
        let form = [("action", action), ("hash", hash.as_str()), ("sure", "yes")];
        globex.submit_on("/webex", &page_of(team), &form).await.fails(404, "no such team");
    }
    let of_acme = |items: std::collections::BTreeMap<String, _>| -> Vec<_> {
        items.into_iter().filter(|(key, _)| key.contains(&team.to_string())).collect()
    };
    assert_eq!(of_acme(customers.items()), of_acme(before));
    customers.house.let_pass(MINUTE).await;
    assert_eq!(are_in(&customers, team, 0..6), 6);
    let shouting = page_of(team).to_uppercase().replace("/TEAMS", "/teams");
    browser.open(&shouting).await.fails(404, "no such page");
}

#[tokio::test]
async fn a_rename_that_webex_refuses_is_owed_said_on_the_teams_page_and_made_again_the_next_day() {
    let (mut customers, _, _, teams) = with_teams(1).await;
    let (group, page) = (living_groups(&customers)[0], page_of(teams[0]));
    customers.house.let_pass(40 * MINUTE).await;
    let refused = Fault::status(403).on(Service::Webex).method("PUT").path("/teams/").times(u32::MAX);
    customers.world().fault(refused);
    customers.world().rename_group(group, customers.people[0].object, "Harbour");
    customers.house.let_pass(10 * MINUTE).await;
    let owed = "name “Harbour” yet: it is tried again once a day";
    customers.signed_in(&customers.acme).await.open(&page).await.is(200, owed);
    customers.world().clear_faults();
    customers.house.let_pass(DAY).await;
    assert_eq!(customers.world().team(teams[0]).unwrap().title, "Harbour");
    assert!(!customers.signed_in(&customers.acme).await.open(&page).await.html.contains(owed));
}
