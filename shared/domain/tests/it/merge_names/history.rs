//! One history of a team's title and its group's display name.

use std::collections::BTreeMap;
use std::fmt::Arguments;

use domain::membership::Side;
use domain::merge::{
    Decoration, Direction, GroupName, NameReading, NameState, NameTerms, NameWrite, Retry, TeamName,
};

use crate::merge_histories::{HOUR, LAG, MINUTE, Ms, Rng, SECOND, timestamp};

/// Maximum length of a display name.
const NAME_LIMIT: usize = 20;
const PREFIXES: [&str; 4] = ["", "GRP_", "X-", "ORG."];
const TITLES: [&str; 4] = ["Beta", "Gam#ma", "Delta project with a long name", "GRP_x"];

#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// Percentage of sync runs that crash.
    pub(super) crash: u64,
    /// Percentage of our renames of the group that are acknowledged and lost. With 100, for ever.
    pub(super) lost: u64,
    pub(super) misreading: Option<Misreading>,
}

/// Misreading of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misreading {
    /// Bare names are compared, by the current policy.
    BareNamesCompared,
    /// The requested name becomes the baseline, not the one that the service made of it.
    RequestedIsBaseline,
    /// The former name of the group is not stored.
    FormerNotStored,
    /// No intent is stored before a rename.
    IntentNotStored,
    /// The team gets the raw name of the group.
    RawNameToTeam,
    /// Only the current policy is removed from a name.
    OnlyCurrentPolicyRemoved,
    /// The old name, read again, is a rename by a person.
    LostIsAct,
    /// Lost renames are not counted.
    TriesDropped,
}

impl Misreading {
    pub(super) const ALL: [Self; 8] = [
        Self::BareNamesCompared,
        Self::RequestedIsBaseline,
        Self::FormerNotStored,
        Self::IntentNotStored,
        Self::RawNameToTeam,
        Self::OnlyCurrentPolicyRemoved,
        Self::LostIsAct,
        Self::TriesDropped,
    ];
}

