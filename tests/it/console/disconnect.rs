//! Disconnecting: what is removed, what stays, and coming back.

use domain::ids::{TeamId, TenantId};
use engine::offboard::{self, OffboardingStage};
use engine::tenant::NewTeams;
use serde_json::json;
use sim::{Failure, Fault, Service};

use crate::support::{
    Customers, DAY, KEEP, MINUTE, account_is_in, active_groups, stored_items, with_linked_teams,
};

async fn stage(customers: &Customers, tenant: TenantId) -> OffboardingStage {
    offboard::load(customers.stack.backend().store.as_ref(), tenant).await.unwrap().unwrap().stage
}

#[tokio::test]
async fn offboarding_removes_only_what_was_installed() {
    let (mut customers, mut browser, tenant, teams) = with_linked_teams(2).await;
    assert!(teams.iter().all(|team| account_is_in(&customers, *team)));
    let people = |customers: &Customers| -> Vec<_> {
        active_groups(customers)
            .into_iter()
            .map(|group| customers.world().group(group).unwrap().members)
            .collect()
    };
    let before = people(&customers);
    let receipt = browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    receipt.is(200, "<h1>Disconnected</h1>");
    customers.stack.let_pass(2 * MINUTE).await;
    let receipt = browser.open("/receipt").await;
    receipt.is(200, "7 deleted.");
    receipt.is(200, "1 deleted.");
    receipt.is(200, "2 left.");
    receipt.is(200, "Deleted at");
    receipt.is(200, "They stay as they are.");
    receipt.is(200, "Kept until 2026-12-23");
    assert!(teams.iter().all(|team| !account_is_in(&customers, *team)));
    assert!(
        !customers.stack.backend().secrets.names().contains(&format!("sandbox/tenant/{tenant}"))
    );
    assert_eq!(people(&customers), before);
    // Later changes on either side are ignored.
    customers
        .world()
        .add_to_team(teams[0], customers.people[5].person, sim::MembershipRole::Member)
        .unwrap();
    customers.world().take_calls();
    customers.stack.let_pass(DAY).await;
    assert_eq!(people(&customers), before);
    assert!(customers.world().calls().is_empty(), "{:?}", customers.world().calls().first());
    assert!(customers.world().violations().is_empty());
}

#[tokio::test]
async fn disconnecting_needs_confirmation() {
    let (customers, mut browser, tenant, _) = with_linked_teams(1).await;
    browser
        .submit_on("/disconnect", "/disconnect", &[("groups", "delete")])
        .await
        .is(422, "Nothing was changed");
    assert_eq!(customers.tenant().await, tenant);
    assert!(customers.organization(customers.acme.org).await.unwrap().directory.is_some());
    assert_eq!(active_groups(&customers).len(), 1);
}

#[tokio::test]
async fn few_groups_are_deleted_on_request() {
    let (mut customers, mut browser, _, _) = with_linked_teams(3).await;
    let groups = active_groups(&customers);
    browser
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.stack.let_pass(2 * MINUTE).await;
    assert_eq!(active_groups(&customers), []);
    browser.open("/receipt").await.is(200, "3 deleted; within 30 days");
    customers.world().restore_group(groups[0]);
    assert_eq!(active_groups(&customers), [groups[0]]);
}

#[tokio::test]
async fn many_groups_wait_for_their_number() {
    let (mut customers, mut browser, tenant, _) = with_linked_teams(5).await;
    browser
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.stack.let_pass(3 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 5);
    assert_eq!(stage(&customers, tenant).await, OffboardingStage::PendingApproval { groups: 5 });
    assert!(
        !customers.stack.backend().secrets.names().contains(&format!("sandbox/tenant/{tenant}")),
        "tokens do not wait"
    );
    browser.open("/receipt").await.is(200, "5 groups would be deleted");
    browser
        .submit_on("/receipt", "/receipt", &[("groups", "delete"), ("count", "4")])
        .await
        .is_error(409, "out of date");
    assert_eq!(active_groups(&customers).len(), 5);
    browser
        .submit_on("/receipt", "/receipt", &[("groups", "delete"), ("count", "5")])
        .await
        .is(200, "Disconnected");
    customers.stack.let_pass(3 * MINUTE).await;
    assert_eq!(active_groups(&customers), []);
}

