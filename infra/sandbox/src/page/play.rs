//! The functions on their ground, the customers, the clock, and what is known of all of it for the page.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use domain::membership::LeftOut;
use engine::link::{self, Kept, Who};
use engine::tenant::suspension::Why;
use engine::tenant::{Folders, NewTeams, Settings};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::message::{Ask, Message};
use store::table::{Key, Query, Store, from_item};
use uuid::Uuid;

use super::act::On;
use super::cast::Customer;
use super::log::{Entry, EntryKind, Log, Words};
use super::telling::Telling;
use super::trouble::{Switch, Trouble, Troubles};
use super::watch::{Seen, Watch};
use super::words;
use crate::house::{Ground, House, HouseError};
use crate::record::{Call, Kind};
use crate::spoken::spoken;
use crate::world::{Refused, World};

/// How fine the clock moves: nothing comes later than this after it was due.
const GRAIN: Duration = Duration::from_millis(500);

/// How long the customers have been at it when the page opens.
const BEFORE: SignedDuration = SignedDuration::from_mins(25);

/// The most that passes at once.
pub const LONGEST_JUMP: Duration = Duration::from_secs(2 * 86_400);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The functions could not be set up.
    #[error(transparent)]
    House(#[from] HouseError),
    /// A simulated service refused what the first people do.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The beginning is no time.
    #[error(transparent)]
    Start(#[from] jiff::Error),
}

/// How fast simulated time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speed {
    /// It stands still.
    Paused,
    /// As the wall clock does.
    Real,
    /// Ten seconds in one.
    Ten,
    /// A minute in a second.
    Sixty,
}

impl Speed {
    fn times(self) -> u32 {
        match self {
            Self::Paused => 0,
            Self::Real => 1,
            Self::Ten => 10,
            Self::Sixty => 60,
        }
    }
}

/// Both sides and the functions between them, being played with.
pub struct Play {
    pub(super) house: House,
    pub(super) watch: Arc<Watch>,
    pub(super) customers: Vec<Customer>,
    pub(super) log: Log,
    pub(super) speed: Speed,
    pub(super) troubles: Troubles,
    pub(super) telling: Telling,
    /// What the clock should show by now: calls move it, too.
    due: Timestamp,
    /// When each round that was told began.
    rounds: BTreeMap<TenantId, Timestamp>,
    /// Why a customer stood still in its last round.
    standstills: BTreeMap<TenantId, Option<Why>>,
    /// What each link last said of itself.
    states: BTreeMap<TeamId, (link::State, Option<String>)>,
    left_out: BTreeSet<(TeamId, Who, LeftOut)>,
}

pub(super) fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

impl Play {
    /// Two customers who have used the integration for half an hour.
    ///
    /// # Errors
    /// None in practice: all of it is simulated.
    pub async fn begin() -> Result<Self, PlayError> {
        let start: Timestamp = "2026-11-23T08:00:00Z".parse()?;
        let ground = Ground::new(start, 365);
        let watch = Watch::over(&ground);
        let mut house = House::reaching_out(&ground, watch.reach(&ground))?;
        let mut customers = vec![Customer::contoso(&ground)?, Customer::fabrikam(&ground.world)?];
        let settings = Settings {
            switched_on_at: Some(start),
            new_teams: NewTeams::Every,
            folders: Folders::EachSpace,
            ..Settings::default()
        };
        for customer in &mut customers {
            customer.tenant = house.sign_up(&customer.handle, settings.clone()).await?;
            house.consent_to_files(customer.tenant, &customer.handle).await?;
        }
        watch.take();
        let mut play = Self {
            house,
            watch,
            customers,
            log: Log::default(),
            speed: Speed::Ten,
            troubles: Troubles::default(),
            telling: Telling::default(),
            due: start,
            rounds: BTreeMap::new(),
            standstills: BTreeMap::new(),
            states: BTreeMap::new(),
            left_out: BTreeSet::new(),
        };
        play.pass(BEFORE).await;
        Ok(play)
    }

    /// The simulated services.
    pub fn world(&self) -> &World {
        &self.house.ground().world
    }

    /// The simulated moment.
    pub fn now(&self) -> Timestamp {
        self.house.ground().clock.now()
    }

