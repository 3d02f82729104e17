//! One history: people, replicas, messages, crashes, and sync runs by the real functions.

mod reading;
mod sync_run;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use domain::membership::{Eligibility, ExclusionReason, Person, Role, Side, Sides};
use domain::merge::{Direction, Override, PersonRemoval, PersonState};

use super::lies::Lies;
use super::misreading::Misreading;
use super::world::{HOUR, LAG, MINUTE, Ms, Rng, SECOND, World, number, person, timestamp};
use super::{AccountFault, Config, Start};
use sync_run::SyncRun;

/// Lag window of the rule.
pub(super) const LAG_WINDOW: Ms = 15 * MINUTE;

/// Act of a person, or decision of an admin about a held removal.
#[derive(Clone, Copy)]
pub(super) struct Act {
    pub(super) at: Ms,
    pub(super) side: Side,
    pub(super) p: usize,
    pub(super) to: Role,
    pub(super) was: Role,
    pub(super) by: By,
    /// `true` if our write on the person was open.
    pub(super) is_crossed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Person,
    Administrator,
}

/// Write of a sync run.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) at: Ms,
    /// Time of the reading that the write is based on.
    pub(super) read: Ms,
    pub(super) p: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    TeamHint,
    GroupHint,
    Timer,
    Daily,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    Apply,
    Discard,
}

#[derive(Clone, Copy)]
enum Event {
    Act(Side, usize, Role),
    Deleted(usize),
    Restored(usize),
    Known(usize),
    Direction(Direction),
    Decide(Decision),
    Override(usize, Role),
    Check,
    Message(Trigger),
    /// Message that was returned unfinished, with the time of its first delivery.
    Redelivery(Trigger, Ms),
    Due(Ms),
    CheckState(Ms),
    Confirm(Ms),
    Continue,
}

/// Stored state of the link.
pub(super) struct Link {
    pub(super) stored: BTreeMap<Person, PersonState>,
    pub(super) held: Vec<PersonRemoval>,
    approved: BTreeSet<PersonRemoval>,
    discarded: BTreeSet<PersonRemoval>,
    removed: Vec<Ms>,
    synced_at: Ms,
    requested_at: Ms,
    /// End of the lease of a crashed sync run.
    leased_until: Ms,
    due: Option<Ms>,
    check: Option<Ms>,
    confirm: Option<Ms>,
}

impl Link {
    fn new(config: &Config, start: &[Sides<Role>]) -> Self {
        let known = |(p, s): (usize, &Sides<Role>)| {
            let state = if config.start == Start::Equal && s.team.is_present() {
                PersonState {
                    baseline: *s,
                    been_equal: true,
                    before: s.group,
                    ..PersonState::default()
                }
            } else {
                PersonState::default()
            };
            (person(p, 0), state)
        };
        Self {
            stored: start.iter().enumerate().map(known).collect(),
            held: vec![],
            approved: BTreeSet::new(),
            discarded: BTreeSet::new(),
            removed: vec![],
            synced_at: -1,
            requested_at: -1,
            leased_until: -1,
            due: None,
            check: None,
            confirm: None,
        }
    }
}

/// Returns the roles that a history begins with. The first person owns the team.
fn first_roles(config: &Config, rng: &mut Rng) -> Vec<Sides<Role>> {
    let any = |rng: &mut Rng| {
        let highest = if config.owner_limit > 2 { Role::Owner } else { Role::Member };
        rng.pick(&[Role::None, Role::Member, Role::Member, highest])
    };
    (0..config.people)
        .map(|p| {
            let team = if p == 0 { Role::Owner } else { any(rng) };
            let group = if p == 0 || config.start == Start::Equal { team } else { any(rng) };
            Sides { team, group }
        })
        .collect()
}

pub(super) struct History<'a> {
    pub(super) config: &'a Config,
    pub(super) seed: u64,
    rng: Rng,
    pub(super) now: Ms,
    pub(super) end: Ms,
    events: BTreeMap<(Ms, u64), Event>,
    count: u64,
    pub(super) world: World,
    pub(super) lies: Lies,
    /// Writes that were tried, with or without effect: person and time.
    pub(super) tried: Vec<(usize, Ms)>,
    pub(super) accounts: Vec<u8>,
    pub(super) exists: Vec<bool>,
    pub(super) eligibility: Vec<Eligibility>,
    direction: Direction,
    pub(super) link: Link,
    active_run: Option<SyncRun>,
    pub(super) acts: Vec<Act>,
    pub(super) written: Vec<Written>,
    /// Writes that were started but not recorded: person and time.
    pub(super) unrecorded: Vec<(usize, Ms)>,
    pub(super) away: Option<(usize, Ms, Ms)>,
    pub(super) excused: BTreeSet<usize>,
    /// People whose last act on the team is not synced, as a sync run found.
    unsynced: BTreeSet<usize>,
    /// People to whom a write was refused once.
    pub(super) refused: BTreeSet<usize>,
    pub(super) removed_by_people: BTreeSet<usize>,
    pub(super) ever_held: BTreeSet<PersonRemoval>,
    pub(super) bad: BTreeMap<&'static str, usize>,
    pub(super) trace: Option<Vec<String>>,
}

