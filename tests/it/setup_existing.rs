//! Groups for teams that were there before: found through their people, chosen, shown, created, and what each step stands.

use std::collections::BTreeMap;

use domain::ids::{TeamId, TenantId};
use engine::backfill::candidate::{self, Found};
use engine::backfill::run::{self, Run, Stage, State};
use engine::backfill::search::{self, Search};
use sandbox::{Call, Fault, Role, Service};

use crate::setup_browser::{Browser, Customers, Page};
use crate::setup_leaving::{KEEP, living_groups, officer_is_in};
use crate::town::{DAY, MINUTE};

/// A customer with so many teams of two people, and a space of no team, that are older than the switch.
async fn with_existing(count: usize) -> (Customers, Browser, TenantId, Vec<TeamId>) {
    let mut customers = Customers::new().await;
    let teams: Vec<TeamId> = (0..count).map(|n| older_team(&customers, &format!("Old {n:02}"), n % 5)).collect();
    customers.world().create_room(customers.people[0].person, "A space of no team", None);
    // Nobody hears of them by an event.
    customers.advance(3600);
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "selected")]).await.is(200, "saved");
    customers.house.let_pass(3 * MINUTE).await;
    (customers, browser, tenant, teams)
}

/// A team of two, of whom the first is its moderator.
fn older_team(customers: &Customers, title: &str, first: usize) -> TeamId {
    let team = customers.world().create_team(customers.people[first].person, title);
    customers.world().add_to_team(team, customers.people[first + 1].person, Role::Member).unwrap();
    team
}

async fn found_after_a_search(count: usize) -> (Customers, Browser, TenantId, Vec<TeamId>) {
    let (mut customers, mut browser, tenant, teams) = with_existing(count).await;
    find(&mut browser).await.is(200, "Searching since");
    customers.house.let_pass(4 * MINUTE).await;
    (customers, browser, tenant, teams)
}

async fn find(browser: &mut Browser) -> Page {
    press(browser, "/existing", &[("action", "find")]).await
}

async fn press(browser: &mut Browser, page: &str, form: &[(&str, &str)]) -> Page {
    browser.submit_on(page, page, form).await
}

async fn choose(browser: &mut Browser, teams: &[TeamId]) -> Page {
    let teams: Vec<String> = teams.iter().map(TeamId::to_string).collect();
    let mut form: Vec<_> = teams.iter().map(|team| ("team", team.as_str())).collect();
    form.push(("action", "choose"));
    press(browser, "/existing", &form).await
}

async fn create(browser: &mut Browser, shown: &Page) -> Page {
    press(browser, "/selection", &[("action", "create"), ("hash", &shown.field("hash"))]).await
}

async fn search_of(customers: &Customers, tenant: TenantId) -> Search {
    search::load(customers.house.ground().store.as_ref(), tenant).await.unwrap().unwrap()
}

async fn run_of(customers: &Customers, tenant: TenantId) -> Run {
    run::load(customers.house.ground().store.as_ref(), tenant).await.unwrap()
}

async fn everything_found(customers: &Customers, tenant: TenantId) -> BTreeMap<String, Found> {
    let (found, _) = candidate::page(customers.house.ground().store.as_ref(), tenant, "", 1000, None).await.unwrap();
    found.into_iter().map(|(found, _)| (found.title.clone(), found)).collect()
}

async fn failed(customers: &Customers, tenant: TenantId) -> Vec<(TeamId, String)> {
    let run = run_of(customers, tenant).await;
    let store = customers.house.ground().store.as_ref();
    let (failed, _) = run::page(store, tenant, (&run, State::Failed), 100, None).await.unwrap();
    failed.into_iter().map(|one| (one.team, one.why.unwrap_or_default())).collect()
}

