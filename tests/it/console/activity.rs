//! The activity page and its file: filters, order and paging.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Role, Side};
use engine::activity::{Activity, Actor, Note, PersonChange};
use store::message::Trigger;
use store::table::Store;

use crate::support::{Browser, Customers, MINUTE, Page, active_groups, with_linked_teams};

/// Returns two teams: one person joined in Webex, and one was removed in Microsoft 365.
async fn after_changes() -> (Customers, Browser, Vec<TeamId>) {
    let (mut customers, _, _, teams) = with_linked_teams(2).await;
    let people = customers.people.clone();
    customers.world().add_to_team(teams[0], people[4].person, sim::MembershipRole::Member).unwrap();
    customers.stack.let_pass(40 * MINUTE).await;
    let group = active_groups(&customers)
        .into_iter()
        .find(|group| customers.world().group(*group).unwrap().members.contains(&people[4].object));
    customers.world().remove_member(group.unwrap(), people[4].object);
    customers.stack.let_pass(20 * MINUTE).await;
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, teams)
}

fn count_entries(page: &Page) -> usize {
    page.html.matches("<li>\n<h3>").count()
}

/// Returns the lines of the file, by column name.
pub(super) fn parse_lines(page: &Page) -> Vec<BTreeMap<String, String>> {
    page.is(200, "at,team,team id,cause,what");
    let text = page.html.strip_prefix('\u{feff}').unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let line = |record: csv::StringRecord| {
        names
            .iter()
            .map(str::to_owned)
            .zip(record.iter().map(str::to_owned))
            .collect::<BTreeMap<_, _>>()
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

#[tokio::test]
async fn activity_lists_all_teams_newest_first() {
    let (_customers, mut browser, teams) = after_changes().await;
    let page = browser.open("/activity").await;
    page.is(200, "Person 04 was removed from the team");
    for team in &teams {
        page.is(200, &format!("<a href=\"/teams/{team}\">"));
    }
    page.is(200, "Request ids");
    let at =
        |what: &str| page.html.find(what).unwrap_or_else(|| panic!("no {what}: {}", page.html));
    assert!(at("Person 04 was removed from the team") < at("Person 04 was added to the group"));
    browser.open("/").await.is(200, "href=\"/activity\"");
    browser
        .open(&format!("/teams/{}", teams[0]))
        .await
        .is(200, &format!("href=\"/activity?team={}\"", teams[0]));
}

#[tokio::test]
async fn activity_filters_by_team_trigger_and_person() {
    let (customers, mut browser, teams) = after_changes().await;
    let all = count_entries(&browser.open("/activity").await);
    let one = browser.open(&format!("/activity?team={}", teams[1])).await;
    one.is(200, "to “Team 1”");
    assert!(count_entries(&one) < all && !one.html.contains("Person 04"));
    // A removal follows once it is proved, some minutes after the change.
    let schedule = browser.open("/activity?cause=schedule").await;
    schedule.is(200, "Person 04 was removed from the team");
    assert!(!schedule.html.contains("Person 04 was added to the group"));
    let sim::Person { person, object } = customers.people[4];
    for known_by in
        ["person+04", "PERSON%2004", "person.04%40acme", &person.to_string(), &object.to_string()]
    {
        let found = browser.open(&format!("/activity?person={known_by}")).await;
        found.is(200, "Person 04 was removed from the team");
        assert_eq!(count_entries(&found), 2, "{known_by}");
        assert!(!found.html.contains("Person 00 is"), "{known_by}: {}", found.html);
    }
    browser.open("/activity?person=no-one").await.is(200, "Nothing matches.");
    browser.open("/activity?cause=nothing-known").await.is(200, "Person 04");
}

#[tokio::test]
async fn unknown_and_foreign_activity_is_not_found() {
    let (customers, mut browser, teams) = after_changes().await;
    let mut other = customers.connected(&customers.globex).await;
    let theirs = other.open("/activity").await;
    theirs.is(200, "Connected the directory");
    assert!(!theirs.html.contains("Team 0"), "{}", theirs.html);
    other.open("/activity?cause=webex").await.is(200, "Nothing matches.");
    other.open(&format!("/activity?team={}", teams[0])).await.is_error(404, "no such team");
    other.open(&format!("/activity.csv?team={}", teams[0])).await.is_error(404, "no such team");
    browser.open("/activity?team=lighthouse").await.is_error(404, "no such team");
    browser.open("/activity?from=%22").await.is_error(404, "Page not found");
    browser.open("/activity.csv?from=%22").await.is_error(404, "Page not found");
    let mut visitor = customers.browser();
    visitor.open("/activity.csv").await.is(200, "Sign in with Webex");
    browser.submit("/activity.csv", &[]).await.is_error(405, "");
}

#[tokio::test]
async fn file_has_a_line_per_person_and_note() {
    let (customers, mut browser, teams) = after_changes().await;
    let page = browser.open("/activity.csv").await;
    assert_eq!(page.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(page.header("content-disposition"), "attachment; filename=\"activity.csv\"");
    let lines = parse_lines(&page);
    let removed =
        lines.iter().find(|line| line["what"] == "Person 04 was removed from the team").unwrap();
    assert_eq!(removed["team id"], teams[0].to_string());
    assert_eq!(removed["cause"], "Planned check");
    assert_eq!(removed["Entra object id"], customers.people[4].object.to_string());
    assert_eq!(
        (removed["from"].as_str(), removed["to"].as_str(), removed["side"].as_str()),
        ("member", "absent", "Webex team")
    );
    assert!(!removed["request ids"].is_empty());
    let made: BTreeSet<_> = lines
        .iter()
        .filter(|line| line["what"].contains("created"))
        .map(|line| &line["team"])
        .collect();
    assert_eq!(made.len(), 2, "{lines:#?}");
    let narrowed = browser.open("/activity.csv?person=person%2004&cause=schedule").await;
    assert_eq!(self::parse_lines(&narrowed).len(), 1);
}

/// Stores the activity of many sync runs.
async fn store_many_entries(
    customers: &Customers,
    tenant: TenantId,
    team: TeamId,
    runs: i64,
    people: usize,
) {
    let store = customers.stack.backend().store.clone();
    let now = domain::clock::Clock::now(customers.stack.backend().clock.as_ref());
    for run in 0..runs {
        let change = |n: usize| PersonChange {
            person: Person {
                person: domain::ids::PersonId(uuid::Uuid::from_u128(n as u128)),
                object: customers.people[0].object,
            },
            side: Side::Team,
            from: Role::None,
            to: Role::Member,
            refused: None,
        };
        let done = Activity {
            changes: (0..people).map(change).collect(),
            notes: vec![Note::GroupCreated { group: format!("Run {run}") }],
            actor: Some(Actor::Person { person: customers.people[0].person, name: "=run".into() }),
            ..Activity::new(now + jiff::SignedDuration::from_secs(run), Trigger::Due)
        };
        for write in done.puts(tenant, team).unwrap() {
            store.write(vec![write]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn full_file_links_to_the_next() {
    let (customers, mut browser, tenant, teams) = with_linked_teams(1).await;
    store_many_entries(&customers, tenant, teams[0], 60, 150).await;
    let (mut address, mut seen, mut files) = ("/activity.csv?cause=schedule".to_owned(), vec![], 0);
    loop {
        files += 1;
        let mut lines = parse_lines(&browser.open(&address).await);
        assert!(lines.len() < 20_000);
        let next_file = lines
            .last()
            .and_then(|line| line["what"].strip_prefix("Continued at ").map(str::to_owned));
        if next_file.is_some() {
            lines.pop();
        }
        assert!(lines.iter().all(|line| !line["cause"].starts_with('=')), "no formula");
        seen.extend(lines.into_iter().map(|line| {
            (line["what"].clone(), line["at"].clone(), line["Webex person id"].clone())
        }));
        match next_file {
            Some(next_file) => address = next_file,
            None => break,
        }
    }
    assert!(files > 1);
    let notes: BTreeSet<_> = seen.iter().filter(|line| line.0.contains("“Run ")).collect();
    assert_eq!(notes.len(), 60);
    assert_eq!(
        (seen.len() - seen.iter().collect::<BTreeSet<_>>().len(), seen.len() > 60 * 150),
        (0, true)
    );
}

#[tokio::test]
async fn pages_continue_where_the_last_ended() {
    let (customers, mut browser, tenant, teams) = with_linked_teams(1).await;
    store_many_entries(&customers, tenant, teams[0], 2100, 1).await;
    let first = browser.open("/activity?cause=schedule").await;
    assert_eq!(count_entries(&first), 50);
    first.is(200, "Older");
    let far = browser.open("/activity?person=no+one+at+all").await;
    far.is(200, "Nothing here matches; the list continues.");
    let (_, next) = far.html.split_once("<a class=\"button\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    browser.open(&next).await.is(200, "Nothing matches.");
}
