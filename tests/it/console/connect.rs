//! Failed sign-ins and connections: each has its page, and changes nothing.

use std::collections::BTreeSet;

use oauth::{Allowed, LARGEST_BODY};
use sandbox::AdminRole::{ComplianceOfficer, FullAdmin, ReadOnlyAdmin};
use sandbox::local_stack::LocalStack;
use sim::{AppRegistration, DirectoryRole, Fault, GroupMembershipClaims, Service};

use crate::support::{Customers, MINUTE};

#[tokio::test]
async fn only_full_admins_sign_in() {
    let customers = Customers::new().await;
    let ordinary = customers.people[0].person;
    for account in [ordinary, customers.acme.service_account] {
        let mut browser = customers.browser();
        browser.sign_in(account).await.is_error(403, "You're not an administrator");
        browser.open("/settings").await.is(200, "Sign in with Webex");
    }
    assert!(customers.organization(customers.acme.org).await.is_none(), "nothing was signed up");
    customers.world().give_role(ordinary, FullAdmin);
    customers.browser().sign_in(ordinary).await.is(200, "Overview");
}

#[tokio::test]
async fn only_allowed_organizations_sign_up() {
    let customers = Customers::with_stack(|backend| {
        let other = backend.world.add_tenant("Initech").org;
        LocalStack::for_organizations(backend, Allowed::Only(BTreeSet::from([other]))).unwrap()
    })
    .await;
    let administrator = customers.acme.administrator.person;
    customers
        .browser()
        .sign_in(administrator)
        .await
        .is_error(403, "Your organization cannot sign up here");
    assert!(customers.organization(customers.acme.org).await.is_none());
}

/// Signing up and being served are two things: one that is closed later can still leave.
#[tokio::test]
async fn closed_organization_stops_and_can_leave() {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    let recipient = customers.people[0].person;
    browser
        .save(&[
            ("enabled", "yes"),
            ("new_teams", "every"),
            ("recipient", "person"),
            ("recipient_person", &recipient.to_string()),
        ])
        .await
        .is(200, "saved");
    customers.stack.let_pass(10 * MINUTE).await;
    let alerts = |customers: &Customers| {
        let sent = customers.world().cards_to(recipient).into_iter();
        sent.filter(|card| card.markdown.contains("has closed it")).count()
    };
    assert_eq!(alerts(&customers), 0);

    let backend = customers.stack.backend().clone();
    let closed = LocalStack::for_organizations(&backend, Allowed::Only(BTreeSet::new())).unwrap();
    customers.stack = closed;
    customers.stack.set_tenants(&[tenant]);
    customers.stack.let_pass(2 * MINUTE).await;
    customers.world().create_team(customers.people[0].person, "Too late");
    customers.stack.let_pass(3 * 60 * MINUTE).await;
    assert_eq!(customers.world().groups(customers.acme.directory).len(), 0);
    assert_eq!(alerts(&customers), 1, "once");

    let mut browser = customers.browser();
    browser.sign_in(customers.acme.administrator.person).await.is(200, "has closed it");
    browser.open("/teams").await.is(200, "Teams");
    browser.submit_on("/webex", "/webex", &[]).await.is_error(403, "cannot sign up here");

    // The operator opens it again: what happened meanwhile is synced.
    customers.stack = LocalStack::for_organizations(&backend, Allowed::Everyone).unwrap();
    customers.stack.set_tenants(&[tenant]);
    customers.stack.let_pass(30 * MINUTE).await;
    assert_eq!(customers.world().groups(customers.acme.directory).len(), 1);

    customers.stack =
        LocalStack::for_organizations(&backend, Allowed::Only(BTreeSet::new())).unwrap();
    let mut browser = customers.browser();
    browser.sign_in(customers.acme.administrator.person).await.is(200, "Overview");
    browser.submit_on("/", "/settings", &[("switch", "off")]).await.is(200, "is off");
}

