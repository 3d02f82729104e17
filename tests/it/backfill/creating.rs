//! The backfill run: it creates what was chosen and shown, and nothing else.

use domain::ids::TeamId;
use engine::backfill::run::BackfillStage;
use sim::MembershipRole;

use super::{
    after_search, assert_have_groups, choose, count_checkboxes, create, failed_teams, load_run,
    load_search, older_team, start_search, submit, with_existing_teams,
};
use crate::support::{Customers, DAY, KEEP, MINUTE, account_is_in, active_groups};

#[tokio::test]
async fn only_shown_groups_are_created() {
    let (mut customers, mut browser, tenant, teams) = after_search(4).await;
    let guest = customers.world().add_webex_only(&customers.acme, "Unsynchronized Uwe");
    customers.world().add_to_team(teams[0], guest, MembershipRole::Member).unwrap();
    customers.stack.let_pass(6 * MINUTE).await;
    start_search(&mut browser).await;
    customers.stack.let_pass(4 * MINUTE).await;
    let shown = choose(&mut browser, &teams[..3]).await;
    shown.is(
        200,
        "3 groups would be created, with 6 people, 3 of them owners. \
         1 would stay in their teams only.",
    );
    shown.is(
        200,
        "<th scope=\"row\">Old 00</th><td data-label=\"People\">2</td>\
         <td data-label=\"Owners\">1</td>\
         <td data-label=\"Excluded\">1: The Webex account has no externalId",
    );
    let left = submit(
        &mut browser,
        "/selection",
        &[("action", "leave-out"), ("team", &teams[2].to_string())],
    )
    .await;
    left.is(200, "2 groups would be created, with 4 people");
    assert_eq!(active_groups(&customers).len(), 0, "nothing is created by looking");
    let begun = create(&mut browser, &left).await;
    begun.is(200, "Groups are being created");
    begun.is(200, "<progress max=\"2\" value=\"0\"");
    assert_eq!(begun.header("refresh"), "10");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams[..2]);
    let run = load_run(&customers, tenant).await;
    assert_eq!((run.stage, run.counts.done, run.counts.failed), (BackfillStage::Done, 2, 0));
    let done = browser.open("/selection").await;
    done.is(200, "2 of 2 done.");
    done.is(200, "Nothing failed.");
    let listed = browser.open("/existing").await;
    assert_eq!(listed.html.matches("It is linked already.").count(), 2);
    assert_eq!(count_checkboxes(&listed), 2);
}

