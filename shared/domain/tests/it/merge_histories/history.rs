//! One history: people, replicas, messages, crashes, and looks made of the real functions.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use domain::membership::{LeftOut, Participation, Person, Side, Sides, Standing};
use domain::merge::{Direction, Held, Instruction, Memory};

use super::misreading::Misreading;
use super::world::{HOUR, LAG, MINUTE, Ms, Rng, SECOND, World, number, person, timestamp};
use super::{Config, Start, Trouble};
use look::Look;

/// Fifteen minutes.
pub(super) const RECENT: Ms = 15 * MINUTE;

/// A human act, or an administrator's decision about a held removal.
#[derive(Clone, Copy)]
pub(super) struct Act {
    pub(super) at: Ms,
    pub(super) side: Side,
    pub(super) p: usize,
    pub(super) to: Standing,
    pub(super) was: Standing,
    pub(super) by: By,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Person,
    Administrator,
}

/// A write of ours.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) at: Ms,
    /// When what it followed from was read.
    pub(super) read: Ms,
    pub(super) p: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
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
    Act(Side, usize, Standing),
    Goes(usize),
    Returns(usize),
    Known(usize),
    Turns(Direction),
    Decides(Decision),
    Instructs(usize, Standing),
    Check,
    Message(Cause),
    /// A message that was given back unfinished, first received then.
    Redelivery(Cause, Ms),
    Due(Ms),
    Confirm(Ms),
    Continue,
}

/// What the integration has stored of the link.
pub(super) struct Link {
    pub(super) stored: BTreeMap<Person, Memory>,
    pub(super) held: Vec<Held>,
    approved: BTreeSet<Held>,
    discarded: BTreeSet<Held>,
    removed: Vec<Ms>,
    looked: Ms,
    wanted: Ms,
    /// Until when a dead look's lease stands.
    leased: Ms,
    due: Option<Ms>,
    confirm: Option<Ms>,
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
    pub(super) accounts: Vec<u8>,
    pub(super) exists: Vec<bool>,
    pub(super) participation: Vec<Participation>,
    direction: Direction,
    pub(super) link: Link,
    holder: Option<Look>,
    pub(super) acts: Vec<Act>,
    pub(super) written: Vec<Written>,
    /// Writes that were made, or begun, and are on no record: of whom, and when.
    pub(super) unrecorded: Vec<(usize, Ms)>,
    pub(super) away: Option<(usize, Ms, Ms)>,
    pub(super) excused: BTreeSet<usize>,
    /// Whose last act on the team a look has found not to be carried.
    uncarried: BTreeSet<usize>,
    /// To whom a write was once refused.
    pub(super) refused: BTreeSet<usize>,
    pub(super) removed_by_people: BTreeSet<usize>,
    pub(super) ever_held: BTreeSet<Held>,
    pub(super) bad: BTreeMap<&'static str, usize>,
    pub(super) trace: Option<Vec<String>>,
}

