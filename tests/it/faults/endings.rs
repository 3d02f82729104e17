//! Deleted groups, expired tokens and offboarding under faults.

use std::collections::BTreeMap;

use domain::ids::{TeamId, TenantId};
use engine::offboard::{self, OffboardingStage};
use engine::phrases::offboard::failure;
use jiff::SignedDuration;
use sim::{MembershipRole, RefreshRule};

use super::{AT_ONCE, SETTLED, Story, story_tests};
use crate::support::{
    Customers, MINUTE, TwoTenants, account_is_in, active_groups, every_team, with_linked_teams,
};

story_tests! {
    restoration: super::Restoration,
    refresh: super::Refresh,
    disconnecting: super::Offboarding,
}

struct Restoration(TeamId);

impl Story for Restoration {
    type Scene = TwoTenants;
    const NAME: &'static str = "the deleted group of a living team";
    async fn before() -> (TwoTenants, Self) {
        let mut env = TwoTenants::with_one_tenant(3, every_team()).await;
        let team = env.create_team("Phoenix", &env.people);
        env.let_pass(SETTLED).await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        let (group, _) = env.group();
        env.world().delete_group(group);
        env.notify_change(group).await;
        env.let_pass(SETTLED).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        let (_, group) = env.group();
        assert_eq!(group.deleted, None, "{case}: restored");
        env.assert_in_sync(self.0);
    }
}

/// The Webex documentation does not say if a used refresh token stays valid. If not, a crash
/// between response and storage loses both tokens.
struct Refresh(TeamId);

impl Story for Refresh {
    type Scene = TwoTenants;
    const NAME: &'static str = "tokens that end";
    async fn before() -> (TwoTenants, Self) {
        let mut env = TwoTenants::with_one_tenant(4, every_team()).await;
        env.world().webex_settings(|settings| settings.refresh_rule = RefreshRule::Reusable);
        let team = env.create_team("Tokens", &env.people[..3]);
        env.let_pass(SETTLED).await;
        env.advance_clock(SignedDuration::from_hours(14 * 24));
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.world().add_to_team(self.0, env.people[3].person, MembershipRole::Member).unwrap();
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert!(env.group().1.members.contains(&env.people[3].object), "{case}");
        env.assert_in_sync(self.0);
    }
}

/// The service account leaves, the groups are deleted, and no webhook of the tenant remains.
struct Offboarding {
    tenant: TenantId,
    teams: Vec<TeamId>,
    cookies: BTreeMap<String, String>,
}

impl Offboarding {
    /// Presses the button, unless the page shows an error or was submitted already.
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

impl Story for Offboarding {
    type Scene = Customers;
    const NAME: &'static str = "disconnecting, with both groups";
    async fn before() -> (Customers, Self) {
        let (customers, mut browser, tenant, teams) = with_linked_teams(2).await;
        // The fresh sign-in that the button needs; it counts for ten minutes.
        let csrf = browser.open("/disconnect").await.csrf();
        let form = [("sure", "yes"), ("groups", "delete"), ("csrf", &csrf)];
        let to = browser.submit_without_proof("/disconnect", &form).await.next_url();
        let back = browser.decide(&to, customers.acme.administrator.object, "accept").await;
        browser.open(&back).await.is(200, "You signed in again");
        (customers, Self { tenant, teams, cookies: browser.cookies })
    }
    async fn act(&self, customers: &mut Customers) {
        self.press(customers, self.cookies.clone()).await;
        customers.stack.let_pass(3 * MINUTE).await;
    }
    async fn meanwhile(&self, customers: &mut Customers) {
        self.press(customers, self.cookies.clone()).await;
    }
    async fn assert_ended_well(&self, customers: &Customers, case: &str) {
        let backend = customers.stack.backend();
        let offboarding = offboard::load(backend.store.as_ref(), self.tenant).await.unwrap();
        let offboarding = offboarding.unwrap_or_else(|| panic!("{case}: it did not leave"));
        assert!(
            matches!(offboarding.stage, OffboardingStage::Retaining { .. }),
            "{case}: {:?}",
            offboarding.stage
        );
        let secret = format!("sandbox/tenant/{}", self.tenant);
        assert!(!backend.secrets.names().contains(&secret), "{case}: tokens");
        // A refused step is not retried for ever: the receipt lists what is left to do by hand.
        if let [failed, ..] = offboarding.receipt.failures.as_slice() {
            let failure = failure(failed);
            assert!(
                failure.contains("could not") || failure.contains("Not all"),
                "{case}: {failure}"
            );
            return;
        }
        assert_eq!(active_groups(customers), [], "{case}: groups");
        assert!(
            self.teams.iter().all(|team| !account_is_in(customers, *team)),
            "{case}: the service account left"
        );
        backend
            .world
            .add_to_team(self.teams[0], customers.people[5].person, MembershipRole::Member)
            .unwrap();
        assert_eq!(backend.world.next_delivery_at(), None, "{case}: no webhook is left");
    }
}
