//! What comes from outside and is meant to do harm: deliveries, answers to cards, names. The setup pages have attacks of their own.

use std::collections::BTreeSet;

use clients::webex::WebexId;
use domain::ids::{PersonId, TeamId};
use engine::link::Phase;
use engine::tenant::settings::Told;
use engine::tenant::{NewTeams, Settings};
use sandbox::{Call, Failure, Fault, Kind, Role, Service};
use serde_json::json;
use store::message::Cause;

use crate::setup_leaving::with_teams;
use crate::town::{DAY, MINUTE, Town, every_team};

fn writes(calls: &[Call]) -> Vec<&Call> {
    calls.iter().filter(|call| call.kind == Kind::Write && call.service != Service::Entra).collect()
}

#[tokio::test]
async fn deliveries_that_somebody_kept_and_sends_again_bring_nobody_back() {
    let mut town = Town::of(6).await;
    let team = town.create_team("Replayed", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    let (group, _) = town.group();
    // Somebody joins and leaves, on each side: the copies tell of all four.
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    town.world().add_member(group, town.people[5].object);
    town.let_pass(20 * MINUTE).await;
    town.world().remove_from_team(team, town.people[4].person).unwrap();
    town.world().remove_member(group, town.people[5].object);
    town.let_pass(40 * MINUTE).await;
    town.assert_in_step(team);
    town.world().take_calls();
    for _ in 0..20 {
        assert!(town.world().repeat_deliveries(50) >= 8);
        town.let_pass(5 * MINUTE).await;
    }
    let calls = town.world().take_calls();
    assert_eq!(writes(&calls), Vec::<&Call>::new());
    let looks = calls.iter().filter(|call| call.service == Service::Graph && call.path.ends_with("$batch")).count();
    assert!(looks <= 20 * 4, "{looks} looks for {} copies", 20 * 50);
    town.assert_in_step(team);
}

/// What Webex says of an answer to a card: by whom it was given, and whose card that was.
fn pressed(message: &str, by: PersonId, team: TeamId) -> Fault {
    let answer =
        json!({"id": "action", "messageId": message, "personId": by, "inputs": {"team": team, "group": "yes"}});
    Fault::new(Failure::Status(200, vec![], answer)).on(Service::Webex).path("/attachment/actions/")
}

#[tokio::test]
async fn a_card_that_somebody_else_answers_makes_no_group() {
    let mut town = Town::with(5, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = town.create_team("Asked", &town.people[..3]);
    let others = town.create_team("Others", &town.people[3..]);
    town.let_pass(2 * MINUTE).await;
    let Phase::Asked { card: Some(card) } = town.kept(team).await.unwrap().link.phase else { panic!("not asked") };
    let Phase::Asked { card: Some(theirs) } = town.kept(others).await.unwrap().link.phase else { panic!("not asked") };
    let stranger = town.world().add_webex_only(&town.other, "Stranger");
    let answer = |fault: Fault| {
        town.world().fault(fault);
        let action = store::message::Ask::CardAnswered { action: "action".into() };
        town.wish(action, Cause::WebexWebhook)
    };
    for (message, by) in [
        // The card was forwarded: to a member, a moderator of another team, somebody of another organization, the account itself.
        (&card.message, town.people[1].person),
        (&card.message, town.people[3].person),
        (&card.message, stranger),
        (&card.message, town.handle.officer),
        // The creator, but on another card, or on none of ours.
        (&theirs.message, town.people[0].person),
        (&"Y2lzY29zcGFyazovL3VzL01FU1NBR0UvMQ".to_owned(), town.people[0].person),
    ] {
        town.handle(&answer(pressed(message, by, team))).await;
        assert!(matches!(town.kept(team).await.unwrap().link.phase, Phase::Asked { .. }), "{message} by {by}");
    }
    town.let_pass(DAY).await;
    assert_eq!(town.world().groups(town.handle.directory).len(), 0);
    let action = store::message::Ask::CardAnswered { action: "action".into() };
    town.world().fault(pressed(&card.message, town.people[0].person, team));
    town.handle(&town.wish(action, Cause::WebexWebhook)).await;
    town.let_pass(2 * MINUTE).await;
    town.assert_in_step(team);
}

/// HTML, a header, Webex's markdown, a formula, and an expression of OData.
const NASTY: &str = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\r\nSet-Cookie: evil=1\r\n<@all> [Sign in](https://evil.example) {{7*7}}";

#[tokio::test]
async fn names_with_html_in_them_stay_text_on_every_page() {
    let (mut customers, mut browser, _, teams) = with_teams(1).await;
    let nasty = customers.world().add_person(&customers.acme, NASTY);
    let stranger = customers.world().add_webex_only(&customers.acme, NASTY);
    customers.world().rename_team(teams[0], NASTY);
    for person in [nasty.person, stranger] {
        customers.world().add_to_team(teams[0], person, Role::Member).unwrap();
    }
    customers.house.let_pass(20 * MINUTE).await;
    // A plan that waits, an entry of what was done, and a preview name people and teams, too.
    let (group, _) = customers.world().groups(customers.acme.directory).into_iter().next().unwrap();
    assert_eq!(customers.world().group(group).unwrap().display_name, NASTY.trim());
    browser.save(&[("link_people", "0"), ("link_percent", "0")]).await;
    customers.world().remove_member(group, nasty.object);
    customers.house.let_pass(20 * MINUTE).await;

    let mut browser = customers.signed_in(&customers.acme).await;
    let (mut seen, mut found) = (BTreeSet::new(), 0);
    let mut next: Vec<String> =
        ["/", "/held", "/preview", "/existing", "/selection", "/receipt"].map(Into::into).into();
    while let Some(path) = next.pop() {
        if !seen.insert(path.clone()) || seen.len() > 200 || path.starts_with("/oauth/webex") {
            continue;
        }
        let page = browser.open_only(&path).await;
        assert!(page.headers.iter().all(|(name, value)| name != "evil" && !format!("{value:?}").contains("evil")));
        if !page.header("content-type").starts_with("text/html") {
            continue;
        }
        for raw in ["<img", "<script", "onerror=alert(1)>", "\"'>", "href=\"https://evil"] {
            assert!(!page.html.contains(raw), "{raw} at {path}: {}", page.html);
        }
        found += usize::from(page.html.contains("onerror=alert(1)"));
        let links = page.html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        next.extend(links.filter(|link| link.starts_with('/')).map(|link| link.replace("&#38;", "&")));
    }
    assert!(found >= 4, "the name is shown on {found} of {} pages", seen.len());
}

#[tokio::test]
async fn a_name_in_a_message_of_ours_mentions_nobody_and_leads_nowhere() {
    let mut town = Town::with(20, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let nasty = town.create_team(NASTY, &town.people[1..4]);
    town.let_pass(2 * MINUTE).await;
    let card = town.world().cards_to(town.people[1].person).remove(0);
    assert!(matches!(town.kept(nasty).await.unwrap().link.phase, Phase::Asked { .. }));
    let told = Told::Person(WebexId::new(Default::default(), town.people[0].person));
    town.set(Settings { told: Some(told), ..every_team() }).await;
    let team = town.create_team(NASTY, &town.people);
    town.let_pass(40 * MINUTE).await;
    let groups = town.world().groups(town.handle.directory);
    let (group, _) = groups.into_iter().find(|(_, group)| group.members.len() > 10).unwrap();
    town.people[2..18].iter().for_each(|one| town.world().remove_member(group, one.object));
    town.ask(team, Cause::Administrator).await;
    town.let_pass(60 * MINUTE).await;
    let told: Vec<_> = town.world().cards_to(town.people[0].person).into_iter().map(|card| card.markdown).collect();
    assert!(told.iter().any(|text| text.contains("removals wait for a decision")), "{told:#?}");
    for text in told.iter().chain([&card.markdown, &card.content.to_string()]) {
        for raw in ["<@", "<img", "[Sign in]", "\nSet-Cookie"] {
            assert!(!text.contains(raw), "{raw} in {text}");
        }
    }
}