impl<'a> History<'a> {
    pub(super) fn new(config: &'a Config, seed: u64, trace: Option<Vec<String>>) -> Self {
        let mut rng = Rng::new(seed);
        let n = config.people;
        let start = first_roles(config, &mut rng);
        let link = Link::new(config, &start);
        let mut history = Self {
            config,
            seed,
            now: 0,
            end: 0,
            events: BTreeMap::new(),
            count: 0,
            world: World::new(&start, config.owner_limit),
            lies: Lies::new(&Config { lies: &[], ..*config }, seed, 0).0,
            tried: vec![],
            accounts: vec![0; n],
            exists: vec![true; n],
            eligibility: vec![Eligibility::Eligible { returned: None }; n],
            direction: Direction::Both,
            link,
            active_run: None,
            acts: vec![],
            written: vec![],
            unrecorded: vec![],
            unsynced: BTreeSet::new(),
            away: None,
            excused: BTreeSet::new(),
            refused: BTreeSet::new(),
            removed_by_people: BTreeSet::new(),
            ever_held: BTreeSet::new(),
            bad: BTreeMap::new(),
            trace,
            rng,
        };
        history.plan_events();
        history
    }

    fn plan_events(&mut self) {
        let Config { people, gap, account_fault, acts: (min, max), .. } = *self.config;
        let mut at = 0;
        if self.config.start == Start::Unlinked {
            self.put(1, Event::Message(Trigger::GroupHint));
            at = 2 * LAG_WINDOW;
        }
        for _ in 0..min + self.rng.below(max - min + 1) {
            at += match gap {
                None => self.rng.between(5 * SECOND, 25 * MINUTE),
                Some(gap) => gap + self.rng.between(0, 10 * MINUTE),
            };
            let side = self.rng.pick(&Side::BOTH);
            let to =
                self.rng.pick(&[Role::None, Role::None, Role::Member, Role::Member, Role::Owner]);
            let p = self.rng.below(people);
            self.put(at, Event::Act(side, p, to));
        }
        let mut last = at;
        if account_fault != AccountFault::None {
            let p = self.rng.below(people);
            let deleted = self.rng.between(0, at + 10 * MINUTE);
            let restored = deleted + self.rng.pick(&[5 * MINUTE, 20 * MINUTE, 83 * MINUTE]);
            self.put(deleted, Event::Deleted(p));
            self.put(restored, Event::Restored(p));
            last = last.max(restored);
        }
        if self.config.directions {
            for _ in 0..1 + self.rng.below(2) {
                let changed = self.rng.between(0, at + 30 * MINUTE);
                let to =
                    self.rng.pick(&[Direction::Both, Direction::Microsoft, Direction::Microsoft]);
                self.put(changed, Event::Direction(to));
            }
            last = last.max(at + 65 * MINUTE);
            self.put(at + 65 * MINUTE, Event::Direction(Direction::Both));
        }
        if self.config.guard {
            for _ in 0..self.rng.below(3) {
                let at = self.rng.between(10 * MINUTE, at + 100 * MINUTE);
                let decision = self.rng.pick(&[Decision::Apply, Decision::Discard]);
                self.put(at, Event::Decide(decision));
            }
        }
        if self.config.overrides {
            for _ in 0..1 + self.rng.below(2) {
                let at = self.rng.between(0, at + 60 * MINUTE);
                let p = self.rng.below(people);
                let to = self.rng.pick(&[Role::None, Role::Member, Role::Owner]);
                self.put(at, Event::Override(p, to));
            }
            last = last.max(at + 60 * MINUTE);
        }
        let (lies, hints) = Lies::new(self.config, self.seed, last);
        self.end = (last + self.config.hours * HOUR).max(lies.calm + 2 * HOUR);
        self.lies = lies;
        for at in hints {
            self.put(at, Event::Message(Trigger::TeamHint));
        }
        self.put(last + 2 * HOUR, Event::Check);
        for k in 0..4 {
            self.put(self.end + k * 20 * MINUTE, Event::Message(Trigger::Daily));
        }
    }