#[tokio::test]
async fn changed_selection_is_shown_again() {
    let (mut customers, mut browser, tenant, teams) = after_search(3).await;
    let shown = choose(&mut browser, &teams[..2]).await;
    shown.is(200, "2 groups would be created, with 4 people");
    customers
        .world()
        .add_to_team(teams[1], customers.people[5].person, MembershipRole::Member)
        .unwrap();
    let new = create(&mut browser, &shown).await;
    new.is(409, "so nothing was started");
    new.is(409, "2 groups would be created, with 5 people");
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 0);
    assert_eq!(load_run(&customers, tenant).await.stage, BackfillStage::Choosing);
    let other = choose(&mut browser, &teams[2..]).await;
    create(&mut browser, &new).await.is(409, "3 groups would be created, with 7 people");
    create(&mut browser, &other).await.is(200, "Groups are being created");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn team_changed_while_waiting_is_skipped() {
    let (mut customers, mut browser, tenant, teams) = after_search(25).await;
    let shown = submit(&mut browser, "/existing", &[("action", "choose-all")]).await;
    shown.is(200, "25 groups would be created, with 50 people");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.world().promote(teams[7], customers.people[3].person).unwrap();
    customers.stack.let_pass(25 * MINUTE).await;
    let others: Vec<TeamId> = teams.iter().copied().filter(|team| *team != teams[7]).collect();
    assert_have_groups(&customers, &others);
    let why = failed_teams(&customers, tenant).await;
    assert!(
        matches!(&why[..], [(team, why)] if *team == teams[7] && why.contains("not as they were")),
        "{why:?}"
    );
    browser.open("/selection").await.is(200, "24 of 25 done, 1 failed");
    let shown = submit(&mut browser, "/selection", &[("action", "again")]).await;
    shown.is(200, "1 group would be created, with 2 people, 2 of them owners.");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn failed_team_shows_why_and_can_be_retried() {
    let (mut customers, mut browser, tenant, teams) = after_search(3).await;
    customers.world().set_group_setting(customers.acme.directory, "EnableGroupCreation", "false");
    let shown = choose(&mut browser, &teams).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 0);
    let page = browser.open("/selection").await;
    page.is(200, "0 of 3 done, 3 failed.");
    page.is(200, "do not let users create groups");
    assert!(page.html.contains(&format!("href=\"/teams/{}\"", teams[0])));
    customers.world().set_group_setting(customers.acme.directory, "EnableGroupCreation", "true");
    // The directory's policies are read once a day.
    customers.stack.let_pass(DAY).await;
    browser = customers.signed_in(&customers.acme).await;
    assert_eq!(failed_teams(&customers, tenant).await.len(), 3);
    let shown = submit(&mut browser, "/selection", &[("action", "again")]).await;
    shown.is(200, "3 groups would be created");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(20 * MINUTE).await;
    browser.open("/selection").await.is(200, "3 of 3 done.");
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn run_can_be_paused_resumed_and_stopped() {
    let (mut customers, mut browser, tenant, teams) = after_search(25).await;
    let shown = submit(&mut browser, "/existing", &[("action", "choose-all")]).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(MINUTE).await;
    let paused = submit(&mut browser, "/selection", &[("action", "pause")]).await;
    paused.is(200, "Paused</h2>");
    customers.stack.let_pass(10 * MINUTE).await;
    let begun = active_groups(&customers).len();
    assert!((1..25).contains(&begun), "{begun}");
    let run = load_run(&customers, tenant).await;
    assert_eq!((run.counts.done, run.counts.started, run.counts.waiting), (begun, 0, 25 - begun));
    submit(&mut browser, "/selection", &[("action", "go-on")])
        .await
        .is(200, "Groups are being created");
    customers.stack.let_pass(MINUTE).await;
    submit(&mut browser, "/selection", &[("action", "stop")]).await.is(200, "Stopped</h2>");
    customers.stack.let_pass(20 * MINUTE).await;
    let run = load_run(&customers, tenant).await;
    let groups = active_groups(&customers).len();
    assert!((begun + 1..25).contains(&groups), "{groups}");
    assert_eq!((run.counts.done, run.counts.started, run.counts.waiting), (groups, 0, 25 - groups));
    let page = browser.open("/selection").await;
    page.is(200, &format!("{groups} of 25 done, {} not started.", 25 - groups));
    submit(&mut browser, "/selection", &[("action", "go-on")])
        .await
        .is_error(409, "This page was out of date");
    // A team that was not started can be chosen again.
    let shown = submit(&mut browser, "/existing", &[("action", "choose-all")]).await;
    shown.is(200, &format!("{} groups would be created", 25 - groups));
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn concurrent_clicks_act_once() {
    let (mut customers, mut browser, tenant, teams) = with_existing_teams(3).await;
    let mut other = customers.signed_in(&customers.acme).await;
    start_search(&mut browser).await.is(200, "Searching since");
    start_search(&mut other).await.is_error(409, "This page was out of date");
    customers.stack.let_pass(4 * MINUTE).await;
    assert_eq!(load_search(&customers, tenant).await.number.0, 1);

    let shown = choose(&mut browser, &teams[..2]).await;
    let seen_by_other = choose(&mut other, &teams[1..]).await;
    seen_by_other.is(200, "3 groups would be created");
    create(&mut browser, &shown).await.is(409, "3 groups would be created");
    create(&mut other, &seen_by_other).await.is(200, "Groups are being created");
    create(&mut other, &seen_by_other).await.is(200, "Groups are being created");
    create(&mut browser, &seen_by_other).await.is(200, "Groups are being created");
    choose(&mut browser, &teams[..1]).await.is_error(409, "This page was out of date");
    submit(&mut browser, "/selection", &[("action", "choose-none")])
        .await
        .is_error(409, "This page was out of date");
    submit(&mut browser, "/selection", &[("action", "again")])
        .await
        .is_error(409, "This page was out of date");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
    create(&mut other, &seen_by_other).await.is(200, "3 of 3 done");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn active_link_is_never_replaced() {
    let (mut customers, mut browser, _, teams) = after_search(2).await;
    browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    customers.stack.let_pass(MINUTE).await;
    let asked = older_team(&customers, "Asked", 0);
    customers.stack.let_pass(MINUTE).await;
    let end = [("action", "unlink"), ("sure", "yes")];
    let page = format!("/teams/{asked}");
    start_search(&mut browser).await;
    customers.stack.let_pass(4 * MINUTE).await;
    choose(&mut browser, &[asked]).await.is(200, "No team is selected.");
    browser.submit_on(&page, &page, &end).await.is(200, "The team is unlinked");
    let shown = choose(&mut browser, &[asked]).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &[asked]);

    // A restored group does not remove people whom an earlier link knew.
    browser.save(&[("on_group_deleted", "end-link")]).await.is(200, "saved");
    let before = customers.world().team(asked).unwrap().people;
    customers.world().delete_group(active_groups(&customers)[0]);
    customers.stack.let_pass(DAY + 60 * MINUTE).await;
    browser = customers.signed_in(&customers.acme).await;
    browser.open(&page).await.is(200, "The group was deleted");
    // A deleted group that can be restored still holds the name that is unique to the team.
    customers.advance(31 * 24 * 3600);
    customers.stack.let_pass(5 * MINUTE).await;
    browser = customers.signed_in(&customers.acme).await;
    let shown = choose(&mut browser, &[asked]).await;
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(25 * MINUTE).await;
    assert_eq!(customers.world().team(asked).unwrap().people, before);
    assert_have_groups(&customers, &[asked]);
    assert!(!account_is_in(&customers, teams[0]));
}

#[tokio::test]
async fn preview_mode_starts_no_run() {
    let (mut customers, mut browser, tenant, teams) = after_search(2).await;
    browser.save(&[("running", "preview")]).await.is(200, "saved");
    let shown = choose(&mut browser, &teams).await;
    shown.is(200, "Preview mode is on");
    create(&mut browser, &shown).await.is(200, "Groups are being created");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(load_run(&customers, tenant).await.counts.waiting, 2);
    assert_eq!(active_groups(&customers).len(), 0);
    browser.save(&[("running", "live")]).await.is(200, "saved");
    customers.stack.let_pass(20 * MINUTE).await;
    assert_have_groups(&customers, &teams);
}

#[tokio::test]
async fn other_customer_sees_no_backfill() {
    let (customers, mut browser, tenant, teams) = after_search(2).await;
    let mut globex = customers.connected(&customers.globex).await;
    globex.save(&[("enabled", "yes"), ("new_teams", "selected")]).await.is(200, "saved");
    let page = globex.open("/existing").await;
    page.is(200, "Webex has no list of all teams.");
    assert!(!page.html.contains("Old 00"));
    let before = load_run(&customers, tenant).await;
    choose(&mut globex, &teams).await.is(200, "No team is selected.");
    assert_eq!(load_run(&customers, tenant).await, before);
    let shown = choose(&mut browser, &teams).await;
    create(&mut globex, &shown).await.is(409, "nothing was started");
    submit(&mut globex, "/selection", &[("action", "choose-none")])
        .await
        .is(200, "No team is selected.");
    browser.open("/selection").await.is(200, "2 groups would be created");
}

#[tokio::test]
async fn disconnecting_deletes_the_backfill() {
    let (mut customers, mut browser, tenant, teams) = after_search(3).await;
    choose(&mut browser, &teams[..2]).await;
    let of_it = |customers: &Customers| {
        let kinds = ["#CANDIDATE/", "#CHOSEN/", "/SEARCH", "/BACKFILL"]
            .map(|kind| format!("TENANT#{tenant}{kind}"));
        let keys: Vec<String> = customers.items().into_keys().collect();
        kinds.map(|kind| keys.iter().filter(|key| key.starts_with(&kind)).count())
    };
    assert_eq!(of_it(&customers), [3, 2, 1, 1]);
    let purge = [KEEP[0], KEEP[1], ("links", "purge")];
    browser.submit_on("/disconnect", "/disconnect", &purge).await.is(200, "Disconnected");
    customers.stack.let_pass(10 * MINUTE).await;
    assert_eq!(of_it(&customers), [0, 0, 0, 0]);
    browser.open("/existing").await.is(409, "is not connected yet");
}
