//! What Graph lets an app write: in one directory, and in all of them together.

use std::collections::VecDeque;

use domain::ids::DirectoryId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{App, error, missing};
use crate::wire::{Answer, Request};
use crate::world::{State, World};

/// How long a write counts against its directory's quota.
const WINDOW: SignedDuration = SignedDuration::from_secs(150);

/// How long it counts against the quota over all directories.
const WINDOW_OF_ALL: SignedDuration = SignedDuration::from_secs(300);

/// What was written, in write units.
#[derive(Clone, Default)]
pub(super) struct Written {
    lately: VecDeque<(Timestamp, usize)>,
    /// The sum of these.
    units: usize,
    ever: usize,
}

impl Written {
    /// How many seconds so many units have to wait; `None` if there is room for them now.
    fn wait(&mut self, units: usize, quota: usize, window: SignedDuration, now: Timestamp) -> Option<i64> {
        while let Some((_, gone)) = self.lately.pop_front_if(|(at, _)| *at + window <= now) {
            self.units -= gone;
        }
        let first = self.lately.front().map_or(now, |(at, _)| *at);
        (self.units + units > quota).then(|| (first + window).duration_since(now).as_secs() + 1)
    }

    fn count(&mut self, units: usize, now: Timestamp) {
        self.lately.push_back((now, units));
        self.units += units;
        self.ever += units;
    }
}

impl State {
    /// Counts a write against both quotas; binds of many people cost a third of a unit each.
    pub(super) fn charge(&mut self, app: &App, call: &Request) -> Result<(), Answer> {
        let body = call.json();
        let binds = ["members@odata.bind", "owners@odata.bind"].iter().filter_map(|key| body[key].as_array());
        let units = binds.map(Vec::len).sum::<usize>().div_ceil(3).max(1);
        let (now, microsoft) = (self.now, &mut self.microsoft);
        let (quota, all_quota) = (microsoft.settings.write_quota, microsoft.settings.all_write_quota);
        let directory = microsoft.directories.get_mut(&app.directory).ok_or_else(|| missing(app.directory))?;
        let own = directory.written.wait(units, quota, WINDOW, now).map(|wait| (wait, "Tenant_Application"));
        let all = microsoft.written.wait(units, all_quota, WINDOW_OF_ALL, now).map(|wait| (wait, "Application"));
        let Some((wait, scope)) = own.max(all) else {
            directory.written.count(units, now);
            microsoft.written.count(units, now);
            return Ok(());
        };
        let mut refusal = error(429, "TooManyRequests", "Please retry again later.");
        if let Some(body) = &mut refusal.body {
            body["error"]["innerError"] = json!({"code": "429", "status": "429", "message": "Please retry after"});
        }
        Err(refusal
            .with("Retry-After", wait.to_string())
            .with("x-ms-throttle-scope", format!("{scope}/Write/{}/{}", app.client_id, app.directory))
            .with("x-ms-throttle-information", "WriteLimitExceeded"))
    }
}

impl World {
    /// Write units a second that the quota of one directory comes to, and that over all of them.
    pub fn write_rates(&self) -> [f64; 2] {
        let settings = &self.lock().microsoft.settings;
        [
            settings.write_quota as f64 / WINDOW.as_secs_f64(),
            settings.all_write_quota as f64 / WINDOW_OF_ALL.as_secs_f64(),
        ]
    }

    /// Write units that the app was charged in a directory since the beginning.
    pub fn write_units(&self, directory: DirectoryId) -> usize {
        self.lock().microsoft.directories.get(&directory).map_or(0, |entry| entry.written.ever)
    }
}
