//! Activity: what was done, when, caused by what, to be narrowed down and taken along.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{TeamId, TenantId};
use domain::membership::{Person, Side, Standing};
use engine::activity::{Activity, PersonChange};
use store::message::Cause;
use store::table::Store;

use crate::setup_browser::{Browser, Customers, Page};
use crate::setup_leaving::{living_groups, with_teams};
use crate::town::MINUTE;

/// Two teams, one with somebody who joined in Webex, one with somebody who was removed in Microsoft 365.
async fn after_some_changes() -> (Customers, Browser, Vec<TeamId>) {
    let (mut customers, _, _, teams) = with_teams(2).await;
    let people = customers.people.clone();
    customers.world().add_to_team(teams[0], people[4].person, sandbox::Role::Member).unwrap();
    customers.house.let_pass(40 * MINUTE).await;
    let group = living_groups(&customers)
        .into_iter()
        .find(|group| customers.world().group(*group).unwrap().members.contains(&people[4].object));
    customers.world().remove_member(group.unwrap(), people[4].object);
    customers.house.let_pass(20 * MINUTE).await;
    let browser = customers.signed_in(&customers.acme).await;
    (customers, browser, teams)
}

fn entries(page: &Page) -> usize {
    page.html.matches("<li>\n<h3>").count()
}