#[tokio::test]
async fn declined_consent_connects_nothing() {
    let customers = Customers::new().await;
    let acme = &customers.acme;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.next_url();
    let back = browser.decide(&at_webex, acme.administrator.person, "decline").await;
    browser.open(&back).await.is_error(403, "You declined at Webex");

    let mut browser = customers.signed_in(acme).await;
    let at_webex = browser.go_to_webex(&[]).await;
    let back = browser.decide(&at_webex, acme.service_account, "decline").await;
    browser.open(&back).await.is_error(403, "You declined at Webex");
    browser.connect_webex(acme.service_account, &[]).await.is(200, "Connected through");

    let at_microsoft = browser.go_to_microsoft().await;
    let back = browser.decide(&at_microsoft, acme.administrator.object, "decline").await;
    browser.open(&back).await.is_error(403, "You declined at Microsoft");

    let at_consent = browser.sign_in_at_microsoft(acme.administrator.object).await.next_url();
    let back = browser.decide(&at_consent, acme.administrator.object, "decline").await;
    assert!(back.contains("admin_consent=True"), "the error alone tells");
    browser.open(&back).await.is_error(403, "You declined at Microsoft");
    assert_eq!(customers.tenants().await, []);
    browser.connect_microsoft(acme).await.is(200, "Acme is connected");
}

#[tokio::test]
async fn unsuitable_account_is_not_stored() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let deployed = customers.stack.backend().secrets.names();
    let account = customers.add_account_with_roles("No Role", &[ReadOnlyAdmin]);
    let blind = customers.add_account_with_roles("Blind", &[ComplianceOfficer]);
    browser
        .connect_webex(account, &[])
        .await
        .is_error(403, "That account doesn't have the compliance officer role");
    browser.connect_webex(blind, &[]).await.is_error(403, "That account cannot read people");
    browser
        .connect_webex(customers.globex.service_account, &[])
        .await
        .is_error(403, "of another organization");
    assert_eq!(customers.organization(customers.acme.org).await.unwrap().service_account, None);
    assert_eq!(customers.stack.backend().secrets.names(), deployed);
}

#[tokio::test]
async fn failed_attempt_keeps_the_connected_account() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let account = customers.add_account_with_roles("No Role", &[ReadOnlyAdmin]);
    browser
        .connect_webex(account, &[("intent", "replace")])
        .await
        .is_error(403, "have the compliance officer role");
    let stored = customers.organization(customers.acme.org).await.unwrap().service_account.unwrap();
    assert_eq!(stored.person, customers.acme.service_account);
    browser.open("/prerequisites").await.is(200, "reads the organization");
}

#[tokio::test]
async fn unavailable_scopes_are_named() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    customers.world().set_webex_scopes(&["spark:people_read"]);
    let at_webex = browser.go_to_webex(&[]).await;
    let back = browser.decide(&at_webex, customers.acme.service_account, "accept").await;
    browser.open(&back).await.is_error(400, "invalid_scope");
}

#[tokio::test]
async fn webex_is_connected_first() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let note = browser.open("/oauth/microsoft").await;
    note.is(200, "Webex has to be connected first");
    let csrf = browser.open("/webex").await.csrf();
    browser
        .submit("/oauth/microsoft", &[("csrf", &csrf)])
        .await
        .is_error(409, "Connect Webex first");
    browser.open("/settings").await.is(409, "is not connected yet");
}

#[tokio::test]
async fn only_directory_admins_connect_it() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await;
    let ordinary = customers.people[0].object;
    customers.world().give_directory_role(ordinary, DirectoryRole::UserAdministrator);
    browser.sign_in_at_microsoft(ordinary).await.is_error(403, "may not connect the directory");
    customers.world().give_directory_role(ordinary, DirectoryRole::PrivilegedRoleAdministrator);
    browser.sign_in_at_microsoft(ordinary).await.next_url();

    let world = customers.world();
    world.set_group_membership_claims(AppRegistration::Groups, GroupMembershipClaims::None);
    let administrator = customers.acme.administrator.object;
    browser
        .sign_in_at_microsoft(administrator)
        .await
        .is_error(403, "may not connect the directory");
    assert_eq!(customers.tenants().await, []);
}

