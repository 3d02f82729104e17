//! Disconnecting: what is taken back, what stays, and coming back.

use domain::ids::{GroupId, TeamId, TenantId};
use engine::offboard::{self, Stage};
use engine::tenant::NewTeams;
use sandbox::{Fault, Service};

use crate::setup_browser::{Browser, Customers};
use crate::town::{DAY, MINUTE};

/// A customer with so many linked teams.
pub(crate) async fn with_teams(count: usize) -> (Customers, Browser, TenantId, Vec<TeamId>) {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let teams = (0..count).map(|n| customers.world().create_team(customers.people[n % 3].person, &format!("Team {n}")));
    let teams = teams.collect();
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(customers.world().groups(customers.acme.directory).len(), count);
    (customers, browser, tenant, teams)
}

pub(crate) fn living_groups(customers: &Customers) -> Vec<GroupId> {
    let groups = customers.world().groups(customers.acme.directory);
    groups.into_iter().filter(|(_, group)| group.deleted.is_none()).map(|(id, _)| id).collect()
}

pub(crate) fn officer_is_in(customers: &Customers, team: TeamId) -> bool {
    customers.world().team(team).unwrap().people.contains_key(&customers.acme.officer)
}

async fn stage(customers: &Customers, tenant: TenantId) -> Stage {
    offboard::load(customers.house.ground().store.as_ref(), tenant).await.unwrap().unwrap().stage
}

pub(crate) const KEEP: [(&str, &str); 3] = [("sure", "yes"), ("groups", "keep"), ("links", "keep")];

#[tokio::test]
async fn leaving_takes_back_what_was_put_there_and_leaves_people_alone() {
    let (mut customers, mut browser, tenant, teams) = with_teams(2).await;
    assert!(teams.iter().all(|team| officer_is_in(&customers, *team)));
    let people = |customers: &Customers| -> Vec<_> {
        living_groups(customers).into_iter().map(|group| customers.world().group(group).unwrap().members).collect()
    };
    let before = people(&customers);
    let receipt = browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    receipt.is(200, "<h1>Disconnected</h1>");
    customers.house.let_pass(2 * MINUTE).await;
    let receipt = browser.open("/receipt").await;
    receipt.is(200, "7 deleted.");
    receipt.is(200, "1 deleted.");
    receipt.is(200, "2 left.");
    receipt.is(200, "Deleted at");
    receipt.is(200, "They stay as they are.");
    receipt.is(200, "Kept until 2026-12-23");
    assert!(teams.iter().all(|team| !officer_is_in(&customers, *team)));
    assert!(!customers.house.ground().secrets.names().contains(&format!("sandbox/tenant/{tenant}")));
    assert_eq!(people(&customers), before);
    // Whatever happens on either side from here on is nobody's concern.
    customers.world().add_to_team(teams[0], customers.people[5].person, sandbox::Role::Member).unwrap();
    customers.world().take_calls();
    customers.house.let_pass(DAY).await;
    assert_eq!(people(&customers), before);
    assert!(customers.world().calls().is_empty(), "{:?}", customers.world().calls().first());
    assert!(customers.world().violations().is_empty());
}

#[tokio::test]
async fn nothing_happens_without_the_tick() {
    let (customers, mut browser, tenant, _) = with_teams(1).await;
    browser.submit_on("/disconnect", "/disconnect", &[("groups", "delete")]).await.is(422, "Nothing was changed");
    assert_eq!(customers.tenant().await, tenant);
    assert!(customers.organization(customers.acme.org).await.unwrap().directory.is_some());
    assert_eq!(living_groups(&customers).len(), 1);
}

#[tokio::test]
async fn a_few_groups_are_deleted_when_chosen_and_can_be_restored() {
    let (mut customers, mut browser, _, _) = with_teams(3).await;
    let groups = living_groups(&customers);
    browser
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.house.let_pass(2 * MINUTE).await;
    assert_eq!(living_groups(&customers), []);
    browser.open("/receipt").await.is(200, "3 deleted; within 30 days");
    customers.world().restore_group(groups[0]);
    assert_eq!(living_groups(&customers), [groups[0]]);
}

