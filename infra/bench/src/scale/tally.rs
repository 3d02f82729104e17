//! Usage of the services, compared with their limits.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use domain::clock::Clock;
use jiff::Timestamp;
use sandbox::local_stack::Backend;
use sim::{Call, Kind, Service, TenantHandle};
use uuid::Uuid;

/// A limit of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Webex: calls of one account.
    WebexAccount,
    /// Graph: writes in one directory.
    DirectoryWrites,
    /// Graph: writes in all directories.
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

/// Usage of the services in a span of simulated time.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Simulated seconds.
    pub seconds: i64,
    /// Seconds until the first write; 0 without one.
    pub idle: i64,
    /// Calls to Webex.
    pub webex: usize,
    /// Calls to Graph; a `$batch` is one.
    pub graph: usize,
    /// Write units, as Graph counts them.
    pub write_units: usize,
    /// 429 answers, those of `$batch` items included.
    pub throttled: usize,
    /// Maximum number of consecutive 429 answers of a service to one tenant.
    pub most_in_a_row: usize,
    /// Used share of each limit since the first write, of the tenant that used most.
    pub shares: [(Limit, f64); 3],
}

impl Usage {
    /// The most used limit, and its share.
    pub fn nearest(&self) -> (Limit, f64) {
        let [first, others @ ..] = self.shares;
        let larger = |nearest: (Limit, f64), one: (Limit, f64)| {
            if one.1 > nearest.1 { one } else { nearest }
        };
        others.into_iter().fold(first, larger)
    }
}

/// A counter of calls from a moment on.
pub(super) struct Tally<'a> {
    backend: &'a Backend,
    tenants: &'a [TenantHandle],
    began: Timestamp,
    first_write: Option<Timestamp>,
    units_before: Vec<usize>,
    counts: BTreeMap<(Service, Option<Uuid>), Counts>,
}

/// Calls to a service for one tenant.
#[derive(Default)]
struct Counts {
    calls: usize,
    throttled: usize,
    in_a_row: usize,
    most_in_a_row: usize,
}

impl Counts {
    fn add(&mut self, call: &Call) {
        let in_items = call.items.iter().filter(|item| item.status == 429).count();
        let throttled = in_items + usize::from(call.status == Some(429));
        self.calls += 1;
        self.throttled += throttled;
        self.in_a_row = if throttled == 0 { 0 } else { self.in_a_row + throttled };
        self.most_in_a_row = self.most_in_a_row.max(self.in_a_row);
    }
}

impl<'a> Tally<'a> {
    /// Starts counting; earlier calls are dropped.
    pub(super) fn begin(backend: &'a Backend, tenants: &'a [TenantHandle]) -> Self {
        backend.world.take_calls();
        let units = |tenant: &TenantHandle| backend.world.write_units(tenant.directory);
        Self {
            backend,
            tenants,
            began: backend.clock.now(),
            first_write: None,
            units_before: tenants.iter().map(units).collect(),
            counts: BTreeMap::new(),
        }
    }

    /// Simulated seconds since the start.
    pub(super) fn seconds(&self) -> i64 {
        self.backend.clock.now().duration_since(self.began).as_secs()
    }

    /// Counts the calls since the last time; returns those to Webex and Graph.
    pub(super) fn count(&mut self) -> usize {
        let calls = self.backend.world.take_calls();
        for call in &calls {
            self.counts.entry((call.service, call.owner)).or_default().add(call);
        }
        let is_write = |call: &&Call| call.service == Service::Graph && call.kind == Kind::Write;
        let first = calls.iter().find(is_write).map(|call| call.at);
        self.first_write = self.first_write.or(first);
        calls.iter().filter(|call| call.service != Service::Entra).count()
    }

    /// Counts the last calls; returns the usage.
    pub(super) fn end(mut self) -> Usage {
        self.count();
        let world = &self.backend.world;
        let units = self.tenants.iter().zip(&self.units_before);
        let units: Vec<usize> =
            units.map(|(tenant, before)| world.write_units(tenant.directory) - before).collect();
        let (seconds, write_units) = (self.seconds(), units.iter().sum());
        let idle = self.first_write.map_or(0, |at| at.duration_since(self.began).as_secs());
        let working = (seconds - idle).max(1) as f64;
        let share = |used: usize, per_second: f64| used as f64 / (per_second * working);
        let [in_one, in_all] = world.write_rates();
        let of_account = self.calls_to(Service::Webex).max().unwrap_or(0);
        let of_directory = units.iter().copied().max().unwrap_or(0);
        let in_a_row = self.counts.values().map(|counts| counts.most_in_a_row);
        Usage {
            seconds,
            idle,
            webex: self.calls_to(Service::Webex).sum(),
            graph: self.calls_to(Service::Graph).sum(),
            write_units,
            throttled: self.counts.values().map(|counts| counts.throttled).sum(),
            most_in_a_row: in_a_row.max().unwrap_or(0),
            shares: [
                (Limit::WebexAccount, share(of_account, world.call_rate())),
                (Limit::DirectoryWrites, share(of_directory, in_one)),
                (Limit::AllWrites, share(write_units, in_all)),
            ],
        }
    }

    /// The number of calls to a service, by tenant.
    fn calls_to(&self, service: Service) -> impl Iterator<Item = usize> {
        let counts = self.counts.iter().filter(move |((of, _), _)| *of == service);
        counts.map(|(_, counts)| counts.calls)
    }
}
