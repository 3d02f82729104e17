//! Every failure has its own page, which says what to do; nothing is changed by any of them.

use std::collections::BTreeSet;

use oauth::{Allowed, LARGEST_BODY};
use sandbox::AdminRole::{ComplianceOfficer, FullAdmin, ReadOnlyAdmin};
use sandbox::house::House;
use sandbox::{DirectoryRole, Fault, GroupMembershipClaims, Registration, Service};

use crate::setup_browser::Customers;

#[tokio::test]
async fn only_a_full_administrator_gets_in() {
    let customers = Customers::new().await;
    let ordinary = customers.people[0].person;
    for account in [ordinary, customers.acme.officer] {
        let mut browser = customers.browser();
        browser.sign_in(account).await.fails(403, "You are no full administrator");
        browser.open("/settings").await.is(200, "Sign in with Webex");
    }
    assert!(customers.organization(customers.acme.org).await.is_none(), "nothing was signed up");
    customers.world().give_role(ordinary, FullAdmin);
    customers.browser().sign_in(ordinary).await.is(200, "Overview");
}

#[tokio::test]
async fn only_organizations_that_may_sign_up_get_in() {
    let customers = Customers::in_house(|ground| {
        let other = ground.world.add_tenant("Initech").org;
        House::for_organizations(ground, Allowed::Only(BTreeSet::from([other]))).unwrap()
    })
    .await;
    let administrator = customers.acme.administrator.person;
    customers.browser().sign_in(administrator).await.fails(403, "Your organization cannot sign up here");
    assert!(customers.organization(customers.acme.org).await.is_none());
}

#[tokio::test]
async fn whoever_declines_is_told_that_nothing_was_connected() {
    let customers = Customers::new().await;
    let acme = &customers.acme;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.onwards();
    let back = browser.decide(&at_webex, acme.administrator.person, "decline").await;
    browser.open(&back).await.fails(403, "You declined at Webex");

    let mut browser = customers.signed_in(acme).await;
    let at_webex = browser.go_to_webex(&[]).await;
    let back = browser.decide(&at_webex, acme.officer, "decline").await;
    browser.open(&back).await.fails(403, "You declined at Webex");
    browser.connect_webex(acme.officer, &[]).await.is(200, "Connected through");

    let at_microsoft = browser.go_to_microsoft().await;
    let back = browser.decide(&at_microsoft, acme.administrator.object, "decline").await;
    browser.open(&back).await.fails(403, "You declined at Microsoft");

    let at_consent = browser.sign_in_at_microsoft(acme.administrator.object).await.onwards();
    let back = browser.decide(&at_consent, acme.administrator.object, "decline").await;
    assert!(back.contains("admin_consent=True"), "the error alone tells");
    browser.open(&back).await.fails(403, "You declined at Microsoft");
    assert_eq!(customers.tenants().await, []);
    browser.connect_microsoft(acme).await.is(200, "Acme is connected");
}

#[tokio::test]
async fn an_account_that_cannot_do_the_work_is_not_stored_and_the_page_says_what_it_lacks() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let deployed = customers.house.ground().secrets.names();
    let nobody = customers.with_roles("Nobody", &[ReadOnlyAdmin]);
    let blind = customers.with_roles("Blind", &[ComplianceOfficer]);
    browser.connect_webex(nobody, &[]).await.fails(403, "That account is no compliance officer");
    browser.connect_webex(blind, &[]).await.fails(403, "That account cannot read people");
    browser.connect_webex(customers.globex.officer, &[]).await.fails(403, "of another organization");
    assert_eq!(customers.organization(customers.acme.org).await.unwrap().officer, None);
    assert_eq!(customers.house.ground().secrets.names(), deployed);
}