impl<'a> History<'a> {
    pub(super) fn new(config: &'a Config, seed: u64, trace: Option<Vec<String>>) -> Self {
        let mut rng = Rng::new(seed);
        let n = config.people;
        let any = |rng: &mut Rng| {
            let most = if config.owner_limit > 2 { Standing::Owner } else { Standing::Member };
            rng.pick(&[Standing::Absent, Standing::Member, Standing::Member, most])
        };
        let start: Vec<Sides<Standing>> = (0..n)
            .map(|p| {
                let team = if p == 0 { Standing::Owner } else { any(&mut rng) };
                let group = if p == 0 || config.start == Start::InStep { team } else { any(&mut rng) };
                Sides { team, group }
            })
            .collect();
        let known = |(p, s): (usize, &Sides<Standing>)| {
            let memory = if config.start == Start::InStep && s.team.is_present() {
                Memory { agreed: *s, been_equal: true, before: s.group, ..Memory::default() }
            } else {
                Memory::default()
            };
            (person(p, 0), memory)
        };
        let link = Link {
            stored: start.iter().enumerate().map(known).collect(),
            held: vec![],
            approved: BTreeSet::new(),
            discarded: BTreeSet::new(),
            removed: vec![],
            looked: -1,
            wanted: -1,
            leased: -1,
            due: None,
            confirm: None,
        };
        let mut history = Self {
            config,
            seed,
            now: 0,
            end: 0,
            events: BTreeMap::new(),
            count: 0,
            world: World::new(&start, config.owner_limit),
            accounts: vec![0; n],
            exists: vec![true; n],
            participation: vec![Participation::TakesPart { returned: None }; n],
            direction: Direction::Both,
            link,
            holder: None,
            acts: vec![],
            written: vec![],
            unrecorded: vec![],
            uncarried: BTreeSet::new(),
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
        let Config { people, gap, trouble, acts: (least, most), .. } = *self.config;
        let mut at = 0;
        if self.config.start == Start::Unlinked {
            self.put(1, Event::Message(Cause::GroupHint));
            at = 2 * RECENT;
        }
        for _ in 0..least + self.rng.below(most - least + 1) {
            at += match gap {
                None => self.rng.between(5 * SECOND, 25 * MINUTE),
                Some(gap) => gap + self.rng.between(0, 10 * MINUTE),
            };
            let side = self.rng.pick(&Side::BOTH);
            let to = self.rng.pick(&[
                Standing::Absent,
                Standing::Absent,
                Standing::Member,
                Standing::Member,
                Standing::Owner,
            ]);
            let p = self.rng.below(people);
            self.put(at, Event::Act(side, p, to));
        }
        let mut last = at;
        if trouble != Trouble::None {
            let p = self.rng.below(people);
            let goes = self.rng.between(0, at + 10 * MINUTE);
            let returns = goes + self.rng.pick(&[5 * MINUTE, 20 * MINUTE, 83 * MINUTE]);
            self.put(goes, Event::Goes(p));
            self.put(returns, Event::Returns(p));
            last = last.max(returns);
        }
        if self.config.directions {
            for _ in 0..1 + self.rng.below(2) {
                let turn = self.rng.between(0, at + 30 * MINUTE);
                let to = self.rng.pick(&[Direction::Both, Direction::Microsoft, Direction::Microsoft]);
                self.put(turn, Event::Turns(to));
            }
            last = last.max(at + 65 * MINUTE);
            self.put(at + 65 * MINUTE, Event::Turns(Direction::Both));
        }
        if self.config.brake {
            for _ in 0..self.rng.below(3) {
                let decided = self.rng.between(10 * MINUTE, at + 100 * MINUTE);
                let what = self.rng.pick(&[Decision::Apply, Decision::Discard]);
                self.put(decided, Event::Decides(what));
            }
        }
        if self.config.instructions {
            for _ in 0..1 + self.rng.below(2) {
                let given = self.rng.between(0, at + 60 * MINUTE);
                let p = self.rng.below(people);
                let to = self.rng.pick(&[Standing::Absent, Standing::Member, Standing::Owner]);
                self.put(given, Event::Instructs(p, to));
            }
            last = last.max(at + 60 * MINUTE);
        }
        self.end = last + self.config.hours * HOUR;
        self.put(last + 2 * HOUR, Event::Check);
        for k in 0..4 {
            self.put(self.end + k * 20 * MINUTE, Event::Message(Cause::Daily));
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
        let cause = if side == Side::Team { Cause::TeamHint } else { Cause::GroupHint };
        self.put(at, Event::Message(cause));
    }

    pub(super) fn misreads(&self, how: Misreading) -> bool {
        self.config.misreading == Some(how)
    }

    pub(super) fn say(&mut self, what: Arguments<'_>) {
        let at = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:9.1} {what}", at as f64 / 1000.0));
        }
    }

    pub(super) fn is_bad(&mut self, what: &'static str) {
        *self.bad.entry(what).or_default() += 1;
        self.say(format_args!("!! {what}"));
    }

    pub(super) fn run(&mut self) {
        while let Some(((at, _), event)) = self.events.pop_first() {
            self.now = at;
            if at > self.end + 4 * HOUR {
                self.is_bad("looks that never end");
                break;
            }
            self.happens(event);
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Act(side, p, to) => self.act(side, p, to),
            Event::Goes(p) => self.goes(p),
            Event::Returns(p) => self.returns(p),
            Event::Known(p) => self.becomes_known(p),
            Event::Turns(direction) => self.turns(direction),
            Event::Decides(decision) => self.decides(decision),
            Event::Instructs(p, to) => self.instructs(p, to),
            Event::Check => self.check(),
            Event::Continue => self.go_on(),
            Event::Message(cause) => self.arrives(cause, None),
            Event::Redelivery(cause, at) => self.arrives(cause, Some(at)),
            Event::Due(at) if self.link.due == Some(at) => self.arrives(Cause::Timer, None),
            Event::Confirm(at) if self.link.confirm == Some(at) => self.arrives(Cause::Timer, None),
            Event::Due(_) | Event::Confirm(_) => {}
        }
    }

    fn act(&mut self, side: Side, p: usize, to: Standing) {
        let was = self.world.is(p, side);
        if was == to || self.world.act(p, side, to, &mut self.rng, self.now).is_err() {
            return;
        }
        if to == Standing::Absent {
            self.removed_by_people.insert(p);
        }
        if self.direction == Direction::Microsoft && side == Side::Team {
            self.excused.insert(p);
        }
        if side == Side::Team {
            self.uncarried.remove(&p);
        }
        self.acts.push(Act { at: self.now, side, p, to, was, by: By::Person });
        self.say(format_args!("HUMAN {side} {p}: {was} -> {to}"));
        if side == Side::Team {
            self.hint(side, SECOND / 2, 5 * SECOND);
        } else {
            self.hint(side, SECOND, 20 * SECOND);
            self.hint(side, 0, LAG);
        }
    }