#[tokio::test]
async fn waiting_groups_can_stay() {
    let (mut customers, mut browser, tenant, _) = with_linked_teams(4).await;
    browser.submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")]).await;
    customers.stack.let_pass(3 * MINUTE).await;
    browser.submit_on("/receipt", "/receipt", &[("groups", "keep")]).await.is(200, "Kept until");
    customers.stack.let_pass(3 * MINUTE).await;
    assert_eq!(active_groups(&customers).len(), 4);
    assert!(matches!(stage(&customers, tenant).await, OffboardingStage::Retaining { .. }));
}

#[tokio::test]
async fn return_within_thirty_days_keeps_the_groups() {
    let (mut customers, mut browser, tenant, teams) = with_linked_teams(2).await;
    let groups = active_groups(&customers);
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    customers.stack.let_pass(2 * MINUTE).await;
    customers.stack.let_pass(DAY).await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected through");
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    assert_eq!(customers.tenant().await, tenant);
    assert_eq!(customers.settings().await.switched_on_at, None, "but it is off");
    assert_eq!(customers.settings().await.new_teams, NewTeams::Every, "and as it was");
    customers.stack.start_tenant(tenant).await.unwrap();
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers
        .world()
        .add_to_team(teams[0], customers.people[5].person, sim::MembershipRole::Member)
        .unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(active_groups(&customers), groups, "no second group");
    let joined = groups.iter().any(|group| {
        customers.world().group(*group).unwrap().members.contains(&customers.people[5].object)
    });
    assert!(joined, "and people are synced again");
    assert!(account_is_in(&customers, teams[0]), "also the account is back");
}

#[tokio::test]
async fn everything_is_purged_after_thirty_days() {
    let (mut customers, mut browser, tenant, _) = with_linked_teams(2).await;
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await;
    customers.stack.let_pass(2 * MINUTE).await;
    customers.stack.let_pass(29 * DAY).await;
    assert!(stored_items(&customers, tenant).len() > 10);
    customers.stack.let_pass(2 * DAY).await;
    assert_eq!(stored_items(&customers, tenant), [format!("TENANT#{tenant}/OFFBOARDING")]);
    assert_eq!(customers.tenants().await, []);
    assert_ne!(customers.tenant().await, tenant, "a later return starts from the beginning");
}

#[tokio::test]
async fn purge_on_request_is_immediate() {
    let (mut customers, mut browser, tenant, _) = with_linked_teams(2).await;
    let form = [("sure", "yes"), ("groups", "keep"), ("links", "purge")];
    browser.submit_on("/disconnect", "/disconnect", &form).await.is(200, "Disconnected");
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected through");
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
    let new = customers.tenant().await;
    assert_ne!(new, tenant);
    customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(stored_items(&customers, tenant), [format!("TENANT#{tenant}/OFFBOARDING")]);
    assert_eq!(customers.tenants().await, [new]);
    assert!(customers.stack.backend().secrets.names().contains(&format!("sandbox/tenant/{new}")));
    browser.open("/receipt").await.is(200, "Deleted at");
    assert_eq!(active_groups(&customers).len(), 2);
}

#[tokio::test]
async fn reconnecting_stops_offboarding() {
    let (mut customers, mut browser, tenant, teams) = with_linked_teams(3).await;
    // Webex does not let the account leave.
    customers
        .world()
        .inject(Fault::status(503).on(Service::Webex).path("/memberships").times(1000));
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "To do");
    assert_eq!(stage(&customers, tenant).await, OffboardingStage::Teams);
    customers.world().clear_faults();
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected through");
    customers.stack.let_pass(5 * MINUTE).await;
    assert!(matches!(stage(&customers, tenant).await, OffboardingStage::Retaining { .. }));
    assert!(
        customers.stack.backend().secrets.names().contains(&format!("sandbox/tenant/{tenant}"))
    );
    assert!(teams.iter().all(|team| account_is_in(&customers, *team)));
}

