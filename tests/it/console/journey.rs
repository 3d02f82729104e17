//! The way from the prerequisites to a group of a new team.

use engine::tenant::settings::{NewTeams, ServiceAccountMode};
use serde_json::json;
use sim::{Failure, Fault, Service};

use crate::support::{Browser, Customers, MINUTE};

/// Signs in and connects both sides, as the prerequisites lead from step to step.
async fn connect_step_by_step(customers: &Customers) -> Browser {
    let mut browser = customers.browser();
    browser.open("/prerequisites").await.is(200, "Sign in with Webex");
    let acme = customers.acme.clone();
    browser.sign_in(acme.administrator.person).await.is(200, "Overview");
    let prerequisites = browser.open("/prerequisites").await;
    prerequisites.is(200, "Full administrator");
    prerequisites.is(200, "No account is connected yet.");
    prerequisites.is(200, "href=\"/webex\">Next");
    assert_eq!(customers.tenants().await, [], "a sign-in creates no tenant");

    browser
        .connect_webex(acme.service_account, &[])
        .await
        .is(200, "Connected through Compliance Officer");
    let prerequisites = browser.open("/prerequisites").await;
    prerequisites.is(200, "reads the organization");
    prerequisites.is(200, "href=\"/oauth/microsoft\">Next");
    assert_eq!(customers.tenants().await, [], "half connected is no tenant");

    let note = browser.open("/oauth/microsoft").await;
    for permission in ["Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All"] {
        note.is(200, permission);
    }
    let success = browser.connect_microsoft(&acme).await;
    success.is(200, "Acme is connected");
    success.is(200, "Go to settings");
    let tenant = customers.tenant().await;
    assert_eq!(customers.tenants().await, [tenant]);
    assert_eq!(
        customers.settings().await.switched_on_at,
        None,
        "off until an admin switches it on"
    );
    browser
}

#[tokio::test]
async fn prerequisites_to_first_group() {
    let mut customers = Customers::new().await;
    let mut browser = connect_step_by_step(&customers).await;
    let (acme, tenant) = (customers.acme.clone(), customers.tenant().await);
    customers.world().take_calls();
    customers.stack.start_tenant(tenant).await.unwrap();
    let made = |path: &str| {
        let calls = customers.world().calls().into_iter();
        calls
            .filter(|call| call.method == "POST" && call.path == path && call.status == Some(200))
            .count()
    };
    assert_eq!(made("/v1/webhooks"), 7, "from the first moment");
    let prerequisites = browser.open("/prerequisites").await;
    prerequisites.is(200, "7 of 8 people");
    prerequisites.is(200, "Naming policy: none");
    let before = customers.world().create_team(customers.people[0].person, "Before");
    customers.stack.let_pass(2 * MINUTE).await;
    browser.save(&[("enabled", "yes")]).await.is(200, "The settings are saved.");
    assert_eq!(customers.settings().await.new_teams, NewTeams::Ask);

    let creator = customers.people[0].person;
    let team = customers.world().create_team(creator, "Lighthouse");
    customers.stack.let_pass(2 * MINUTE).await;
    let home = browser.open("/").await;
    home.is(200, "Creators who were asked");
    home.is(200, "Lighthouse");
    home.is(200, "Person 00");
    let card = customers.world().cards_to(creator).remove(0);
    let yes = json!({"team": team, "group": "yes"});
    customers.world().submit_card(card.message, creator, yes).unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let groups = customers.world().groups(acme.directory);
    let names: Vec<_> = groups.values().map(|group| group.display_name.as_str()).collect();
    assert_eq!(names, ["Lighthouse"], "and none for the team of before");
    assert_eq!(groups.values().next().unwrap().owners, [customers.people[0].object].into());
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
    assert!(customers.world().team(before).is_some());
    assert!(!browser.open("/").await.html.contains("Creators who were asked"));
}

#[tokio::test]
async fn observer_grants_fewer_scopes() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    let inside = browser.go_to_webex(&[("account_mode", "inside")]).await;
    let outside = browser.go_to_webex(&[("account_mode", "outside")]).await;
    assert!(
        inside.contains("spark%3Ateams_write") && inside.contains("spark-compliance%3Aevents_read")
    );
    assert!(
        !outside.contains("spark%3Ateams_write")
            && outside.contains("spark-compliance%3Aevents_read")
    );
    let back = browser.decide(&outside, customers.acme.service_account, "accept").await;
    browser.open(&back).await.is(200, "Connected through");
    browser.connect_microsoft(&customers.acme).await.is(200, "is connected");
    assert_eq!(customers.settings().await.service_account_mode, ServiceAccountMode::Observer);
    let refused = browser.save(&[("account_mode", "inside")]).await;
    refused.is(422, "Connect it again");
    assert_eq!(customers.settings().await.service_account_mode, ServiceAccountMode::Observer);
}