    /// What happened after the entry of this number, oldest first.
    pub fn entries_after(&self, n: u64) -> impl Iterator<Item = &Entry> {
        self.log.after(n)
    }

    /// Simulated time passes so fast from now on; nothing changes where nothing is said.
    pub fn speed(&mut self, speed: Option<Speed>) {
        self.speed = speed.unwrap_or(self.speed);
    }

    /// Lets wall time pass, at the chosen speed.
    pub async fn tick(&mut self, elapsed: Duration) {
        let moves = elapsed.saturating_mul(self.speed.times());
        self.hear(Told::ByHand).await;
        if moves.is_zero() {
            return;
        }
        self.due = self.due.max(self.now() - SignedDuration::from_secs(5)) + moves;
        // The clock shows milliseconds, and no less.
        while self.now().as_millisecond() < self.due.as_millisecond() {
            let clock = self.house.ground().clock.clone();
            clock.advance_to(self.due.min(clock.now() + GRAIN));
            self.keep_up().await;
        }
        self.tell_on().await;
    }

    /// Lets simulated time pass at once.
    pub async fn pass(&mut self, span: SignedDuration) {
        self.hear(Told::ByHand).await;
        let end = self.now() + span;
        while self.now() < end {
            let part = end.duration_since(self.now()).min(SignedDuration::from_mins(1));
            let watch = self.watch.clone();
            let is_cut_off = tokio::select! {
                biased;
                () = watch.blown.notified() => true,
                () = self.house.let_pass(part) => false,
            };
            self.after(is_cut_off).await;
            self.tell_on().await;
            tokio::task::yield_now().await;
        }
        self.due = self.now();
    }

    async fn keep_up(&mut self) {
        let watch = self.watch.clone();
        let is_cut_off = tokio::select! {
            biased;
            () = watch.blown.notified() => true,
            () = self.house.keep_up() => false,
        };
        self.after(is_cut_off).await;
    }

    async fn after(&mut self, is_cut_off: bool) {
        self.hear(Told::ByFunctions).await;
        if is_cut_off {
            self.rebuild();
        }
    }

    /// The functions start anew, on what was stored.
    fn rebuild(&mut self) {
        let ground = self.house.ground().clone();
        let tenants = self.house.tenants().to_vec();
        match House::reaching_out(&ground, self.watch.reach(&ground)) {
            Ok(mut house) => {
                house.take_over(&tenants);
                self.house = house;
            }
            Err(error) => tracing::error!(%error, "the functions could not be built anew"),
        }
        self.troubles.is_over(Trouble::Crash);
        let text = "The functions were cut off in the middle of a look: the last write took effect, and they never heard of it. They start anew with nothing but what is stored.";
        self.note(None, EntryKind::Trouble, Words::from(text).about(Trouble::Crash.described().title));
    }

    /// Writes something down.
    pub(super) fn note(&mut self, tenant: Option<&'static str>, kind: EntryKind, words: impl Into<Words>) {
        self.log.add(self.now(), tenant, kind, words);
    }

    /// Writes down what was seen since the last time, and what became of links.
    async fn hear(&mut self, told: Told) {
        let seen = self.watch.take();
        if seen.is_empty() {
            return;
        }
        let names = self.names();
        seen.into_iter().for_each(|seen| self.write_down(seen, &names, told));
        if told == Told::ByFunctions {
            self.hear_rounds().await;
            self.look_at_links().await;
        }
    }

    fn write_down(&mut self, seen: Seen, names: &HashMap<Uuid, String>, told: Told) {
        match seen {
            Seen::Message(at, message) => self.write_message(at, &message),
            Seen::Activity(tenant, team, activity) => {
                let Some(customer) = self.customers.iter().find(|customer| customer.tenant == tenant) else { return };
                let title = self.title(On::Team(team));
                let name = |change: &engine::activity::PersonChange| {
                    let known = customer.of_person(change.person.person);
                    known.map_or_else(|| "Somebody".to_owned(), |somebody| somebody.name.clone())
                };
                let slug = customer.slug;
                for words in words::decisions(&activity, &name) {
                    self.log.add(activity.at, Some(slug), EntryKind::Decision, words.about(title.clone()));
                }
            }
            Seen::Call(call) => self.write_call(&call, names, told),
        }
    }

