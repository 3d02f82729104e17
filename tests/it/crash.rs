//! Crash at every step: each story is cut off after its k-th outside call, for every k, with the call's effect done and not done, and goes on with only what is stored.

use std::future::pending;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::SignedDuration;
use sandbox::house::{House, Reach};
use sandbox::{Person, Role};
use shared::http::{Transport, TransportError};
use shared::ids::TeamId;
use shared::link;
use shared::message::{Ask, Cause, Message};
use shared::queue::{Queue, QueueError};
use shared::store::{Change, Condition, Cursor, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::Notify;

use crate::town::{MINUTE, Town, every_team};

/// Whether the call at which the program dies still takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    NotDone,
    Done,
}

/// Counts outside calls, and blows at one of them.
pub(crate) struct Fuse {
    calls: AtomicUsize,
    at: usize,
    effect: Effect,
    blown: Notify,
}

impl Fuse {
    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        if self.calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return call.await;
        }
        if self.effect == Effect::Done {
            call.await;
        }
        self.blown.notify_one();
        pending().await
    }
}

pub(crate) struct Fused<T: ?Sized> {
    fuse: Arc<Fuse>,
    inner: Arc<T>,
}

#[async_trait]
impl Transport for Fused<dyn Transport> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.fuse.around(self.inner.send(request, timeout)).await
    }
}

#[async_trait]
impl Store for Fused<dyn Store> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.fuse.around(self.inner.get(key)).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.fuse.around(self.inner.get_many(keys)).await
    }
    async fn query(&self, query: &Query, limit: usize, start: Option<&Cursor>) -> Result<Page, StoreError> {
        self.fuse.around(self.inner.query(query, limit, start)).await
    }
    async fn update(&self, key: &Key, changes: Vec<Change>, condition: Condition) -> Result<Item, StoreError> {
        self.fuse.around(self.inner.update(key, changes, condition)).await
    }
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.fuse.around(self.inner.write(writes)).await
    }
}

#[async_trait]
impl Queue for Fused<dyn Queue> {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        self.fuse.around(self.inner.send(message, delay)).await
    }
    async fn send_spaced(&self, messages: &[Message], gap: Duration) -> Result<(), QueueError> {
        self.fuse.around(self.inner.send_spaced(messages, gap)).await
    }
}

/// What people do in a story, and who is where at its end.
trait Story {
    const NAME: &'static str;
    const PEOPLE: usize;
    /// What has happened, and settled, before.
    async fn before(town: &mut Town) -> Option<TeamId>;
    /// What happens.
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId;
    /// What happens between the crash and the next look.
    async fn meanwhile(_: &mut Town, _: TeamId) {}
    /// Who is on both sides at the end: the first of them alone is owner.
    fn at_the_end(people: &[Person]) -> Vec<Person>;
    /// What the team is called at the end.
    const TITLE: &'static str = "Crash";
}

async fn settled_team(town: &mut Town) -> Option<TeamId> {
    let team = town.create_team("Crash", &town.people[..4]);
    town.let_pass(40 * MINUTE).await;
    Some(team)
}

/// What Graph's notification becomes.
async fn hint(town: &Town) {
    let (group, _) = town.group();
    let hint = Message {
        v: Default::default(),
        tenant: town.house.tenants()[0],
        at: town.house.sync().clock.now(),
        cause: Cause::GraphNotification,
        ask: Ask::Group { group },
    };
    town.house.ground().queue.send(&hint, Duration::ZERO).await.unwrap();
}

fn without(people: &[Person], index: usize) -> Vec<Person> {
    people.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, person)| *person).collect()
}

struct Creation;
impl Story for Creation {
    const NAME: &'static str = "creation of a team of 45";
    const PEOPLE: usize = 45;
    async fn before(_: &mut Town) -> Option<TeamId> {
        None
    }
    async fn act(town: &mut Town, _: Option<TeamId>) -> TeamId {
        town.create_team("Crash", &town.people)
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        people.to_vec()
    }
}

struct Join;
impl Story for Join {
    const NAME: &'static str = "join";
    const PEOPLE: usize = 5;
    async fn before(town: &mut Town) -> Option<TeamId> {
        settled_team(town).await
    }
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId {
        town.world().add_to_team(team.unwrap(), town.people[4].person, Role::Member).unwrap();
        team.unwrap()
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        people.to_vec()
    }
}