/// That each of the teams has a group with its people in their roles, and no other team has one.
fn assert_have_groups(customers: &Customers, teams: &[TeamId]) {
    let groups: Vec<_> = living_groups(customers).into_iter().map(|id| customers.world().group(id).unwrap()).collect();
    assert_eq!(groups.len(), teams.len(), "a group each");
    for team in teams {
        let there = customers.world().team(*team).unwrap();
        let of = |is_owner: bool| {
            let wanted = move |role: &Role| !is_owner || *role == Role::Moderator;
            let person = |id| customers.people.iter().find(|person| person.person == id).map(|person| person.object);
            let people = there.people.iter().filter(move |(_, role)| wanted(role));
            people.filter_map(|(id, _)| person(*id)).collect::<std::collections::BTreeSet<_>>()
        };
        let group = groups.iter().find(|group| group.display_name == there.title);
        let group = group.unwrap_or_else(|| panic!("no group for {}", there.title));
        assert_eq!((&group.members, &group.owners), (&of(false), &of(true)), "{}", there.title);
    }
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

fn ticks(page: &Page) -> usize {
    page.html.matches("type=\"checkbox\"").count()
}

#[tokio::test]
async fn a_search_finds_every_team_of_the_people_once_whoever_of_them_is_in_it() {
    let (mut customers, mut browser, tenant, teams) = with_existing(6).await;
    let world = customers.world();
    for person in &customers.people[2..] {
        _ = world.add_to_team(teams[0], person.person, Role::Member);
    }
    world.create_room(customers.people[0].person, "A further space", Some(teams[0]));
    let nobody = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
    world.create_team(nobody, "Of nobody who takes part");
    let abroad = world.add_foreign_organization("Elsewhere");
    let host = world.add_account_of(abroad, "Host");
    let theirs = world.create_team(host, "Abroad");
    world.add_to_team(theirs, customers.people[0].person, Role::Moderator).unwrap();

    browser.open("/teams").await.is(200, "href=\"/existing\"");
    browser.open("/").await.is(200, "href=\"/existing\"");
    let page = browser.open("/existing").await;
    page.is(200, "Webex has no list of all teams.");
    let page = find(&mut browser).await;
    page.is(200, "Searching since");
    assert_eq!(page.header("refresh"), "10");
    customers.house.let_pass(5 * MINUTE).await;
    let found = everything_found(&customers, tenant).await;
    assert_eq!(
        found.keys().map(String::as_str).collect::<Vec<_>>(),
        ["Old 00", "Old 01", "Old 02", "Old 03", "Old 04", "Old 05"]
    );
    let search = search_of(&customers, tenant).await;
    assert_eq!((search.stage, search.people, search.teams, search.hidden), (search::Stage::Done, 7, 6, 0));
    assert_eq!(found["Old 00"].outlook.people, 6);
    let page = browser.open("/existing").await;
    page.is(200, "6 teams found through 7 people");
    assert_eq!(ticks(&page), 6);
    page.is(200, "<td>2</td><td>1</td><td>0</td>");
    assert_eq!(page.header("refresh"), "", "nothing moves any more");
}

#[tokio::test]
async fn a_search_costs_a_listing_a_person_and_two_calls_a_team_and_stays_within_what_a_round_may_call() {
    let (mut customers, mut browser, tenant, _) = with_existing(40).await;
    customers.house.let_pass(20 * MINUTE).await;
    find(&mut browser).await.is(200, "Searching since");
    let mut of_all = [0; 3];
    for _ in 0..8 {
        customers.world().take_calls();
        customers.house.let_pass(MINUTE).await;
        let calls = searched(&customers.world().take_calls());
        assert!(calls.iter().sum::<usize>() <= 60, "{calls:?} in a minute");
        (0..3).for_each(|at| of_all[at] += calls[at]);
    }
    assert_eq!(search_of(&customers, tenant).await.stage, search::Stage::Done);
    let [people, spaces, rosters] = of_all;
    assert_eq!((spaces, rosters), (41, 40));
    // Whoever's listing was broken off when the round had called enough is listed once more.
    assert!((7..=9).contains(&people), "{people}");

    find(&mut browser).await.is(200, "Searching since");
    customers.world().take_calls();
    customers.house.let_pass(8 * MINUTE).await;
    let [people, spaces, rosters] = searched(&customers.world().take_calls());
    assert_eq!((spaces, rosters), (40, 40), "what is no team is known");
    assert!((7..=9).contains(&people), "{people}");
}

/// What a search called: people's spaces, what a space is, who is in it.
fn searched(calls: &[Call]) -> [usize; 3] {
    ["personId=", "/v1/rooms/", "/v1/memberships?roomId="].map(|part| {
        let is_one = |call: &&Call| call.service == Service::Webex && call.path.contains(part);
        calls.iter().filter(is_one).count()
    })
}

#[tokio::test]
async fn all_pages_of_a_persons_spaces_are_read_however_small_and_empty_they_are() {
    let (mut customers, mut browser, tenant, _) = with_existing(12).await;
    customers.world().webex_settings(|settings| {
        (settings.page_limit, settings.empty_pages) = (2, sandbox::EmptyPages::Between);
    });
    find(&mut browser).await.is(200, "Searching since");
    customers.house.let_pass(6 * MINUTE).await;
    assert_eq!(everything_found(&customers, tenant).await.len(), 12);
    assert_eq!(search_of(&customers, tenant).await.stage, search::Stage::Done);
}

#[tokio::test]
async fn somebody_whom_webex_does_not_answer_for_is_passed_over_in_the_end() {
    let (mut customers, mut browser, tenant, _) = with_existing(5).await;
    let silence = Fault::status(500).on(Service::Webex).path("personId=").times(u32::MAX);
    customers.world().fault(silence.clone());
    find(&mut browser).await.is(200, "Searching since");
    customers.house.let_pass(7 * MINUTE).await;
    let search = search_of(&customers, tenant).await;
    assert_eq!((search.people, search.hidden), (1, 1));
    customers.world().withdraw(&silence);
    customers.house.let_pass(4 * MINUTE).await;
    let search = search_of(&customers, tenant).await;
    assert_eq!((search.stage, search.people, search.teams, search.hidden), (search::Stage::Done, 7, 5, 1));
    browser.open("/existing").await.is(200, "Webex did not show 1 people or spaces.");
}

#[tokio::test]
async fn what_was_changed_by_people_goes_before_the_search() {
    let (mut customers, mut browser, tenant, teams) = with_existing(35).await;
    customers.house.let_pass(5 * MINUTE).await;
    find(&mut browser).await.is(200, "Searching since");
    for (n, team) in teams.iter().enumerate() {
        let newcomer = customers.people[(n % 5 + 3) % 6].person;
        customers.world().add_to_team(*team, newcomer, Role::Member).unwrap();
    }
    customers.world().take_calls();
    customers.house.let_pass(MINUTE).await;
    let calls = customers.world().take_calls();
    assert_eq!(calls.iter().filter(|call| call.path.contains("personId=")).count(), 0, "not in this minute");
    customers.house.let_pass(6 * MINUTE).await;
    assert_eq!(everything_found(&customers, tenant).await.len(), 35);
}

#[tokio::test]
async fn a_second_search_starts_anew_and_refreshes() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(3).await;
    customers.world().rename_team(teams[0], "Renamed");
    customers.world().delete_team(teams[1]);
    older_team(&customers, "Younger", 0);
    find(&mut browser).await.is(200, "Searching since");
    customers.house.let_pass(4 * MINUTE).await;
    let found = everything_found(&customers, tenant).await;
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["Old 02", "Renamed", "Younger"]);
    assert_eq!(search_of(&customers, tenant).await.teams, 3);
}

