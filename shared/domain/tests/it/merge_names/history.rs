//! One history of a team's title and its group's display name.

use std::collections::BTreeMap;
use std::fmt::Arguments;

use domain::membership::Side;
use domain::merge::{Decoration, Direction, GroupName, NameReading, NameTerms, NameWrite, Names, Retry, TeamName};

use crate::merge_histories::{HOUR, LAG, MINUTE, Ms, Rng, SECOND, timestamp};

/// Display names are cut here.
const MOST: usize = 20;
const PREFIXES: [&str; 4] = ["", "GRP_", "X-", "ORG."];
const TITLES: [&str; 4] = ["Beta", "Gam#ma", "Delta project with a long name", "GRP_x"];

#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// Percentage of looks in which the function dies.
    pub(super) crash: u64,
    pub(super) misreading: Option<Misreading>,
}

/// How the rule is misread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misreading {
    /// Bare names are compared, by today's policy.
    BareNamesCompared,
    /// What we asked for is agreed, not what the service made of it.
    AskedIsAgreed,
    /// A name that the group had until now is not remembered.
    FormerForgotten,
    /// Nothing is stored before a rename.
    IntentNotStored,
    /// The name goes to the team as the group has it.
    RawToTheTeam,
    /// Only the policy in force is taken off.
    DecorationForgotten,
}

impl Misreading {
    pub(super) const ALL: [Self; 6] = [
        Self::BareNamesCompared,
        Self::AskedIsAgreed,
        Self::FormerForgotten,
        Self::IntentNotStored,
        Self::RawToTheTeam,
        Self::DecorationForgotten,
    ];
}

