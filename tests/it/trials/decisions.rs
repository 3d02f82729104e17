//! What people decide: cards, held plans, and putting back.

use std::collections::BTreeMap;

use domain::ids::{GroupId, TeamId};
use engine::safety::pending_approval::{self, Decision};
use engine::tenant::{NewTeams, Settings};
use sandbox::Card;
use sandbox::house::House;
use serde_json::json;
use store::message::Cause;

use super::{AT_ONCE, Story, trials};
use crate::brakes::{after_a_disaster, are_in_team};
use crate::setup_browser::Customers;
use crate::setup_put_back::{after_a_mistake, are_in, newest, page_of};
use crate::town::{MINUTE, Town, every_team};

trials! {
    card: super::Asking,
    yes: super::Yes,
    held_plan: super::HeldPlan,
    put_back: super::PutBack,
}

async fn asking() -> Town {
    Town::with_one_tenant(3, Settings { new_teams: NewTeams::Ask, ..every_team() }).await
}

fn cards(town: &Town) -> Vec<Card> {
    town.world().cards_to(town.people[0].person)
}

struct Asking;
impl Story for Asking {
    type Scene = Town;
    const NAME: &'static str = "a card to the creator";
    async fn before() -> (Town, Self) {
        (asking().await, Self)
    }
    async fn act(&self, town: &mut Town) {
        town.create_team("Asked", &town.people);
        town.let_pass(AT_ONCE).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        // A message has no key by which a second is known: whose answer was lost is sent again rather than not at all.
        assert!((1..=2).contains(&cards(town).len()), "{told}: a card, and at most one more");
        assert_eq!(town.world().groups(town.handle.directory).len(), 0, "{told}: nothing without an answer");
    }
}

struct Yes(TeamId);
impl Story for Yes {
    type Scene = Town;
    const NAME: &'static str = "the creator's yes";
    async fn before() -> (Town, Self) {
        let mut town = asking().await;
        let team = town.create_team("Asked", &town.people);
        town.let_pass(6 * MINUTE).await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        let answer = json!({"team": self.0, "group": "yes"});
        town.world().answer_card(cards(town)[0].message, town.people[0].person, answer).unwrap();
        town.let_pass(AT_ONCE).await;
    }
    /// Webex tells of an answer once: whoever sees nothing come of it presses again.
    async fn meanwhile(&self, town: &mut Town) {
        town.let_pass(20 * MINUTE).await;
        if town.world().groups(town.handle.directory).is_empty() {
            self.act(town).await;
        }
    }
    async fn assert_ended_well(&self, town: &Town, _: &str) {
        town.assert_in_step(self.0);
    }
}

struct HeldPlan(TeamId);
impl HeldPlan {
    /// The page's button, unless nothing waits.
    async fn press(&self, house: &House, town: &Town) -> Option<()> {
        let store = house.sync().store.as_ref();
        let plan = pending_approval::load(store, town.tenant(), self.0).await.ok()??;
        pending_approval::decide(store, town.tenant(), self.0, &plan.hash(), Decision::Apply).await.ok()?;
        town.ask(self.0, Cause::Administrator).await;
        Some(())
    }
}
impl Story for HeldPlan {
    type Scene = Town;
    const NAME: &'static str = "a held plan that is applied";
    async fn before() -> (Town, Self) {
        let (town, team, _) = after_a_disaster().await;
        (town, Self(team))
    }
    async fn act(&self, town: &mut Town) {
        self.press(&town.house, town).await;
        town.let_pass(AT_ONCE).await;
    }
    async fn meanwhile(&self, town: &mut Town) {
        self.press(&town.house, town).await;
    }
    async fn assert_ended_well(&self, town: &Town, told: &str) {
        assert_eq!(pending_approval::load(town.store(), town.tenant(), self.0).await.unwrap(), None, "{told}");
        assert_eq!(are_in_team(town, self.0, &town.people[10..17]), 0, "{told}");
        town.assert_in_step(self.0);
    }
}

struct PutBack {
    team: TeamId,
    group: GroupId,
    /// The page of the mistake.
    entry: String,
    cookies: BTreeMap<String, String>,
}
impl PutBack {
    /// The page's button, unless the page tells of a failure, or of nobody to put back.
    async fn press(&self, customers: &Customers) {
        let mut browser = customers.browser();
        browser.cookies = self.cookies.clone();
        let page = browser.open(&self.entry).await;
        if page.status == 200 && page.html.contains("name=\"hash\"") {
            let (hash, csrf) = (page.field("hash"), page.csrf());
            browser.submit(&self.entry, &[("hash", &hash), ("csrf", &csrf)]).await;
        }
    }
}
impl Story for PutBack {
    type Scene = Customers;
    const NAME: &'static str = "two people who are put back";
    async fn before() -> (Customers, Self) {
        let (customers, mut browser, team, group) = after_a_mistake().await;
        let entry = newest(&browser.open(&page_of(team)).await);
        (customers, Self { team, group, entry, cookies: browser.cookies })
    }
    async fn act(&self, customers: &mut Customers) {
        self.press(customers).await;
        customers.house.let_pass(3 * MINUTE).await;
    }
    async fn meanwhile(&self, customers: &mut Customers) {
        // A page that says "try again in a minute".
        customers.house.let_pass(10 * MINUTE).await;
        if are_in(customers, self.team, self.group) != (6, 6) {
            self.press(customers).await;
        }
    }
    async fn assert_ended_well(&self, customers: &Customers, told: &str) {
        assert_eq!(are_in(customers, self.team, self.group), (6, 6), "{told}");
    }
}