#[tokio::test]
async fn a_search_is_paused_gone_on_with_and_stopped() {
    let (mut customers, mut browser, tenant, _) = with_existing(60).await;
    find(&mut browser).await.is(200, "Searching since");
    customers.house.let_pass(MINUTE).await;
    press(&mut browser, "/existing", &[("action", "pause")]).await.is(200, "is paused");
    let paused = search_of(&customers, tenant).await;
    assert!((1..60).contains(&paused.teams), "{} teams", paused.teams);
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(search_of(&customers, tenant).await, paused, "nothing happens meanwhile");
    press(&mut browser, "/existing", &[("action", "pause")]).await.fails(409, "Somebody else was faster");
    press(&mut browser, "/existing", &[("action", "find")]).await.fails(409, "Somebody else was faster");
    press(&mut browser, "/existing", &[("action", "go-on")]).await.is(200, "Searching since");
    customers.house.let_pass(MINUTE).await;
    assert!(search_of(&customers, tenant).await.teams > paused.teams);
    press(&mut browser, "/existing", &[("action", "stop")]).await.is(200, "was stopped");
    let stopped = search_of(&customers, tenant).await;
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(search_of(&customers, tenant).await, stopped);
    assert_eq!(everything_found(&customers, tenant).await.len(), stopped.teams, "what was found is kept");
}