/// The file's lines by the names of its columns.
fn lines(page: &Page) -> Vec<BTreeMap<String, String>> {
    page.is(200, "at,team,team id,cause,what");
    let text = page.html.strip_prefix('\u{feff}').unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let line = |record: csv::StringRecord| {
        names.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect::<BTreeMap<_, _>>()
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

#[tokio::test]
async fn the_page_says_what_was_done_to_all_teams_the_newest_first() {
    let (_customers, mut browser, teams) = after_some_changes().await;
    let page = browser.open("/activity").await;
    page.is(200, "Person 04 is removed from the team");
    for team in &teams {
        page.is(200, &format!("<a href=\"/teams/{team}\">"));
    }
    page.is(200, "Request ids");
    let at = |what: &str| page.html.find(what).unwrap_or_else(|| panic!("no {what}: {}", page.html));
    assert!(at("Person 04 is removed from the team") < at("Person 04 is added to the group"));
    browser.open("/").await.is(200, "href=\"/activity\"");
    browser.open(&format!("/teams/{}", teams[0])).await.is(200, &format!("href=\"/activity?team={}\"", teams[0]));
}

#[tokio::test]
async fn it_is_narrowed_by_team_by_cause_and_by_whatever_a_person_is_known_by() {
    let (customers, mut browser, teams) = after_some_changes().await;
    let all = entries(&browser.open("/activity").await);
    let one = browser.open(&format!("/activity?team={}", teams[1])).await;
    one.is(200, "to “Team 1”");
    assert!(entries(&one) < all && !one.html.contains("Person 04"));
    let microsoft = browser.open("/activity?cause=microsoft").await;
    microsoft.is(200, "Person 04 is removed from the team");
    assert!(!microsoft.html.contains("Person 04 is added to the group"));
    let sandbox::Person { person, object } = customers.people[4];
    for known_by in ["person+04", "PERSON%2004", "person.04%40acme", &person.to_string(), &object.to_string()] {
        let found = browser.open(&format!("/activity?person={known_by}")).await;
        found.is(200, "Person 04 is removed from the team");
        assert_eq!(entries(&found), 2, "{known_by}");
        assert!(!found.html.contains("Person 00 is"), "{known_by}: {}", found.html);
    }
    browser.open("/activity?person=nobody").await.is(200, "Nothing.");
    browser.open("/activity?cause=nothing-known").await.is(200, "Person 04");
}

#[tokio::test]
async fn what_is_gone_changed_or_somebody_elses_gives_a_page_that_says_so() {
    let (customers, mut browser, teams) = after_some_changes().await;
    let mut other = customers.connected(&customers.globex).await;
    other.open("/activity").await.is(200, "Nothing.");
    other.open(&format!("/activity?team={}", teams[0])).await.fails(404, "no such team");
    other.open(&format!("/activity.csv?team={}", teams[0])).await.fails(404, "no such team");
    browser.open("/activity?team=lighthouse").await.fails(404, "no such team");
    browser.open("/activity?from=%22").await.fails(404, "no such page");
    browser.open("/activity.csv?from=%22").await.fails(404, "no such page");
    let mut nobody = customers.browser();
    nobody.open("/activity.csv").await.is(200, "Sign in with Webex");
    browser.submit("/activity.csv", &[]).await.fails(405, "");
}

#[tokio::test]
async fn the_file_has_a_line_for_everybody_and_for_every_other_deed() {
    let (customers, mut browser, teams) = after_some_changes().await;
    let page = browser.open("/activity.csv").await;
    assert_eq!(page.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(page.header("content-disposition"), "attachment; filename=\"activity.csv\"");
    let lines = lines(&page);
    let removed = lines.iter().find(|line| line["what"] == "Person 04 is removed from the team").unwrap();
    assert_eq!(removed["team id"], teams[0].to_string());
    assert_eq!(removed["cause"], "A change in Microsoft 365");
    assert_eq!(removed["Entra object id"], customers.people[4].object.to_string());
    assert_eq!(
        (removed["from"].as_str(), removed["to"].as_str(), removed["side"].as_str()),
        ("member", "absent", "Webex team")
    );
    assert!(!removed["request ids"].is_empty());
    let made: BTreeSet<_> =
        lines.iter().filter(|line| line["what"].contains("created")).map(|line| &line["team"]).collect();
    assert_eq!(made.len(), 2, "{lines:#?}");
    let narrowed = browser.open("/activity.csv?person=person%2004&cause=microsoft").await;
    assert_eq!(self::lines(&narrowed).len(), 1);
}

/// Stores what many looks did.
async fn much_was_done(customers: &Customers, tenant: TenantId, team: TeamId, looks: i64, people: usize) {
    let store = customers.house.ground().store.clone();
    let now = domain::clock::Clock::now(customers.house.ground().clock.as_ref());
    for look in 0..looks {
        let change = |n: usize| PersonChange {
            person: Person {
                person: domain::ids::PersonId(uuid::Uuid::from_u128(n as u128)),
                object: customers.people[0].object,
            },
            side: Side::Team,
            from: Standing::Absent,
            to: Standing::Member,
            refused: None,
        };
        let done = Activity {
            changes: (0..people).map(change).collect(),
            notes: vec![format!("=look {look}")],
            ..Activity::new(now + jiff::SignedDuration::from_secs(look), Cause::Due)
        };
        for write in done.puts(tenant, team).unwrap() {
            store.write(vec![write]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_is_full_leads_to_the_next_and_together_they_have_everything_once() {
    let (customers, mut browser, tenant, teams) = with_teams(1).await;
    much_was_done(&customers, tenant, teams[0], 60, 150).await;
    let (mut address, mut seen, mut files) = ("/activity.csv?cause=look".to_owned(), vec![], 0);
    loop {
        files += 1;
        let mut lines = lines(&browser.open(&address).await);
        assert!(lines.len() < 20_000);
        let onwards = lines.last().and_then(|line| line["what"].strip_prefix("This goes on at ").map(str::to_owned));
        if onwards.is_some() {
            lines.pop();
        }
        seen.extend(
            lines.into_iter().map(|line| (line["what"].clone(), line["at"].clone(), line["Webex person id"].clone())),
        );
        match onwards {
            Some(onwards) => address = onwards,
            None => break,
        }
    }
    assert!(files > 1);
    let notes: BTreeSet<_> = seen.iter().filter(|line| line.0.starts_with("'=look")).collect();
    assert_eq!(notes.len(), 60, "and none of them is a formula");
    assert_eq!((seen.len() - seen.iter().collect::<BTreeSet<_>>().len(), seen.len() > 60 * 150), (0, true));
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended_and_say_so_where_a_person_is_far_between() {
    let (customers, mut browser, tenant, teams) = with_teams(1).await;
    much_was_done(&customers, tenant, teams[0], 2100, 1).await;
    let first = browser.open("/activity?cause=look").await;
    assert_eq!(entries(&first), 50);
    first.is(200, "What was done before");
    let far = browser.open("/activity?person=nobody+at+all").await;
    far.is(200, "None among these; the list goes on.");
    let (_, next) = far.html.split_once("<a class=\"button\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    browser.open(&next).await.is(200, "Nothing.");
}
