//! Folders have a permission of their own: asked for by itself, proven like the first, and lost without harm to people and names.

use std::time::Duration;

use engine::credentials::registration::Registration as App;
use engine::tenant::settings::{Folders, OfficerStanding};
use sandbox::{DirectoryRole, Registration};
use store::secrets::Secrets;

use crate::setup_browser::{Browser, Customers};
use crate::setup_leaving::{KEEP, with_teams};
use crate::town::MINUTE;

const NOT_YET: &str = "They need a consent of the directory of their own.";

async fn connected() -> (Customers, Browser) {
    let customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    (customers, browser)
}

async fn nothing_is_granted(customers: &Customers) {
    assert_eq!(customers.files().await, None);
    assert_eq!(customers.settings().await.folders, Folders::No);
}

#[tokio::test]
async fn an_administrator_reads_what_is_asked_for_consents_and_switches_folders_on() {
    let (customers, mut browser) = connected().await;
    let acme = &customers.acme;
    browser.open("/").await.is(200, NOT_YET);
    let open = browser.open("/prerequisites").await;
    open.is(200, "In Control Hub, under Messaging, Content management");
    open.is(200, NOT_YET);
    let page = browser.open("/folders").await;
    page.is(200, "<h1>Folders of spaces</h1>");
    page.is(200, "<code>Files.ReadWrite.All</code>");
    page.is(200, "Read, change and delete every file of the directory");
    page.is(200, "people and names do not depend on it");
    // Too early: the form says what is missing, and nothing else is lost of it.
    let early = browser.save(&[("folders", "each-space"), ("link_people", "9")]).await;
    early.is(422, "has not consented to files yet");
    early.is(422, "value=\"9\"");
    nothing_is_granted(&customers).await;

    let done = browser.authorize_files(acme).await;
    done.is(200, "The consent is in force");
    done.is(200, "Folders are switched off");
    let consented = customers.world().consented(Registration::Files, acme.directory).unwrap();
    assert_eq!(consented.into_iter().collect::<Vec<_>>(), ["Files.ReadWrite.All"]);
    let kept = customers.files().await.unwrap();
    assert_eq!((kept.by, kept.by_name.as_str()), (acme.administrator.object, "full.administrator@acme.example"));
    assert_eq!(kept.lost, None);
    done.is(200, &kept.by_name);

    browser.save(&[("folders", "each-space")]).await.is(200, "The settings are saved.");
    assert_eq!(customers.settings().await.folders, Folders::EachSpace);
    browser.open("/").await.is(200, "Each space of a linked team gets one");
    browser.open("/prerequisites").await.is(200, "Acme lets this application at files.");
    // It can be done again, where somebody is in doubt.
    browser.authorize_files(acme).await.is(200, "Spaces get folders");
}

#[tokio::test]
async fn outside_the_page_says_that_folders_need_the_account_inside_and_leads_to_where_that_is_changed() {
    let (customers, mut browser) = connected().await;
    browser.save(&[("standing", "outside")]).await.is(200, "saved");
    let page = browser.open("/folders").await;
    page.is(200, "They need the connected account inside the teams");
    page.is(200, "href=\"/settings#standing\"");
    assert!(!page.html.contains("action=\"/folders\""), "nothing is asked for that would be of no use");
    browser.open("/").await.is(200, "They need the connected account inside the teams");
    browser.submit_on("/settings", "/folders", &[]).await.fails(409, "Somebody else was faster");
    browser.save(&[("standing", "inside")]).await.is(200, "saved");
    browser.authorize_files(&customers.acme).await.is(200, "The consent is in force");
    let both = [("standing", "outside"), ("folders", "each-space")];
    browser.save(&both).await.is(422, "Folders need the account inside the teams");
    browser.save(&[("folders", "each-space")]).await.is(200, "saved");
    browser.save(&[("standing", "outside")]).await.is(422, "Folders need the account inside the teams");
    assert_eq!(customers.settings().await.standing, OfficerStanding::Inside);
}