#[tokio::test]
async fn nothing_goes_on_while_the_integration_is_off_or_a_gate_is_shut() {
    let (mut customers, mut browser, tenant, teams) = with_existing(30).await;
    find(&mut browser).await;
    press(&mut browser, "/settings", &[("switch", "off")]).await;
    browser.open("/existing").await.is(200, "The integration is off");
    let before = search_of(&customers, tenant).await;
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(search_of(&customers, tenant).await, before);
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers.house.let_pass(MINUTE / 2).await;
    customers.world().fault(Fault::throttled("600").on(Service::Webex).path("personId="));
    customers.house.let_pass(8 * MINUTE).await;
    assert!(search_of(&customers, tenant).await.teams < 30, "the gate is shut");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(everything_found(&customers, tenant).await.len(), 30);

    choose(&mut browser, &teams[..2]).await;
    let shown = browser.open("/selection").await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    press(&mut browser, "/settings", &[("switch", "off")]).await;
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 0);
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers.house.let_pass(5 * MINUTE).await;
    assert_have_groups(&customers, &teams[..2]);
}

#[tokio::test]
async fn the_list_says_of_each_team_that_cannot_have_a_group_why() {
    let (mut customers, mut browser, _, teams) = with_existing(5).await;
    let world = customers.world();
    world.archive_team(teams[0]);
    let uwe = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
    let ownerless = world.create_team(uwe, "Without an owner");
    world.add_to_team(ownerless, customers.people[0].person, Role::Member).unwrap();
    customers.house.let_pass(2 * MINUTE).await;
    browser.save(&[("new_teams", "every")]).await.is(200, "saved");
    older_team(&customers, "Linked as a new one", 0);
    customers.house.let_pass(2 * MINUTE).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    customers.house.let_pass(20 * MINUTE).await;
    older_team(&customers, "Whose creator was asked", 0);
    customers.house.let_pass(2 * MINUTE).await;
    find(&mut browser).await;
    customers.house.let_pass(4 * MINUTE).await;
    let page = browser.open("/existing").await;
    for (team, why) in [
        ("Old 00", "It is archived."),
        ("Without an owner", "No moderator takes part, and the settings name no fallback owner."),
    ] {
        page.is(200, &format!("{team}<br><span class=\"quiet\">{why}</span>"));
    }
    page.is(200, "Linked as a new one</a><br><span class=\"quiet\">It is linked already.");
    page.is(200, "Whose creator was asked</a><br><span class=\"quiet\">Its creator was asked by card");
    assert_eq!(ticks(&page), 4, "all others can be chosen");
    let chosen = choose(&mut browser, &[teams[0], ownerless, teams[1]]).await;
    chosen.is(200, "1 group would be created, with 2 people, 1 of them owners.");
    press(&mut browser, "/existing", &[("action", "choose-all"), ("title", "")]).await.is(200, "4 groups would be");
}