#[tokio::test]
async fn missing_permission_is_named_after_the_wait() {
    let customers = Customers::new().await;
    customers.world().set_permissions(
        AppRegistration::Groups,
        &["Group.ReadWrite.All", "GroupSettings.Read.All"],
    );
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await;
    browser.connect_microsoft(&customers.acme).await.is(202, "<code>User.Read.All</code>");
    customers.advance(601);
    let refused = browser.open("/oauth/microsoft/consent").await;
    refused.is_error(403, "Permissions are missing");
    refused.is(403, "Missing: User.Read.All.");
    assert_eq!(customers.tenants().await, []);
}

#[tokio::test]
async fn directory_belongs_to_one_organization() {
    let customers = Customers::new().await;
    customers.connected(&customers.acme).await;
    let mut browser = customers.signed_in(&customers.globex).await;
    browser.connect_webex(customers.globex.service_account, &[]).await;
    let refused = browser.connect_microsoft(&customers.acme).await;
    refused.is_error(409, "belongs to another organization");
    assert_eq!(customers.tenants().await.len(), 1);
    browser.connect_microsoft(&customers.globex).await.is(200, "Globex is connected");
    assert_eq!(customers.tenants().await.len(), 2);
}

#[tokio::test]
async fn second_directory_does_not_replace_the_first() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let page = browser.sign_in_at_microsoft(customers.globex.administrator.object).await;
    page.is_error(403, "That is another directory");
    let stored = customers.organization(customers.acme.org).await.unwrap().directory.unwrap();
    assert_eq!(stored.id, customers.acme.directory);
    browser.connect_microsoft(&customers.acme).await.is(200, "Acme is connected");
}

#[tokio::test]
async fn bad_requests_have_their_pages() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let before = customers.settings().await;
    for path in
        ["/nowhere", "//evil.example", "/settings/", "/Settings", "/oauth", "/style.css", "/.env"]
    {
        browser.open(path).await.is_error(404, "Page not found");
    }
    for path in ["/", "/prerequisites", "/oauth/webex", "/oauth/webex/callback"] {
        let refused = browser.submit(path, &[]).await;
        refused.is_error(405, "This cannot be done here");
        assert_eq!(refused.header("allow"), "GET");
    }
    for path in ["/sign-out", "/sign-out/everywhere"] {
        let refused = browser.open(path).await;
        refused.is_error(405, "This cannot be done here");
        assert_eq!(refused.header("allow"), "POST");
    }
    let put = http::Request::put("https://functions.example/settings");
    browser.send(put, String::new()).await.is_error(405, "This cannot be done here");
    let large = "x".repeat(LARGEST_BODY + 1);
    browser
        .submit("/settings", &[("csrf", &large)])
        .await
        .is_error(413, "The request was too large");
    assert_eq!(customers.settings().await, before);
}

#[tokio::test]
async fn expired_session_returns_after_sign_in() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    browser.open("/settings").await.is(200, "<h1>Settings</h1>");
    customers.advance(31 * 60);
    let welcome = browser.open("/settings").await;
    welcome.is(200, "Your session has ended");
    welcome.is(200, "/oauth/webex?to=settings");
    let at_webex = browser.open("/oauth/webex?to=settings").await.next_url();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await.is(200, "<h1>Settings</h1>");
}

#[tokio::test]
async fn session_expires_after_eight_hours() {
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
async fn unreachable_service_allows_another_attempt() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.next_url();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let down = Fault::status(500).on(Service::Webex).path("/access_token");
    customers.world().inject(down);
    browser.open(&back).await.is_error(503, "could not be done right now");
    customers.world().clear_faults();
    // Webex has not used the code up.
    browser.open(&back).await.is(200, "Overview");
}