    fn write_message(&mut self, moment: Timestamp, message: &Message) {
        let Some(at) = self.customers.iter().position(|customer| customer.tenant == message.tenant) else { return };
        let slug = self.customers[at].slug;
        let team = match &message.ask {
            Ask::Team { team, .. } | Ask::Folders { team } => Some(On::Team(*team)),
            Ask::Room { room, .. } => Some(On::Team(room.as_team())),
            Ask::Group { group } => Some(On::Group(*group)),
            Ask::CardAnswered { .. } | Ask::SubscriptionLifecycle { .. } | Ask::Person { .. } => None,
        };
        let words = Words::from(words::cause(message.cause));
        let words = match team {
            Some(on) => words.about(self.title(on)),
            None => words,
        };
        self.log.add(moment, Some(slug), EntryKind::Message, words);
    }

    fn write_call(&mut self, call: &Call, names: &HashMap<Uuid, String>, told: Told) {
        let owner = call.owner.and_then(|owner| {
            let is_own = |customer: &&Customer| [customer.handle.org.0, customer.handle.directory.0].contains(&owner);
            self.customers.iter().find(is_own).map(|customer| customer.slug)
        });
        let kind = |kind: Kind, status: u16| match (kind, status) {
            (_, 0 | 401 | 403 | 429 | 500..) => EntryKind::Refusal,
            (Kind::Write, _) => EntryKind::Write,
            (Kind::Read, _) => EntryKind::Read,
        };
        let by = if told == Told::ByHand { ", by hand" } else { "" };
        let mut add = |method: &str, path: &str, status: u16, of: Kind, via: &str| {
            let text = format!("{method} {}", spoken(path, names));
            let about = Some(format!("{:?}{via}{by}", call.service));
            self.log.add(
                call.at,
                owner,
                kind(of, status),
                Words { text, about, status: Some(status), ..Words::default() },
            );
        };
        if call.items.is_empty() {
            add(&call.method, &call.path, call.status.unwrap_or(0), call.kind, "");
        }
        for item in &call.items {
            add(&item.method, &item.path, item.status, item.kind, " $batch");
        }
    }

    async fn hear_rounds(&mut self) {
        for at in 0..self.customers.len() {
            let Some(found) = self.last_round(at).await else { continue };
            let Customer { slug, tenant, .. } = self.customers[at];
            if self.rounds.insert(tenant, found.began) == Some(found.began) {
                continue;
            }
            self.log.add(found.began, Some(slug), EntryKind::Round, Words::from(found.in_words()));
            let before = self.standstills.insert(tenant, found.standstill);
            let words = match (before.flatten(), found.standstill) {
                (Some(_), None) => Some("It goes on."),
                (before, now) if before != now => now.map(Why::line),
                _ => None,
            };
            if let Some(words) = words {
                self.note(Some(slug), EntryKind::Caution, Words::from(words).about("Standstill"));
            }
        }
    }

    /// Says what a link says of itself when it says something new, and who is left out from now on.
    async fn look_at_links(&mut self) {
        for at in 0..self.customers.len() {
            let slug = self.customers[at].slug;
            for (team, kept) in self.links(at).await {
                let said = (kept.link.state(), words::reason(&kept.link));
                let title = kept.link.title.clone();
                let before = self.states.insert(team, said.clone());
                if before.as_ref() != Some(&said) {
                    let text = match (said.0, &said.1, before) {
                        (link::State::Active | link::State::Creating | link::State::Asked, ..) => None,
                        (state, Some(reason), _) => Some(format!("{}: {reason}", capital(&state.to_string()))),
                        (state, None, _) => Some(capital(&state.to_string())),
                    };
                    if let Some(text) = text {
                        self.note(Some(slug), EntryKind::Caution, Words::from(text).about(title.clone()));
                    }
                }
                self.hear_who_is_left_out(at, team, &title).await;
            }
        }
    }