#[tokio::test]
async fn found_teams_are_listed_by_title_page_by_page() {
    let (mut customers, mut browser, _, _) = with_existing(70).await;
    find(&mut browser).await;
    customers.house.let_pass(8 * MINUTE).await;
    let first = browser.open("/existing").await;
    first.is(200, "Old 49");
    assert!(!first.html.contains("Old 50"));
    assert!(first.html.find("Old 07") < first.html.find("Old 08"));
    let next = first.html.split_once("class=\"button\" href=\"").unwrap().1.split('"').next().unwrap();
    let second = browser.open(&next.replace("&#38;", "&")).await;
    second.is(200, "Old 69");
    assert_eq!(ticks(&second), 20);
    let some = browser.open("/existing?title=oLD+1").await;
    assert_eq!(ticks(&some), 10);
    let all = press(&mut browser, "/existing", &[("action", "choose-all"), ("title", "oLD 1")]).await;
    all.is(200, "10 groups would be created");
    press(&mut browser, "/existing", &[("action", "choose-all"), ("title", "")]).await.is(200, "70 groups would be");
    browser.open("/existing?from=%22").await.fails(404, "no such page");
    browser.open("/selection?from=%22").await.fails(404, "no such page");
}

#[tokio::test]
async fn what_was_shown_is_created_and_nothing_else() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(4).await;
    let guest = customers.world().add_webex_only(&customers.acme, "Unsynchronized Uwe");
    customers.world().add_to_team(teams[0], guest, Role::Member).unwrap();
    customers.house.let_pass(6 * MINUTE).await;
    find(&mut browser).await;
    customers.house.let_pass(4 * MINUTE).await;
    let shown = choose(&mut browser, &teams[..3]).await;
    shown.is(200, "3 groups would be created, with 6 people, 3 of them owners. 1 would stay in their teams only.");
    shown.is(200, "<th scope=\"row\">Old 00</th><td>2</td><td>1</td><td>1: The Webex account has no externalId");
    let left = press(&mut browser, "/selection", &[("action", "leave-out"), ("team", &teams[2].to_string())]).await;
    left.is(200, "2 groups would be created, with 4 people");
    assert_eq!(living_groups(&customers).len(), 0, "nothing is created by looking");
    let begun = create(&mut browser, &left).await;
    begun.is(200, "Groups are being created");
    begun.is(200, "<progress max=\"2\" value=\"0\"");
    assert_eq!(begun.header("refresh"), "10");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams[..2]);
    let run = run_of(&customers, tenant).await;
    assert_eq!((run.stage, run.counts.done, run.counts.failed), (Stage::Done, 2, 0));
    let done = browser.open("/selection").await;
    done.is(200, "2 of 2 done.");
    done.is(200, "Nothing failed.");
    let listed = browser.open("/existing").await;
    assert_eq!(listed.html.matches("It is linked already.").count(), 2);
    assert_eq!(ticks(&listed), 2);
}