#[tokio::test]
async fn an_account_that_was_good_stays_connected_when_another_try_fails() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let nobody = customers.with_roles("Nobody", &[ReadOnlyAdmin]);
    browser.connect_webex(nobody, &[("intent", "replace")]).await.fails(403, "no compliance officer");
    let kept = customers.organization(customers.acme.org).await.unwrap().officer.unwrap();
    assert_eq!(kept.person, customers.acme.officer);
    browser.open("/prerequisites").await.is(200, "reads the organization");
}

#[tokio::test]
async fn scopes_that_webex_does_not_offer_are_said_in_its_own_word() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    customers.world().set_webex_scopes(&["spark:people_read"]);
    let at_webex = browser.go_to_webex(&[]).await;
    let back = browser.decide(&at_webex, customers.acme.officer, "accept").await;
    browser.open(&back).await.fails(400, "invalid_scope");
}

#[tokio::test]
async fn webex_comes_first() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let note = browser.open("/oauth/microsoft").await;
    note.is(200, "Webex has to be connected first");
    let csrf = browser.open("/webex").await.csrf();
    browser.submit("/oauth/microsoft", &[("csrf", &csrf)]).await.fails(409, "Connect Webex first");
    browser.open("/settings").await.fails(409, "Nothing is connected yet");
}

#[tokio::test]
async fn only_an_administrator_of_the_directory_connects_it() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.officer, &[]).await;
    let ordinary = customers.people[0].object;
    customers.world().give_directory_role(ordinary, DirectoryRole::UserAdministrator);
    browser.sign_in_at_microsoft(ordinary).await.fails(403, "may not connect the directory");
    customers.world().give_directory_role(ordinary, DirectoryRole::PrivilegedRoleAdministrator);
    browser.sign_in_at_microsoft(ordinary).await.onwards();

    let world = customers.world();
    world.set_group_membership_claims(Registration::Groups, GroupMembershipClaims::None);
    let administrator = customers.acme.administrator.object;
    browser.sign_in_at_microsoft(administrator).await.fails(403, "may not connect the directory");
    assert_eq!(customers.tenants().await, []);
}

#[tokio::test]
async fn a_consent_that_lacks_a_role_is_refused_with_its_name_when_the_wait_is_over() {
    let customers = Customers::new().await;
    customers.world().set_permissions(Registration::Groups, &["Group.ReadWrite.All", "GroupSettings.Read.All"]);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.officer, &[]).await;
    browser.connect_microsoft(&customers.acme).await.is(202, "<code>User.Read.All</code>");
    customers.advance(601);
    let refused = browser.open("/oauth/microsoft/consent").await;
    refused.fails(403, "Permissions are missing");
    refused.is(403, "Missing: User.Read.All.");
    assert_eq!(customers.tenants().await, []);
}

#[tokio::test]
async fn a_directory_belongs_to_one_organization() {
    let customers = Customers::new().await;
    customers.connected(&customers.acme).await;
    let mut browser = customers.signed_in(&customers.globex).await;
    browser.connect_webex(customers.globex.officer, &[]).await;
    let refused = browser.connect_microsoft(&customers.acme).await;
    refused.fails(409, "belongs to another organization");
    assert_eq!(customers.tenants().await.len(), 1);
    browser.connect_microsoft(&customers.globex).await.is(200, "Globex is connected");
    assert_eq!(customers.tenants().await.len(), 2);
}

