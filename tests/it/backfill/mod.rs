//! Backfill: groups for teams that are older than the integration.

mod creating;
mod finding;

use std::collections::BTreeMap;

use domain::ids::{TeamId, TenantId};
use engine::backfill::candidate::{self, Candidate};
use engine::backfill::run::{self, BackfillRun, ChosenState};
use engine::backfill::search::{self, Search};
use engine::phrases::backfill::failure;
use sim::MembershipRole;

use crate::support::{Browser, Customers, MINUTE, Page, active_groups};

/// Returns a customer with `count` teams of two, older than the switch-on, and one space without a
/// team.
async fn with_existing_teams(count: usize) -> (Customers, Browser, TenantId, Vec<TeamId>) {
    let mut customers = Customers::new().await;
    let teams: Vec<TeamId> =
        (0..count).map(|n| older_team(&customers, &format!("Old {n:02}"), n % 5)).collect();
    customers.world().create_room(customers.people[0].person, "A space of no team", None);
    // Their events are too old to be read.
    customers.advance(3600);
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "selected")]).await.is(200, "saved");
    customers.stack.let_pass(3 * MINUTE).await;
    (customers, browser, tenant, teams)
}

/// Creates a team of two, moderated by the first.
fn older_team(customers: &Customers, title: &str, first: usize) -> TeamId {
    let team = customers.world().create_team(customers.people[first].person, title);
    customers
        .world()
        .add_to_team(team, customers.people[first + 1].person, MembershipRole::Member)
        .unwrap();
    team
}

pub(crate) async fn after_search(count: usize) -> (Customers, Browser, TenantId, Vec<TeamId>) {
    let (mut customers, mut browser, tenant, teams) = with_existing_teams(count).await;
    start_search(&mut browser).await.is(200, "Searching since");
    customers.stack.let_pass(4 * MINUTE).await;
    (customers, browser, tenant, teams)
}

async fn start_search(browser: &mut Browser) -> Page {
    submit(browser, "/existing", &[("action", "find")]).await
}

async fn submit(browser: &mut Browser, page: &str, form: &[(&str, &str)]) -> Page {
    browser.submit_on(page, page, form).await
}

pub(crate) async fn choose(browser: &mut Browser, teams: &[TeamId]) -> Page {
    let teams: Vec<String> = teams.iter().map(TeamId::to_string).collect();
    let mut form: Vec<_> = teams.iter().map(|team| ("team", team.as_str())).collect();
    form.push(("action", "choose"));
    submit(browser, "/existing", &form).await
}

pub(crate) async fn create(browser: &mut Browser, shown: &Page) -> Page {
    submit(browser, "/selection", &[("action", "create"), ("hash", &shown.field("hash"))]).await
}

async fn load_search(customers: &Customers, tenant: TenantId) -> Search {
    search::load(customers.stack.backend().store.as_ref(), tenant).await.unwrap().unwrap()
}

async fn load_run(customers: &Customers, tenant: TenantId) -> BackfillRun {
    run::load(customers.stack.backend().store.as_ref(), tenant).await.unwrap()
}

async fn candidates(customers: &Customers, tenant: TenantId) -> BTreeMap<String, Candidate> {
    let (found, _) =
        candidate::page(customers.stack.backend().store.as_ref(), tenant, "", 1000, None)
            .await
            .unwrap();
    found.into_iter().map(|(found, _)| (found.title.clone(), found)).collect()
}

async fn failed_teams(customers: &Customers, tenant: TenantId) -> Vec<(TeamId, String)> {
    let run = load_run(customers, tenant).await;
    let store = customers.stack.backend().store.as_ref();
    let (failed, _) = run::page(store, tenant, &run, ChosenState::Failed, 100, None).await.unwrap();
    failed
        .into_iter()
        .map(|one| (one.team, one.why.as_ref().map(failure).unwrap_or_default()))
        .collect()
}

/// Asserts that exactly these teams have a group, with the same people and roles.
fn assert_have_groups(customers: &Customers, teams: &[TeamId]) {
    let groups: Vec<_> = active_groups(customers)
        .into_iter()
        .map(|id| customers.world().group(id).unwrap())
        .collect();
    assert_eq!(groups.len(), teams.len(), "a group each");
    for team in teams {
        let there = customers.world().team(*team).unwrap();
        let of = |is_owner: bool| {
            let matches =
                move |role: &MembershipRole| !is_owner || *role == MembershipRole::Moderator;
            let person = |id| {
                customers
                    .people
                    .iter()
                    .find(|person| person.person == id)
                    .map(|person| person.object)
            };
            let people = there.people.iter().filter(move |(_, role)| matches(role));
            people.filter_map(|(id, _)| person(*id)).collect::<std::collections::BTreeSet<_>>()
        };
        let group = groups.iter().find(|group| group.display_name == there.title);
        let group = group.unwrap_or_else(|| panic!("no group for {}", there.title));
        assert_eq!((&group.members, &group.owners), (&of(false), &of(true)), "{}", there.title);
    }
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

fn count_checkboxes(page: &Page) -> usize {
    page.html.matches("type=\"checkbox\"").count()
}