    fn put(&mut self, at: Ms, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    fn hint(&mut self, side: Side, low: Ms, high: Ms) {
        let at = self.now + self.rng.between(low, high);
        if self.rng.percent(self.config.lost) {
            return;
        }
        let trigger = if side == Side::Team { Trigger::TeamHint } else { Trigger::GroupHint };
        self.put(at, Event::Message(trigger));
    }

    pub(super) fn misreads(&self, how: Misreading) -> bool {
        self.config.misreading == Some(how)
    }

    pub(super) fn log(&mut self, what: Arguments<'_>) {
        let at = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:9.1} {what}", at as f64 / 1000.0));
        }
    }

    pub(super) fn report(&mut self, what: &'static str) {
        *self.bad.entry(what).or_default() += 1;
        self.log(format_args!("!! {what}"));
    }

    pub(super) fn run(&mut self) {
        while let Some(((at, _), event)) = self.events.pop_first() {
            self.now = at;
            if at > self.end + 4 * HOUR {
                self.report("sync runs never end");
                break;
            }
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Act(side, p, to) => self.act(side, p, to),
            Event::Deleted(p) => self.remove_account(p),
            Event::Restored(p) => self.restore_account(p),
            Event::Known(p) => self.update_eligibility(p),
            Event::Direction(direction) => self.change_direction(direction),
            Event::Decide(decision) => self.decide_removals(decision),
            Event::Override(p, to) => self.set_override(p, to),
            Event::Check => self.check(),
            Event::Continue => self.proceed(),
            Event::Message(trigger) => self.receive(trigger, None),
            Event::Redelivery(trigger, at) => self.receive(trigger, Some(at)),
            Event::Due(at) if self.link.due == Some(at) => self.receive(Trigger::Timer, None),
            Event::Confirm(at) if self.link.confirm == Some(at) => {
                self.receive(Trigger::Timer, None)
            }
            Event::CheckState(at) if self.link.check == Some(at) => {
                self.receive(Trigger::Timer, None)
            }
            Event::Due(_) | Event::Confirm(_) | Event::CheckState(_) => {}
        }
    }

    fn act(&mut self, side: Side, p: usize, to: Role) {
        let was = self.world.is(p, side);
        if was == to || self.world.act(p, side, to, &mut self.rng, self.now).is_err() {
            return;
        }
        if to == Role::None {
            self.removed_by_people.insert(p);
        }
        if self.direction == Direction::Microsoft && side == Side::Team {
            self.excused.insert(p);
        }
        if side == Side::Team {
            self.unsynced.remove(&p);
        }
        let is_crossed = self.has_open_write(p);
        self.acts.push(Act { at: self.now, side, p, to, was, by: By::Person, is_crossed });
        self.log(format_args!("HUMAN {side} {p}: {was} -> {to}"));
        if side == Side::Team {
            self.hint(side, SECOND / 2, 5 * SECOND);
        } else {
            self.hint(side, SECOND, 20 * SECOND);
            self.hint(side, 0, LAG);
        }
    }

    /// Returns `true` if our write on the person may not be visible yet.
    fn has_open_write(&self, p: usize) -> bool {
        let state = self.link.stored.get(&person(p, self.accounts[p]));
        let is_open = |state: &PersonState| {
            state.unconfirmed != Sides::default()
                || !state.intents.is_empty()
                || state.unanswered.is_some()
        };
        let span = self.now - LAG_WINDOW - MINUTE..=self.now;
        state.is_some_and(is_open)
            || self.tried.iter().any(|(who, at)| *who == p && span.contains(at))
    }

    fn remove_account(&mut self, p: usize) {
        self.log(format_args!("{:?}: {p} is deleted", self.config.account_fault));
        self.away = Some((p, self.now, Ms::MAX));
        self.exists[p] = false;
        match self.config.account_fault {
            AccountFault::Restored => {
                self.world.delete_entra_user(p, &mut self.rng, self.now);
                self.hint(Side::Group, SECOND, 20 * SECOND);
            }
            AccountFault::Rehired => {
                self.world.delete_webex_user(p);
                self.hint(Side::Team, SECOND, 20 * SECOND);
            }
            AccountFault::None | AccountFault::Cleared => {}
        }
        let known = self.now + self.rng.between(0, 10 * MINUTE);
        self.put(known, Event::Known(p));
    }

    fn restore_account(&mut self, p: usize) {
        self.log(format_args!("{:?}: {p} is restored", self.config.account_fault));
        self.exists[p] = true;
        match self.config.account_fault {
            AccountFault::Restored => self.world.restore_entra_user(&mut self.rng, self.now),
            AccountFault::Rehired => {
                self.world.recreate_webex_user();
                self.accounts[p] += u8::from(!self.misreads(Misreading::SamePersonAfterRehire));
            }
            AccountFault::None | AccountFault::Cleared => {}
        }
        let known = self.now + self.rng.between(SECOND, 5 * MINUTE);
        self.put(known, Event::Known(p));
    }

    fn update_eligibility(&mut self, p: usize) {
        self.eligibility[p] = if self.exists[p] {
            self.away = self.away.map(|(p, from, _)| (p, from, self.now));
            self.put(self.now + SECOND, Event::Message(Trigger::TeamHint));
            self.put(self.now + LAG_WINDOW + SECOND, Event::Message(Trigger::TeamHint));
            Eligibility::Eligible { returned: Some(timestamp(self.now)) }
        } else {
            if self.misreads(Misreading::BaselineDroppedOnExclusion) {
                self.link.stored.insert(person(p, self.accounts[p]), PersonState::default());
            }
            Eligibility::Excluded { reason: ExclusionReason::NotSynchronized }
        };
    }

    fn change_direction(&mut self, direction: Direction) {
        self.log(format_args!("DIRECTION {direction:?}"));
        if direction == Direction::Microsoft {
            let unsettled = |p: &usize| {
                let is_fresh = |act: &&Act| act.p == *p && self.now - act.at < LAG_WINDOW + LAG;
                self.world.team[*p] != self.world.group(*p)
                    || self.acts.iter().any(|act| is_fresh(&act))
            };
            let excused: Vec<usize> = (0..self.config.people).filter(unsettled).collect();
            self.excused.extend(excused);
        }
        self.direction = direction;
        self.put(self.now + SECOND, Event::Message(Trigger::TeamHint));
    }

    fn decide_removals(&mut self, decision: Decision) {
        for held in self.link.held.clone() {
            let (side, to) = match decision {
                Decision::Apply => (held.side.other(), Role::None),
                Decision::Discard => (held.side, Role::Member),
            };
            let p = number(held.person);
            // A listing lacked them, and they are there: nothing follows from the decision.
            let is_lie =
                !self.config.lies.is_empty() && self.world.is(p, held.side.other()).is_present();
            self.log(format_args!(
                "ADMIN {} removal of {p} from the {}",
                decision.verb(),
                held.side
            ));
            if !is_lie {
                let (was, by) = (Role::Owner, By::Administrator);
                self.acts.push(Act { at: self.now, side, p, to, was, by, is_crossed: false });
            }
            match decision {
                Decision::Apply => self.link.approved.insert(held),
                Decision::Discard => self.link.discarded.insert(held),
            };
        }
        self.put(self.now + SECOND, Event::Message(Trigger::TeamHint));
    }
}