#[tokio::test]
async fn more_than_three_groups_wait_until_somebody_confirms_their_number() {
    let (mut customers, mut browser, tenant, _) = with_teams(5).await;
    browser
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.house.let_pass(3 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 5);
    assert_eq!(stage(&customers, tenant).await, Stage::Held { groups: 5 });
    assert!(
        !customers.house.ground().secrets.names().contains(&format!("sandbox/tenant/{tenant}")),
        "tokens do not wait"
    );
    browser.open("/receipt").await.is(200, "5 groups would be deleted");
    browser.submit_on("/receipt", "/receipt", &[("groups", "delete"), ("count", "4")]).await.fails(409, "faster");
    assert_eq!(living_groups(&customers).len(), 5);
    browser.submit_on("/receipt", "/receipt", &[("groups", "delete"), ("count", "5")]).await.is(200, "Disconnected");
    customers.house.let_pass(3 * MINUTE).await;
    assert_eq!(living_groups(&customers), []);
}

#[tokio::test]
async fn groups_that_wait_can_be_kept_after_all() {
    let (mut customers, mut browser, tenant, _) = with_teams(4).await;
    browser.submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")]).await;
    customers.house.let_pass(3 * MINUTE).await;
    browser.submit_on("/receipt", "/receipt", &[("groups", "keep")]).await.is(200, "Kept until");
    customers.house.let_pass(3 * MINUTE).await;
    assert_eq!(living_groups(&customers).len(), 4);
    assert!(matches!(stage(&customers, tenant).await, Stage::Keeping { .. }));
}

#[tokio::test]
async fn whoever_comes_back_within_thirty_days_goes_on_with_the_same_groups() {
    let (mut customers, mut browser, tenant, teams) = with_teams(2).await;
    let groups = living_groups(&customers);
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    customers.house.let_pass(2 * MINUTE).await;
    customers.house.let_pass(DAY).await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected through");
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    assert_eq!(customers.tenant().await, tenant);
    assert_eq!(customers.settings().await.switched_on_at, None, "but it is off");
    assert_eq!(customers.settings().await.new_teams, NewTeams::Every, "and as it was");
    customers.house.take_in(tenant).await.unwrap();
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers.world().add_to_team(teams[0], customers.people[5].person, sandbox::Role::Member).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(living_groups(&customers), groups, "no second group");
    let joined = groups
        .iter()
        .any(|group| customers.world().group(*group).unwrap().members.contains(&customers.people[5].object));
    assert!(joined, "and people are carried again");
    assert!(officer_is_in(&customers, teams[0]), "also the account is back");
}

#[tokio::test]
async fn after_thirty_days_nothing_is_stored_of_anybody() {
    let (mut customers, mut browser, tenant, _) = with_teams(2).await;
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    customers.house.let_pass(2 * MINUTE).await;
    customers.house.let_pass(29 * DAY).await;
    assert!(items_of(&customers, tenant).len() > 10);
    customers.house.let_pass(2 * DAY).await;
    assert_eq!(items_of(&customers, tenant), [format!("TENANT#{tenant}/LEAVING")]);
    assert_eq!(customers.tenants().await, []);
    assert_ne!(customers.tenant().await, tenant, "whoever comes back then begins anew");
}