    fn goes(&mut self, p: usize) {
        self.say(format_args!("{:?}: {p} goes", self.config.trouble));
        self.away = Some((p, self.now, Ms::MAX));
        self.exists[p] = false;
        match self.config.trouble {
            Trouble::Restored => {
                self.world.delete_entra_user(p, &mut self.rng, self.now);
                self.hint(Side::Group, SECOND, 20 * SECOND);
            }
            Trouble::Rehired => {
                self.world.delete_webex_user(p);
                self.hint(Side::Team, SECOND, 20 * SECOND);
            }
            Trouble::None | Trouble::Cleared => {}
        }
        let known = self.now + self.rng.between(0, 2 * MINUTE);
        self.put(known, Event::Known(p));
    }

    fn returns(&mut self, p: usize) {
        self.say(format_args!("{:?}: {p} returns", self.config.trouble));
        self.exists[p] = true;
        match self.config.trouble {
            Trouble::Restored => self.world.restore_entra_user(&mut self.rng, self.now),
            Trouble::Rehired => {
                self.world.make_webex_user_anew();
                self.accounts[p] += u8::from(!self.misreads(Misreading::SamePersonAfterRehire));
            }
            Trouble::None | Trouble::Cleared => {}
        }
        let known = self.now + self.rng.between(SECOND, 5 * MINUTE);
        self.put(known, Event::Known(p));
    }

    fn becomes_known(&mut self, p: usize) {
        self.participation[p] = if self.exists[p] {
            self.away = self.away.map(|(p, from, _)| (p, from, self.now));
            self.put(self.now + SECOND, Event::Message(Cause::TeamHint));
            self.put(self.now + RECENT + SECOND, Event::Message(Cause::TeamHint));
            Participation::TakesPart { returned: Some(timestamp(self.now)) }
        } else {
            if self.misreads(Misreading::LeftOutForgotten) {
                self.link.stored.insert(person(p, self.accounts[p]), Memory::default());
            }
            Participation::LeftOut { reason: LeftOut::NotSynchronized }
        };
    }

    fn turns(&mut self, direction: Direction) {
        self.say(format_args!("DIRECTION {direction:?}"));
        if direction == Direction::Microsoft {
            let unsettled = |p: &usize| {
                let is_fresh = |act: &&Act| act.p == *p && self.now - act.at < RECENT + LAG;
                self.world.team[*p] != self.world.group(*p) || self.acts.iter().any(|act| is_fresh(&act))
            };
            let excused: Vec<usize> = (0..self.config.people).filter(unsettled).collect();
            self.excused.extend(excused);
        }
        self.direction = direction;
        self.put(self.now + SECOND, Event::Message(Cause::TeamHint));
    }

    fn decides(&mut self, decision: Decision) {
        for held in self.link.held.clone() {
            let (side, to) = match decision {
                Decision::Apply => (held.side.other(), Standing::Absent),
                Decision::Discard => (held.side, Standing::Member),
            };
            let p = number(held.person);
            self.say(format_args!("ADMIN {} removal of {p} from the {}", decision.verb(), held.side));
            self.acts.push(Act { at: self.now, side, p, to, was: Standing::Owner, by: By::Administrator });
            match decision {
                Decision::Apply => self.link.approved.insert(held),
                Decision::Discard => self.link.discarded.insert(held),
            };
        }
        self.put(self.now + SECOND, Event::Message(Cause::TeamHint));
    }
}

impl History<'_> {
    /// An administrator decides about somebody by name, and sees what was last known.
    fn instructs(&mut self, p: usize, to: Standing) {
        let takes_part = self.participation[p] == Participation::TakesPart { returned: None };
        let Some(memory) = self.link.stored.get_mut(&person(p, self.accounts[p])) else { return };
        let shown = memory.agreed;
        if memory.has_begun_instruction(timestamp(self.now))
            || self.holder.is_some()
            || self.now < self.link.leased
            || !takes_part
            || shown == Sides::each(|_| to)
        {
            return;
        }
        memory.instruction = Some(Instruction { to, shown, at: timestamp(self.now) });
        self.say(format_args!("ADMIN wants {p} to be {to}"));
        if to == Standing::Absent {
            self.removed_by_people.insert(p);
        }
        for side in Side::BOTH {
            let was = self.world.is(p, side);
            self.acts.push(Act { at: self.now, side, p, to, was, by: By::Administrator });
        }
        self.put(self.now + SECOND, Event::Message(Cause::TeamHint));
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
