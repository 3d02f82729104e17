//! The consent to files: requested separately, verified, and lost without harm to people and names.

use std::time::Duration;

use engine::credentials::registration::Registration as App;
use engine::tenant::settings::{Folders, ServiceAccountMode};
use sim::{AppRegistration, DirectoryRole};
use store::secrets::Secrets;

use crate::support::{Browser, Customers, KEEP, MINUTE, with_linked_teams};

const NEEDS_CONSENT: &str = "Folders need a separate admin consent.";

async fn connected() -> (Customers, Browser) {
    let customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    (customers, browser)
}

async fn assert_nothing_granted(customers: &Customers) {
    assert_eq!(customers.files().await, None);
    assert_eq!(customers.settings().await.folders, Folders::No);
}

#[tokio::test]
async fn admin_consents_and_switches_folders_on() {
    let (customers, mut browser) = connected().await;
    let acme = &customers.acme;
    browser.open("/").await.is(200, NEEDS_CONSENT);
    let open = browser.open("/prerequisites").await;
    open.is(200, "In Control Hub, under Messaging, Content management");
    open.is(200, NEEDS_CONSENT);
    let page = browser.open("/folders").await;
    page.is(200, "<h1>Folders of spaces</h1>");
    page.is(200, "<code>Files.ReadWrite.All</code>");
    page.is(200, "Read, change and delete every file of the directory");
    page.is(200, "syncing people and names works without it");
    // Too early: the form names what is missing, and keeps the other input.
    let early = browser.save(&[("folders", "each-space"), ("link_people", "9")]).await;
    early.is(422, "has not consented to files yet");
    early.is(422, "value=\"9\"");
    assert_nothing_granted(&customers).await;

    let done = browser.authorize_files(acme).await;
    done.is(200, "Connected.");
    done.is(200, "Folders are switched off");
    let consented = customers.world().consented(AppRegistration::Files, acme.directory).unwrap();
    assert_eq!(consented.into_iter().collect::<Vec<_>>(), ["Files.ReadWrite.All"]);
    let stored = customers.files().await.unwrap();
    assert_eq!(
        (stored.by, stored.by_name.as_str()),
        (acme.administrator.object, "full.administrator@acme.example")
    );
    assert_eq!(stored.lost, None);
    done.is(200, &stored.by_name);

    browser.save(&[("folders", "each-space")]).await.is(200, "The settings are saved.");
    assert_eq!(customers.settings().await.folders, Folders::EachSpace);
    browser.open("/").await.is(200, "Each space of a linked team gets one");
    browser.open("/prerequisites").await.is(200, "Acme lets this application access files.");
    // The consent can be repeated.
    browser.authorize_files(acme).await.is(200, "Spaces get folders");
}

#[tokio::test]
async fn observer_page_links_to_the_setting() {
    let (customers, mut browser) = connected().await;
    browser.save(&[("account_mode", "outside")]).await.is(200, "saved");
    let page = browser.open("/folders").await;
    page.is(200, "They need the connected account inside the teams");
    page.is(200, "href=\"/settings#account_mode\"");
    assert!(
        !page.html.contains("action=\"/folders\""),
        "nothing is asked for that would be of no use"
    );
    browser.open("/").await.is(200, "They need the connected account inside the teams");
    browser
        .submit_on("/settings", "/folders", &[])
        .await
        .is_error(409, "This page was out of date");
    browser.save(&[("account_mode", "inside")]).await.is(200, "saved");
    browser.authorize_files(&customers.acme).await.is(200, "Connected.");
    let both = [("account_mode", "outside"), ("folders", "each-space")];
    browser.save(&both).await.is(422, "Folders need the account inside the teams");
    browser.save(&[("folders", "each-space")]).await.is(200, "saved");
    browser
        .save(&[("account_mode", "outside")])
        .await
        .is(422, "Folders need the account inside the teams");
    assert_eq!(customers.settings().await.service_account_mode, ServiceAccountMode::Member);
}

#[tokio::test]
async fn no_consent_before_both_sides_are_connected() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    browser.open("/").await.is(200, "Both sides have to be connected first");
    let page = browser.open("/folders").await;
    page.is(200, "Both sides have to be connected first");
    assert!(!page.html.contains("action=\"/folders\""));
    browser.submit_on("/webex", "/folders", &[]).await.is_error(409, "This page was out of date");
}

