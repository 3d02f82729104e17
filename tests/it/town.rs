//! Two tenants with people, and the functions around them.

use std::collections::{BTreeMap, BTreeSet};

use clients::http::Deadline;
use domain::clock::Clock;
use domain::ids::{GroupId, TeamId, TenantId};
use domain::membership::LeftOut;
use engine::link::{self, Kept, OnLink, Who};
use engine::tenant::{self, Folders, NewTeams, Settings, Tenant};
use jiff::{SignedDuration, Timestamp};
use sandbox::house::{Ground, House};
use sandbox::{Group, Person, Role, TenantHandle};
use store::message::{Ask, Cause, Message};
use store::queue::Queue;
use store::table::memory::MemoryStore;
use store::table::{Store, from_item};

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn start() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// The settings of most tests: every new team gets a group.
pub(crate) fn every_team() -> Settings {
    Settings { switched_on_at: Some(start()), new_teams: NewTeams::Every, ..Settings::default() }
}

/// A house with two tenants; the tests live in the first.
pub(crate) struct Town {
    pub(crate) house: House,
    pub(crate) handle: TenantHandle,
    pub(crate) people: Vec<Person>,
    pub(crate) other: TenantHandle,
    pub(crate) neighbour: Person,
}

/// Whatever a test is about: nobody used a token of the other tenant, sent one elsewhere, or deleted a person.
impl Drop for Town {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.world().violations(), []);
        }
    }
}

impl Town {
    pub(crate) async fn of(people: usize) -> Self {
        Self::with(people, every_team()).await
    }

    pub(crate) async fn with(people: usize, settings: Settings) -> Self {
        let mut town = Self::with_one_tenant(people, settings.clone()).await;
        town.house.sign_up(&town.other, settings).await.unwrap();
        town
    }

    /// Every new team gets a group, and each of its spaces a folder: both directories have consented to files.
    pub(crate) async fn with_folders(people: usize) -> Self {
        let town = Self::with(people, Settings { folders: Folders::EachSpace, ..every_team() }).await;
        for (tenant, handle) in town.house.tenants().iter().zip([&town.handle, &town.other]) {
            town.house.consent_to_files(*tenant, handle).await.unwrap();
        }
        town
    }

    /// Only the first tenant is signed up, for stories that are told a thousand times.
    pub(crate) async fn with_one_tenant(people: usize, settings: Settings) -> Self {
        // RUST_LOG=debug shows every call of a failing test.
        _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .without_time()
            .try_init();
        let ground = Ground::new(start(), 7);
        let handle = ground.world.add_tenant("Contoso");
        let other = ground.world.add_tenant("Fabrikam");
        let people = (0..people).map(|n| ground.world.add_person(&handle, &format!("Person {n:02}"))).collect();
        let neighbour = ground.world.add_person(&other, "Somebody Else");
        let mut house = House::new(&ground).unwrap();
        house.sign_up(&handle, settings).await.unwrap();
        Self { house, handle, people, other, neighbour }
    }

    pub(crate) fn world(&self) -> &sandbox::World {
        &self.house.ground().world
    }

    /// A team with the first of these for its moderator.
    pub(crate) fn create_team(&self, title: &str, people: &[Person]) -> TeamId {
        let team = self.world().create_team(people[0].person, title);
        for person in &people[1..] {
            self.world().add_to_team(team, person.person, Role::Member).unwrap();
        }
        team
    }

    pub(crate) async fn let_pass(&mut self, span: SignedDuration) {
        self.house.let_pass(span).await;
    }

    /// The one group of the tenant.
    pub(crate) fn group(&self) -> (GroupId, Group) {
        let groups = self.world().groups(self.handle.directory);
        assert_eq!(groups.len(), 1, "one group: {groups:?}");
        groups.into_iter().next().unwrap()
    }

    /// That team and group have the same people in the same roles, and that nobody was wronged on the way.
    pub(crate) fn assert_in_step(&self, team: TeamId) {
        let (_, group) = self.group();
        self.assert_are_one(team, &group);
    }

    pub(crate) fn assert_are_one(&self, team: TeamId, group: &Group) {
        let team = self.world().team(team).unwrap();
        let names: BTreeMap<_, _> =
            self.people.iter().enumerate().map(|(n, one)| (one.person, (one.object, n))).collect();
        let of = |wanted: fn(&Role) -> bool| -> BTreeSet<_> {
            let there = team.people.iter().filter(|(_, role)| wanted(role));
            there.filter_map(|(person, _)| Some(names.get(person)?.0)).collect()
        };
        for (what, wanted, found) in
            [("members", of(|_| true), &group.members), ("owners", of(|role| *role == Role::Moderator), &group.owners)]
        {
            let number = |object| names.values().find(|(one, _)| one == object).map(|(_, n)| *n);
            let missing: Vec<_> = wanted.difference(found).map(number).collect();
            let left: Vec<_> = found.difference(&wanted).map(number).collect();
            assert!(missing.is_empty() && left.is_empty(), "{what}: {missing:?} are missing, {left:?} are left");
        }
        self.assert_clean();
    }

