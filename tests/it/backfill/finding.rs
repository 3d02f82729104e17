//! The search for existing teams, through their members.

use engine::backfill::search;
use sim::{Call, Fault, MembershipRole, Service};

use super::{
    after_search, assert_have_groups, candidates, choose, count_checkboxes, create, load_search,
    older_team, start_search, submit, with_existing_teams,
};
use crate::support::{MINUTE, active_groups};

#[tokio::test]
async fn search_finds_every_team_once() {
    let (mut customers, mut browser, tenant, teams) = with_existing_teams(6).await;
    let world = customers.world();
    for person in &customers.people[2..] {
        _ = world.add_to_team(teams[0], person.person, MembershipRole::Member);
    }
    world.create_room(customers.people[0].person, "A further space", Some(teams[0]));
    let stranger = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
    world.create_team(stranger, "Of an excluded person");
    let abroad = world.add_foreign_organization("Elsewhere");
    let host = world.add_account_of(abroad, "Host");
    let theirs = world.create_team(host, "Abroad");
    world.add_to_team(theirs, customers.people[0].person, MembershipRole::Moderator).unwrap();

    browser.open("/teams").await.is(200, "href=\"/existing\"");
    browser.open("/").await.is(200, "href=\"/existing\"");
    let page = browser.open("/existing").await;
    page.is(200, "Webex has no list of all teams.");
    let page = start_search(&mut browser).await;
    page.is(200, "Searching since");
    assert_eq!(page.header("refresh"), "10");
    customers.stack.let_pass(5 * MINUTE).await;
    let found = candidates(&customers, tenant).await;
    assert_eq!(
        found.keys().map(String::as_str).collect::<Vec<_>>(),
        ["Old 00", "Old 01", "Old 02", "Old 03", "Old 04", "Old 05"]
    );
    let search = load_search(&customers, tenant).await;
    assert_eq!(
        (search.stage, search.people, search.teams, search.hidden),
        (search::SearchStage::Done, 7, 6, 0)
    );
    assert_eq!(found["Old 00"].outlook.people, 6);
    let page = browser.open("/existing").await;
    page.is(200, "6 teams found through 7 people");
    assert_eq!(count_checkboxes(&page), 6);
    page.is(200, "data-label=\"People\">2</td><td data-label=\"Owners\">1</td>");
    assert_eq!(page.header("refresh"), "", "nothing refreshes");
}

#[tokio::test]
async fn search_stays_within_the_call_limit() {
    let (mut customers, mut browser, tenant, _) = with_existing_teams(40).await;
    customers.stack.let_pass(20 * MINUTE).await;
    start_search(&mut browser).await.is(200, "Searching since");
    let mut of_all = [0; 3];
    for _ in 0..8 {
        customers.world().take_calls();
        customers.stack.let_pass(MINUTE).await;
        let calls = count_search_calls(&customers.world().take_calls());
        assert!(calls.iter().sum::<usize>() <= 60, "{calls:?} in a minute");
        (0..3).for_each(|at| of_all[at] += calls[at]);
    }
    assert_eq!(load_search(&customers, tenant).await.stage, search::SearchStage::Done);
    let [people, spaces, memberships] = of_all;
    assert_eq!((spaces, memberships), (41, 40));
    // A listing interrupted by the call limit starts over.
    assert!((7..=9).contains(&people), "{people}");

    start_search(&mut browser).await.is(200, "Searching since");
    customers.world().take_calls();
    customers.stack.let_pass(8 * MINUTE).await;
    let [people, spaces, memberships] = count_search_calls(&customers.world().take_calls());
    assert_eq!((spaces, memberships), (40, 40), "what is no team is known");
    assert!((7..=9).contains(&people), "{people}");
}

/// Counts the calls of a search: spaces of people, rooms, and members.
fn count_search_calls(calls: &[Call]) -> [usize; 3] {
    ["personId=", "/v1/rooms/", "/v1/memberships?roomId="].map(|part| {
        let is_one = |call: &&Call| call.service == Service::Webex && call.path.contains(part);
        calls.iter().filter(is_one).count()
    })
}