#[tokio::test]
async fn offboarding_works_without_access() {
    let (mut customers, mut browser, tenant, _) = with_linked_teams(2).await;
    customers.world().revoke_tokens(customers.acme.service_account);
    customers.world().withdraw_consent(customers.acme.directory);
    customers.advance(15 * 24 * 3600);
    let mut again = customers.signed_in(&customers.acme).await;
    again
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.stack.let_pass(10 * MINUTE).await;
    let receipt = again.open("/receipt").await;
    receipt.is(200, "What could not be done");
    receipt.is(200, "could not be taken out of all teams");
    receipt.is(200, "Not all groups could be deleted");
    assert!(matches!(stage(&customers, tenant).await, OffboardingStage::Retaining { .. }));
    assert!(
        !customers.stack.backend().secrets.names().contains(&format!("sandbox/tenant/{tenant}"))
    );
    browser.open("/receipt").await.is(200, "Sign in with Webex");
}

/// Returns the stage of an offboarding while Entra gives this code instead of tokens.
async fn stage_when_entra_says(code: u32) -> OffboardingStage {
    let (mut customers, _, tenant, _) = with_linked_teams(2).await;
    let said = json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS{code}: words."),
        "error_codes": [code],
    });
    // The fresh sign-in of the directory's administrator still works.
    let refused = Fault::new(Failure::Status(400, vec![], said)).skip(1).times(u32::MAX);
    customers.world().inject(refused.on(Service::Entra).path("/oauth2/v2.0/token"));
    customers.advance(3 * 3600);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser
        .submit_on("/disconnect", "/disconnect", &[("sure", "yes"), ("groups", "delete")])
        .await
        .is(200, "Disconnected");
    customers.stack.let_pass(20 * MINUTE).await;
    stage(&customers, tenant).await
}

#[tokio::test]
async fn offboarding_ends_on_any_refusal_of_the_directory() {
    for code in [7_000_229, 650_052, 90_002, 53_003] {
        let stage = stage_when_entra_says(code).await;
        assert!(matches!(stage, OffboardingStage::Retaining { .. }), "{code}: {stage:?}");
    }
    // The deployment repairs its own credential, and the groups wait for it.
    let stage = stage_when_entra_says(7_000_222).await;
    assert!(!matches!(stage, OffboardingStage::Retaining { .. }), "{stage:?}");
}

#[tokio::test]
async fn interrupted_offboarding_continues() {
    let (mut customers, mut browser, tenant, teams) = with_linked_teams(60).await;
    customers.world().inject(
        Fault::cut_after()
            .on(Service::Webex)
            .method("DELETE")
            .path("/memberships")
            .skip(7)
            .times(3),
    );
    customers
        .world()
        .inject(Fault::throttled("120").on(Service::Webex).path("/memberships").skip(70));
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "Disconnected");
    customers.stack.let_pass(15 * MINUTE).await;
    let left = teams.iter().filter(|team| !account_is_in(&customers, **team)).count();
    assert_eq!(left, 60);
    assert!(matches!(stage(&customers, tenant).await, OffboardingStage::Retaining { .. }));
    let moderators = |team: &TeamId| customers.world().team(*team).unwrap().people.len();
    assert!(teams.iter().all(|team| moderators(team) == 1), "no one else left");
}

#[tokio::test]
async fn half_connected_organization_releases_its_account() {
    let customers = Customers::new().await;
    let deployed = customers.stack.backend().secrets.names();
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected through");
    browser.submit_on("/disconnect", "/disconnect", &[("sure", "yes")]).await.is(200, "Overview");
    assert_eq!(customers.stack.backend().secrets.names(), deployed);
    assert_eq!(customers.organization(customers.acme.org).await.unwrap().service_account, None);
}
