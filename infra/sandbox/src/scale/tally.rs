//! What the services were asked while something was done, held against what they allow.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use domain::clock::Clock;
use jiff::Timestamp;
use uuid::Uuid;

use crate::house::Ground;
use crate::{Call, Kind, Service, TenantHandle};

/// What a service allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Webex's calls of one account.
    WebexAccount,
    /// Graph's writes in one directory.
    DirectoryWrites,
    /// Graph's writes in all directories.
    AllWrites,
}

impl Display for Limit {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::WebexAccount => "Webex's calls of an account",
            Self::DirectoryWrites => "Graph's writes in a directory",
            Self::AllWrites => "Graph's writes in all directories",
        })
    }
}

/// What something took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Simulated seconds.
    pub seconds: i64,
    /// After how many of them the first write came, or 0 if there was none.
    pub idle: i64,
    /// Calls of Webex.
    pub webex: usize,
    /// Calls of Graph; a `$batch` is one.
    pub graph: usize,
    /// Writes as Graph counts them.
    pub write_units: usize,
    /// Answers of 429, of items in a `$batch` too.
    pub throttled: usize,
    /// The most of them that a service gave one tenant one after the other.
    pub most_in_a_row: usize,
    /// How much was used of what each limit allows from the first write on; of those that are each tenant's own, by the tenant that used most.
    pub shares: [(Limit, f64); 3],
}

impl Taken {
    /// The limit of which most was used, and the share.
    pub fn nearest(&self) -> (Limit, f64) {
        let [first, others @ ..] = self.shares;
        others.into_iter().fold(first, |nearest, one| if one.1 > nearest.1 { one } else { nearest })
    }
}

/// Counts from a moment on.
pub(super) struct Tally<'a> {
    ground: &'a Ground,
    tenants: &'a [TenantHandle],
    began: Timestamp,
    first_write: Option<Timestamp>,
    units_before: Vec<usize>,
    asked: BTreeMap<(Service, Option<Uuid>), Asked>,
}

/// What a service was asked for one tenant.
#[derive(Default)]
struct Asked {
    calls: usize,
    throttled: usize,
    in_a_row: usize,
    most_in_a_row: usize,
}

impl Asked {
    fn count(&mut self, call: &Call) {
        let of_items = call.items.iter().filter(|item| item.status == 429).count();
        let throttled = of_items + usize::from(call.status == Some(429));
        self.calls += 1;
        self.throttled += throttled;
        self.in_a_row = if throttled == 0 { 0 } else { self.in_a_row + throttled };
        self.most_in_a_row = self.most_in_a_row.max(self.in_a_row);
    }
}

impl<'a> Tally<'a> {
    /// Begins now; what was called before is forgotten.
    pub(super) fn begin(ground: &'a Ground, tenants: &'a [TenantHandle]) -> Self {
        ground.world.take_calls();
        let units_before = tenants.iter().map(|tenant| ground.world.write_units(tenant.directory)).collect();
        let began = ground.clock.now();
        Self { ground, tenants, began, first_write: None, units_before, asked: BTreeMap::new() }
    }

    /// Seconds since the beginning.
    pub(super) fn seconds(&self) -> i64 {
        self.ground.clock.now().duration_since(self.began).as_secs()
    }

    /// Counts what was called since the last time, and says how many calls of Webex and Graph those were.
    pub(super) fn count(&mut self) -> usize {
        let calls = self.ground.world.take_calls();
        for call in &calls {
            self.asked.entry((call.service, call.owner)).or_default().count(call);
        }
        let writes = |call: &&Call| call.service == Service::Graph && call.kind == Kind::Write;
        self.first_write = self.first_write.or_else(|| calls.iter().find(writes).map(|call| call.at));
        calls.iter().filter(|call| call.service != Service::Entra).count()
    }

    /// What it comes to.
    pub(super) fn end(mut self) -> Taken {
        self.count();
        let world = &self.ground.world;
        let of = |service| self.asked.iter().filter(move |((of, _), _)| *of == service).map(|(_, asked)| asked.calls);
        let units = self.tenants.iter().zip(&self.units_before);
        let units: Vec<usize> = units.map(|(tenant, before)| world.write_units(tenant.directory) - before).collect();
        let (seconds, write_units) = (self.seconds(), units.iter().sum());
        let idle = self.first_write.map_or(0, |at| at.duration_since(self.began).as_secs());
        let share = |used: usize, per_second: f64| used as f64 / (per_second * (seconds - idle).max(1) as f64);
        let [in_one, in_all] = world.write_rates();
        let (of_webex, of_directory) =
            (of(Service::Webex).max().unwrap_or(0), units.iter().copied().max().unwrap_or(0));
        Taken {
            seconds,
            idle,
            webex: of(Service::Webex).sum(),
            graph: of(Service::Graph).sum(),
            write_units,
            throttled: self.asked.values().map(|asked| asked.throttled).sum(),
            most_in_a_row: self.asked.values().map(|asked| asked.most_in_a_row).max().unwrap_or(0),
            shares: [
                (Limit::WebexAccount, share(of_webex, world.call_rate())),
                (Limit::DirectoryWrites, share(of_directory, in_one)),
                (Limit::AllWrites, share(write_units, in_all)),
            ],
        }
    }
}
