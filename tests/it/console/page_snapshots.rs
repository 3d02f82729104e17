//! The wording of every page, as text files in `snapshots`.
//!
//! A difference fails the test. After a wanted change, this writes the files again:
//!
//! ```text
//! INSTA_UPDATE=always cargo test -p tests --test it console::page_snapshots
//! ```

use insta::{Settings, assert_snapshot};
use sim::Fault;

use super::adopt::Scene;
use super::{confirmed_names, external_ids, moved_ids, pending_approvals, restore, team_folders};
use crate::backfill;
use crate::support::{
    Browser, Customers, KEEP, MINUTE, Page, active_groups, page_text, with_linked_teams,
};

/// Ids, numbers and times that differ between runs, and their replacements.
const VOLATILE: [(&str, &str); 8] = [
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<id>"),
    (r"\bY2lzY29zcGFyazovL[0-9A-Za-z_-]+", "<webex-id>"),
    (r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b", "<trace>"),
    (r"\b[0-9a-fA-F]{16,}\b", "<number>"),
    (r"\bROUTER_[0-9A-Za-z_-]+", "<tracking-id>"),
    (r"\bSANDBOX_[0-9a-f-]+", "<tracking-id>"),
    (r"\b\d{4}-\d{2}-\d{2}\b", "<date>"),
    (r"\b\d{2}:\d{2}(:\d{2})?\b", "<time>"),
];

/// Compares a page with its snapshot.
fn assert_page(name: &str, page: &Page) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots");
    for (pattern, replacement) in VOLATILE {
        settings.add_filter(pattern, replacement);
    }
    let text = format!("{}\n{}", page.status, page_text(&page.html));
    settings.bind(|| assert_snapshot!(name, text));
}

/// Opens pages by path, and compares each with its snapshot.
async fn assert_pages(browser: &mut Browser, pages: &[(&str, &str)]) {
    for (name, path) in pages {
        let page = browser.open(path).await;
        assert_page(name, &page);
    }
}

#[tokio::test]
async fn pages_of_connecting() {
    let customers = Customers::new().await;
    let acme = customers.acme.clone();
    let mut browser = customers.browser();
    assert_pages(&mut browser, &[("signed_out", "/")]).await;
    browser.sign_in(acme.administrator.person).await;
    assert_pages(
        &mut browser,
        &[
            ("home_not_connected", "/"),
            ("prerequisites_not_connected", "/prerequisites"),
            ("webex", "/webex"),
            ("microsoft", "/oauth/microsoft"),
        ],
    )
    .await;
    let page = browser.connect_webex(acme.service_account, &[]).await;
    assert_page("webex_connected", &page);
    let page = browser.consent(acme.administrator.object).await;
    assert_page("confirm_connection", &page);
    let page = browser.confirm_connection().await;
    assert_page("microsoft_connected", &page);
    assert_pages(
        &mut browser,
        &[
            ("home_switched_off", "/"),
            ("settings", "/settings"),
            ("people_not_counted", "/people"),
            ("sessions", "/sessions"),
        ],
    )
    .await;
}

#[tokio::test]
async fn pages_of_a_running_tenant() {
    let (mut customers, _, team, group) = pending_approvals::after_mass_removal().await;
    let world = customers.world();
    let stranger = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
    world.add_to_team(team, stranger, sim::MembershipRole::Member).unwrap();
    world.add_member(group, world.add_guest(&customers.acme, "Guest Gerda"));
    let tenant = customers.tenant().await;
    customers.stack.scan_people(tenant).await.unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let mut browser = customers.signed_in(&customers.acme).await;
    assert_pages(
        &mut browser,
        &[
            ("home", "/"),
            ("prerequisites", "/prerequisites"),
            ("teams", "/teams"),
            ("team", &format!("/teams/{team}")),
            ("pending_approvals", "/held"),
            ("people", "/people"),
            ("activity", "/activity"),
            ("folders_without_consent", "/folders"),
            ("disconnect", "/disconnect"),
        ],
    )
    .await;
}

#[tokio::test]
async fn pages_of_preview_mode() {
    let (mut customers, mut browser, _, teams) = with_linked_teams(2).await;
    browser.save(&[("running", "preview")]).await;
    let group = active_groups(&customers)[0];
    let world = customers.world();
    world.add_member(group, customers.people[5].object);
    world.create_team(customers.people[4].person, "Not yet there");
    customers.stack.let_pass(5 * MINUTE).await;
    let changed = teams.iter().find(|team| {
        let title = customers.world().team(**team).unwrap().title;
        customers.world().group(group).unwrap().display_name == title
    });
    let team = format!("/teams/{}", changed.unwrap());
    assert_pages(
        &mut browser,
        &[("home_preview", "/"), ("preview", "/preview"), ("team_preview", &team)],
    )
    .await;
}

#[tokio::test]
async fn pages_of_a_suspended_tenant() {
    let (mut customers, ..) = with_linked_teams(1).await;
    customers.world().withdraw_consent(customers.acme.directory);
    customers.stack.let_pass(100 * MINUTE).await;
    let mut browser = customers.signed_in(&customers.acme).await;
    assert_pages(&mut browser, &[("home_suspended", "/")]).await;
}