#[tokio::test]
async fn all_pages_of_spaces_are_read() {
    let (mut customers, mut browser, tenant, _) = with_existing_teams(12).await;
    customers.world().webex_settings(|settings| {
        (settings.page_limit, settings.empty_pages) = (2, sim::EmptyPages::Between);
    });
    start_search(&mut browser).await.is(200, "Searching since");
    customers.stack.let_pass(6 * MINUTE).await;
    assert_eq!(candidates(&customers, tenant).await.len(), 12);
    assert_eq!(load_search(&customers, tenant).await.stage, search::SearchStage::Done);
}

#[tokio::test]
async fn unreadable_person_is_skipped() {
    let (mut customers, mut browser, tenant, _) = with_existing_teams(5).await;
    let silence = Fault::status(500).on(Service::Webex).path("personId=").times(u32::MAX);
    customers.world().inject(silence.clone());
    start_search(&mut browser).await.is(200, "Searching since");
    customers.stack.let_pass(7 * MINUTE).await;
    let search = load_search(&customers, tenant).await;
    assert_eq!((search.people, search.hidden), (1, 1));
    customers.world().remove_fault(&silence);
    customers.stack.let_pass(4 * MINUTE).await;
    let search = load_search(&customers, tenant).await;
    assert_eq!(
        (search.stage, search.people, search.teams, search.hidden),
        (search::SearchStage::Done, 7, 5, 1)
    );
    browser.open("/existing").await.is(200, "Webex did not show 1 people or spaces.");
}

#[tokio::test]
async fn changes_of_people_go_before_the_search() {
    let (mut customers, mut browser, tenant, teams) = with_existing_teams(35).await;
    customers.stack.let_pass(5 * MINUTE).await;
    start_search(&mut browser).await.is(200, "Searching since");
    for (n, team) in teams.iter().enumerate() {
        let newcomer = customers.people[(n % 5 + 3) % 6].person;
        customers.world().add_to_team(*team, newcomer, MembershipRole::Member).unwrap();
    }
    customers.world().take_calls();
    customers.stack.let_pass(MINUTE).await;
    let calls = customers.world().take_calls();
    assert_eq!(
        calls.iter().filter(|call| call.path.contains("personId=")).count(),
        0,
        "not in this minute"
    );
    customers.stack.let_pass(6 * MINUTE).await;
    assert_eq!(candidates(&customers, tenant).await.len(), 35);
}

#[tokio::test]
async fn second_search_refreshes_the_results() {
    let (mut customers, mut browser, tenant, teams) = after_search(3).await;
    customers.world().rename_team(teams[0], "Renamed");
    customers.world().delete_team(teams[1]);
    older_team(&customers, "Younger", 0);
    start_search(&mut browser).await.is(200, "Searching since");
    customers.stack.let_pass(4 * MINUTE).await;
    let found = candidates(&customers, tenant).await;
    assert_eq!(
        found.keys().map(String::as_str).collect::<Vec<_>>(),
        ["Old 02", "Renamed", "Younger"]
    );
    assert_eq!(load_search(&customers, tenant).await.teams, 3);
}

#[tokio::test]
async fn search_can_be_paused_resumed_and_stopped() {
    let (mut customers, mut browser, tenant, _) = with_existing_teams(60).await;
    start_search(&mut browser).await.is(200, "Searching since");
    customers.stack.let_pass(MINUTE).await;
    submit(&mut browser, "/existing", &[("action", "pause")]).await.is(200, "is paused");
    let paused = load_search(&customers, tenant).await;
    assert!((1..60).contains(&paused.teams), "{} teams", paused.teams);
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(load_search(&customers, tenant).await, paused, "nothing happens meanwhile");
    submit(&mut browser, "/existing", &[("action", "pause")])
        .await
        .is_error(409, "This page was out of date");
    submit(&mut browser, "/existing", &[("action", "find")])
        .await
        .is_error(409, "This page was out of date");
    submit(&mut browser, "/existing", &[("action", "go-on")]).await.is(200, "Searching since");
    customers.stack.let_pass(MINUTE).await;
    assert!(load_search(&customers, tenant).await.teams > paused.teams);
    submit(&mut browser, "/existing", &[("action", "stop")]).await.is(200, "was stopped");
    let stopped = load_search(&customers, tenant).await;
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(load_search(&customers, tenant).await, stopped);
    assert_eq!(candidates(&customers, tenant).await.len(), stopped.teams, "what was found is kept");
}