struct LeaveInWebex;
impl Story for LeaveInWebex {
    const NAME: &'static str = "leave in Webex";
    const PEOPLE: usize = 4;
    async fn before(town: &mut Town) -> Option<TeamId> {
        settled_team(town).await
    }
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId {
        town.world().remove_from_team(team.unwrap(), town.people[2].person).unwrap();
        team.unwrap()
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        without(people, 2)
    }
}

struct LeaveInMicrosoft;
impl Story for LeaveInMicrosoft {
    const NAME: &'static str = "leave in Microsoft 365";
    const PEOPLE: usize = 4;
    async fn before(town: &mut Town) -> Option<TeamId> {
        settled_team(town).await
    }
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId {
        let (group, _) = town.group();
        town.world().remove_member(group, town.people[1].object);
        hint(town).await;
        team.unwrap()
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        without(people, 1)
    }
}

/// Whoever left again before the next look stays out: that the group has the person is our own doing, not an addition.
struct JoinAndLeave;
impl Story for JoinAndLeave {
    const NAME: &'static str = "join, and a leave after the crash";
    const PEOPLE: usize = 5;
    async fn before(town: &mut Town) -> Option<TeamId> {
        settled_team(town).await
    }
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId {
        Join::act(town, team).await
    }
    async fn meanwhile(town: &mut Town, team: TeamId) {
        town.world().remove_from_team(team, town.people[4].person).unwrap();
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        without(people, 4)
    }
}

/// Whoever was put back before the next look stays in: that the team lacks the person is our own doing, not a leave.
struct LeaveAndReturn;
impl Story for LeaveAndReturn {
    const NAME: &'static str = "leave in Microsoft 365, and a return after the crash";
    const PEOPLE: usize = 4;
    async fn before(town: &mut Town) -> Option<TeamId> {
        settled_team(town).await
    }
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId {
        LeaveInMicrosoft::act(town, team).await
    }
    async fn meanwhile(town: &mut Town, _: TeamId) {
        let (group, _) = town.group();
        // After the lag, so that the later act is known to be the later one.
        town.house.ground().clock.advance(Duration::from_secs(16 * 60));
        town.world().add_member(group, town.people[1].object);
        hint(town).await;
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        people.to_vec()
    }
}

struct Rename;
impl Story for Rename {
    const NAME: &'static str = "rename";
    const PEOPLE: usize = 4;
    const TITLE: &'static str = "Renamed";
    async fn before(town: &mut Town) -> Option<TeamId> {
        town.world().set_group_setting(town.handle.directory, "PrefixSuffixNamingRequirement", "GRP_[GroupName]");
        settled_team(town).await
    }
    async fn act(town: &mut Town, team: Option<TeamId>) -> TeamId {
        town.world().rename_team(team.unwrap(), Self::TITLE);
        team.unwrap()
    }
    fn at_the_end(people: &[Person]) -> Vec<Person> {
        people.to_vec()
    }
}

/// Lets time pass with a fuse, until it blows, and leaves a new house on what is stored. Says whether it blew.
pub(crate) async fn until_cut_off(town: &mut Town, fuse: (usize, Effect), span: SignedDuration) -> bool {
    cut_off(town, fuse, async |house, _| house.let_pass(span).await).await
}

/// Does something with a fuse, until it blows, and leaves a new house on what is stored. Says whether it blew.
pub(crate) async fn cut_off(
    town: &mut Town,
    (at, effect): (usize, Effect),
    what: impl AsyncFnOnce(&mut House, &Town),
) -> bool {
    let ground = town.house.ground().clone();
    let fuse = Arc::new(Fuse { calls: AtomicUsize::new(0), at, effect, blown: Notify::new() });
    let reach = Reach {
        transport: Arc::new(Fused { fuse: fuse.clone(), inner: ground.world.transport() }),
        store: Arc::new(Fused::<dyn Store> { fuse: fuse.clone(), inner: ground.store.clone() }),
        queue: Arc::new(Fused::<dyn Queue> { fuse: fuse.clone(), inner: ground.queue.clone() }),
        ..Reach::to(&ground)
    };
    let mut fused = House::reaching_out(&ground, reach).unwrap();
    fused.take_over(town.house.tenants());
    let blown = tokio::select! {
        () = what(&mut fused, town) => false,
        () = fuse.blown.notified() => true,
    };
    drop(fused);
    let mut after = House::new(&ground).unwrap();
    after.take_over(town.house.tenants());
    town.house = after;
    blown
}