#[tokio::test]
async fn rejected_code_signs_no_one_in() {
    let customers = Customers::new().await;
    let mut browser = customers.browser();
    let at_webex = browser.open("/oauth/webex").await.next_url();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let (before, _) = back.split_once("code=").unwrap();
    let state = back.split_once("state=").unwrap().1;
    browser
        .open(&format!("{before}code=guessed&state={state}"))
        .await
        .is_error(400, "did not confirm the sign-in");
    browser.open("/settings").await.is(200, "Sign in with Webex");
}

#[tokio::test]
async fn prerequisites_show_failed_and_unknown_checks() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let all_well = browser.open("/prerequisites").await;
    assert!(!all_well.html.contains("check not-met"), "{}", all_well.html);
    all_well.is(200, "Could not check");
    customers.world().take_role(customers.acme.service_account, ComplianceOfficer);
    let role_lost = browser.open("/prerequisites").await;
    role_lost.is(200, "Another full administrator gives it the role");
    customers.world().give_role(customers.acme.service_account, ComplianceOfficer);
    customers.world().set_group_setting(customers.acme.directory, "EnableGroupCreation", "false");
    customers.world().set_group_setting(
        customers.acme.directory,
        "PrefixSuffixNamingRequirement",
        "GRP_[GroupName]",
    );
    let restricted = browser.open("/prerequisites").await;
    restricted.is(200, "EnableGroupCreation is false");
    restricted.is(200, "Naming policy: GRP_[GroupName]");
    customers.world().withdraw_consent(customers.acme.directory);
    customers.advance(2 * 3600);
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.open("/prerequisites").await.is(200, "no longer gives this application a token");
    let down = Fault::status(500).on(Service::Webex).path("/events").times(9);
    customers.world().inject(down);
    browser.open("/prerequisites").await.is(200, "Webex did not answer as it should");
}

#[tokio::test]
async fn outage_asks_no_one_to_connect_again() {
    let customers = Customers::new().await;
    customers.connected(&customers.acme).await;
    // Both tokens have ended, and are renewed for the page.
    customers.advance(15 * 24 * 3600);
    let mut browser = customers.signed_in(&customers.acme).await;
    for service in [Service::Webex, Service::Entra] {
        let down = Fault::status(503).on(service).path("token").times(u32::MAX);
        customers.world().inject(down);
    }
    let page = browser.open("/prerequisites").await;
    page.is(200, "The account&#39;s sign-in could not be checked");
    page.is(200, "The directory&#39;s consent could not be checked");
    assert!(!page.html.contains("connect it again"), "{}", page.html);
    assert!(!page.html.contains("no longer gives"), "{}", page.html);
}

#[tokio::test]
async fn pages_with_nothing_to_show_yet_lead_to_the_next_step() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let expect = |page: crate::support::Page, status: u16, title: &str, button: &str| {
        page.is(status, title);
        page.is(status, button);
        assert!(!page.html.contains("Error ID"), "nothing went wrong: {}", page.html);
    };
    for path in ["/teams", "/people", "/activity", "/settings", "/held", "/existing"] {
        let page = browser.open(path).await;
        expect(page, 409, "Webex is not connected yet", "href=\"/webex\">Connect Webex");
    }
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "");
    for path in ["/teams", "/people", "/activity", "/settings", "/held", "/existing"] {
        let page = browser.open(path).await;
        let button = "href=\"/oauth/microsoft\">Connect Microsoft 365";
        expect(page, 409, "Microsoft 365 is not connected yet", button);
    }
    let receipt = browser.open("/receipt").await;
    expect(receipt, 404, "There is no receipt", "Go to the overview");
}

#[tokio::test]
async fn empty_lists_say_why_and_lead_on() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    for (path, says, leads_to) in [
        ("/teams", "No team has a group yet", "/existing"),
        ("/teams?title=x", "No team matches", "/teams"),
        ("/held", "No removals wait for your approval", "/settings#removal-limit"),
        ("/people/names", "No account waits", "/people"),
        ("/activity?person=x", "Nothing matches", "/activity"),
    ] {
        let page = browser.open(path).await;
        page.is(200, says);
        page.is(200, &format!("href=\"{leads_to}"));
        assert!(!page.html.contains("No results"), "{path}");
    }
}
