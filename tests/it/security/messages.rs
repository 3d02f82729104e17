//! Forged deliveries and card answers, and malicious names on pages and in messages.

use std::collections::BTreeSet;

use clients::webex::WebexId;
use domain::ids::{PersonId, TeamId};
use engine::link::Phase;
use engine::tenant::settings::AlertRecipient;
use engine::tenant::{NewTeams, Settings};
use serde_json::json;
use sim::{Call, Failure, Fault, Kind, MembershipRole, Service};
use store::message::Trigger;

use crate::support::{Browser, DAY, MINUTE, TwoTenants, every_team, with_linked_teams};

fn writes(calls: &[Call]) -> Vec<&Call> {
    calls.iter().filter(|call| call.kind == Kind::Write && call.service != Service::Entra).collect()
}

#[tokio::test]
async fn replayed_deliveries_add_no_one_back() {
    let mut env = TwoTenants::with_people(6).await;
    let team = env.create_team("Replayed", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env.group();
    // One person joins and leaves on each side; the copies report all four events.
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.world().add_member(group, env.people[5].object);
    env.let_pass(20 * MINUTE).await;
    env.world().remove_from_team(team, env.people[4].person).unwrap();
    env.world().remove_member(group, env.people[5].object);
    env.let_pass(40 * MINUTE).await;
    env.assert_in_sync(team);
    env.world().take_calls();
    for _ in 0..20 {
        assert!(env.world().repeat_deliveries(50) >= 8);
        env.let_pass(5 * MINUTE).await;
    }
    let calls = env.world().take_calls();
    assert_eq!(writes(&calls), Vec::<&Call>::new());
    let runs = calls
        .iter()
        .filter(|call| call.service == Service::Graph && call.path.ends_with("$batch"))
        .count();
    assert!(runs <= 20 * 4, "{runs} sync runs for {} copies", 20 * 50);
    env.assert_in_sync(team);
}

/// Returns the Webex response for a card answer: who pressed, and on which message.
fn card_answer(message: &str, by: PersonId, team: TeamId) -> Fault {
    let answer = json!({
        "id": "action",
        "messageId": message,
        "personId": by,
        "inputs": {"team": team, "group": "yes"},
    });
    Fault::new(Failure::Status(200, vec![], answer)).on(Service::Webex).path("/attachment/actions/")
}

#[tokio::test]
async fn card_answers_of_other_people_create_no_group() {
    let mut env =
        TwoTenants::with_settings(5, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = env.create_team("Asked", &env.people[..3]);
    let others = env.create_team("Others", &env.people[3..]);
    env.let_pass(2 * MINUTE).await;
    let Phase::Asked { card: Some(card) } = env.link_row(team).await.unwrap().link.phase else {
        panic!("not asked")
    };
    let Phase::Asked { card: Some(theirs) } = env.link_row(others).await.unwrap().link.phase else {
        panic!("not asked")
    };
    let stranger = env.world().add_webex_only(&env.other, "Stranger");
    let answer = |fault: Fault| {
        env.world().inject(fault);
        let action = store::message::Job::CardAnswered { action: "action".into() };
        env.message(action, Trigger::WebexWebhook)
    };
    for (message, by) in [
        // The card was forwarded to a member, a moderator of another team, a stranger, and the
        // service account.
        (&card.message, env.people[1].person),
        (&card.message, env.people[3].person),
        (&card.message, stranger),
        (&card.message, env.handle.service_account),
        // The creator, but on another card, or on an unknown one.
        (&theirs.message, env.people[0].person),
        (&"Y2lzY29zcGFyazovL3VzL01FU1NBR0UvMQ".to_owned(), env.people[0].person),
    ] {
        env.handle_message(&answer(card_answer(message, by, team))).await;
        assert!(
            matches!(env.link_row(team).await.unwrap().link.phase, Phase::Asked { .. }),
            "{message} by {by}"
        );
    }
    env.let_pass(DAY).await;
    assert_eq!(env.world().groups(env.handle.directory).len(), 0);
    let action = store::message::Job::CardAnswered { action: "action".into() };
    env.world().inject(card_answer(&card.message, env.people[0].person, team));
    env.handle_message(&env.message(action, Trigger::WebexWebhook)).await;
    env.let_pass(2 * MINUTE).await;
    env.assert_in_sync(team);
}

/// HTML, a header, Webex markdown, a formula, and an OData expression.
const MALICIOUS_NAME: &str = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\r\n\
    Set-Cookie: evil=1\r\n<@all> [Sign in](https://evil.example) {{7*7}}";

/// Opens every page that a link leads to, and asserts that none has raw markup of the name.
/// Returns the number of pages, and of those that show the name.
async fn assert_pages_escape_the_name(browser: &mut Browser) -> (usize, usize) {
    let (mut seen, mut found) = (BTreeSet::new(), 0);
    let mut next: Vec<String> =
        ["/", "/held", "/preview", "/existing", "/selection", "/receipt"].map(Into::into).into();
    while let Some(path) = next.pop() {
        if !seen.insert(path.clone()) || seen.len() > 200 || path.starts_with("/oauth/webex") {
            continue;
        }
        let page = browser.open_without_redirects(&path).await;
        assert!(
            page.headers
                .iter()
                .all(|(name, value)| name != "evil" && !format!("{value:?}").contains("evil"))
        );
        if !page.header("content-type").starts_with("text/html") {
            continue;
        }
        for raw in ["<img", "<script", "onerror=alert(1)>", "\"'>", "href=\"https://evil"] {
            assert!(!page.html.contains(raw), "{raw} at {path}: {}", page.html);
        }
        found += usize::from(page.html.contains("onerror=alert(1)"));
        let links = page.html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        next.extend(
            links.filter(|link| link.starts_with('/')).map(|link| link.replace("&#38;", "&")),
        );
    }
    (seen.len(), found)
}

#[tokio::test]
async fn names_with_html_stay_text_on_every_page() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    let malicious = customers.world().add_person(&customers.acme, MALICIOUS_NAME);
    let stranger = customers.world().add_webex_only(&customers.acme, MALICIOUS_NAME);
    customers.world().rename_team(teams[0], MALICIOUS_NAME);
    for person in [malicious.person, stranger] {
        customers.world().add_to_team(teams[0], person, MembershipRole::Member).unwrap();
    }
    customers.stack.let_pass(20 * MINUTE).await;
    // A pending approval, an activity entry and a preview show names, too.
    let (group, _) = customers.world().groups(customers.acme.directory).into_iter().next().unwrap();
    assert_eq!(customers.world().group(group).unwrap().display_name, MALICIOUS_NAME.trim());
    browser.save(&[("link_people", "0"), ("link_percent", "0")]).await;
    customers.world().remove_member(group, malicious.object);
    customers.stack.let_pass(20 * MINUTE).await;

    let mut browser = customers.signed_in(&customers.acme).await;
    let (pages, found) = assert_pages_escape_the_name(&mut browser).await;
    assert!(found >= 4, "the name is shown on {found} of {pages} pages");
}

#[tokio::test]
async fn names_in_messages_create_no_mention_or_link() {
    let mut env =
        TwoTenants::with_settings(20, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let malicious = env.create_team(MALICIOUS_NAME, &env.people[1..4]);
    env.let_pass(2 * MINUTE).await;
    let card = env.world().cards_to(env.people[1].person).remove(0);
    assert!(matches!(env.link_row(malicious).await.unwrap().link.phase, Phase::Asked { .. }));
    let recipient = AlertRecipient::Person(WebexId::new(Default::default(), env.people[0].person));
    env.save_settings(Settings { alert_recipient: Some(recipient), ..every_team() }).await;
    let team = env.create_team(MALICIOUS_NAME, &env.people);
    env.let_pass(40 * MINUTE).await;
    let groups = env.world().groups(env.handle.directory);
    let (group, _) = groups.into_iter().find(|(_, group)| group.members.len() > 10).unwrap();
    env.people[2..18].iter().for_each(|one| env.world().remove_member(group, one.object));
    env.request_sync(team, Trigger::Administrator).await;
    env.let_pass(60 * MINUTE).await;
    let sent: Vec<_> =
        env.world().cards_to(env.people[0].person).into_iter().map(|card| card.markdown).collect();
    assert!(sent.iter().any(|text| text.contains("removals wait for your approval")), "{sent:#?}");
    for text in sent.iter().chain([&card.markdown, &card.content.to_string()]) {
        for raw in ["<@", "<img", "[Sign in]", "\nSet-Cookie"] {
            assert!(!text.contains(raw), "{raw} in {text}");
        }
    }
}