#[tokio::test]
async fn if_a_chosen_team_is_not_as_it_was_shown_nothing_begins_and_the_new_preview_is_shown() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(3).await;
    let shown = choose(&mut browser, &teams[..2]).await;
    shown.is(200, "2 groups would be created, with 4 people");
    customers.world().add_to_team(teams[1], customers.people[5].person, Role::Member).unwrap();
    let new = create(&mut browser, &shown).await;
    new.is(409, "so nothing was begun");
    new.is(409, "2 groups would be created, with 5 people");
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 0);
    assert_eq!(run_of(&customers, tenant).await.stage, Stage::Choosing);
    let other = choose(&mut browser, &teams[2..]).await;
    create(&mut browser, &new).await.is(409, "3 groups would be created, with 7 people");
    create(&mut browser, &other).await.is(200, "Groups are being created");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn a_team_that_changes_before_its_turn_is_not_begun_says_so_and_can_be_tried_again() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(25).await;
    let shown = press(&mut browser, "/existing", &[("action", "choose-all")]).await;
    shown.is(200, "25 groups would be created, with 50 people");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.world().promote(teams[7], customers.people[3].person).unwrap();
    customers.house.let_pass(25 * MINUTE).await;
    let others: Vec<TeamId> = teams.iter().copied().filter(|team| *team != teams[7]).collect();
    assert_have_groups(&customers, &others);
    let why = failed(&customers, tenant).await;
    assert!(matches!(&why[..], [(team, why)] if *team == teams[7] && why.contains("not as they were")), "{why:?}");
    browser.open("/selection").await.is(200, "24 of 25 done, 1 failed");
    let shown = press(&mut browser, "/selection", &[("action", "again")]).await;
    shown.is(200, "1 group would be created, with 2 people, 2 of them owners.");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn a_team_that_fails_says_why_and_can_be_tried_again() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(3).await;
    customers.world().set_group_setting(customers.acme.directory, "EnableGroupCreation", "false");
    let shown = choose(&mut browser, &teams).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 0);
    let page = browser.open("/selection").await;
    page.is(200, "0 of 3 done, 3 failed.");
    page.is(200, "do not let users create groups");
    assert!(page.html.contains(&format!("href=\"/teams/{}\"", teams[0])));
    customers.world().set_group_setting(customers.acme.directory, "EnableGroupCreation", "true");
    // The directory's rules are read once a day.
    customers.house.let_pass(DAY).await;
    browser = customers.signed_in(&customers.acme).await;
    assert_eq!(failed(&customers, tenant).await.len(), 3);
    let shown = press(&mut browser, "/selection", &[("action", "again")]).await;
    shown.is(200, "3 groups would be created");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(20 * MINUTE).await;
    browser.open("/selection").await.is(200, "3 of 3 done.");
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn a_run_is_paused_gone_on_with_and_stopped_and_what_is_begun_is_finished() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(25).await;
    let shown = press(&mut browser, "/existing", &[("action", "choose-all")]).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(MINUTE).await;
    let paused = press(&mut browser, "/selection", &[("action", "pause")]).await;
    paused.is(200, "Paused</h2>");
    customers.house.let_pass(10 * MINUTE).await;
    let begun = living_groups(&customers).len();
    assert!((1..25).contains(&begun), "{begun}");
    let run = run_of(&customers, tenant).await;
    assert_eq!((run.counts.done, run.counts.started, run.counts.waiting), (begun, 0, 25 - begun));
    press(&mut browser, "/selection", &[("action", "go-on")]).await.is(200, "Groups are being created");
    customers.house.let_pass(MINUTE).await;
    press(&mut browser, "/selection", &[("action", "stop")]).await.is(200, "Stopped</h2>");
    customers.house.let_pass(20 * MINUTE).await;
    let run = run_of(&customers, tenant).await;
    let groups = living_groups(&customers).len();
    assert!((begun + 1..25).contains(&groups), "{groups}");
    assert_eq!((run.counts.done, run.counts.started, run.counts.waiting), (groups, 0, 25 - groups));
    let page = browser.open("/selection").await;
    page.is(200, &format!("{groups} of 25 done, {} not begun.", 25 - groups));
    press(&mut browser, "/selection", &[("action", "go-on")]).await.fails(409, "Somebody else was faster");
    // What was not begun can be chosen once more.
    let shown = press(&mut browser, "/existing", &[("action", "choose-all")]).await;
    shown.is(200, &format!("{} groups would be created", 25 - groups));
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn two_administrators_and_double_clicks_do_a_thing_once() {
    let (mut customers, mut browser, tenant, teams) = with_existing(3).await;
    let mut other = customers.signed_in(&customers.acme).await;
    find(&mut browser).await.is(200, "Searching since");
    find(&mut other).await.fails(409, "Somebody else was faster");
    customers.house.let_pass(4 * MINUTE).await;
    assert_eq!(search_of(&customers, tenant).await.number.0, 1);

    let shown = choose(&mut browser, &teams[..2]).await;
    let seen_by_other = choose(&mut other, &teams[1..]).await;
    seen_by_other.is(200, "3 groups would be created");
    create(&mut browser, &shown).await.is(409, "3 groups would be created");
    create(&mut other, &seen_by_other).await.is(200, "Groups are being created");
    create(&mut other, &seen_by_other).await.is(200, "Groups are being created");
    create(&mut browser, &seen_by_other).await.is(200, "Groups are being created");
    choose(&mut browser, &teams[..1]).await.fails(409, "Somebody else was faster");
    press(&mut browser, "/selection", &[("action", "choose-none")]).await.fails(409, "Somebody else was faster");
    press(&mut browser, "/selection", &[("action", "again")]).await.fails(409, "Somebody else was faster");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
    create(&mut other, &seen_by_other).await.is(200, "3 of 3 done");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn a_living_link_is_never_touched_and_one_that_is_over_can_be_replaced() {
    let (mut customers, mut browser, _, teams) = found_after_a_search(2).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    customers.house.let_pass(MINUTE).await;
    let asked = older_team(&customers, "Asked", 0);
    customers.house.let_pass(MINUTE).await;
    let end = [("action", "unlink"), ("sure", "yes")];
    let page = format!("/teams/{asked}");
    find(&mut browser).await;
    customers.house.let_pass(4 * MINUTE).await;
    choose(&mut browser, &[asked]).await.is(200, "None is chosen.");
    browser.submit_on(&page, &page, &end).await.is(200, "The link is over");
    let shown = choose(&mut browser, &[asked]).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &[asked]);

    // A group that its directory deleted, whose people an earlier link knew, takes nobody out of the team.
    browser.save(&[("on_group_deleted", "end-link")]).await.is(200, "saved");
    let before = customers.world().team(asked).unwrap().people;
    customers.world().delete_group(living_groups(&customers)[0]);
    customers.house.let_pass(DAY + 60 * MINUTE).await;
    browser = customers.signed_in(&customers.acme).await;
    browser.open(&page).await.is(200, "The group was deleted");
    // As long as it can be restored, it keeps the name that is unique to the team.
    customers.advance(31 * 24 * 3600);
    customers.house.let_pass(5 * MINUTE).await;
    browser = customers.signed_in(&customers.acme).await;
    let shown = choose(&mut browser, &[asked]).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(25 * MINUTE).await;
    assert_eq!(customers.world().team(asked).unwrap().people, before);
    assert_have_groups(&customers, &[asked]);
    assert!(!officer_is_in(&customers, teams[0]));
}