impl History<'_> {
    /// Stores an admin's override for a person, who sees the last known roles.
    fn set_override(&mut self, p: usize, to: Role) {
        let is_eligible = self.eligibility[p] == Eligibility::Eligible { returned: None };
        let Some(state) = self.link.stored.get_mut(&person(p, self.accounts[p])) else {
            return;
        };
        let shown = state.baseline;
        if state.has_begun_override(timestamp(self.now))
            || self.active_run.is_some()
            || self.now < self.link.leased_until
            || !is_eligible
            || shown == Sides::each(|_| to)
        {
            return;
        }
        let both = Sides::each(|_| to);
        state.role_override = Some(Override { to: both, shown, at: timestamp(self.now) });
        self.log(format_args!("ADMIN overrides {p} as {to}"));
        if to == Role::None {
            self.removed_by_people.insert(p);
        }
        for side in Side::BOTH {
            let was = self.world.is(p, side);
            let by = By::Administrator;
            self.acts.push(Act { at: self.now, side, p, to, was, by, is_crossed: false });
        }
        self.put(self.now + SECOND, Event::Message(Trigger::TeamHint));
    }
}

impl Decision {
    fn verb(self) -> &'static str {
        match self {
            Self::Apply => "applies",
            Self::Discard => "discards",
        }
    }
}
