//! A team and a group without a link, and the steps that merge them.

use std::collections::BTreeSet;

use domain::ids::{GroupId, TeamId, TenantId};
use engine::link::{self, LinkRow};
use sim::{Group, MembershipRole, Person};
use store::table::{Store, from_item};

use crate::support::{Browser, Customers, MINUTE, Page, account_is_in};

/// Acme, connected and switched on, with a team and a group that are not linked. Of four people,
/// the first moderates the team, the second is a member of both, and the third owns the group.
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

    /// Returns the scene after `before` has set up more.
    pub(super) async fn with(before: impl FnOnce(&Customers)) -> Self {
        let mut customers = Customers::new().await;
        let team = older_team(&customers, "Garden", 0);
        let group = create_group(&customers, "Gardeners", 2, &[1, 3]);
        before(&customers);
        customers.advance(3600);
        let mut browser = customers.connected(&customers.acme).await;
        let tenant = customers.tenant().await;
        customers.stack.start_tenant(tenant).await.unwrap();
        customers.stack.scan_people(tenant).await.unwrap();
        browser.save(&[("enabled", "yes"), ("new_teams", "selected")]).await.is(200, "saved");
        let mut scene = Self { customers, browser, tenant, team, group };
        scene.find_teams().await;
        scene
    }

    pub(super) async fn find_teams(&mut self) {
        self.browser
            .submit_on("/existing", "/existing", &[("action", "find")])
            .await
            .is(200, "Searching since");
        self.customers.stack.let_pass(6 * MINUTE).await;
    }

    pub(crate) fn search_path(&self, name: &str) -> String {
        format!("/teams/{}/adopt?name={name}", self.team)
    }

    pub(crate) fn union_path(&self) -> String {
        union_path_of(self.team, self.group)
    }

    pub(crate) fn person(&self, n: usize) -> Person {
        self.customers.people[n]
    }

    /// Signs the admin in again.
    pub(super) async fn sign_in_again(&mut self) {
        self.browser = self.customers.signed_in(&self.customers.acme).await;
    }

    /// Signs the group's owner in with Microsoft; returns the page with everyone's names.
    pub(super) async fn open_as_owner(&mut self) -> Page {
        self.browser.sign_in_fresh(&self.union_path(), self.person(2).object).await
    }

    /// Signs the group's owner in with Microsoft, and confirms the adoption.
    pub(crate) async fn adopt(&mut self) -> Page {
        let page = self.open_as_owner().await;
        let union = self.union_path();
        submit_confirmation(&mut self.browser, &union, &page).await
    }

    pub(super) async fn link_row(&self, team: TeamId) -> Option<LinkRow> {
        let store = self.customers.stack.backend().store.as_ref();
        store.get(&link::key(self.tenant, team)).await.unwrap().map(|item| from_item(item).unwrap())
    }

    pub(super) async fn is_linked(&self, team: TeamId, group: GroupId) -> bool {
        self.link_row(team).await.is_some_and(|row| row.link.group() == Some(group))
    }

    pub(super) fn team_state(&self) -> (BTreeSet<usize>, BTreeSet<usize>, String) {
        team_state_of(&self.customers, self.team)
    }

    pub(super) fn group_state(&self) -> (BTreeSet<usize>, BTreeSet<usize>, String) {
        let group = self.customers.world().group(self.group).unwrap();
        let number =
            |object| self.customers.people.iter().position(|person| person.object == object);
        let of =
            |objects: &BTreeSet<_>| objects.iter().filter_map(|object| number(*object)).collect();
        (of(&group.members), of(&group.owners), group.display_name)
    }

    #[track_caller]
    pub(super) fn assert_untouched(&self) {
        assert_eq!(self.team_state(), ([0, 1].into(), [0].into(), "Garden".into()));
        assert_eq!(self.group_state(), ([1, 2, 3].into(), [2].into(), "Gardeners".into()));
        assert!(!account_is_in(&self.customers, self.team));
    }

    #[track_caller]
    pub(super) fn assert_united(&self) {
        let (everyone, owners): (BTreeSet<_>, BTreeSet<_>) = ((0..4).collect(), [0, 2].into());
        assert_eq!(self.team_state(), (everyone.clone(), owners.clone(), "Gardeners".into()));
        assert_eq!(self.group_state(), (everyone, owners, "Gardeners".into()));
        assert!(
            self.customers.world().violations().is_empty(),
            "{:?}",
            self.customers.world().violations()
        );
        assert!(self.customers.stack.backend().queue.dead_letters().is_empty());
    }
}

/// Returns the members, the moderators and the title of a team.
pub(super) fn team_state_of(
    customers: &Customers,
    team: TeamId,
) -> (BTreeSet<usize>, BTreeSet<usize>, String) {
    let there = customers.world().team(team).unwrap();
    let number = |id| customers.people.iter().position(|person| person.person == id);
    let of = |has_role: fn(&MembershipRole) -> bool| {
        let people = there.people.iter().filter(move |(_, role)| has_role(role));
        people.filter_map(|(id, _)| number(*id)).collect()
    };
    (of(|_| true), of(|role| *role == MembershipRole::Moderator), there.title.clone())
}

pub(super) fn union_path_of(team: TeamId, group: GroupId) -> String {
    format!("/teams/{team}/adopt?group={group}")
}

/// Creates a team of two, moderated by the first.
pub(super) fn older_team(customers: &Customers, title: &str, first: usize) -> TeamId {
    let team = customers.world().create_team(customers.people[first].person, title);
    customers
        .world()
        .add_to_team(team, customers.people[first + 1].person, MembershipRole::Member)
        .unwrap();
    team
}

pub(super) fn create_group(
    customers: &Customers,
    name: &str,
    owner: usize,
    members: &[usize],
) -> GroupId {
    let group = customers.world().create_group(customers.people[owner].object, name).unwrap();
    members
        .iter()
        .for_each(|member| customers.world().add_member(group, customers.people[*member].object));
    group
}

/// Confirms what a page shows.
pub(super) async fn submit_confirmation(browser: &mut Browser, path: &str, page: &Page) -> Page {
    let form = [("action", "adopt"), ("csrf", &page.csrf()), ("hash", &page.field("hash"))];
    browser.submit_without_proof(path, &form).await
}

/// Submits a page's form with a guessed hash.
pub(super) async fn submit_guess(browser: &mut Browser, path: &str) -> Page {
    let csrf = browser.open("/teams").await.csrf();
    let form = [("action", "adopt"), ("hash", "guessed"), ("csrf", &csrf)];
    browser.submit_without_proof(path, &form).await
}

pub(super) fn team_called(scene: &Scene, title: &str) -> TeamId {
    let teams = scene.customers.world().teams(scene.customers.acme.org);
    teams
        .into_iter()
        .find(|team| scene.customers.world().team(*team).unwrap().title == title)
        .unwrap()
}

pub(super) fn group_called(scene: &Scene, name: &str) -> GroupId {
    let groups: Vec<(GroupId, Group)> =
        scene.customers.world().groups(scene.customers.acme.directory).into_iter().collect();
    groups.into_iter().find(|(_, group)| group.display_name == name).unwrap().0
}
