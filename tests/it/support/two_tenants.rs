//! Two tenants with people, and the functions that serve them.

use std::collections::{BTreeMap, BTreeSet};

use clients::http::Deadline;
use domain::clock::Clock;
use domain::ids::{GroupId, TeamId, TenantId};
use domain::membership::ExclusionReason;
use engine::link::{self, LinkPerson, LinkRow, Who};
use engine::tenant::{self, Folders, NewTeams, Settings, Tenant};
use jiff::{SignedDuration, Timestamp};
use sandbox::local_stack::{Backend, LocalStack};
use sim::{Group, MembershipRole, Person, TenantHandle};
use store::message::{Job, Message, Trigger};
use store::queue::Queue;
use store::table::memory::MemoryStore;
use store::table::{Query, Store, from_item};

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Time in which an absence is proved twice, three minutes apart, and what follows is written.
pub(crate) const PROVED: SignedDuration = SignedDuration::from_mins(6);

pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn start() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// Returns the settings of most tests: every new team gets a group.
pub(crate) fn every_team() -> Settings {
    Settings { switched_on_at: Some(start()), new_teams: NewTeams::Every, ..Settings::default() }
}

/// Two tenants on one local stack; most tests use the first.
pub(crate) struct TwoTenants {
    pub(crate) stack: LocalStack,
    pub(crate) handle: TenantHandle,
    pub(crate) people: Vec<Person>,
    pub(crate) other: TenantHandle,
    pub(crate) neighbour: Person,
}

/// Asserts for every test that no token left its tenant and no person was deleted.
impl Drop for TwoTenants {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.world().violations(), []);
        }
    }
}

impl TwoTenants {
    pub(crate) async fn with_people(people: usize) -> Self {
        Self::with_settings(people, every_team()).await
    }

    pub(crate) async fn with_settings(people: usize, settings: Settings) -> Self {
        let mut env = Self::with_one_tenant(people, settings.clone()).await;
        env.stack.sign_up(&env.other, settings).await.unwrap();
        env
    }

    /// Creates tenants whose spaces get folders, with consent to files in both directories.
    pub(crate) async fn with_folders(people: usize) -> Self {
        let env =
            Self::with_settings(people, Settings { folders: Folders::EachSpace, ..every_team() })
                .await;
        for (tenant, handle) in env.stack.tenants().iter().zip([&env.handle, &env.other]) {
            env.stack.consent_to_files(*tenant, handle).await.unwrap();
        }
        env
    }

    /// Signs up the first tenant only, for stories that repeat a thousand times.
    pub(crate) async fn with_one_tenant(people: usize, settings: Settings) -> Self {
        // RUST_LOG=debug shows every call of a failing test.
        _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .without_time()
            .try_init();
        let backend = Backend::new(start(), 7);
        let handle = backend.world.add_tenant("Contoso");
        let other = backend.world.add_tenant("Fabrikam");
        let people = (0..people)
            .map(|n| backend.world.add_person(&handle, &format!("Person {n:02}")))
            .collect();
        let neighbour = backend.world.add_person(&other, "Neighbor");
        let mut stack = LocalStack::new(&backend).unwrap();
        stack.sign_up(&handle, settings).await.unwrap();
        Self { stack, handle, people, other, neighbour }
    }

    pub(crate) fn world(&self) -> &sim::World {
        &self.stack.backend().world
    }

    /// Creates a team with the first person as moderator.
    pub(crate) fn create_team(&self, title: &str, people: &[Person]) -> TeamId {
        let team = self.world().create_team(people[0].person, title);
        for person in &people[1..] {
            self.world().add_to_team(team, person.person, MembershipRole::Member).unwrap();
        }
        team
    }

    pub(crate) async fn let_pass(&mut self, span: SignedDuration) {
        self.stack.let_pass(span).await;
    }

    /// Returns the tenant's single group.
    pub(crate) fn group(&self) -> (GroupId, Group) {
        let groups = self.world().groups(self.handle.directory);
        assert_eq!(groups.len(), 1, "one group: {groups:?}");
        groups.into_iter().next().unwrap()
    }

    /// Asserts that team and group have the same people and roles, and that no invariant broke.
    pub(crate) fn assert_in_sync(&self, team: TeamId) {
        let (_, group) = self.group();
        self.assert_team_matches(team, &group);
    }

    pub(crate) fn assert_team_matches(&self, team: TeamId, group: &Group) {
        let team = self.world().team(team).unwrap();
        let names: BTreeMap<_, _> =
            self.people.iter().enumerate().map(|(n, one)| (one.person, (one.object, n))).collect();
        let of = |has_role: fn(&MembershipRole) -> bool| -> BTreeSet<_> {
            let there = team.people.iter().filter(|(_, role)| has_role(role));
            there.filter_map(|(person, _)| Some(names.get(person)?.0)).collect()
        };
        for (what, expected, found) in [
            ("members", of(|_| true), &group.members),
            ("owners", of(|role| *role == MembershipRole::Moderator), &group.owners),
        ] {
            let number = |object| names.values().find(|(one, _)| one == object).map(|(_, n)| *n);
            let missing: Vec<_> = expected.difference(found).map(number).collect();
            let left: Vec<_> = found.difference(&expected).map(number).collect();
            assert!(
                missing.is_empty() && left.is_empty(),
                "{what}: {missing:?} are missing, {left:?} are left"
            );
        }
        self.assert_clean();
    }