#[tokio::test]
async fn before_both_sides_are_connected_nothing_is_asked_for() {
    let customers = Customers::new().await;
    let mut browser = customers.signed_in(&customers.acme).await;
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected");
    browser.open("/").await.is(200, "Both sides have to be connected first");
    let page = browser.open("/folders").await;
    page.is(200, "Both sides have to be connected first");
    assert!(!page.html.contains("action=\"/folders\""));
    browser.submit_on("/webex", "/folders", &[]).await.fails(409, "Somebody else was faster");
}

#[tokio::test]
async fn whoever_declines_is_led_back_to_what_is_asked_for_and_nothing_is_kept() {
    let (customers, mut browser) = connected().await;
    let own = customers.acme.administrator.object;
    let at_microsoft = browser.submit_on("/folders", "/folders", &[]).await.onwards();
    let back = browser.decide(&at_microsoft, customers.people[0].object, "decline").await;
    let declined = browser.open(&back).await;
    declined.fails(403, "may not connect the directory");
    let at_consent = browser.go_to_consent_to_files(own).await.onwards();
    let back = browser.decide(&at_consent, own, "decline").await;
    assert!(back.contains("admin_consent=True"), "the error alone tells");
    let declined = browser.open(&back).await;
    declined.fails(403, "You declined at Microsoft");
    declined.is(403, "href=\"/folders\"");
    nothing_is_granted(&customers).await;
    assert_eq!(customers.world().consented(Registration::Files, customers.acme.directory), None);
}

#[tokio::test]
async fn neither_somebody_of_another_directory_nor_an_employee_consents() {
    let (customers, mut browser) = connected().await;
    let other = browser.go_to_consent_to_files(customers.globex.administrator.object).await;
    other.fails(403, "That is another directory");
    other.is(403, "href=\"/folders\"");
    let employee = customers.people[0].object;
    browser.go_to_consent_to_files(employee).await.fails(403, "may not connect the directory");
    customers.world().give_directory_role(employee, DirectoryRole::UserAdministrator);
    browser.go_to_consent_to_files(employee).await.fails(403, "may not connect the directory");
    customers.world().give_directory_role(employee, DirectoryRole::PrivilegedRoleAdministrator);
    browser.go_to_consent_to_files(employee).await.onwards();
    nothing_is_granted(&customers).await;
}

#[tokio::test]
async fn another_directory_is_not_taken_for_the_connected_one_by_swapping_the_tenant_of_the_way_back() {
    let (customers, mut browser) = connected().await;
    let world = customers.world();
    world.consent_to(Registration::Files, customers.globex.directory, &["Files.ReadWrite.All"]);
    let own = customers.acme.administrator.object;
    let at_consent = browser.go_to_consent_to_files(own).await.onwards();
    let back = browser.decide(&at_consent, own, "accept").await;
    let (acme, globex) = (customers.acme.directory.to_string(), customers.globex.directory.to_string());
    assert!(back.contains(&format!("tenant={acme}")));
    browser.open(&back.replace(&acme, &globex)).await.fails(400, "The consent is for another directory");
    // The way has been used.
    browser.open(&back).await.fails(400, "cannot be used any more");
    nothing_is_granted(&customers).await;
}

#[tokio::test]
async fn a_consent_to_one_app_is_no_consent_to_the_other() {
    let (customers, mut browser) = connected().await;
    let own = customers.acme.administrator.object;
    let to_files = browser.go_to_consent_to_files(own).await.onwards();
    // In another tab the same administrator goes to the first consent again.
    let to_groups = browser.sign_in_at_microsoft(own).await.onwards();
    let back = browser.decide(&to_files, own, "decline").await;
    let refused = back.split('&').filter(|part| !part.contains("error")).collect::<Vec<_>>().join("&");
    let forged = format!("{refused}&tenant={}", customers.acme.directory);
    browser.open(&forged).await.fails(400, "The consent is for another directory");
    let back = browser.decide(&to_groups, own, "accept").await;
    browser.open(&back).await.is(200, "Acme is connected");
    nothing_is_granted(&customers).await;
    // A page that was never left for a consent proves nothing, whatever the directory had granted before.
    customers.world().consent_to(Registration::Files, customers.acme.directory, &["Files.ReadWrite.All"]);
    browser.go_to_consent_to_files(own).await.onwards();
    browser.open("/oauth/microsoft/consent").await.is(200, "Acme is connected");
    nothing_is_granted(&customers).await;
}