#[tokio::test]
async fn other_account_needs_an_explicit_replacement() {
    use sandbox::AdminRole::{ComplianceOfficer, ReadOnlyAdmin};
    let customers = Customers::new().await;
    let other =
        customers.add_account_with_roles("Other Account", &[ComplianceOfficer, ReadOnlyAdmin]);
    let mut browser = customers.connected(&customers.acme).await;
    browser
        .connect_webex(other, &[("intent", "connect")])
        .await
        .is_error(403, "Replace the account");
    let connected =
        customers.organization(customers.acme.org).await.unwrap().service_account.unwrap();
    assert_eq!(connected.person, customers.acme.service_account);
    browser
        .connect_webex(other, &[("intent", "replace")])
        .await
        .is(200, "Connected through Other Account");
    let connected =
        customers.organization(customers.acme.org).await.unwrap().service_account.unwrap();
    assert_eq!(connected.person, other);
}

#[tokio::test]
async fn every_code_of_a_missing_consent_is_awaited() {
    for code in [700_016, 7_000_229, 7_000_112, 650_052, 500_011, 90_002] {
        let customers = Customers::new().await;
        let mut browser = customers.signed_in(&customers.acme).await;
        browser.connect_webex(customers.acme.service_account, &[]).await;
        let said = json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS{code}: words."),
            "error_codes": [code],
        });
        let path = format!("/{}/oauth2", customers.acme.directory);
        let refused = Fault::new(Failure::Status(401, vec![], said));
        customers.world().inject(refused.on(Service::Entra).path(&path));
        let administrator = customers.acme.administrator.object;
        browser.consent(administrator).await.is(202, "passing the consent on");
        browser.confirm_connection().await.is(200, "Acme is connected");
    }
}

#[tokio::test]
async fn slow_consent_is_awaited() {
    let customers = Customers::new().await;
    customers
        .world()
        .graph_settings(|settings| settings.consent_lag = std::time::Duration::from_secs(90));
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await;
    let waiting = browser.consent(customers.acme.administrator.object).await;
    waiting.is(202, "passing the consent on");
    assert_eq!(waiting.header("refresh"), "10", "the page refreshes");
    assert_eq!(customers.tenants().await, []);
    customers.advance(60);
    browser.open("/oauth/microsoft/consent").await.is(202, "passing the consent on");
    customers.advance(31);
    browser.open("/oauth/microsoft/consent").await.is(200, "Confirm the connection");
    assert_eq!(customers.tenants().await, [], "nothing before the confirmation");
    browser.confirm_connection().await.is(200, "Acme is connected");
    browser.open("/oauth/microsoft/consent").await.is(200, "Acme is connected");
    assert_eq!(customers.tenants().await.len(), 1);
}

#[tokio::test]
async fn only_account_tokens_are_stored() {
    let customers = Customers::new().await;
    let names = || customers.stack.backend().secrets.names();
    let deployed = names();
    let mut browser = customers.signed_in(&customers.acme).await;
    assert_eq!(names(), deployed);
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    browser.connect_microsoft(&customers.acme).await.is(200, "is connected");
    let mut expected = deployed;
    expected.push(format!("sandbox/tenant/{}", customers.tenant().await));
    expected.sort();
    assert_eq!(names(), expected);
}

#[tokio::test]
async fn responses_have_security_headers_and_no_cache() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let mut pages = vec![];
    for path in [
        "/",
        "/webex",
        "/oauth/microsoft",
        "/prerequisites",
        "/settings",
        "/disconnect",
        "/nowhere",
        "/oauth/webex/callback",
    ] {
        pages.push(browser.open_without_redirects(path).await);
    }
    pages.push(browser.submit("/settings", &[]).await);
    pages.push(customers.browser().open_without_redirects("/").await);
    pages.push(customers.browser().open_without_redirects("/oauth/webex").await);
    for page in &pages {
        let policy = page.header("content-security-policy");
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        assert!(page.header("strict-transport-security").starts_with("max-age=63072000"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store", "{}", page.url);
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(
            !page.html.contains("<script")
                && !page.html.contains("style=")
                && !page.html.contains("<style")
        );
    }
    let style = pages[0]
        .html
        .split_once("rel=\"stylesheet\" href=\"")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let style = browser.open(&style).await;
    style.is(200, ":root");
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    let health = browser.open("/healthz").await;
    assert_eq!((health.status, health.html.as_str()), (200, ""));
}
