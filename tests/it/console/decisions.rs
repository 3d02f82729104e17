//! The record of decisions: who decided what, from where, and what it was before.

use std::collections::{BTreeMap, BTreeSet};

use sim::AdminRole;

use super::activity::parse_lines;
use super::restore::{BOTH_SIDES, after_wrong_removal, newest_entry, team_path, undo};
use crate::support::{Browser, KEEP, MINUTE, with_linked_teams};

type Line = BTreeMap<String, String>;

/// Returns the lines of the file that name a decision.
async fn decisions(browser: &mut Browser) -> Vec<Line> {
    let lines = parse_lines(&browser.open("/activity.csv?cause=administrator").await);
    lines.into_iter().filter(|line| !line["actor"].is_empty()).collect()
}

#[track_caller]
fn one<'a>(lines: &'a [Line], what: &str) -> &'a Line {
    let mut found = lines.iter().filter(|line| line["what"].contains(what));
    let first = found.next().unwrap_or_else(|| panic!("no {what:?} in {lines:#?}"));
    assert!(found.next().is_none(), "{what:?} once: {lines:#?}");
    first
}

#[tokio::test]
async fn every_setting_is_recorded_with_both_values_and_the_actor() {
    let (customers, mut browser, ..) = with_linked_teams(1).await;
    browser
        .save(&[("link_people", "9"), ("on_team_deleted", "delete-group")])
        .await
        .is(200, "saved");
    browser.save(&[("link_people", "9")]).await.is(200, "saved");
    let lines = decisions(&mut browser).await;
    let saved = one(&lines, "Removal limit of one team: people: 5 → 9");
    assert!(
        saved["what"].contains("When a team is deleted: the group stays → the group is deleted")
    );
    assert!(!saved["what"].contains("Direction"), "what is the same is not named: {saved:?}");
    assert_eq!(saved["actor"], "Full Administrator");
    let administrator = customers.acme.administrator;
    assert_eq!(saved["actor's Webex person id"], administrator.person.to_string());
    assert_eq!(saved["actor's organization"], customers.acme.org.to_string());
    assert_eq!(saved["actor's address"], "192.0.2.7");
    assert_eq!(saved["team"], "");
    let page = browser.open("/activity").await;
    page.is(200, "Removal limit of one team: people: 5 → 9");
    page.is(200, "<span class=\"quiet\">Full Administrator</span>");
    let changed = lines.iter().filter(|line| line["what"].contains("Changed the settings"));
    assert_eq!(changed.count(), 2, "switched on, and changed once: {lines:#?}");
    browser.submit_on("/", "/settings", &[("switch", "off")]).await.is(200, "is off");
    one(&decisions(&mut browser).await, "Microsoft 365 Groups integration: on → off");
}

#[tokio::test]
async fn connecting_is_recorded_with_both_identities() {
    let (customers, mut browser, ..) = with_linked_teams(0).await;
    let lines = decisions(&mut browser).await;
    one(&lines, "Connected Webex through the account Compliance Officer.");
    let joined = one(&lines, "Connected the directory");
    let microsoft = &joined["actor's Microsoft user"];
    assert!(microsoft.contains(&customers.acme.administrator.object.to_string()), "{microsoft}");
    one(&lines, "Signed in.");
    let mut refused = customers.browser();
    let helper = customers.add_account_with_roles("Helper", &[AdminRole::ComplianceOfficer]);
    assert_eq!(refused.sign_in(helper).await.status, 403);
    let lines = decisions(&mut browser).await;
    assert_eq!(one(&lines, "Was refused")["actor"], "Helper");
    let mut other = customers.connected(&customers.globex).await;
    assert!(decisions(&mut other).await.iter().all(|line| line["actor"] == "Full Administrator"));
}

#[tokio::test]
async fn decisions_about_a_team_are_on_its_page_and_in_the_record() {
    let (customers, mut browser, team, _) = after_wrong_removal().await;
    let entry = newest_entry(&browser.open(&team_path(team)).await);
    undo(&mut browser, &entry, BOTH_SIDES).await.is(200, "is being synced");
    let page = browser.open(&team_path(team)).await;
    page.is(200, "Decided the roles of 2 people.");
    page.is(200, "Person 05 is added to the group");
    let end = [("action", "unlink"), ("sure", "yes")];
    browser.submit_on(&team_path(team), &team_path(team), &end).await.is(200, "is unlinked");
    let lines = decisions(&mut browser).await;
    assert_eq!(one(&lines, "Decided the roles")["team id"], team.to_string());
    one(&lines, "Ended the link.");
    let found = browser.open("/activity?person=full+administrator").await;
    found.is(200, "Ended the link.");
    assert!(!found.html.contains("was removed from the team"), "only what they decided");
    drop(customers);
}