#[tokio::test]
async fn the_form_of_another_page_or_site_sends_nobody_to_the_consent() {
    let (customers, mut browser) = connected().await;
    browser.submit("/folders", &[("csrf", "guessed")]).await.fails(403, "The form has expired");
    browser.submit("/folders", &[]).await.fails(403, "The form has expired");
    customers.browser().submit("/folders", &[]).await.is(200, "Your session has ended");
}

#[tokio::test]
async fn a_consent_that_takes_a_while_is_waited_for_and_one_that_lacks_its_role_is_refused_with_its_name() {
    let (customers, mut browser) = connected().await;
    let world = customers.world();
    world.graph_settings(|settings| settings.consent_lag = Duration::from_secs(90));
    let waiting = browser.authorize_files(&customers.acme).await;
    waiting.is(202, "passing the consent on");
    waiting.is(202, "<code>Files.ReadWrite.All</code>");
    assert_eq!(waiting.header("refresh"), "10", "it looks again by itself");
    nothing_is_granted(&customers).await;
    customers.advance(91);
    browser.open("/oauth/microsoft/consent").await.is(200, "The consent is in force");
    assert!(customers.files().await.is_some());

    let (customers, mut browser) = connected().await;
    customers.world().set_permissions(Registration::Files, &["Files.Read.All"]);
    browser.authorize_files(&customers.acme).await.is(202, "<code>Files.ReadWrite.All</code>");
    customers.advance(601);
    let refused = browser.open("/oauth/microsoft/consent").await;
    refused.fails(403, "Permissions are missing");
    refused.is(403, "Missing: Files.ReadWrite.All.");
    refused.is(403, "href=\"/folders\"");
    nothing_is_granted(&customers).await;
}

#[tokio::test]
async fn a_deployment_without_the_app_for_files_has_no_folders_to_offer_and_all_else() {
    let customers = Customers::new().await;
    customers.house.ground().secrets.delete(&format!("sandbox/{}", App::Files.secret())).await.unwrap();
    let mut browser = customers.connected(&customers.acme).await;
    let overview = browser.open("/").await;
    assert!(!overview.html.contains("/folders"), "{}", overview.html);
    assert!(!browser.open("/prerequisites").await.html.contains("Folders of spaces"));
    let page = browser.open("/folders").await;
    page.is(200, "has not set it up for folders");
    assert!(!page.html.contains("action=\"/folders\""));
    browser.submit_on("/webex", "/folders", &[]).await.fails(409, "Somebody else was faster");
    let settings = browser.open("/settings").await;
    assert!(!settings.html.contains("each-space"), "{}", settings.html);
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    nothing_is_granted(&customers).await;
}

#[tokio::test]
async fn leaving_forgets_the_consent_and_says_how_both_applications_are_removed() {
    let (mut customers, mut browser, _, _) = with_teams(1).await;
    browser.authorize_files(&customers.acme).await.is(200, "in force");
    browser.save(&[("folders", "each-space")]).await.is(200, "saved");
    browser.open("/disconnect").await.is(200, "there are two of them");
    browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "<h1>Disconnected</h1>");
    customers.house.let_pass(2 * MINUTE).await;
    let receipt = browser.open("/receipt").await;
    receipt.is(200, "delete this application in the Entra admin center");
    receipt.is(200, "There are two of them");
    let by = customers.acme.administrator.object.to_string();
    let stored = customers.items().into_iter().filter(|(key, _)| key.starts_with("TENANT#"));
    for (key, item) in stored.filter(|(key, _)| !key.contains("PERSON")) {
        assert!(!format!("{item:?}").contains("\"files\": M") && !format!("{item:?}").contains(&by), "{key}: {item:?}");
    }
    // Whoever comes back within thirty days has his settings, and consents anew.
    browser.connect_webex(customers.acme.officer, &[]).await.is(200, "Connected");
    browser.connect_microsoft(&customers.acme).await.is(200, "is connected");
    assert_eq!((customers.files().await, customers.settings().await.folders), (None, Folders::EachSpace));
    browser.open("/").await.is(200, NOT_YET);
    browser.save(&[("link_people", "9")]).await.is(200, "saved");
    browser.authorize_files(&customers.acme).await.is(200, "Spaces get folders");
}
