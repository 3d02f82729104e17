//! A team and a group that know nothing of each other, and what is done to unite them.

use std::collections::BTreeSet;

use domain::ids::{GroupId, TeamId, TenantId};
use engine::link::{self, Kept};
use sandbox::{Group, Person, Role};
use store::table::{Store, from_item};

use crate::setup_browser::{Browser, Customers, Page};
use crate::setup_leaving::officer_is_in;
use crate::town::MINUTE;

/// Acme, connected and switched on, with a team and a group that know nothing of each other: of four people the first is the team's moderator, the third the group's owner, and
/// the second is a member of both.
pub(crate) struct Scene {
    pub(crate) customers: Customers,
    pub(crate) browser: Browser,
    pub(crate) tenant: TenantId,
    pub(crate) team: TeamId,
    pub(crate) group: GroupId,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with what else was there before.
    pub(super) async fn with(before: impl FnOnce(&Customers)) -> Self {
        let mut customers = Customers::new().await;
        let team = older_team(&customers, "Garden", 0);
        let group = group(&customers, "Gardeners", 2, &[1, 3]);
        before(&customers);
        customers.advance(3600);
        let mut browser = customers.connected(&customers.acme).await;
        let tenant = customers.tenant().await;
        customers.house.take_in(tenant).await.unwrap();
        customers.house.see_everybody(tenant).await.unwrap();
        browser.save(&[("enabled", "yes"), ("new_teams", "selected")]).await.is(200, "saved");
        let mut scene = Self { customers, browser, tenant, team, group };
        scene.find_teams().await;
        scene
    }

    pub(super) async fn find_teams(&mut self) {
        self.browser.submit_on("/existing", "/existing", &[("action", "find")]).await.is(200, "Searching since");
        self.customers.house.let_pass(6 * MINUTE).await;
    }

    pub(super) fn search(&self, name: &str) -> String {
        format!("/teams/{}/connect?name={name}", self.team)
    }

    pub(super) fn union(&self) -> String {
        union_of(self.team, self.group)
    }

    pub(super) fn person(&self, n: usize) -> Person {
        self.customers.people[n]
    }

    /// Whoever administers the session signs in again.
    pub(super) async fn sign_in_again(&mut self) {
        self.browser = self.customers.signed_in(&self.customers.acme).await;
    }

    /// The owner of the group signs in with Microsoft, and what is shown is connected.
    pub(super) async fn connect(&mut self) -> Page {
        let page = self.browser.prove(&self.union(), self.person(2).object).await;
        let union = self.union();
        confirm(&mut self.browser, &union, &page).await
    }

    pub(super) async fn kept(&self, team: TeamId) -> Option<Kept> {
        let store = self.customers.house.ground().store.as_ref();
        store.get(&link::key(self.tenant, team)).await.unwrap().map(|item| from_item(item).unwrap())
    }

    pub(super) async fn is_linked(&self, team: TeamId, group: GroupId) -> bool {
        self.kept(team).await.is_some_and(|kept| kept.link.group() == Some(group))
    }

    pub(super) fn seen(&self) -> (BTreeSet<usize>, BTreeSet<usize>, String) {
        seen_in_team(&self.customers, self.team)
    }

    pub(super) fn seen_in_group(&self) -> (BTreeSet<usize>, BTreeSet<usize>, String) {
        let group = self.customers.world().group(self.group).unwrap();
        let number = |object| self.customers.people.iter().position(|person| person.object == object);
        let of = |objects: &BTreeSet<_>| objects.iter().filter_map(|object| number(*object)).collect();
        (of(&group.members), of(&group.owners), group.display_name)
    }

    #[track_caller]
    pub(super) fn assert_untouched(&self) {
        assert_eq!(self.seen(), ([0, 1].into(), [0].into(), "Garden".into()));
        assert_eq!(self.seen_in_group(), ([1, 2, 3].into(), [2].into(), "Gardeners".into()));
        assert!(!officer_is_in(&self.customers, self.team));
    }

    #[track_caller]
    pub(super) fn assert_united(&self) {
        let (everybody, owners): (BTreeSet<_>, BTreeSet<_>) = ((0..4).collect(), [0, 2].into());
        assert_eq!(self.seen(), (everybody.clone(), owners.clone(), "Gardeners".into()));
        assert_eq!(self.seen_in_group(), (everybody, owners, "Gardeners".into()));
        assert!(self.customers.world().violations().is_empty(), "{:?}", self.customers.world().violations());
        assert!(self.customers.house.ground().queue.dead_letters().is_empty());
    }
}

/// Which of the people are in a team, which of them moderate it, and its title.
pub(super) fn seen_in_team(customers: &Customers, team: TeamId) -> (BTreeSet<usize>, BTreeSet<usize>, String) {
    let there = customers.world().team(team).unwrap();
    let number = |id| customers.people.iter().position(|person| person.person == id);
    let of = |wanted: fn(&Role) -> bool| {
        let people = there.people.iter().filter(move |(_, role)| wanted(role));
        people.filter_map(|(id, _)| number(*id)).collect()
    };
    (of(|_| true), of(|role| *role == Role::Moderator), there.title.clone())
}

pub(super) fn union_of(team: TeamId, group: GroupId) -> String {
    format!("/teams/{team}/connect?group={group}")
}

/// A team of two, of whom the first is its moderator.
pub(super) fn older_team(customers: &Customers, title: &str, first: usize) -> TeamId {
    let team = customers.world().create_team(customers.people[first].person, title);
    customers.world().add_to_team(team, customers.people[first + 1].person, Role::Member).unwrap();
    team
}

pub(super) fn group(customers: &Customers, name: &str, owner: usize, members: &[usize]) -> GroupId {
    let group = customers.world().create_group(customers.people[owner].object, name).unwrap();
    members.iter().for_each(|member| customers.world().add_member(group, customers.people[*member].object));
    group
}

/// Confirms what a page shows.
pub(super) async fn confirm(browser: &mut Browser, path: &str, page: &Page) -> Page {
    let form = [("action", "connect"), ("csrf", &page.csrf()), ("hash", &page.field("hash"))];
    browser.submit(path, &form).await
}

/// Sends the form of a page with a guess at what it would have shown.
pub(super) async fn guess(browser: &mut Browser, path: &str) -> Page {
    browser.submit_on("/teams", path, &[("action", "connect"), ("hash", "guessed")]).await
}

pub(super) fn team_called(scene: &Scene, title: &str) -> TeamId {
    let teams = scene.customers.world().teams(scene.customers.acme.org);
    teams.into_iter().find(|team| scene.customers.world().team(*team).unwrap().title == title).unwrap()
}

pub(super) fn group_called(scene: &Scene, name: &str) -> GroupId {
    let groups: Vec<(GroupId, Group)> =
        scene.customers.world().groups(scene.customers.acme.directory).into_iter().collect();
    groups.into_iter().find(|(_, group)| group.display_name == name).unwrap().0
}