#[tokio::test]
async fn declined_files_consent_stores_nothing() {
    let (customers, mut browser) = connected().await;
    let own = customers.acme.administrator.object;
    let at_microsoft = browser.submit_on("/folders", "/folders", &[]).await.next_url();
    let back = browser.decide(&at_microsoft, customers.people[0].object, "decline").await;
    let declined = browser.open(&back).await;
    declined.is_error(403, "may not connect the directory");
    let at_consent = browser.go_to_files_consent(own).await.next_url();
    let back = browser.decide(&at_consent, own, "decline").await;
    assert!(back.contains("admin_consent=True"), "the error alone tells");
    let declined = browser.open(&back).await;
    declined.is_error(403, "You declined at Microsoft");
    declined.is(403, "href=\"/folders\"");
    assert_nothing_granted(&customers).await;
    assert_eq!(customers.world().consented(AppRegistration::Files, customers.acme.directory), None);
}

#[tokio::test]
async fn only_admins_of_the_directory_consent() {
    let (customers, mut browser) = connected().await;
    let other = browser.go_to_files_consent(customers.globex.administrator.object).await;
    other.is_error(403, "That is another directory");
    other.is(403, "href=\"/folders\"");
    let employee = customers.people[0].object;
    browser.go_to_files_consent(employee).await.is_error(403, "may not connect the directory");
    customers.world().give_directory_role(employee, DirectoryRole::UserAdministrator);
    browser.go_to_files_consent(employee).await.is_error(403, "may not connect the directory");
    customers.world().give_directory_role(employee, DirectoryRole::PrivilegedRoleAdministrator);
    browser.go_to_files_consent(employee).await.next_url();
    assert_nothing_granted(&customers).await;
}

#[tokio::test]
async fn swapped_tenant_grants_no_files_consent() {
    let (customers, mut browser) = connected().await;
    let world = customers.world();
    world.consent_to(AppRegistration::Files, customers.globex.directory, &["Files.ReadWrite.All"]);
    let own = customers.acme.administrator.object;
    let at_consent = browser.go_to_files_consent(own).await.next_url();
    let back = browser.decide(&at_consent, own, "accept").await;
    let (acme, globex) =
        (customers.acme.directory.to_string(), customers.globex.directory.to_string());
    assert!(back.contains(&format!("tenant={acme}")));
    browser
        .open(&back.replace(&acme, &globex))
        .await
        .is_error(400, "The consent is for another directory");
    // The redirect was used already.
    browser.open(&back).await.is_error(400, "can no longer be used");
    assert_nothing_granted(&customers).await;
}

#[tokio::test]
async fn consent_counts_for_one_app_only() {
    let (customers, mut browser) = connected().await;
    let own = customers.acme.administrator.object;
    let to_files = browser.go_to_files_consent(own).await.next_url();
    // In another tab, the same admin starts the first consent again.
    let to_groups = browser.sign_in_at_microsoft(own).await.next_url();
    let back = browser.decide(&to_files, own, "decline").await;
    let refused =
        back.split('&').filter(|part| !part.contains("error")).collect::<Vec<_>>().join("&");
    let forged = format!("{refused}&tenant={}", customers.acme.directory);
    browser.open(&forged).await.is_error(400, "The consent is for another directory");
    let back = browser.decide(&to_groups, own, "accept").await;
    browser.open(&back).await.is(200, "Acme is connected");
    assert_nothing_granted(&customers).await;
    // A consent page that the browser never visited proves nothing, whatever the directory granted
    // before.
    customers.world().consent_to(
        AppRegistration::Files,
        customers.acme.directory,
        &["Files.ReadWrite.All"],
    );
    browser.go_to_files_consent(own).await.next_url();
    browser.open("/oauth/microsoft/consent").await.is(200, "Acme is connected");
    assert_nothing_granted(&customers).await;
}