#[derive(Clone, Copy)]
enum Event {
    Team(&'static str),
    Group(&'static str),
    Policy(&'static str),
    /// Somebody adds a 2 to the group's name, as it stands.
    Amend,
    /// Somebody saves the group as it is, and the policy is applied.
    Edit,
    Look,
}

pub(super) struct Verdict {
    pub(super) bad: Option<&'static str>,
    pub(super) trace: Vec<String>,
}

struct Shown {
    at: Ms,
    name: String,
    lags: [Ms; 3],
}

struct History<'a> {
    config: &'a Config,
    rng: Rng,
    now: Ms,
    policy: &'static str,
    team: String,
    group: Vec<Shown>,
    names: Names,
    events: BTreeMap<(Ms, u64), Event>,
    count: u64,
    /// The last name that people gave, and where.
    last: Option<(Side, String)>,
    acts: usize,
    ours: usize,
    last_write: Option<NameWrite>,
    bad: Option<&'static str>,
    trace: Option<Vec<String>>,
}

pub(super) fn run(config: &Config, seed: u64, trace: Option<Vec<String>>) -> Verdict {
    let mut rng = Rng::new(seed);
    let policy = rng.pick(&["", "GRP_"]);
    let team = "Alpha".to_owned();
    let raw = service(policy, &team);
    let mut names = Names::at_creation(team.clone(), &team, raw.clone());
    if config.misreading == Some(Misreading::BareNamesCompared) {
        names = Names::at_creation(team.clone(), &team, team.clone());
    }
    let group = vec![Shown { at: Ms::MIN / 2, name: raw, lags: [0; 3] }];
    let mut history = History {
        config,
        rng,
        now: 0,
        policy,
        team,
        group,
        names,
        events: BTreeMap::new(),
        count: 0,
        last: None,
        acts: 0,
        ours: 0,
        last_write: None,
        bad: None,
        trace,
    };
    history.plan_events();
    while let Some(((at, _), event)) = history.events.pop_first() {
        history.now = at;
        history.happens(event);
    }
    history.judge();
    Verdict { bad: history.bad, trace: history.trace.unwrap_or_default() }
}

/// What the service makes of a display name.
fn service(policy: &str, name: &str) -> String {
    let filtered = name.replace('#', "");
    let decorated = if filtered.starts_with(policy) { filtered } else { format!("{policy}{filtered}") };
    decorated.chars().take(MOST).collect()
}

/// A name without any policy that there ever was.
fn core(name: &str) -> String {
    let mut rest = name.replace('#', "");
    while let Some(stripped) = PREFIXES[1..].iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = stripped.to_owned();
    }
    rest
}

impl History<'_> {
    fn put(&mut self, at: Ms, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    fn plan_events(&mut self) {
        let mut at = 0;
        for _ in 0..1 + self.rng.below(4) {
            at += self.rng.between(27 * MINUTE, 67 * MINUTE);
            let (title, prefix) = (self.rng.pick(&TITLES), self.rng.pick(&PREFIXES));
            let event = self.rng.pick(&[
                Event::Team(title),
                Event::Group(title),
                Event::Policy(prefix),
                Event::Amend,
                Event::Edit,
            ]);
            self.put(at, event);
            if !matches!(event, Event::Policy(_)) {
                for (low, high) in [(SECOND, 20 * SECOND), (0, LAG), (15 * MINUTE, 16 * MINUTE)] {
                    let look = at + self.rng.between(low, high);
                    self.put(look, Event::Look);
                }
            }
        }
        let end = at + HOUR;
        for _ in 0..20 {
            let look = self.rng.between(0, end);
            self.put(look, Event::Look);
        }
        for k in 0..4 {
            self.put(end + k * 17 * MINUTE, Event::Look);
        }
    }

    fn say(&mut self, what: Arguments<'_>) {
        let at = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:9.1} {what}", at as f64 / 1000.0));
        }
    }

    fn is_bad(&mut self, what: &'static str) {
        self.bad.get_or_insert(what);
        self.say(format_args!("!! {what}"));
    }

    fn raw(&self) -> &str {
        &self.group[self.group.len() - 1].name
    }

    fn name_group(&mut self, name: String) {
        let lags = [(); 3].map(|()| self.rng.between(0, LAG));
        self.group.push(Shown { at: self.now, name, lags });
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Team(title) if self.team != title => {
                self.say(format_args!("TEAM is called {title}"));
                self.team = title.into();
                self.acts += 1;
                self.last = Some((Side::Team, title.into()));
            }
            Event::Group(title) => self.rename_group(&service(self.policy, title)),
            Event::Amend => self.rename_group(&service(self.policy, &format!("{} 2", self.raw()))),
            Event::Policy(prefix) => {
                self.say(format_args!("POLICY is {prefix:?}"));
                self.policy = prefix;
            }
            Event::Edit => {
                let raw = service(self.policy, self.raw());
                // A name that is cut again is a new name.
                if raw != self.raw() && raw.len() < MOST {
                    self.say(format_args!("EDIT makes it {raw}"));
                    self.name_group(raw);
                }
            }
            Event::Look => self.look(),
            Event::Team(_) => {}
        }
    }

    fn rename_group(&mut self, raw: &str) {
        if raw != self.raw() {
            self.say(format_args!("GROUP is called {raw}"));
            self.acts += 1;
            self.last = Some((Side::Group, raw.to_owned()));
            self.name_group(raw.to_owned());
        }
    }

    fn read(&mut self) -> NameReading {
        let replica = self.rng.below(3);
        let shown = self.group.iter().rfind(|shown| shown.at + shown.lags[replica] <= self.now);
        let group = shown.map_or(String::new(), |shown| shown.name.clone());
        let group = if self.misreads(Misreading::BareNamesCompared) {
            group.strip_prefix(self.policy).unwrap_or(&group).to_owned()
        } else {
            group
        };
        NameReading { team: self.team.clone(), group }
    }

    fn misreads(&self, how: Misreading) -> bool {
        self.config.misreading == Some(how)
    }

    fn look(&mut self) {
        let read = self.read();
        let now = timestamp(self.now);
        let has_policy = !self.misreads(Misreading::BareNamesCompared) && !self.misreads(Misreading::RawToTheTeam);
        let policy = Decoration::required_by(if has_policy { self.policy } else { "" });
        let (direction, last_word, team) = (Direction::Both, Side::Group, TeamName::CanBeChanged);
        let terms = NameTerms { direction, last_word, team, policy, now, retry: Retry::Everything };
        let mut stored = self.names.clone();
        match self.config.misreading {
            Some(Misreading::FormerForgotten) => stored.former = None,
            Some(Misreading::DecorationForgotten | Misreading::RawToTheTeam) => {
                stored.decoration = Decoration::default()
            }
            _ => {}
        }
        let (names, write) = stored.compare(&read, &terms);
        if self.trace.is_some() {
            let raw = self.raw().to_owned();
            self.say(format_args!("look: team {}, group {} (in truth {raw}): {write:?}", read.team, read.group));
        }
        // 1: before the write, 2: after it, 3: never recorded.
        let dies = if self.rng.percent(self.config.crash) { 1 + self.rng.below(2) } else { 0 };
        let Some(write) = write else {
            self.names = names;
            self.schedule();
            return;
        };
        let names = names.intend(&write, now);
        if !self.misreads(Misreading::IntentNotStored) {
            self.names = names.clone();
        }
        if dies == 1 {
            self.say(format_args!("   CRASH before the write"));
            self.put(self.now + MINUTE, Event::Look);
            return;
        }
        self.now += self.rng.between(SECOND / 5, 2 * SECOND);
        self.write(&write);
        if dies == 2 {
            self.say(format_args!("   CRASH after the write"));
            self.put(self.now + MINUTE, Event::Look);
            return;
        }
        self.names = names.after(&write, timestamp(self.now));
        if let (true, NameWrite::Group(to)) = (self.misreads(Misreading::AskedIsAgreed), &write) {
            self.names.group = GroupName::Agreed(to.clone());
        }
        self.schedule();
    }

    fn schedule(&mut self) {
        if let Some(due) = self.names.due() {
            let due = due.as_millisecond() - timestamp(0).as_millisecond();
            if due > self.now {
                self.put(due, Event::Look);
            }
        }
    }

    fn write(&mut self, write: &NameWrite) {
        // A look that died repeats its write.
        let is_repeated = self.last_write.as_ref() == Some(write) && self.config.crash > 0;
        self.ours += usize::from(!is_repeated);
        self.last_write = Some(write.clone());
        match write {
            NameWrite::Team { title, .. } => {
                self.say(format_args!("   WE call the team {title}"));
                let is_decorated = PREFIXES[1..].iter().any(|prefix| title.starts_with(prefix));
                // That is how people named it.
                if is_decorated && !title.starts_with("GRP_x") {
                    self.is_bad("decorated name brought to the team");
                }
                self.team.clone_from(title);
            }
            NameWrite::Group(name) => {
                let raw = service(self.policy, name);
                self.say(format_args!("   WE call the group {raw}"));
                if raw != self.raw() {
                    self.name_group(raw);
                }
            }
        }
    }

    fn judge(&mut self) {
        if self.ours > self.acts {
            self.is_bad("more renames by us than by people");
        }
        if let Some((Side::Team, title)) = &self.last
            && *title != self.team
        {
            self.is_bad("the team's own new name overwritten");
        }
        let (team, group) = (core(&self.team), core(self.raw()));
        let is_cut = self.raw().len() >= MOST && team.starts_with(group.trim());
        if self.last.is_some() && team != group && !is_cut {
            self.is_bad("the names do not correspond");
        }
        if let Some((Side::Group, raw)) = &self.last
            && core(raw) != group
        {
            self.is_bad("the group's own new name overwritten");
        }
        if self.names.intent.is_some() || self.names.former.is_some() {
            self.is_bad("something is left open");
        }
    }
}