    async fn hear_who_is_left_out(&mut self, at: usize, team: TeamId, title: &str) {
        let (customer, store) = (&self.customers[at], self.house.ground().store.clone());
        let slug = customer.slug;
        let Ok(people) = link::people(store.as_ref(), customer.tenant, team).await else { return };
        let now: BTreeSet<_> =
            people.iter().filter_map(|(who, on_link)| Some((team, *who, on_link.left_out?))).collect();
        let new: Vec<_> = now.difference(&self.left_out).copied().collect();
        self.left_out.retain(|one| one.0 != team || now.contains(one));
        for (_, who, reason) in &new {
            let text = format!("{} is left out. {}", self.name_of(at, *who), reason.explanation());
            self.note(Some(slug), EntryKind::Caution, Words::from(text).about(title));
        }
        self.left_out.extend(new);
    }
}

/// Who made the calls that were seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    ByFunctions,
    ByHand,
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Who and what there is.
impl Play {
    /// The customer whose team or group it is.
    pub(super) fn customer_of(&self, on: On) -> Result<usize, Refused> {
        let world = self.world();
        let found = self.customers.iter().position(|customer| match on {
            On::Team(team) => world.teams(customer.handle.org).contains(&team),
            On::Group(group) => world.groups(customer.handle.directory).contains_key(&group),
        });
        found.ok_or_else(|| refused("There is no such team or group."))
    }

    /// The customer who has this account.
    pub(super) fn whose(&self, person: Uuid) -> Result<usize, Refused> {
        let found = self.customers.iter().position(|customer| customer.somebody(person).is_some());
        found.ok_or_else(|| refused("Nobody has this id."))
    }

    /// The customer of this name.
    pub(super) fn named(&self, slug: &str) -> Result<usize, Refused> {
        let found = self.customers.iter().position(|customer| customer.slug == slug);
        found.ok_or_else(|| refused(format!("There is no customer “{slug}”.")))
    }

    pub(super) fn title(&self, on: On) -> String {
        let world = self.world();
        let title = match on {
            On::Team(team) => world.team(team).map(|team| team.title),
            On::Group(group) => world.group(group).map(|group| group.display_name),
        };
        title.unwrap_or_else(|| "deleted".into())
    }

    pub(super) fn name_of(&self, at: usize, who: Who) -> String {
        let customer = &self.customers[at];
        let known = match who {
            Who::Person(person) => customer.of_person(person.person),
            Who::Webex(person) => customer.of_person(person),
            Who::Entra(object) => customer.of_object(object),
        };
        known.map_or_else(|| "Somebody".to_owned(), |somebody| somebody.name.clone())
    }

    /// The customer's links, by team.
    pub(super) async fn links(&self, at: usize) -> BTreeMap<TeamId, Kept> {
        let Key { pk, .. } = link::key(self.customers[at].tenant, TeamId(Uuid::nil()));
        let query = Query::Partition { pk, prefix: String::new() };
        // A thousand links are more than anybody makes by hand.
        let page = self.house.ground().store.query(&query, 1000, None).await;
        let items = page.map(|page| page.items).unwrap_or_default();
        let kept = items.into_iter().filter_map(|item| from_item::<Kept>(item).ok());
        kept.map(|kept| (kept.link.team, kept)).collect()
    }

    /// What calls name, in words.
    fn names(&self) -> HashMap<Uuid, String> {
        let world = self.world();
        let mut names = HashMap::new();
        for customer in &self.customers {
            for somebody in &customer.people {
                names.extend(somebody.object.map(|object| (object.0, somebody.first_name().to_owned())));
                names.extend(somebody.person.map(|person| (person.0, somebody.first_name().to_owned())));
            }
            names.insert(customer.handle.officer.0, "officer".into());
            names.insert(customer.handle.org.0, customer.handle.name.clone());
            names.insert(customer.handle.directory.0, customer.handle.name.clone());
            let teams = world.teams(customer.handle.org).into_iter();
            names.extend(teams.map(|team| (team.0, self.title(On::Team(team)))));
            let groups = world.groups(customer.handle.directory).into_iter();
            names.extend(groups.map(|(group, seen)| (group.0, seen.display_name)));
        }
        names
    }

    /// Does what the story says next.
    pub(super) async fn switch_quietly(&mut self, at: usize, trouble: Trouble, switch: Switch) {
        if let Err(refused) = self.switch(at, trouble, switch).await {
            tracing::warn!(%refused, "the story could not make a trouble");
        }
    }
}