#[tokio::test]
async fn pages_of_backfill() {
    let (mut customers, mut browser, _, teams) = backfill::after_search(3).await;
    assert_pages(&mut browser, &[("backfill_found", "/existing")]).await;
    let chosen = backfill::choose(&mut browser, &teams[..2]).await;
    assert_page("backfill_chosen", &chosen);
    let created = backfill::create(&mut browser, &chosen).await;
    assert_page("backfill_started", &created);
    customers.stack.let_pass(10 * MINUTE).await;
    assert_pages(&mut browser, &[("backfill_done", "/selection")]).await;
}

#[tokio::test]
async fn pages_of_adoption() {
    let mut scene = Scene::new().await;
    let path = format!("/teams/{}/adopt", scene.team);
    let (found, union) = (scene.search_path("gard"), scene.union_path());
    assert_pages(
        &mut scene.browser,
        &[("adopt_search", &path), ("adopt_found", &found), ("adopt_union", &union)],
    )
    .await;
    let owner = scene.person(2).object;
    let page = scene.browser.sign_in_fresh(&union, owner).await;
    assert_page("adopt_confirmation", &page);
    let page = scene.adopt().await;
    assert_page("adopt_done", &page);
}

#[tokio::test]
async fn pages_of_people() {
    let (customers, mut browser, people) =
        external_ids::with_unlinked_accounts(&["Zoe Zander"]).await;
    let path = "/people?why=not-synchronized";
    assert_pages(&mut browser, &[("people_unlinked", path)]).await;
    let page = external_ids::open_fix_page(&mut browser, &people).await;
    assert_page("external_id_offered", &page);
    let page = external_ids::fix(&customers, &mut browser, &page).await;
    assert_page("external_id_written", &page);

    let (customers, mut browser, _, path) = moved_ids::with_moved_id().await;
    assert_pages(&mut browser, &[("moved_id", &path)]).await;
    let admin = customers.acme.administrator.object;
    let page = browser.sign_in_fresh(&path, admin).await;
    assert_page("moved_id_signed_in", &page);

    let (_customers, mut browser, people) =
        confirmed_names::with_differing_names(&["Zoe Zander", "Yves Yule"]).await;
    let page = browser.open("/people/names").await;
    let zoe = people[0].person.to_string();
    let mut pairs = confirmed_names::offered(&page);
    pairs.retain(|pair| pair.ends_with(&zoe));
    let page = confirmed_names::confirm_pairs(&mut browser, &page, &pairs).await;
    assert_page("names_confirmed", &page);
    assert_pages(&mut browser, &[("person_confirmed", &format!("/people/{zoe}"))]).await;
}

#[tokio::test]
async fn pages_of_folders() {
    let (_customers, mut browser, _, team) = team_folders::with_folders().await;
    let team = format!("/teams/{team}");
    assert_pages(&mut browser, &[("team_with_folders", &team), ("folders", "/folders")]).await;
}

#[tokio::test]
async fn pages_of_restoring() {
    let (_customers, mut browser, team, _) = restore::after_wrong_removal().await;
    let page = browser.open(&restore::team_path(team)).await;
    let entry = restore::newest_entry(&page);
    let page = browser.open(&entry).await;
    assert_page("activity_entry", &page);
    let page = restore::undo(&mut browser, &entry, restore::BOTH_SIDES).await;
    assert_page("activity_entry_restored", &page);
}

#[tokio::test]
async fn pages_of_disconnecting() {
    let (mut customers, mut browser, ..) = with_linked_teams(1).await;
    let csrf = browser.open("/disconnect").await.csrf();
    let form = [&KEEP[..], &[("csrf", csrf.as_str())]].concat();
    let page = browser.submit_without_proof("/disconnect", &form).await;
    assert_page("sign_in_again", &page);
    let account = customers.acme.administrator.person;
    let back = browser.decide(&page.next_url(), account, "accept").await;
    let page = browser.open(&back).await;
    assert_page("signed_in_again", &page);
    let page = browser.submit("/disconnect", &form).await;
    assert_page("disconnected", &page);
    customers.stack.let_pass(2 * MINUTE).await;
    assert_pages(&mut browser, &[("receipt", "/receipt"), ("home_disconnected", "/")]).await;
}

#[tokio::test]
async fn pages_of_errors() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    assert_pages(&mut browser, &[("error_not_found", "/nowhere")]).await;
    let page = browser.submit("/settings", &[("switch", "off")]).await;
    assert_page("error_expired_form", &page);
    let page = browser.submit("/activity.csv", &[]).await;
    assert_page("error_wrong_method", &page);
    let page = browser.save(&[("link_people", "many")]).await;
    assert_page("error_invalid_setting", &page);
    let mut stranger = customers.browser();
    let page = stranger.open("/oauth/webex/callback?code=x&state=x").await;
    assert_page("error_used_redirect", &page);
    customers
        .world()
        .inject(Fault::status(503).on(sim::Service::Webex).path("/people").times(u32::MAX));
    let at_webex = stranger.open("/oauth/webex").await.next_url();
    let admin = customers.acme.administrator.person;
    let back = stranger.decide(&at_webex, admin, "accept").await;
    let page = stranger.open(&back).await;
    assert_page("error_unreachable_service", &page);
}