#[tokio::test]
async fn backfill_waits_while_off_or_in_backoff() {
    let (mut customers, mut browser, tenant, teams) = with_existing_teams(30).await;
    start_search(&mut browser).await;
    submit(&mut browser, "/settings", &[("switch", "off")]).await;
    browser.open("/existing").await.is(200, "The integration is off");
    let before = load_search(&customers, tenant).await;
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(load_search(&customers, tenant).await, before);
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers.stack.let_pass(MINUTE / 2).await;
    customers.world().inject(Fault::throttled("600").on(Service::Webex).path("personId="));
    customers.stack.let_pass(8 * MINUTE).await;
    assert!(load_search(&customers, tenant).await.teams < 30, "in backoff");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(candidates(&customers, tenant).await.len(), 30);

    choose(&mut browser, &teams[..2]).await;
    let shown = browser.open("/selection").await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    submit(&mut browser, "/settings", &[("switch", "off")]).await;
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 0);
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers.stack.let_pass(5 * MINUTE).await;
    assert_have_groups(&customers, &teams[..2]);
}

#[tokio::test]
async fn list_names_the_blocker_of_each_team() {
    let (mut customers, mut browser, _, teams) = with_existing_teams(5).await;
    let world = customers.world();
    world.archive_team(teams[0]);
    let uwe = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
    let ownerless = world.create_team(uwe, "Without an owner");
    world.add_to_team(ownerless, customers.people[0].person, MembershipRole::Member).unwrap();
    customers.stack.let_pass(2 * MINUTE).await;
    browser.save(&[("new_teams", "every")]).await.is(200, "saved");
    older_team(&customers, "Linked as a new one", 0);
    customers.stack.let_pass(2 * MINUTE).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    customers.stack.let_pass(20 * MINUTE).await;
    older_team(&customers, "Whose creator was asked", 0);
    customers.stack.let_pass(2 * MINUTE).await;
    start_search(&mut browser).await;
    customers.stack.let_pass(4 * MINUTE).await;
    let page = browser.open("/existing").await;
    for (team, why) in [
        ("Old 00", "It is archived."),
        ("Without an owner", "No moderator is eligible, and the settings name no fallback owner."),
    ] {
        page.is(200, &format!("{team}<br><span class=\"quiet\">{why}</span>"));
    }
    page.is(200, "Linked as a new one</a><br><span class=\"quiet\">It is linked already.");
    page.is(
        200,
        "Whose creator was asked</a><br><span class=\"quiet\">Its creator was asked by card",
    );
    assert_eq!(count_checkboxes(&page), 4, "all others can be chosen");
    let chosen = choose(&mut browser, &[teams[0], ownerless, teams[1]]).await;
    chosen.is(200, "1 group would be created, with 2 people, 1 of them owners.");
    submit(&mut browser, "/existing", &[("action", "choose-all"), ("title", "")])
        .await
        .is(200, "4 groups would be");
}

#[tokio::test]
async fn candidates_are_listed_by_title() {
    let (mut customers, mut browser, _, _) = with_existing_teams(70).await;
    start_search(&mut browser).await;
    customers.stack.let_pass(8 * MINUTE).await;
    let first = browser.open("/existing").await;
    first.is(200, "Old 49");
    assert!(!first.html.contains("Old 50"));
    assert!(first.html.find("Old 07") < first.html.find("Old 08"));
    let next =
        first.html.split_once("class=\"button\" href=\"").unwrap().1.split('"').next().unwrap();
    let second = browser.open(&next.replace("&#38;", "&")).await;
    second.is(200, "Old 69");
    assert_eq!(count_checkboxes(&second), 20);
    let some = browser.open("/existing?title=oLD+1").await;
    assert_eq!(count_checkboxes(&some), 10);
    let all =
        submit(&mut browser, "/existing", &[("action", "choose-all"), ("title", "oLD 1")]).await;
    all.is(200, "10 groups would be created");
    submit(&mut browser, "/existing", &[("action", "choose-all"), ("title", "")])
        .await
        .is(200, "70 groups would be");
    browser.open("/existing?from=%22").await.is_error(404, "Page not found");
    browser.open("/selection?from=%22").await.is_error(404, "Page not found");
}