#[tokio::test]
async fn foreign_form_starts_no_consent() {
    let (customers, mut browser) = connected().await;
    browser.submit("/folders", &[("csrf", "guessed")]).await.is_error(403, "The form has expired");
    browser.submit("/folders", &[]).await.is_error(403, "The form has expired");
    customers.browser().submit("/folders", &[]).await.is(200, "Your session has ended");
}

#[tokio::test]
async fn slow_files_consent_is_awaited() {
    let (customers, mut browser) = connected().await;
    let world = customers.world();
    world.graph_settings(|settings| settings.consent_lag = Duration::from_secs(90));
    let waiting = browser.authorize_files(&customers.acme).await;
    waiting.is(202, "passing the consent on");
    waiting.is(202, "<code>Files.ReadWrite.All</code>");
    assert_eq!(waiting.header("refresh"), "10", "the page refreshes");
    assert_nothing_granted(&customers).await;
    customers.advance(91);
    browser.open("/oauth/microsoft/consent").await.is(200, "Connected.");
    assert!(customers.files().await.is_some());

    let (customers, mut browser) = connected().await;
    customers.world().set_permissions(AppRegistration::Files, &["Files.Read.All"]);
    browser.authorize_files(&customers.acme).await.is(202, "<code>Files.ReadWrite.All</code>");
    customers.advance(601);
    let refused = browser.open("/oauth/microsoft/consent").await;
    refused.is_error(403, "Permissions are missing");
    refused.is(403, "Missing: Files.ReadWrite.All.");
    refused.is(403, "href=\"/folders\"");
    assert_nothing_granted(&customers).await;
}

#[tokio::test]
async fn deployment_without_files_app_offers_no_folders() {
    let customers = Customers::new().await;
    customers
        .stack
        .backend()
        .secrets
        .delete(&format!("sandbox/{}", App::Files.secret()))
        .await
        .unwrap();
    let mut browser = customers.connected(&customers.acme).await;
    let overview = browser.open("/").await;
    assert!(!overview.html.contains("/folders"), "{}", overview.html);
    assert!(!browser.open("/prerequisites").await.html.contains("Folders of spaces"));
    let page = browser.open("/folders").await;
    page.is(200, "has not set it up for folders");
    assert!(!page.html.contains("action=\"/folders\""));
    browser.submit_on("/webex", "/folders", &[]).await.is_error(409, "This page was out of date");
    let settings = browser.open("/settings").await;
    assert!(!settings.html.contains("each-space"), "{}", settings.html);
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    assert_nothing_granted(&customers).await;
}

#[tokio::test]
async fn offboarding_deletes_the_files_consent() {
    let (mut customers, mut browser, _, _) = with_linked_teams(1).await;
    browser.authorize_files(&customers.acme).await.is(200, "in force");
    browser.save(&[("folders", "each-space")]).await.is(200, "saved");
    browser.open("/disconnect").await.is(200, "there are two applications");
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.stack.let_pass(2 * MINUTE).await;
    let receipt = browser.open("/receipt").await;
    receipt.is(200, "delete this application in the Entra admin center");
    receipt.is(200, "There are two of them");
    let by = customers.acme.administrator.object.to_string();
    let stored = customers.items().into_iter().filter(|(key, _)| key.starts_with("TENANT#"));
    // The record says who consented, and the alert about it ends within a day.
    let own =
        |key: &str| ["PERSON", "#RECORD/", "#ALERT/decided#"].iter().all(|of| !key.contains(of));
    for (key, item) in stored.filter(|(key, _)| own(key)) {
        assert!(
            !format!("{item:?}").contains("\"files\": M") && !format!("{item:?}").contains(&by),
            "{key}: {item:?}"
        );
    }
    // Settings survive a return within thirty days; the consent must be given again.
    browser.connect_webex(customers.acme.service_account, &[]).await.is(200, "Connected");
    browser.connect_microsoft(&customers.acme).await.is(200, "is connected");
    assert_eq!(
        (customers.files().await, customers.settings().await.folders),
        (None, Folders::EachSpace)
    );
    browser.open("/").await.is(200, NEEDS_CONSENT);
    browser.save(&[("link_people", "9")]).await.is(200, "saved");
    browser.authorize_files(&customers.acme).await.is(200, "Spaces get folders");
}