#[tokio::test]
async fn another_directory_does_not_take_the_place_of_the_one_that_is_connected() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let page = browser.sign_in_at_microsoft(customers.globex.administrator.object).await;
    page.fails(403, "That is another directory");
    let kept = customers.organization(customers.acme.org).await.unwrap().directory.unwrap();
    assert_eq!(kept.id, customers.acme.directory);
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_large_bodies_have_their_pages() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let before = customers.settings().await;
    for path in ["/nowhere", "//evil.example", "/settings/", "/Settings", "/oauth", "/style.css", "/.env"] {
        browser.open(path).await.fails(404, "There is no such page");
    }
    for path in ["/", "/prerequisites", "/oauth/webex", "/oauth/webex/callback", "/oauth/microsoft/consent"] {
        let refused = browser.submit(path, &[]).await;
        refused.fails(405, "This cannot be done here");
        assert_eq!(refused.header("allow"), "GET");
    }
    for path in ["/sign-out", "/sign-out/everywhere"] {
        let refused = browser.open(path).await;
        refused.fails(405, "This cannot be done here");
        assert_eq!(refused.header("allow"), "POST");
    }
    let put = http::Request::put("https://functions.example/settings");
    browser.send(put, String::new()).await.fails(405, "This cannot be done here");
    let large = "x".repeat(LARGEST_BODY + 1);
    browser.submit("/settings", &[("csrf", &large)]).await.fails(413, "That was too much");
    assert_eq!(customers.settings().await, before);
}

#[tokio::test]
async fn an_ended_session_leads_to_the_sign_in_and_from_there_on_to_the_page() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    browser.open("/settings").await.is(200, "<h1>Settings</h1>");
    customers.advance(31 * 60);
    let welcome = browser.open("/settings").await;
    welcome.is(200, "Your session has ended");
    welcome.is(200, "/oauth/webex?to=settings");
    let at_webex = browser.open("/oauth/webex?to=settings").await.onwards();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await.is(200, "<h1>Settings</h1>");
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_however_busy_it_is() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    for _ in 0..31 {
        customers.advance(15 * 60);
        browser.open("/webex").await.is(200, "<h1>Connect Webex</h1>");
    }
    customers.advance(15 * 60);
    browser.open("/webex").await.is(200, "Your session has ended");
}

#[tokio::test]
async fn a_service_out_of_reach_is_a_page_with_a_number_and_the_way_can_be_begun_again() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.onwards();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let down = Fault::status(500).on(Service::Webex).path("/access_token");
    customers.world().fault(down);
    browser.open(&back).await.fails(503, "could not be done right now");
    customers.world().clear_faults();
    browser.open(&back).await.fails(400, "cannot be used any more");
    browser.sign_in(customers.acme.administrator.person).await.is(200, "Overview");
}

#[tokio::test]
async fn a_code_that_webex_does_not_accept_signs_nobody_in() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.onwards();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let (before, _) = back.split_once("code=").unwrap();
    let state = back.split_once("state=").unwrap().1;
    browser.open(&format!("{before}code=guessed&state={state}")).await.fails(400, "did not confirm the sign-in");
    browser.open("/settings").await.is(200, "Sign in with Webex");
}

#[tokio::test]
async fn prerequisites_that_are_lost_are_crosses_and_what_cannot_be_asked_is_said_so() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let all_well = browser.open("/prerequisites").await;
    assert!(!all_well.html.contains("check not-met"), "{}", all_well.html);
    all_well.is(200, "Could not check");
    customers.world().take_role(customers.acme.officer, ComplianceOfficer);
    let role_lost = browser.open("/prerequisites").await;
    role_lost.is(200, "Another full administrator gives it the role");
    customers.world().give_role(customers.acme.officer, ComplianceOfficer);
    customers.world().set_group_setting(customers.acme.directory, "EnableGroupCreation", "false");
    customers.world().set_group_setting(customers.acme.directory, "PrefixSuffixNamingRequirement", "GRP_[GroupName]");
    let restricted = browser.open("/prerequisites").await;
    restricted.is(200, "EnableGroupCreation is false");
    restricted.is(200, "Naming policy: GRP_[GroupName]");
    customers.world().withdraw_consent(customers.acme.directory);
    browser.open("/prerequisites").await.is(200, "Microsoft does not let this application");
    customers.advance(2 * 3600);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open("/prerequisites").await.is(200, "no longer gives this application a token");
    let down = Fault::status(500).on(Service::Webex).path("/events").times(9);
    customers.world().fault(down);
    browser.open("/prerequisites").await.is(200, "Webex did not answer as it should");
}
