//! Decisions of people under faults: cards, approvals and restores.

use std::collections::BTreeMap;

use domain::ids::{GroupId, TeamId};
use engine::decision::Decider;
use engine::safety::pending_approval::{self, ApprovalDecision};
use engine::tenant::{NewTeams, Settings};
use sandbox::local_stack::LocalStack;
use serde_json::json;
use sim::Card;
use store::message::Trigger;

use super::{AT_ONCE, Story, story_tests};
use crate::console::restore::{
    BOTH_SIDES, after_wrong_removal, count_on_both_sides, newest_entry, team_path, undo_form,
};
use crate::support::{Customers, MINUTE, TwoTenants, every_team};
use crate::sync::removal_limit::{after_mass_removal, count_in_team};

story_tests! {
    card: super::Asking,
    yes: super::Yes,
    approval: super::PendingApproval,
    restore: super::Restore,
}

async fn with_card_question() -> TwoTenants {
    TwoTenants::with_one_tenant(3, Settings { new_teams: NewTeams::Ask, ..every_team() }).await
}

fn cards(env: &TwoTenants) -> Vec<Card> {
    env.world().cards_to(env.people[0].person)
}

struct Asking;

impl Story for Asking {
    type Scene = TwoTenants;
    const NAME: &'static str = "a card to the creator";
    async fn before() -> (TwoTenants, Self) {
        (with_card_question().await, Self)
    }
    async fn act(&self, env: &mut TwoTenants) {
        env.create_team("Asked", &env.people);
        env.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        // Messages have no idempotency key: a card whose answer was lost is sent again.
        assert!((1..=2).contains(&cards(env).len()), "{case}: a card, and at most one more");
        assert_eq!(
            env.world().groups(env.handle.directory).len(),
            0,
            "{case}: nothing without an answer"
        );
    }
}

struct Yes(TeamId);

impl Story for Yes {
    type Scene = TwoTenants;
    const NAME: &'static str = "the creator's yes";
    async fn before() -> (TwoTenants, Self) {
        let mut env = with_card_question().await;
        let team = env.create_team("Asked", &env.people);
        env.let_pass(6 * MINUTE).await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        let answer = json!({"team": self.0, "group": "yes"});
        env.world().submit_card(cards(env)[0].message, env.people[0].person, answer).unwrap();
        env.let_pass(AT_ONCE).await;
    }
    /// Webex reports an answer once: a creator who sees no effect presses again.
    async fn meanwhile(&self, env: &mut TwoTenants) {
        env.let_pass(20 * MINUTE).await;
        if env.world().groups(env.handle.directory).is_empty() {
            self.act(env).await;
        }
    }
    async fn assert_ended_well(&self, env: &TwoTenants, _: &str) {
        env.assert_in_sync(self.0);
    }
}

struct PendingApproval(TeamId);

impl PendingApproval {
    /// Presses the page's button, if a removal waits.
    async fn press(&self, stack: &LocalStack, env: &TwoTenants) -> Option<()> {
        let store = stack.sync().store.as_ref();
        let plan = pending_approval::load(store, env.tenant(), self.0).await.ok()??;
        pending_approval::decide(
            store,
            env.tenant(),
            self.0,
            &plan.hash(),
            ApprovalDecision::Apply,
            Decider::operator(env.now()),
        )
        .await
        .ok()?;
        env.request_sync(self.0, Trigger::Administrator).await;
        Some(())
    }
}

impl Story for PendingApproval {
    type Scene = TwoTenants;
    const NAME: &'static str = "a pending approval that is applied";
    async fn before() -> (TwoTenants, Self) {
        let (env, team, _) = after_mass_removal().await;
        (env, Self(team))
    }
    async fn act(&self, env: &mut TwoTenants) {
        self.press(&env.stack, env).await;
        env.let_pass(AT_ONCE).await;
    }
    async fn meanwhile(&self, env: &mut TwoTenants) {
        self.press(&env.stack, env).await;
    }
    async fn assert_ended_well(&self, env: &TwoTenants, case: &str) {
        assert_eq!(
            pending_approval::load(env.store(), env.tenant(), self.0).await.unwrap(),
            None,
            "{case}"
        );
        assert_eq!(count_in_team(env, self.0, &env.people[10..17]), 0, "{case}");
        env.assert_in_sync(self.0);
    }
}

struct Restore {
    team: TeamId,
    group: GroupId,
    /// The page of the mistake.
    entry: String,
    cookies: BTreeMap<String, String>,
}

impl Restore {
    /// Presses the page's button, unless the page shows an error or has no one to restore.
    async fn press(&self, customers: &Customers) {
        let mut browser = customers.browser();
        browser.cookies = self.cookies.clone();
        let page = browser.open(&self.entry).await;
        if page.status == 200
            && let Some([hash, undo]) = undo_form(&page, BOTH_SIDES)
        {
            let fields = [(hash.0, hash.1.as_str()), (undo.0, &undo.1), ("csrf", &page.csrf())];
            browser.submit(&self.entry, &fields).await;
        }
    }
}

impl Story for Restore {
    type Scene = Customers;
    const NAME: &'static str = "two people who are restored";
    async fn before() -> (Customers, Self) {
        let (customers, mut browser, team, group) = after_wrong_removal().await;
        let entry = newest_entry(&browser.open(&team_path(team)).await);
        (customers, Self { team, group, entry, cookies: browser.cookies })
    }
    async fn act(&self, customers: &mut Customers) {
        self.press(customers).await;
        customers.stack.let_pass(3 * MINUTE).await;
    }
    async fn meanwhile(&self, customers: &mut Customers) {
        // A page that asks to try again in a minute.
        customers.stack.let_pass(10 * MINUTE).await;
        if count_on_both_sides(customers, self.team, self.group) != (6, 6) {
            self.press(customers).await;
        }
    }
    async fn assert_ended_well(&self, customers: &Customers, case: &str) {
        assert_eq!(count_on_both_sides(customers, self.team, self.group), (6, 6), "{case}");
    }
}