/// Runs a story with a fuse; says whether it blew.
async fn run<S: Story>(at: usize, effect: Effect) -> bool {
    let mut town = Town::with_one_tenant(S::PEOPLE, every_team()).await;
    let before = S::before(&mut town).await;
    let team = S::act(&mut town, before).await;
    let blown = until_cut_off(&mut town, (at, effect), 2 * MINUTE).await;
    S::meanwhile(&mut town, team).await;
    town.let_pass(20 * MINUTE).await;
    // What was only lost with a hint is found by the daily look.
    town.house.ground().clock.advance(Duration::from_secs(24 * 60 * 60));
    town.let_pass(20 * MINUTE).await;
    let told = format!("{}, cut off at call {at}, its effect {effect:?}", S::NAME);
    assert_ends_well::<S>(&town, team, &told).await;
    blown
}

async fn assert_ends_well<S: Story>(town: &Town, team: TeamId, told: &str) {
    let world = town.world();
    let groups = world.groups(town.handle.directory);
    assert_eq!(groups.len(), 1, "{told}: one group");
    let group = groups.values().next().unwrap();
    let expected = S::at_the_end(&town.people);
    let seen = world.team(team).unwrap();
    let in_team: Vec<bool> = expected.iter().map(|person| seen.people.contains_key(&person.person)).collect();
    assert!(in_team.iter().all(|there| *there), "{told}: everybody in the team");
    let officer = usize::from(seen.people.contains_key(&town.handle.officer));
    assert_eq!(seen.people.len(), expected.len() + officer, "{told}: nobody else in the team");
    assert_eq!(group.members, expected.iter().map(|person| person.object).collect(), "{told}: members");
    assert_eq!(group.owners, [expected[0].object].into(), "{told}: owners");
    assert_eq!(seen.title, S::TITLE, "{told}");
    assert_eq!(group.display_name.trim_start_matches("GRP_"), S::TITLE, "{told}");
    assert!(world.violations().is_empty(), "{told}: {:?}", world.violations());
    let ground = town.house.ground();
    assert!(ground.queue.dead_letters().is_empty(), "{told}: dead letters");
    for (who, on_link) in link::people(ground.store.as_ref(), town.house.tenants()[0], team).await.unwrap() {
        assert!(on_link.memory.intents.is_empty(), "{told}: {who:?} has open intents");
    }
}

async fn at_every_step<S: Story>() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        let mut at = 0;
        while run::<S>(at, effect).await {
            (at, points) = (at + 1, points + 1);
        }
    }
    // The harness would keep what a passing test prints to itself.
    let mut past_the_harness = std::io::stderr();
    writeln!(past_the_harness, "{}: {points} crash points end well", S::NAME).unwrap();
    assert!(points > 20, "{}: {points} points are too few to be true", S::NAME);
}

#[tokio::test]
async fn a_creation_survives_a_crash_at_every_step() {
    at_every_step::<Creation>().await;
}

#[tokio::test]
async fn a_join_survives_a_crash_at_every_step() {
    at_every_step::<Join>().await;
}

#[tokio::test]
async fn a_leave_in_webex_survives_a_crash_at_every_step() {
    at_every_step::<LeaveInWebex>().await;
}

#[tokio::test]
async fn a_leave_in_microsoft_365_survives_a_crash_at_every_step() {
    at_every_step::<LeaveInMicrosoft>().await;
}

#[tokio::test]
async fn who_left_after_a_crash_stays_out() {
    at_every_step::<JoinAndLeave>().await;
}

#[tokio::test]
async fn who_returned_after_a_crash_stays_in() {
    at_every_step::<LeaveAndReturn>().await;
}

#[tokio::test]
async fn a_rename_survives_a_crash_at_every_step() {
    at_every_step::<Rename>().await;
}