    /// That nobody was wronged, and that every message was dealt with.
    pub(crate) fn assert_clean(&self) {
        assert!(self.world().violations().is_empty(), "{:?}", self.world().violations());
        assert_eq!(self.house.ground().queue.dead_letters(), [], "dead letters");
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.house.ground().clock.now()
    }

    pub(crate) fn store(&self) -> &MemoryStore {
        &self.house.ground().store
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.house.tenants()[0]
    }

    /// The settings pages: other settings from now on.
    pub(crate) async fn set(&self, settings: Settings) {
        let TenantHandle { org, directory, officer, .. } = self.handle;
        let known = tenant::at_hand(self.store(), self.tenant(), &[], self.now()).await.unwrap().unwrap().0;
        let files = known.tenant.files;
        let tenant = Tenant { tenant: self.tenant(), org, directory, officer, region: Default::default(), files };
        tenant::put(self.store(), &tenant, &settings).await.unwrap();
    }

    /// The officer signs in anew.
    pub(crate) async fn keep_pair(&self, pair: sandbox::TokenPair) {
        let pair = clients::webex::TokenPair {
            access: pair.access_token.into(),
            refresh: pair.refresh_token.into(),
            access_ends_at: pair.access_ends,
            refresh_ends_at: pair.refresh_ends,
            scope: String::new(),
        };
        self.house.sync().tokens.keep(self.tenant(), pair).await.unwrap();
    }

    /// An administrator lets a held plan happen, if one waits.
    pub(crate) async fn apply_held(&self, team: TeamId) {
        if let Some(plan) = engine::safety::pending_approval::load(self.store(), self.tenant(), team).await.unwrap() {
            use engine::safety::pending_approval::Decision;
            engine::safety::pending_approval::decide(self.store(), self.tenant(), team, &plan.hash(), Decision::Apply)
                .await
                .unwrap();
            self.ask(team, Cause::Administrator).await;
        }
    }

    /// The link as it is stored.
    pub(crate) async fn kept(&self, team: TeamId) -> Option<Kept> {
        self.store().get(&link::key(self.tenant(), team)).await.unwrap().map(|item| from_item(item).unwrap())
    }

    /// The link's people as they are stored.
    pub(crate) async fn on_link(&self, team: TeamId) -> BTreeMap<Who, OnLink> {
        link::people(self.store(), self.tenant(), team).await.unwrap()
    }

    /// Everybody who is left out of a link, with the reason.
    pub(crate) async fn left_out(&self, team: TeamId) -> BTreeMap<Who, LeftOut> {
        let on_link = self.on_link(team).await;
        on_link.into_iter().filter_map(|(who, one)| Some((who, one.left_out?))).collect()
    }

    pub(crate) fn wish(&self, ask: Ask, cause: Cause) -> Message {
        Message { v: Default::default(), tenant: self.tenant(), at: self.now(), cause, ask }
    }

    /// Deals with a message at once, past the queue.
    pub(crate) async fn handle(&self, message: &Message) {
        let deadline = Deadline(self.now() + MINUTE);
        self.house.sync().handle(message, deadline).await.unwrap();
    }

    /// Queues the wish for a look at a team.
    pub(crate) async fn ask(&self, team: TeamId, cause: Cause) {
        let message = self.wish(Ask::Team { team, region: None }, cause);
        self.house.ground().queue.send_all(&[message]).await.unwrap();
    }

    /// A notification of Microsoft's about the group of a team.
    pub(crate) async fn notify(&self, group: GroupId) {
        let message = self.wish(Ask::Group { group }, Cause::GraphNotification);
        self.house.ground().queue.send_all(&[message]).await.unwrap();
    }

    /// The same, and what follows at once.
    pub(crate) async fn notify_and_wait(&mut self, group: GroupId) {
        self.notify(group).await;
        self.let_pass(MINUTE).await;
    }

    /// Lets the clock run on while nothing happens.
    pub(crate) fn skip(&self, span: SignedDuration) {
        self.house.ground().clock.advance(span.unsigned_abs());
    }

    /// A round over all people, and then a look at a team since somebody's state changed.
    pub(crate) async fn people_were_seen(&self, team: TeamId) {
        self.house.see_everybody(self.tenant()).await.unwrap();
        self.skip(MINUTE / 60);
        self.ask(team, Cause::Person).await;
    }
}