#[tokio::test]
async fn in_preview_mode_nothing_is_begun() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    let shown = choose(&mut browser, &teams).await;
    shown.is(200, "Preview mode is on");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(run_of(&customers, tenant).await.counts.waiting, 2);
    assert_eq!(living_groups(&customers).len(), 0);
    browser.save(&[("running", "live")]).await.is(200, "saved");
    customers.house.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn another_customer_sees_and_changes_nothing_of_it() {
    let (customers, mut browser, tenant, teams) = found_after_a_search(2).await;
    let mut globex = customers.connected(&customers.globex).await;
    globex.save(&[("enabled", "yes"), ("new_teams", "selected")]).await.is(200, "saved");
    let page = globex.open("/existing").await;
    page.is(200, "Webex has no list of all teams.");
    assert!(!page.html.contains("Old 00"));
    let before = run_of(&customers, tenant).await;
    choose(&mut globex, &teams).await.is(200, "None is chosen.");
    assert_eq!(run_of(&customers, tenant).await, before);
    let shown = choose(&mut browser, &teams).await;
    create(&mut globex, &shown).await.is(409, "nothing was begun");
    press(&mut globex, "/selection", &[("action", "choose-none")]).await.is(200, "None is chosen.");
    browser.open("/selection").await.is(200, "2 groups would be created");
}

#[tokio::test]
async fn disconnecting_forgets_all_of_it() {
    let (mut customers, mut browser, tenant, teams) = found_after_a_search(3).await;
    choose(&mut browser, &teams[..2]).await;
    let of_it = |customers: &Customers| {
        let kinds = ["#FOUND/", "#CHOSEN/", "/SEARCH", "/RUN"].map(|kind| format!("TENANT#{tenant}{kind}"));
        let keys: Vec<String> = customers.items().into_keys().collect();
        kinds.map(|kind| keys.iter().filter(|key| key.starts_with(&kind)).count())
    };
    assert_eq!(of_it(&customers), [3, 2, 1, 1]);
    let forget = [KEEP[0], KEEP[1], ("links", "forget")];
    browser.submit_on("/disconnect", "/disconnect", &forget).await.is(200, "Disconnected");
    customers.house.let_pass(10 * MINUTE).await;
    assert_eq!(of_it(&customers), [0, 0, 0, 0]);
    browser.open("/existing").await.fails(409, "Nothing is connected yet");
}