#[tokio::test]
async fn who_wants_to_be_forgotten_is_forgotten_at_once_and_can_connect_again_meanwhile() {
    let (mut customers, mut browser, tenant, _) = with_teams(2).await;
    let form = [("sure", "yes"), ("groups", "keep"), ("links", "forget")];
    browser.submit_on("/disconnect", "/disconnect", &form).await.is(200, "Disconnected");
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected through");
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    let new = customers.tenant().await;
    assert_ne!(new, tenant);
    customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(items_of(&customers, tenant), [format!("TENANT#{tenant}/LEAVING")]);
    assert_eq!(customers.tenants().await, [new]);
    assert!(customers.house.ground().secrets.names().contains(&format!("sandbox/tenant/{new}")));
    browser.open("/receipt").await.is(200, "Forgotten at");
    assert_eq!(living_groups(&customers).len(), 2);
}

/// Keys of all that is stored of a tenant, but for who is listed.
pub(crate) fn items_of(customers: &Customers, tenant: TenantId) -> Vec<String> {
    let keys = customers.items().into_keys();
    keys.filter(|key| key.contains(&tenant.to_string())).collect()
}

#[tokio::test]
async fn connecting_again_while_it_is_still_leaving_stops_the_leaving() {
    let (mut customers, mut browser, tenant, teams) = with_teams(3).await;
    // Webex answers nothing that would let the account leave.
    customers.world().fault(Fault::status(503).on(Service::Webex).path("/memberships").times(1000));
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "To do");
    assert_eq!(stage(&customers, tenant).await, Stage::Teams);
    customers.world().clear_faults();
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected through");
    customers.house.let_pass(5 * MINUTE).await;
    assert!(matches!(stage(&customers, tenant).await, Stage::Keeping { .. }));
    assert!(customers.house.ground().secrets.names().contains(&format!("sandbox/tenant/{tenant}")));
    assert!(teams.iter().all(|team| officer_is_in(&customers, *team)));
}

#[tokio::test]
async fn leaving_is_possible_when_neither_service_lets_us_in_any_more() {
    let (mut customers, mut browser, tenant, _) = with_teams(2).await;
    customers.world().revoke_tokens(customers.acme.officer);
    customers.world().withdraw_consent(customers.acme.directory);
    customers.advance(15 * 24 * 3600);
    let mut again = customers.signed_in(&customers.acme).await;
    again
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.house.let_pass(10 * MINUTE).await;
    let receipt = again.open("/receipt").await;
    receipt.is(200, "What could not be done");
    receipt.is(200, "could not be taken out of all teams");
    receipt.is(200, "Not all groups could be deleted");
    assert!(matches!(stage(&customers, tenant).await, Stage::Keeping { .. }));
    assert!(!customers.house.ground().secrets.names().contains(&format!("sandbox/tenant/{tenant}")));
    browser.open("/receipt").await.is(200, "Sign in with Webex");
}

#[tokio::test]
async fn many_teams_are_left_turn_by_turn_however_often_a_turn_is_cut_off() {
    let (mut customers, mut browser, tenant, teams) = with_teams(60).await;
    customers
        .world()
        .fault(Fault::cut_after().on(Service::Webex).method("DELETE").path("/memberships").skip(7).times(3));
    customers.world().fault(Fault::throttled("120").on(Service::Webex).path("/memberships").skip(70));
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "Disconnected");
    customers.house.let_pass(15 * MINUTE).await;
    let left = teams.iter().filter(|team| !officer_is_in(&customers, **team)).count();
    assert_eq!(left, 60);
    assert!(matches!(stage(&customers, tenant).await, Stage::Keeping { .. }));
    let moderators = |team: &TeamId| customers.world().team(*team).unwrap().people.len();
    assert!(teams.iter().all(|team| moderators(team) == 1), "nobody else went");
}

#[tokio::test]
async fn a_half_connected_organization_gives_its_account_back() {
    let customers = Customers::new().await;
    let deployed = customers.house.ground().secrets.names();
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected through");
    browser.submit_on("/disconnect", "/disconnect", &[("sure", "yes")]).await.is(200, "Overview");
    assert_eq!(customers.house.ground().secrets.names(), deployed);
    assert_eq!(customers.organization(customers.acme.org).await.unwrap().officer, None);
}