#[tokio::test]
async fn destructive_decisions_are_announced_once_with_their_actor() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(1).await;
    let recipient = customers.people[0].person;
    let named = [("recipient", "person"), ("recipient_person", &*recipient.to_string())];
    browser.save(&named).await.is(200, "saved");
    customers.stack.let_pass(10 * MINUTE).await;
    let end = [("action", "unlink"), ("sure", "yes")];
    browser.submit_on(&team_path(teams[0]), &team_path(teams[0]), &end).await.is(200, "unlinked");
    customers.stack.let_pass(10 * MINUTE).await;
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    customers.stack.let_pass(10 * MINUTE).await;
    let sent = customers.world().cards_to(recipient);
    for said in ["Full Administrator: Ended the link.", "Full Administrator: Disconnected."] {
        let times = sent.iter().filter(|card| card.markdown.contains(said)).count();
        assert_eq!(times, 1, "{said}: {sent:#?}");
    }
}

#[tokio::test]
async fn disconnect_is_recorded_and_the_record_outlives_it() {
    let (mut customers, mut browser, ..) = with_linked_teams(1).await;
    let tenant = customers.tenant().await;
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    customers.stack.let_pass(40 * 24 * 60 * MINUTE).await;
    let keys = customers.items().into_keys().filter(|key| key.contains(&tenant.to_string()));
    let record: Vec<_> = keys.filter(|key| key.contains("#RECORD/")).collect();
    assert!(record.len() >= 5, "{record:?}");
}

#[tokio::test]
async fn ends_and_refusals_of_sessions_are_recorded() {
    let (customers, mut browser, ..) = with_linked_teams(0).await;
    let mut other = customers.signed_in(&customers.acme).await;
    other.submit_on("/", "/sign-out", &[]).await.is(200, "You are signed out");
    let former = customers.add_account_with_roles("Former", &[AdminRole::FullAdmin]);
    let mut lost = customers.browser();
    lost.sign_in(former).await.is(200, "Overview");
    customers.world().take_role(former, AdminRole::FullAdmin);
    customers.advance(301);
    assert_eq!(lost.open("/").await.status, 200);
    let lines = decisions(&mut browser).await;
    assert_eq!(one(&lines, "Signed out.")["actor"], "Full Administrator");
    assert_eq!(one(&lines, "no longer an administrator")["actor"], "Former");
}

/// Each route with forms, and what its forms decide; a reason where they decide nothing.
const DECIDED: [(&str, &str); 19] = [
    ("/webex", "ServiceAccountConnected, when the grant returns"),
    ("/oauth/microsoft", "nothing: a sign-in and a consent follow"),
    ("/oauth/microsoft/consent", "DirectoryJoined, DirectoryReleased"),
    ("/folders", "FilesConsented, when the consent returns"),
    ("/people/fix", "ExternalIdsWritten, when the grant returns"),
    ("/people/names", "PersonConfirmed"),
    ("/people/{person}", "PersonConfirmed, ConfirmationRevoked"),
    ("/existing", "nothing: it searches, and the choice is confirmed at /selection"),
    ("/selection", "BackfillStarted, BackfillOrdered"),
    ("/teams/{team}", "RemovalsApproved, RemovalsRejected, RolesDecided, LinkEnded"),
    ("/teams/{team}/adopt", "GroupAdopted"),
    ("/teams/{team}/done/{entry}", "RolesDecided"),
    ("/preview", "SettingsChanged"),
    ("/settings", "SettingsChanged"),
    ("/disconnect", "Disconnected, ServiceAccountRemoved"),
    ("/receipt", "GroupDeletionDecided"),
    ("/sessions", "SessionEnded"),
    ("/sign-out/everywhere", "SessionsEnded"),
    ("/sign-out", "SignedOut"),
];

#[test]
fn every_route_with_forms_says_what_it_decides() {
    let with_forms = oauth::routes().filter(|(_, forms)| *forms == oauth::Forms::WithProof);
    let with_forms: BTreeSet<&str> = with_forms.map(|(pattern, _)| pattern).collect();
    let listed: BTreeSet<&str> = DECIDED.iter().map(|(pattern, _)| *pattern).collect();
    assert_eq!(with_forms, listed);
}
