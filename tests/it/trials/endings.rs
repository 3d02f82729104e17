//! Groups that were deleted, tokens that end, and tenants that leave.

use std::collections::BTreeMap;

use domain::ids::{TeamId, TenantId};
use engine::offboard::{self, Stage};
use jiff::SignedDuration;
use sandbox::{RefreshRule, Role};

use super::{AT_ONCE, SETTLED, Story, trials};
use crate::setup_browser::Customers;
use crate::setup_leaving::{living_groups, officer_is_in, with_teams};
use crate::town::{MINUTE, Town, every_team};

trials! {
    restoration: super::Restoration,
    refresh: super::Refresh,
    disconnecting: super::Leaving,
}

struct Restoration(TeamId);
impl Story for Restoration {
    type Scene = Town;
    const NAME: &'static str = "the deleted group of a living team";
    async fn before() -> (Town, Self) {
        let mut town = Town::with_one_tenant(3, every_team()).await;
        let team = town.create_team("Phoenix", &town.people);
        town.let_pass(SETTLED).await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        let (group, _) = town.group();
        town.world().delete_group(group);
        town.notify(group).await;
        town.let_pass(SETTLED).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        let (_, group) = town.group();
        assert_eq!(group.deleted, None, "{told}: restored");
        town.assert_in_step(self.0);
    }
}

/// Webex's own pages do not say whether a used refresh token lives on. Where it does not, whoever dies between answer and secret has lost both.
struct Refresh(TeamId);
impl Story for Refresh {
    type Scene = Town;
    const NAME: &'static str = "tokens that end";
    async fn before() -> (Town, Self) {
        let mut town = Town::with_one_tenant(4, every_team()).await;
        town.world().webex_settings(|settings| settings.refresh_rule = RefreshRule::Reusable);
        let team = town.create_team("Tokens", &town.people[..3]);
        town.let_pass(SETTLED).await;
        town.skip(SignedDuration::from_hours(14 * 24));
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        town.world().add_to_team(self.0, town.people[3].person, Role::Member).unwrap();
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert!(town.group().1.members.contains(&town.people[3].object), "{told}");
        town.assert_in_step(self.0);
    }
}

/// The officer leaves, the groups go, and nothing of the tenant calls us any more.
struct Leaving {
    tenant: TenantId,
    teams: Vec<TeamId>,
    cookies: BTreeMap<String, String>,
}

impl Leaving {
    /// Presses the button, unless the page tells of a failure, or that it was pressed.
    async fn press(&self, customers: &Customers, cookies: BTreeMap<String, String>) {
        let mut browser = customers.browser();
        browser.cookies = cookies;
        let page = browser.open("/disconnect").await;
        if page.status == 200 && page.html.contains("action=\"/disconnect\"") {
            let csrf = page.csrf();
            let form = [("sure", "yes"), ("groups", "delete"), ("links", "keep"), ("csrf", &csrf)];
            browser.submit("/disconnect", &form).await;
        }
    }
}

impl Story for Leaving {
    type Scene = Customers;
    const NAME: &'static str = "disconnecting, with both groups";
    async fn before() -> (Customers, Self) {
        let (customers, browser, tenant, teams) = with_teams(2).await;
        (customers, Self { tenant, teams, cookies: browser.cookies })
    }
    async fn act(&self, customers: &mut Customers) {
        self.press(customers, self.cookies.clone()).await;
        customers.house.let_pass(3 * MINUTE).await;
    }
    async fn meanwhile(&self, customers: &mut Customers) {
        self.press(customers, self.cookies.clone()).await;
    }
    async fn assert_ended_well(&self, customers: &Customers, told: &str) {
        let ground = customers.house.ground();
        let leaving = offboard::load(ground.store.as_ref(), self.tenant).await.unwrap();
        let leaving = leaving.unwrap_or_else(|| panic!("{told}: it did not leave"));
        assert!(matches!(leaving.stage, Stage::Keeping { .. }), "{told}: {:?}", leaving.stage);
        let secret = format!("sandbox/tenant/{}", self.tenant);
        assert!(!ground.secrets.names().contains(&secret), "{told}: tokens");
        // What a service refused is not tried for ever: the receipt says what is left to do by hand.
        if let [trouble, ..] = leaving.receipt.troubles.as_slice() {
            assert!(trouble.contains("could not") || trouble.contains("Not all"), "{told}: {trouble}");
            return;
        }
        assert_eq!(living_groups(customers), [], "{told}: groups");
        assert!(self.teams.iter().all(|team| !officer_is_in(customers, *team)), "{told}: the officer left");
        ground.world.add_to_team(self.teams[0], customers.people[5].person, Role::Member).unwrap();
        assert_eq!(ground.world.next_delivery_at(), None, "{told}: nothing calls us any more");
    }
}