#[derive(Clone, Copy)]
enum Event {
    Team(&'static str),
    Group(&'static str),
    Policy(&'static str),
    /// A person appends a 2 to the group's name.
    Amend,
    /// A person saves the group unchanged, and the policy applies.
    Edit,
    Sync(Retry),
}

pub(super) struct Verdict {
    pub(super) bad: Option<&'static str>,
    pub(super) trace: Vec<String>,
}

struct NameAt {
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
    group: Vec<NameAt>,
    names: NameState,
    events: BTreeMap<(Ms, u64), Event>,
    count: u64,
    /// Last name given by people, with its side.
    last: Option<(Side, String)>,
    acts: usize,
    ours: usize,
    /// Renames of the group that were acknowledged and lost.
    lost: usize,
    /// Time after which only what is lost for ever is lost.
    calm: Ms,
    /// `true` if a person renamed a side while our rename was unconfirmed.
    is_crossed: bool,
    last_write: Option<NameWrite>,
    bad: Option<&'static str>,
    trace: Option<Vec<String>>,
}

pub(super) fn run(config: &Config, seed: u64, trace: Option<Vec<String>>) -> Verdict {
    let mut rng = Rng::new(seed);
    let policy = rng.pick(&["", "GRP_"]);
    let team = "Alpha".to_owned();
    let raw = service(policy, &team);
    let mut names = NameState::at_creation(team.clone(), &team, raw.clone());
    if config.misreading == Some(Misreading::BareNamesCompared) {
        names = NameState::at_creation(team.clone(), &team, team.clone());
    }
    let group = vec![NameAt { at: Ms::MIN / 2, name: raw, lags: [0; 3] }];
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
        lost: 0,
        calm: 0,
        is_crossed: false,
        last_write: None,
        bad: None,
        trace,
    };
    history.plan_events();
    while let Some(((at, _), event)) = history.events.pop_first() {
        history.now = at;
        if at > history.calm + 24 * HOUR {
            history.report("sync runs never end");
            break;
        }
        history.handle(event);
    }
    history.judge();
    Verdict { bad: history.bad, trace: history.trace.unwrap_or_default() }
}

/// Returns the name that the service makes of a requested one.
fn service(policy: &str, name: &str) -> String {
    let filtered = name.replace('#', "");
    let decorated =
        if filtered.starts_with(policy) { filtered } else { format!("{policy}{filtered}") };
    decorated.chars().take(NAME_LIMIT).collect()
}

/// Returns a name without any policy of the history.
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
                    let sync = at + self.rng.between(low, high);
                    self.put(sync, Event::Sync(Retry::OwnRules));
                }
            }
        }
        let end = at + HOUR;
        self.calm = end;
        for _ in 0..20 {
            let sync = self.rng.between(0, end);
            self.put(sync, Event::Sync(Retry::OwnRules));
        }
        for k in 0..4 {
            self.put(end + k * 17 * MINUTE, Event::Sync(Retry::Everything));
        }
    }

    fn log(&mut self, what: Arguments<'_>) {
        let at = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:9.1} {what}", at as f64 / 1000.0));
        }
    }

    fn report(&mut self, what: &'static str) {
        self.bad.get_or_insert(what);
        self.log(format_args!("!! {what}"));
    }

    fn raw(&self) -> &str {
        &self.group[self.group.len() - 1].name
    }

    fn name_group(&mut self, name: String) {
        let lags = [(); 3].map(|()| self.rng.between(0, LAG));
        self.group.push(NameAt { at: self.now, name, lags });
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Team(title) if self.team != title => {
                self.log(format_args!("TEAM is called {title}"));
                self.is_crossed |= matches!(self.names.group, GroupName::Ours(_));
                self.team = title.into();
                self.acts += 1;
                self.last = Some((Side::Team, title.into()));
            }
            Event::Group(title) => self.rename_group(&service(self.policy, title)),
            Event::Amend => self.rename_group(&service(self.policy, &format!("{} 2", self.raw()))),
            Event::Policy(prefix) => {
                self.log(format_args!("POLICY is {prefix:?}"));
                self.policy = prefix;
            }
            Event::Edit => {
                let raw = service(self.policy, self.raw());
                // A name that is truncated again is a new name.
                if raw != self.raw() && raw.len() < NAME_LIMIT {
                    self.log(format_args!("EDIT makes it {raw}"));
                    self.is_crossed |= matches!(self.names.group, GroupName::Ours(_));
                    self.name_group(raw);
                }
            }
            Event::Sync(retry) => self.sync(retry),
            Event::Team(_) => {}
        }
    }

    fn rename_group(&mut self, raw: &str) {
        if raw != self.raw() {
            self.log(format_args!("GROUP is called {raw}"));
            self.is_crossed |= matches!(self.names.group, GroupName::Ours(_));
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

    fn sync(&mut self, retry: Retry) {
        let read = self.read();
        let now = timestamp(self.now);
        let has_policy = !self.misreads(Misreading::BareNamesCompared)
            && !self.misreads(Misreading::RawNameToTeam);
        let policy = Decoration::required_by(if has_policy { self.policy } else { "" });
        let (direction, last_word, team) = (Direction::Both, Side::Group, TeamName::CanBeChanged);
        let terms = NameTerms { direction, last_word, team, policy, now, retry };
        let mut stored = self.names.clone();
        match self.config.misreading {
            Some(Misreading::FormerNotStored) => stored.former = None,
            Some(Misreading::TriesDropped) => stored.lost = stored.lost.min(1),
            Some(Misreading::LostIsAct) => {
                if let GroupName::Ours(ours) = &mut stored.group {
                    ours.before.clear();
                }
            }
            Some(Misreading::OnlyCurrentPolicyRemoved | Misreading::RawNameToTeam) => {
                stored.decoration = Decoration::default()
            }
            _ => {}
        }
        let (names, write) = stored.compare(&read, &terms);
        if self.trace.is_some() {
            let raw = self.raw().to_owned();
            self.log(format_args!(
                "sync run: team {}, group {} (actual {raw}): {write:?}",
                read.team, read.group
            ));
        }
        // 1: before the write, 2: after it.
        let crash = if self.rng.percent(self.config.crash) { 1 + self.rng.below(2) } else { 0 };
        let Some(write) = write else {
            self.names = names;
            self.schedule();
            return;
        };
        let names = names.intend(&write, now);
        if !self.misreads(Misreading::IntentNotStored) {
            self.names = names.clone();
        }
        if crash == 1 {
            self.log(format_args!("   CRASH before the write"));
            self.put(self.now + MINUTE, Event::Sync(retry));
            return;
        }
        self.now += self.rng.between(SECOND / 5, 2 * SECOND);
        self.write(&write);
        if crash == 2 {
            self.log(format_args!("   CRASH after the write"));
            self.put(self.now + MINUTE, Event::Sync(retry));
            return;
        }
        self.names = names.after(&write, timestamp(self.now));
        if let (true, NameWrite::Group(to)) =
            (self.misreads(Misreading::RequestedIsBaseline), &write)
        {
            self.names.group = GroupName::Baseline(to.clone());
        }
        self.schedule();
    }

    fn schedule(&mut self) {
        let check = self.names.check_at(timestamp(self.now));
        for due in self.names.due().into_iter().chain(check) {
            let due = due.as_millisecond() - timestamp(0).as_millisecond();
            let is_planned = self.events.range((due, 0)..(due + 1, 0)).next().is_some();
            if due > self.now && !is_planned {
                self.put(due, Event::Sync(Retry::OwnRules));
            }
        }
    }

    fn write(&mut self, write: &NameWrite) {
        // A crashed run repeats its write.
        let is_repeated = self.last_write.as_ref() == Some(write) && self.config.crash > 0;
        self.ours += usize::from(!is_repeated);
        self.last_write = Some(write.clone());
        match write {
            NameWrite::Team { title, .. } => {
                self.log(format_args!("   WRITE the team {title}"));
                if self.loses_write() {
                    self.log(format_args!("   acknowledged and lost"));
                    return;
                }
                let is_decorated = PREFIXES[1..].iter().any(|prefix| title.starts_with(prefix));
                // People chose this name.
                let is_crossed = self.is_crossed;
                if is_decorated && !title.starts_with("GRP_x") && !is_crossed {
                    self.report("the team got a decorated name");
                }
                self.team.clone_from(title);
            }
            NameWrite::Group(name) => {
                let raw = service(self.policy, name);
                if self.loses_write() {
                    self.log(format_args!("   acknowledged and lost: the group {raw}"));
                    return;
                }
                self.log(format_args!("   WRITE the group {raw}"));
                if raw == self.raw() {
                    // The service makes the old name of it, as if the rename was lost.
                    self.lost += usize::from(!is_repeated);
                } else {
                    self.name_group(raw);
                }
            }
        }
    }

    fn loses_write(&mut self) -> bool {
        let is_calm = self.now > self.calm && self.config.lost < 100;
        let is_lost = !is_calm && self.rng.percent(self.config.lost);
        self.lost += usize::from(is_lost);
        is_lost
    }

    fn judge(&mut self) {
        // Three tries for each act and for one stale name, and one for each daily run at the end.
        if self.lost > 3 * (self.acts + 1) + 4 {
            self.report("renames without end");
        }
        if self.ours > self.acts + self.lost {
            self.report("more renames by sync than by people");
        }
        if let Some((Side::Team, title)) = &self.last
            && *title != self.team
        {
            self.report("the team's own new name overwritten");
        }
        let (team, group) = (core(&self.team), core(self.raw()));
        let is_cut = self.raw().len() >= NAME_LIMIT && team.starts_with(group.trim());
        let is_crossed = self.is_crossed;
        let is_reported = is_crossed
            || self.config.lost > 0 && self.names.deferred.is_some()
            || matches!(self.names.group, GroupName::Ours(_));
        if self.last.is_some() && team != group && !is_cut && !is_reported {
            self.report("the names do not correspond");
        }
        if let Some((Side::Group, raw)) = &self.last
            && core(raw) != group
        {
            self.report("the group's own new name overwritten");
        }
        let is_for_ever = self.config.lost == 100;
        if !is_for_ever && (self.names.intent.is_some() || self.names.former.is_some()) {
            self.report("an intent or former name is left");
        }
    }
}