    /// Asserts that no invariant broke and no message is dead.
    pub(crate) fn assert_clean(&self) {
        assert!(self.world().violations().is_empty(), "{:?}", self.world().violations());
        assert_eq!(self.stack.backend().queue.dead_letters(), [], "dead letters");
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.stack.backend().clock.now()
    }

    pub(crate) fn store(&self) -> &MemoryStore {
        &self.stack.backend().store
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.stack.tenants()[0]
    }

    /// Saves settings like the console.
    pub(crate) async fn save_settings(&self, settings: Settings) {
        let TenantHandle { org, directory, service_account, .. } = self.handle;
        let known = tenant::load_snapshot(self.store(), self.tenant(), &[], self.now())
            .await
            .unwrap()
            .unwrap()
            .0;
        let files = known.tenant.files;
        let tenant = Tenant {
            tenant: self.tenant(),
            org,
            directory,
            service_account,
            region: Default::default(),
            files,
        };
        tenant::put(self.store(), &tenant, &settings).await.unwrap();
    }

    /// Stores new tokens of the service account.
    pub(crate) async fn save_tokens(&self, pair: sim::TokenPair) {
        let pair = clients::webex::TokenPair {
            access: pair.access_token.into(),
            refresh: pair.refresh_token.into(),
            access_ends_at: pair.access_ends,
            refresh_ends_at: pair.refresh_ends,
            scope: String::new(),
        };
        let account = self.handle.service_account;
        self.stack.sync().tokens.save(self.tenant(), account, pair).await.unwrap();
    }

    /// Approves the team's pending removals, if any.
    pub(crate) async fn approve_pending(&self, team: TeamId) {
        if let Some(plan) =
            engine::safety::pending_approval::load(self.store(), self.tenant(), team).await.unwrap()
        {
            use engine::safety::pending_approval::ApprovalDecision;
            engine::safety::pending_approval::decide(
                self.store(),
                self.tenant(),
                team,
                &plan.hash(),
                ApprovalDecision::Apply,
                engine::decision::Decider::operator(self.now()),
            )
            .await
            .unwrap();
            self.request_sync(team, Trigger::Administrator).await;
        }
    }

    /// Returns the stored link.
    pub(crate) async fn link_row(&self, team: TeamId) -> Option<LinkRow> {
        self.store()
            .get(&link::key(self.tenant(), team))
            .await
            .unwrap()
            .map(|item| from_item(item).unwrap())
    }

    /// Returns the number of messages that wait in the table.
    pub(crate) async fn waiting_messages(&self) -> usize {
        let pk = store::keys::waiting_partition(self.tenant());
        let query = Query::Partition { pk, prefix: String::new() };
        store::pages::all(self.store(), &query, 1_000).await.unwrap().len()
    }

    /// Returns the stored people of a link.
    pub(crate) async fn people_on_link(&self, team: TeamId) -> BTreeMap<Who, LinkPerson> {
        link::people(self.store(), self.tenant(), team).await.unwrap()
    }

    /// Returns the excluded people of a link, with reasons.
    pub(crate) async fn excluded(&self, team: TeamId) -> BTreeMap<Who, ExclusionReason> {
        let on_link = self.people_on_link(team).await;
        on_link.into_iter().filter_map(|(who, one)| Some((who, one.excluded?))).collect()
    }

    pub(crate) fn message(&self, job: Job, trigger: Trigger) -> Message {
        Message { v: Default::default(), tenant: self.tenant(), at: self.now(), trigger, job }
    }

    /// Handles a message at once, without the queue.
    pub(crate) async fn handle_message(&self, message: &Message) {
        let deadline = Deadline(self.now() + MINUTE);
        self.stack.sync().handle(message, deadline).await.unwrap();
    }

    /// Queues a sync of a team.
    pub(crate) async fn request_sync(&self, team: TeamId, trigger: Trigger) {
        let message = self.message(Job::Team { team, region: None }, trigger);
        self.stack.backend().queue.send_all(&[message]).await.unwrap();
    }

    /// Queues a Graph notification about a group.
    pub(crate) async fn notify_change(&self, group: GroupId) {
        let message = self.message(Job::Group { group }, Trigger::GraphNotification);
        self.stack.backend().queue.send_all(&[message]).await.unwrap();
    }

    /// Queues a Graph notification, and waits until absences are proved.
    pub(crate) async fn notify_change_and_wait(&mut self, group: GroupId) {
        self.notify_change(group).await;
        self.let_pass(PROVED).await;
    }

    /// Moves the clock while nothing runs.
    pub(crate) fn advance_clock(&self, span: SignedDuration) {
        self.stack.backend().clock.advance(span.unsigned_abs());
    }

    /// Scans all people, then syncs a team because of a changed person.
    pub(crate) async fn scan_people_and_sync(&self, team: TeamId) {
        self.stack.scan_people(self.tenant()).await.unwrap();
        self.advance_clock(MINUTE / 60);
        self.request_sync(team, Trigger::Person).await;
    }
}
